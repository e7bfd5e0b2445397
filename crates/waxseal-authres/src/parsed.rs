//! Parsed Authentication-Results.

use std::borrow::Cow;
use std::fmt;

use crate::AuthenticationResults;
use crate::entry::{Entry, Ptype};
use crate::escape::readable;
use crate::parse_error::{Fault, InvalidAuthenticationResults};
use crate::result::ResultWord;
use crate::scan::Scanner;

/// The value of an Authentication-Results field, read with [`AuthenticationResults::parse`].
///
/// It borrows from the value; only text that had to be unescaped or unfolded is copied. Anyone can write such a field:
/// trust only what [`AuthservIds::trusted`](crate::AuthservIds::trusted) returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedResults<'v> {
    pub(crate) authserv_id: Option<Cow<'v, str>>,
    pub(crate) version: u32,
    pub(crate) entries: Vec<ParsedEntry<'v>>,
    /// Domains that Office 365 puts between results. Other programs may read one as an authserv-id.
    pub(crate) domains: Vec<Cow<'v, str>>,
    pub(crate) unreadable: Vec<Unreadable<'v>>,
}

impl<'v> ParsedResults<'v> {
    /// The authserv-id, unescaped; `None` when the field has none, as with Office 365.
    pub fn authserv_id(&self) -> Option<&str> {
        self.authserv_id.as_deref()
    }

    /// The version of the field's grammar: 1 when it is not given (RFC 8601 §2.2).
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The results in order; empty for `none`. Those that could not be read are in [`ParsedResults::unreadable`].
    pub fn entries(&self) -> &[ParsedEntry<'v>] {
        &self.entries
    }

    /// The results of a method with a known result word, in order.
    ///
    /// ```
    /// use waxseal_authres::{AuthenticationResults, DkimResult};
    /// let read = AuthenticationResults::parse(b"a.example; dkim=pass; spf=pass; dkim=hardfail; dkim=fail")?;
    /// let words: Vec<_> = read.results_of::<DkimResult>().map(|(word, _)| word).collect();
    /// assert_eq!(words, [DkimResult::Pass, DkimResult::Fail]);
    /// # Ok::<(), waxseal_authres::InvalidAuthenticationResults>(())
    /// ```
    pub fn results_of<R: ResultWord>(&self) -> impl Iterator<Item = (R, &ParsedEntry<'v>)> {
        self.entries.iter().filter_map(|entry| Some((entry.typed()?, entry)))
    }

    /// The results and properties that could not be read, in order.
    ///
    /// ```
    /// use waxseal_authres::AuthenticationResults;
    /// let read = AuthenticationResults::parse(b"mx.example.net; dkim=perm_fail; spf=pass smtp.helo=[192.0.2.1]; dmarc=pass")?;
    /// let words: Vec<_> = read.entries().iter().map(|entry| (entry.method(), entry.result())).collect();
    /// assert_eq!(words, [("spf", "pass"), ("dmarc", "pass")]);
    /// let unreadable: Vec<_> = read.unreadable().iter().map(|part| (part.method(), part.text())).collect();
    /// assert_eq!(unreadable, [(Some("dkim"), "dkim=perm_fail"), (None, "smtp.helo=[192.0.2.1]")]);
    /// # Ok::<(), waxseal_authres::InvalidAuthenticationResults>(())
    /// ```
    pub fn unreadable(&self) -> &[Unreadable<'v>] {
        &self.unreadable
    }

    /// The broken quoted string or comment, if there is one. Then text that the sender chose may look like a result,
    /// and other programs may see other results: such a field is never [trusted](crate::AuthservIds::trusted).
    pub fn damage(&self) -> Option<&InvalidAuthenticationResults> {
        let errors = self.unreadable.iter().map(Unreadable::error);
        errors.rev().find(|error| error.is_text())
    }

    /// The same results to be written again, for example to ARC-Authentication-Results (RFC 8617 §4.1.1); `None` when
    /// that would change the meaning: without an authserv-id, or with another version of the field or of a method than
    /// 1.
    ///
    /// [Extensions](ParsedEntry::extensions) and [unreadable parts](Self::unreadable) are left out. UTF-8 is escaped
    /// when written, unless [`AuthenticationResults::with_utf8`] allows it.
    pub fn to_results(&self) -> Option<AuthenticationResults> {
        let id = self.authserv_id().filter(|_| self.version == 1)?;
        self.entries.iter().try_fold(AuthenticationResults::new(id), |results, entry| {
            Some(results.with_entry(entry.to_entry()?))
        })
    }
}

/// A result: `method=result` with its reason and properties (`resinfo` of RFC 8601 §2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedEntry<'v> {
    pub(crate) method: &'v str,
    pub(crate) method_version: u32,
    pub(crate) result: &'v str,
    pub(crate) reason: Option<Cow<'v, str>>,
    pub(crate) comment: Option<Cow<'v, str>>,
    pub(crate) properties: Vec<ParsedProperty<'v>>,
    pub(crate) extensions: Vec<(&'v str, Cow<'v, str>)>,
    /// Type and name of properties whose value could not be read.
    pub(crate) lost: Vec<(&'v str, &'v str)>,
}

