//! GMime 3.2.13 (`internet_address_list_parse`), with its default, loose compliance.
//!
//! Commas after a word may be part of a name; text that cannot be read is skipped up to the next comma.

use super::{
    Shown,
    cursor::{Cursor, is_blank},
};

/// How deep groups may be nested here; the program has no limit but its stack.
const MAX_GROUP_DEPTH: usize = 50;

pub(super) fn read(value: &[u8]) -> Shown {
    let mut parser = Parser { place: Cursor::new(value), shown: Shown::default() };
    // An unclosed comment ends the parsing.
    _ = parser.list(0);
    parser.shown
}

struct Parser<'t> {
    place: Cursor<'t>,
    shown: Shown,
}

/// The parts of an addr-spec; an empty domain is none.
type AddrSpec = (Vec<u8>, Option<Vec<u8>>);

impl Parser<'_> {
    fn list(&mut self, depth: usize) -> Option<()> {
        self.skip_gap()?;
        let is_group = depth > 0;
        while let Some(octet) = self.place.peek() {
            if is_group && octet == b';' {
                break;
            }
            if self.address(depth).is_none() {
                self.place.take_while(|c| c != b',' && !(is_group && c == b';'));
            }
            self.skip_gap()?;
            while self.place.eat(b',') {
                self.skip_gap()?;
            }
        }
        Some(())
    }

    fn address(&mut self, depth: usize) -> Option<()> {
        self.skip_gap()?;
        let start = self.place;
        self.phrase()?;
        match self.place.peek() {
            // An address without a domain.
            None | Some(b',' | b'>' | b';') => {
                let end = self.place.peek();
                self.place = start;
                self.addr_spec(|c| c == end.unwrap_or(b','))?;
                self.place.eat(b'>');
                Some(())
            }
            Some(b':') => {
                self.place.take_while(|c| c == b':' || is_blank(c));
                if depth < MAX_GROUP_DEPTH {
                    _ = self.list(depth + 1);
                }
                self.place.take_while(|c| c != b';');
                self.place.eat(b';');
                Some(())
            }
            Some(b'@') => {
                self.place = start;
                let spec = self.addr_spec(is_end)?;
                self.skip_gap()?;
                if self.place.is_at(b'<') {
                    return self.angle_addr();
                }
                self.place.eat(b'>');
                self.show(spec);
                Some(())
            }
            Some(b'<') => self.angle_addr(),
            Some(_) => None,
        }
    }

    /// Words, dots, and commas after words.
    fn phrase(&mut self) -> Option<()> {
        while !self.place.is_at_end() {
            let quote = self.place;
            if self.place.is_at(b'"') {
                if !self.quoted() {
                    // An unclosed quote is skipped.
                    self.place = quote;
                    self.place.next();
                    self.place.take_while(is_blank);
                    if self.place.take_while(is_atom).is_empty() {
                        break;
                    }
                }
            } else if self.place.take_while(is_atom).is_empty() {
                break;
            }
            self.skip_gap()?;
            while self.place.eat(b'.') {
                self.skip_gap()?;
            }
            if self.place.eat(b',') {
                self.skip_gap()?;
            }
        }
        self.skip_gap()
    }

    fn angle_addr(&mut self) -> Option<()> {
        self.place.take_while(|c| c == b'<');
        self.skip_gap()?;
        if self.place.is_at(b'@') {
            self.route()?;
        }
        let spec = self.addr_spec(is_end)?;
        self.skip_gap()?;
        self.place.take_while(|c| c == b'>');
        self.show(spec);
        Some(())
    }

    fn route(&mut self) -> Option<()> {
        while self.place.eat(b'@') {
            self.skip_gap()?;
            self.domain(|_| false)?;
            self.skip_gap()?;
            while self.place.eat(b',') {
                self.skip_gap()?;
            }
        }
        self.place.eat(b':').then_some(())?;
        self.skip_gap()
    }

    fn addr_spec(&mut self, is_end: impl Fn(u8) -> bool) -> Option<AddrSpec> {
        let local_part = self.local_part()?;
        if self.place.peek().is_none_or(&is_end) {
            return Some((local_part, None));
        }
        self.place.eat(b'@').then_some(())?;
        self.skip_gap()?;
        let domain = self.domain(is_end)?;
        Some((local_part, Some(domain)))
    }

    fn local_part(&mut self) -> Option<Vec<u8>> {
        let mut local_part = Vec::new();
        loop {
            let start = self.place;
            let read = match self.place.is_at(b'"') {
                true => self.quoted(),
                false => !self.place.take_while(is_atom).is_empty(),
            };
            let word = self.place.since(&start);
            (read && std::str::from_utf8(word).is_ok()).then_some(())?;
            local_part.extend_from_slice(word);
            self.skip_gap()?;
            if !self.place.eat(b'.') {
                return Some(local_part);
            }
            local_part.push(b'.');
            self.skip_gap()?;
        }
    }

    fn domain(&mut self, is_end: impl Fn(u8) -> bool) -> Option<Vec<u8>> {
        if self.place.is_at(b'[') {
            let literal = self.place.take_while(|c| c != b']').to_vec();
            self.place.next()?;
            return Some(literal);
        }
        let mut domain = Vec::new();
        loop {
            let atom = self.place.take_while(is_atom);
            (!atom.is_empty() && std::str::from_utf8(atom).is_ok()).then_some(())?;
            domain.extend_from_slice(atom);
            let behind = self.place;
            self.skip_gap()?;
            if !self.place.eat(b'.') {
                self.place = behind;
                return Some(domain);
            }
            self.skip_gap()?;
            if self.place.peek().is_none_or(&is_end) {
                return Some(domain);
            }
            domain.push(b'.');
        }
    }

    fn show(&mut self, (local_part, domain): AddrSpec) {
        match domain {
            Some(domain) => self.shown.add(&local_part, &domain),
            None => self.shown.add_text(&local_part),
        }
    }

    /// Skips a quoted string; false when it is not closed.
    fn quoted(&mut self) -> bool {
        self.place.next();
        loop {
            match self.place.next() {
                Some(b'\\') => _ = self.place.next(),
                Some(b'"') => return true,
                Some(_) => {}
                None => return false,
            }
        }
    }

    /// Does not move when a comment is not closed.
    fn skip_gap(&mut self) -> Option<()> {
        let mut ahead = self.place;
        loop {
            ahead.take_while(is_blank);
            if !ahead.is_at(b'(') {
                self.place = ahead;
                return Some(());
            }
            let mut depth = 0;
            loop {
                match ahead.next()? {
                    b'(' => depth += 1,
                    b')' => depth -= 1,
                    b'\\' => _ = ahead.next(),
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        }
    }
}

fn is_end(c: u8) -> bool {
    matches!(c, b',' | b'>' | b';')
}

fn is_atom(c: u8) -> bool {
    c > b' ' && c != 0x7f && !b"()<>@,;:\\\".[]".contains(&c)
}
