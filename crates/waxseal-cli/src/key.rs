//! `waxseal key`: the keys that sign, and what is published of them.

use crate::{
    exit::{Exit, Failure},
    keygen::Keygen,
};
use clap::{Args, Subcommand};

mod check;
mod compare;
mod show;
mod tables;

/// Make keys, show their records, and compare them with tables and DNS
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Key {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key pair and the DNS record for it: the same as `waxseal keygen`
    New(Keygen),
    Show(show::Show),
    Check(check::Check),
}

impl Key {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        match &self.verb {
            Verb::New(new) => new.run(),
            Verb::Show(show) => show.run(),
            Verb::Check(check) => check.run(),
        }
    }
}
