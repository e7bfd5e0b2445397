//! Processing limits (RFC 7208 §4.6.4).

/// What one check may cost. The defaults are those of RFC 7208 §4.6.4 where it names any.
///
/// The limit of elapsed time is the driver's, since the crate has no clock: 20 seconds in [`drive`](waxseal_dns::drive())
/// and [`drive_blocking`](waxseal_dns::drive_blocking). RFC 7208 §4.6.4: "If such a limit is exceeded, the result of
/// authorization SHOULD be "temperror"."
///
/// ```
/// use waxseal_spf::Limits;
/// let strict = Limits::default().with_void_lookups(1);
/// assert_eq!((strict.terms(), strict.void_lookups()), (10, 1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    terms: u8,
    void_lookups: u16,
    mx_names: u16,
    ptr_names: u16,
    queries: u16,
    explanation: u16,
    macro_octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            terms: 10,
            void_lookups: 2,
            mx_names: 10,
            ptr_names: 10,
            queries: 100,
            explanation: 512,
            macro_octets: 1 << 20,
        }
    }
}

/// `redirect` and `include` go no deeper than this, whatever the limit of terms.
pub(crate) const MAX_DEPTH: usize = 32;

impl Limits {
    /// Terms that cause lookups: include, a, mx, ptr, exists, redirect; and the PTR lookup of `%{p}`, which is made once
    /// in a check and counts like a term, but not in explanations. Default 10, which is what every publisher counts on;
    /// at most 32. One more is permerror.
    ///
    /// RFC 7208 §4.6.4: "SPF implementations MUST limit the total number of those terms to 10 during SPF
    /// evaluation ... If this limit is exceeded, the implementation MUST return "permerror"."
    #[must_use]
    pub fn with_terms(mut self, terms: u8) -> Self {
        self.terms = terms.min(MAX_DEPTH as u8);
        self
    }

    /// Lookups for terms that gave NXDOMAIN or no record. Default 2; one more is permerror.
    ///
    /// RFC 7208 §4.6.4: "SPF implementations SHOULD limit "void lookups" to two." Each lookup counts, so an `mx` with
    /// three hosts that have no address counts three; the addresses of PTR names do not, for "the set of and contents
    /// of PTR records are under control of the owner of the IP address", who could turn a fail into a permerror.
    #[must_use]
    pub fn with_void_lookups(mut self, lookups: u16) -> Self {
        self.void_lookups = lookups;
        self
    }

    /// Mail exchangers of one `mx`. Default 10; one more is permerror.
    ///
    /// RFC 7208 §4.6.4: "the evaluation of each "MX" record MUST NOT result in querying more than 10 address records
    /// ... If this limit is exceeded, the "mx" mechanism MUST produce a "permerror" result."
    #[must_use]
    pub fn with_mx_names(mut self, names: u16) -> Self {
        self.mx_names = names;
        self
    }

    /// Names of the client looked at for `ptr` and `%{p}`. Default 10.
    ///
    /// RFC 7208 §4.6.4: "If this limit is exceeded, all records other than the first 10 MUST be ignored."
    #[must_use]
    pub fn with_ptr_names(mut self, names: u16) -> Self {
        self.ptr_names = names;
        self
    }

    /// DNS queries of one check, all kinds. Default 100; one more is permerror. The limits of RFC 7208 alone would
    /// allow more than a hundred (ten `mx` of ten names each).
    #[must_use]
    pub fn with_queries(mut self, queries: u16) -> Self {
        self.queries = queries;
        self
    }

    /// Octets of the explanation string that are kept. Default 512.
    ///
    /// RFC 7208 §6.2: "Implementations MAY limit the length of the resulting explanation string".
    #[must_use]
    pub fn with_explanation(mut self, octets: u16) -> Self {
        self.explanation = octets;
        self
    }

    /// Octets that macros may take in during one check, before any are cut away. Default 1 MiB, thousands of times
    /// what a mailbox needs; more is permerror. Bounds the work of a record full of `%{s}` for a 64 KiB local-part.
    #[must_use]
    pub fn with_macro_octets(mut self, octets: usize) -> Self {
        self.macro_octets = octets;
        self
    }

    /// See [`with_terms`](Self::with_terms).
    pub fn terms(&self) -> u8 {
        self.terms
    }

    /// See [`with_void_lookups`](Self::with_void_lookups).
    pub fn void_lookups(&self) -> u16 {
        self.void_lookups
    }

    /// See [`with_mx_names`](Self::with_mx_names).
    pub fn mx_names(&self) -> u16 {
        self.mx_names
    }

    /// See [`with_ptr_names`](Self::with_ptr_names).
    pub fn ptr_names(&self) -> u16 {
        self.ptr_names
    }

    /// See [`with_queries`](Self::with_queries).
    pub fn queries(&self) -> u16 {
        self.queries
    }

    /// See [`with_explanation`](Self::with_explanation).
    pub fn explanation(&self) -> u16 {
        self.explanation
    }

    /// See [`with_macro_octets`](Self::with_macro_octets).
    pub fn macro_octets(&self) -> usize {
        self.macro_octets
    }
}
