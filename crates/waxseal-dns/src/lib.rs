//! DNS for e-mail authentication: a check is a pure function of the answers so far; bring any resolver.

mod answer;
mod answers;
mod check;
mod drive;
mod name;
mod resolve;

pub use answer::{Answer, Dnssec, Existence, LookupError, Question, Record, RecordType, Reply};
pub use answers::Answers;
pub use check::{Check, Pending};
pub use drive::{drive, drive_blocking};
pub use name::{DomainName, InvalidDomainName};
pub use resolve::{DynResolve, Resolve, ResolveBlocking};
