//! Reading Received-SPF by the grammar of RFC 7208 §9.1.

use std::borrow::Cow;

use crate::escape::readable;
use crate::received_spf::ReceivedSpf;
use crate::result::SpfResult;
use crate::scan::{self, Scanner};
use waxseal_header::structured::InvalidText;

/// The value of a Received-SPF field, read with [`ReceivedSpf::parse`].
///
/// It borrows from the value; only text that had to be unescaped or unfolded is copied. Anyone can write such a field:
/// trust only those above everything that came from outside (RFC 7208 §9.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedReceivedSpf<'v> {
    result: SpfResult,
    comment: Option<Cow<'v, str>>,
    pairs: Vec<(Cow<'v, str>, Cow<'v, str>)>,
}

impl ParsedReceivedSpf<'_> {
    /// The result.
    pub fn result(&self) -> SpfResult {
        self.result
    }

    /// The comment before the pairs, unescaped and unfolded.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// The pairs of key and value in order, values unescaped.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (key.as_ref(), value.as_ref()))
    }

    /// The value of a key, in any case; `None` also when the key occurs more than once, since programs may disagree
    /// about which one counts.
    pub fn get(&self, key: &str) -> Option<&str> {
        let mut found = self.pairs().filter(|(known, _)| known.eq_ignore_ascii_case(key));
        found.next().filter(|_| found.next().is_none()).map(|(_, value)| value)
    }
}

/// Why the value of a Received-SPF field cannot be read, and at which byte: more than 16 KiB or 64 pairs, a word that
/// is not a result of SPF, or a syntax error (RFC 7208 §9.1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidReceivedSpf(#[from] Fault);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Fault {
    /// More bytes than [`MAX_BYTES`].
    #[error("the value is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// More pairs than [`MAX_PAIRS`].
    #[error("more than {limit} pairs of key and value")]
    TooManyPairs {
        /// The limit.
        limit: usize,
    },
    /// The field does not begin with a result of SPF.
    #[error("\"{}\" is not a result of SPF", .0.escape_default())]
    Result(String),
    /// The grammar of RFC 7208 §9.1 requires something else here.
    #[error("{what} is missing at offset {offset} (RFC 7208 §9.1)")]
    Expected {
        /// What is expected.
        what: &'static str,
        /// Where.
        offset: usize,
    },
    /// A comment or quoted string that is not closed, a line end that is not a fold, or a control character.
    #[error(transparent)]
    Text(#[from] InvalidText),
}

impl ReceivedSpf {
    /// Parses the value of a Received-SPF field: at most 16 KiB, and 64 pairs.
    ///
    /// The result is accepted in any case. Beyond the grammar of RFC 7208 §9.1, values such as addresses need not be
    /// quoted, as written by policyd-spf (`envelope-from=joe@example.org; receiver=<UNKNOWN>`), and comments may occur
    /// between all parts.
    ///
    /// ```
    /// use waxseal_authres::{ReceivedSpf, SpfResult};
    /// let read = ReceivedSpf::parse(
    ///     b" pass (mybox.example.org: domain of joe@example.com\r\n\tdesignates 192.0.2.1 as permitted sender)\r\n\t\
    ///       client-ip=192.0.2.1; envelope-from=\"joe@example.com\"; helo=foo.example.com;",
    /// )?;
    /// assert_eq!(read.result(), SpfResult::Pass);
    /// assert_eq!(read.get("envelope-from"), Some("joe@example.com"));
    /// assert_eq!(read.get("identity"), None);
    /// # Ok::<(), waxseal_authres::InvalidReceivedSpf>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidReceivedSpf`].
    pub fn parse(value: &[u8]) -> Result<ParsedReceivedSpf<'_>, InvalidReceivedSpf> {
        Ok(read(value)?)
    }
}

/// The most bytes of a value.
const MAX_BYTES: usize = 16_384;
/// The most pairs of a value.
const MAX_PAIRS: usize = 64;

fn read(value: &[u8]) -> Result<ParsedReceivedSpf<'_>, Fault> {
    if value.len() > MAX_BYTES {
        return Err(Fault::TooLong { limit: MAX_BYTES });
    }
    let mut scan = Scanner::new(value);
    scan.skip_cfws()?;
    let word = scan.run(|b| b.is_ascii_alphanumeric());
    let result = SpfResult::from_name(word).ok_or_else(|| Fault::Result(readable(word).into_owned()))?;
    scan.forget_comments();
    scan.skip_cfws()?;
    let comment = scan.comment();
    Ok(ParsedReceivedSpf { result, comment, pairs: pairs(&mut scan)? })
}

