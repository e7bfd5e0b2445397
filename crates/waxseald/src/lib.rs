//! The daemon `waxseald`; its command line is the interface, and the README describes it.

mod args;
mod check;
mod config;
mod convert;
mod daemon;
mod filter;
mod hosts;
mod http;
mod keys;
mod lifecycle;
mod listener;
mod log;
mod metrics;
mod milter;
mod panics;
mod ping;
mod policy;
mod privileges;
mod reaper;
mod reports;
mod resolver;
mod roles;
mod settings;
mod sockets;
mod sources;
mod stream;
mod workers;
mod would_sign;

use std::{ffi::OsString, process::ExitCode};

/// Runs the daemon, or the command that the arguments name, to its end.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    args::run(args)
}
