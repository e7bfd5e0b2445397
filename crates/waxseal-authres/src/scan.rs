//! Structured header text (RFC 5322 §3.2), octet by octet: white space, comments, quoted strings and bare words.

use std::borrow::Cow;

use crate::escape;

/// How deep comments may nest when a field is read; deeper ones are [`InvalidText::TooDeep`].
pub const MAX_COMMENT_DEPTH: usize = 16;

/// What is wrong with the text of a structured header field, before any grammar of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidText {
    /// A `(` without its `)`.
    #[error("the comment that begins at offset {offset} is not closed; write \"\\(\" for a bare parenthesis")]
    OpenComment {
        /// Where the outermost comment begins.
        offset: usize,
    },
    /// Comments nested deeper than [`MAX_COMMENT_DEPTH`].
    #[error("comments nest deeper than {MAX_COMMENT_DEPTH} levels at offset {offset}")]
    TooDeep {
        /// Where the innermost comment begins.
        offset: usize,
    },
    /// A `"` without its partner.
    #[error("the quoted string that begins at offset {offset} is not closed")]
    OpenQuote {
        /// Where the quoted string begins.
        offset: usize,
    },
    /// An octet that leaves it open which quotes and parentheses belong together: a quote, a backslash or a closing parenthesis
    /// outside quoted strings and comments, or more text right behind a quoted string.
    #[error(
        "octet 0x{octet:02X} at offset {offset} leaves it open which quotes and parentheses belong together"
    )]
    Stray {
        /// The octet.
        octet: u8,
        /// Where it stands.
        offset: usize,
    },
    /// A control character, or a line end that is no folding (RFC 5322 §2.2.3): no blank follows it.
    #[error("forbidden control character 0x{octet:02X} at offset {offset}")]
    Control {
        /// The octet.
        octet: u8,
        /// Where it stands.
        offset: usize,
    },
}

/// Reads a value from left to right. Every octet is looked at once, at any nesting.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'v> {
    text: &'v [u8],
    at: usize,
    /// The inside of the first comment since [`Scanner::forget_comments`].
    comment: Option<&'v [u8]>,
}

impl<'v> Scanner<'v> {
    pub(crate) fn new(text: &'v [u8]) -> Self {
        Self { text, at: 0, comment: None }
    }

    /// How many octets were read.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Goes back to an offset seen before. Comments behind it are remembered.
    pub(crate) fn go_back(&mut self, offset: usize) {
        self.at = offset;
    }

    /// Reads all that is left.
    pub(crate) fn go_to_end(&mut self) {
        self.at = self.text.len();
    }

    /// Whether white space, and not a comment, stands in front of `offset`.
    pub(crate) fn is_behind_space(&self, offset: usize) -> bool {
        let before = offset.checked_sub(1).and_then(|before| self.text.get(before));
        matches!(before, Some(b' ' | b'\t' | b'\n'))
    }

    /// Lets the next comment be the first one.
    pub(crate) fn forget_comments(&mut self) {
        self.comment = None;
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Reads this octet if it is next.
    pub(crate) fn eat(&mut self, octet: u8) -> bool {
        let found = self.peek() == Some(octet);
        self.at += usize::from(found);
        found
    }

    /// The longest run of octets that are all accepted; it may be empty.
    pub(crate) fn run(&mut self, accepts: impl Fn(u8) -> bool) -> &'v [u8] {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let run = rest.iter().position(|b| !accepts(*b)).and_then(|end| rest.get(..end)).unwrap_or(rest);
        self.at += run.len();
        run
    }

    /// What was read since `offset`.
    pub(crate) fn since(&self, offset: usize) -> &'v [u8] {
        self.text.get(offset..self.at).unwrap_or_default()
    }

    /// Skips white space, folding and comments; says whether there was any.
    pub(crate) fn skip_cfws(&mut self) -> Result<bool, InvalidText> {
        let start = self.at;
        loop {
            match self.peek() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\r' | b'\n') => self.skip_line_end()?,
                Some(b'(') => self.skip_comment()?,
                _ => return Ok(self.at > start),
            }
        }
    }

    /// The first comment that was skipped since [`Scanner::forget_comments`].
    pub(crate) fn comment(&self) -> Option<Cow<'v, str>> {
        self.comment.map(unescaped)
    }

    /// Reads a quoted string, whose opening quote is next, and gives what stands between the quotes, still escaped.
    pub(crate) fn quoted(&mut self) -> Result<&'v [u8], InvalidText> {
        let opening = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(InvalidText::OpenQuote { offset: opening }),
                Some(b'"') => break,
                Some(b'\\') => self.skip_pair(InvalidText::OpenQuote { offset: opening })?,
                Some(_) => self.skip_text()?,
            }
        }
        let inside = self.since(opening + 1);
        self.at += 1;
        Ok(inside)
    }

    fn skip_comment(&mut self) -> Result<(), InvalidText> {
        let (opening, mut depth) = (self.at, 0);
        loop {
            match self.peek() {
                None => return Err(InvalidText::OpenComment { offset: opening }),
                Some(b'(') if depth == MAX_COMMENT_DEPTH => {
                    return Err(InvalidText::TooDeep { offset: self.at });
                }
                Some(b'(') => (self.at, depth) = (self.at + 1, depth + 1),
                Some(b')') if depth == 1 => break,
                Some(b')') => (self.at, depth) = (self.at + 1, depth - 1),
                Some(b'\\') => self.skip_pair(InvalidText::OpenComment { offset: opening })?,
                Some(_) => self.skip_text()?,
            }
        }
        let inside = self.since(opening + 1);
        self.comment.get_or_insert(inside);
        self.at += 1;
        Ok(())
    }

    /// Skips a quoted pair (RFC 5322 §3.2.1).
    fn skip_pair(&mut self, open: InvalidText) -> Result<(), InvalidText> {
        self.at += 1;
        match self.peek() {
            None => Err(open),
            Some(b'\r' | b'\n') => Err(self.control()),
            Some(_) => self.skip_text(),
        }
    }

    /// Skips one octet of a quoted string or comment. Those above 127 are UTF-8 (RFC 6532 §3.2), or shown as `<0xFF>`.
    fn skip_text(&mut self) -> Result<(), InvalidText> {
        match self.peek() {
            Some(b'\r' | b'\n') => self.skip_line_end(),
            Some(b'\t' | b' '..=b'~' | 0x80..) => {
                self.at += 1;
                Ok(())
            }
            _ => Err(self.control()),
        }
    }

    /// Skips CRLF, or the LF that a milter or a file leaves of it, when it folds the line or ends the value.
    fn skip_line_end(&mut self) -> Result<(), InvalidText> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        match rest {
            [b'\r', b'\n'] | [b'\r', b'\n', b' ' | b'\t', ..] => self.at += 2,
            [b'\n'] | [b'\n', b' ' | b'\t', ..] => self.at += 1,
            _ => return Err(self.control()),
        }
        Ok(())
    }

    /// That the next octet cannot stand where it does.
    pub(crate) fn stray(&self) -> InvalidText {
        match self.peek() {
            Some(octet) if !octet.is_ascii_control() => InvalidText::Stray { octet, offset: self.at },
            _ => self.control(),
        }
    }

    fn control(&self) -> InvalidText {
        InvalidText::Control { octet: self.peek().unwrap_or_default(), offset: self.at }
    }
}

