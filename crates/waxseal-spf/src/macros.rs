//! Macros (RFC 7208 §7): syntax and expansion.

use crate::syntax_error::SyntaxErrorKind;
use std::{
    io::Write,
    net::{IpAddr, Ipv6Addr},
};
use waxseal_dns::{DomainName, InvalidDomainName};

/// A set of macro letters, and whether there is any macro.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Letters(u32);

impl Letters {
    /// RFC 7208 §7.3: results that depend on one of these cannot be cached by domain and address alone.
    pub(crate) const SENDER: Self = Self(bit(b's') | bit(b'l') | bit(b'o') | bit(b'h'));
    /// RFC 8616 §4: "terms that include %{s} or %{l} do not match anything" for a non-ASCII local-part.
    pub(crate) const LOCAL_PART: Self = Self(bit(b's') | bit(b'l'));
    /// The validated domain name, which costs lookups.
    pub(crate) const VALIDATED: Self = Self(bit(b'p'));

    /// The current domain.
    pub(crate) const DOMAIN: Self = Self(bit(b'd'));
    /// What changes when a term is moved to another domain: `%{p}` prefers names of the current domain.
    pub(crate) const PER_DOMAIN: Self = Self(bit(b'd') | bit(b'p'));
    /// Any `%` at all: without one, the text is its expansion.
    const PERCENT: Self = Self(1);

    pub(crate) fn is_literal(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn any_of(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is no other letter.
    pub(crate) fn only(self, other: Self) -> bool {
        self.0 & !(other.0 | Self::PERCENT.0) == 0
    }

    pub(crate) fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

const fn bit(lower_letter: u8) -> u32 {
    1 << (lower_letter & 31)
}

/// The result of [`scan`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Found {
    pub(crate) letters: Letters,
    /// Where the literal text after the last macro begins; 0 without any macro.
    pub(crate) literal_from: usize,
    /// Where the scan ended.
    pub(crate) length: usize,
}

/// Checks that `text` is a macro-string up to its end or a space, or with `explaining` an explain-string up to its end
/// (RFC 7208 §7.1).
#[inline]
pub(crate) fn scan(text: &[u8], explaining: bool) -> Result<Found, SyntaxErrorKind> {
    let mut found = Found::default();
    let mut rest = text;
    // RFC 7208 §7.1: macro-literal = %x21-24 / %x26-7E
    let other = |c: &u8| !matches!(c, 0x21..=0x24 | 0x26..=0x7e);
    while let Some(at) = rest.iter().position(other) {
        let (c, after) = rest.get(at..).and_then(<[u8]>::split_first).unwrap_or((&b' ', b""));
        rest = match c {
            b'%' => {
                let after = note_macro(after, explaining, &mut found.letters)?;
                found.literal_from = text.len() - after.len();
                after
            }
            b' ' if explaining => after,
            b' ' => {
                found.length = text.len() - after.len() - 1;
                return Ok(found);
            }
            _ => return Err(SyntaxErrorKind::Octet),
        };
    }
    found.length = text.len();
    Ok(found)
}

fn note_macro<'a>(
    after: &'a [u8],
    explaining: bool,
    letters: &mut Letters,
) -> Result<&'a [u8], SyntaxErrorKind> {
    let (piece, after) = percent(after)?;
    letters.insert(Letters::PERCENT);
    if let Piece::Macro(Macro { letter, .. }) = piece {
        // RFC 7208 §7.2: "allowed only in "exp" text": c, r and t.
        if !explaining && matches!(letter, b'c' | b'r' | b't') {
            return Err(SyntaxErrorKind::ExplainOnlyMacro);
        }
        letters.insert(Letters(bit(letter)));
    }
    Ok(after)
}

#[derive(Debug, Clone, Copy)]
enum Piece<'a> {
    Literal(&'a [u8]),
    Macro(Macro<'a>),
}

#[derive(Debug, Clone, Copy)]
struct Macro<'a> {
    /// In lower case.
    letter: u8,
    /// RFC 7208 §7.3: "Uppercase macros expand exactly as their lowercase equivalents, and are then URL escaped."
    escape: bool,
    /// Right-hand parts to keep; 0 for all.
    keep: u16,
    reverse: bool,
    delimiters: &'a [u8],
}

