//! Text of structured header fields (RFC 5322 §3.2), byte by byte: white space, comments, quoted strings and runs.
//!
//! [`Scanner`] handles what all such fields have in common, but no grammar of a particular field. Every byte is read
//! once, at any nesting, and nothing is copied.

use std::borrow::Cow;

/// How deep comments may nest.
const MAX_COMMENT_DEPTH: usize = 16;

/// What is wrong with the text of a structured field in general, and at which byte: a comment or quoted string that is
/// not closed, comments nested deeper than 16, a byte that makes it unclear which quotes and parentheses belong
/// together, a control character, or a line end that is not a fold (RFC 5322 §2.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidText(#[from] Fault);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// A `(` without its `)`.
    #[error("the comment that begins at offset {offset} is not closed; write \"\\(\" for a bare parenthesis")]
    OpenComment {
        /// Where the outermost comment begins.
        offset: usize,
    },
    /// Comments are nested too deep.
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
    /// A byte that makes it unclear which quotes and parentheses belong together: a quote, a backslash or a closing
    /// parenthesis outside quoted strings and comments, or text right after a quoted string.
    #[error(
        "byte 0x{octet:02X} at offset {offset} makes it unclear which quotes and parentheses belong together"
    )]
    Stray {
        /// The byte.
        octet: u8,
        /// Where it stands.
        offset: usize,
    },
    /// A control character, or a line end that is not a fold (RFC 5322 §2.2.3): no blank follows it.
    #[error("forbidden control character 0x{octet:02X} at offset {offset}")]
    Control {
        /// The byte.
        octet: u8,
        /// Where it stands.
        offset: usize,
    },
}

/// Reads the value of a structured field from left to right.
///
/// ```
/// use waxseal_header::structured::Scanner;
/// let mut scanner = Scanner::new(b" (RFC 5322) \"a \\\"b\\\"\" ; c");
/// let mut comments = Vec::new();
/// scanner.skip_cfws_with(|comment| comments.push(comment))?;
/// assert_eq!(comments, [b"RFC 5322"]);
/// assert_eq!(scanner.quoted_string()?, Some(&b"a \\\"b\\\""[..]));
/// scanner.skip_cfws()?;
/// assert!(scanner.eat(b';'));
/// # Ok::<(), waxseal_header::structured::InvalidText>(())
/// ```
#[derive(Debug, Clone)]
pub struct Scanner<'v> {
    text: &'v [u8],
    at: usize,
}

impl<'v> Scanner<'v> {
    /// Begins at the start of `text`, the value of a field or a part of one.
    pub fn new(text: &'v [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// How many bytes were read.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Moves to `offset`, backward or forward; past the end of the text nothing is left.
    pub fn go_to(&mut self, offset: usize) {
        self.at = offset;
    }

    /// The next byte.
    pub fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Consumes this byte if it is next.
    pub fn eat(&mut self, octet: u8) -> bool {
        let found = self.peek() == Some(octet);
        self.at += usize::from(found);
        found
    }

    /// Reads the longest run of bytes that are all accepted; it may be empty.
    pub fn run(&mut self, accepts: impl Fn(u8) -> bool) -> &'v [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|octet| !accepts(*octet)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// The text read since `offset`, an earlier [`Scanner::offset`].
    pub fn since(&self, offset: usize) -> &'v [u8] {
        self.text.get(offset..self.at).unwrap_or_default()
    }

    /// The rest of the text.
    pub fn rest(&self) -> &'v [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Skips white space, folds and comments (`CFWS`); returns whether there was any.
    ///
    /// # Errors
    /// [`InvalidText`].
    pub fn skip_cfws(&mut self) -> Result<bool, InvalidText> {
        self.skip_cfws_with(|_| ())
    }

    /// [`Scanner::skip_cfws`] that passes the content of each comment to a closure, still escaped; see [`unescaped`].
    ///
    /// # Errors
    /// [`InvalidText`].
    pub fn skip_cfws_with(&mut self, mut comment: impl FnMut(&'v [u8])) -> Result<bool, InvalidText> {
        let start = self.at;
        loop {
            match self.peek() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\r' | b'\n') => self.skip_line_end()?,
                Some(b'(') => comment(self.comment()?),
                _ => return Ok(self.at > start),
            }
        }
    }

