//! Hosts of the receiving site.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// Networks of hosts that relay mail inside the site, and whose Received fields are trusted: the MX in front of a mail
/// store, a filter, a load balancer. [`Arrival`](crate::Arrival) skips them. Empty by default.
///
/// ```
/// use waxseal::Relays;
/// let relays = "private".parse::<Relays>()?.with("192.0.2.8/29".parse()?);
/// assert!(relays.contains("10.1.2.3".parse()?) && relays.contains("192.0.2.9".parse()?));
/// assert!(!relays.contains("192.0.2.1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relays {
    networks: Vec<Network>,
}

/// Why a text does not name relays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidRelays(#[from] Fault);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Fault {
    /// There is no address before the slash.
    #[error("{0:?} is not an address, a network such as 192.0.2.0/24, or the word private")]
    Address(String),
    #[error("the prefix length of {0:?} is not a number from 0 to {1}")]
    PrefixLength(String, u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    /// In bits.
    prefix_length: u8,
}

impl Network {
    const fn v4(a: u8, b: u8, prefix_length: u8) -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::new(a, b, 0, 0)), prefix_length }
    }

    pub(super) fn contains(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix_length)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix_length)
            }
            _ => false,
        }
    }
}

impl Relays {
    /// The meaning of the word `private`: RFC 1918, RFC 6598 and RFC 4193.
    pub(super) const PRIVATE: [Network; 5] = [
        Network::v4(10, 0, 8),
        Network::v4(172, 16, 12),
        Network::v4(192, 168, 16),
        Network::v4(100, 64, 10),
        Network { address: IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), prefix_length: 7 },
    ];

    /// The private networks of RFC 1918, RFC 4193 and RFC 6598.
    pub fn private() -> Self {
        Self { networks: Self::PRIVATE.to_vec() }
    }

    /// Adds other relays to these.
    #[must_use]
    pub fn with(mut self, others: Self) -> Self {
        self.networks.extend(others.networks);
        self
    }

    /// Whether it is the address of a relay.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }
}

/// An address (`192.0.2.1`), a network (`2001:db8::/32`; bits after the prefix are ignored), or the word `private`.
impl FromStr for Relays {
    type Err = InvalidRelays;

    fn from_str(text: &str) -> Result<Self, InvalidRelays> {
        if text.eq_ignore_ascii_case("private") {
            return Ok(Self::private());
        }
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| Fault::Address(text.into()))?;
        let max = if address.is_ipv4() { 32 } else { 128 };
        let prefix_length = match length {
            None => Some(max),
            Some(length) => length.parse().ok().filter(|length| *length <= max),
        };
        let prefix_length = prefix_length.ok_or_else(|| Fault::PrefixLength(text.into(), max))?;
        Ok(Self { networks: vec![Network { address, prefix_length }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(relays: &str, address: &str) -> bool {
        relays.parse::<Relays>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn networks_end_where_their_prefix_says() {
        for (relays, address, expected) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.77/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.0/24", "::ffff:192.0.2.9", true),
            ("0.0.0.0/0", "203.0.113.1", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("::/0", "2001:db8::1", true),
        ] {
            assert_eq!(contains(relays, address), expected, "{relays} {address}");
        }
    }

    #[test]
    fn private_is_rfc1918_rfc4193_and_rfc6598() {
        for address in
            ["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.1", "100.64.0.0"]
        {
            assert!(contains("private", address), "{address}");
        }
        assert!(contains("PRIVATE", "100.127.255.255") && contains("private", "fd00::1"));
        for address in
            ["9.255.255.255", "11.0.0.0", "172.15.0.1", "172.32.0.0", "192.169.0.0", "100.128.0.0", "fe80::1"]
        {
            assert!(!contains("private", address), "{address}");
        }
    }

    #[test]
    fn what_names_no_network_is_refused() {
        let error = |text: &str| text.parse::<Relays>().unwrap_err();
        assert_eq!(error("mx.example.net"), InvalidRelays(Fault::Address("mx.example.net".into())));
        assert_eq!(error(""), InvalidRelays(Fault::Address("".into())));
        for (text, max) in [("10.0.0.0/33", 32), ("10.0.0.0/", 32), ("10.0.0.0/x", 32), ("::/129", 128)] {
            assert_eq!(error(text), Fault::PrefixLength(text.into(), max).into());
        }
    }
}
