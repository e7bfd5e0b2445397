//! Arithmetic on networks.

use crate::record::{Mechanism, Term};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Range,
};

/// The first `length` bits.
pub(crate) fn mask4(address: Ipv4Addr, length: u8) -> u32 {
    address.to_bits() & u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
}

/// The first `length` bits.
pub(crate) fn mask6(address: Ipv6Addr, length: u8) -> u128 {
    address.to_bits() & u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
}

/// Drops networks that are part of others, and merges halves.
pub(crate) fn merge(mut networks: Vec<(u128, u8)>, width: u8) -> Vec<(u128, u8)> {
    networks.sort_unstable();
    let size = |length: u8| 1_u128.checked_shl(u32::from(width - length)).unwrap_or(0);
    let mut merged: Vec<(u128, u8)> = Vec::new();
    for (bits, length) in networks {
        // Sorted by address, then larger ones first: only the last one can contain this one.
        let inside = |(outer, outer_length): &(u128, u8)| {
            *outer_length <= length && bits.wrapping_sub(*outer) <= size(*outer_length).wrapping_sub(1)
        };
        if merged.last().is_some_and(inside) {
            continue;
        }
        let (mut bits, mut length) = (bits, length);
        while let Some((other, other_length)) = merged.last().copied() {
            if length == 0 || other_length != length || other ^ bits != size(length) {
                break;
            }
            merged.pop();
            (bits, length) = (other, length - 1);
        }
        merged.push((bits, length));
    }
    merged
}

/// For each term, the larger network that contains it. Networks are nested or disjoint, so a sweep in the order of
/// their first addresses, larger ones first, finds it: it is the last network that reaches this far.
pub(crate) fn overlaps(terms: &[(Range<usize>, Term)]) -> Vec<Option<String>> {
    let mut networks: Vec<(u8, u128, u128, usize)> = terms
        .iter()
        .enumerate()
        .filter_map(|(index, (_, term))| match term {
            Term::Directive(_, Mechanism::Ip(network)) => match network.address() {
                IpAddr::V4(address) => {
                    let first = u128::from(mask4(address, network.length()));
                    Some((4, first, first + (u128::from(u32::MAX) >> network.length()), index))
                }
                IpAddr::V6(address) => {
                    let first = mask6(address, network.length());
                    let size = u128::MAX.checked_shr(network.length().into()).unwrap_or(0);
                    Some((6, first, first + size, index))
                }
            },
            _ => None,
        })
        .collect();
    networks
        .sort_by_key(|(version, first, last, index)| (*version, *first, std::cmp::Reverse(*last), *index));
    let mut held = vec![None; terms.len()];
    let mut outer: Option<(u8, u128, usize)> = None;
    for (version, _, last, index) in networks {
        match outer {
            Some((outer_version, outer_last, outer_index))
                if outer_version == version && last <= outer_last =>
            {
                let name = terms.get(outer_index).map(|(_, term)| term.to_string());
                if let Some(slot) = held.get_mut(index) {
                    *slot = name;
                }
            }
            _ => outer = Some((version, last, index)),
        }
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_merge() {
        let bits = |text: &str| u128::from(text.parse::<Ipv4Addr>().unwrap().to_bits());
        let merged = merge(
            vec![
                (bits("192.0.2.128"), 25),
                (bits("192.0.2.0"), 26),
                (bits("192.0.2.64"), 26),
                (bits("192.0.2.7"), 32),
                (bits("198.51.100.1"), 32),
                (bits("198.51.100.2"), 32),
            ],
            32,
        );
        assert_eq!(merged, [(bits("192.0.2.0"), 24), (bits("198.51.100.1"), 32), (bits("198.51.100.2"), 32)]);
        assert_eq!(merge(vec![(0, 1), (1 << 31, 1)], 32), [(0, 0)]);
        assert_eq!(merge(vec![(0, 1), (1 << 127, 1), (5, 128)], 128), [(0, 0)]);
        assert_eq!(merge(vec![(0, 0), (u128::MAX, 128)], 128), [(0, 0)]);
    }
}