    /// Reads a quoted string (RFC 5322 §3.2.4) if one is next, and returns the text between the quotes, still escaped;
    /// see [`unescaped`].
    ///
    /// # Errors
    /// [`InvalidText`].
    pub fn quoted_string(&mut self) -> Result<Option<&'v [u8]>, InvalidText> {
        let opening = self.at;
        if !self.eat(b'"') {
            return Ok(None);
        }
        loop {
            match self.peek() {
                None => return Err(InvalidText(Fault::OpenQuote { offset: opening })),
                Some(b'"') => break,
                Some(b'\\') => self.skip_quoted_pair(InvalidText(Fault::OpenQuote { offset: opening }))?,
                Some(_) => self.skip_text()?,
            }
        }
        let inside = self.since(opening + 1);
        self.at += 1;
        Ok(Some(inside))
    }

    /// The content of the comment whose parenthesis is next. The error that the next byte is not allowed here.
    pub fn stray(&self) -> InvalidText {
        let (octet, offset) = (self.peek().unwrap_or_default(), self.at);
        let is_control = octet.is_ascii_control();
        InvalidText(if is_control {
            Fault::Control { octet, offset }
        } else {
            Fault::Stray { octet, offset }
        })
    }

    fn comment(&mut self) -> Result<&'v [u8], InvalidText> {
        let (opening, mut depth) = (self.at, 0);
        loop {
            match self.peek() {
                None => return Err(InvalidText(Fault::OpenComment { offset: opening })),
                Some(b'(') if depth == MAX_COMMENT_DEPTH => {
                    return Err(InvalidText(Fault::TooDeep { offset: self.at }));
                }
                Some(b'(') => (self.at, depth) = (self.at + 1, depth + 1),
                Some(b')') if depth == 1 => break,
                Some(b')') => (self.at, depth) = (self.at + 1, depth - 1),
                Some(b'\\') => self.skip_quoted_pair(InvalidText(Fault::OpenComment { offset: opening }))?,
                Some(_) => self.skip_text()?,
            }
        }
        let inside = self.since(opening + 1);
        self.at += 1;
        Ok(inside)
    }

    /// Skips a quoted pair (RFC 5322 §3.2.1).
    fn skip_quoted_pair(&mut self, open: InvalidText) -> Result<(), InvalidText> {
        self.at += 1;
        match self.peek() {
            None => Err(open),
            Some(octet @ (b'\r' | b'\n')) => Err(self.control(octet)),
            Some(_) => self.skip_text(),
        }
    }

    /// Skips one byte of a quoted string or comment. Those above 127 are UTF-8 (RFC 6532 §3.2), or are accepted.
    fn skip_text(&mut self) -> Result<(), InvalidText> {
        match self.peek() {
            Some(b'\r' | b'\n') => self.skip_line_end(),
            Some(octet) if octet != b'\t' && octet.is_ascii_control() => Err(self.control(octet)),
            _ => {
                self.at += 1;
                Ok(())
            }
        }
    }

    /// Skips CRLF, or the LF to which milters and files reduce it, when it folds the line or ends the value.
    fn skip_line_end(&mut self) -> Result<(), InvalidText> {
        self.at += match self.rest() {
            [b'\r', b'\n'] | [b'\r', b'\n', b' ' | b'\t', ..] => 2,
            [b'\n'] | [b'\n', b' ' | b'\t', ..] => 1,
            [octet, ..] => return Err(self.control(*octet)),
            [] => 0,
        };
        Ok(())
    }

    fn control(&self, octet: u8) -> InvalidText {
        InvalidText(Fault::Control { octet, offset: self.at })
    }
}