impl<'v> ParsedEntry<'v> {
    /// The method as written, in any case.
    pub fn method(&self) -> &'v str {
        self.method
    }

    /// The version of the method: 1 when it is not given (RFC 8601 §2.2).
    pub fn method_version(&self) -> u32 {
        self.method_version
    }

    /// The result as written, in any case, known or not (`hardfail`).
    pub fn result(&self) -> &'v str {
        self.result
    }

    /// The result as one of the words of a method; `None` when this is another method, the method has no such word, or
    /// its version is not 1, so that words may have another meaning.
    ///
    /// ```
    /// use waxseal_authres::{AuthenticationResults, DkimResult, SpfResult};
    /// let read = AuthenticationResults::parse(b"mx.example.net; spf=hardfail; dkim/2=pass")?;
    /// assert_eq!((read.entries()[0].typed::<SpfResult>(), read.entries()[0].result()), (None, "hardfail"));
    /// assert_eq!(read.entries()[1].typed::<DkimResult>(), None);
    /// # Ok::<(), waxseal_authres::InvalidAuthenticationResults>(())
    /// ```
    pub fn typed<R: ResultWord>(&self) -> Option<R> {
        if self.method_version == 1 { R::read(self.method, self.result) } else { None }
    }

    /// The reason, unescaped.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The first comment of the result, unescaped and unfolded.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// The properties in order, as far as they could be read.
    pub fn properties(&self) -> &[ParsedProperty<'v>] {
        &self.properties
    }

    /// The value of `ptype.name`, in any case; `None` also when it occurs more than once, readable or not, since
    /// programs may disagree about which one counts.
    pub fn property(&self, ptype: &str, name: &str) -> Option<&str> {
        let same = |key: (&str, &str)| key.0.eq_ignore_ascii_case(ptype) && key.1.eq_ignore_ascii_case(name);
        let mut found = self.properties.iter().filter(|property| same(property.key()));
        let lost = self.lost.iter().any(|key| same(*key));
        found.next().filter(|_| found.next().is_none() && !lost).map(ParsedProperty::value)
    }

    /// Pairs of name and value without a property type, which do not follow RFC 8601 but occur, such as `action=none`
    /// of Office 365.
    pub fn extensions(&self) -> impl Iterator<Item = (&'v str, &str)> {
        self.extensions.iter().map(|(name, value)| (*name, value.as_ref()))
    }

    /// The same as an [`Entry`] to be written, without [extensions](Self::extensions); `None` for a version of the
    /// method other than 1.
    pub fn to_entry(&self) -> Option<Entry> {
        if self.method_version != 1 {
            return None;
        }
        let mut entry = Entry::new(self.method.to_owned(), self.result.to_owned());
        if let Some(reason) = self.reason() {
            entry = entry.with_reason(reason);
        }
        if let Some(comment) = self.comment() {
            entry = entry.with_comment(comment);
        }
        Some(self.properties.iter().fold(entry, |entry, property| {
            let known = Ptype::from_name(property.ptype.as_bytes()).map(Cow::from);
            let ptype = known.unwrap_or_else(|| property.ptype.to_owned().into());
            entry.with_property(ptype, property.name.to_owned(), property.value())
        }))
    }
}

/// One `ptype.name=value` as read (`propspec` of RFC 8601 §2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedProperty<'v> {
    pub(crate) ptype: &'v str,
    pub(crate) name: &'v str,
    pub(crate) value: Cow<'v, str>,
}

impl<'v> ParsedProperty<'v> {
    /// The type and the name as written, in any case.
    pub fn key(&self) -> (&'v str, &'v str) {
        (self.ptype, self.name)
    }

    /// The value, unescaped; bytes that are not UTF-8 show as `<0xFF>`. An address with a quoted local part keeps its
    /// quotes.
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// A result or a property that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable<'v> {
    offset: usize,
    text: Cow<'v, str>,
    method: Option<Cow<'v, str>>,
    error: InvalidAuthenticationResults,
}

impl<'v> Unreadable<'v> {
    pub(crate) fn result(offset: usize, text: &'v [u8], error: InvalidAuthenticationResults) -> Self {
        let mut scan = Scanner::new(text);
        let method = match scan.skip_cfws() {
            Ok(_) => scan.run(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')),
            Err(_) => b"",
        };
        Self { method: Some(readable(method)), ..Self::property(offset, text, error) }
    }

    pub(crate) fn property(offset: usize, text: &'v [u8], error: InvalidAuthenticationResults) -> Self {
        let blanks = text.len() - text.trim_ascii_start().len();
        Self { offset: offset + blanks, text: readable(text.trim_ascii()), method: None, error }
    }

    /// `none` together with results.
    pub(crate) fn none(offset: usize) -> Self {
        Self::result(offset, b"none", Fault::NoneWithResults { offset }.into())
    }

    /// The text including folds; bytes that are not UTF-8 show as `<0xFF>`. It may contain control characters.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it begins, in bytes from the start of the value.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong with it.
    pub fn error(&self) -> &InvalidAuthenticationResults {
        &self.error
    }

    /// The word in place of a method, when a whole result is lost (it may be empty); `None` when it is a property of a
    /// readable result. If the field is [damaged](ParsedResults::damage), more results may follow.
    pub fn method(&self) -> Option<&str> {
        self.method.as_deref()
    }
}

/// The text in quotes, control characters escaped, and what is wrong with it.
impl fmt::Display for Unreadable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.text, self.error)
    }
}
