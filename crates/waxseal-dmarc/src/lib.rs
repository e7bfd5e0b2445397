#![doc = include_str!("../README.md")]
//!
//! # Where to find a rule of the RFC
//!
//! | RFC 9989 | file |
//! |---|---|
//! | §4.4, §4.10.2 identifier alignment | `align.rs` |
//! | §4.7 the record and its tags | `record.rs`; §4.8 reading them: `parse.rs`; addresses for reports: `report_uri.rs` |
//! | §4.10 tree walk, §4.10.1 policy discovery, §4.10.2 Organizational Domain | `discover.rs` |
//! | §5.3 the check of a message | `check.rs` |
//! | §5.3.1, §11.5 messages without a clear author | `unclear.rs` on `Authors` of waxseal-header |
//! | §7 what the receiver decides | `local_policy.rs` |
//! | §9.1, §9.2 Authentication-Results | `verdict.rs` |
//! | §11.8 who else can pass for a domain | `publish/organization.rs`, `publish/audit.rs` |
//! | RFC 9990 §4, RFC 9991 §5 where reports may go | `publish/authorization.rs` |
//! | RFC 7489 §3.2, §6.6.3, §6.6.4 by public suffix list | `psl.rs` and `psl/`, `check.rs` |
#![cfg_attr(docsrs, feature(doc_cfg))]

mod align;
mod check;
mod discover;
mod disposition;
mod local_policy;
mod parse;
#[cfg(feature = "psl")]
mod psl;
pub mod publish;
mod record;
mod record_cache;
mod report_uri;
#[cfg(feature = "serde")]
mod serialize;
mod trusted;
mod unclear;
mod verdict;

pub use align::{Identifier, MethodResult};
pub use check::{DmarcCheck, Identifiers};
pub use discover::{Found, Step};
pub use disposition::Disposition;
pub use local_policy::{LocalPolicy, PublicSuffixList};
#[cfg(feature = "psl")]
pub use psl::BuiltInSuffixes;
pub use record::{Alignment, DomainPolicy, FailureOptions, InvalidRecord, PolicyTag, Psd, Record, Scope};
pub use report_uri::{InvalidReportUri, ReportUri};
pub use verdict::{AuthorVerdict, Cause, Verdict};
pub use {waxseal_authres as authres, waxseal_dns as dns, waxseal_header as header};
