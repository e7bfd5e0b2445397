//! The address parser of nodemailer, which mailparser uses and postal-mime derives from.
//!
//! An open operator hides all others until it is closed: a `>` in a quoted string in angle brackets ends the brackets.
//! An element without angle brackets is searched from its end for text with an at sign, in nodemailer 6.9 also in
//! quoted text, and in comments when there is nothing else.

use super::{Shown, cursor::Cursor};
use crate::encoded_word;

/// How deep groups may be nested (postal-mime has the same limit).
const MAX_DEPTH: usize = 50;

/// nodemailer 6.9.16 and mailparser 3.7.2, before CVE-2025-13033.
pub(super) fn read_6(value: &[u8]) -> Shown {
    let mut shown = Shown::default();
    read(value, Dialect::Nodemailer6, 0, &mut shown);
    shown
}

/// postal-mime 2.4.
pub(super) fn read_postal_mime_2(value: &[u8]) -> Shown {
    let mut shown = Shown::default();
    read(value, Dialect::PostalMime2, 0, &mut shown);
    shown
}

/// postal-mime 4.
pub(super) fn read_postal_mime(value: &[u8]) -> Shown {
    let mut shown = Shown::default();
    read(value, Dialect::PostalMime, 0, &mut shown);
    shown
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// Addresses are searched in quoted text, too.
    Nodemailer6,
    /// Text that consists of encoded words is decoded and read again.
    PostalMime,
    /// As in nodemailer 6.9, text with an angle bracket is read again, too, and no runs are joined.
    PostalMime2,
}

impl Dialect {
    fn glues(self) -> bool {
        self != Self::PostalMime2
    }

    fn searches_quoted(self) -> bool {
        matches!(self, Self::Nodemailer6 | Self::PostalMime2)
    }

    fn add(self, address: &[u8], shown: &mut Shown) {
        match self {
            // The quotes around a local-part are gone.
            Self::Nodemailer6 => shown.add_doubtful(address),
            Self::PostalMime | Self::PostalMime2 => shown.add_text(address),
        }
    }
}

/// Runs of text: text right after a closing operator is joined to the run before it.
#[derive(Default)]
struct Element {
    text: Vec<Run>,
    angle: Vec<Run>,
    comment: Vec<Run>,
}

struct Run {
    text: Vec<u8>,
    quoted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Quoted,
    Angle,
    Comment,
}

fn read(value: &[u8], dialect: Dialect, depth: usize, shown: &mut Shown) {
    if depth > MAX_DEPTH {
        return;
    }
    let mut place = Cursor::new(value);
    let mut element = Element::default();
    let mut glued = false;
    while let Some(octet) = place.peek() {
        let (kind, end) = match octet {
            b'"' => (Kind::Quoted, b'"'),
            b'(' => (Kind::Comment, b')'),
            b'<' => (Kind::Angle, b'>'),
            b',' | b';' | b':' => {
                place.next();
                let element = std::mem::take(&mut element);
                glued = false;
                if octet == b':' {
                    // That was the name of a group.
                    element.show_name(dialect, depth, shown);
                    read(place.take_while(|c| c != b';'), dialect, depth + 1, shown);
                } else {
                    element.show(dialect, depth, shown);
                }
                continue;
            }
            _ => {
                let text = place.take_while(|c| !b"\"(<,:;".contains(&c));
                element.push(Kind::Text, text, glued);
                glued = false;
                continue;
            }
        };
        place.next();
        element.push(kind, &delimited(&mut place, end), false);
        glued = dialect.glues() && !place.peek().is_none_or(|c| b" \t\r\n,;".contains(&c));
    }
    element.show(dialect, depth, shown);
}

/// Up to `end`, which is not included. Backslashes count only in quotes.
fn delimited(place: &mut Cursor<'_>, end: u8) -> Vec<u8> {
    let mut text = Vec::new();
    while let Some(octet) = place.next() {
        match octet {
            b'\\' if end == b'"' => text.extend(place.next()),
            c if c == end => break,
            c => text.push(c),
        }
    }
    text
}

