//! Tokens of structured fields (RFC 5322 §3.2).

use super::AddressFault;

/// How deep comments may be nested.
const MAX_DEPTH: usize = 16;

/// Reads tokens one by one, and each byte a bounded number of times.
#[derive(Clone)]
pub(crate) struct Lexer<'t> {
    text: &'t [u8],
    offset: usize,
    gap: Gap,
}

#[derive(Clone, Copy)]
pub(crate) struct Token<'t> {
    pub(crate) kind: Kind,
    pub(crate) text: &'t [u8],
    pub(crate) start: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `atext` and dots, with UTF-8 (RFC 6532 §3.2) and other bytes above 127.
    Word,
    Quoted,
    /// `[...]`
    Literal,
    At,
    Comma,
    Semicolon,
    Colon,
    Less,
    Greater,
}

/// What precedes a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gap {
    None,
    Blank,
    Comment,
}

/// Refuses control bytes, and CR and LF that are not part of a fold (RFC 5322 §2.2.3).
pub(crate) fn check_octets(text: &[u8]) -> Result<(), AddressFault> {
    for (offset, &octet) in text.iter().enumerate() {
        let next = || text.get(offset + 1);
        let legal = match octet {
            b'\t' => true,
            b'\r' => next() == Some(&b'\n'),
            b'\n' => matches!(next(), Some(b' ' | b'\t')),
            0x7f => false,
            _ => octet >= b' ',
        };
        if !legal {
            return Err(AddressFault::Control { octet, offset });
        }
    }
    Ok(())
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(text: &'t [u8], offset: usize) -> Self {
        Self { text, offset, gap: Gap::None }
    }

    /// Where the next token, or the gap before it, begins.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// What preceded the last token.
    pub(crate) fn gap(&self) -> Gap {
        self.gap
    }

    /// Reads what precedes the next token.
    pub(crate) fn peek_gap(&self) -> Result<Gap, AddressFault> {
        let mut ahead = self.clone();
        ahead.skip_gap()?;
        Ok(ahead.gap)
    }

    pub(crate) fn next(&mut self) -> Result<Option<Token<'t>>, AddressFault> {
        self.skip_gap()?;
        let start = self.offset;
        let Some(first) = self.text.get(start) else { return Ok(None) };
        let kind = match first {
            b'@' => Kind::At,
            b',' => Kind::Comma,
            b';' => Kind::Semicolon,
            b':' => Kind::Colon,
            b'<' => Kind::Less,
            b'>' => Kind::Greater,
            b'"' => Kind::Quoted,
            b'[' => Kind::Literal,
            b')' => return Err(AddressFault::Comment { offset: start }),
            c if is_word(*c) => Kind::Word,
            _ => return Err(AddressFault::Syntax { offset: start }),
        };
        self.offset = match kind {
            Kind::Word => self.end_of_word(),
            Kind::Quoted => self.end_of_quoted()?,
            Kind::Literal => self.end_of_literal()?,
            _ => start + 1,
        };
        Ok(Some(Token { kind, text: self.text.get(start..self.offset).unwrap_or_default(), start }))
    }

    fn rest(&self) -> &'t [u8] {
        self.text.get(self.offset..).unwrap_or_default()
    }

    fn skip_gap(&mut self) -> Result<(), AddressFault> {
        self.gap = Gap::None;
        while let Some(c) = self.text.get(self.offset) {
            match c {
                b' ' | b'\t' | b'\r' | b'\n' => {
                    self.gap = self.gap.max(Gap::Blank);
                    self.offset += 1;
                }
                b'(' => {
                    self.gap = Gap::Comment;
                    self.offset = self.end_of_comment()?;
                }
                _ => break,
            }
        }
        Ok(())
    }

    fn end_of_word(&self) -> usize {
        self.offset + self.rest().iter().position(|c| !is_word(*c)).unwrap_or(self.rest().len())
    }

    fn end_of_comment(&self) -> Result<usize, AddressFault> {
        let mut depth = 0;
        let mut octets = self.rest().iter().enumerate();
        while let Some((at, c)) = octets.next() {
            match c {
                b'\\' => {
                    octets.next();
                }
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(self.offset + at + 1);
            }
            if depth > MAX_DEPTH {
                break;
            }
        }
        Err(AddressFault::Comment { offset: self.offset })
    }

    fn end_of_quoted(&self) -> Result<usize, AddressFault> {
        let mut octets = self.rest().iter().enumerate().skip(1);
        while let Some((at, c)) = octets.next() {
            match c {
                b'\\' => {
                    octets.next();
                }
                b'"' => return Ok(self.offset + at + 1),
                _ => {}
            }
        }
        Err(AddressFault::QuotedString { offset: self.offset })
    }

    /// RFC 5321 §4.1.3: "Printable US-ASCII … excl. "[", "\", "]"". The blanks of RFC 5322 §3.4.1 would be part of a domain.
    fn end_of_literal(&self) -> Result<usize, AddressFault> {
        let syntax = AddressFault::Syntax { offset: self.offset };
        let inner = self.rest().get(1..).unwrap_or_default();
        let is_content = |c: &u8| c.is_ascii_graphic() && !matches!(c, b'[' | b']' | b'\\');
        let end = inner.iter().position(|c| !is_content(c)).ok_or(syntax.clone())?;
        if inner.get(end) == Some(&b']') { Ok(self.offset + end + 2) } else { Err(syntax) }
    }
}

fn is_word(c: u8) -> bool {
    c > b' '
        && !matches!(c, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b':' | b';' | b'@' | b'\\' | b',' | b'"')
}
