//! One JSON object per line in, one per line out, in the same order, on all cores, in bounded memory.

mod pool;

use crate::{
    exit::{Exit, Failure},
    input::Input,
    terminal::Progress,
};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
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
    /// Work on so many lines or messages at the same time [default: one for each core]
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<NonZeroUsize>,
}

impl Jobs {
    pub(crate) fn threads(self) -> usize {
        let cores = || thread::available_parallelism().ok();
        self.jobs.or_else(cores).map_or(1, NonZeroUsize::get)
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
    match serde_json::from_slice(line) {
        Ok(Id { id }) => Ok(id),
        Err(error) => Err(BadLine { id: Value::Null, error: error.to_string() }),
    }
}

/// A finished answer.
pub(crate) fn answer(row: &impl Serialize) -> Answer {
    serde_json::to_string(row).map_err(|error| BadLine { id: Value::Null, error: error.to_string() })
}

/// Prints what `judge` makes of every line of `input`, or an object of `id`, `line` and `error`. Empty lines are passed
/// over. [`Exit::Failed`] when a line could not be understood.
pub(crate) fn run(input: Input, jobs: Jobs, judge: impl Fn(&[u8]) -> Answer + Sync) -> Result<Exit, Failure> {
    answer_all(Lines::new(input), jobs.threads(), |line| match line.text.and_then(|text| judge(&text)) {
        Ok(text) => Answered { text, exit: Exit::Pass },
        Err(BadLine { id, error }) => Answered {
            text: json!({ "id": id, "line": line.number, "error": error }).to_string(),
            exit: Exit::Failed,
        },
    })
}

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
        while !self.ended {
            let mut text = Vec::new();
            let length = self.input.by_ref().take(MAX_LINE).read_until(b'\n', &mut text)?;
            self.ended = length == 0;
            self.progress.add(length);
            self.number += 1;
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
