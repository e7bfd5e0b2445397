//! E-mail authentication in one crate. Each protocol is a crate of its own; this one joins them under one name.
//!
//! | module | what it does |
//! |---|---|
//! | [`dkim`] | signs and verifies DKIM (RFC 6376, 8301, 8463, 8616) |
//! | [`spf`] | checks SPF (RFC 7208); feature `spf`, on by default |
//! | [`header`] | header fields as spans over one buffer, tag lists, line ends |
//! | [`dns`] | questions, answers, the resolver traits, an in-memory zone |
//! | [`crypto`] | keys, algorithms and the libraries that do the maths |
//! | [`authres`] | Authentication-Results (RFC 8601) |

pub use waxseal_authres as authres;
pub use waxseal_crypto as crypto;
pub use waxseal_dkim as dkim;
pub use waxseal_dns as dns;
pub use waxseal_header as header;
#[cfg(feature = "spf")]
pub use waxseal_spf as spf;
