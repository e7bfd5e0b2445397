//! `waxseal spf lint`: what is wrong with a record.

use crate::{
    exit::{Exit, Failure},
    lint::{self, LintArgs},
};
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use waxseal::{
    dns::DomainName,
    spf::{
        Limits,
        publish::{self, Audit, AuditReport, Finding},
    },
};

/// Report what is wrong with an SPF record
///
/// The text of a record is checked as it is, without DNS. For a domain, the record and every record that it refers to are
/// checked, and the lookups in the worst case are counted.
///
/// Exit codes: 0 when there is nothing worse than a note, 1 when there is, 2 for wrong usage, 75 when a DNS server did not
/// answer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal spf lint \"v=spf1 mx include:_spf.example.net -all\"
  waxseal spf lint example.org
  waxseal spf lint --zone new.zone example.org      # before it is published")]
pub(crate) struct Lint {
    /// A domain, or the text of a record, such as "v=spf1 mx -all"
    #[arg(value_name = "RECORD|DOMAIN")]
    subject: String,
    #[command(flatten)]
    args: LintArgs,
}

/// What only a domain has.
#[derive(Debug, Serialize)]
struct AuditRow {
    domain: String,
    lookups: usize,
    void_lookups_ip4: usize,
    void_lookups_ip6: usize,
    records: Vec<RecordRow>,
}

#[derive(Debug, Serialize)]
struct RecordRow {
    domain: String,
    record: String,
}

impl Lint {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        if self.subject.trim().is_empty() {
            return Err(Failure::new("no record and no domain is given: the argument is empty"));
        }
        // No domain name has a blank or an equals sign, and no record is without both.
        if self.subject.contains([' ', '=']) {
            let findings = publish::lint(self.subject.as_bytes());
            return self.finish(None, &findings);
        }
        let domain: DomainName =
            self.subject.parse().map_err(|error| Failure::because(&self.subject, &error))?;
        let report = self.args.dns.drive(Audit::new(domain.clone()))?;
        self.finish(Some((&domain, &report)), report.findings())
    }

    fn finish(
        &self,
        audit: Option<(&DomainName, &AuditReport)>,
        findings: &[Finding],
    ) -> Result<Exit, Failure> {
        let row = audit.map(|(domain, report)| AuditRow::new(domain, report));
        self.args.finish(row, findings, |out| {
            let records: Vec<_> = match audit {
                Some((_, report)) => {
                    report.records().map(|(domain, record)| (Some(domain), record)).collect()
                }
                None => vec![(None, self.subject.as_bytes())],
            };
            lint::print(out, &records, findings)?;
            audit.map_or(Ok(()), |(_, report)| print_counts(out, report))
        })
    }
}

fn print_counts(out: &mut dyn Write, report: &AuditReport) -> io::Result<()> {
    writeln!(
        out,
        "worst case: {} of {} terms with lookups; void lookups, of which {} are allowed: {} for IPv4 clients, {} for IPv6 \
         clients",
        report.lookups(),
        Limits::DEFAULT_TERMS,
        Limits::DEFAULT_VOID_LOOKUPS,
        report.void_lookups_ip4(),
        report.void_lookups_ip6()
    )
}

impl AuditRow {
    fn new(domain: &DomainName, report: &AuditReport) -> Self {
        let row = |(domain, record): (&DomainName, &[u8])| RecordRow {
            domain: domain.to_string(),
            record: record.escape_ascii().to_string(),
        };
        Self {
            domain: domain.to_string(),
            lookups: report.lookups(),
            void_lookups_ip4: report.void_lookups_ip4(),
            void_lookups_ip6: report.void_lookups_ip6(),
            records: report.records().map(row).collect(),
        }
    }
}
