//! Dovecot's parser, as in IMAP ENVELOPE of Dovecot 2.3.19; Perl's Email::Address::XS 1.05 derives from it.
//!
//! It accepts comments and blanks around the at sign and around dots, as RFC 5322 §4.4 allows, and reads a word before
//! angle brackets as an address when an at sign follows it. Parsing ends where an element is not followed by a comma.

use super::{
    Shown,
    cursor::{Cursor, is_blank},
};

pub(super) fn read(value: &[u8]) -> Shown {
    let mut parser = Parser { place: Cursor::new(value), shown: Shown::default() };
    if parser.skip_gap() == Ok(More::Yes) {
        while parser.address() == More::Yes && parser.place.eat(b',') && parser.skip_gap() == Ok(More::Yes) {}
    }
    parser.shown
}

/// Whether more text follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum More {
    Yes,
    No,
}

#[derive(Debug, PartialEq, Eq)]
struct Broken;

type Step = Result<More, Broken>;

/// Local-part and domain.
type Parts = (Vec<u8>, Vec<u8>);

struct Parser<'t> {
    place: Cursor<'t>,
    shown: Shown,
}

impl Parser<'_> {
    fn more(&self) -> More {
        if self.place.is_at_end() { More::No } else { More::Yes }
    }

    fn skip_gap(&mut self) -> Step {
        loop {
            self.place.take_while(is_blank);
            if !self.place.eat(b'(') {
                return Ok(self.more());
            }
            let mut depth = 1;
            while depth > 0 {
                match self.place.next().ok_or(Broken)? {
                    b'(' => depth += 1,
                    b')' => depth -= 1,
                    b'\\' => _ = self.place.next().ok_or(Broken)?,
                    _ => {}
                }
            }
        }
    }

    fn address(&mut self) -> More {
        let start = self.place;
        if self.phrase() == Ok(More::Yes) && self.place.eat(b':') {
            return self.group();
        }
        self.place = start;
        match self.mailbox() {
            Ok(more) => more,
            // What follows is read nevertheless.
            Err(Broken) => More::Yes,
        }
    }

    /// Reads the members of a group after its name and colon.
    fn group(&mut self) -> More {
        let mut step = self.skip_gap();
        if step == Ok(More::Yes) && !self.place.is_at(b';') {
            step = loop {
                match self.mailbox() {
                    Ok(More::Yes) if self.place.eat(b',') => {}
                    Ok(More::Yes) => break Ok(More::Yes),
                    _ => break Err(Broken),
                }
                if self.skip_gap() != Ok(More::Yes) {
                    break Err(Broken);
                }
            };
        }
        if step.is_ok() && self.place.eat(b';') {
            step = self.skip_gap();
        }
        if step == Ok(More::No) { More::No } else { More::Yes }
    }

    fn mailbox(&mut self) -> Step {
        let start = self.place;
        if self.phrase() == Ok(More::Yes) && self.place.eat(b'<') {
            // A broken one is shown as SYNTAX_ERROR.
            if let Ok(Some((local_part, domain))) = self.angle_addr() {
                self.shown.add(&local_part, &domain);
            }
            return Ok(self.more());
        }
        self.place = start;
        let mut local_part = Vec::new();
        let mut step = self.local_part(&mut local_part);
        if step != Ok(More::No) && self.place.eat(b'@') {
            let mut domain = Vec::new();
            let behind = self.domain(&mut domain);
            if behind.is_ok() {
                self.shown.add(&local_part, &domain);
            }
            if behind != Ok(More::Yes) {
                step = behind;
            }
        }
        step
    }

    /// Reads the text in angle brackets after the opening one. `None` when the text ends first.
    fn angle_addr(&mut self) -> Result<Option<Parts>, Broken> {
        let (mut local_part, mut domain) = (Vec::new(), Vec::new());
        if self.skip_gap()? == More::No {
            return Ok(None);
        }
        if self.place.is_at(b'@') && self.route()? == More::No {
            return Ok(None);
        }
        if self.local_part(&mut local_part)? == More::No {
            return Ok(None);
        }
        if self.place.eat(b'@') && self.domain(&mut domain)? == More::No {
            return Ok(Some((local_part, domain)));
        }
        if !self.place.eat(b'>') {
            return Err(Broken);
        }
        self.skip_gap()?;
        Ok(Some((local_part, domain)))
    }

    fn route(&mut self) -> Step {
        while self.place.eat(b'@') {
            if self.domain(&mut Vec::new())? == More::No {
                return Err(Broken);
            }
            while self.skip_gap() == Ok(More::Yes) && self.place.eat(b',') {}
        }
        if !self.place.eat(b':') {
            return Err(Broken);
        }
        self.skip_gap()
    }

    fn local_part(&mut self, out: &mut Vec<u8>) -> Step {
        if self.place.is_at(b'"') { self.quoted(out) } else { self.dot_atom(out) }
    }

    fn domain(&mut self, out: &mut Vec<u8>) -> Step {
        if self.skip_gap() != Ok(More::Yes) {
            return Err(Broken);
        }
        if !self.place.is_at(b'[') {
            return self.dot_atom(out);
        }
        loop {
            let octet = self.place.next().ok_or(Broken)?;
            out.push(octet);
            match octet {
                b'\\' => out.push(self.place.next().ok_or(Broken)?),
                b']' => return self.skip_gap(),
                _ => {}
            }
        }
    }

    fn dot_atom(&mut self, out: &mut Vec<u8>) -> Step {
        if !self.place.peek().is_some_and(is_atext) {
            return Err(Broken);
        }
        loop {
            out.extend_from_slice(self.place.take_while(is_atext));
            if self.skip_gap()? == More::No {
                return Ok(More::No);
            }
            if !self.place.eat(b'.') {
                return Ok(More::Yes);
            }
            out.push(b'.');
            if self.skip_gap()? == More::No {
                return Ok(More::No);
            }
        }
    }

    fn quoted(&mut self, out: &mut Vec<u8>) -> Step {
        self.place.next();
        loop {
            match self.place.next().ok_or(Broken)? {
                b'"' => return self.skip_gap(),
                b'\r' | b'\n' => {}
                b'\\' => out.push(self.place.next().ok_or(Broken)?),
                octet => out.push(octet),
            }
        }
    }

    fn phrase(&mut self) -> Step {
        if self.place.is_at_end() || self.place.is_at(b'.') {
            return Err(Broken);
        }
        loop {
            let step = if self.place.is_at(b'"') {
                self.quoted(&mut Vec::new())?
            } else {
                self.place.take_while(|c| is_atext(c) || c == b'.');
                self.skip_gap()?
            };
            if step == More::No {
                return Ok(More::No);
            }
            if !self.place.peek().is_some_and(|c| is_atext(c) || matches!(c, b'"' | b'.')) {
                return Ok(More::Yes);
            }
        }
    }
}

fn is_atext(c: u8) -> bool {
    c > b' ' && c != 0x7f && !b"()<>[]:;@\\,.\"".contains(&c)
}
