//! The command line.

use crate::{check, config::Files, daemon};
use clap::{Parser, Subcommand};
use std::{ffi::OsString, path::PathBuf, process::ExitCode};

/// Signs and checks mail for Postfix: one daemon in place of OpenDKIM, OpenDMARC, OpenARC and policyd-spf.
///
/// It does what the files of those daemons say, each on its own socket. Without a command it runs in the foreground; HUP and USR1
/// read the files anew.
#[derive(Debug, Parser)]
#[command(name = "waxseald", version)]
struct Args {
    /// Does what this opendkim.conf says
    #[arg(short = 'x', long, value_name = "FILE", global = true)]
    opendkim: Option<PathBuf>,
    /// Does what this opendmarc.conf says
    #[arg(long, value_name = "FILE", global = true)]
    opendmarc: Option<PathBuf>,
    /// Does what this openarc.conf says
    #[arg(long, value_name = "FILE", global = true)]
    openarc: Option<PathBuf>,
    /// Does what this policyd-spf.conf says, on --policy-socket
    #[arg(long, value_name = "FILE", global = true)]
    policyd_spf: Option<PathBuf>,
    /// Where the policy service listens: inet:PORT@HOST or local:/PATH
    #[arg(long, value_name = "SOCKET", global = true)]
    policy_socket: Option<String>,
    /// Reads the settings and all that they name, reports what is wrong, and ends: `waxseald check`
    #[arg(short = 'n')]
    check_only: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reads the settings, every table and every key, and says what is wrong or will hurt
    Check,
    /// Answers policy requests on stdin, in place of policyd-spf under `spawn` in master.cf
    Policy {
        /// A policyd-spf.conf
        file: PathBuf,
    },
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
    let Args { opendkim, opendmarc, openarc, policyd_spf, policy_socket, .. } = args;
    let files = Files { opendkim, opendmarc, openarc, policyd_spf, policy_socket };
    let result = match args.command {
        Some(Command::Policy { file }) => {
            daemon::serve_policy(&Files { policyd_spf: Some(file), ..Files::default() })
        }
        Some(Command::Check) => check::run(&files),
        None if args.check_only => check::run(&files),
        None => daemon::run(&files),
    };
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
