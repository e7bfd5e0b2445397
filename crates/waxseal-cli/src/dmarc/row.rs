//! Verdicts of DMARC in JSON.

use super::{
    identifiers::{Identifier, Identifiers},
    step::{StepRow, published, tag_name},
};
use serde::Serialize;
use waxseal::dmarc::{AuthorVerdict, Step, Verdict};

/// One message.
#[derive(Debug, Serialize)]
pub(super) struct MessageRow {
    dmarc: Verdict,
    #[serde(flatten)]
    path: PathRow,
    /// Only of a message by authors of several domains.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<AuthorRow>,
}

/// How it came about.
#[derive(Debug, Serialize)]
struct PathRow {
    author: Option<String>,
    path: Vec<StepRow>,
    record: Option<String>,
    org_rule: Option<&'static str>,
    policy_tag: Option<&'static str>,
    exists: Option<bool>,
    identifiers: Vec<IdentifierRow>,
}

#[derive(Debug, Serialize)]
struct AuthorRow {
    #[serde(flatten)]
    dmarc: AuthorVerdict,
    #[serde(flatten)]
    path: PathRow,
}

#[derive(Debug, Serialize)]
struct IdentifierRow {
    method: &'static str,
    domain: String,
    aligned: bool,
    reason: String,
    /// Only when a tree walk was needed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    path: Vec<StepRow>,
}

impl MessageRow {
    pub(super) fn new(verdict: Verdict, identifiers: &Identifiers) -> Self {
        let author = |author: &AuthorVerdict| AuthorRow {
            dmarc: author.clone(),
            path: PathRow::of(Some(author), identifiers),
        };
        let several = if verdict.authors().len() > 1 { verdict.authors() } else { &[] };
        Self {
            path: PathRow::of(verdict.author(), identifiers),
            authors: several.iter().map(author).collect(),
            dmarc: verdict,
        }
    }
}

impl PathRow {
    fn of(author: Option<&AuthorVerdict>, identifiers: &Identifiers) -> Self {
        Self {
            author: author.map(|author| author.domain().to_string()),
            path: author.map(|author| steps(author.path())).unwrap_or_default(),
            record: author.and_then(AuthorVerdict::record).map(|record| published(record)),
            org_rule: author.and_then(AuthorVerdict::organizational_rule),
            policy_tag: author.and_then(AuthorVerdict::policy_tag).and_then(tag_name),
            exists: author.and_then(AuthorVerdict::exists),
            identifiers: IdentifierRow::all(author, identifiers),
        }
    }
}

impl IdentifierRow {
    /// In the order given, with those that are no domain names and DMARC was not told about.
    fn all(author: Option<&AuthorVerdict>, given: &Identifiers) -> Vec<Self> {
        let mut judged = author.map(AuthorVerdict::identifiers).unwrap_or_default().iter();
        let row = |given: &Identifier| {
            let mut row = Self {
                method: given.method,
                domain: given.given.clone(),
                aligned: false,
                reason: String::new(),
                path: Vec::new(),
            };
            match &given.domain {
                Err(error) => row.reason = format!("not aligned, no domain name: {error}"),
                Ok(domain) => {
                    row.domain = domain.to_string();
                    match judged.next() {
                        Some(judged) => {
                            row.aligned = judged.is_aligned();
                            row.reason = judged.reason();
                            row.path = steps(judged.path());
                        }
                        None => row.reason = "no clear author, alignment does not matter".into(),
                    }
                }
            }
            row
        };
        given.iter().map(row).collect()
    }
}

fn steps(steps: &[Step]) -> Vec<StepRow> {
    steps.iter().map(Into::into).collect()
}
