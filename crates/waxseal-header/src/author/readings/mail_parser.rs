//! The crate mail-parser 0.11.1 (Stalwart).
//!
//! Quotes and angle brackets nest: in angle brackets a quote is an ordinary character and the first `>` ends them. A
//! name with a comment but no address is shown in place of the address, decoded.

use super::Shown;
use crate::encoded_word::EncodedWords;

pub(super) fn read(value: &[u8]) -> Shown {
    let mut parser = Parser::default();
    let words = EncodedWords::new(value);
    let mut behind_word = 0;
    for (at, octet) in value.iter().enumerate() {
        // Of a fold, the blank after the line end is dropped, too.
        let of_fold = matches!(octet, b' ' | b'\t') && at > 0 && value.get(at - 1) == Some(&b'\n');
        if at < behind_word || of_fold {
            continue;
        }
        let may_begin = *octet == b'=' && parser.at_word_start && !parser.escaped;
        match may_begin.then(|| words.decode_at(at)).flatten() {
            Some((text, length)) => {
                parser.end_token();
                parser.decoded(&text);
                behind_word = at + length;
            }
            None => parser.octet(*octet),
        }
    }
    parser.end_token();
    parser.end_address();
    parser.shown
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Name,
    Angle,
    Quote,
    Comment,
}

struct Parser {
    shown: Shown,
    state: State,
    /// The states to return to.
    outer: Vec<State>,
    token: Vec<u8>,
    /// Bytes of the token without the blanks at its end, which belong to it only in quotes.
    solid: usize,
    /// The token has an at sign outside quotes.
    is_email: bool,
    at_word_start: bool,
    escaped: bool,
    name: Vec<u8>,
    mail: Vec<u8>,
    has_comment: bool,
}

impl Default for Parser {
    fn default() -> Self {
        Self {
            shown: Shown::default(),
            state: State::Name,
            outer: Vec::new(),
            token: Vec::new(),
            solid: 0,
            is_email: false,
            at_word_start: true,
            escaped: false,
            name: Vec::new(),
            mail: Vec::new(),
            has_comment: false,
        }
    }
}

impl Parser {
    fn octet(&mut self, octet: u8) {
        match (octet, self.state) {
            (b'\r', _) => {}
            (b'\n', _) => {
                self.end_token();
                self.at_word_start = true;
            }
            (b'\\', State::Angle | State::Quote | State::Comment) if !self.escaped => {
                self.end_token();
                self.escaped = true;
            }
            (b',' | b';', State::Name) => {
                self.end_token();
                self.end_address();
            }
            (b'<', State::Name) => {
                self.is_email = false;
                self.end_token();
                self.enter(State::Angle);
            }
            (b'>', State::Angle) => self.leave(),
            (b'"', State::Name) if !self.escaped => {
                self.enter(State::Quote);
                self.end_token();
            }
            (b'"', State::Quote) if !self.escaped => self.leave(),
            (b' ' | b'\t', _) => self.blank(octet),
            (b'(', State::Name | State::Angle) if !self.escaped => {
                self.end_token();
                self.enter(State::Comment);
            }
            (b')', State::Comment) if !self.escaped => self.end_comment(),
            (b':', State::Name) if !self.escaped => {
                // That was the name of a group.
                self.end_token();
                self.forget();
            }
            _ => self.ordinary(octet),
        }
    }

    fn ordinary(&mut self, octet: u8) {
        if octet == b'(' && self.state == State::Comment && !self.escaped {
            self.outer.push(State::Comment);
        }
        self.is_email |= octet == b'@' && self.state == State::Name;
        self.escaped = false;
        self.at_word_start = false;
        self.token.push(octet);
        self.solid = self.token.len();
    }

    fn blank(&mut self, octet: u8) {
        self.at_word_start = true;
        self.escaped = false;
        // Blanks outside quotes stay in a token that continues after them.
        if self.state == State::Quote || !self.token.is_empty() {
            self.token.push(octet);
        }
        if self.state == State::Quote {
            self.solid = self.token.len();
        }
    }

    fn enter(&mut self, state: State) {
        self.outer.push(self.state);
        self.state = state;
    }

    fn leave(&mut self) {
        self.end_token();
        self.state = self.outer.pop().unwrap_or_default();
    }

    fn end_comment(&mut self) {
        match self.outer.pop() {
            Some(State::Comment) => self.ordinary(b')'),
            outer => {
                self.end_token();
                self.state = outer.unwrap_or_default();
            }
        }
    }

    fn decoded(&mut self, text: &[u8]) {
        match self.state {
            State::Comment => self.has_comment = true,
            _ => self.name.extend_from_slice(text),
        }
    }

    fn end_token(&mut self) {
        self.token.truncate(std::mem::take(&mut self.solid));
        if self.token.is_empty() {
            return;
        }
        match self.state {
            State::Angle => self.mail.append(&mut self.token),
            State::Name if self.is_email => self.mail.append(&mut self.token),
            State::Name | State::Quote => self.name.append(&mut self.token),
            State::Comment => self.has_comment = true,
        }
        self.token.clear();
        self.is_email = false;
        self.at_word_start = true;
        self.escaped = false;
    }

    fn end_address(&mut self) {
        let address = match self.has_comment && self.mail.is_empty() {
            true => &self.name,
            false => &self.mail,
        };
        self.shown.add_doubtful(address);
        self.forget();
    }

    /// What follows is another address.
    fn forget(&mut self) {
        self.name.clear();
        self.mail.clear();
        self.has_comment = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name with a comment is shown in place of the address, and what was quoted belongs to it.
    #[test]
    fn quoted_text_behind_an_address_can_be_more_of_its_domain() {
        let shown = read(b"u@evil.example \".bank.example\"(x)");
        assert!(shown.shows(b"evil.example.bank.example"));
        assert!(crate::Authors::parse(b"u@evil.example \".bank.example\"(x)").is_err());
        assert_eq!(read(b"u@evil.example \".bank.example\"").addresses().len(), 0);
    }
}
