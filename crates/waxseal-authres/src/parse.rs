//! Reading Authentication-Results by the grammar of RFC 8601 §2.2.

use crate::field::AuthenticationResults;
use crate::grammar::Parser;
use crate::parse_error::{Fault, InvalidAuthenticationResults, ParseLimits};
use crate::parsed::ParsedResults;

impl AuthenticationResults {
    /// Parses the value of an Authentication-Results field, with the default [`ParseLimits`].
    ///
    /// Folds, comments wherever white space is allowed (nested up to 16 deep), quoted strings, versions and unknown
    /// methods and results are supported; CRLF may have been reduced to LF. Parsing does not show who wrote the field:
    /// see [`AuthservIds::trusted`](crate::AuthservIds::trusted).
    ///
    /// A syntax error affects only its property or result, which is kept in [`ParsedResults::unreadable`]. So
    /// `smtp.remote-ip=2001:db8::1`, where the colon must be quoted, is left out of its result, and `dkim=perm_fail` is
    /// not a result. After a broken quoted string or comment, nothing is read from its result to the end of the field,
    /// since text could pass for a result: [`ParsedResults::damage`].
    ///
    /// Beyond the grammar of RFC 8601 §2.2, these forms of existing software are accepted:
    ///
    /// - no authserv-id, as Office 365 leaves it out, or nothing at all: [`ParsedResults::authserv_id`] is `None`, and
    ///   such a field is never trusted; the domain of the recipient, which Office 365 puts between results
    ///   (`header.d=example.org;example.net; dmarc=pass`), is skipped;
    /// - `name=value` without a property type (`action=none`): kept apart in [`ParsedEntry::extensions`](crate::ParsedEntry::extensions);
    /// - a reason after properties, properties without a value before `;`, and a final `;`;
    /// - in bare values the characters `/`, `=`, `?`, `@`, `<`, `>` and UTF-8 (`header.b=Qgi/FoC0`), and in a bare
    ///   authserv-id also `,`, `:`, `[` and `]`.
    ///
    /// ```
    /// use waxseal_authres::{AuthenticationResults, DkimResult};
    ///
    /// let field = b" mx.example.net 1; dkim=pass (2048-bit key)\r\n\theader.d=example.org header.b=\"Qgi/FoC0\"";
    /// let read = AuthenticationResults::parse(field)?;
    /// assert_eq!((read.authserv_id(), read.version()), (Some("mx.example.net"), 1));
    /// let dkim = &read.entries()[0];
    /// assert_eq!(dkim.typed::<DkimResult>(), Some(DkimResult::Pass));
    /// assert_eq!(dkim.property("header", "d"), Some("example.org"));
    ///
    /// let read = AuthenticationResults::parse(b"mx.example.net; arc=none smtp.remote-ip=2001:db8::1; dmarc=pass")?;
    /// assert_eq!(read.entries().len(), 2);
    /// assert_eq!(
    ///     read.unreadable()[0].to_string(),
    ///     "\"smtp.remote-ip=2001:db8::1\": a value in quotes is missing at offset 40 (RFC 8601 §2.2)"
    /// );
    /// # Ok::<(), waxseal_authres::InvalidAuthenticationResults>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidAuthenticationResults`] when the field exceeds a limit, or the text before the first `;` cannot be
    /// read, so that the host and the version are unknown.
    pub fn parse(value: &[u8]) -> Result<ParsedResults<'_>, InvalidAuthenticationResults> {
        Self::parse_with(value, ParseLimits::default())
    }

    /// [`AuthenticationResults::parse`] with other limits.
    ///
    /// # Errors
    /// [`InvalidAuthenticationResults`].
    pub fn parse_with(
        value: &[u8],
        limits: ParseLimits,
    ) -> Result<ParsedResults<'_>, InvalidAuthenticationResults> {
        if value.len() > limits.bytes() {
            return Err(Fault::TooLong { limit: limits.bytes() }.into());
        }
        Parser::new(value, limits).field()
    }

    /// [`AuthenticationResults::parse`], but anything that cannot be read is an error.
    ///
    /// ```
    /// use waxseal_authres::AuthenticationResults;
    /// let error = AuthenticationResults::parse_strict(b"mx.example.net; dkim=pass header.d=a(b").unwrap_err();
    /// assert!(error.to_string().starts_with("the comment that begins at offset 36 is not closed"));
    /// ```
    ///
    /// # Errors
    /// [`InvalidAuthenticationResults`] of the first part that cannot be read.
    pub fn parse_strict(value: &[u8]) -> Result<ParsedResults<'_>, InvalidAuthenticationResults> {
        let read = Self::parse(value)?;
        match read.unreadable().first() {
            Some(unreadable) => Err(unreadable.error().clone()),
            None => Ok(read),
        }
    }

    /// Whether the authserv-id is followed by a version other than 1, whatever comes next: RFC 8601 §2.6 lets a parser
    /// stop there, "since what follows might not be in an expected format".
    pub(crate) fn is_of_other_version(value: &[u8]) -> bool {
        Parser::new(value, ParseLimits::default()).other_version().unwrap_or(false)
    }
}
