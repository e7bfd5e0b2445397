//! The input of the verdicts, except for the body.

use super::Envelope;
use std::time::SystemTime;
use waxseal_dkim::parts::BodyHashes;
use waxseal_dns::{Answers, Question, Reply};
use waxseal_header::{Header, HeaderError};

/// One message with its DNS answers: the subject of a report, and the content of evidence.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) envelope: Envelope,
    pub(crate) now: SystemTime,
    pub(crate) header: Result<Header, HeaderError>,
    pub(crate) hashes: BodyHashes,
    /// The offset of the first bare CR or LF of the body, if there is a sealer, which must not seal such a body.
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

/// All answers, in the order in which they arrived.
pub(super) fn known(dns: &Answers<'_>) -> Vec<(Question, Reply)> {
    dns.known().map(|(question, reply)| (question.clone(), reply.clone())).collect()
}
