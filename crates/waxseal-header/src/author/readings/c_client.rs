//! c-client 2007f, in Alpine and PHP's imap.
//!
//! Words may hold quotes anywhere, with blanks in them; a domain may be quoted. An unclosed comment truncates the text.
//! Parsing ends where an element is not followed by a comma.

use super::{
    Shown,
    cursor::{Cursor, is_blank},
};

/// MAXGROUPDEPTH.
const MAX_GROUP_DEPTH: usize = 50;

pub(super) fn read(value: &[u8]) -> Shown {
    // It removes folds, and turns a tab into a space.
    let line: Vec<u8> = value.iter().copied().filter(|c| !matches!(c, b'\r' | b'\n')).collect();
    let mut parser = Parser { place: Cursor::new(&line), shown: Shown::default() };
    parser.skip_gap();
    loop {
        while parser.place.eat(b',') {
            parser.skip_gap();
        }
        if parser.place.is_at_end() || !parser.address(0) {
            return parser.shown;
        }
        parser.skip_gap();
        if !parser.place.eat(b',') {
            return parser.shown;
        }
    }
}

struct Parser<'t> {
    place: Cursor<'t>,
    shown: Shown,
}

impl<'t> Parser<'t> {
    fn skip_gap(&mut self) {
        loop {
            self.place.take_while(is_blank);
            if !self.place.is_at(b'(') || !self.skip_comment() {
                return;
            }
        }
    }

    /// False when the comment is not closed: then the text ends at the innermost open one.
    fn skip_comment(&mut self) -> bool {
        let mut ahead = self.place;
        let mut open = Vec::new();
        loop {
            let here = ahead;
            match ahead.next() {
                Some(b'(') => open.push(here),
                Some(b')') => _ = open.pop(),
                Some(b'\\') if !ahead.is_at_end() => _ = ahead.next(),
                Some(b'\\') | None => {
                    if let Some(innermost) = open.last() {
                        self.place.end_at(innermost);
                    }
                    return false;
                }
                Some(_) => {}
            }
            if open.is_empty() {
                self.place.go_to(&ahead);
                return true;
            }
        }
    }

    /// True when something was read and more may follow.
    fn address(&mut self, depth: usize) -> bool {
        self.skip_gap();
        if self.place.is_at_end() {
            return false;
        }
        if depth <= MAX_GROUP_DEPTH && self.group(depth) {
            return true;
        }
        self.mailbox()
    }

    fn group(&mut self, depth: usize) -> bool {
        let start = self.place;
        if !self.place.is_at(b':') {
            self.phrase();
        }
        self.skip_gap();
        if !self.place.eat(b':') {
            self.place.go_to(&start);
            return false;
        }
        self.skip_gap();
        while !self.place.is_at_end() && !self.place.is_at(b';') {
            let read = self.address(depth + 1);
            self.skip_gap();
            if !read || !(self.place.eat(b',') || self.place.is_at(b';')) {
                // The rest is not read.
                let here = self.place;
                self.place.end_at(&here);
            }
        }
        self.place.eat(b';');
        self.skip_gap();
        true
    }

    fn mailbox(&mut self) -> bool {
        let start = self.place;
        if self.place.is_at(b'<') {
            return self.angle_addr();
        }
        if !self.phrase() {
            return false;
        }
        if self.angle_addr() {
            return true;
        }
        self.place.go_to(&start);
        self.addr_spec()
    }

    /// True when an address was read, whether its bracket is closed or not.
    fn angle_addr(&mut self) -> bool {
        self.skip_gap();
        if !self.place.eat(b'<') {
            return false;
        }
        let behind_bracket = self.place;
        self.skip_gap();
        let mut routed = false;
        while self.place.eat(b'@') && self.domain().is_some() {
            routed = true;
            self.skip_gap();
            if !self.place.eat(b',') {
                break;
            }
            self.skip_gap();
        }
        if !routed || !self.place.eat(b':') {
            self.place.go_to(&behind_bracket);
        }
        if !self.addr_spec() {
            return false;
        }
        self.place.eat(b'>');
        self.skip_gap();
        true
    }

