//! What verdicts are reached from, but for the body.

use super::Envelope;
use std::time::SystemTime;
use waxseal_dkim::parts::BodyHashes;
use waxseal_dns::{Answers, Question, Reply};
use waxseal_header::{Header, HeaderError};

/// One message with its DNS answers: what a report is about, and what evidence keeps.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) envelope: Envelope,
    pub(crate) now: SystemTime,
    pub(crate) header: Result<Header, HeaderError>,
    pub(crate) hashes: BodyHashes,
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
            hashes: BodyHashes::default(),
            bare_line_end: None,
            answers: Vec::new(),
        }
    }
}

/// Every answer, in the order in which they became known.
pub(super) fn known(dns: &Answers<'_>) -> Vec<(Question, Reply)> {
    dns.known().map(|(question, reply)| (question.clone(), reply.clone())).collect()
}
