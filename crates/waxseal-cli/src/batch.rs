//! One JSON object per line in, one per line out, in the same order, on all cores, in bounded memory.

use crate::exit::{Exit, Failure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread,
};

/// The longest line in octets: a message of 25 MiB in base64 takes 34 MiB.
const MAX_LINE: u64 = 64 << 20;

/// Lines under way for each thread; no more are in memory.
const LINES_PER_THREAD: usize = 4;

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

/// A line, and where its answer goes.
struct Job {
    line: Vec<u8>,
    answer: Sender<Answer>,
}

/// Prints what `judge` makes of every line of `input`, or an object of `id`, `line` and `error`. Empty lines are passed
/// over. [`Exit::Failed`] when a line could not be understood.
pub(crate) fn run(input: impl Read, judge: impl Fn(&[u8]) -> Answer + Sync) -> Result<Exit, Failure> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    thread::scope(|scope| {
        let (jobs, todo) = sync_channel::<Job>(threads);
        let (order, answers) = sync_channel(threads * LINES_PER_THREAD);
        let todo = Arc::new(Mutex::new(todo));
        for _ in 0..threads {
            let (todo, judge) = (todo.clone(), &judge);
            scope.spawn(move || work(&todo, judge));
        }
        let writer = scope.spawn(move || write_answers(&answers));
        let read = read_lines(input, &jobs, &order);
        drop((jobs, order));
        let exit = writer.join().unwrap_or(Ok(Exit::Failed))?;
        read.map_err(|error| Failure::because("cannot read", &error))?;
        Ok(exit)
    })
}

/// Ends with the input, or when nobody reads the answers any more.
fn read_lines(
    input: impl Read,
    jobs: &SyncSender<Job>,
    order: &SyncSender<(u64, Receiver<Answer>)>,
) -> io::Result<()> {
    let mut input = BufReader::with_capacity(64 * 1024, input);
    for number in 1.. {
        let mut line = Vec::new();
        if input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let (answer, coming) = channel();
        if line.len() as u64 == MAX_LINE && !line.ends_with(b"\n") {
            input.skip_until(b'\n')?;
            let error = format!("the line is longer than {MAX_LINE} octets");
            // Whoever listens is alive: we hold it.
            let _ = answer.send(Err(BadLine { id: Value::Null, error }));
        } else if line.trim_ascii().is_empty() {
            continue;
        } else if jobs.send(Job { line, answer }).is_err() {
            break;
        }
        if order.send((number, coming)).is_err() {
            break;
        }
    }
    Ok(())
}

fn work(todo: &Mutex<Receiver<Job>>, judge: &impl Fn(&[u8]) -> Answer) {
    loop {
        let job = todo.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { line, answer }) = job else { return };
        // Nobody listens when the output was closed.
        let _ = answer.send(judge(&line));
    }
}

/// Whatever is answered is written at once when the next answer is not there yet: who asks line by line gets answers
/// line by line.
fn write_answers(answers: &Receiver<(u64, Receiver<Answer>)>) -> Result<Exit, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut exit = Exit::Pass;
    loop {
        let next = match answers.try_recv() {
            Ok(next) => Ok(next),
            Err(_) => {
                out.flush()?;
                answers.recv()
            }
        };
        let Ok((number, coming)) = next else { return Ok(exit) };
        let answer = match coming.try_recv() {
            Ok(answer) => Ok(answer),
            Err(_) => {
                out.flush()?;
                coming.recv()
            }
        };
        match answer {
            Ok(Ok(text)) => writeln!(out, "{text}")?,
            Ok(Err(BadLine { id, error })) => {
                exit = Exit::Failed;
                writeln!(out, "{}", json!({ "id": id, "line": number, "error": error }))?;
            }
            Err(_) => exit = Exit::Failed,
        }
    }
}
