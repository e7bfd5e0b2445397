//! The whole field: who speaks, and every entry.

use std::fmt;

use crate::entry::Entry;
use crate::escape::{self, Text};
use crate::fold::Folder;

const NAME: &str = "Authentication-Results:";

/// An Authentication-Results header field (RFC 8601 §2).
///
/// `Display` writes the field's body on one line; [`to_field`](Self::to_field) writes the whole field, folded.
/// Without entries the field says `none` (RFC 8601 §2.2: no authentication was performed).
///
/// ```
/// use waxseal_authres::{AuthenticationResults, Entry, IprevResult};
/// let results = AuthenticationResults::new("mx.example.net");
/// assert_eq!(results.to_string(), "mx.example.net; none");
/// let results = results.with_entry(Entry::iprev(IprevResult::Pass));
/// assert_eq!(results.to_field(), "Authentication-Results: mx.example.net;\r\n\tiprev=pass\r\n");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct AuthenticationResults {
    authserv_id: Text,
    entries: Vec<Entry>,
    utf8: bool,
}

impl AuthenticationResults {
    /// A field spoken by `authserv_id`: the name, mostly a host or domain name, by which readers know whom to trust (RFC
    /// 8601 §2.5).
    pub fn new(authserv_id: impl AsRef<[u8]>) -> Self {
        Self { authserv_id: Text::from(authserv_id.as_ref()), entries: Vec::new(), utf8: false }
    }

    /// Adds an entry behind the others.
    pub fn with_entry(mut self, entry: Entry) -> Self {
        self.entries.push(entry);
        self
    }

    /// Whether UTF-8 may be written; the default is `false`, pure ASCII.
    ///
    /// Turn it on only for a message that is itself internationalized (RFC 6532, SMTPUTF8): elsewhere an 8-bit
    /// header field is not allowed.
    pub fn with_utf8(mut self, utf8: bool) -> Self {
        self.utf8 = utf8;
        self
    }

    /// The authserv-id as given, unescaped.
    pub fn authserv_id(&self) -> &str {
        self.authserv_id.as_str()
    }

    /// The entries in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The whole field, name and final CRLF included, ready to be put in front of the message.
    ///
    /// Each entry starts a line with a tab; lines are folded at 78 columns (a tab counts as 8) where there is a
    /// space. A single longer word stands alone on its line. No line has more than 998 bytes (RFC 5322 §2.1.1).
    pub fn to_field(&self) -> String {
        let mut out = Folder::folded(self.size_hint());
        out.word(NAME);
        out.space();
        self.write(&mut out);
        let mut field = out.finish();
        field.push_str("\r\n");
        field
    }

    /// The value of [`AuthenticationResults::to_field`], folded as there: what stands behind the colon, without the final
    /// CRLF. It is also that of an ARC-Authentication-Results, behind `i=`.
    pub fn to_value(&self) -> String {
        let mut out = Folder::behind(NAME.len(), self.size_hint());
        out.space();
        self.write(&mut out);
        out.finish()
    }

    fn size_hint(&self) -> usize {
        let text =
            NAME.len() + self.authserv_id().len() + self.entries.iter().map(Entry::size_hint).sum::<usize>();
        text + text / 16 + 16
    }

    fn write(&self, out: &mut Folder) {
        escape::value(out, &self.authserv_id, self.utf8);
        out.word(";");
        if self.entries.is_empty() {
            out.space();
            out.word("none");
        }
        for (i, entry) in self.entries.iter().enumerate() {
            if i > 0 {
                out.word(";");
            }
            out.next_entry();
            entry.write(out, self.utf8);
        }
    }
}

impl Extend<Entry> for AuthenticationResults {
    fn extend<T: IntoIterator<Item = Entry>>(&mut self, entries: T) {
        self.entries.extend(entries);
    }
}

impl fmt::Display for AuthenticationResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Folder::unfolded(self.size_hint());
        self.write(&mut out);
        f.write_str(&out.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DkimResult, Ptype, SpfResult};

    #[test]
    fn entries_start_lines_and_long_ones_fold() {
        let field = AuthenticationResults::new("mx.example.net")
            .with_entry(
                Entry::dkim(DkimResult::Pass)
                    .with_comment("2048-bit key; unprotected")
                    .with_property(Ptype::Header, "d", "example.org")
                    .with_property(Ptype::Header, "i", "@example.org")
                    .with_property(Ptype::Header, "s", "2026a"),
            )
            .with_entry(Entry::spf(SpfResult::None))
            .to_field();
        assert_eq!(
            field,
            "Authentication-Results: mx.example.net;\r\n\
             \tdkim=pass (2048-bit key; unprotected) header.d=example.org\r\n\
             \x20header.i=@example.org header.s=2026a;\r\n\
             \tspf=none\r\n"
        );
        let long = AuthenticationResults::new("a-host-of-54-columns.in-a-rather-long-domain.example.net")
            .with_entry(Entry::spf(SpfResult::None));
        assert_eq!(long.to_field(), format!("Authentication-Results:{}\r\n", long.to_value()));
    }

    #[test]
    fn entries_can_be_extended() {
        let mut results = AuthenticationResults::new("a");
        results.extend([Entry::dkim(DkimResult::None), Entry::new("dkim-atps", "neutral")]);
        assert_eq!(results.to_string(), "a; dkim=none; dkim-atps=neutral");
        assert_eq!(results.entries().len(), 2);
        assert_eq!(results.to_field(), format!("Authentication-Results:{}\r\n", results.to_value()));
    }

    #[test]
    fn utf8_is_written_only_when_asked() {
        let results = AuthenticationResults::new("mx.example.net").with_entry(
            Entry::spf(SpfResult::Pass).with_comment("grüß").with_property(
                Ptype::Smtp,
                "mailfrom",
                "jürg@bücher.example",
            ),
        );
        assert_eq!(
            results.to_string(),
            "mx.example.net; spf=pass (gr<U+00FC><U+00DF>) smtp.mailfrom=\"j<U+00FC>rg@b<U+00FC>cher.example\""
        );
        assert_eq!(
            results.with_utf8(true).to_string(),
            "mx.example.net; spf=pass (grüß) smtp.mailfrom=\"jürg@bücher.example\""
        );
    }

    #[test]
    fn the_field_is_allocated_once() {
        let results = AuthenticationResults::new("mx.example.net").with_entry(
            Entry::dkim(DkimResult::Pass).with_comment("2048-bit key").with_property(
                Ptype::Header,
                "d",
                "example.org",
            ),
        );
        assert!(results.to_field().len() <= results.size_hint());
    }
}
