//! `waxseal dkim`: for publishers of keys.

use crate::exit::{Exit, Failure};
use clap::{Args, Subcommand};

mod lint;

/// Check published DKIM key records (RFC 6376)
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Dkim {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Lint(lint::Lint),
}

impl Dkim {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        match &self.verb {
            Verb::Lint(lint) => lint.run(),
        }
    }
}
