//! `waxseal completions` and `waxseal man`: what packages install beside the command.

use crate::{
    Cli,
    exit::{Exit, Failure},
};
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::{fs, io::Write, path::PathBuf};

/// Print the completions of a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal completions bash >/usr/share/bash-completion/completions/waxseal
  waxseal completions zsh >/usr/share/zsh/site-functions/_waxseal
  waxseal completions fish >/usr/share/fish/vendor_completions.d/waxseal.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

/// Write a man page for the command and for each sub-command
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal man /usr/share/man/man1
  waxseal man . && man ./waxseal-spf-check.1")]
pub(crate) struct Man {
    /// The folder to write to; it is created if it does not exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Completions {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "waxseal", &mut text);
        std::io::stdout().lock().write_all(&text).map_err(Failure::output)?;
        Ok(Exit::Pass)
    }
}

impl Man {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let failed = |error| Failure::file("write", &self.folder, &error);
        fs::create_dir_all(&self.folder).map_err(failed)?;
        clap_mangen::generate_to(Cli::command(), &self.folder).map_err(failed)?;
        Ok(Exit::Pass)
    }
}
