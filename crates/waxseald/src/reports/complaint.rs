//! What is reported, and of which message.

use crate::roles::history::Done;
use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    time::SystemTime,
};
use waxseal::Report;

/// A message about which a report may be wanted.
#[derive(Debug, Clone)]
pub(crate) struct Incident {
    pub(crate) id: String,
    /// `mail.example.org [192.0.2.1]`
    pub(crate) client: String,
    pub(crate) received: SystemTime,
    pub(crate) report: Report,
    pub(crate) done: Done,
}

/// A report, but for what all have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) to: Vec<String>,
    /// `DMARC` or `DKIM`.
    pub(super) method: &'static str,
    pub(super) domain: String,
    /// The fields of the part for machines, behind those of every report.
    pub(super) fields: Vec<(&'static str, String)>,
}

/// Stands for a fold in a value, which has none otherwise.
pub(super) const FOLD: &str = "\u{1f}";

/// A text of strangers on one line.
pub(super) fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A number that nobody can foresee.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