    fn addr_spec(&mut self) -> bool {
        self.skip_gap();
        let Some(mut local_part) = self.word(is_special) else { return false };
        let mut end = self.place;
        self.skip_gap();
        while self.place.eat(b'.') {
            self.skip_gap();
            let Some(word) = self.word(is_special) else { break };
            local_part.push(b'.');
            local_part.extend_from_slice(&word);
            end = self.place;
            self.skip_gap();
        }
        self.place.go_to(&end);
        self.skip_gap();
        if self.eat_at_word() || self.place.eat(b'@') {
            if let Some(domain) = self.domain() {
                self.shown.add(&local_part, &domain);
            }
            self.skip_gap();
        } else {
            self.place.go_to(&end);
        }
        true
    }

    /// RFC 733 allows ` at ` for the at sign, and so does c-client.
    fn eat_at_word(&mut self) -> bool {
        let mut ahead = self.place;
        let word = ahead.next().zip(ahead.next());
        let is_at_word = matches!(word, Some((b'a' | b'A', b't' | b'T')))
            && ahead.peek().is_some_and(|c| is_blank(c) || c == b'(');
        if is_at_word {
            self.place.go_to(&ahead);
        }
        is_at_word
    }

    fn domain(&mut self) -> Option<Vec<u8>> {
        self.skip_gap();
        let mut domain = self.domain_part()?;
        loop {
            let end = self.place;
            self.skip_gap();
            if !self.place.eat(b'.') {
                self.place.go_to(&end);
                return Some(domain);
            }
            self.skip_gap();
            let Some(part) = self.domain_part() else {
                self.place.go_to(&end);
                return Some(domain);
            };
            domain.push(b'.');
            domain.extend_from_slice(&part);
        }
    }

    fn domain_part(&mut self) -> Option<Vec<u8>> {
        if !self.place.eat(b'[') {
            return self.word(is_special);
        }
        let mut literal = b"[".to_vec();
        literal.extend(self.word(|c| matches!(c, b']' | b'\\'))?);
        self.place.eat(b']').then_some(literal)
    }

    /// Skips the words of a phrase; false when there is none.
    fn phrase(&mut self) -> bool {
        let mut found = false;
        loop {
            let end = self.place;
            if found {
                self.skip_gap();
            }
            if self.word(is_special).is_none() {
                self.place.go_to(&end);
                return found;
            }
            found = true;
        }
    }

    /// The text before the next delimiter, quotes and backslashes removed.
    fn word(&mut self, is_delimiter: fn(u8) -> bool) -> Option<Vec<u8>> {
        let start = self.place;
        self.skip_gap();
        let (begin, mut word) = (self.place, Vec::new());
        while let Some(octet) = self.place.peek() {
            match octet {
                b'"' if is_delimiter(b'"') => {
                    self.place.next();
                    if !self.quoted(&mut word) {
                        self.place.go_to(&start);
                        return None;
                    }
                }
                b'\\' if is_delimiter(b'\\') && self.place.rest().len() > 1 => {
                    self.place.next();
                    word.extend(self.place.next());
                }
                octet if is_delimiter(octet) => break,
                octet => {
                    word.push(octet);
                    self.place.next();
                }
            }
        }
        let read = !self.place.since(&begin).is_empty();
        if !read {
            self.place.go_to(&start);
        }
        read.then_some(word)
    }

    fn quoted(&mut self, word: &mut Vec<u8>) -> bool {
        loop {
            match self.place.next() {
                None => return false,
                Some(b'"') => return true,
                Some(b'\\') => match self.place.next() {
                    None => return false,
                    Some(octet) => word.push(octet),
                },
                Some(octet) => word.push(octet),
            }
        }
    }
}

/// `wspecials`.
fn is_special(c: u8) -> bool {
    c <= b' ' || c == 0x7f || b"()<>@,;:\\\"[]".contains(&c)
}
