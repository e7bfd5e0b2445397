//! For those who publish records and send reports: what is wrong with a record ([`lint`]), with a domain and all that its
//! record leads to ([`Audit`]), and whether a host takes the reports that a record sends there ([`ReportAuthorization`]).

mod audit;
mod authorization;
mod lint;
mod organization;
mod problem;

pub use audit::{Audit, AuditReport, ReportDestination};
pub use authorization::{Authorization, ReportAuthorization};
pub use lint::lint;
pub use problem::{Finding, Problem};
