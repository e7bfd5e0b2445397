//! `waxseal dmarc lint`: what is wrong with a record.

use super::{
    Mode,
    step::{StepRow, published, tag_name},
};
use crate::{
    exit::{Exit, Failure},
    lint::{self, LintArgs},
    terminal,
};
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use waxseal::{
    dmarc::{
        BuiltInSuffixes, PolicyTag, Step,
        publish::{self, Audit, AuditReport, Authorization, Finding, ReportDestination},
    },
    dns::DomainName,
};

/// Report what is wrong with a DMARC record
///
/// The text of a record is checked as it is, without DNS. For a domain, the output shows where its record was found and which
/// policy results from it, and whether each host outside the domain accepts the reports.
///
/// Exit codes: 0 when there is nothing worse than a note, 1 when there is, 2 for wrong usage, 75 when a DNS server did not
/// answer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal dmarc lint \"v=DMARC1; p=reject; rua=mailto:dmarc@example.org\"
  waxseal dmarc lint news.example.org
  waxseal dmarc lint --json example.org")]
pub(crate) struct Lint {
    /// A domain, or the text of a record, such as "v=DMARC1; p=none"
    #[arg(value_name = "RECORD|DOMAIN")]
    subject: String,
    /// How to find Organizational Domains
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    #[command(flatten)]
    args: LintArgs,
}

/// What only a domain has.
#[derive(Debug, Serialize)]
struct AuditRow {
    domain: String,
    record_at: Option<String>,
    record: Option<String>,
    policy: Option<&'static str>,
    policy_tag: Option<&'static str>,
    org_domain: Option<String>,
    org_rule: Option<&'static str>,
    path: Vec<StepRow>,
    reports: Vec<ReportRow>,
}

#[derive(Debug, Serialize)]
struct ReportRow {
    tag: &'static str,
    uri: String,
    authorization: &'static str,
}

impl Lint {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        if self.subject.trim().is_empty() {
            return Err(Failure::new("no record and no domain is given: the argument is empty"));
        }
        // No domain name has any of these, and no record is without all of them.
        if self.subject.contains([' ', '=', ';']) {
            return self.finish(None, &publish::lint(self.subject.as_bytes()));
        }
        let domain: DomainName =
            self.subject.parse().map_err(|error| Failure::because(&self.subject, &error))?;
        // The name of a record, as other tools want it.
        let stripped = domain.as_str().strip_prefix("_dmarc.").and_then(|rest| rest.parse().ok());
        let audit = Audit::new(stripped.unwrap_or(domain))
            .with_local_policy(self.mode.local_policy())
            .with_known_suffixes(BuiltInSuffixes);
        let report = self.args.dns.drive(audit)?;
        self.finish(Some(&report), report.findings())
    }

    fn finish(&self, report: Option<&AuditReport>, findings: &[Finding]) -> Result<Exit, Failure> {
        self.args.finish(report.map(AuditRow::from), findings, |out| match report {
            Some(report) => print_report(report, findings, out),
            None => lint::print(out, &[(None, self.subject.as_bytes())], findings),
        })
    }
}

fn print_report(report: &AuditReport, findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    let mut rest: Vec<_> = findings.iter().collect();
    let path = report.author().path();
    path.iter().try_for_each(|step| print_step(step, report, &mut rest, out))?;
    print(report, out)?;
    lint::print_rest(out, &rest)?;
    if findings.is_empty() {
        writeln!(out, "no problems found")?;
    }
    Ok(())
}

/// What the record comes to.
fn print(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let author = report.author();
    if let (Some(domain), Some(rule)) = (author.organizational_domain(), author.organizational_rule()) {
        writeln!(out, "Organizational Domain: {domain} ({rule})")?;
    }
    if let (Some(policy), Some(at)) = (author.policy(), author.record_at()) {
        let source = match author.policy_tag().and_then(tag_name) {
            Some(tag) => format!("by {tag}= of {at}"),
            None => {
                let invalid = author.record().and_then(|record| record.invalid_policy());
                let tag = invalid.unwrap_or(PolicyTag::P).as_str();
                format!("assumed, as there is no valid {tag}= in the record of {at}, but a rua=")
            }
        };
        writeln!(out, "policy for mail from {}: {policy}, {source}", author.domain())?;
    }
    let row = |row: &ReportDestination| writeln!(out, "{}={}: {}", row.tag(), row.uri(), word(row));
    report.reports().iter().try_for_each(row)
}

/// The name and the record with what is wrong in it, or why there is none and what might have been meant.
fn print_step(
    step: &Step,
    report: &AuditReport,
    rest: &mut Vec<&Finding>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let label = format!("_dmarc.{} ", step.domain());
    let name = step.question().map(|question| question.name);
    let mut texts = report.records().filter(|(at, _)| Some(*at) == name.as_ref());
    if let Some(record) = step.record() {
        return match texts.next() {
            Some((name, text)) => lint::print_record(out, &label, text, lint::take(rest, Some(name), text)),
            // A record that counts for another domain only, or for none.
            None => writeln!(out, "{}{}", terminal::heading(label), published(record)),
        };
    }
    writeln!(out, "{}{}", terminal::heading(label), step.found())?;
    texts.try_for_each(|(name, text)| {
        lint::print_record(out, "    ", text, lint::take(rest, Some(name), text))
    })
}

fn word(destination: &ReportDestination) -> &'static str {
    destination.authorization().map_or("ignored", Authorization::as_str)
}

impl From<&AuditReport> for AuditRow {
    fn from(report: &AuditReport) -> Self {
        let author = report.author();
        let organization = author.organizational_domain();
        let row = |found: &ReportDestination| ReportRow {
            tag: found.tag(),
            uri: found.uri().to_string(),
            authorization: word(found),
        };
        Self {
            domain: author.domain().to_string(),
            record_at: author.record_at().map(ToString::to_string),
            record: author.record().map(|record| published(record)),
            policy: author.policy().map(|policy| policy.as_str()),
            policy_tag: author.policy_tag().and_then(tag_name),
            org_domain: organization.map(ToString::to_string),
            org_rule: author.organizational_rule(),
            path: author.path().iter().map(StepRow::from).collect(),
            reports: report.reports().iter().map(row).collect(),
        }
    }
}
