//! One JSON object per line in, one per line out, in the same order, on all cores, in bounded memory.

mod pool;

use crate::{
    exit::{Exit, Failure},
    input::Input,
    terminal::Progress,
};
use clap::{Args, value_parser};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    io::{self, BufRead, BufReader, Read},
    num::NonZeroUsize,
    thread,
};

pub(crate) use pool::{Answered, Items, answer_all};

/// The longest line in bytes: a message of 25 MiB in base64 takes 34 MiB.
const MAX_LINE: u64 = 64 << 20;

/// How much is done at the same time.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Jobs {
    /// Work on this many lines or messages at the same time, up to 1024 [default: one for each core]
    #[arg(long, value_name = "NUMBER", requires = "batch", value_parser = value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

impl Jobs {
    pub(crate) fn threads(self) -> usize {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.jobs.map_or_else(cores, usize::from)
    }
}

/// A verb that reads one JSON object per line and answers with another.
pub(crate) trait Verb: Sync {
    /// The content of a line.
    type Line<'l>: Line<'l>;
    /// The answer to a line, without the id.
    type Row: Serialize;

    /// The answer, or what is wrong with the line.
    fn answer(&self, line: Self::Line<'_>) -> Result<Self::Row, String>;
}

/// A line of input that was read.
pub(crate) trait Line<'l>: Deserialize<'l> {
    /// The `id`: any JSON value, null without one.
    fn take_id(&mut self) -> Value;
}

/// Answers every line of `input`; one that could not be read with an object of `id`, `line` and `error`. Empty lines
/// are skipped. [`Exit::Failed`] when a line could not be read.
pub(crate) fn run(input: Input, jobs: Jobs, verb: &impl Verb) -> Result<Exit, Failure> {
    answer_all(Lines::new(input), jobs.threads(), |RawLine { number, text }| {
        let row = match text {
            Ok(text) => answer(&text, verb),
            Err(error) => Err((Value::Null, error)),
        };
        let (text, exit) = match row {
            Ok(row) => (crate::json::to_string(&row), Exit::Pass),
            Err((id, error)) => (crate::json::to_string(&ErrorRow { id, line: number, error }), Exit::Failed),
        };
        Answered { text: Some(text), exit }
    })
}

/// An answer to a line, behind the id of the line.
#[derive(Debug, Serialize)]
struct Row<R> {
    id: Value,
    #[serde(flatten)]
    row: R,
}

/// The answer to a line that could not be read.
#[derive(Debug, Serialize)]
struct ErrorRow {
    id: Value,
    line: u64,
    error: String,
}

/// The answer to a line; or its id, if that could be read, and what is wrong.
fn answer<V: Verb>(text: &[u8], verb: &V) -> Result<Row<V::Row>, (Value, String)> {
    // serde would read an array as the values of an object.
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err((Value::Null, "not a JSON object".into()));
    }
    let mut line: V::Line<'_> = parse(text.trim_ascii_end()).map_err(|error| (id(text), error))?;
    let id = line.take_id();
    match verb.answer(line) {
        Ok(row) => Ok(Row { id, row }),
        Err(error) => Err((id, error)),
    }
}

/// The id of a line that is not what it should be.
fn id(text: &[u8]) -> Value {
    #[derive(Deserialize)]
    struct Id {
        #[serde(default)]
        id: Value,
    }
    serde_json::from_slice(text).map_or(Value::Null, |Id { id }| id)
}

/// Reads a line. serde_json counts lines within the text, which is always one line: only the column
/// shows where.
fn parse<'l, T: Deserialize<'l>>(text: &'l [u8]) -> Result<T, String> {
    serde_json::from_slice(text).map_err(|error| {
        let text = error.to_string();
        let (line, column) = (error.line(), error.column());
        match text.strip_suffix(&format!(" at line {line} column {column}")) {
            Some(what) => format!("{what} at column {column}"),
            None => text,
        }
    })
}

/// The byte order mark of UTF-8, which editors put in front of text.
pub(crate) const BOM: &[u8] = b"\xEF\xBB\xBF";

/// A line as it was read.
struct RawLine {
    /// Counts all lines, from 1.
    number: u64,
    text: Result<Vec<u8>, String>,
}

struct Lines {
    input: BufReader<Input>,
    number: u64,
    ended: bool,
    progress: Progress,
}

impl Lines {
    fn new(input: Input) -> Self {
        let progress = Progress::beside_output("reading", input.length());
        let input = BufReader::with_capacity(64 * 1024, input);
        Self { input, number: 0, ended: false, progress }
    }
}

impl Items for Lines {
    type Item = RawLine;

    fn next(&mut self) -> io::Result<Option<RawLine>> {
        self.read().map_err(|error| io::Error::new(error.kind(), format!("the input: {error}")))
    }
}

impl Lines {
    fn read(&mut self) -> io::Result<Option<RawLine>> {
        while !self.ended {
            let mut text = Vec::new();
            let length = self.input.by_ref().take(MAX_LINE).read_until(b'\n', &mut text)?;
            self.ended = length == 0;
            self.progress.add(length);
            self.number += 1;
            if self.number == 1 && text.starts_with(BOM) {
                text.drain(..BOM.len());
            }
            if text.trim_ascii().is_empty() {
                continue;
            }
            let text = if text.len() as u64 == MAX_LINE && !text.ends_with(b"\n") {
                self.input.skip_until(b'\n')?;
                Err(format!("the line is longer than {MAX_LINE} bytes"))
            } else {
                Ok(text)
            };
            return Ok(Some(RawLine { number: self.number, text }));
        }
        Ok(None)
    }
}
