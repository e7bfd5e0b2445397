//! The DNS Tree Walk (RFC 9989 §4.10) and what it finds.

use crate::{Record, parse, record_cache::RecordCache};
use std::{fmt, sync::Arc};
use waxseal_dns::{
    Answer, Answers, Dnssec, DomainName, Existence, LookupError, Pending, Question, Record as DnsRecord,
};

/// From names of this many labels and more, the walk jumps to [`AFTER_JUMP`] labels (RFC 9989 §4.10, step 4).
const JUMP_FROM: usize = 8;
const AFTER_JUMP: usize = 7;

/// A tree walk and what it found, name by name.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    start: DomainName,
    pub(crate) steps: Vec<Step>,
}

/// One name on the way up from a domain (RFC 9989 §4.10).
#[derive(Debug, Clone)]
pub struct Step {
    pub(crate) domain: DomainName,
    pub(crate) found: Found,
    pub(crate) dnssec: Dnssec,
}

/// What was found at `_dmarc.` below a name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// One DMARC record.
    Record(Arc<Record>),
    /// No DMARC record; there may be other text.
    Nothing(Existence),
    /// RFC 9989 §4.10, step 2: "If multiple DMARC Policy Records are returned for a single target, they are all discarded."
    Several(usize),
    /// With `_dmarc.` the name is longer than 253 bytes, so it cannot exist, and was not looked up.
    NameTooLong,
    /// The lookup failed, and the walk ended here without a result.
    Failed(LookupError),
}

/// An Organizational Domain (RFC 9989 §3.2.14), and the rule of §4.10.2 that makes it one.
#[derive(Debug, Clone)]
pub(crate) struct OrganizationalDomain {
    pub(crate) domain: DomainName,
    pub(crate) rule: OrganizationalRule,
}

waxseal_header::words! {
    /// Why a domain is the Organizational Domain.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub(crate) enum OrganizationalRule {
        /// Rule 1: its record has `psd=n`.
        NotPublicSuffix = "its record has psd=n",
        /// Rule 2: the record of the domain above has `psd=y`.
        BelowPublicSuffix = "the record above has psd=y",
        /// Rule 3: it has the fewest labels of all domains with records.
        FewestLabels = "the record with the fewest labels",
        /// No record was found, so the domain stands for itself.
        NoRecord = "no record found",
        /// According to a public suffix list (RFC 7489 §3.2).
        SuffixList = "public suffix list",
    }
}

impl Step {
    /// The name, without `_dmarc.`.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// What was found there.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// The record, if there is exactly one.
    pub fn record(&self) -> Option<&Arc<Record>> {
        match &self.found {
            Found::Record(record) => Some(record),
            _ => None,
        }
    }

    /// DNSSEC state of the answer.
    pub fn dnssec(&self) -> Dnssec {
        self.dnssec
    }

    /// The question; `None` when the name is too long.
    pub fn question(&self) -> Option<Question> {
        self.domain.prepend("_dmarc").ok().map(Question::txt)
    }

    /// RFC 9989 §4.10, step 2: "If a single record remains and it contains a "psd=n" or "psd=y" tag, stop."
    fn ends_walk(&self) -> bool {
        matches!(self.found, Found::Failed(_))
            || self.record().is_some_and(|r| r.psd() != crate::Psd::Unknown)
    }
}

/// How much of a record is shown, as its length is up to its publisher.
const MAX_SHOWN: usize = 1_000;

/// The published text, at most [`MAX_SHOWN`] bytes.
fn shown(record: &Record) -> String {
    let mut text = record.published();
    if text.len() > MAX_SHOWN {
        text.truncate(MAX_SHOWN);
        text.push_str("...");
    }
    text
}

/// One line of ASCII: the name, and what was found there; of a record, up to 1,000 bytes of its text.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "_dmarc.{}: {}", self.domain, self.found)
    }
}

