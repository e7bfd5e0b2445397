//! What is reported, and of which message.

use crate::roles::history::Done;
use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    time::SystemTime,
};
use waxseal::Report;

/// A message about which a report may be requested.
#[derive(Debug, Clone)]
pub(crate) struct Incident {
    pub(crate) id: String,
    /// `mail.example.org [192.0.2.1]`
    pub(crate) client: String,
    pub(crate) received: SystemTime,
    pub(crate) report: Report,
    pub(crate) done: Done,
}

/// The parts of a report that differ from report to report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) to: Vec<String>,
    /// `DMARC` or `DKIM`.
    pub(super) method: &'static str,
    pub(super) domain: String,
    /// The fields of the machine-readable part, after those of every report.
    pub(super) fields: Vec<(&'static str, String)>,
}

/// Marks a fold in a value, which has none otherwise.
pub(super) const FOLD: &str = "\u{1f}";

/// Untrusted text, made a single line.
pub(super) fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// An unpredictable number.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
