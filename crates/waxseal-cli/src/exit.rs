//! How the command ends.

use crate::terminal;
use std::{
    error::Error,
    fmt::{self, Display},
    io,
    path::Path,
    process::ExitCode,
};
use waxseal::authres::{DkimResult, DmarcResult, SpfResult};

/// As the shell reports a command that SIGINT ended.
pub(crate) const INTERRUPTED: u8 = 130;

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done, or the verdict is pass.
    Pass,
    /// 1: the verdict is another one.
    NotPass,
    /// 2: wrong usage, or something could not be read, written or signed. clap ends with the same code.
    Failed,
    /// 130: Ctrl-C ended it early.
    Interrupted,
    /// 75, `EX_TEMPFAIL` of sysexits(3): no verdict; try again later.
    Temporary,
}

impl Exit {
    /// The exit code for several verdicts: 2 beats 1 beats 75 beats 0. Trying again later (75) makes sense only when
    /// nothing else is wrong.
    pub(crate) fn and(self, other: Self) -> Self {
        let rank = |exit| match exit {
            Self::Interrupted => 0,
            Self::Failed => 1,
            Self::NotPass => 2,
            Self::Temporary => 3,
            Self::Pass => 4,
        };
        if rank(other) < rank(self) { other } else { self }
    }
}

/// The exit code for the verdict of one method: only `pass` is 0.
macro_rules! exit_of_results {
    ($($results:ty),*) => {
        $(impl From<$results> for Exit {
            fn from(result: $results) -> Self {
                match result {
                    <$results>::Pass => Self::Pass,
                    <$results>::TempError => Self::Temporary,
                    _ => Self::NotPass,
                }
            }
        })*
    };
}

exit_of_results!(DkimResult, SpfResult, DmarcResult);

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Pass => 0,
            Exit::NotPass => 1,
            Exit::Failed => 2,
            Exit::Temporary => 75,
            Exit::Interrupted => INTERRUPTED,
        })
    }
}

/// Why the command could not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What is wrong, where, and what to do.
    Text(String),
    /// The reader of the output has closed it, like `head` after its last line.
    Closed,
}

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// `what: ` and the error with its sources.
    pub(crate) fn because(what: impl Display, error: &(dyn Error + 'static)) -> Self {
        Self::Text(format!("{what}: {}", chain(error)))
    }

    /// Cannot `verb` the file.
    pub(crate) fn file(verb: &str, path: &Path, error: &io::Error) -> Self {
        Self::Text(format!("cannot {verb} {}: {error}", path.display()))
    }

    /// Cannot write to standard output.
    pub(crate) fn output(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Text(format!("cannot write to standard output: {error}")),
        }
    }

    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Text(text) => {
                terminal::error(text);
                Exit::Failed.into()
            }
            // As the shell reports a command that SIGPIPE ended: no verdict must seem to be a pass.
            Self::Closed => ExitCode::from(141),
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Closed => f.write_str("the output was closed"),
        }
    }
}

/// An error and its sources, separated by colons.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_counts_whatever_their_order() {
        let from_the_worst = [Exit::Failed, Exit::NotPass, Exit::Temporary, Exit::Pass];
        for (place, worse) in from_the_worst.into_iter().enumerate() {
            for better in from_the_worst.into_iter().skip(place) {
                assert_eq!((worse.and(better), better.and(worse)), (worse, worse));
            }
        }
    }
}
