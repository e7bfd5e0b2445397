//! `waxseal spf`: may this client send mail for this domain?

use crate::{
    exit::{Exit, Failure},
    terminal,
};
use clap::{Args, Subcommand};
use serde::Serialize;
use waxseal::{
    dns::lint::Severity,
    spf::publish::{Finding, Problem},
};

mod check;
mod flatten;
mod lint;

/// Check SPF (RFC 7208): verdicts with a trace, and help for those who publish records
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Spf {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(Box<check::Check>),
    Lint(lint::Lint),
    Flatten(flatten::Flatten),
}

impl Spf {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        match &self.verb {
            Verb::Check(check) => check.run(),
            Verb::Lint(lint) => lint.run(),
            Verb::Flatten(flatten) => flatten.run(),
        }
    }
}

/// A finding in JSON.
#[derive(Debug, Serialize)]
struct FindingRow {
    severity: &'static str,
    problem: &'static str,
    domain: Option<String>,
    term: Option<String>,
    offset: Option<usize>,
    span: Option<[usize; 2]>,
    suggestion: Option<String>,
    text: String,
}

impl From<&Finding> for FindingRow {
    fn from(finding: &Finding) -> Self {
        Self {
            severity: finding.severity().as_str(),
            problem: finding.id(),
            domain: finding.domain().map(ToString::to_string),
            term: finding.excerpt().map(Into::into),
            offset: finding.span().map(|span| span.start),
            span: finding.span().map(|span| [span.start, span.end]),
            suggestion: finding.suggestion().map(Into::into),
            text: finding.problem().to_string(),
        }
    }
}

/// The finding with its severity in colour.
fn shown(finding: &Finding) -> String {
    let text = finding.to_string();
    let severity = finding.severity().as_str();
    match text.strip_prefix(severity) {
        Some(rest) => format!("{}{rest}", terminal::severity(severity)),
        None => text,
    }
}

/// Notes are no reason to fail, and what DNS did not say may be all right.
fn exit_of(finding: &Finding) -> Exit {
    match (finding.problem(), finding.severity()) {
        (Problem::LookupFailed(_), _) => Exit::Temporary,
        (_, Severity::Note) => Exit::Pass,
        _ => Exit::NotPass,
    }
}
