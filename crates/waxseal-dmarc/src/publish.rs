//! For those who publish records and send reports: what is wrong with a record ([`lint`]), with a domain and all that its
//! record leads to ([`Audit`]), and whether a host takes the reports that a record sends there ([`ReportAuthorization`]).
//!
//! The names of problems, [`Finding::id`]:
//!
//! - errors: `not-a-record`, `invalid-policy`, `no-policy`, `no-record`, `several-records`, `lookup-failed`,
//!   `open-to-strangers`
//! - warnings: `invalid-value`, `duplicate-tag`, `unknown-tag`, `ignored-percentage`, `not-a-tag`, `too-many-tags`,
//!   `too-many-report-uris`, `invalid-report-uri`, `no-mailbox`, `assumed-policy`, `weaker-subdomains`,
//!   `weaker-nonexistent`, `ignored-failure-reports`, `report-scheme`, `no-reports`, `reports-refused`,
//!   `reports-led-away`, `no-report-host`, `report-name-too-long`
//! - notes: `removed-tag`, `uppercase-tag`, `report-size`, `policy-none`, `testing`, `public-suffix`,
//!   `ignored-failure-options`, `shared-organization`, `ignored-subdomain-policy`, `reports-redirected`

mod audit;
mod authorization;
mod lint;
mod organization;
mod problem;

pub use audit::{Audit, AuditReport, ReportDestination};
pub use authorization::{Authorization, ReportAuthorization};
pub use lint::lint;
pub use waxseal_dns::lint::Finding;

pub(crate) use problem::Problem;
