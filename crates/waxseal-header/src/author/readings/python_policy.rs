//! Python's `email.policy.default` of 3.11 (`msg['From'].addresses`).
//!
//! Elements that it cannot read are invalid and not shown, but when an angle bracket cannot be read, the words before
//! it are shown as a local-part. Encoded words are decoded everywhere.

use super::{Shown, cursor::Cursor};
use crate::encoded_word::EncodedWords;

pub(super) fn read(value: &[u8]) -> Shown {
    let unfolded: Vec<u8> = value.iter().copied().filter(|c| !matches!(c, b'\r' | b'\n')).collect();
    let (place, words) = (Cursor::new(&unfolded), EncodedWords::new(&unfolded));
    let mut parser = Parser { place, words, shown: Shown::default() };
    parser.list(false);
    parser.shown
}

struct Parser<'t> {
    place: Cursor<'t>,
    words: EncodedWords<'t>,
    shown: Shown,
}

impl Parser<'_> {
    /// An address-list, or the members of a group up to its semicolon.
    fn list(&mut self, is_group: bool) {
        while !(self.place.is_at_end() || is_group && self.place.is_at(b';')) {
            if !is_group && self.group() {
                self.skip_gap();
            } else {
                self.mailbox();
            }
            self.skip_invalid(is_group);
            self.place.eat(b',');
        }
    }

    fn group(&mut self) -> bool {
        let start = self.place;
        self.skip_gap();
        self.phrase(Words::Name);
        if !self.place.eat(b':') {
            self.place = start;
            return false;
        }
        self.list(true);
        self.place.eat(b';');
        true
    }

    fn mailbox(&mut self) {
        let start = self.place;
        let address = self.name_addr().or_else(|| {
            self.place = start;
            self.addr_spec()
        });
        match address {
            Some((local_part, Some(domain))) => self.shown.add(&local_part, &domain),
            // Quoted words may hold an at sign.
            Some((local_part, None)) => self.shown.add_text(&local_part),
            None => self.place = start,
        }
    }

    fn name_addr(&mut self) -> Option<AddrSpec> {
        self.skip_gap();
        if !self.place.is_at(b'<') {
            (!self.is_at_phrase_end()).then_some(())?;
            self.phrase(Words::Name);
        }
        self.place.eat(b'<').then_some(())?;
        if self.place.eat(b'>') {
            return Some((Vec::new(), None));
        }
        let start = self.place;
        let spec = self.addr_spec().or_else(|| {
            self.place = start;
            self.route()?;
            self.addr_spec()
        })?;
        self.place.eat(b'>');
        self.skip_gap();
        Some(spec)
    }

    fn route(&mut self) -> Option<()> {
        loop {
            self.skip_gap();
            if !self.place.eat(b',') {
                break;
            }
        }
        self.place.eat(b'@').then_some(())?;
        self.domain()?;
        while self.place.eat(b',') {
            self.skip_gap();
            if self.place.eat(b'@') {
                self.domain()?;
            }
        }
        self.place.eat(b':').then_some(())
    }

    fn addr_spec(&mut self) -> Option<AddrSpec> {
        self.skip_gap();
        (self.place.is_at(b'\\') || !self.is_at_phrase_end()).then_some(())?;
        let local_part = self.phrase(Words::LocalPart);
        if !self.place.eat(b'@') {
            return Some((local_part, None));
        }
        Some((local_part, Some(self.domain()?)))
    }

    fn domain(&mut self) -> Option<Vec<u8>> {
        self.skip_gap();
        if self.place.is_at(b'[') {
            let literal = self.place.take_while(|c| c != b']').to_vec();
            self.place.eat(b']');
            return Some(literal);
        }
        let mut domain = Vec::new();
        loop {
            let before = domain.len();
            self.atom(&mut domain);
            (domain.len() > before).then_some(())?;
            self.skip_gap();
            if !self.place.eat(b'.') {
                break;
            }
            domain.push(b'.');
            self.skip_gap();
        }
        (!self.place.is_at(b'@')).then_some(domain)
    }

    /// Words and dots up to a special.
    fn phrase(&mut self, words: Words) -> Vec<u8> {
        let mut text = Vec::new();
        loop {
            self.skip_gap();
            match self.place.peek() {
                Some(b'"') => self.quoted(&mut text),
                Some(b'.') => text.extend(self.place.next()),
                Some(b'\\') if words == Words::LocalPart => text.extend(self.place.next()),
                Some(c) if !is_atom_end(c) => {
                    let before = text.len();
                    self.atom(&mut text);
                    // Decoded text is read again.
                    if words == Words::LocalPart {
                        self.shown.add_text(text.get(before..).unwrap_or_default());
                    }
                }
                _ => return text,
            }
        }
    }

    /// An atom, or a decoded encoded word, which may hold specials.
    fn atom(&mut self, text: &mut Vec<u8>) {
        match self.words.decode_at(self.place.offset()) {
            Some((decoded, length)) => {
                text.extend(decoded);
                // Text that cannot be decoded is shown as it is.
                let before = self.place;
                self.place.skip(length);
                self.shown.add_text(self.place.since(&before));
            }
            None => text.extend_from_slice(self.place.take_while(|c| !is_atom_end(c))),
        }
    }

    /// The rest of an element that was read as far as possible.
    fn skip_invalid(&mut self, is_group: bool) {
        loop {
            self.phrase(Words::Name);
            match self.place.peek() {
                None | Some(b',') => return,
                Some(b';') if is_group => return,
                Some(_) => _ = self.place.next(),
            }
        }
    }

    fn quoted(&mut self, text: &mut Vec<u8>) {
        self.place.next();
        while let Some(octet) = self.place.next() {
            match octet {
                b'"' => return,
                b'\\' => text.extend(self.place.next()),
                octet => text.push(octet),
            }
        }
    }

    fn skip_gap(&mut self) {
        loop {
            self.place.take_while(|c| matches!(c, b' ' | b'\t'));
            if !self.place.is_at(b'(') {
                return;
            }
            let mut depth = 0;
            while let Some(octet) = self.place.next() {
                match octet {
                    b'(' => depth += 1,
                    b')' => depth -= 1,
                    b'\\' => _ = self.place.next(),
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        }
    }

    fn is_at_phrase_end(&self) -> bool {
        self.place.peek().is_none_or(|c| b")<>@,:;[]\\".contains(&c))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    /// Backslashes end it.
    Name,
    /// Backslashes are part of it.
    LocalPart,
}

/// The parts of an addr-spec; an empty domain is none.
type AddrSpec = (Vec<u8>, Option<Vec<u8>>);

fn is_atom_end(c: u8) -> bool {
    b"()<>@,:;.\\\"[] \t".contains(&c)
}
