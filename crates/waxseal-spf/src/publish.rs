//! For publishers of records: [`lint`] finds problems in a record, [`Audit`] in a domain and everything that its record
//! refers to, and [`Flatten`] replaces lookups by networks.
//!
//! Problems are named by [`Finding::id`]:
//!
//! - errors: `syntax`, `not-a-record`, `no-record`, `several-records`, `lookup-failed`, `target-without-record`,
//!   `invalid-target`, `loop`, `too-many-lookups`, `too-many-void-lookups`, `too-many-mx-names`, `pass-all`,
//!   `every-address`, `equals-for-colon`, `second-version`
//! - warnings: `near-miss`, `neutral-all`, `missing-all`, `behind-all`, `ignored-redirect`, `ptr`, `huge-network`,
//!   `duplicate`, `host-bits`, `too-long`, `no-host-name`, `void`
//! - notes: `overlap`, `foreign-include`, `depends-on-message`, `depends-on-sender`, `unknown-modifier`

mod audit;
mod flatten;
mod lint;
mod networks;
mod problem;

pub use audit::{Audit, AuditReport};
pub use flatten::{Flatten, Flattened};
pub use lint::lint;
pub use waxseal_dns::lint::Finding;

use problem::Problem;
