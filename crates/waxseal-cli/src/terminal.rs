//! What people see: colours where there is a terminal, remarks, progress.

use anstream::{AutoStream, ColorChoice, adapter::strip_str};
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use std::{
    fmt::Display,
    io::{IsTerminal, Write, stderr, stdout},
    time::{Duration, Instant},
};
use waxseal::Disposition;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();

/// `--color`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Also into files and pipes, such as to less -R
    Always,
    /// Nowhere
    Never,
}

impl Color {
    /// Applies to everything that is printed from now on.
    pub(crate) fn set(self) {
        let choice = match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// Prints an error to standard error; if even that fails, nothing can be done.
pub(crate) fn error(text: &str) {
    let _ = writeln!(anstream::stderr(), "{ERROR}error:{ERROR:#} {}", visible(text));
}

/// Text from strangers for a terminal, such as names of files, on one line: what is neither letter, digit, punctuation of
/// ASCII, paragraph sign nor blank shows as `<U+001B>`.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' | '§' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            c => out.push_str(&format!("<U+{:04X}>", u32::from(c))),
        }
    }
    out
}

/// A remark on standard error.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(anstream::stderr(), "{NOTE}note:{NOTE:#} {}", visible(&text.to_string()));
}

/// A remark on standard error about what will probably go wrong.
pub(crate) fn warning(text: &str) {
    let style = NOTE.bold();
    let _ = writeln!(anstream::stderr(), "{style}warning:{style:#} {}", visible(text));
}

/// A header field as files have it, with every fold shown as TAB.
pub(crate) fn field(field: &str) -> String {
    field.replace("\r\n", "\n").replace("\n ", "\n\t")
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

/// What to do with a message, in the colour of what that means and as wide as most of them.
pub(crate) fn disposition(disposition: Disposition) -> String {
    let (text, colour) = match disposition {
        Disposition::None => ("deliver", AnsiColor::Green),
        Disposition::Quarantine => ("quarantine", AnsiColor::Yellow),
        Disposition::Defer => ("try again later", AnsiColor::Yellow),
        Disposition::Reject => ("reject", AnsiColor::Red),
    };
    let style = colour.on_default().bold();
    let padding = " ".repeat(WIDEST.len().saturating_sub(text.len()));
    format!("{style}{text}{style:#}{padding}")
}

/// The widest of the common words.
const WIDEST: &str = "quarantine";

/// Without its colours when standard output takes none, for text that is not printed through `anstream`.
pub(crate) fn for_stdout(text: String) -> String {
    match AutoStream::choice(&stdout()) {
        ColorChoice::Never => strip_str(&text).to_string(),
        _ => text,
    }
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

/// The caret under a part of the line above.
pub(crate) fn caret(text: impl Display) -> String {
    let style = AnsiColor::Red.on_default();
    format!("{style}{text}{style:#}")
}

/// Text of less importance.
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
    unit: Unit,
    done: u64,
    total: Option<u64>,
    next: Option<Instant>,
    shown: bool,
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Bytes,
    Things(&'static str),
}

impl Progress {
    const INTERVAL: Duration = Duration::from_millis(500);

    /// `total` is in bytes, when it is known.
    pub(crate) fn new(what: &'static str, total: Option<u64>) -> Self {
        let mut progress = Self::silent(what);
        progress.total = total;
        progress.next = stderr().is_terminal().then(|| Instant::now() + Self::INTERVAL);
        progress
    }

    /// For commands that print lines: no progress is shown between lines that go to the terminal.
    pub(crate) fn beside_output(what: &'static str, total: Option<u64>) -> Self {
        let mut progress = Self::new(what, total);
        if stdout().is_terminal() {
            progress.next = None;
        }
        progress
    }

    /// [`Progress::beside_output`] that counts messages, not bytes.
    pub(crate) fn of_messages(what: &'static str, total: usize) -> Self {
        Self::counting(what, "messages", total)
    }

    /// [`Progress::beside_output`] that counts `things`.
    pub(crate) fn counting(what: &'static str, things: &'static str, total: usize) -> Self {
        let mut progress = Self::beside_output(what, Some(total as u64));
        progress.unit = Unit::Things(things);
        progress
    }

    /// Shows nothing.
    pub(crate) fn silent(what: &'static str) -> Self {
        Self { what, unit: Unit::Bytes, done: 0, total: None, next: None, shown: false }
    }

    /// So many bytes or messages more.
    pub(crate) fn add(&mut self, count: usize) {
        self.done += count as u64;
        let Some(next) = self.next else { return };
        let now = Instant::now();
        if now >= next {
            self.next = Some(now + Self::INTERVAL);
            self.shown = true;
            let done = match self.unit {
                Unit::Bytes => format!("{} MiB", self.done >> 20),
                Unit::Things(things) => format!("{} {things}", self.done),
            };
            let _ = match self.total.filter(|total| *total > 0) {
                Some(total) => write!(stderr(), "\r{}: {done}, {} %", self.what, self.done * 100 / total),
                None => write!(stderr(), "\r{}: {done}", self.what),
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
