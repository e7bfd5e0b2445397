//! For those who publish records: what is wrong with one ([`lint`]), with a domain and all that its record leads to
//! ([`Audit`]), and a record whose lookups are done in advance ([`Flatten`]).

mod audit;
mod flatten;
mod lint;
mod networks;
mod problem;

pub use audit::{Audit, AuditReport};
pub use flatten::{Flatten, Flattened};
pub use lint::lint;
pub use problem::Problem;

/// A problem of an SPF record, and where it is.
pub type Finding = waxseal_dns::lint::Finding<Problem>;