impl Found {
    /// The word in the `path` of `waxseal dmarc check --json`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Record(_) => "record",
            Self::Nothing(Existence::NxDomain) => "nxdomain",
            Self::Nothing(Existence::Exists) => "nothing",
            Self::Several(_) => "several",
            Self::NameTooLong => "name-too-long",
            Self::Failed(_) => "failed",
        }
    }
}

/// One line of ASCII; of a record, up to 1,000 bytes of its text.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(record) => f.write_str(&shown(record)),
            Self::Nothing(Existence::NxDomain) => f.write_str("NXDOMAIN"),
            Self::Nothing(Existence::Exists) => f.write_str("no DMARC record"),
            Self::Several(count) => write!(f, "{count} DMARC records, all discarded"),
            Self::NameTooLong => f.write_str("name over 253 bytes, not asked"),
            Self::Failed(error) => f.write_str(&waxseal_authres::reason(error)),
        }
    }
}

impl Walk {
    /// The domain where the walk started.
    pub(crate) fn start(&self) -> &DomainName {
        &self.start
    }

    /// The names in the order asked, from the longest to the shortest.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The failed lookup and the error, if any: then the walk has no result.
    pub(crate) fn error(&self) -> Option<(Question, &LookupError)> {
        let step = self.steps.last()?;
        match &step.found {
            Found::Failed(error) => step.question().map(|question| (question, error)),
            _ => None,
        }
    }

    /// The Organizational Domain of the start (RFC 9989 §4.10.2); `None` when a lookup failed.
    pub(crate) fn organizational_domain(&self) -> Option<OrganizationalDomain> {
        if self.error().is_some() {
            return None;
        }
        let records = || self.steps.iter().filter_map(|step| Some((step, step.record()?)));
        // §4.10.2: "from the longest to the shortest"; the walk stops at the first psd=y or psd=n, which thus is the last record.
        for (step, record) in records() {
            match record.psd() {
                crate::Psd::No => {
                    return Some(found(step.domain.clone(), OrganizationalRule::NotPublicSuffix));
                }
                // "other than the one for the domain where the Tree Walk started"
                crate::Psd::Yes if step.domain != self.start => {
                    // "the domain one label below this one in the DNS hierarchy", though the walk may have jumped over it.
                    let below = ancestor(&self.start, step.domain.label_count() + 1);
                    return Some(found(below, OrganizationalRule::BelowPublicSuffix));
                }
                _ => {}
            }
        }
        Some(match records().next_back() {
            Some((step, _)) => found(step.domain.clone(), OrganizationalRule::FewestLabels),
            None => found(self.start.clone(), OrganizationalRule::NoRecord),
        })
    }

    /// The step whose record applies to the start (RFC 9989 §4.10.1): that of "The Author Domain", else of "The
    /// Organizational Domain of the Author Domain", else of "The PSD of the Author Domain". After a failed lookup, only
    /// the first is known.
    pub(crate) fn policy_step(&self) -> Option<&Step> {
        let at = |domain: &DomainName| {
            self.steps.iter().find(|step| step.domain == *domain && step.record().is_some())
        };
        let public_suffix =
            || self.steps.last().filter(|step| step.record().is_some_and(|r| r.psd() == crate::Psd::Yes));
        at(&self.start).or_else(|| at(&self.organizational_domain()?.domain)).or_else(public_suffix)
    }
}

fn found(domain: DomainName, rule: OrganizationalRule) -> OrganizationalDomain {
    OrganizationalDomain { domain, rule }
}

/// The last `labels` labels of `domain`, or all of it.
pub(crate) fn ancestor(domain: &DomainName, labels: usize) -> DomainName {
    let mut name = domain.clone();
    for _ in labels..domain.label_count() {
        match name.parent() {
            Some(parent) => name = parent,
            None => break,
        }
    }
    name
}

/// The name to be asked after `domain`.
fn next_target(domain: &DomainName) -> Option<DomainName> {
    match domain.label_count() {
        labels @ JUMP_FROM.. => Some(ancestor(domain, AFTER_JUMP.min(labels))),
        _ => domain.parent(),
    }
}

