//! What people see: colours where there is a terminal, remarks, progress.

use anstyle::{AnsiColor, Style};
use std::{
    fmt::Display,
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();

/// Says on standard error that something failed. Nothing is to be done when even that fails.
pub(crate) fn error(text: &str) {
    let _ = writeln!(anstream::stderr(), "{ERROR}error:{ERROR:#} {text}");
}

/// A remark on standard error.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(anstream::stderr(), "{NOTE}note:{NOTE:#} {text}");
}

/// A result word in the colour of its meaning.
pub(crate) fn word(word: &str) -> String {
    let style = match word {
        "pass" => AnsiColor::Green.on_default().bold(),
        "fail" | "permerror" => AnsiColor::Red.on_default().bold(),
        _ => AnsiColor::Yellow.on_default().bold(),
    };
    format!("{style}{word}{style:#}")
}

/// The severity of a finding in its colour.
pub(crate) fn severity(severity: &str) -> String {
    let style = match severity {
        "error" => ERROR,
        "warning" => NOTE.bold(),
        _ => Style::new().bold(),
    };
    format!("{style}{severity}{style:#}")
}

/// Text to be read past.
pub(crate) fn dim(text: impl Display) -> String {
    let style = Style::new().dimmed();
    format!("{style}{text}{style:#}")
}

/// A heading.
pub(crate) fn heading(text: impl Display) -> String {
    let style = Style::new().bold();
    format!("{style}{text}{style:#}")
}

/// How much of a long input was read, on one line of a terminal's standard error; silent elsewhere.
pub(crate) struct Progress {
    what: &'static str,
    done: u64,
    total: Option<u64>,
    next: Option<Instant>,
    shown: bool,
}

impl Progress {
    const INTERVAL: Duration = Duration::from_millis(500);

    /// `total` is in octets, when it is known.
    pub(crate) fn new(what: &'static str, total: Option<u64>) -> Self {
        let next = stderr().is_terminal().then(|| Instant::now() + Self::INTERVAL);
        Self { what, done: 0, total, next, shown: false }
    }

    /// So many octets more.
    pub(crate) fn add(&mut self, octets: usize) {
        self.done += octets as u64;
        let Some(next) = self.next else { return };
        let now = Instant::now();
        if now >= next {
            self.next = Some(now + Self::INTERVAL);
            self.shown = true;
            let mib = self.done >> 20;
            let _ = match self.total.filter(|total| *total > 0) {
                Some(total) => write!(stderr(), "\r{}: {mib} MiB, {} %", self.what, self.done * 100 / total),
                None => write!(stderr(), "\r{}: {mib} MiB", self.what),
            };
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
