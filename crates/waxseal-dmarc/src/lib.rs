#![doc = include_str!("../README.md")]
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
mod report_uri;
#[cfg(feature = "serde")]
mod serialize;
mod unclear;
mod verdict;

pub use align::{Identifier, Match, MethodResult};
pub use check::{DmarcCheck, Identifiers};
pub use discover::{Found, OrganizationalDomain, OrganizationalRule, Step};
pub use disposition::Disposition;
pub use local_policy::{LocalPolicy, PublicSuffixList};
#[cfg(feature = "psl")]
pub use psl::BuiltInSuffixes;
pub use record::{
    Alignment, DomainPolicy, FailureOptions, InvalidRecord, PolicyTag, Psd, Record, Requested, Scope,
};
pub use report_uri::{InvalidReportUri, ReportUri};
pub use verdict::{AuthorVerdict, Cause, Verdict};