/// Reads what follows a `%`.
fn percent(after: &[u8]) -> Result<(Piece<'_>, &[u8]), SyntaxErrorKind> {
    let invalid = SyntaxErrorKind::Macro;
    let (&c, rest) = after.split_first().ok_or(invalid)?;
    match c {
        b'%' => Ok((Piece::Literal(b"%"), rest)),
        b'_' => Ok((Piece::Literal(b" "), rest)),
        b'-' => Ok((Piece::Literal(b"%20"), rest)),
        b'{' => {
            let close = rest.iter().position(|&c| c == b'}').ok_or(invalid)?;
            let (inside, after) = rest.split_at_checked(close).ok_or(invalid)?;
            let expand = braces(inside).ok_or(invalid)?;
            Ok((Piece::Macro(expand), after.strip_prefix(b"}").unwrap_or(after)))
        }
        _ => Err(invalid),
    }
}

/// macro-letter *DIGIT [ "r" ] *delimiter
fn braces(inside: &[u8]) -> Option<Macro<'_>> {
    let (&letter, mut rest) = inside.split_first()?;
    let escape = letter.is_ascii_uppercase();
    let letter = letter.to_ascii_lowercase();
    if !b"slodiphcrtv".contains(&letter) {
        return None;
    }
    let mut keep = None;
    while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
        let value: u16 = keep.unwrap_or(0);
        keep = Some(value.saturating_mul(10).saturating_add(u16::from(digit - b'0')));
        rest = after;
    }
    // RFC 7208 §7.3: "If a DIGIT is specified, the value MUST be nonzero."
    if keep == Some(0) {
        return None;
    }
    let reverse = matches!(rest.first(), Some(b'r' | b'R'));
    let delimiters = if reverse { rest.get(1..)? } else { rest };
    let legal = |c: &u8| matches!(c, b'.' | b'-' | b'+' | b',' | b'/' | b'_' | b'=');
    delimiters.iter().all(legal).then_some(Macro {
        letter,
        escape,
        keep: keep.unwrap_or(0),
        reverse,
        delimiters,
    })
}

/// The values of the macro letters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) ip: IpAddr,
    /// `local-part@domain`, and where the `@` stands.
    pub(crate) sender: &'a [u8],
    pub(crate) at: usize,
    pub(crate) helo: &'a [u8],
    pub(crate) domain: &'a DomainName,
    pub(crate) validated: Option<&'a DomainName>,
    pub(crate) receiver: &'a str,
    pub(crate) now: u64,
}

/// A text over the limit, see [`Limits::with_max_macro_bytes`](crate::Limits::with_max_macro_bytes).
#[derive(Debug)]
pub(crate) struct OverBudget;

/// Expands `text` to the name of a query.
pub(crate) fn expand_name(
    text: &[u8],
    values: &Values<'_>,
    budget: &mut usize,
) -> Result<Result<DomainName, InvalidDomainName>, OverBudget> {
    let mut name = Tail::default();
    expand(text, values, &mut name, budget)?;
    Ok(DomainName::lenient(name.fitted()))
}

/// Expands an explain-string, keeping `limit` octets.
pub(crate) fn expand_text(
    text: &[u8],
    values: &Values<'_>,
    limit: usize,
    budget: &mut usize,
) -> Result<String, OverBudget> {
    let mut head = Head { text: String::new(), limit };
    expand(text, values, &mut head, budget)?;
    Ok(head.text)
}

trait Sink {
    fn push(&mut self, octets: &[u8]);
}

fn expand(
    text: &[u8],
    values: &Values<'_>,
    out: &mut impl Sink,
    budget: &mut usize,
) -> Result<(), OverBudget> {
    let mut scratch = [0; 64];
    let mut rest = text;
    while let Some(&c) = rest.first() {
        if c != b'%' {
            let end = rest.iter().position(|&c| c == b'%').unwrap_or(rest.len());
            let (literal, after) = rest.split_at_checked(end).unwrap_or((rest, b""));
            *budget = budget.checked_sub(literal.len()).ok_or(OverBudget)?;
            out.push(literal);
            rest = after;
            continue;
        }
        // The syntax was validated, so there is no error; one would end the expansion.
        let Ok((piece, after)) = percent(rest.get(1..).unwrap_or_default()) else { break };
        rest = after;
        match piece {
            Piece::Literal(octets) => out.push(octets),
            Piece::Macro(expand) => {
                let value = value(expand.letter, values, &mut scratch);
                *budget = budget.checked_sub(value.len() + 1).ok_or(OverBudget)?;
                transform(&expand, value, out);
            }
        }
    }
    Ok(())
}

