//! The guide: what to know beyond the reference. There is no code here.
//!
//! | page | for |
//! |---|---|
//! | [`keys`] | making keys, publishing them, changing them |
//! | [`signing`] | applications that send mail |
//! | [`verifying`] | DKIM alone, for tools |
//! | [`spf`] | who may send for a domain |
//! | [`inbound`] | servers that receive mail: everything in one call |
//! | [`mta`] | mail servers: the same in one pass while the message arrives |
//! | [`milter`] | authors of milters |
//! | [`forwarding`] | mailing lists and relays: ARC |
//! | [`resolvers`] | bringing DNS: async, blocking, a zone |
//! | [`sans_io`] | event loops of your own, and wasm |
//! | [`choosing`] | which crypto, which resolver, which features |
//! | [`verdicts`] | what the results mean and what to do with them |

#[doc = include_str!("guide/choosing.md")]
pub mod choosing {}

#[doc = include_str!("guide/forwarding.md")]
pub mod forwarding {}

#[doc = include_str!("guide/inbound.md")]
pub mod inbound {}

#[doc = include_str!("guide/keys.md")]
pub mod keys {}

#[doc = include_str!("guide/milter.md")]
pub mod milter {}

#[doc = include_str!("guide/mta.md")]
pub mod mta {}

#[doc = include_str!("guide/resolvers.md")]
pub mod resolvers {}

#[doc = include_str!("guide/sans_io.md")]
pub mod sans_io {}

#[doc = include_str!("guide/signing.md")]
pub mod signing {}

#[doc = include_str!("guide/spf.md")]
pub mod spf {}

#[doc = include_str!("guide/verdicts.md")]
pub mod verdicts {}

#[doc = include_str!("guide/verifying.md")]
pub mod verifying {}
