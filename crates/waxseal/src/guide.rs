//! The guide: what to know beyond the reference. There is no code here.
//!
//! | page | for |
//! |---|---|
//! | [`keys`] | making keys, publishing them, changing them |
//! | [`signing`] | applications that send mail |
//! | [`verifying`] | servers that receive mail, and tools |
//! | [`spf`] | who may send for a domain |
//! | [`resolvers`] | bringing DNS: async, blocking, a zone, an event loop of your own |
//! | [`verdicts`] | what the results mean and what to do with them |

#[doc = include_str!("guide/keys.md")]
pub mod keys {}

#[doc = include_str!("guide/resolvers.md")]
pub mod resolvers {}

#[doc = include_str!("guide/signing.md")]
pub mod signing {}

#[cfg(feature = "spf")]
#[doc = include_str!("guide/spf.md")]
pub mod spf {}

#[doc = include_str!("guide/verdicts.md")]
pub mod verdicts {}

#[doc = include_str!("guide/verifying.md")]
pub mod verifying {}
