//! `waxseal dkim lint`: what is wrong with a key record.

use crate::{
    exit::{Exit, Failure},
    lint::{self, LintArgs},
};
use clap::Args;
use serde::Serialize;
use waxseal::{
    dkim::{
        Selector,
        publish::{self, Audit, AuditReport},
    },
    dns::{DomainName, lint::Finding},
};

/// Report what is wrong with a DKIM key record
///
/// The text of a record is checked as it is, without DNS. For a selector and its domain, the record is looked up.
///
/// Exit codes: 0 when there is nothing worse than a note, 1 when there is, 2 for wrong usage, 75 when a DNS server did not
/// answer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal dkim lint \"v=DKIM1; k=rsa; p=MIIBIjANBg...\"
  waxseal dkim lint 2026a example.org
  waxseal dkim lint 2026a._domainkey.example.org
  waxseal dkim lint --zone 2026a.txt --origin example.org 2026a example.org   # before it is published")]
pub(crate) struct Lint {
    /// A selector, or the text of a record, such as "v=DKIM1; k=rsa; p=..."
    #[arg(value_name = "RECORD|SELECTOR")]
    subject: String,
    /// The domain of the selector
    #[arg(value_name = "DOMAIN")]
    domain: Option<String>,
    #[command(flatten)]
    args: LintArgs,
}

/// What only a selector has.
#[derive(Debug, Serialize)]
struct AuditRow {
    name: String,
    records: Vec<String>,
}

impl Lint {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        if self.subject.trim().is_empty() {
            return Err(Failure::new("no record and no selector is given: the argument is empty"));
        }
        // No selector has any of these, and no record is without all of them.
        if self.subject.contains([' ', '=', ';']) {
            return match &self.domain {
                None => self.finish(None, &publish::lint(self.subject.as_bytes())),
                Some(domain) => Err(Failure::new(format!(
                    "a record needs no domain: leave out {domain}, or put the whole record in quotes"
                ))),
            };
        }
        let (selector, domain) = self.key_name()?;
        let audit = Audit::new(&selector, &domain)
            .map_err(|error| Failure::because(format!("{selector}._domainkey.{domain}"), &error))?;
        let report = self.args.dns.drive(audit)?;
        self.finish(Some(&report), report.findings())
    }

    /// The selector and its domain, also when they are given as the one name that DNS tools want.
    fn key_name(&self) -> Result<(Selector, DomainName), Failure> {
        let whole = self.subject.trim_end_matches('.').split_once("._domainkey.");
        let (selector, domain) = match (&self.domain, whole) {
            (None, None) => {
                return Err(Failure::new(format!(
                    "{} is taken for a selector: add its domain, as in waxseal dkim lint 2026a example.org",
                    self.subject
                )));
            }
            (None, Some(whole)) => whole,
            (Some(domain), None) => (&*self.subject, &**domain),
            (Some(domain), Some((selector, named))) if named.eq_ignore_ascii_case(domain) => {
                (selector, named)
            }
            (Some(domain), Some(_)) => {
                let name = &self.subject;
                return Err(Failure::new(format!("{name} already contains the domain: leave out {domain}")));
            }
        };
        let selector = selector.parse().map_err(|error| Failure::because(selector, &error))?;
        let domain = DomainName::mail_domain(domain).map_err(|error| Failure::because(domain, &error))?;
        Ok((selector, domain))
    }

    fn finish(&self, report: Option<&AuditReport>, findings: &[Finding]) -> Result<Exit, Failure> {
        self.args.finish(report.map(AuditRow::from), findings, |out| {
            let records: Vec<_> = match report {
                Some(report) => report.records().map(|(name, record)| (Some(name), record)).collect(),
                None => vec![(None, self.subject.as_bytes())],
            };
            lint::print(out, &records, findings)
        })
    }
}

impl From<&AuditReport> for AuditRow {
    fn from(report: &AuditReport) -> Self {
        let records = report.records().map(|(_, record)| record.escape_ascii().to_string()).collect();
        Self { name: report.name().to_string(), records }
    }
}
