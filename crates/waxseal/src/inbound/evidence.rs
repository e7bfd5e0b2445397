//! Evidence: the input of verdicts, to be judged again.

#[cfg(feature = "json")]
mod json;

#[cfg(feature = "json")]
pub use json::InvalidEvidence;

use super::{Envelope, case::Case};
use std::{sync::Arc, time::SystemTime};
use waxseal_dns::{Question, Reply};
use waxseal_header::{Header, HeaderError};

/// The evidence of a [`Report`](super::Report): envelope, time, header, body hashes and every DNS answer. It is enough
/// to reach the same verdicts again, offline and long after keys were changed. It contains the header, including names
/// and addresses, but nothing of the body.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal::{Authenticator, Envelope, dns::Zone};
/// # let dns = Zone::new().with_txt("example.org", "v=spf1 -all")?;
/// # let envelope = Envelope::new("192.0.2.1".parse()?, "mail.example.org", "joe@example.org");
/// # let message = b"From: joe@example.org\r\n\r\nHi.\r\n";
/// let authenticator = Authenticator::new("mx.example.net")?;
/// let report = authenticator.check_blocking(&envelope, message, SystemTime::now(), &dns);
/// let again = authenticator.replay(&report.evidence())?;
/// assert_eq!(again.explain(), report.explain());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With the feature `json`, `Evidence::to_json` and `Evidence::from_json` convert it for a file.
#[derive(Debug, Clone)]
pub struct Evidence(Arc<Case>);

/// Why evidence cannot be replayed: the settings need a body hash that was not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a body hash is needed that was not kept: replay under the settings of the first check")]
#[non_exhaustive]
pub struct ReplayError;

impl Evidence {
    pub(super) fn new(case: Arc<Case>) -> Self {
        Self(case)
    }

    pub(super) fn case(&self) -> &Case {
        &self.0
    }

    /// The envelope.
    pub fn envelope(&self) -> &Envelope {
        &self.0.envelope
    }

    /// The time of the check.
    pub fn now(&self) -> SystemTime {
        self.0.now
    }

    /// The header, or why it was refused.
    ///
    /// # Errors
    /// The error of the first check.
    pub fn header(&self) -> Result<&Header, &HeaderError> {
        self.0.header.as_ref()
    }

    /// Every DNS answer, in the order in which they became known.
    pub fn answers(&self) -> impl ExactSizeIterator<Item = &(Question, Reply)> {
        self.0.answers.iter()
    }
}
