//! Verdicts of DMARC in JSON.

use super::{
    StepRow,
    identifiers::{Identifier, Identifiers},
    published, tag_name,
};
use crate::exit::chain;
use serde::Serialize;
use waxseal::dmarc::{AuthorVerdict, DomainPolicy, Step, Verdict};

/// One message.
#[derive(Debug, Serialize)]
pub(super) struct MessageRow {
    dmarc: DmarcRow,
    #[serde(flatten)]
    path: PathRow,
    /// Only of a message by authors of several domains.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<AuthorRow>,
}

/// The verdict itself.
#[derive(Debug, Serialize)]
pub(crate) struct DmarcRow {
    result: &'static str,
    policy: Option<&'static str>,
    evaluated_policy: Option<&'static str>,
    /// Only the whole message has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    disposition: Option<&'static str>,
    org_domain: Option<String>,
    record_at: Option<String>,
    spf_aligned: bool,
    dkim_aligned: bool,
    reason: String,
    /// Only of a message without a clear author: the domains that some reader may show.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shown: Vec<ShownRow>,
    /// Domains of addresses that the display name shows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    domains_in_names: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ShownRow {
    domain: String,
    policy: Option<&'static str>,
    evaluated_policy: Option<&'static str>,
}

impl From<&AuthorVerdict> for ShownRow {
    fn from(author: &AuthorVerdict) -> Self {
        Self {
            domain: author.domain().to_string(),
            policy: author.policy().map(DomainPolicy::as_str),
            evaluated_policy: author.evaluated_policy().map(DomainPolicy::as_str),
        }
    }
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
    dmarc: DmarcRow,
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
    pub(super) fn new(verdict: &Verdict, identifiers: &Identifiers) -> Self {
        let authors = verdict.authors();
        let several = if authors.len() > 1 { authors } else { &[] };
        Self {
            dmarc: verdict.into(),
            path: PathRow::of(verdict.author(), identifiers),
            authors: several
                .iter()
                .map(|author| AuthorRow {
                    dmarc: DmarcRow {
                        result: author.result().as_str(),
                        reason: chain(author.cause()),
                        ..DmarcRow::of(Some(author))
                    },
                    path: PathRow::of(Some(author), identifiers),
                })
                .collect(),
        }
    }
}

impl From<&Verdict> for DmarcRow {
    fn from(verdict: &Verdict) -> Self {
        Self {
            result: verdict.result().as_str(),
            disposition: Some(verdict.disposition().as_str()),
            reason: verdict.reason(),
            shown: verdict.shown().iter().map(Into::into).collect(),
            domains_in_names: verdict.domains_in_names().to_vec(),
            ..Self::of(verdict.author())
        }
    }
}

impl DmarcRow {
    /// All but the result, the disposition and the reason.
    fn of(author: Option<&AuthorVerdict>) -> Self {
        let policy = |policy: Option<DomainPolicy>| policy.map(DomainPolicy::as_str);
        let org_domain = author.and_then(AuthorVerdict::organizational_domain);
        Self {
            result: "",
            policy: policy(author.and_then(AuthorVerdict::policy)),
            evaluated_policy: policy(author.and_then(AuthorVerdict::evaluated_policy)),
            disposition: None,
            org_domain: org_domain.map(|found| found.domain.to_string()),
            record_at: author.and_then(AuthorVerdict::record_at).map(ToString::to_string),
            spf_aligned: author.is_some_and(AuthorVerdict::spf_aligned),
            dkim_aligned: author.is_some_and(AuthorVerdict::dkim_aligned),
            reason: String::new(),
            shown: Vec::new(),
            domains_in_names: Vec::new(),
        }
    }
}

impl PathRow {
    fn of(author: Option<&AuthorVerdict>, identifiers: &Identifiers) -> Self {
        Self {
            author: author.map(|author| author.domain().to_string()),
            path: author.map(|author| steps(author.path())).unwrap_or_default(),
            record: author.and_then(AuthorVerdict::record).map(|record| published(record)),
            org_rule: author.and_then(AuthorVerdict::organizational_domain).map(|found| found.rule.as_str()),
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
                            row.reason = judged.comparison().to_string();
                            row.path = judged.walk().map(|walk| steps(walk.steps())).unwrap_or_default();
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
