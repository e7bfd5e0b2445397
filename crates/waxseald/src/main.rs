//! The daemon; all of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    waxseald::run(std::env::args_os())
}
