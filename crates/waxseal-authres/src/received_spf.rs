//! The Received-SPF header field (RFC 7208 §9.1).

use std::borrow::Cow;
use std::fmt;

use crate::escape::{self, readable};
use crate::fold::Folder;
use crate::{SpfResult, keyword::Keyword};

const NAME: &str = "Received-SPF:";

/// A Received-SPF header field: a result, a comment for people and `key=value` pairs for machines.
///
/// `Display` writes the field's body on one line; [`to_field`](Self::to_field) writes the whole field. Values are kept
/// as given and made safe when written, as in [`Entry`](crate::Entry).
///
/// ```
/// use waxseal_authres::{ReceivedSpf, SpfResult};
/// let field = ReceivedSpf::new(SpfResult::Pass)
///     .with_comment("mybox.example.org: domain of myname@example.com designates 192.0.2.1 as permitted sender")
///     .with_pair("receiver", "mybox.example.org")
///     .with_pair("client-ip", "192.0.2.1")
///     .with_pair("envelope-from", "myname@example.com")
///     .with_pair("helo", "foo.example.com");
/// assert_eq!(
///     field.to_field(),
///     "Received-SPF: pass (mybox.example.org: domain of myname@example.com designates\r\n \
///      192.0.2.1 as permitted sender) receiver=mybox.example.org;\r\n \
///      client-ip=192.0.2.1; envelope-from=\"myname@example.com\"; helo=foo.example.com\r\n"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct ReceivedSpf {
    result: SpfResult,
    comment: Option<Box<str>>,
    pairs: Vec<(Keyword, Box<str>)>,
    style: ReceivedSpfStyle,
}

/// How a [`ReceivedSpf`] is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ReceivedSpfStyle {
    /// By the grammar of RFC 7208 §9.1: the result in lower case, values quoted unless they are dot-atoms, folded.
    #[default]
    Rfc7208,
    /// As policyd-spf (pypolicyd-spf, spf-engine) writes it, which log readers and filters look for: the result with a
    /// capital, values bare, one line, a blank at its end. Values that could break out of their place are still quoted.
    PolicydSpf,
}

impl ReceivedSpf {
    /// A field without comment and pairs.
    pub fn new(result: SpfResult) -> Self {
        Self { result, comment: None, pairs: Vec::new(), style: ReceivedSpfStyle::default() }
    }

    /// Adds a comment for people, in parentheses after the result; RFC 7208 §9.1 recommends one.
    pub fn with_comment(mut self, comment: impl AsRef<[u8]>) -> Self {
        self.comment = Some(readable(comment.as_ref()).into());
        self
    }

    /// Adds `key=value`. RFC 7208 §9.1 defines `client-ip`, `envelope-from`, `helo`, `problem`, `receiver`, `identity`
    /// and `mechanism`; other keys become keywords as in [`Entry::new`](crate::Entry::new). Pairs keep their order.
    pub fn with_pair(mut self, key: impl Into<Cow<'static, str>>, value: impl AsRef<[u8]>) -> Self {
        self.pairs.push((Keyword::sanitized(key), readable(value.as_ref()).into()));
        self
    }

    /// Writes the field in this style.
    pub fn with_style(mut self, style: ReceivedSpfStyle) -> Self {
        self.style = style;
        self
    }

    /// The result.
    pub fn result(&self) -> SpfResult {
        self.result
    }

