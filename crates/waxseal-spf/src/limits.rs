//! Processing limits (RFC 7208 §4.6.4).

/// The processing limits of a check. The defaults are those of RFC 7208 §4.6.4 where it has any.
///
/// The limit of elapsed time is up to the driver, since the crate has no clock: 20 seconds in
/// [`drive`](waxseal_dns::drive()) and [`drive_blocking`](waxseal_dns::drive_blocking). RFC 7208 §4.6.4: "If such a
/// limit is exceeded, the result of authorization SHOULD be "temperror"."
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_spf::{Limits, SpfCheck};
///
/// let strict = Limits::default().with_max_void_lookups(1);
/// let check = SpfCheck::helo("192.0.2.1".parse()?, "mail.example.org", SystemTime::now()).with_limits(strict);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub(crate) terms: u8,
    pub(crate) void_lookups: u16,
    pub(crate) mx_names: u16,
    pub(crate) ptr_names: u16,
    pub(crate) queries: u16,
    pub(crate) explanation_bytes: u16,
    pub(crate) macro_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self::RFC
    }
}

/// The maximum depth of `redirect` and `include`, whatever the limit of terms.
pub(crate) const MAX_DEPTH: usize = 32;

impl Limits {
    /// The limit that every publisher relies on.
    pub(crate) const RFC: Self = Self {
        terms: Self::DEFAULT_TERMS,
        void_lookups: Self::DEFAULT_VOID_LOOKUPS,
        mx_names: 10,
        ptr_names: 10,
        queries: 100,
        explanation_bytes: 512,
        macro_bytes: 1 << 20,
    };

    /// Terms that cause lookups, by default: see [`with_max_terms`](Self::with_max_terms).
    pub const DEFAULT_TERMS: u8 = 10;

    /// Void lookups, by default: see [`with_max_void_lookups`](Self::with_max_void_lookups).
    pub const DEFAULT_VOID_LOOKUPS: u16 = 2;

    /// Terms that cause lookups: include, a, mx, ptr, exists, redirect; and the PTR lookup of `%{p}`, which is made
    /// once in a check and counts like a term, but not in explanations. Default 10, which every publisher relies on; at
    /// most 32. More is permerror.
    ///
    /// RFC 7208 §4.6.4: "SPF implementations MUST limit the total number of those terms to 10 during SPF
    /// evaluation ... If this limit is exceeded, the implementation MUST return "permerror"."
    pub fn with_max_terms(mut self, terms: u8) -> Self {
        self.terms = terms.min(MAX_DEPTH as u8);
        self
    }

    /// Lookups for terms that returned NXDOMAIN or no record. Default 2; more is permerror.
    ///
    /// RFC 7208 §4.6.4: "SPF implementations SHOULD limit "void lookups" to two." Each lookup counts, so an `mx` with
    /// three hosts that have no address counts three; the addresses of PTR names do not, for "the set of and contents
    /// of PTR records are under control of the owner of the IP address", who could turn a fail into a permerror.
    pub fn with_max_void_lookups(mut self, lookups: u16) -> Self {
        self.void_lookups = lookups;
        self
    }

    /// Mail exchangers of one `mx`. Default 10; more is permerror.
    ///
    /// RFC 7208 §4.6.4: "the evaluation of each "MX" record MUST NOT result in querying more than 10 address records
    /// ... If this limit is exceeded, the "mx" mechanism MUST produce a "permerror" result."
    pub fn with_max_mx_names(mut self, names: u16) -> Self {
        self.mx_names = names;
        self
    }

    /// Names of the client that are checked for `ptr` and `%{p}`. Default 10.
    ///
    /// RFC 7208 §4.6.4: "If this limit is exceeded, all records other than the first 10 MUST be ignored."
    pub fn with_max_ptr_names(mut self, names: u16) -> Self {
        self.ptr_names = names;
        self
    }

    /// DNS queries of one check, of all kinds. Default 100; more is permerror. The other limits alone would allow more
    /// than a hundred (ten `mx` of ten names each).
    pub fn with_max_queries(mut self, queries: u16) -> Self {
        self.queries = queries;
        self
    }

    /// The longest explanation string that is kept, in bytes. Default 512.
    ///
    /// RFC 7208 §6.2: "Implementations MAY limit the length of the resulting explanation string".
    pub fn with_max_explanation_bytes(mut self, bytes: u16) -> Self {
        self.explanation_bytes = bytes;
        self
    }

    /// Bytes that macros may expand during one check, before truncation. Default 1 MiB, thousands of times what a
    /// mailbox needs; more is permerror. This bounds the work for a record full of `%{s}` and a local-part of 64 KiB.
    pub fn with_max_macro_bytes(mut self, bytes: usize) -> Self {
        self.macro_bytes = bytes;
        self
    }
}
