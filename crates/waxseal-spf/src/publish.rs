//! For those who publish records: what is wrong with one ([`lint`]), with a domain and all that its record leads to
//! ([`Audit`]), and a record whose lookups are done in advance ([`Flatten`]).
//!
//! The names of problems, [`Finding::id`]:
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