/// RFC 7208 §7.2
fn value<'a>(letter: u8, values: &Values<'a>, scratch: &'a mut [u8; 64]) -> &'a [u8] {
    match letter {
        b's' => values.sender,
        b'l' => values.sender.get(..values.at).unwrap_or_default(),
        b'o' => values.sender.get(values.at + 1..).unwrap_or_default(),
        b'd' => values.domain.as_str().as_bytes(),
        b'i' => match values.ip {
            IpAddr::V4(ip) => print(scratch, format_args!("{ip}")),
            IpAddr::V6(ip) => nibbles(ip, scratch),
        },
        // RFC 7208 §7.3: "If there are no validated domain names or if a DNS error occurs, the string "unknown""
        b'p' => values.validated.map_or(&b"unknown"[..], |name| name.as_str().as_bytes()),
        b'v' => match values.ip {
            IpAddr::V4(_) => b"in-addr",
            IpAddr::V6(_) => b"ip6",
        },
        b'h' => values.helo,
        b'c' => print(scratch, format_args!("{}", values.ip)),
        b'r' => values.receiver.as_bytes(),
        b't' => print(scratch, format_args!("{}", values.now)),
        _ => b"",
    }
}

fn print<'a>(scratch: &'a mut [u8; 64], text: std::fmt::Arguments<'_>) -> &'a [u8] {
    let mut room = &mut scratch[..];
    // Addresses and numbers fit; otherwise the text would be truncated.
    let _ = room.write_fmt(text);
    let left = room.len();
    scratch.get(..scratch.len() - left).unwrap_or_default()
}

/// RFC 7208 §7.3: "For IPv6 addresses, the "i" macro expands to a dot-format address".
fn nibbles(ip: Ipv6Addr, scratch: &mut [u8; 64]) -> &[u8] {
    let octets = ip.octets();
    let nibbles = octets.iter().flat_map(|octet| [octet >> 4, octet & 15]);
    for (pair, nibble) in scratch.chunks_exact_mut(2).zip(nibbles) {
        let digit = if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 };
        pair.copy_from_slice(&[digit, b'.']);
    }
    scratch.get(..63).unwrap_or_default()
}

/// RFC 7208 §7.3: split at the delimiters, reverse, keep the right-hand parts, join with dots.
fn transform(expand: &Macro<'_>, value: &[u8], out: &mut impl Sink) {
    let Macro { escape, keep, reverse, delimiters, .. } = *expand;
    if keep == 0 && !reverse && delimiters.is_empty() {
        return put(value, escape, out);
    }
    let delimiters = if delimiters.is_empty() { b"." } else { delimiters };
    let splits = |c: &u8| delimiters.contains(c);
    // The right-hand parts of the reversed list are the left-hand ones of the list.
    let nth = usize::from(keep).checked_sub(1);
    let kept = match nth {
        None => value,
        Some(nth) if reverse => {
            let end =
                value.iter().enumerate().filter(|(_, c)| splits(c)).nth(nth).map_or(value.len(), |(i, _)| i);
            value.get(..end).unwrap_or(value)
        }
        Some(nth) => {
            let dots = value.iter().enumerate().rev().filter(|(_, c)| splits(c));
            value.get(dots.map(|(i, _)| i + 1).nth(nth).unwrap_or(0)..).unwrap_or(value)
        }
    };
    let mut dot: &[u8] = b"";
    let mut part = |part: &[u8]| {
        out.push(dot);
        dot = b".";
        put(part, escape, out);
    };
    if reverse {
        kept.rsplit(splits).for_each(&mut part);
    } else {
        kept.split(splits).for_each(&mut part);
    }
}

