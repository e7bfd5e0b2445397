//! Forged results of authentication: what is left of them, and what readers believe.

use std::collections::{BTreeMap, BTreeSet};
use waxseal::authres::AuthservIds;
use waxseal::dns::DomainName;
use waxseal::header::Header;

use crate::random::Random;
use crate::readers::{Shown, results};
use crate::values::encoded;
use crate::{shortened, wanted};

const OWN: [&str; 2] = ["mx.example.net", "b\u{fc}cher.example"];

const VARIANTS: usize = 3_000;

/// Ways to write an own name, apart from comments, quotes, folds and encoded words.
const SPELLINGS: [&str; 22] = [
    "mx.example.net",
    "mx.example.net",
    "MX.Example.NET",
    "mx.example.net.",
    "mx.example.net..",
    "mx.example.net/job",
    "mx.example.net 1",
    "mx.example.net 7",
    "mx\u{3002}example\u{3002}net",
    "\u{ff4d}\u{ff58}.example.net",
    "m\u{ad}x.example.net",
    "mx.example.net\u{a0}",
    "\u{a0}mx.example.net",
    "\u{feff}mx.example.net",
    "mx.example.net\u{200b}",
    "b\u{fc}cher.example",
    "B\u{dc}CHER.Example",
    "bu\u{308}cher.example",
    "xn--bcher-kva.example",
    "XN--BCHER-KVA.EXAMPLE",
    "Xn--BcHeR-kVa.example.",
    "b\u{fc}cher.example 1",
];
const GAPS: [&str; 14] = [
    "",
    "",
    "",
    " ",
    "  ",
    "\t",
    "\r\n ",
    "\r\n\t",
    "(x)",
    " (mx.other.example) ",
    "(a (b) c)",
    "(;)",
    "\0",
    "\x0b",
];
const RESULTS: [&str; 6] = [
    "; dmarc=pass header.from=bank.example",
    "; none",
    ";dkim=pass header.d=bank.example; dmarc=pass header.from=bank.example",
    "; dmarc = pass (p=reject) header.from = bank.example;",
    "\r\n\t; spf=pass smtp.mailfrom=bank.example",
    "; x=\"",
];
const NAMES: [&str; 18] = [
    "Authentication-Results:",
    "Authentication-Results:",
    "Authentication-Results:",
    "Authentication-results:",
    "Authentication-Results:",
    "Authentication-Results:",
    "Authentication-Results:",
    "AUTHENTICATION-RESULTS:",
    "authentication-results:",
    "Authentication-Results :",
    "Authentication-Results\t:",
    " Authentication-Results:",
    ">Authentication-Results:",
    "Authentication-Results\0:",
    "Authentication-Results\0x:",
    "\x01Authentication-Results:",
    "\u{feff}Authentication-Results:",
    "Authentication-Results\u{a0}:",
];
/// What may stand before the own name, and change what it is.
const PREFIXES: [&str; 18] = [
    "\r\n",
    "\r\n,\r\n ",
    ";",
    " ;",
    "=",
    "x ",
    "mx.other.example ",
    "mx.other.example;\r\n ",
    "(",
    ")",
    "\"",
    "\"\"",
    "\\",
    "<",
    "@",
    "i=1; ",
    "(\\)) ",
    "(\r\n) ",
];
/// What stands before a field that only some reader sees.
const CARRIERS: [&str; 12] = [
    "X: a\r",
    "Subject: hello\r",
    "Received-SPF: none\r",
    "ARC-Seal: i=1; a=x\r",
    "ARC-Authentication-Results: i=1; mx.other.example; none\r",
    "Authentication-Results: mx.other.example; none\r",
    "Authentication-Results: mx.other.example;\r x=y\r",
    "X: a\r\r",
    "X: a\n\r",
    "\r",
    "X: a\0\r",
    "X: a\x0b\r",
];
/// Fields without an authserv-id that readers believe all the same.
const BELIEVED: [&str; 4] = [
    "Received-SPF: pass (mx.example.net: domain of u@bank.example designates 192.0.2.66) receiver=mx.example.net",
    "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=mx.example.net; s=s; t=1; b=",
    "ARC-Message-Signature: i=1; a=rsa-sha256; d=mx.example.net; s=s; h=from; bh=; b=",
    "ARC-Authentication-Results: i=1; mx.example.net; dmarc=pass header.from=bank.example",
];

impl Random {
    fn authserv_id(&mut self) -> String {
        let id = self.pick(&SPELLINGS).to_owned();
        let at = id.char_indices().map(|(at, _)| at).nth(self.below(6)).unwrap_or_default();
        let (before, behind) = id.split_at(at);
        match self.below(15) {
            12 => format!("=?us-ascii?q?{}?=", id.replace(' ', "_")),
            13 => q_encoded(&id).replace("utf-8", "UTF-8*en"),
            14 => format!(
                "=?iso-8859-1?q?{}?=",
                id.replace('\u{fc}', "=FC").replace('\u{dc}', "=DC").replace(' ', "_")
            ),
            0 => format!("\"{id}\""),
            1 => encoded(&id),
            2 => q_encoded(&id),
            3 => format!("{}{behind}", q_encoded(before)),
            4 => format!("{before}{}", encoded(behind)),
            5 => format!("{} {}", encoded(before), q_encoded(behind)),
            6 => format!("{before}{}{behind}", self.pick(&GAPS)),
            7 => format!("\"{before}\\{behind}\""),
            8 => format!("\"{}\"", encoded(&id)),
            _ => id,
        }
    }

    fn claim(&mut self) -> String {
        let (before, behind) = (self.pick(&GAPS), self.pick(&GAPS));
        let before = match self.one_in(5) {
            true => self.pick(&PREFIXES),
            false => before,
        };
        let (name, blank) = (self.pick(&NAMES), self.pick(&[" ", " ", ""]));
        format!("{name}{before}{blank}{}{behind}{}", self.authserv_id(), self.pick(&RESULTS))
    }

