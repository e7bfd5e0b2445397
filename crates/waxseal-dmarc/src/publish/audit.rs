//! The audit of a domain: its record, and the hosts that receive reports.

use super::{Authorization, Finding, Problem, ReportAuthorization, lint, lint::uri_span, organization};
use crate::{
    AuthorVerdict, Cause, DmarcCheck, Found, Identifiers, LocalPolicy, PublicSuffixList, Record, ReportUri,
    Step, discover,
};
use bytes::Bytes;
use std::{cmp::Reverse, sync::Arc};
use waxseal_dns::{Answers, Check, DomainName, Pending, Record as DnsRecord};

/// Checks the DMARC record of a domain for its publisher: which record applies and why, who else can pass for the
/// domain, and whether every host outside it accepts the reports. A [`Check`], driven like [`DmarcCheck`].
///
/// The record is also checked by [`lint`](super::lint()).
///
/// ```
/// use waxseal_dmarc::publish::Audit;
/// use waxseal_dns::{Zone, drive_blocking};
///
/// let dns = Zone::new()
///     .with_txt("_dmarc.com", "v=DMARC1; p=none")? // and no psd=y
///     .with_txt("_dmarc.example.com", "v=DMARC1; p=reject; rua=mailto:d@reports.example")?;
/// let report = drive_blocking(Audit::new("example.com".parse()?), &dns);
/// assert_eq!(report.author().policy(), Some(waxseal_dmarc::DomainPolicy::Reject));
/// let shown: Vec<_> = report.findings().iter().map(ToString::to_string).collect();
/// assert_eq!(shown[0], "error: _dmarc.example.com: the Organizational Domain is com, so any domain below com can pass as \
///     example.com: add psd=n to the record of example.com");
/// assert_eq!(shown[1], "warning: _dmarc.example.com: mailto:d@reports.example: reports.example does not say that it takes \
///     reports about example.com, so none are sent there: it has to publish \"v=DMARC1;\" as TXT at \
///     example.com._report._dmarc.reports.example");
/// # Ok::<(), waxseal_dns::InvalidDomainName>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Audit {
    check: DmarcCheck,
    domain: DomainName,
    known_suffixes: Option<Arc<dyn PublicSuffixList>>,
}

impl Audit {
    /// An audit of `domain`, with the default [`LocalPolicy`].
    pub fn new(domain: DomainName) -> Self {
        let check = DmarcCheck::new(Identifiers::new(domain.clone()));
        Self { check, domain, known_suffixes: None }.with_local_policy(LocalPolicy::default())
    }

    /// Finds Organizational Domains like `local`: by tree walk or by public suffix list.
    pub fn with_local_policy(mut self, local: LocalPolicy) -> Self {
        self.check = self.check.with_local_policy(local.with_organizational_domain(true));
        self
    }

    /// A list of the domains below which anyone can register, to find out who else can pass for the domain (default:
    /// all top-level domains). Unlike [`LocalPolicy::with_public_suffix_list`] it does not change which record applies.
    pub fn with_known_suffixes(mut self, list: impl PublicSuffixList + 'static) -> Self {
        self.known_suffixes = Some(Arc::new(list));
        self
    }
}

/// What an [`Audit`] found.
#[derive(Debug, Clone)]
#[must_use]
pub struct AuditReport {
    author: AuthorVerdict,
    findings: Vec<Finding>,
    records: Vec<(DomainName, Bytes)>,
    reports: Vec<ReportDestination>,
}

/// An address in `rua=` or `ruf=`, and whether reports may be sent there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportDestination {
    tag: &'static str,
    uri: ReportUri,
    authorization: Option<Authorization>,
}

impl ReportDestination {
    /// `rua` or `ruf`.
    pub fn tag(&self) -> &'static str {
        self.tag
    }

    /// The address.
    pub fn uri(&self) -> &ReportUri {
        &self.uri
    }

    /// Whether reports may be sent there; `None` when nobody sends any ([`Record::is_ruf_ignored`]).
    pub fn authorization(&self) -> Option<&Authorization> {
        self.authorization.as_ref()
    }
}

impl AuditReport {
    /// The problems: errors first, then warnings, then notes.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The path to the record, and its policy for mail from the domain.
    pub fn author(&self) -> &AuthorVerdict {
        &self.author
    }

    /// The texts on the [`path`](AuthorVerdict::path) that are DMARC records or were meant as such, with their names,
    /// which begin with `_dmarc`; the spans of [`findings`](Self::findings) refer to them.
    pub fn records(&self) -> impl Iterator<Item = (&DomainName, &[u8])> {
        self.records.iter().map(|(name, text)| (name, &**text))
    }

    /// The addresses for reports, each once for each tag.
    pub fn reports(&self) -> &[ReportDestination] {
        &self.reports
    }
}

impl Check for Audit {
    type Output = AuditReport;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<AuditReport, Pending> {
        let own = discover::step(dns, None, &self.domain)?;
        // A record of the domain itself applies regardless of those above, so the hosts are asked while the walk
        // continues.
        let reports = own.record().map(|record| self.destinations(dns, record, &self.domain));
        let author = self.check.author(dns, &self.domain)?;
        let reports = match (reports, author.record(), author.record_at()) {
            (Some(reports), ..) => reports?,
            (None, Some(record), Some(at)) => self.destinations(dns, record, at)?,
            _ => Vec::new(),
        };
        let records = records(dns, author.path())?;
        let mut findings = self.findings(&author, &records, &reports);
        findings.sort_by_key(|finding| Reverse(finding.severity()));
        Ok(AuditReport { author, findings, records, reports })
    }
}

