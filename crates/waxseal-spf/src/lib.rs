#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod audit;
mod check;
mod evaluate;
mod flatten;
mod limits;
mod lint;
mod macros;
mod parse;
mod received;
mod record;
mod select;
mod trace;
mod verdict;

pub use audit::{Audit, AuditReport};
pub use check::{Identity, SpfCheck};
pub use flatten::{Flatten, Flattened};
pub use limits::Limits;
pub use lint::{Finding, Problem, Severity, lint};
pub use record::{
    DomainSpec, DualCidrLength, Ip4Network, Ip6Network, Mechanism, Modifier, Qualifier, Record, Reporting,
    SyntaxError, SyntaxErrorKind, Term,
};
pub use select::NearMiss;
pub use trace::{LookupTrace, Outcome, RecordTrace, TermTrace, Trace};
pub use verdict::{Cause, Place, Verdict};
