//! The SPF record among the TXT records of a domain (RFC 7208 §4.5), and texts that were meant to be one.

use crate::parse;
use bytes::Bytes;
use std::fmt;
use waxseal_dns::Record;

/// The SPF record among the TXT records of a domain.
///
/// RFC 7208 §4.5: "Starting with the set of records that were returned by the lookup, discard records that do not begin with
/// a version section of exactly "v=spf1"." - "If the resultant record set includes no records, check_host() produces the
/// "none" result. If the resultant record set includes more than one record, check_host() produces the "permerror" result."
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selected<'a> {
    None,
    One(&'a Bytes),
    Several(usize),
}

impl<'a> Selected<'a> {
    pub(crate) fn among(records: &'a [Record]) -> Self {
        let mut selected = texts(records).filter(|text| parse::is_spf1(text));
        match (selected.next(), selected.count()) {
            (None, _) => Self::None,
            (Some(text), 0) => Self::One(text),
            (Some(_), more) => Self::Several(more + 1),
        }
    }
}

/// The texts that were probably meant as SPF records.
pub(crate) fn near_misses(records: &[Record]) -> impl Iterator<Item = NearMiss> {
    texts(records).filter_map(NearMiss::of)
}

fn texts(records: &[Record]) -> impl Iterator<Item = &Bytes> {
    records.iter().filter_map(|record| match record {
        Record::Txt(text) => Some(text),
        _ => None,
    })
}

/// A text that receivers ignore because it does not begin with `v=spf1` and a space (RFC 7208 §4.5), though its publisher
/// meant an SPF record.
///
/// `Display` is one line of ASCII: the text, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    text: Bytes,
    advice: &'static str,
}

impl NearMiss {
    /// The most bytes shown of the text.
    const SHOWN: usize = 100;

    /// `None` for an SPF record and for an unrelated text.
    fn of(text: &Bytes) -> Option<Self> {
        if parse::is_spf1(text) {
            return None;
        }
        meant(text).map(|advice| Self { text: text.clone(), advice })
    }

    /// The text as published.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    pub(crate) fn start(&self) -> &[u8] {
        self.text.get(..Self::SHOWN).unwrap_or(&self.text)
    }

    /// Advice, as an imperative: `put a space behind v=spf1`.
    pub(crate) fn advice(&self) -> &'static str {
        self.advice
    }
}

impl fmt::Display for NearMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.start().len() < self.text.len() { "..." } else { "" };
        write!(f, "{}{more}: {}", self.start().escape_ascii(), self.advice)
    }
}

/// Advice about a text that was meant as an SPF record; `None` if it was not.
pub(crate) fn meant(text: &[u8]) -> Option<&'static str> {
    match version_at(text) {
        Some((b"", behind)) => Some(behind_version(behind)),
        Some((front, _)) => Some(in_front_of_version(front)),
        None => is_misspelled(text).then_some("begin it with v=spf1 and a space"),
    }
}

/// The text before the first `v=spf1`, and after it.
fn version_at(text: &[u8]) -> Option<(&[u8], &[u8])> {
    const VERSION: &[u8] = b"v=spf1";
    let at =
        beginning(text).windows(VERSION.len()).position(|window| window.eq_ignore_ascii_case(VERSION))?;
    let (front, rest) = text.split_at_checked(at)?;
    Some((front, rest.get(VERSION.len()..)?))
}

/// The part of a text that is examined.
fn beginning(text: &[u8]) -> &[u8] {
    text.get(..255).unwrap_or(text)
}

fn behind_version(behind: &[u8]) -> &'static str {
    match behind.first() {
        Some(b';' | b',') => "put a space behind v=spf1; nothing but spaces stands between terms",
        Some(b'\t') => "put a space, not a tab, behind v=spf1",
        Some(b'\\' | b'"') => "remove the backslashes and quotes, which only zone files need",
        Some(b'0'..=b'9' | b'.') => "begin it with v=spf1 and a space; there is no other version",
        _ => "put a space behind v=spf1",
    }
}

fn in_front_of_version(front: &[u8]) -> &'static str {
    let has = |signs: &[u8]| front.iter().any(|octet| signs.contains(octet));
    if front.ends_with(b"\"") && front.iter().any(u8::is_ascii_alphanumeric) {
        "give the text alone, without the name, the type and the quotes of a zone file"
    } else if has(b"\"'`\\") {
        "remove the quotes, which only zone files need"
    } else if has(b" \t") && front.trim_ascii().is_empty() {
        "remove the blank in front"
    } else {
        "remove what stands in front of v=spf1"
    }
}

