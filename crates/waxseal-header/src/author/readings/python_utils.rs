//! Python's `email.utils` (`parseaddr`, `getaddresses`) of 3.11, over `msg['From']` of the compat32 policy.
//!
//! A CR ends quoted strings and comments, and so does a fold in one, unless the mail was stored with LF.

use super::{Shown, cursor::Cursor};

pub(super) fn read(value: &[u8]) -> Shown {
    Parser::read(value)
}

/// The same for mail stored with LF line ends.
pub(super) fn read_stored_with_lf(value: &[u8]) -> Shown {
    let stored: Vec<u8> = value.iter().copied().filter(|c| *c != b'\r').collect();
    Parser::read(&stored)
}

struct Parser<'t> {
    place: Cursor<'t>,
    shown: Shown,
}

impl Parser<'_> {
    fn read(value: &[u8]) -> Shown {
        let mut parser = Parser { place: Cursor::new(value), shown: Shown::default() };
        while !parser.place.is_at_end() {
            parser.address();
            parser.skip_gap();
            parser.place.eat(b',');
        }
        parser.shown
    }

    fn skip_gap(&mut self) {
        loop {
            self.place.take_while(|c| matches!(c, b' ' | b'\t' | b'\r' | b'\n'));
            if !self.place.is_at(b'(') {
                return;
            }
            self.skip_comment();
        }
    }

    fn skip_comment(&mut self) {
        let mut depth = 0;
        while let Some(octet) = self.place.next() {
            match octet {
                b'(' => depth += 1,
                b')' | b'\r' => depth -= 1,
                b'\\' => _ = self.place.next(),
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn address(&mut self) {
        self.skip_gap();
        let start = self.place;
        let first = self.phrase();
        self.skip_gap();
        match self.place.peek() {
            Some(b'.' | b'@') => {
                self.place = start;
                self.addr_spec();
            }
            // Groups may be nested; their members are read like any others.
            Some(b':') => _ = self.place.next(),
            Some(b'<') => self.angle_addr(),
            // For an element without an address, its first word is shown in place of one.
            other => match first {
                Some(word) => self.shown.add_text(&word),
                None => {
                    if other.is_some_and(|c| c != b',' && is_special(c)) {
                        self.place.next();
                    }
                }
            },
        }
    }

    fn angle_addr(&mut self) {
        self.place.next();
        self.skip_gap();
        while let Some(octet) = self.place.peek() {
            match octet {
                b'>' => {
                    self.place.next();
                    return;
                }
                b'@' => {
                    self.place.next();
                    self.skip_gap();
                    if self.place.is_at_end() {
                        return;
                    }
                    self.domain();
                }
                b':' => _ = self.place.next(),
                _ => {
                    self.addr_spec();
                    self.place.next();
                    return;
                }
            }
            self.skip_gap();
        }
    }

    fn addr_spec(&mut self) {
        let mut local_part = Vec::new();
        self.skip_gap();
        while let Some(octet) = self.place.peek() {
            match octet {
                b'.' => {
                    self.place.next();
                    local_part.push(b'.');
                }
                b'"' => {
                    local_part.push(b'"');
                    local_part.extend(self.delimited(b'"'));
                    local_part.push(b'"');
                }
                c if is_atom_end(c) => break,
                _ => local_part.extend(self.place.take_while(|c| !is_atom_end(c))),
            }
            self.skip_gap();
        }
        if !self.place.eat(b'@') {
            // Quoted words may hold an at sign.
            return self.shown.add_text(&local_part);
        }
        self.skip_gap();
        if let Some(domain) = self.domain() {
            self.shown.add(&local_part, &domain);
        }
    }

    /// `None` when a second at sign follows (bpo-34155).
    fn domain(&mut self) -> Option<Vec<u8>> {
        let mut domain = Vec::new();
        while let Some(octet) = self.place.peek() {
            match octet {
                b' ' | b'\t' => _ = self.place.next(),
                b'(' => self.skip_comment(),
                b'[' => {
                    domain.push(b'[');
                    domain.extend(self.delimited(b']'));
                    domain.push(b']');
                }
                b'.' => domain.extend(self.place.next()),
                b'@' => return None,
                c if is_atom_end(c) => break,
                _ => domain.extend(self.place.take_while(|c| !is_atom_end(c))),
            }
        }
        Some(domain)
    }

    fn delimited(&mut self, end: u8) -> Vec<u8> {
        let mut text = Vec::new();
        self.place.next();
        while let Some(octet) = self.place.next() {
            match octet {
                b'\\' => text.extend(self.place.next()),
                b'\r' => break,
                c if c == end => break,
                c => text.push(c),
            }
        }
        text
    }

    /// Skips a phrase, and returns its first word.
    fn phrase(&mut self) -> Option<Vec<u8>> {
        let mut first = None;
        while let Some(octet) = self.place.peek() {
            let word = match octet {
                b' ' | b'\t' | b'\r' | b'\n' => {
                    self.place.next();
                    continue;
                }
                b'(' => {
                    self.skip_comment();
                    continue;
                }
                b'"' => self.delimited(b'"'),
                c if c != b'.' && is_atom_end(c) => break,
                _ => self.place.take_while(|c| c == b'.' || !is_atom_end(c)).to_vec(),
            };
            first.get_or_insert(word);
        }
        first
    }
}

fn is_special(c: u8) -> bool {
    b"()<>@,:;.\"[]".contains(&c)
}

fn is_atom_end(c: u8) -> bool {
    is_special(c) || matches!(c, b' ' | b'\t' | b'\r' | b'\n')
}