/// The text of a quoted string or comment: unfolded (RFC 5322 §2.2.3) and without the backslashes of quoted pairs.
/// Octets that are not UTF-8 become `<0xFF>`.
pub(crate) fn unescaped(inside: &[u8]) -> Cow<'_, str> {
    if !inside.iter().any(|b| matches!(b, b'\\' | b'\r' | b'\n')) {
        return escape::readable(inside);
    }
    let mut plain = Vec::with_capacity(inside.len());
    let mut rest = inside.iter();
    while let Some(b) = rest.next() {
        match b {
            b'\\' => plain.extend(rest.next()),
            b'\r' | b'\n' => {}
            _ => plain.push(*b),
        }
    }
    Cow::Owned(escape::readable(&plain).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(text: &[u8]) -> Result<(usize, Option<String>), InvalidText> {
        let mut scan = Scanner::new(text);
        scan.skip_cfws()?;
        let comment = scan.comment().map(Cow::into_owned);
        Ok((scan.offset(), comment))
    }

    #[test]
    fn comments_nest_and_fold() {
        assert_eq!(skip(b" \t(a (b) c)(d) x"), Ok((15, Some("a (b) c".into()))));
        assert_eq!(skip(b"(a\r\n b\n\tc)"), Ok((10, Some("a b\tc".into()))));
        assert_eq!(skip(br"(\) \( \\ \a)"), Ok((13, Some(r") ( \ a".into()))));
        assert_eq!(skip(b"(\xff\xc3\xa9)"), Ok((5, Some("<0xFF>é".into()))));
        assert_eq!(skip(b"\r\n"), Ok((2, None)));
        assert_eq!(skip(b" \n"), Ok((2, None)));
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        let nested = |n: usize| [b"(".repeat(n), b")".repeat(n)].concat();
        assert_eq!(skip(&nested(MAX_COMMENT_DEPTH)).map(|(end, _)| end), Ok(2 * MAX_COMMENT_DEPTH));
        assert_eq!(
            skip(&nested(MAX_COMMENT_DEPTH + 1)),
            Err(InvalidText::TooDeep { offset: MAX_COMMENT_DEPTH })
        );
    }

    #[test]
    fn what_is_open_is_named_by_its_beginning() {
        assert_eq!(skip(b" (a (b)"), Err(InvalidText::OpenComment { offset: 1 }));
        assert_eq!(skip(b" (a\\"), Err(InvalidText::OpenComment { offset: 1 }));
        assert_eq!(skip(b"(a\0)"), Err(InvalidText::Control { octet: 0, offset: 2 }));
        assert_eq!(skip(b"\r\nX: y"), Err(InvalidText::Control { octet: 13, offset: 0 }));
        assert_eq!(skip(b"\nX: y"), Err(InvalidText::Control { octet: 10, offset: 0 }));
        assert_eq!(skip(b" \r "), Err(InvalidText::Control { octet: 13, offset: 1 }));
        assert_eq!(skip(b"(\\\n )"), Err(InvalidText::Control { octet: 10, offset: 2 }));
        let quoted = |text: &'static [u8]| Scanner::new(text).quoted();
        assert_eq!(quoted(b"\"a\\\"b\"c"), Ok(&b"a\\\"b"[..]));
        assert_eq!(quoted(b"\"a"), Err(InvalidText::OpenQuote { offset: 0 }));
        assert_eq!(quoted(b"\"a\\"), Err(InvalidText::OpenQuote { offset: 0 }));
        assert_eq!(quoted(b"\"a\x7f\""), Err(InvalidText::Control { octet: 127, offset: 2 }));
    }
}
