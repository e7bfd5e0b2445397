//! One JSON object per line in, one per line out, in the same order, on all cores, in bounded memory.

use crate::exit::{Exit, Failure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    num::NonZeroUsize,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

/// The longest line in octets: a message of 25 MiB in base64 takes 34 MiB.
const MAX_LINE: u64 = 64 << 20;

/// Answers for each thread that wait for an earlier one; with so many, nothing more is read.
const WAITING_PER_THREAD: usize = 4;

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
///
/// Each thread reads a line, judges it and hands the answer in; an answer is written as soon as those of all earlier lines
/// are, and nothing is held back when no line is under way: who asks line by line is answered line by line.
pub(crate) fn run(input: impl Read + Send, judge: impl Fn(&[u8]) -> Answer + Sync) -> Result<Exit, Failure> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let lines = Mutex::new(Lines::new(input));
    let answers = Answers::new(threads * WAITING_PER_THREAD);
    thread::scope(|scope| {
        let work = || {
            while let Some(line) = answers.next_line(&lines) {
                let answer = line.text.and_then(|text| judge(&text));
                answers.hand_in(line.index, line.number, answer);
            }
        };
        for _ in 1..threads {
            // One thread is enough to go on.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    answers.finish()
}

/// A line of input.
struct Line {
    /// Counts the lines that want an answer, from 0.
    index: u64,
    /// Counts all lines, from 1.
    number: u64,
    text: Result<Vec<u8>, BadLine>,
}

struct Lines<R> {
    input: BufReader<R>,
    next_index: u64,
    number: u64,
    ended: bool,
}

impl<R: Read> Lines<R> {
    fn new(input: R) -> Self {
        let input = BufReader::with_capacity(64 * 1024, input);
        Self { input, next_index: 0, number: 0, ended: false }
    }

    fn next(&mut self) -> io::Result<Option<Line>> {
        while !self.ended {
            let mut text = Vec::new();
            self.ended = self.input.by_ref().take(MAX_LINE).read_until(b'\n', &mut text)? == 0;
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
            let index = self.next_index;
            self.next_index += 1;
            return Ok(Some(Line { index, number: self.number, text }));
        }
        Ok(None)
    }
}

/// The answers on their way to standard output.
struct Answers {
    /// Lines read and not answered.
    under_way: AtomicUsize,
    state: Mutex<State>,
    written: Condvar,
    most_waiting: usize,
}

struct State {
    out: BufWriter<io::Stdout>,
    /// The index of the answer to be written next.
    next: u64,
    waiting: BTreeMap<u64, String>,
    exit: Exit,
    failure: Option<Failure>,
}

impl Answers {
    fn new(most_waiting: usize) -> Self {
        let out = BufWriter::with_capacity(64 * 1024, io::stdout());
        let state = State { out, next: 0, waiting: BTreeMap::new(), exit: Exit::Pass, failure: None };
        Self {
            under_way: AtomicUsize::new(0),
            state: Mutex::new(state),
            written: Condvar::new(),
            most_waiting,
        }
    }

    /// `None` at the end, and when something has failed.
    fn next_line(&self, lines: &Mutex<Lines<impl Read>>) -> Option<Line> {
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        if self.state().failure.is_some() {
            return None;
        }
        let line = lines.next().unwrap_or_else(|error| {
            self.state().failure = Some(Failure::because("cannot read", &error));
            None
        });
        self.under_way.fetch_add(usize::from(line.is_some()), Relaxed);
        line
    }

    fn hand_in(&self, index: u64, number: u64, answer: Answer) {
        let mut state = self.state();
        let text = answer.unwrap_or_else(|BadLine { id, error }| {
            state.exit = Exit::Failed;
            json!({ "id": id, "line": number, "error": error }).to_string()
        });
        state.waiting.insert(index, text);
        let all_answered = self.under_way.fetch_sub(1, Relaxed) == 1;
        if let Err(error) = state.write(all_answered) {
            state.failure.get_or_insert(error.into());
        }
        self.written.notify_all();
        while state.waiting.len() >= self.most_waiting && state.failure.is_none() {
            state = self.written.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn finish(self) -> Result<Exit, Failure> {
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match state.failure {
            Some(failure) => Err(failure),
            None => Ok(state.out.flush().map(|()| state.exit)?),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Writes what is due.
    fn write(&mut self, flush: bool) -> io::Result<()> {
        while let Some(text) = self.waiting.remove(&self.next) {
            self.next += 1;
            writeln!(self.out, "{text}")?;
        }
        if flush { self.out.flush() } else { Ok(()) }
    }
}
