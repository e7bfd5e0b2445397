//! Reading Authentication-Results by the grammar of RFC 8601 §2.2.

use crate::field::AuthenticationResults;
use crate::grammar::Parser;
use crate::keyword::MAX_KEYWORD;
use crate::parsed::ParsedResults;
use waxseal_header::structured::InvalidText;

/// What one field may hold when it is read. Over a limit, nothing is read, and an error names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseLimits {
    octets: usize,
    results: usize,
    properties: usize,
}

impl ParseLimits {
    /// The default of [`ParseLimits::with_octets`]: 64 KiB.
    pub const OCTETS: usize = 65_536;
    /// The default of [`ParseLimits::with_results`].
    pub const RESULTS: usize = 256;
    /// The default of [`ParseLimits::with_properties`].
    pub const PROPERTIES: usize = 1_024;

    /// The octets that the value of a field may have; [`ParseLimits::OCTETS`] unless set.
    #[must_use]
    pub fn with_octets(self, octets: usize) -> Self {
        Self { octets, ..self }
    }

    /// The results (`method=result`) that a field may hold, unreadable ones counted; [`ParseLimits::RESULTS`] unless set.
    #[must_use]
    pub fn with_results(self, results: usize) -> Self {
        Self { results, ..self }
    }

    /// The properties that all results of a field may have together, unreadable ones counted; [`ParseLimits::PROPERTIES`] unless set.
    #[must_use]
    pub fn with_properties(self, properties: usize) -> Self {
        Self { properties, ..self }
    }

    pub(crate) fn results(self) -> usize {
        self.results
    }

    pub(crate) fn properties(self) -> usize {
        self.properties
    }
}

impl Default for ParseLimits {
    fn default() -> Self {
        Self { octets: Self::OCTETS, results: Self::RESULTS, properties: Self::PROPERTIES }
    }
}

/// Why the value of an Authentication-Results field, or a part of it, could not be read. Offsets are octets from the start of
/// the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAuthenticationResults {
    /// More octets than [`ParseLimits::with_octets`] allows.
    #[error("the value is longer than {limit} octets")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// More results than [`ParseLimits::with_results`] allows.
    #[error("more than {limit} results")]
    TooManyResults {
        /// The limit.
        limit: usize,
    },
    /// More properties than [`ParseLimits::with_properties`] allows.
    #[error("more than {limit} properties")]
    TooManyProperties {
        /// The limit.
        limit: usize,
    },
    /// Something else stands where the grammar of RFC 8601 §2.2 wants this.
    #[error("{what} is missing at offset {offset} (RFC 8601 §2.2)")]
    Expected {
        /// What should stand there.
        what: &'static str,
        /// Where.
        offset: usize,
    },
    /// The name of a method, result, property type or property with more than [`MAX_KEYWORD`] octets.
    #[error("the name at offset {offset} is longer than {MAX_KEYWORD} octets")]
    LongKeyword {
        /// Where the name begins.
        offset: usize,
    },
    /// `none` says that there is no result (RFC 8601 §2.2), but there is one.
    #[error("\"none\" at offset {offset} does not stand alone")]
    NoneWithResults {
        /// Where `none` stands.
        offset: usize,
    },
    /// A result with two reasons.
    #[error("a second reason for the same result at offset {offset}")]
    SecondReason {
        /// Where it begins.
        offset: usize,
    },
    /// A comment or quoted string that is not closed or stands in a wrong place, a line end that folds nothing, or a control
    /// character.
    #[error(transparent)]
    Text(#[from] InvalidText),
}

impl InvalidAuthenticationResults {
    /// Over a limit: nothing of the field is read.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self, Self::TooLong { .. } | Self::TooManyResults { .. } | Self::TooManyProperties { .. })
    }
}

impl AuthenticationResults {
    /// Reads what stands behind the colon of an Authentication-Results field, under the default [`ParseLimits`].
    ///
    /// Folds, comments wherever white space may stand (up to [`MAX_COMMENT_DEPTH`](waxseal_header::structured::MAX_COMMENT_DEPTH) deep),
    /// quoted strings, versions and unknown methods and results are understood; CRLF may have been reduced to LF. What
    /// is read says nothing about who wrote it: see [`AuthservIds::trusted`](crate::AuthservIds::trusted).
    ///
    /// What breaks the grammar costs the property or the result in which it stands, and not those beside it; it is kept in
    /// [`ParsedResults::unreadable`]. So `smtp.remote-ip=2001:db8::1`, where the colon has to be quoted, is left out of its
    /// result, and `dkim=perm_fail` is no result. Where a quoted string or comment is broken, from the result in which that
    /// is to the end of the field nothing is read, since text could be taken for a result: [`ParsedResults::is_damaged`].
    ///
    /// Beyond the grammar of RFC 8601 §2.2 these forms of existing software are read:
    ///
    /// - no authserv-id, as Office 365 leaves it out, or nothing at all: [`ParsedResults::authserv_id`] is `None`, and
    ///   such a field is never trusted; the domain of the recipient, which Office 365 puts between results
    ///   (`header.d=example.org;example.net; dmarc=pass`), is passed over;
    /// - `name=value` without a property type (`action=none`): kept apart in [`ParsedEntry::extensions`](crate::ParsedEntry::extensions);
    /// - a reason behind properties, properties without a value before `;`, and `;` with nothing behind it;
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
    /// assert_eq!(dkim.typed::<DkimResult>(), Some(Ok(DkimResult::Pass)));
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
    /// [`InvalidAuthenticationResults`] says what is wrong, and where: when the field is over a limit, or what stands in front
    /// of the first `;` cannot be read, so that it is not known who speaks and in which version.
    pub fn parse(value: &[u8]) -> Result<ParsedResults<'_>, InvalidAuthenticationResults> {
        Self::parse_with(value, ParseLimits::default())
    }

    /// [`AuthenticationResults::parse`] under other limits.
    ///
    /// # Errors
    /// [`InvalidAuthenticationResults`].
    pub fn parse_with(
        value: &[u8],
        limits: ParseLimits,
    ) -> Result<ParsedResults<'_>, InvalidAuthenticationResults> {
        if value.len() > limits.octets {
            return Err(InvalidAuthenticationResults::TooLong { limit: limits.octets });
        }
        Parser::new(value, limits).field()
    }

    /// [`AuthenticationResults::parse`], where anything that cannot be read is an error.
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

    /// Whether a version other than 1 stands behind the authserv-id, whatever comes next: RFC 8601 §2.6 lets a parser stop
    /// there, "since what follows might not be in an expected format".
    pub(crate) fn is_of_other_version(value: &[u8]) -> bool {
        Parser::new(value, ParseLimits::default()).other_version().unwrap_or(false)
    }
}
