//! The whole field: the authserv-id and all entries.

use std::fmt;

use crate::entry::Entry;
use crate::escape::{self, readable};
use crate::fold::Folder;

const NAME: &str = "Authentication-Results:";

/// An Authentication-Results header field (RFC 8601 §2).
///
/// `Display` writes the field's body on one line; [`to_field`](Self::to_field) writes the whole field, folded. Without
/// entries, its value is `none` (RFC 8601 §2.2: no authentication was performed).
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
    authserv_id: Box<str>,
    entries: Vec<Entry>,
    utf8: bool,
    style: ResultsStyle,
}

/// How an [`AuthenticationResults`] is written. Parsers see no difference; scripts that read lines may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ResultsStyle {
    /// Each entry starts a line, and lines are folded at 78 columns.
    #[default]
    Folded,
    /// Each entry has one line of its own, as OpenDKIM, OpenDMARC and OpenARC write it.
    OpenDkim,
    /// Everything on one line, as policyd-spf writes it with `Header_Type = AR`.
    PolicydSpf,
}

impl AuthenticationResults {
    /// A field of the host `authserv_id`: usually a host or domain name, by which programs decide whom to trust (RFC
    /// 8601 §2.5).
    pub fn new(authserv_id: impl AsRef<[u8]>) -> Self {
        Self {
            authserv_id: readable(authserv_id.as_ref()).into(),
            entries: Vec::new(),
            utf8: false,
            style: ResultsStyle::default(),
        }
    }

    /// Appends an entry.
    pub fn with_entry(mut self, entry: Entry) -> Self {
        self.entries.push(entry);
        self
    }

    /// Whether UTF-8 may be written; the default is `false`, pure ASCII.
    ///
    /// Set it only for a message that is itself internationalized (RFC 6532, SMTPUTF8): others must not have 8-bit
    /// header fields.
    pub fn with_utf8(mut self, utf8: bool) -> Self {
        self.utf8 = utf8;
        self
    }

    /// Writes the field in this style. Lines of more than 998 bytes are folded in every style (RFC 5322 §2.1.1).
    ///
    /// ```
    /// use waxseal_authres::{AuthenticationResults, DkimResult, Entry, Ptype, ResultsStyle};
    /// let entry = Entry::dkim(DkimResult::Pass)
    ///     .with_comment("2048-bit key; unprotected")
    ///     .with_property(Ptype::Header, "d", "news.example.org")
    ///     .with_property(Ptype::Header, "i", "@news.example.org");
    /// let results = AuthenticationResults::new("mx.example.net").with_entry(entry).with_style(ResultsStyle::OpenDkim);
    /// assert_eq!(
    ///     results.to_field(),
    ///     "Authentication-Results: mx.example.net;\r\n\
    ///      \tdkim=pass (2048-bit key; unprotected) header.d=news.example.org header.i=@news.example.org\r\n"
    /// );
    /// ```
    pub fn with_style(mut self, style: ResultsStyle) -> Self {
        self.style = style;
        self
    }

    /// The authserv-id as given, unescaped.
    pub fn authserv_id(&self) -> &str {
        &self.authserv_id
    }

    /// The entries in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The whole field, name and final CRLF included, ready to be put in front of the message.
    ///
    /// Unless a [style](Self::with_style) is set, each entry starts a line with a tab; lines are folded at spaces to 78
    /// columns (a tab counts as 8). A longer word has a line of its own. No line has more than 998 bytes (RFC 5322
    /// §2.1.1).
    pub fn to_field(&self) -> String {
        let out = match self.style {
            ResultsStyle::Folded => Folder::folded(self.size_hint()),
            ResultsStyle::OpenDkim => Folder::wide(true, self.size_hint()),
            ResultsStyle::PolicydSpf => Folder::wide(false, self.size_hint()),
        };
        out.field(NAME, |out| self.write(out))
    }

    /// The value of [`AuthenticationResults::to_field`] in the default style: everything after the colon, without the
    /// final CRLF. It is also the value of ARC-Authentication-Results after `i=`.
    pub fn to_value(&self) -> String {
        Folder::behind(NAME.len(), self.size_hint()).text(|out| {
            out.space();
            self.write(out);
        })
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
        f.write_str(&Folder::unfolded(self.size_hint()).text(|out| self.write(out)))
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
    fn styles_break_lines_at_entries_or_not_at_all() {
        let long =
            |text: &str| Entry::spf(SpfResult::Pass).with_property(Ptype::Smtp, "helo", text.repeat(30));
        let results = AuthenticationResults::new("mx.example.net")
            .with_entry(long("mx1."))
            .with_entry(Entry::new("dkim-atps", "neutral"));
        let field = |style| results.clone().with_style(style).to_field();
        let (one, two) = (format!("spf=pass smtp.helo={}", "mx1.".repeat(30)), "dkim-atps=neutral");
        let name = "Authentication-Results: mx.example.net;";
        assert_eq!(field(ResultsStyle::OpenDkim), format!("{name}\r\n\t{one};\r\n\t{two}\r\n"));
        assert_eq!(field(ResultsStyle::PolicydSpf), format!("{name} {one}; {two}\r\n"));
        assert_eq!(field(ResultsStyle::Folded).matches("\r\n ").count(), 1);
    }

    #[test]
    fn no_style_writes_a_line_over_998_bytes() {
        let entries = (0..40).map(|_| {
            let entry = Entry::spf(SpfResult::Pass).with_reason("r ".repeat(150));
            entry.with_property(Ptype::Smtp, "helo", "x".repeat(300)).with_property(
                Ptype::Smtp,
                "mailfrom",
                "y".repeat(300),
            )
        });
        let mut results = AuthenticationResults::new("mx.example.net");
        results.extend(entries);
        for style in [ResultsStyle::Folded, ResultsStyle::OpenDkim, ResultsStyle::PolicydSpf] {
            let field = results.clone().with_style(style).to_field();
            assert!(field.lines().all(|line| line.len() <= 998), "{style:?}");
            let (_, value) = field.split_once(':').unwrap();
            let read = AuthenticationResults::parse(value.as_bytes()).unwrap();
            assert_eq!(read.entries().len(), 40, "{style:?}");
        }
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
