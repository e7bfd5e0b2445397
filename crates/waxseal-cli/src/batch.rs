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

/// The longest line in octets: a message of 25 MiB in base64 takes 34 MiB.
const MAX_LINE: u64 = 64 << 20;

/// How much is done at the same time.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Jobs {
    /// Work on so many lines or messages at the same time, up to 1024 [default: one for each core]
    #[arg(long, value_name = "NUMBER", requires = "batch", value_parser = value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

impl Jobs {
    pub(crate) fn threads(self) -> usize {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.jobs.map_or_else(cores, usize::from)
    }
}

/// A line that could not be understood.
#[derive(Debug)]
pub(crate) struct BadLine {
    /// Its id, as far as it could be read.
    pub(crate) id: Value,
    /// What is wrong.
    pub(crate) error: String,
}

/// What a line comes to: JSON, on one line.
pub(crate) type Answer = Result<String, BadLine>;

/// The `id` of a line, any JSON value; null without one.
pub(crate) fn id(line: &[u8]) -> Result<Value, BadLine> {
    #[derive(Deserialize)]
    struct Id {
        #[serde(default)]
        id: Value,
    }
    match parse(line) {
        Ok(Id { id }) => Ok(id),
        Err(error) => Err(BadLine { id: Value::Null, error }),
    }
}

/// Reads a line. The error tells the column alone: the number of the line is known better here.
pub(crate) fn parse<'l, T: Deserialize<'l>>(line: &'l [u8]) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string().replace("expected f64", "expected a number");
        let (line, column) = (error.line(), error.column());
        match text.strip_suffix(&format!(" at line {line} column {column}")) {
            Some(what) => format!("{what} at column {column}"),
            None => text,
        }
    })
}

/// A finished answer.
pub(crate) fn answer(row: &impl Serialize) -> Answer {
    crate::json::to_string(row).map_err(|error| BadLine { id: Value::Null, error: error.to_string() })
}

/// Prints what `judge` makes of every line of `input`, or an object of `id`, `line` and `error`. Empty lines are passed
/// over. [`Exit::Failed`] when a line could not be understood.
pub(crate) fn run(input: Input, jobs: Jobs, judge: impl Fn(&[u8]) -> Answer + Sync) -> Result<Exit, Failure> {
    answer_all(Lines::new(input), jobs.threads(), |line| {
        let judged = line.text.and_then(|text| judge(object(&text)?));
        let failed = |BadLine { id, error }| ErrorRow { id, line: line.number, error };
        match judged.map_err(failed) {
            Ok(text) => Answered { text, exit: Exit::Pass },
            // A row has nothing that JSON cannot say.
            Err(row) => {
                Answered { text: crate::json::to_string(&row).unwrap_or_default(), exit: Exit::Failed }
            }
        }
    })
}

/// The answer to a line that could not be understood.
#[derive(Debug, Serialize)]
struct ErrorRow {
    id: Value,
    line: u64,
    error: String,
}

/// A line without its end, if it is an object: an array would be read as the values of one.
fn object(line: &[u8]) -> Result<&[u8], BadLine> {
    match line.trim_ascii_start().first() {
        Some(b'{') => Ok(line.trim_ascii_end()),
        _ => Err(BadLine { id: Value::Null, error: "not a JSON object".into() }),
    }
}

/// The byte order mark of UTF-8, which editors put in front of text.
pub(crate) const BOM: &[u8] = b"\xEF\xBB\xBF";

/// A line of input.
struct Line {
    /// Counts all lines, from 1.
    number: u64,
    text: Result<Vec<u8>, BadLine>,
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
    type Item = Line;

    fn next(&mut self) -> io::Result<Option<Line>> {
        self.read().map_err(|error| io::Error::new(error.kind(), format!("the input: {error}")))
    }
}

impl Lines {
    fn read(&mut self) -> io::Result<Option<Line>> {
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
                let error = format!("the line is longer than {MAX_LINE} octets");
                Err(BadLine { id: Value::Null, error })
            } else {
                Ok(text)
            };
            return Ok(Some(Line { number: self.number, text }));
        }
        Ok(None)
    }
}