type Pairs<'v> = Vec<(Cow<'v, str>, Cow<'v, str>)>;

fn pairs<'v>(scan: &mut Scanner<'v>) -> Result<Pairs<'v>, Fault> {
    let expected = |what, offset| Fault::Expected { what, offset };
    let mut pairs = Vec::new();
    loop {
        scan.skip_cfws()?;
        if scan.peek().is_none() {
            return Ok(pairs);
        }
        let offset = scan.offset();
        let key = scan.run(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if key.is_empty() {
            return Err(expected("a key", offset));
        }
        scan.skip_cfws()?;
        if !scan.eat(b'=') {
            return Err(expected("\"=\"", scan.offset()));
        }
        scan.skip_cfws()?;
        let value = match scan.quoted_string()? {
            Some(inside) => scan::unescaped(inside),
            None => readable(scan.run(is_bare)),
        };
        if pairs.len() == MAX_PAIRS {
            return Err(Fault::TooManyPairs { limit: MAX_PAIRS });
        }
        pairs.push((readable(key), value));
        scan.skip_cfws()?;
        if !scan.eat(b';') && scan.peek().is_some() {
            return Err(expected("\";\"", scan.offset()));
        }
    }
}

/// The characters of a value without quotes: more than those of a dot-atom, but none that could end it.
fn is_bare(b: u8) -> bool {
    b >= 0x80 || b.is_ascii_graphic() && !matches!(b, b'(' | b')' | b';' | b'"' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReceivedSpfStyle;

    #[test]
    fn both_styles_are_read_back() {
        for style in [ReceivedSpfStyle::Rfc7208, ReceivedSpfStyle::PolicydSpf] {
            let written = ReceivedSpf::new(SpfResult::SoftFail)
                .with_style(style)
                .with_comment("a (b) \\ \"c\"; d=e")
                .with_pair("client-ip", "2001:db8::1")
                .with_pair("envelope-from", "<>")
                .with_pair("helo", "a; identity=\"x\" (\\)")
                .with_pair("mechanism", "ip4:192.0.2.0/24")
                .with_pair("problem", "");
            let field = written.to_field();
            let read = ReceivedSpf::parse(&field.as_bytes()["Received-SPF:".len()..]).unwrap();
            assert_eq!((read.result(), read.comment()), (SpfResult::SoftFail, written.comment()));
            assert_eq!(read.pairs().collect::<Vec<_>>(), written.pairs().collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_comment_is_the_one_behind_the_result() {
        let read = ReceivedSpf::parse(b"(a) pass (b) (c) helo=x").unwrap();
        assert_eq!((read.comment(), read.get("helo")), (Some("b"), Some("x")));
        assert_eq!(ReceivedSpf::parse(b"(a) pass helo=x (b)").unwrap().comment(), None);
    }

    #[test]
    fn keys_that_stand_twice_have_no_value() {
        let read = ReceivedSpf::parse(b"pass identity=mailfrom; Identity=helo; x.y_z=1").unwrap();
        assert_eq!((read.get("identity"), read.get("X.Y_Z")), (None, Some("1")));
        assert_eq!(read.pairs().count(), 3);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |value: &[u8]| {
            let error = ReceivedSpf::parse(value).unwrap_err();
            let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
            format!("{error}{}", source.unwrap_or_default())
        };
        assert_eq!(error(b"ok"), "\"ok\" is not a result of SPF");
        assert_eq!(error(b"pass helo"), "\"=\" is missing at offset 9 (RFC 7208 §9.1)");
        assert_eq!(error(b"pass helo=a b"), "\";\" is missing at offset 12 (RFC 7208 §9.1)");
        assert_eq!(error(b"pass ;"), "a key is missing at offset 5 (RFC 7208 §9.1)");
        assert_eq!(error(b"pass helo=\"a"), "the quoted string that begins at offset 10 is not closed");
        assert_eq!(error(b"pass\r\nX: y"), "forbidden control character 0x0D at offset 4");
        let many = format!("pass {}", "a=b;".repeat(MAX_PAIRS + 1));
        assert_eq!(error(many.as_bytes()), "more than 64 pairs of key and value");
        let fits = format!("pass{}", " ".repeat(MAX_BYTES - 4));
        assert!(ReceivedSpf::parse(fits.as_bytes()).is_ok());
        assert_eq!(error(&[b' '; MAX_BYTES + 1]), "the value is longer than 16384 bytes");
    }
}