/// Whether it begins with a misspelled `v=spf1`: with other characters between, swapped letters, or without `v=`.
fn is_misspelled(text: &[u8]) -> bool {
    const STARTS: [&[u8]; 7] = [b"vspf", b"vsfp", b"vpsf", b"vfsp", b"vsp1", b"vsf1", b"vpf1"];
    let text = beginning(text);
    let letters = text.iter().filter(|octet| octet.is_ascii_alphanumeric()).take(4);
    let letters: Vec<u8> = letters.map(u8::to_ascii_lowercase).collect();
    let word = text.split(|octet| !octet.is_ascii_alphanumeric()).find(|word| !word.is_empty());
    STARTS.contains(&&*letters) || word.is_some_and(|word| word.eq_ignore_ascii_case(b"spf1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_have_advice() {
        for (text, advice) in [
            ("v=spf1;", "put a space behind v=spf1; nothing but"),
            ("v=spf1; ip4:192.0.2.1; -all", "put a space behind v=spf1; nothing but"),
            ("v=spf1,ip4:192.0.2.1", "put a space behind v=spf1; nothing but"),
            ("v=spf1-all", "put a space behind v=spf1"),
            ("v=spf1ip4:192.0.2.1 -all", "put a space behind v=spf1"),
            ("v=spf1\tip4:192.0.2.1", "put a space, not a tab,"),
            ("v=spf1\\; -all", "remove the backslashes and quotes"),
            ("v=spf1\" \"-all", "remove the backslashes and quotes"),
            ("V=SPF1\u{a0}-all", "put a space behind v=spf1"),
            ("v=spf10 -all", "begin it with v=spf1 and a space; there is no other version"),
            ("v=spf1.0 -all", "begin it with v=spf1 and a space; there is no other version"),
            (" v=spf1 -all", "remove the blank in front"),
            ("\t V=spf1 -all", "remove the blank in front"),
            ("\u{feff}v=spf1 -all", "remove what stands in front"),
            ("\u{a0}v=spf1 -all", "remove what stands in front"),
            ("spf=v=spf1 -all", "remove what stands in front"),
            ("TXT v=spf1 -all", "remove what stands in front"),
            ("\"v=spf1 -all\"", "remove the quotes"),
            ("\\\"v=spf1 -all\\\"", "remove the quotes"),
            ("'v=spf1 -all'", "remove the quotes"),
            ("SPF \"v=spf1 -all\"", "give the text alone"),
            ("example.org. IN TXT ( \"v=spf1 -all\" )", "give the text alone"),
            ("v=spf 1 -all", "begin it with v=spf1 and a space"),
            ("v = spf1 -all", "begin it with v=spf1 and a space"),
            ("v:spf1 -all", "begin it with v=spf1 and a space"),
            ("v=spf-1 -all", "begin it with v=spf1 and a space"),
            ("v=spf ip4:192.0.2.1", "begin it with v=spf1 and a space"),
            ("v=spf2.0/pra -all", "begin it with v=spf1 and a space"),
            ("v=sfp1 -all", "begin it with v=spf1 and a space"),
            ("\"v= spf1 -all\"", "begin it with v=spf1 and a space"),
            ("spf1 -all", "begin it with v=spf1 and a space"),
            ("SPF1; -all", "begin it with v=spf1 and a space"),
        ] {
            let near = NearMiss::of(&Bytes::copy_from_slice(text.as_bytes())).map(|near| near.advice);
            assert!(near.is_some_and(|near| near.starts_with(advice)), "{text}: {near:?}");
        }
    }

    #[test]
    fn records_and_texts_of_other_purposes_are_none() {
        for text in [
            "v=spf1",
            "V=sPf1 -all",
            "v=spf1 moo",
            "",
            "v=DMARC1; p=none",
            "v=DKIM1; p=",
            "v=STSv1; id=1",
            // Sender ID (RFC 4406) is another record.
            "spf2.0/mfrom,pra -all",
            "google-site-verification=spf1",
            "spf1a=2",
            "MS=ms1",
        ] {
            assert_eq!(NearMiss::of(&Bytes::copy_from_slice(text.as_bytes())), None, "{text}");
        }
        let far = "x".repeat(300) + "v=spf1 -all";
        assert_eq!(NearMiss::of(&far.into()), None);
    }

    #[test]
    fn what_is_shown_is_short_and_ascii() {
        let text = format!("v=spf1;\u{1b}\u{202e}\"{}", "x".repeat(1000));
        let shown = NearMiss::of(&Bytes::from(text)).map(|near| near.to_string()).unwrap_or_default();
        assert!(shown.starts_with("v=spf1;\\x1b") && shown.is_ascii() && shown.len() < 250, "{shown}");
    }
}
