use crate::keyword::MAX_KEYWORD;
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

    pub(crate) fn octets(self) -> usize {
        self.octets
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
