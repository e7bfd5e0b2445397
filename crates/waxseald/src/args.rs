//! The command line.

use crate::{
    check::{self, Extent},
    config::Files,
    convert, daemon,
    would_sign::{self, Imagined},
};
use clap::{Parser, Subcommand};
use std::{ffi::OsString, net::IpAddr, path::PathBuf, process::ExitCode};

/// Signs and checks mail for Postfix: one daemon in place of OpenDKIM, OpenDMARC, OpenARC and policyd-spf.
///
/// It does what the files of those daemons say, each on its own socket. Without a command it runs in the foreground; HUP and USR1
/// read the files anew.
#[derive(Debug, Parser)]
#[command(name = "waxseald", version)]
struct Args {
    /// Does what this waxseald.toml says; every key is also WAXSEALD_KEY in the environment
    #[arg(short, long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
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
    /// Reads the settings, every table and every key, compares keys with DNS, and says what is wrong or will hurt
    Check {
        /// Says also what this main.cf of Postfix will do
        #[arg(long, value_name = "FILE")]
        main_cf: Option<PathBuf>,
        /// Asks nobody whether the keys are published
        #[arg(long)]
        no_dns: bool,
    },
    /// Writes the old files, all that are given, as one waxseald.toml to stdout
    Convert,
    /// Says whether mail would be signed, and why not; exit code 1 when not
    WouldSign {
        /// The address of From
        #[arg(long)]
        from: String,
        /// The address of the client
        #[arg(long, default_value = "127.0.0.1")]
        client: IpAddr,
        /// The name of the client
        #[arg(long)]
        name: Option<String>,
        /// The user, when the client has authenticated
        #[arg(long)]
        auth: Option<String>,
        /// Recipients
        #[arg(long)]
        to: Vec<String>,
    },
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
    let Args { config: own, opendkim, opendmarc, openarc, policyd_spf, policy_socket, .. } = args;
    let files = Files { own, opendkim, opendmarc, openarc, policyd_spf, policy_socket };
    let result = match args.command {
        Some(Command::Policy { file }) => {
            daemon::serve_policy(&Files { policyd_spf: Some(file), ..Files::default() })
        }
        Some(Command::WouldSign { from, client, name, auth: user, to }) => {
            match would_sign::run(&files, &Imagined { from, client, name, user, to }) {
                Ok(false) => return ExitCode::from(1),
                result => result.map(drop),
            }
        }
        Some(Command::Check { main_cf, no_dns }) => {
            check::run(&files, &Extent { main_cf, without_dns: no_dns })
        }
        Some(Command::Convert) => convert::run(&files).map(|text| print!("{text}")),
        None if args.check_only => check::run(&files, &Extent::default()),
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
