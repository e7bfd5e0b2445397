//! The domains that one reading shows.

use super::cursor::is_blank;
use crate::{address::UNICODE_DOTS, author::limits::MAX_ADDRESSES};
use std::collections::HashSet;

/// How many distinct domains are kept of one reading: one over the [limit on addresses](crate::Authors::MAX_ADDRESSES),
/// so that a truncated list never agrees with the authors.
const MAX_DOMAINS: usize = MAX_ADDRESSES + 1;

/// The domains that a reading shows, each with the local-part of the first address in it.
#[derive(Debug, Default)]
pub(in crate::author) struct Shown {
    addresses: Vec<(Vec<u8>, Vec<u8>)>,
    domains: HashSet<Vec<u8>>,
    truncated: bool,
}

impl Shown {
    /// Adds an address that the program keeps as two parts. What it takes for the domain can hold more than a domain,
    /// and people see each name in it.
    pub(in crate::author) fn add(&mut self, local_part: &[u8], domain: &[u8]) {
        if let Some(literal) = domain.trim_ascii_start().strip_prefix(b"[") {
            // An address literal counts, too; programs differ in how they show its end.
            let end = literal.iter().position(|c| *c == b']').unwrap_or(literal.len());
            let literal = literal.get(..end).unwrap_or_default();
            return self.insert(local_part, [b"[", literal, b"]"].concat());
        }
        let is_end = |c: &u8| *c <= b' ' || b"<>()[]@,;:\"\\|".contains(c);
        for name in domain.split(is_end).map(without_marks).filter_map(another_domain) {
            self.insert(local_part, name);
        }
        // Some remove the blanks next to dots before they show it.
        if domain.iter().any(|c| is_blank(*c)) {
            for name in joined(domain).split(is_end).map(without_marks).filter_map(another_domain) {
                self.insert(local_part, name);
            }
        }
    }

    fn insert(&mut self, local_part: &[u8], domain: Vec<u8>) {
        if self.domains.contains(&domain) {
            return;
        }
        if self.domains.len() >= MAX_DOMAINS {
            self.truncated = true;
            return;
        }
        self.domains.insert(domain.clone());
        self.addresses.push((local_part.to_vec(), domain));
    }

    /// Adds an address that the program shows as one text: people see the domain behind the last at sign.
    pub(super) fn add_text(&mut self, text: &[u8]) {
        if let Some(at) = memchr::memrchr(b'@', text) {
            self.add(text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
        }
    }

    /// The same for programs that leave several at signs unquoted: some people see the domain behind the first.
    pub(super) fn add_doubtful(&mut self, text: &[u8]) {
        if let Some(at) = memchr::memchr(b'@', text) {
            let domain = text.get(at + 1..).unwrap_or_default();
            let end = memchr::memchr(b'@', domain).unwrap_or(domain.len());
            self.add(text.get(..at).unwrap_or_default(), domain.get(..end).unwrap_or_default());
        }
        self.add_text(text);
    }

    /// Local-parts and domains; the domains are distinct and in lower case.
    pub(in crate::author) fn addresses(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.addresses.iter().map(|(local_part, domain)| (&**local_part, &**domain))
    }

    pub(in crate::author) fn shows(&self, domain: &[u8]) -> bool {
        self.domains.contains(domain)
    }

    /// Whether there were more domains than were kept.
    pub(in crate::author) fn is_truncated(&self) -> bool {
        self.truncated
    }
}

/// The name without quotation marks around it: people read `'joe@example.org'` as example.org, though many programs
/// take the final mark for a part of the domain.
fn without_marks(name: &[u8]) -> &[u8] {
    let is_named = |c: &u8| !c.is_ascii_punctuation() || b".-_".contains(c);
    let start = name.iter().position(is_named).unwrap_or(name.len());
    let end = name.iter().rposition(is_named).map_or(start, |last| last + 1);
    name.get(start..end).unwrap_or_default()
}

/// The domain in lower case. Only names of two labels or more count: `Dinner @ Eight` and the placeholders of programs
/// that found no domain (`MISSING_DOMAIN`, `.SYNTAX-ERROR.`) are not.
pub(in crate::author) fn another_domain(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b".").unwrap_or(text);
    has_two_labels(text).then(|| text.to_ascii_lowercase())
}

fn has_two_labels(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let is_dot = |c: char| c == '.' || UNICODE_DOTS.contains(&c);
    text.split(is_dot).filter(|label| !label.is_empty()).count() > 1
}

/// The text without the blanks next to at signs and dots.
pub(super) fn joined(text: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut blank = false;
    for octet in text.iter().copied() {
        if is_blank(octet) {
            blank = true;
            continue;
        }
        let joins = |c: u8| matches!(c, b'@' | b'.');
        if blank && !joins(octet) && !out.last().is_none_or(|last| joins(*last)) {
            out.push(b' ');
        }
        blank = false;
        out.push(octet);
    }
    out
}
