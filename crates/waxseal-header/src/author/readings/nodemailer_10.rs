//! The address parser of nodemailer 10.6 and of the mailparser that uses it.
//!
//! It searches for the mailbox after the last opening angle bracket; otherwise it takes the first text with an at sign
//! outside quotes and comments, without the blanks next to the at sign and dots; and when everything is quoted, that
//! text.

use super::{
    Shown,
    cursor::{Cursor, is_blank},
    nodemailer::{first_address, is_addr_spec, is_encoded},
    shown::joined,
};
use crate::encoded_word;

pub(super) fn read(value: &[u8]) -> Shown {
    let mut shown = Shown::default();
    let mut place = Cursor::new(value);
    let mut element = Element::default();
    while let Some(octet) = place.next() {
        match octet {
            b',' | b';' => std::mem::take(&mut element).show(&mut shown),
            // That was the name of a group.
            b':' if !element.in_literal() => element = Element::default(),
            b'"' => {
                element.runs.push(Run { text: delimited(&mut place, b'"', b'"'), quoted: true });
                element.close(octet, &place);
            }
            b'(' => {
                delimited(&mut place, b'(', b')');
                element.close(octet, &place);
            }
            b'<' => {
                let angle = angle(&mut place);
                if element.angle.is_empty() {
                    element.angle = angle;
                }
                element.close(octet, &place);
            }
            octet => {
                let mut text = vec![octet];
                text.extend_from_slice(place.take_while(|c| !b"\"(<,;:".contains(&c)));
                element.text(text);
            }
        }
    }
    element.show(&mut shown);
    shown
}

#[derive(Default)]
struct Element {
    runs: Vec<Run>,
    angle: Vec<u8>,
    /// What was closed right before, with no blank after it.
    closed: Option<u8>,
}

struct Run {
    text: Vec<u8>,
    quoted: bool,
}

impl Element {
    /// The colons of `u@[IPv6:::1]` do not begin a group.
    fn in_literal(&self) -> bool {
        let text = self.runs.last().map(|run| &*run.text).unwrap_or_default();
        let bracket = memchr::memmem::rfind(text, b"@[");
        bracket.is_some_and(|bracket| memchr::memchr(b']', text.get(bracket..).unwrap_or_default()).is_none())
    }

    fn close(&mut self, octet: u8, place: &Cursor<'_>) {
        self.closed = place.peek().is_some_and(|c| !is_blank(c)).then_some(octet);
    }

    /// A run continues after a closing operator without a blank; after a comment, only next to the at sign or a dot of
    /// the domain. It never gets a second at sign this way.
    fn text(&mut self, text: Vec<u8>) {
        let closed = self.closed.take();
        let beside = |last: &[u8], c: u8| last.ends_with(&[c]) || text.starts_with(&[c]);
        match self.runs.last_mut() {
            Some(Run { text: last, .. })
                if closed.is_some()
                    && !(last.contains(&b'@') && text.contains(&b'@'))
                    && (closed != Some(b'(') || beside(last, b'@') || beside(last, b'.')) =>
            {
                last.extend(text);
            }
            _ => self.runs.push(Run { text, quoted: false }),
        }
    }

    fn show(self, shown: &mut Shown) {
        let angle = joined(&self.angle);
        if !angle.trim_ascii().is_empty() {
            // mailparser decodes text without an at sign.
            if !show_first(&angle, shown) && is_encoded(angle.trim_ascii()) {
                show_first(&encoded_word::decode(&angle), shown);
            }
            return;
        }
        let mut found = false;
        for run in self.runs.iter().filter(|run| !run.quoted) {
            found |= show_first(&joined(&run.text), shown);
        }
        if !found {
            let all: Vec<&[u8]> = self.runs.iter().map(|run| &*run.text).collect();
            shown.add_text(&joined(&all.join(&b' ')));
        }
    }
}

/// Shows the first word that is an address, else the first one with an at sign. False when there is none.
fn show_first(text: &[u8], shown: &mut Shown) -> bool {
    if memchr::memchr(b'"', text).is_some() {
        shown.add_text(text);
        return true;
    }
    let address =
        text.split(u8::is_ascii_whitespace).find(|word| is_addr_spec(word)).or_else(|| first_address(text));
    if let Some(address) = address {
        shown.add_text(address);
    }
    address.is_some()
}

/// The text in angle brackets up to the closing one, without comments; an opening one starts it over. Quotes hide both.
fn angle(place: &mut Cursor<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    while let Some(octet) = place.next() {
        match octet {
            b'>' => break,
            b'<' => text.clear(),
            b'(' => {
                delimited(place, b'(', b')');
                text.push(b' ');
            }
            b'"' => {
                text.push(b'"');
                text.extend(delimited(place, b'"', b'"'));
                text.push(b'"');
            }
            octet => text.push(octet),
        }
    }
    // A route is dropped.
    let route = text.trim_ascii_start().starts_with(b"@").then(|| memchr::memchr(b':', &text)).flatten();
    match route {
        Some(colon) if text.get(colon..).is_some_and(|behind| behind.contains(&b'@')) => {
            text.split_off(colon + 1)
        }
        _ => text,
    }
}

/// Up to `end`, which is not included; backslashes hide the next byte, and nested beginnings count.
fn delimited(place: &mut Cursor<'_>, begin: u8, end: u8) -> Vec<u8> {
    let (mut text, mut depth) = (Vec::new(), 1);
    while let Some(octet) = place.next() {
        match octet {
            b'\\' => text.extend(place.next()),
            c if c == end => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            c => {
                depth += u32::from(c == begin);
                text.push(c);
            }
        }
    }
    text
}
