//! Advice about a record for the people who publish it.

mod organization;

pub use organization::lint_organization;

use crate::{DomainPolicy, InvalidReportUri, Record, ReportUri, Scope, Warning, WarningKind};
use std::fmt;

/// How much a [`Finding`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Receivers will do other than the text seems to say.
    Warning,
    /// The record has no effect, or not that of its policy.
    Error,
}

impl Severity {
    /// The word in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One remark about a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    severity: Severity,
    offset: Option<usize>,
    message: String,
}

impl Finding {
    fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, offset: None, message: message.into() }
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Where in the record, in octets from its start, if it is about one place.
    pub fn offset(&self) -> Option<usize> {
        self.offset
    }

    /// What is wrong and what to do, in one line of ASCII.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// `warning: ...`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.message)
    }
}

/// Looks a record over: everything that was passed over when it was read, and what is legal but hardly meant. Sorted from
/// the gravest finding to the lightest; empty for a record with nothing to remark.
///
/// ```
/// let findings = waxseal_dmarc::lint(b"v=DMARC1; p=reject; rua=reports@example.org; pct=50");
/// let shown: Vec<_> = findings.iter().map(ToString::to_string).collect();
/// assert_eq!(shown[0], "warning: rua at offset 24: address is no URI, mailto: is missing");
/// assert!(shown[2].starts_with("note: pct at offset 45: tag was removed by RFC 9989"));
/// ```
pub fn lint(text: &[u8]) -> Vec<Finding> {
    let Ok(record) = Record::parse(text) else { return vec![no_record(text)] };
    let of_warning = |warning| of_warning(warning, &record, text);
    let mut findings: Vec<_> = record.warnings().iter().map(of_warning).collect();
    policies(&record, &mut findings);
    reports(&record, &mut findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// What is probably wrong with a text that is no record.
fn no_record(text: &[u8]) -> Finding {
    let trimmed = text.trim_ascii_start();
    let unescaped: Vec<u8> = trimmed.iter().copied().filter(|octet| *octet != b'\\').collect();
    let escaped = unescaped.len() < trimmed.len();
    let advice = if unescaped.starts_with(b"\"") {
        match escaped {
            true => "remove the quotes and the backslashes, which belong to zone files",
            false => "remove the quotes, which belong to zone files",
        }
    } else if escaped && Record::parse(&unescaped).is_ok() {
        "remove the backslashes, which belong to zone files"
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
    };
    Finding::new(Severity::Error, format!("not a DMARC record, receivers ignore it: {advice}"))
}

/// Whether a word in front of the version is `TXT`.
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

fn of_warning(warning: &Warning, record: &Record, text: &[u8]) -> Finding {
    let zone_mark = zone_mark(text, warning.offset());
    let (severity, advice) = match (warning.kind(), zone_mark) {
        (WarningKind::Policy, Some(advice)) => (Severity::Error, advice),
        (WarningKind::Value | WarningKind::ReportUri(_), Some(advice)) => (Severity::Warning, advice),
        (kind, _) => advice(kind, warning, record, text),
    };
    Finding { severity, offset: Some(warning.offset()), message: format!("{warning}{advice}") }
}

fn advice(kind: &WarningKind, warning: &Warning, record: &Record, text: &[u8]) -> (Severity, &'static str) {
    match kind {
        WarningKind::Policy if has_comma(text, warning.offset()) => {
            (Severity::Error, ": tags end with a semicolon, not with a comma")
        }
        WarningKind::Policy => (Severity::Error, ": use none, quarantine or reject"),
        WarningKind::Value => (Severity::Warning, values_of(warning.tag())),
        WarningKind::Duplicate | WarningKind::Unknown => (Severity::Warning, ": remove it"),
        WarningKind::NoTag => (Severity::Warning, ": receivers pass it over, correct or remove it"),
        WarningKind::ReportUri(InvalidReportUri::Octet) if has_blank(text, warning.offset()) => {
            (Severity::Warning, ": put a comma before the next address, or a semicolon before the next tag")
        }
        WarningKind::ReportUri(InvalidReportUri::Octet) => {
            (Severity::Warning, ": write it in percent-encoding, as %21 (RFC 3986 section 2.1)")
        }
        WarningKind::NoMailbox if has_slash(text, warning.offset()) => {
            (Severity::Warning, ": remove the slashes behind mailto:")
        }
        WarningKind::NoMailbox => (Severity::Warning, ": write mailto:user@example.org"),
        WarningKind::ReportUri(InvalidReportUri::Size) => {
            (Severity::Warning, ": remove it with what follows")
        }
        WarningKind::Removed
            if warning.tag().eq_ignore_ascii_case("pct") && record.percentage() == Some(0) =>
        {
            (Severity::Warning, ": receivers now apply the policy, use t=y")
        }
        WarningKind::Removed => (Severity::Note, ": remove it"),
        WarningKind::ReportSize => (Severity::Note, ": remove it"),
        WarningKind::Case => (Severity::Note, ": some receivers may not know it"),
        _ => (Severity::Warning, ""),
    }
}

/// What a tag with few values may have.
fn values_of(tag: &str) -> &'static str {
    match tag.to_ascii_lowercase().as_str() {
        "adkim" | "aspf" => ": use r or s",
        "fo" => ": use 0, 1, d or s, with colons between several",
        "psd" => ": use y, n or u",
        "t" => ": use y or n",
        _ => "",
    }
}

/// What to do where the tag or address at `offset` has marks of a zone file in it.
fn zone_mark(text: &[u8], offset: usize) -> Option<&'static str> {
    let tag = || text.iter().skip(offset).take_while(|octet| **octet != b';');
    if tag().any(|octet| *octet == b'\\') {
        Some(": remove the backslash, which belongs to zone files")
    } else if tag().any(|octet| *octet == b'"') {
        Some(": remove the quote, which belongs to zone files")
    } else {
        None
    }
}