impl Element {
    fn push(&mut self, kind: Kind, text: &[u8], glued: bool) {
        let visible = |c: &u8| *c >= b' ' || *c == b'\t' || *c == b'\n';
        let text: Vec<u8> = text.iter().copied().filter(visible).collect();
        let mut text = text.trim_ascii();
        if kind == Kind::Angle {
            // Text before an unexpected `<` is dropped.
            if let Some(bracket) = memchr::memchr(b'<', text) {
                text = text.get(bracket + 1..).unwrap_or_default().trim_ascii_start();
            }
        }
        if text.is_empty() {
            return;
        }
        let runs = match kind {
            Kind::Text | Kind::Quoted => &mut self.text,
            Kind::Angle => &mut self.angle,
            Kind::Comment => &mut self.comment,
        };
        match runs.last_mut() {
            Some(run) if glued => run.text.extend_from_slice(text),
            _ => runs.push(Run { text: text.to_vec(), quoted: kind == Kind::Quoted }),
        }
    }

    /// mailparser searches for addresses in names that consist of encoded words.
    fn show_name(self, dialect: Dialect, depth: usize, shown: &mut Shown) {
        let text: Vec<&[u8]> = self.text.iter().map(|run| &*run.text).collect();
        let text = text.join(&b' ');
        if is_encoded(&text) {
            read(&encoded_word::decode(&text), dialect, depth + 1, shown);
        }
    }

    fn show(mut self, dialect: Dialect, depth: usize, shown: &mut Shown) {
        if let Some(first) = self.angle.first() {
            if !first.text.contains(&b'@') {
                shown.add(b"", &first.text);
            }
            return shown.add_text(&first.text);
        }
        if self.text.is_empty() {
            self.text = self.comment;
        }
        let eligible = |run: &&Run| dialect.searches_quoted() || !run.quoted;
        let runs = || self.text.iter().rev().filter(eligible);
        let whole = runs().map(|run| &*run.text).find(|text| is_addr_spec(text));
        let first = |run: &Run| match dialect {
            Dialect::Nodemailer6 => first_address(&run.text).map(<[u8]>::to_vec),
            Dialect::PostalMime | Dialect::PostalMime2 => first_token(&run.text).map(<[u8]>::to_vec),
        };
        let whole = whole.map(<[u8]>::to_vec);
        if let Some(address) = whole.or_else(|| runs().find_map(first)) {
            return dialect.add(&address, shown);
        }
        let text: Vec<&[u8]> = self.text.iter().map(|run| &*run.text).collect();
        let text = text.join(&b' ');
        // mailparser does the same with nodemailer's results.
        if is_encoded(&text) || dialect == Dialect::PostalMime2 && text.contains(&b'<') {
            read(&encoded_word::decode(&text), dialect, depth + 1, shown);
        } else {
            shown.add_text(&text);
        }
    }
}

/// Whether the text consists of encoded words.
pub(super) fn is_encoded(text: &[u8]) -> bool {
    text.starts_with(b"=?") && text.ends_with(b"?=")
}

/// `/^[^@\s]+@[^@\s]+$/`
pub(super) fn is_addr_spec(text: &[u8]) -> bool {
    let ats = memchr::memchr_iter(b'@', text).count();
    ats == 1 && !text.iter().any(u8::is_ascii_whitespace) && !text.starts_with(b"@") && !text.ends_with(b"@")
}

/// `/\b[^@\s]+@[^\s]+\b/`: the first word with an at sign between letters, from the first letter to the last.
pub(super) fn first_address(text: &[u8]) -> Option<&[u8]> {
    text.split(u8::is_ascii_whitespace).find_map(|word| {
        let begin = word.iter().position(is_word_octet)?;
        let end = word.iter().rposition(is_word_octet)?;
        let address = word.get(begin..=end)?;
        // There may be another at sign before the last letter.
        address.contains(&b'@').then_some(address)
    })
}

/// The same, but the first at sign counts.
fn first_token(text: &[u8]) -> Option<&[u8]> {
    text.split(u8::is_ascii_whitespace).find_map(|word| {
        let at = memchr::memchr(b'@', word)?;
        let begin = word.get(..at)?.iter().position(is_word_octet)?;
        let end = word.iter().rposition(is_word_octet).filter(|end| *end > at)?;
        word.get(begin..=end)
    })
}

fn is_word_octet(c: &u8) -> bool {
    c.is_ascii_alphanumeric() || *c == b'_'
}
