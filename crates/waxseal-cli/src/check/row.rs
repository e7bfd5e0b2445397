//! A report in JSON.

use super::trace::Told;
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};
use waxseal::Report;

/// One message: the object of the library, and what only the command knows.
#[derive(Debug, Serialize)]
pub(super) struct ReportRow<I> {
    /// Lines of a batch have theirs already.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<I>,
    #[serde(flatten)]
    report: Report,
    /// The time of arrival, if that was the time of the check.
    #[serde(skip_serializing_if = "Option::is_none")]
    received: Option<ReceivedRow>,
}

/// The time of arrival in Unix time, or why the check was as of now.
#[derive(Debug, Serialize)]
struct ReceivedRow {
    time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl<I> ReportRow<I> {
    pub(super) fn new(id: Option<I>, report: &Report, told: &Told) -> Self {
        Self { id, report: report.clone(), received: told.time.as_ref().map(Into::into) }
    }
}

impl From<&Result<SystemTime, String>> for ReceivedRow {
    fn from(time: &Result<SystemTime, String>) -> Self {
        let since = time.as_ref().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self { time: since.map(|since| since.as_secs()), reason: time.as_ref().err().cloned() }
    }
}
