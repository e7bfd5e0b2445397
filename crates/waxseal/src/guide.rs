//! The guide: beyond the reference, in reading order.
//!
//! | page | for |
//! |---|---|
//! | [`choosing`] | everyone: which crypto, which resolver, which features |
//! | [`keys`] | making keys, publishing them, changing them |
//! | [`signing`] | applications that send mail, mail servers that sign for others |
//! | [`inbound`] | servers that receive mail: everything in one call |
//! | [`mta`] | mail servers: the same in one pass while the message arrives |
//! | [`milter`] | authors of milters |
//! | [`verdicts`] | what the results mean and what to do with them |
//! | [`json`] | reports as JSON |
//! | [`forwarding`] | mailing lists and relays: ARC |
//! | [`resolvers`] | DNS: async, blocking, or a zone |
//! | [`sans_io`] | your own event loop, and wasm |
//! | [`verifying`] | DKIM alone, for tools |
//! | [`spf`] | SPF alone: who may send for a domain |
//! | [`moving_from_mail_auth`] | users of mail-auth: the calls side by side |

#[doc = include_str!("guide/choosing.md")]
pub mod choosing {}

#[doc = include_str!("guide/forwarding.md")]
#[doc(alias("seal", "mailing list"))]
pub mod forwarding {}

#[doc = include_str!("guide/inbound.md")]
pub mod inbound {}

#[doc = include_str!("guide/json.md")]
pub mod json {}

#[doc = include_str!("guide/keys.md")]
pub mod keys {}

#[doc = include_str!("guide/milter.md")]
pub mod milter {}

#[doc = include_str!("guide/moving_from_mail_auth.md")]
#[doc(alias = "mail-auth")]
pub mod moving_from_mail_auth {}

#[doc = include_str!("guide/mta.md")]
#[doc(alias = "smtp")]
pub mod mta {}

#[doc = include_str!("guide/resolvers.md")]
#[doc(alias("async", "tokio"))]
pub mod resolvers {}

#[doc = include_str!("guide/sans_io.md")]
#[doc(alias = "wasm")]
pub mod sans_io {}

#[doc = include_str!("guide/signing.md")]
#[doc(alias("kms", "hsm", "lettre"))]
pub mod signing {}

#[doc = include_str!("guide/spf.md")]
pub mod spf {}

#[doc = include_str!("guide/verdicts.md")]
#[doc(alias = "result")]
pub mod verdicts {}

#[doc = include_str!("guide/verifying.md")]
pub mod verifying {}