/// Whether the `mailto:` address at `offset` goes on as one of the web does.
fn has_slash(text: &[u8], offset: usize) -> bool {
    let address = text.get(offset..).unwrap_or_default();
    address.iter().skip_while(|octet| **octet != b':').nth(1) == Some(&b'/')
}

/// Whether the tag at `offset` has a comma in its value.
fn has_comma(text: &[u8], offset: usize) -> bool {
    text.iter().skip(offset).take_while(|octet| **octet != b';').any(|octet| *octet == b',')
}

/// Whether the address at `offset` goes on behind a blank.
fn has_blank(text: &[u8], offset: usize) -> bool {
    let rest = text.get(offset..).unwrap_or_default();
    let address = rest.split(|octet| matches!(octet, b',' | b';')).next().unwrap_or_default();
    address.trim_ascii().iter().any(u8::is_ascii_whitespace)
}

fn policies(record: &Record, findings: &mut Vec<Finding>) {
    let policy = |scope| record.requested(scope).map(|requested| requested.policy);
    let own = policy(Scope::Domain);
    match (record.policy(), own) {
        (None, None) => findings.push(Finding::new(
            Severity::Error,
            "no valid p= and no valid rua=: receivers ignore the record, add p=",
        )),
        (None, Some(_)) => {
            findings.push(Finding::new(Severity::Warning, "no valid p=: receivers act as if p=none, add p="));
        }
        (Some(DomainPolicy::None), _) => {
            findings
                .push(Finding::new(Severity::Note, "p=none asks for nothing: mail that fails is delivered"));
        }
        _ => {}
    }
    for (scope, tag, what) in
        [(Scope::Subdomain, "sp", "subdomains"), (Scope::NonExistent, "np", "subdomains that do not exist")]
    {
        let weaker = policy(scope).filter(|policy| Some(*policy) < own);
        let said = if tag == "sp" { record.subdomain_policy() } else { record.nonexistent_policy() };
        if let (Some(policy), true) = (weaker, said.is_some()) {
            let message = format!("{tag}={policy} is weaker than p=: {what} can be abused more easily");
            findings.push(Finding::new(Severity::Warning, message));
        }
    }
    if record.is_testing() && own > Some(DomainPolicy::None) {
        findings.push(Finding::new(Severity::Note, "t=y: receivers apply the policy one level lower"));
    }
    if record.psd() == crate::Psd::Yes && !record.failure_reports().is_empty() {
        // RFC 9989 §10.2: "DMARC Policy Records for multi-organizational PSDs MUST NOT include the "ruf" tag."
        findings.push(Finding::new(
            Severity::Warning,
            "ruf= does not count beside psd=y: nobody sends failure reports, remove it",
        ));
    }
    if record.psd() == crate::Psd::Yes {
        findings.push(Finding::new(
            Severity::Note,
            "psd=y is for registries: every domain below counts as an organization of its own",
        ));
    }
}

fn reports(record: &Record, findings: &mut Vec<Finding>) {
    for (tag, uris) in [("rua", record.aggregate_reports()), ("ruf", record.failure_reports())] {
        let mut schemes = uris.iter().filter(|uri| !uri.is_mailto()).map(ReportUri::scheme);
        if let Some(scheme) = schemes.next() {
            // RFC 9989 §4.7: "A Mail Receiver that sends aggregate feedback reports MUST implement support for a "mailto:"
            // URI", and so for failure reports; "URIs involving schemes not supported by Mail Receivers MUST be ignored".
            let message =
                format!("{tag}={scheme}: receivers have to support mailto: alone, few send elsewhere");
            findings.push(Finding::new(Severity::Warning, message));
        }
    }
    let can_be_sent = |uri: &ReportUri| !uri.is_mailto() || uri.mailbox().is_some();
    if !record.aggregate_reports().iter().any(can_be_sent) {
        findings.push(Finding::new(
            Severity::Warning,
            "no valid rua=: nobody reports who sends mail as this domain",
        ));
    }
    if record.failure_reports().is_empty() && !record.failure_options().is_default() {
        findings.push(Finding::new(Severity::Note, "fo= without a valid ruf= is ignored"));
    }
}
