//! `waxseal spf`: may this client send mail for this domain?

use crate::exit::{Exit, Failure};
use clap::{Args, Subcommand};

mod check;

/// Check SPF (RFC 7208)
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Spf {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(Box<check::Check>),
}

impl Spf {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        match &self.verb {
            Verb::Check(check) => check.run(),
        }
    }
}