/// The text of a quoted string or comment: unfolded (RFC 5322 §2.2.3) and without the backslashes of quoted pairs
/// (RFC 5322 §3.2.1).
///
/// ```
/// use waxseal_header::structured::unescaped;
/// assert_eq!(&*unescaped(b"a\r\n \\(b\\)"), b"a (b)");
/// ```
pub fn unescaped(inside: &[u8]) -> Cow<'_, [u8]> {
    if !inside.iter().any(|octet| matches!(octet, b'\\' | b'\r' | b'\n')) {
        return Cow::Borrowed(inside);
    }
    let mut plain = Vec::with_capacity(inside.len());
    let mut rest = inside.iter();
    while let Some(octet) = rest.next() {
        match octet {
            b'\\' => plain.extend(rest.next()),
            b'\r' | b'\n' => {}
            _ => plain.push(*octet),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(text: &[u8]) -> Result<(usize, Vec<Vec<u8>>), InvalidText> {
        let mut scanner = Scanner::new(text);
        let mut comments = Vec::new();
        scanner.skip_cfws_with(|comment| comments.push(unescaped(comment).into_owned()))?;
        Ok((scanner.offset(), comments))
    }

    fn skipped(text: &[u8], end: usize, comments: &[&[u8]]) {
        let comments = comments.iter().map(|comment| comment.to_vec()).collect();
        assert_eq!(skip(text), Ok((end, comments)), "{}", text.escape_ascii());
    }

    #[test]
    fn comments_nest_and_fold() {
        skipped(b" \t(a (b) c)(d) x", 15, &[b"a (b) c", b"d"]);
        skipped(b"(a\r\n b\n\tc)", 10, &[b"a b\tc"]);
        skipped(br"(\) \( \\ \a)", 13, &[br") ( \ a"]);
        skipped(b"(\xff\xc3\xa9)", 5, &[b"\xff\xc3\xa9"]);
        skipped(b"\r\n", 2, &[]);
        skipped(b" \n", 2, &[]);
        skipped(b"x", 0, &[]);
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        let nested = |depth: usize| [b"(".repeat(depth), b")".repeat(depth)].concat();
        assert_eq!(skip(&nested(MAX_COMMENT_DEPTH)).map(|(end, _)| end), Ok(2 * MAX_COMMENT_DEPTH));
        let offset = MAX_COMMENT_DEPTH;
        assert_eq!(skip(&nested(MAX_COMMENT_DEPTH + 1)), Err(InvalidText(Fault::TooDeep { offset })));
    }

    #[test]
    fn what_is_open_is_named_by_its_beginning() {
        assert_eq!(skip(b" (a (b)"), Err(InvalidText(Fault::OpenComment { offset: 1 })));
        assert_eq!(skip(b" (a\\"), Err(InvalidText(Fault::OpenComment { offset: 1 })));
        let quoted = |text: &'static [u8]| Scanner::new(text).quoted_string();
        assert_eq!(quoted(b"\"a\\\"b\"c"), Ok(Some(&b"a\\\"b"[..])));
        assert_eq!(quoted(b"a"), Ok(None));
        assert_eq!(quoted(b"\"a"), Err(InvalidText(Fault::OpenQuote { offset: 0 })));
        assert_eq!(quoted(b"\"a\\"), Err(InvalidText(Fault::OpenQuote { offset: 0 })));
    }

    #[test]
    fn controls_and_line_ends_that_fold_nothing_are_refused() {
        for (text, octet, offset) in [
            (&b"(a\0)"[..], 0, 2),
            (b"\r\nX: y", b'\r', 0),
            (b"\nX: y", b'\n', 0),
            (b" \r ", b'\r', 1),
            (b"(\\\n )", b'\n', 2),
            (b"(\x7f)", 0x7f, 1),
        ] {
            assert_eq!(
                skip(text),
                Err(InvalidText(Fault::Control { octet, offset })),
                "{}",
                text.escape_ascii()
            );
        }
        let error = InvalidText(Fault::Control { octet: 0x7f, offset: 2 });
        assert_eq!(Scanner::new(b"\"a\x7f\"").quoted_string(), Err(error));
    }

    #[test]
    fn runs_and_what_was_read() {
        let mut scanner = Scanner::new(b"abc=d");
        assert_eq!(scanner.run(|octet| octet.is_ascii_digit()), b"");
        assert_eq!(scanner.run(|octet| octet.is_ascii_alphabetic()), b"abc");
        assert!(scanner.eat(b'=') && !scanner.eat(b'='));
        assert_eq!((scanner.since(1), scanner.rest(), scanner.offset()), (&b"bc="[..], &b"d"[..], 4));
    }
}
