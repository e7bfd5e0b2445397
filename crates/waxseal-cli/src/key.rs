//! `waxseal key`: the keys that sign, and what is published of them.

use crate::{
    exit::{Exit, Failure},
    keygen::Keygen,
};
use clap::{Args, Subcommand};

mod check;
mod compare;
mod config;
mod rotate;
mod show;
mod tables;

/// Make keys, show their records, compare them with tables and DNS, and replace them
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
    Rotate(Box<rotate::Rotate>),
}

impl Key {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        match &self.verb {
            Verb::New(new) => new.run(),
            Verb::Show(show) => show.run(),
            Verb::Check(check) => check.run(),
            Verb::Rotate(rotate) => rotate.run(),
        }
    }
}