/// RFC 9989 §4.10.
pub(crate) fn walk(
    dns: &mut Answers<'_>,
    records: Option<&RecordCache>,
    start: &DomainName,
) -> Result<Walk, Pending> {
    let first = step(dns, records, start)?;
    finish(dns, records, first)
}

/// Continues a walk whose first step is known.
pub(crate) fn finish(
    dns: &mut Answers<'_>,
    records: Option<&RecordCache>,
    first: Step,
) -> Result<Walk, Pending> {
    let start = first.domain.clone();
    let mut target = next_target(&start).filter(|_| !first.ends_walk());
    let mut steps = vec![first];
    while let Some(domain) = target {
        let step = step(dns, records, &domain)?;
        target = next_target(&domain).filter(|_| !step.ends_walk());
        steps.push(step);
    }
    Ok(Walk { start, steps })
}

/// A walk of which only the first step was needed.
pub(crate) fn only(first: Step) -> Walk {
    Walk { start: first.domain.clone(), steps: vec![first] }
}

/// Looks up `_dmarc.` below `domain`.
pub(crate) fn step(
    dns: &mut Answers<'_>,
    records: Option<&RecordCache>,
    domain: &DomainName,
) -> Result<Step, Pending> {
    let step = |found, dnssec| Step { domain: domain.clone(), found, dnssec };
    let Ok(name) = domain.prepend("_dmarc") else {
        return Ok(step(Found::NameTooLong, Dnssec::default()));
    };
    Ok(match dns.ask(Question::txt(name))? {
        Ok(answer) => step(found_in(&answer, records), answer.dnssec),
        Err(error) => step(Found::Failed(error), Dnssec::default()),
    })
}

fn found_in(answer: &Answer, records: Option<&RecordCache>) -> Found {
    let record = |text: &[u8]| match records {
        Some(records) => records.record(text),
        None => Record::parse(text).ok().map(Arc::new),
    };
    // Of several records none is used, so none is parsed.
    let mut texts = texts(answer).filter(|text| parse::tags(text).is_some());
    match (texts.next(), texts.next()) {
        (None, _) => Found::Nothing(answer.existence),
        (Some(text), None) => record(text).map_or(Found::Nothing(answer.existence), Found::Record),
        (Some(_), Some(_)) => Found::Several(2 + texts.count()),
    }
}

/// The records of an answer that begin with `v=DMARC1`.
pub(crate) fn dmarc_records(answer: &Answer) -> impl Iterator<Item = Record> + '_ {
    texts(answer).filter_map(|text| Record::parse(text).ok())
}

fn texts(answer: &Answer) -> impl Iterator<Item = &[u8]> {
    answer.records.iter().filter_map(|record| match record {
        DnsRecord::Txt(text) => Some(&**text),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(start: &str) -> Vec<String> {
        let mut names = vec![DomainName::new(start).unwrap()];
        while let Some(next) = next_target(names.last().unwrap()) {
            names.push(next);
        }
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn eight_questions_for_any_name() {
        assert_eq!(targets("com"), ["com"]);
        assert_eq!(targets("a.b.c"), ["a.b.c", "b.c", "c"]);
        assert_eq!(targets("1.2.3.4.5.6.7").len(), 7);
        assert_eq!(targets("1.2.3.4.5.6.7.8")[..2], ["1.2.3.4.5.6.7.8", "2.3.4.5.6.7.8"]);
        assert_eq!(targets("1.2.3.4.5.6.7.8").len(), 8);
        assert_eq!(targets("0.1.2.3.4.5.6.7.8")[..2], ["0.1.2.3.4.5.6.7.8", "2.3.4.5.6.7.8"]);
        assert_eq!(targets("0.1.2.3.4.5.6.7.8").len(), 8);
        assert_eq!(targets(&"a.".repeat(126)).len(), 8);
    }
}
