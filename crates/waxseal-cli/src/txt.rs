//! The text of TXT records as zone files write it.

use waxseal::dns::zone_text;

/// As `opendkim-genkey` cuts: some web forms count the quotes among the 255 bytes of RFC 1035 §3.3.
const STRING: usize = 250;

/// `text` in pieces that fit into the strings of a TXT record; none when it is empty.
pub(crate) fn strings(text: &str) -> impl Iterator<Item = String> {
    let mut rest = text;
    std::iter::from_fn(move || {
        // A character may have several bytes.
        let end = (1..=STRING.min(rest.len())).rev().find(|end| rest.is_char_boundary(*end))?;
        let (string, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(string.to_owned())
    })
}

/// In quotes.
pub(crate) fn quoted(string: &str) -> String {
    zone_text(string.as_bytes())
}

/// One after the other, in quotes.
pub(crate) fn all_quoted(strings: &[String]) -> String {
    strings.iter().map(|string| quoted(string)).collect::<Vec<_>>().join(" ")
}
