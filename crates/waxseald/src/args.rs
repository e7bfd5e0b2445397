//! The command line.

use crate::{check, config::Files, daemon};
use clap::Parser;
use std::{ffi::OsString, path::PathBuf, process::ExitCode};

/// Signs and checks mail for Postfix: one daemon in place of OpenDKIM, OpenDMARC, OpenARC and policyd-spf.
#[derive(Debug, Parser)]
#[command(name = "waxseald", version)]
struct Args {
    /// Does what this opendkim.conf says
    #[arg(short = 'x', long, value_name = "FILE")]
    opendkim: Option<PathBuf>,
    /// Reads the settings and all that they name, reports what is wrong, and ends
    #[arg(short = 'n', long)]
    check_only: bool,
}

/// Runs what the arguments ask for.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            _ = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    let files = Files { opendkim: args.opendkim };
    let result = if args.check_only { check::run(&files) } else { daemon::run(&files) };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for line in error.to_string().lines() {
                eprintln!("waxseald: {line}");
            }
            ExitCode::from(error.exit_code())
        }
    }
}
