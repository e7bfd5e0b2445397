//! The path to a policy.

use serde::Serialize;
use waxseal::dmarc::{Found, PolicyTag, Record, Step};

/// The tag that a policy was taken from; `None` for a policy that is assumed.
pub(super) fn tag_name(tag: PolicyTag) -> Option<&'static str> {
    (tag != PolicyTag::Assumed).then_some(tag.as_str())
}

/// The text of a record as it stands in DNS.
pub(super) fn published(record: &Record) -> String {
    record.published()
}

/// One name of the path in JSON.
#[derive(Debug, Serialize)]
pub(super) struct StepRow {
    name: String,
    found: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<&Step> for StepRow {
    fn from(step: &Step) -> Self {
        let mut row = Self {
            name: format!("_dmarc.{}", step.domain()),
            found: step.found().as_str(),
            record: None,
            error: None,
        };
        match step.found() {
            Found::Record(record) => row.record = Some(published(record)),
            Found::Failed(error) => row.error = Some(error.to_string()),
            _ => {}
        }
        row
    }
}
