//! `waxseal dmarc`: does the domain that a reader sees stand behind a message?

use crate::exit::{Exit, Failure};
use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use waxseal::{
    dmarc::{BuiltInSuffixes, Found, LocalPolicy, PolicyTag, Step},
    dns::Existence,
};

mod check;
mod identifiers;
mod lint;
mod row;

pub(crate) use row::DmarcRow;

/// Check DMARC (RFC 9989): verdicts with the path to them, and help for those who publish records
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Dmarc {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(Box<check::Check>),
    Lint(lint::Lint),
}

impl Dmarc {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        match &self.verb {
            Verb::Check(check) => check.run(),
            Verb::Lint(lint) => lint.run(),
        }
    }
}

/// How Organizational Domains are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// By a tree walk in DNS
    #[default]
    Rfc9989,
    /// By the public suffix list that is built in; np, psd and t are unknown tags
    Rfc7489,
}

impl Mode {
    /// With the Organizational Domain always looked for: people want to know it.
    pub(crate) fn local_policy(self) -> LocalPolicy {
        let local = LocalPolicy::default().with_organizational_domain(true);
        match self {
            Self::Rfc9989 => local,
            Self::Rfc7489 => local.with_public_suffix_list(BuiltInSuffixes),
        }
    }
}

/// The tag that a policy was taken from; `None` for a policy that is assumed.
fn tag_name(tag: PolicyTag) -> Option<&'static str> {
    (tag != PolicyTag::Assumed).then_some(tag.as_str())
}

/// One name of the path in JSON.
#[derive(Debug, Serialize)]
struct StepRow {
    name: String,
    found: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<&Step> for StepRow {
    fn from(step: &Step) -> Self {
        let mut row =
            Self { name: format!("_dmarc.{}", step.domain()), found: "", record: None, error: None };
        row.found = match step.found() {
            Found::Record(record) => {
                row.record = Some(record.to_string());
                "record"
            }
            Found::Nothing(Existence::NxDomain) => "nxdomain",
            Found::Nothing(Existence::Exists) => "nothing",
            Found::Several { .. } => "several",
            Found::NameTooLong => "name-too-long",
            Found::Failed(error) => {
                row.error = Some(error.to_string());
                "failed"
            }
            _ => "other",
        };
        row
    }
}