fn put(octets: &[u8], escape: bool, out: &mut impl Sink) {
    if !escape {
        return out.push(octets);
    }
    for &octet in octets {
        // RFC 3986 §2.3: unreserved
        if octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~') {
            out.push(&[octet]);
        } else {
            let hex = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 };
            out.push(&[b'%', hex(octet >> 4), hex(octet & 15)]);
        }
    }
}

/// The longest name of a DNS query, as text.
const MAX_NAME: usize = 253;

/// The end of a name: at most [`Tail::ROOM`] bytes are kept, since a longer name loses its left-hand labels anyway.
struct Tail {
    octets: [u8; Tail::ROOM],
    length: usize,
    cut: bool,
}

impl Default for Tail {
    fn default() -> Self {
        Self { octets: [0; Self::ROOM], length: 0, cut: false }
    }
}

impl Tail {
    const ROOM: usize = 512;
    /// The longest name, its final dot, and one more byte, so that a dot before the longest name is seen.
    const NEEDED: usize = MAX_NAME + 2;

    /// RFC 7208 §7.3: "the left side is truncated to fit, by removing successive domain labels (and their
    /// following dots) until the total length does not exceed 253 characters".
    fn fitted(&self) -> &[u8] {
        let name = self.octets.get(..self.length).unwrap_or_default();
        let name = name.strip_suffix(b".").unwrap_or(name);
        if name.len() <= MAX_NAME && !self.cut {
            return name;
        }
        let from = name.len().saturating_sub(MAX_NAME + 1);
        let window = name.get(from..).unwrap_or(name);
        // A single label longer than that is not a name, which the parser of names will report.
        window.iter().position(|&c| c == b'.').and_then(|dot| window.get(dot + 1..)).unwrap_or(name)
    }
}

impl Sink for Tail {
    fn push(&mut self, octets: &[u8]) {
        let mut octets = octets;
        if self.length + octets.len() > Self::ROOM {
            let skip = octets.len().saturating_sub(Self::NEEDED);
            self.cut = true;
            octets = octets.get(skip..).unwrap_or_default();
            let keep = if skip > 0 { 0 } else { Self::NEEDED.min(self.length) };
            self.octets.copy_within(self.length - keep..self.length, 0);
            self.length = keep;
        }
        if let Some(room) = self.octets.get_mut(self.length..self.length + octets.len()) {
            room.copy_from_slice(octets);
            self.length += octets.len();
        }
    }
}

/// The beginning of a text for people: RFC 7208 §6.2: "the explanation string MUST be limited to \[US-ASCII\]".
struct Head {
    text: String,
    limit: usize,
}

impl Sink for Head {
    fn push(&mut self, octets: &[u8]) {
        let room = self.limit.saturating_sub(self.text.len());
        // RFC 7208 §11.5.3: be prepared for hostile content, such as a line end in HELO.
        let printable = |&c: &u8| if c == b' ' || c.is_ascii_graphic() { char::from(c) } else { '?' };
        self.text.extend(octets.iter().take(room).map(printable));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(pieces: &[&[u8]]) -> Vec<u8> {
        let mut tail = Tail::default();
        pieces.iter().for_each(|piece| tail.push(piece));
        tail.fitted().to_vec()
    }

    #[test]
    fn names_lose_left_labels_as_if_the_whole_text_had_been_kept() {
        // Every way to cut a long name into pieces gives what cutting the whole would give.
        for length in 230..600 {
            for label in [1, 7, 63, 251, 252, 253, 254, 300] {
                let mut text: Vec<u8> = (0..length).map(|i| b'a' + (i % 26) as u8).collect();
                text.iter_mut().rev().skip(label).step_by(label + 1).for_each(|c| *c = b'.');
                let mut whole = text.as_slice();
                while whole.len() > MAX_NAME {
                    match whole.iter().position(|&c| c == b'.') {
                        Some(dot) => whole = &whole[dot + 1..],
                        None => break,
                    }
                }
                for piece in [1, 3, 100, 254, 511, 600] {
                    let pieces: Vec<&[u8]> = text.chunks(piece).collect();
                    let kept = tail(&pieces);
                    if whole.len() <= MAX_NAME {
                        assert_eq!(kept, whole, "{length} {label} {piece}");
                    } else {
                        assert!(kept.len() > MAX_NAME || DomainName::lenient(&kept).is_err());
                    }
                }
            }
        }
    }
}
