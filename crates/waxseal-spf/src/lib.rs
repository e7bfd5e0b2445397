#![doc = include_str!("../README.md")]

mod check;
mod evaluate;
mod limits;
mod macros;
mod parse;
mod received;
mod record;
mod trace;
mod verdict;

pub use check::{CheckHost, Identity};
pub use limits::Limits;
pub use record::{
    DomainSpec, DualCidrLength, Ip4Network, Ip6Network, Mechanism, Modifier, Qualifier, Record, Reporting,
    SyntaxError, SyntaxErrorKind, Term,
};
pub use trace::{LookupTrace, Outcome, RecordTrace, TermTrace, Trace};
pub use verdict::{Cause, Place, Verdict};
