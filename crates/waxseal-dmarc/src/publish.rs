//! For publishers of records and senders of reports: [`lint`] finds problems in a record, [`Audit`] in a domain and
//! everything that its record refers to, and [`ReportAuthorization`] checks whether a host accepts reports.
//!
//! Problems are named by [`Finding::id`]:
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
