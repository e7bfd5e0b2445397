//! An entry of the field: a method, its result and its properties.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::fold::Folder;
use crate::result::{ArcResult, DkimResult, DmarcResult, IprevResult, SpfResult};
use crate::{escape, keyword::Keyword};
use waxseal_header::words;

/// The result of a check: `method=result`, and optionally a reason, a comment and properties (`resinfo` of RFC 8601
/// §2.2).
///
/// Values are kept as given and made safe when written; see the [crate] page for how. `Display` writes the entry as one
/// line of ASCII.
///
/// ```
/// use waxseal_authres::{Entry, Ptype, SpfResult};
/// let entry = Entry::spf(SpfResult::Fail)
///     .with_reason("mechanism \"-all\" matched")
///     .with_property(Ptype::Smtp, "mailfrom", "bounce+a=b.example@example.org");
/// assert_eq!(
///     entry.to_string(),
///     r#"spf=fail reason="mechanism \"-all\" matched" smtp.mailfrom="bounce+a=b.example@example.org""#
/// );
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Entry {
    method: Keyword,
    result: Keyword,
    /// Reason, comment and values, in the order in which they were added: one allocation for all of them.
    texts: String,
    reason: Option<Range<usize>>,
    comment: Option<Range<usize>>,
    properties: Vec<Named>,
}

/// A property, with the place of its value in the texts of its entry.
#[derive(Debug, Clone)]
struct Named {
    ptype: Keyword,
    name: Keyword,
    value: Range<usize>,
}

/// Enough for the texts of most entries.
const USUAL_TEXTS: usize = 96;
/// The properties of a DKIM signature.
const USUAL_PROPERTIES: usize = 5;

impl Entry {
    /// An entry for any method, such as `dkim-atps`, `auth` or `x-spam`.
    ///
    /// Method, result, and types and names of properties become keywords: letters, digits and hyphens, not ending in a
    /// hyphen (RFC 8601 §2.2). Any other character becomes `-`, final hyphens are dropped, at most 64 bytes are kept,
    /// and an empty keyword becomes `unknown`. Letter case is kept.
    ///
    /// ```
    /// use waxseal_authres::Entry;
    /// assert_eq!(Entry::new("dkim-atps", "").to_string(), "dkim-atps=unknown");
    /// assert_eq!(Entry::new("x=1; spf=pass", "none").to_string(), "x-1--spf-pass=none");
    /// ```
    ///
    /// IANA has a registry of methods and results (Email Authentication Parameters).
    pub fn new(method: impl Into<Cow<'static, str>>, result: impl Into<Cow<'static, str>>) -> Self {
        Self::of(Keyword::sanitized(method), Keyword::sanitized(result))
    }

    /// Of words that are keywords.
    fn known(method: &'static str, result: &'static str) -> Self {
        Self::of(Keyword::known(method), Keyword::known(result))
    }

    fn of(method: Keyword, result: Keyword) -> Self {
        let (texts, properties) = (String::new(), Vec::new());
        Self { method, result, texts, reason: None, comment: None, properties }
    }

    /// An entry for a DKIM signature, or for a message without any (`dkim=none`).
    pub fn dkim(result: DkimResult) -> Self {
        Self::known("dkim", result.as_str())
    }

    /// An entry for an SPF identity.
    pub fn spf(result: SpfResult) -> Self {
        Self::known("spf", result.as_str())
    }

    /// An entry for DMARC.
    pub fn dmarc(result: DmarcResult) -> Self {
        Self::known("dmarc", result.as_str())
    }

    /// An entry for the ARC chain.
    pub fn arc(result: ArcResult) -> Self {
        Self::known("arc", result.as_str())
    }

    /// An entry for the reverse DNS check of the client.
    pub fn iprev(result: IprevResult) -> Self {
        Self::known("iprev", result.as_str())
    }

    /// Adds the reason for the result: `reason="…"`, a short sentence.
    pub fn with_reason(mut self, reason: impl AsRef<[u8]>) -> Self {
        self.reason = Some(self.add(reason.as_ref()));
        self
    }

    /// Adds a comment for people, in parentheses after result and reason.
    pub fn with_comment(mut self, comment: impl AsRef<[u8]>) -> Self {
        self.comment = Some(self.add(comment.as_ref()));
        self
    }

    /// Adds `ptype.name=value`: a part of the message or session that was checked. Properties keep their order.
    pub fn with_property(
        mut self,
        ptype: impl Into<Cow<'static, str>>,
        name: impl Into<Cow<'static, str>>,
        value: impl AsRef<[u8]>,
    ) -> Self {
        let value = self.add(value.as_ref());
        if self.properties.capacity() == 0 {
            self.properties.reserve(USUAL_PROPERTIES);
        }
        self.properties.push(Named {
            ptype: Keyword::sanitized(ptype),
            name: Keyword::sanitized(name),
            value,
        });
        self
    }

    fn add(&mut self, text: &[u8]) -> Range<usize> {
        if self.texts.capacity() == 0 {
            self.texts.reserve(USUAL_TEXTS);
        }
        let start = self.texts.len();
        self.texts.push_str(&escape::readable(text));
        start..self.texts.len()
    }

    fn text(&self, place: &Range<usize>) -> &str {
        self.texts.get(place.clone()).unwrap_or_default()
    }

