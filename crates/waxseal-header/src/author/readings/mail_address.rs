//! Perl's Mail::Address 2.21.
//!
//! Tokens are joined into an address unless an angle bracket comes before the next comma or semicolon.

use super::{
    Shown,
    cursor::{Cursor, is_blank},
};

pub(super) fn read(value: &[u8]) -> Shown {
    let tokens = tokens(value);
    let mut parser = Parser { shown: Shown::default(), address: Vec::new(), last: None, depth: 0 };
    for element in tokens.split(|token| matches!(token, [b',' | b';'])) {
        let bracket = element.iter().position(|token| *token == b"<").unwrap_or(element.len());
        for (index, token) in element.iter().enumerate() {
            match token {
                [b'(', ..] => {}
                [b'<'] => parser.depth += 1,
                [b'>'] => parser.depth = parser.depth.saturating_sub(1),
                token if parser.depth > 0 => parser.push(token),
                // `$next` is searched once, at the start of the element.
                _ if bracket < element.len() => {}
                token => {
                    let joins = |token: &[u8]| matches!(token, [b'.' | b'@' | b':' | b';']);
                    if index > 0 && !joins(token) && !parser.last.is_none_or(joins) {
                        parser.complete();
                    }
                    parser.push(token);
                }
            }
        }
        parser.complete();
        parser.depth = 0;
    }
    parser.shown
}

struct Parser<'t> {
    shown: Shown,
    address: Vec<u8>,
    last: Option<&'t [u8]>,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn push(&mut self, token: &'t [u8]) {
        self.address.extend_from_slice(token);
        self.last = Some(token);
    }

    fn complete(&mut self) {
        self.shown.add_text(&self.address);
        self.address.clear();
        self.last = None;
    }
}

fn tokens(value: &[u8]) -> Vec<&[u8]> {
    let mut place = Cursor::new(value);
    let mut tokens = Vec::new();
    let (mut has_quote, mut has_bracket) = (true, true);
    loop {
        place.take_while(is_blank);
        let start = place;
        match place.next() {
            None => return tokens,
            // An unclosed comment is all that remains.
            Some(b'(') => _ = delimited(&mut place, b'(', b')'),
            // An unclosed quote or bracket is a token by itself; then so are all that follow.
            Some(b'"') if has_quote => has_quote = in_pair(&mut place, b'"'),
            Some(b'[') if has_bracket => has_bracket = in_pair(&mut place, b']'),
            Some(c) if is_special(c) => {}
            Some(_) => _ = place.take_while(|c| !is_special(c) && !is_blank(c)),
        }
        tokens.push(place.since(&start));
    }
}

/// Moves past `end`; false when there is none.
fn in_pair(place: &mut Cursor<'_>, end: u8) -> bool {
    let mut ahead = *place;
    let closed = delimited(&mut ahead, 0, end).is_some();
    if closed {
        *place = ahead;
    }
    closed
}

fn delimited(place: &mut Cursor<'_>, begin: u8, end: u8) -> Option<()> {
    let mut depth = 1;
    while depth > 0 {
        match place.next()? {
            b'\\' => _ = place.next()?,
            c if c == end => depth -= 1,
            c if c == begin => depth += 1,
            _ => {}
        }
    }
    Some(())
}

fn is_special(c: u8) -> bool {
    b"()<>@,;:\\\".[]".contains(&c)
}
