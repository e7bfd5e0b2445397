#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod align;
mod check;
mod discover;
mod lint;
mod local_policy;
mod parse;
#[cfg(feature = "psl")]
mod psl;
mod record;
mod report_authorization;
mod report_uri;
mod unclear;
mod verdict;

pub use align::{Identifier, Match, MethodResult};
pub use check::{DmarcCheck, Identifiers};
pub use discover::{Found, OrganizationalDomain, OrganizationalRule, Step, TreeWalk, Walk};
pub use lint::{Finding, Severity, lint, lint_organization};
pub use local_policy::{LocalPolicy, PublicSuffixList};
#[cfg(feature = "psl")]
pub use psl::BuiltInSuffixes;
pub use record::{
    Alignment, DomainPolicy, FailureOptions, InvalidRecord, PolicyTag, Psd, Record, Requested, Scope,
    Warning, WarningKind,
};
pub use report_authorization::{Authorization, ReportAuthorization};
pub use report_uri::{InvalidReportUri, ReportUri};
pub use verdict::{AuthorVerdict, Cause, Disposition, Verdict};