    /// The comment as given, unescaped.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// The pairs in order, values as given.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), &**value))
    }

    /// The whole field, name and final CRLF included, ready to be put in front of the message: above the `Received` field
    /// of the same host and above all other Received-SPF fields (RFC 7208 §9.1).
    pub fn to_field(&self) -> String {
        let out = match self.style {
            ReceivedSpfStyle::Rfc7208 => Folder::folded(self.size_hint()),
            ReceivedSpfStyle::PolicydSpf => Folder::unfolded(self.size_hint()),
        };
        out.field(NAME, |out| self.write(out))
    }

    fn size_hint(&self) -> usize {
        let pairs: usize = self.pairs().map(|(key, value)| key.len() + value.len() + 6).sum();
        64 + self.comment().map_or(0, str::len) + pairs
    }

    fn write(&self, out: &mut Folder) {
        match self.style {
            ReceivedSpfStyle::Rfc7208 => out.word(self.result.as_str()),
            ReceivedSpfStyle::PolicydSpf => {
                let mut word = self.result.as_str().chars();
                word.next().into_iter().for_each(|first| out.char(first.to_ascii_uppercase()));
                out.word(word.as_str());
            }
        }
        if let Some(comment) = &self.comment {
            out.space();
            escape::comment(out, comment, false);
        }
        for (i, (key, value)) in self.pairs.iter().enumerate() {
            if i > 0 {
                out.word(";");
            }
            out.space();
            out.word(key.as_str());
            out.word("=");
            if value.len() <= escape::MAX_WRITTEN && self.stands_bare(value) {
                out.word(value);
            } else {
                escape::quoted(out, value, false);
            }
        }
        if self.style == ReceivedSpfStyle::PolicydSpf {
            out.word(" ");
        }
    }

    fn stands_bare(&self, value: &str) -> bool {
        match self.style {
            // dot-atom of RFC 5322 §3.2.3
            ReceivedSpfStyle::Rfc7208 => {
                value.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
            }
            ReceivedSpfStyle::PolicydSpf => value
                .bytes()
                .all(|b| is_atext(b) || matches!(b, b'.' | b'@' | b':' | b'<' | b'>' | b'[' | b']')),
        }
    }
}

/// RFC 5322 §3.2.3
fn is_atext(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b)
}

impl fmt::Display for ReceivedSpf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Folder::unfolded(self.size_hint()).text(|out| self.write(out)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_policyd_spf() {
        let field = ReceivedSpf::new(SpfResult::SoftFail)
            .with_style(ReceivedSpfStyle::PolicydSpf)
            .with_comment("mailfrom")
            .with_pair("identity", "mailfrom")
            .with_pair("client-ip", "2001:db8::1")
            .with_pair("helo", "mail.example.org")
            .with_pair("envelope-from", "user@example.org")
            .with_pair("receiver", "<UNKNOWN>");
        assert_eq!(
            field.to_field(),
            "Received-SPF: Softfail (mailfrom) identity=mailfrom; client-ip=2001:db8::1; helo=mail.example.org; \
             envelope-from=user@example.org; receiver=<UNKNOWN> \r\n"
        );
    }

    #[test]
    fn hostile_values_stay_in_their_place() {
        for style in [ReceivedSpfStyle::Rfc7208, ReceivedSpfStyle::PolicydSpf] {
            let hostile = "a; identity=helo\r\nX: (\"\\";
            let field = ReceivedSpf::new(SpfResult::Pass)
                .with_style(style)
                .with_comment("a) pass\r\nX: y")
                .with_pair("helo", hostile)
                .to_field();
            let field = field.replace("\r\n ", " ");
            assert_eq!(field.matches("\r\n").count(), 1, "{field}");
            assert!(field.contains(r#"helo="a; identity=helo<U+000D><U+000A>X:"#), "{field}");
            assert!(field.contains(r#"(\"\\""#), "{field}");
            assert!(field.contains(r"(a\) pass<U+000D><U+000A>X: y)"), "{field}");
        }
    }

    #[test]
    fn long_values_are_cut() {
        let value =
            |length: usize| ReceivedSpf::new(SpfResult::None).with_pair("k", "a".repeat(length)).to_string();
        let most = escape::MAX_WRITTEN;
        assert_eq!(value(most), format!("none k={}", "a".repeat(most)));
        assert_eq!(value(most + 1), format!("none k=\"{}...\"", "a".repeat(most - 3)));
    }

    #[test]
    fn values_are_quoted_unless_they_are_dot_atoms() {
        let value = |value: &str| ReceivedSpf::new(SpfResult::None).with_pair("k", value).to_string();
        assert_eq!(value("foo.example.com"), "none k=foo.example.com");
        assert_eq!(value("a@b.example"), r#"none k="a@b.example""#);
        assert_eq!(value("2001:db8::1"), r#"none k="2001:db8::1""#);
        assert_eq!(value("a..b"), r#"none k="a..b""#);
        assert_eq!(value(""), r#"none k="""#);
    }
}
