//! DKIM (RFC 6376, with RFC 8301, 8463 and 8616): sign and verify mail, whole or as a stream.
//!
//! * **Signing** needs neither DNS nor a runtime nor a clock: [`Signer::sign`] for a message in memory, [`Signing`] for one
//!   that arrives in chunks, [`sign_all`] for several keys or domains in one pass over the body, and
//!   [`Unsigned::attach`] for keys held elsewhere.
//! * **Verifying** is a pure [`Check`](waxseal_dns::Check) over DNS answers: [`Verifier::verify`] with an asynchronous
//!   resolver, [`Verifier::verify_blocking`] with a blocking one or a closure, [`Verifier::begin`] for a message that
//!   arrives in chunks. Every DKIM-Signature gets a [`Verdict`], from the top of the header to the bottom, with a
//!   [`Cause`] when it did not pass.
//! * What a verifier accepts beyond the letter of the RFCs is its [`Policy`]: every limit and default stands there.
//! * `now` is always an argument.
//!
//! A message takes its header and a few KiB of memory, whatever the size of the body.
//!
//! ```
//! use std::time::SystemTime;
//! use waxseal_crypto::PrivateKey;
//! use waxseal_dkim::{KeyRecord, Policy, Signer, Verifier};
//! use waxseal_dns::Zone;
//!
//! let key = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?; // the key of RFC 8463 appendix A.2
//! let record = KeyRecord::new(key.public_key().clone());
//! let zone = Zone::new().with_txt("2026a._domainkey.example.org", record.to_string())?;
//!
//! let signer = Signer::new("example.org", "2026a", key)?;
//! let message = "From: joe@example.org\r\nSubject: lunch\r\n\r\nHi.\r\n";
//! let signed = String::from_utf8(signer.sign_message(message.as_bytes(), SystemTime::now())?)?;
//!
//! let verdicts = Verifier::new(Policy::default())?.verify_blocking(signed.as_bytes(), SystemTime::now(), &zone);
//! assert!(verdicts.is_pass());
//!
//! let forged = signed.replace("Hi.", "Pay me.");
//! let verdicts = Verifier::new(Policy::default())?.verify_blocking(forged.as_bytes(), SystemTime::now(), &zone);
//! assert!(verdicts.reason().starts_with("body hash does not match: signed "));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to find a rule of the RFC
//!
//! | RFC 6376 | file |
//! |---|---|
//! | §3.4.1, §3.4.2 header canonicalization | `canonicalize.rs` |
//! | §3.4.3, §3.4.4 body canonicalization, §3.7 hashes | `body.rs` |
//! | §3.5 the signature field | `signature.rs`; its tags `tags.rs` |
//! | §3.6.1 the key record | `record.rs`; what is wrong with one: `record/diagnose.rs`, `publish.rs` |
//! | §6.1.1 which domains may sign | `signing_domain.rs` |
//! | §5 signing, §5.4 the fields to sign | `sign.rs`, `signed_fields.rs` |
//! | §5.3 what is changed in transit | `inspect.rs` |
//! | §5.4.2 which of several fields is meant | `picker.rs` |
//! | §6 verifying | `verify.rs`; §6.1.1 `verify/admit.rs`, §6.1.2 `verify/key.rs`, §6.1.3 `verify/judge.rs` |
//! | RFC 8601 §2.7.1 result words | `cause.rs` |
//! | RFC 6008 `header.b` | `header_b.rs` |
#![cfg_attr(docsrs, feature(doc_cfg))]

mod base64_text;
mod body;
mod canonicalize;
mod cause;
mod header_b;
mod inspect;
mod invalid_signature;
mod keys;
pub mod parts;
mod picker;
mod policy;
pub mod publish;
mod quoted_printable;
mod record;
mod selector;
#[cfg(feature = "serde")]
mod serialize;
mod sign;
mod signature;
mod signed_fields;
mod signing_domain;
mod tags;
mod verdict;
mod verify;
pub use waxseal_authres as authres;
pub use waxseal_crypto as crypto;
pub use waxseal_dns as dns;
pub use waxseal_header as header;

pub use canonicalize::Canonicalization;
pub use cause::Cause;
pub use inspect::Inspection;
pub use invalid_signature::InvalidSignature;
pub use policy::{BodyLengthPolicy, Policy};
pub use record::{InvalidKeyRecord, KeyRecord};
pub use selector::Selector;
pub use sign::{SignError, Signer, Signing, Unsigned, sign_all, sign_message_by_all};
pub use signature::Signature;
pub use signed_fields::{DEFAULT_FIELDS, OVERSIGNED_FIELDS, OVERSIGNED_IF_PRESENT};
pub use signing_domain::{SigningDomains, UnacceptableDomain};
pub use verdict::{Verdict, Verdicts};
pub use verify::{DkimCheck, Verification, Verifier};
pub use waxseal_dns::lint::{Finding, Severity};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
