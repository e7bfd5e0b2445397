//! Addresses and networks of host lists.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Network {
    Host(IpAddr),
    Prefix(IpAddr, u8),
}

impl Network {
    /// The network of this length that the address is in.
    pub(crate) fn around(address: IpAddr, length: u8) -> Option<Self> {
        let shift = |width: u32| width.checked_sub(u32::from(length));
        let network = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(shift(32)?).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(shift(128)?).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        };
        Some(Self::Prefix(network, length))
    }

    /// Whether it is of IPv6, and the length of its prefix.
    pub(crate) fn family_and_length(self) -> Option<(bool, u8)> {
        match self {
            Self::Host(_) => None,
            Self::Prefix(address, length) => Some((address.is_ipv6(), length)),
        }
    }
}

/// An address or a network. `Err`: it has bits behind its prefix; the network that it is in.
pub(crate) fn read(text: &str) -> Option<Result<Network, String>> {
    let Some((address, length)) = text.split_once('/') else {
        return address_of(text).map(|address| Ok(Network::Host(address)));
    };
    let address = address_of(address)?;
    if !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let length: u8 = length.parse().ok()?;
    match Network::around(address, length)? {
        Network::Prefix(network, _) if network != address => Some(Err(format!("{network}/{length}"))),
        network => Some(Ok(network)),
    }
}

fn address_of(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    bare.unwrap_or(text).parse().ok()
}