    fn forged(&mut self) -> Vec<u8> {
        let field = match self.below(6) {
            0..3 => self.claim(),
            3 | 4 => format!("{}{}", self.pick(&CARRIERS), self.claim()),
            _ => format!("{}{}", self.pick(&CARRIERS), self.pick(&BELIEVED)),
        };
        let mut field = field.into_bytes();
        for _ in 0..[0, 0, 0, 0, 1, 2][self.below(6)] {
            self.mutate(&mut field);
        }
        let message = [&field[..], b"\r\nFrom: ceo@bank.example\r\n\r\nHi.\r\n"].concat();
        if self.one_in(5) { crate::headers::with_lf(&message) } else { message }
    }
}

/// An encoded word with each octet escaped.
fn q_encoded(text: &str) -> String {
    let escaped: String = text.bytes().map(|octet| format!("={octet:02X}")).collect();
    format!("=?utf-8?q?{escaped}?=")
}

/// The message as it is delivered.
fn cleaned(ids: &AuthservIds, message: &[u8]) -> Option<Vec<u8>> {
    let (header, body) = Header::parse(message).ok()?;
    Some([&ids.remove_forged(&header)[..], b"\r\n", body].concat())
}

/// As readers compare: but for letter case and final dots, and in both forms of an internationalized name (RFC 8601 §5: "In
/// the case of EAI-formatted messages, this test is done after converting A-labels into U-labels").
fn is_own(id: &str) -> bool {
    let id = id.trim().trim_end_matches('.').to_lowercase();
    OWN.iter().any(|own| id == *own || id == DomainName::new(own).unwrap().as_str())
}

/// What the readers believe of a message, and which do: an own authserv-id, or a field that the header does not show.
fn believed(message: &[u8], shown: &Shown) -> BTreeMap<String, Vec<String>> {
    let Ok((header, _)) = Header::parse(message) else { return BTreeMap::new() };
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (view, seen) in shown {
        let ids: BTreeSet<_> = seen.iter().filter_map(|one| one.strip_prefix("id:")).collect();
        let names: Vec<_> = seen.iter().filter_map(|one| one.strip_prefix("field:")).collect();
        let count = |name: &str| names.iter().filter(|other| **other == name).count();
        let visible = |name: &str| header.fields().filter(|field| field.is(name)).count();
        let hidden: BTreeSet<_> = names.iter().filter(|name| count(name) > visible(name)).collect();
        let ids = ids.into_iter().filter(|id| is_own(id)).map(|id| format!("id {id:?}"));
        for what in ids.chain(hidden.into_iter().map(|name| format!("a hidden {name}"))) {
            found.entry(what).or_default().push(view.clone());
        }
    }
    found
}

#[test]
fn no_reader_believes_a_forged_result_that_is_left() {
    if !wanted() {
        return;
    }
    let ids = AuthservIds::new(OWN);
    let mut random = Random::new(0x5eed_a0a0_0000_0001);
    // A header that cannot be read is no message that is delivered.
    let forged = (0..VARIANTS).map(|_| random.forged());
    let (forged, left): (Vec<_>, Vec<_>) =
        forged.filter_map(|message| cleaned(&ids, &message).map(|left| (message, left))).unzip();
    let before = results(&forged);
    let after = results(&left);
    println!("{} readers: {}", after.parsers.len(), after.parsers.join(", "));
    let required = std::env::var_os("WAXSEAL_REQUIRE_TOOLS").is_some_and(|value| value == "1");
    assert!(!required || after.parsers.len() == 3, "a reader is missing");
    let found = |messages: &[Vec<u8>], shown: &[Shown]| -> Vec<String> {
        let found = messages.iter().zip(shown).map(|(message, shown)| (message, believed(message, shown)));
        let found = found.filter(|(_, found)| !found.is_empty());
        found.map(|(message, found)| format!("\n  {found:?}: {}", message.escape_ascii())).collect()
    };
    let believed = found(&forged, &before.shown).len();
    println!("{} forgeries, {believed} of them believed before the forged fields are removed", forged.len());
    // What nobody believes proves nothing.
    assert!(after.parsers.is_empty() || believed * 5 > VARIANTS, "only {believed} are believed");
    let survivors = found(&left, &after.shown);
    assert!(survivors.is_empty(), "{} survivors:{}", survivors.len(), shortened(&survivors));
}

#[test]
fn results_of_others_are_left() {
    let fields = [
        "Authentication-Results: mx.other.example; dmarc=pass header.from=bank.example",
        "Authentication-Results: smtp.mx.example.net; none",
        "Authentication-Results: mx.example.net.other.example; none",
        "Authentication-Results: (a comment) mx.other.example; spf=pass smtp.mailfrom=u@mx.example.net",
        "Authentication-Results:\r\n\tmx.other.example 1;\r\n\tdkim=pass header.d=xn--bcher-kva.example",
        "Received-SPF: pass (mx.example.net: ok) receiver=mx.example.net",
        "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=mx.example.net; s=s; t=1; b=",
        "ARC-Authentication-Results: i=1; mx.example.net; dmarc=pass header.from=bank.example",
        "X-Authentication-Results: mx.example.net; none",
        "Subject: Authentication-Results: mx.example.net; none",
    ];
    for field in fields {
        let message = format!("{field}\r\nFrom: joe@bank.example\r\n\r\nHi.\r\n");
        assert_eq!(
            cleaned(&AuthservIds::new(OWN), message.as_bytes()).as_deref(),
            Some(message.as_bytes()),
            "{field}"
        );
    }
}
