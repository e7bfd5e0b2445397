#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cause;
mod check;
mod envelope;
mod evaluate;
mod limits;
mod macros;
mod parse;
mod place;
mod plan;
mod printable;
pub mod publish;
mod received;
mod record;
mod record_cache;
mod select;
#[cfg(feature = "serde")]
mod serialize;
mod suggestion;
mod syntax_error;
mod trace;
mod verdict;

pub use cause::{Cause, Exceeded};
pub use check::SpfCheck;
pub use envelope::Identity;
pub use limits::Limits;
pub use place::Place;
pub use record::{DomainSpec, DualCidrLength, Mechanism, Modifier, Network, Qualifier, Record, Term};
pub use record_cache::RecordCache;
pub use select::NearMiss;
pub use syntax_error::SyntaxError;
pub use trace::{LookupTrace, Outcome, RecordTrace, TermTrace, Trace};
pub use verdict::Verdict;
pub use waxseal_authres as authres;
pub use waxseal_dns as dns;
