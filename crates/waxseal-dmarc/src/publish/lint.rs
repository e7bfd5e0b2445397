//! Finds problems in the text of a record, without DNS.

use super::{Finding, Problem};
use crate::{DomainPolicy, Psd, Record, ReportUri, Scope, parse};
use std::{cmp::Reverse, ops::Range};

/// The problems of the text of a record, without DNS: everything that receivers ignore or replace by a default, and
/// everything legal that was hardly meant. The most severe first, each in the order of the record; empty when there are
/// none.
///
/// ```
/// use waxseal_dmarc::publish::lint;
///
/// let findings = lint(b"v=DMARC1; p=rejct; rua=reports@example.org; pct=50");
/// let shown: Vec<_> = findings.iter().map(ToString::to_string).collect();
/// assert_eq!(shown[0], "error: rejct: value of p= is not valid, so receivers act as if p=none, and without a valid rua= \
///     ignore the record: use none, quarantine or reject: write reject");
/// assert_eq!((findings[0].span(), findings[0].suggestion()), (Some(12..17), Some("reject")));
/// assert!(shown[2].ends_with("mailto: is missing, and no reports are sent there: write mailto:reports@example.org"));
/// assert_eq!(shown[4], "note: pct=50: was removed by RFC 9989: remove it");
/// ```
pub fn lint(text: &[u8]) -> Vec<Finding> {
    let Ok((record, mut findings)) = parse::record_with_findings(text) else {
        return vec![Finding::from(Problem::NotARecord(advice(text)))];
    };
    let look = Look { text, record: &record };
    look.policies(&mut findings);
    look.reports(&mut findings);
    findings.sort_by_key(|finding| Reverse(finding.severity()));
    findings
}

/// Advice about a text that is not a record.
fn advice(text: &[u8]) -> &'static str {
    let trimmed = text.trim_ascii_start();
    let unescaped: Vec<u8> = trimmed.iter().copied().filter(|octet| *octet != b'\\').collect();
    let escaped = unescaped.len() < trimmed.len();
    if unescaped.starts_with(b"\"") {
        match escaped {
            true => "remove the quotes and the backslashes, which only zone files need",
            false => "remove the quotes, which only zone files need",
        }
    } else if escaped && Record::parse(&unescaped).is_ok() {
        "remove the backslashes, which only zone files need"
    } else if is_zone_line(trimmed) {
        "give the text alone, without the name, the type and the quotes of a zone file"
    } else if Record::parse(trimmed).is_ok() {
        "remove the blank in front"
    } else if Record::parse(&uppercase_version(trimmed)).is_ok() {
        "write DMARC1 in upper case"
    } else if trimmed.starts_with(b"v=DMARC1") {
        "put a semicolon behind v=DMARC1"
    } else if trimmed.windows(8).any(|window| window.eq_ignore_ascii_case(b"v=DMARC1")) {
        "put v=DMARC1 first"
    } else {
        "begin it with v=DMARC1;"
    }
}

/// Whether a word before the version is `TXT`.
fn is_zone_line(text: &[u8]) -> bool {
    let mut words = text.split(u8::is_ascii_whitespace);
    words.by_ref().take_while(|word| !word.contains(&b'=')).any(|word| word.eq_ignore_ascii_case(b"TXT"))
        && text.windows(8).any(|window| window.eq_ignore_ascii_case(b"v=DMARC1"))
}

fn uppercase_version(text: &[u8]) -> Vec<u8> {
    let end = text.iter().position(|c| *c == b';').unwrap_or(text.len());
    let (version, rest) = text.split_at(end);
    let mut fixed = version.to_ascii_uppercase();
    fixed.extend_from_slice(rest);
    fixed
}

/// The span of the first tag of this name, and its name and value.
fn tag_span(text: &[u8], name: &str) -> Option<Range<usize>> {
    let is_named = |tag: &Range<usize>| {
        let tag = text.get(tag.clone()).unwrap_or_default();
        let found = tag.split(|c| *c == b'=').next().unwrap_or_default();
        found.trim_ascii_end().eq_ignore_ascii_case(name.as_bytes())
    };
    parse::tags(text)?.take(Record::MAX_TAGS).find(is_named)
}

/// The span of the address in the first tag of this name.
pub(super) fn uri_span(text: &[u8], tag: &str, uri: &ReportUri) -> Option<Range<usize>> {
    let uri = uri.as_str().as_bytes();
    let tag = tag_span(text, tag)?;
    let start = text.get(tag.clone())?.windows(uri.len()).position(|window| window == uri)? + tag.start;
    Some(start..start + uri.len())
}

struct Look<'r> {
    text: &'r [u8],
    record: &'r Record,
}

impl Look<'_> {
    /// A problem of the tag.
    fn of_tag(&self, tag: &str, problem: Problem) -> Finding {
        match tag_span(self.text, tag) {
            Some(span) => Finding::from(problem).with_span(self.text, span),
            None => Finding::from(problem),
        }
    }

    fn policies(&self, findings: &mut Vec<Finding>) {
        let record = self.record;
        let policy = |scope| record.requested(scope);
        let own = policy(Scope::Domain);
        match (record.policy(), own) {
            (None, None) => findings.push(Finding::from(Problem::NoPolicy)),
            (None, Some(_)) => findings.push(Finding::from(Problem::AssumedPolicy)),
            (Some(DomainPolicy::None), _) => findings.push(self.of_tag("p", Problem::PolicyNone)),
            _ => {}
        }
        if record.subdomain_policy().is_some() && policy(Scope::Subdomain) < own {
            findings.push(self.of_tag("sp", Problem::WeakerSubdomains));
        }
        if record.nonexistent_policy().is_some() && policy(Scope::NonExistent) < own {
            findings.push(self.of_tag("np", Problem::WeakerNonexistent));
        }
        if record.is_testing() && own > Some(DomainPolicy::None) {
            findings.push(self.of_tag("t", Problem::Testing));
        }
        if record.psd() == Psd::Yes && !record.failure_reports().is_empty() {
            // RFC 9989 §10.2: "DMARC Policy Records for multi-organizational PSDs MUST NOT include the "ruf" tag."
            findings.push(self.of_tag("ruf", Problem::IgnoredFailureReports));
        }
        if record.psd() == Psd::Yes {
            findings.push(self.of_tag("psd", Problem::PublicSuffix));
        }
    }

    fn reports(&self, findings: &mut Vec<Finding>) {
        let record = self.record;
        for (tag, uris) in [("rua", record.aggregate_reports()), ("ruf", record.failure_reports())] {
            if let Some(uri) = uris.iter().find(|uri| !uri.is_mailto()) {
                // RFC 9989 §4.7: "A Mail Receiver that sends aggregate feedback reports MUST implement support for a "mailto:"
                // URI", and so for failure reports; "URIs involving schemes not supported by Mail Receivers MUST be ignored".
                let finding = Finding::from(Problem::ReportScheme(uri.scheme().into()));
                let span = uri_span(self.text, tag, uri);
                findings
                    .push(span.into_iter().fold(finding, |finding, span| finding.with_span(self.text, span)));
            }
        }
        let can_be_sent = |uri: &ReportUri| !uri.is_mailto() || uri.mailbox().is_some();
        if !record.aggregate_reports().iter().any(can_be_sent) {
            findings.push(Finding::from(Problem::NoReports));
        }
        if record.failure_reports().is_empty() && !record.failure_options().is_default() {
            findings.push(self.of_tag("fo", Problem::IgnoredFailureOptions));
        }
    }
}
