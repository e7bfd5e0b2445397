//! What the index finds is what reading the table line by line finds.
#![expect(clippy::indexing_slicing, reason = "the helpers of tests are tests")]

use proptest::prelude::*;
use waxseal_tables::{Form, HostList, KeyTable, SigningTable, Table};

/// `*` by trying every place.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|at| matches(rest, &text[at..])),
        Some((byte, rest)) => text
            .split_first()
            .is_some_and(|(first, text)| first.eq_ignore_ascii_case(byte) && matches(rest, text)),
    }
}

fn lines_of(table: &SigningTable, address: &str) -> Vec<usize> {
    table.lookup(address).map(|found| found.iter().map(|entry| entry.line()).collect()).unwrap_or_default()
}

/// Few letters, so that much matches.
fn pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        "[abA*.@]{1,7}",
        "\\*@[ab]{1,2}(\\.[ab*])?",
        "\\*(@\\*)?\\.[ab]{1,2}",
        "[ab]@[ab](\\.[ab]){0,2}"
    ]
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof!["[abB.*@]{0,4}@[abB.]{1,6}", "[ab]@[ab](\\.[ab]){0,3}"]
}

proptest! {
    #[test]
    fn a_refile_is_read_from_top_to_bottom(patterns in prop::collection::vec(pattern(), 0..12), addresses in prop::collection::vec(address(), 1..8)) {
        let text: String = patterns.iter().map(|pattern| format!("{pattern} k\n")).collect();
        let table = SigningTable::from_bytes(Form::Refile, text.as_bytes()).unwrap();
        for address in addresses {
            let naive: Vec<_> = (1..).zip(&patterns).filter(|(_, p)| matches(p.as_bytes(), address.as_bytes())).map(|(line, _)| line).collect();
            prop_assert_eq!(lines_of(&table, &address), naive, "{}", address);
        }
    }

    #[test]
    fn exact_keys_are_read_in_the_order_of_precedence(keys in prop::collection::vec("[ab]?@?\\*?\\.?[ab](\\.[ab]){0,2}|[ab]@\\*|\\*", 0..12), user in "[abA]", host in "[abA](\\.[ab]){0,3}") {
        let text: String = keys.iter().map(|key| format!("{key} k\n")).collect();
        let table = SigningTable::from_bytes(Form::File, text.as_bytes()).unwrap();
        let mut tried = vec![format!("{user}@{host}"), host.clone()];
        for (dot, _) in host.match_indices('.') {
            tried.extend([format!("{user}@{}", &host[dot..]), host[dot..].to_owned()]);
        }
        tried.extend([format!("{user}@*"), "*".to_owned()]);
        let first = |tried: &String| keys.iter().position(|key| key.eq_ignore_ascii_case(tried)).map(|at| at + 1);
        let naive: Vec<_> = tried.iter().filter_map(first).collect();
        prop_assert_eq!(lines_of(&table, &format!("{user}@{host}")), naive);
    }

    #[test]
    fn an_address_is_in_the_longest_prefix(entries in prop::collection::vec((0u8..2, 0u8..4, 0u8..=32, any::<bool>()), 0..10), host in 0u8..4) {
        let address = u32::from_be_bytes([10, 0, host, 1]);
        let mask = |length: u8| u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
        let mut text = String::new();
        let mut best: Option<(u8, bool)> = None;
        for (kind, network, length, excludes) in entries {
            let network = u32::from_be_bytes([10, 0, network, kind]) & mask(length);
            text += &format!("{}{}/{length}\n", if excludes { "!" } else { "" }, std::net::Ipv4Addr::from_bits(network));
            if address & mask(length) == network {
                // The exclusion wins among alike, the longer among others.
                let new = (length, !excludes);
                best = best.map_or(Some(new), |old| Some(if old.0 == length { (length, old.1 && new.1) } else { old.max(new) }));
            }
        }
        let list = HostList::from_bytes(Form::File, text.as_bytes()).unwrap();
        let found = list.lookup_address(std::net::Ipv4Addr::from_bits(address).into());
        prop_assert_eq!(found.map(|entry| entry.is_included()), best.map(|(_, included)| included), "{}", text);
    }

    #[test]
    fn any_bytes_are_a_table(text in prop::collection::vec(any::<u8>(), 0..400), query in ".{0,60}") {
        for form in [Form::File, Form::Refile, Form::List] {
            let keys = KeyTable::from_bytes(form, &text).unwrap();
            let _ = (keys.get(&query, &query), keys.iter().count());
            let signing = SigningTable::from_bytes(form, &text).unwrap();
            prop_assert!(signing.lookup(&query).map_or(true, |found| !found.is_empty()));
            let hosts = HostList::from_bytes(form, &text).unwrap();
            hosts.contains(Some(&query), None);
            let table = Table::from_bytes(form, &text).unwrap();
            for entry in table.iter().filter(|entry| entry.key().len() < 100) {
                // Each key of exact keys is found, if not itself then one alike before it.
                prop_assert!(form == Form::Refile || table.get(entry.key()).is_some_and(|found| found.line() <= entry.line()));
            }
        }
    }
}
