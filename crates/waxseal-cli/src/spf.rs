//! `waxseal spf`: may this client send mail for this domain?

use crate::exit::{Exit, Failure};
use clap::{Args, Subcommand};

mod check;
mod flatten;
mod lint;

/// Evaluate SPF (RFC 7208) with a trace, and check or flatten published records
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
