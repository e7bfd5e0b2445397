use crate::keyword::MAX_KEYWORD;
use waxseal_header::structured::InvalidText;

/// How much of a field is read. A field over a limit is not read, and an error names the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct ParseLimits {
    bytes: usize,
    results: usize,
    properties: usize,
}

impl ParseLimits {
    const BYTES: usize = 65_536;
    const RESULTS: usize = 256;
    const PROPERTIES: usize = 1_024;

    /// How many bytes the value of a field may have (default 64 KiB).
    pub fn with_max_bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// How many results (`method=result`) a field may have, unreadable ones counted (default 256).
    pub fn with_max_results(self, results: usize) -> Self {
        Self { results, ..self }
    }

    /// How many properties all results of a field may have together, unreadable ones counted (default 1,024).
    pub fn with_max_properties(self, properties: usize) -> Self {
        Self { properties, ..self }
    }

    pub(crate) fn bytes(self) -> usize {
        self.bytes
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
        Self { bytes: Self::BYTES, results: Self::RESULTS, properties: Self::PROPERTIES }
    }
}

/// Why the value of an Authentication-Results field, or a part of it, could not be read, and at which byte of the
/// value: it exceeds one of the [`ParseLimits`], it does not follow the grammar of RFC 8601 §2.2, or a comment or
/// quoted string is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidAuthenticationResults(#[from] Fault);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The value is longer than [`ParseLimits::with_max_bytes`] allows.
    #[error("the value is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// More results than [`ParseLimits::with_max_results`] allows.
    #[error("more than {limit} results")]
    TooManyResults {
        /// The limit.
        limit: usize,
    },
    /// More properties than [`ParseLimits::with_max_properties`] allows.
    #[error("more than {limit} properties")]
    TooManyProperties {
        /// The limit.
        limit: usize,
    },
    /// The grammar of RFC 8601 §2.2 requires something else here.
    #[error("{what} is missing at offset {offset} (RFC 8601 §2.2)")]
    Expected {
        /// What is expected.
        what: &'static str,
        /// Where.
        offset: usize,
    },
    /// The name of a method, result, property type or property is longer than 64 bytes.
    #[error("the name at offset {offset} is longer than {MAX_KEYWORD} bytes")]
    LongKeyword {
        /// Where the name begins.
        offset: usize,
    },
    /// `none` means that there is no result (RFC 8601 §2.2), but there is one.
    #[error("\"none\" at offset {offset} does not stand alone")]
    NoneWithResults {
        /// Where `none` begins.
        offset: usize,
    },
    /// A result with two reasons.
    #[error("a second reason for the same result at offset {offset}")]
    SecondReason {
        /// Where it begins.
        offset: usize,
    },
    /// A comment or quoted string that is not closed or misplaced, a line end that is not a fold, or a control
    /// character.
    #[error(transparent)]
    Text(#[from] InvalidText),
}

impl InvalidAuthenticationResults {
    /// The field exceeds a limit, and is not read at all.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(
            self.0,
            Fault::TooLong { .. } | Fault::TooManyResults { .. } | Fault::TooManyProperties { .. }
        )
    }

    /// A broken quoted string or comment.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.0, Fault::Text(_))
    }
}

impl From<InvalidText> for InvalidAuthenticationResults {
    fn from(error: InvalidText) -> Self {
        Self(error.into())
    }
}