    /// The method, such as `dkim`.
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// The result word.
    pub fn result(&self) -> &str {
        self.result.as_str()
    }

    /// The reason as given, unescaped.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_ref().map(|place| self.text(place))
    }

    /// The comment as given, unescaped.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_ref().map(|place| self.text(place))
    }

    /// The properties in order.
    pub fn properties(&self) -> impl ExactSizeIterator<Item = Property<'_>> {
        self.properties.iter().map(|Named { ptype, name, value }| Property {
            ptype: ptype.as_str(),
            name: name.as_str(),
            value: self.text(value),
        })
    }

    /// The approximate size of the entry, so that the field is allocated once.
    pub(crate) fn size_hint(&self) -> usize {
        let properties: usize = self.properties().map(|p| p.name().len() + 16).sum();
        self.method().len() + self.result().len() + self.texts.len() + properties + 32
    }

    pub(crate) fn write(&self, out: &mut Folder, utf8: bool) {
        out.word(self.method());
        out.word("=");
        out.word(self.result());
        if let Some(reason) = self.reason() {
            out.space();
            out.word("reason=");
            escape::quoted(out, reason, utf8);
        }
        if let Some(comment) = self.comment() {
            out.space();
            escape::comment(out, comment, utf8);
        }
        for property in self.properties() {
            out.space();
            property.write(out, utf8);
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Folder::unfolded(self.size_hint()).text(|out| self.write(out, false)))
    }
}

/// Entries are equal when their parts are, in whatever order these were added.
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.method == other.method
            && self.result == other.result
            && self.reason() == other.reason()
            && self.comment() == other.comment()
            && self.properties().eq(other.properties())
    }
}

impl Eq for Entry {}

/// One `ptype.name=value` of an [`Entry`] (`propspec` of RFC 8601 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Property<'e> {
    ptype: &'e str,
    name: &'e str,
    value: &'e str,
}

impl<'e> Property<'e> {
    /// Where the value comes from.
    pub fn ptype(&self) -> &'e str {
        self.ptype
    }

    /// The name within its type, such as `d` or `mailfrom`.
    pub fn name(&self) -> &'e str {
        self.name
    }

    /// The value as given, unescaped; bytes that are not UTF-8 show as `<0xFF>`.
    pub fn value(&self) -> &'e str {
        self.value
    }

    fn write(&self, out: &mut Folder, utf8: bool) {
        out.word(self.ptype);
        out.word(".");
        out.word(self.name);
        out.word("=");
        escape::pvalue(out, self.value, utf8);
    }
}

words! {
    /// Where a property's value comes from (RFC 8601 §2.3); [`Entry::with_property`] takes other types as text.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum Ptype {
        /// A parameter of the SMTP session.
        Smtp = "smtp",
        /// A header field or a tag in one.
        Header = "header",
        /// The body.
        Body = "body",
        /// A local policy, or something else outside the message.
        Policy = "policy",
        /// A DNS record (RFC 8904).
        Dns = "dns",
    } read
}

impl From<Ptype> for Cow<'static, str> {
    fn from(ptype: Ptype) -> Self {
        Self::Borrowed(ptype.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dkim_pass_reads_like_opendkim() {
        let entry = Entry::dkim(DkimResult::Pass)
            .with_comment("2048-bit key; unprotected")
            .with_property(Ptype::Header, "d", "example.org")
            .with_property(Ptype::Header, "i", "@example.org")
            .with_property(Ptype::Header, "a", "rsa-sha256")
            .with_property(Ptype::Header, "s", "2026a")
            .with_property(Ptype::Header, "b", "XqDuq8Vh");
        assert_eq!(
            entry.to_string(),
            "dkim=pass (2048-bit key; unprotected) header.d=example.org header.i=@example.org \
             header.a=rsa-sha256 header.s=2026a header.b=XqDuq8Vh"
        );
    }

    #[test]
    fn a_dkim_fail_reads_like_opendkim() {
        let entry = Entry::dkim(DkimResult::Fail)
            .with_reason("signature verification failed")
            .with_comment("2048-bit key; unprotected")
            .with_property(Ptype::Header, "d", "example.org");
        assert_eq!(
            entry.to_string(),
            "dkim=fail reason=\"signature verification failed\" (2048-bit key; unprotected) header.d=example.org"
        );
    }

    #[test]
    fn the_parts_can_be_read_back() {
        let entry = Entry::iprev(IprevResult::Pass)
            .with_reason("r")
            .with_comment("c")
            .with_property(Ptype::Policy, "iprev", "2001:db8::1")
            .with_property("x", "y", b"\xff");
        assert_eq!((entry.method(), entry.result()), ("iprev", "pass"));
        assert_eq!((entry.reason(), entry.comment()), (Some("r"), Some("c")));
        let read: Vec<_> = entry.properties().map(|p| (p.ptype(), p.name(), p.value())).collect();
        assert_eq!(read, [("policy", "iprev", "2001:db8::1"), ("x", "y", "<0xFF>")]);
        assert_eq!(
            entry.to_string(),
            "iprev=pass reason=\"r\" (c) policy.iprev=\"2001:db8::1\" x.y=\"<0xFF>\""
        );
    }
}
