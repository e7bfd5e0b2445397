//! What a verdict was reached from, kept to reach it again.

#[cfg(feature = "json")]
mod json;

use super::{
    Authenticator, Envelope, InboundCheck, check::EnvelopeChecks, examined::Examined, report::Findings,
};
use std::time::SystemTime;
use waxseal_crypto::HashAlgorithm;
use waxseal_dkim::{BodyHash, BodyHashes, Canonicalization};
use waxseal_dns::{Question, Reply};
use waxseal_header::{Header, HeaderError};

/// The evidence of a [`Report`](super::Report): envelope, time, header, body hashes and every DNS answer. It is enough to
/// reach the same verdicts again, offline and long after keys were changed. It holds the header, and so names and addresses,
/// but nothing of the body.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal::{Authenticator, Envelope, dns::Zone};
/// # let dns = Zone::new().with_txt("example.org", "v=spf1 -all")?;
/// # let envelope = Envelope::new("192.0.2.1".parse()?, "mail.example.org", "joe@example.org");
/// # let message = b"From: joe@example.org\r\n\r\nHi.\r\n";
/// let authenticator = Authenticator::new("mx.example.net");
/// let report = authenticator.check_blocking(&envelope, message, SystemTime::now(), &dns);
/// let again = authenticator.replay(&report.evidence())?;
/// assert_eq!(again.explain(), report.explain());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With the feature `json`, `Evidence::to_json` and `Evidence::from_json` keep it in a file.
#[derive(Debug, Clone)]
pub struct Evidence {
    envelope: Envelope,
    now: SystemTime,
    header: Result<Header, HeaderError>,
    hashes: Vec<KeptHash>,
    bare_line_end: Option<u64>,
    answers: Vec<(Question, Reply)>,
}

/// One body hash and what it is a hash of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeptHash {
    form: Canonicalization,
    algorithm: HashAlgorithm,
    length: Option<u64>,
    hash: BodyHash,
}

impl KeptHash {
    /// The finished hashes with what was asked for.
    pub(super) fn all(
        wanted: Vec<(Canonicalization, HashAlgorithm, Option<u64>)>,
        hashes: &BodyHashes,
    ) -> Vec<Self> {
        let kept =
            |((form, algorithm, length), hash): (_, &BodyHash)| Self { form, algorithm, length, hash: *hash };
        wanted.into_iter().zip(hashes.iter()).map(kept).collect()
    }

    pub(super) fn get(
        &self,
        form: Canonicalization,
        algorithm: HashAlgorithm,
        length: Option<u64>,
    ) -> Option<BodyHash> {
        ((self.form, self.algorithm, self.length) == (form, algorithm, length)).then_some(self.hash)
    }
}

/// Why evidence cannot be judged again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The settings need a hash of the body that was not kept.
    #[error("a body hash is needed that was not kept: replay under the settings of the first check")]
    BodyHash,
}

impl Evidence {
    pub(super) fn new(findings: &Findings) -> Self {
        let case = &findings.case;
        Self {
            envelope: case.envelope.clone(),
            now: case.now,
            header: case.header.clone(),
            hashes: case.hashes.clone(),
            bare_line_end: case.bare_line_end,
            answers: findings.answers.clone(),
        }
    }

    /// The envelope.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The time of the check.
    pub fn now(&self) -> SystemTime {
        self.now
    }

    /// The header, or why it could not be taken.
    ///
    /// # Errors
    /// The error that the first check met.
    pub fn header(&self) -> Result<&Header, &HeaderError> {
        self.header.as_ref()
    }

    /// Every DNS answer, in the order in which they became known.
    pub fn answers(&self) -> impl ExactSizeIterator<Item = &(Question, Reply)> {
        self.answers.iter()
    }

    pub(super) fn check(&self, authenticator: &Authenticator) -> Result<InboundCheck, ReplayError> {
        let checks = EnvelopeChecks::new(&authenticator.settings, &self.envelope, self.now);
        let (authenticator, envelope) = (authenticator.clone(), self.envelope.clone());
        match &self.header {
            Ok(header) => Examined::new(&authenticator, header.clone(), self.now)
                .finish_with(envelope, self.now, checks, (&self.hashes, self.bare_line_end))
                .ok_or(ReplayError::BodyHash),
            Err(error) => Ok(InboundCheck::refused(authenticator, envelope, self.now, checks, error.clone())),
        }
    }
}
