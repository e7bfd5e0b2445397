//! What verdicts are reached from, but for the body.

use super::Envelope;
use std::time::SystemTime;
use waxseal_crypto::HashAlgorithm;
use waxseal_dkim::{BodyHash, BodyHashes, Canonicalization};
use waxseal_dns::{Answers, Question, Reply};
use waxseal_header::{Header, HeaderError};

/// One message with its DNS answers: what a report is about, and what evidence keeps.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) envelope: Envelope,
    pub(crate) now: SystemTime,
    pub(crate) header: Result<Header, HeaderError>,
    pub(super) hashes: Vec<KeptHash>,
    /// The body hash for [`Report::seal`](super::Report::seal).
    pub(crate) sealed_body: Option<BodyHash>,
    /// Where the first bare CR or LF of the body is, if there is a sealer, who must not seal such a body.
    pub(crate) bare_line_end: Option<u64>,
    pub(super) answers: Vec<(Question, Reply)>,
}

impl Case {
    /// A message whose header was refused.
    pub(super) fn refused(envelope: Envelope, now: SystemTime, error: HeaderError) -> Self {
        let header = Err(error);
        Self {
            envelope,
            now,
            header,
            hashes: Vec::new(),
            sealed_body: None,
            bare_line_end: None,
            answers: Vec::new(),
        }
    }
}

/// One body hash and what it is a hash of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeptHash {
    pub(super) form: Canonicalization,
    pub(super) algorithm: HashAlgorithm,
    pub(super) length: Option<u64>,
    pub(super) hash: BodyHash,
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

/// Every answer, in the order in which they became known.
pub(super) fn known(dns: &Answers<'_>) -> Vec<(Question, Reply)> {
    dns.known().map(|(question, reply)| (question.clone(), reply.clone())).collect()
}