impl Audit {
    fn destinations(
        &self,
        dns: &mut Answers<'_>,
        record: &Record,
        at: &DomainName,
    ) -> Result<Vec<ReportDestination>, Pending> {
        let mut all: Vec<ReportDestination> = Vec::new();
        for (tag, uris) in [("rua", record.aggregate_reports()), ("ruf", record.failure_reports())] {
            for uri in uris {
                if !all.iter().any(|known| known.tag == tag && known.uri == *uri) {
                    all.push(ReportDestination { tag, uri: uri.clone(), authorization: None });
                }
            }
        }
        // All hosts are asked before a missing answer ends the run.
        let asked: Vec<_> = all
            .into_iter()
            .map(|destination| {
                let (at, uri) = (at.clone(), destination.uri.clone());
                let check = match destination.tag {
                    "rua" => ReportAuthorization::for_aggregate_reports(at, uri),
                    _ if record.is_ruf_ignored() => return Ok(destination),
                    _ => ReportAuthorization::for_failure_reports(at, uri),
                };
                let authorization = check.with_local_policy(&self.check.local).run(dns)?;
                Ok(ReportDestination { authorization: Some(authorization), ..destination })
            })
            .collect();
        asked.into_iter().collect()
    }

    fn findings(
        &self,
        author: &AuthorVerdict,
        records: &[(DomainName, Bytes)],
        reports: &[ReportDestination],
    ) -> Vec<Finding> {
        let mut findings: Vec<_> =
            author.path().iter().flat_map(|step| of_step(step, author, records)).collect();
        if let Cause::NoRecord(_) = author.cause() {
            let organization = author.organizational_domain().unwrap_or(&self.domain);
            let problem = Problem::NoRecord(organization.clone());
            findings.push(Finding::from(problem).with_domain(&self.domain));
        }
        let known = self.known_suffixes.as_deref();
        let standing = organization::problems(author, known);
        if standing.iter().any(|finding| finding.id() == "ignored-subdomain-policy") {
            findings.retain(|finding| !matches!(finding.id(), "weaker-subdomains" | "weaker-nonexistent"));
        }
        let Some((at, name)) = author.record_at().and_then(|at| Some((at, at.prepend("_dmarc").ok()?)))
        else {
            return findings;
        };
        findings.extend(standing.into_iter().map(|finding| finding.with_domain(&name)));
        let text = records.iter().find(|(found, text)| *found == name && Record::parse(text).is_ok());
        let text = text.map(|(_, text)| &**text).unwrap_or_default();
        findings.extend(reports.iter().filter_map(|report| of_destination(report, at, &name, text)));
        findings
    }
}

/// The records at the names of a path, and texts that were meant as one; other text below `_dmarc.` comes from
/// wildcards.
fn records(dns: &mut Answers<'_>, path: &[Step]) -> Result<Vec<(DomainName, Bytes)>, Pending> {
    let mut records = Vec::new();
    for question in path.iter().filter_map(Step::question) {
        let Ok(answer) = dns.ask(question.clone())? else { continue };
        for record in answer.records.iter() {
            match record {
                DnsRecord::Txt(text) if is_meant(text) => records.push((question.name.clone(), text.clone())),
                _ => {}
            }
        }
    }
    Ok(records)
}

fn is_meant(text: &[u8]) -> bool {
    text.windows(5).any(|window| window.eq_ignore_ascii_case(b"dmarc"))
}

/// The problems at one name of the path.
fn of_step(step: &Step, author: &AuthorVerdict, records: &[(DomainName, Bytes)]) -> Vec<Finding> {
    let Some(question) = step.question() else { return Vec::new() };
    let mut findings = match step.found() {
        Found::Several(count) => vec![Finding::from(Problem::SeveralRecords(*count))],
        Found::Failed(error) => vec![Finding::from(Problem::LookupFailed(error.clone()))],
        _ => Vec::new(),
    };
    let applies = author.record_at() == Some(step.domain());
    for (_, text) in records.iter().filter(|(name, _)| *name == question.name) {
        if applies || Record::parse(text).is_err() {
            findings.extend(lint(text));
        }
    }
    findings.into_iter().map(|finding| finding.with_domain(&question.name)).collect()
}

/// The problem of an address in the record `text`, which is published at `name`.
fn of_destination(
    report: &ReportDestination,
    at: &DomainName,
    name: &DomainName,
    text: &[u8],
) -> Option<Finding> {
    let host = || report.uri.host().cloned();
    let policy_domain = at.clone();
    let problem = match report.authorization.as_ref()? {
        Authorization::Internal | Authorization::Granted => return None,
        Authorization::Redirected(to) => Problem::ReportsRedirected(host()?, to.clone()),
        Authorization::Refused => Problem::ReportsRefused(policy_domain, host()?),
        Authorization::ForeignRedirect => Problem::ReportsLedAway(policy_domain, host()?),
        Authorization::NoHost => Problem::NoReportHost,
        Authorization::NameTooLong => Problem::ReportNameTooLong(policy_domain, host()?),
        Authorization::Failed(question, error) => {
            let problem = Problem::LookupFailed(error.clone());
            return Some(Finding::from(problem).with_domain(&question.name));
        }
    };
    let finding = Finding::from(problem).with_domain(name);
    Some(match uri_span(text, report.tag, &report.uri) {
        Some(span) => finding.with_span(text, span),
        None => finding,
    })
}
