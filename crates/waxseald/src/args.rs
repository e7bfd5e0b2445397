//! The command line.

use crate::{
    check::{self, Extent},
    config::Files,
    convert, daemon, ping,
    would_sign::{self, Imagined},
};
use clap::{Parser, Subcommand};
use std::{ffi::OsString, net::IpAddr, path::PathBuf, process::ExitCode};

/// Signs and checks mail for Postfix: one daemon that replaces OpenDKIM, OpenDMARC, OpenARC and policyd-spf.
///
/// It reads the configuration files of those daemons and serves each on its own socket. Without a command it runs in the foreground;
/// HUP and USR1 reload the files.
#[derive(Debug, Parser)]
#[command(name = "waxseald", version)]
struct Args {
    /// Use this waxseald.toml; every key can also be set as WAXSEALD_KEY in the environment
    #[arg(short, long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Use this opendkim.conf
    #[arg(short = 'x', long, value_name = "FILE", global = true)]
    opendkim: Option<PathBuf>,
    /// Use this opendmarc.conf
    #[arg(long, value_name = "FILE", global = true)]
    opendmarc: Option<PathBuf>,
    /// Use this openarc.conf
    #[arg(long, value_name = "FILE", global = true)]
    openarc: Option<PathBuf>,
    /// Use this policyd-spf.conf, on --policy-socket
    #[arg(long, value_name = "FILE", global = true)]
    policyd_spf: Option<PathBuf>,
    /// Where the policy service listens: inet:PORT@HOST or local:/PATH
    #[arg(long, value_name = "SOCKET", global = true)]
    policy_socket: Option<String>,
    /// Read the settings and all files that they name, report what is wrong, and exit: `waxseald check`
    #[arg(short = 'n')]
    check_only: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the settings, every table and every key, compare keys with DNS, and report what is wrong or will cause trouble
    Check {
        /// Report also what this main.cf of Postfix will do
        #[arg(long, value_name = "FILE")]
        main_cf: Option<PathBuf>,
        /// Do not look up whether the keys are published
        #[arg(long)]
        no_dns: bool,
    },
    /// Convert all given old files to one waxseald.toml on stdout
    Convert,
    /// Print whether mail would be signed, and if not, why; exit code 1 if not
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
        /// The user name, if the client has authenticated
        #[arg(long)]
        auth: Option<String>,
        /// Recipients
        #[arg(long)]
        to: Vec<String>,
    },
    /// Check that a daemon with the same settings serves all its sockets; exit code 69 if not
    Ping,
    /// Answer policy requests on stdin, instead of policyd-spf under `spawn` in master.cf
    Policy {
        /// A policyd-spf.conf
        file: PathBuf,
    },
}

/// Runs the command that the arguments name.
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
        Some(Command::Ping) => ping::run(&files).map(|asked| println!("sockets that answer: {asked}")),
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
