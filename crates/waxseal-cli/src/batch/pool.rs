//! Threads that answer one item after the other, and the answers in the order of the items.

use crate::exit::{Exit, Failure};
use std::{
    collections::BTreeMap,
    io::{self, BufWriter, Write},
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

/// Answers for each thread that wait for an earlier one; with so many, nothing more is read.
const WAITING_PER_THREAD: usize = 4;

/// The items to answer.
pub(crate) trait Items {
    type Item;

    /// The next one; `None` at the end. An error begins with the name of what cannot be read.
    fn next(&mut self) -> io::Result<Option<Self::Item>>;
}

/// The outcome of an item.
pub(crate) struct Answered {
    /// The text to print, without the line end, if any.
    pub(crate) text: Option<String>,
    /// The exit code that it asks for.
    pub(crate) exit: Exit,
}

/// Prints what `answer` makes of every item, each on a line of its own.
///
/// Each thread takes an item, answers it and hands the answer in; an answer is written as soon as those of all earlier
/// items are. Nothing is held back when no item is in progress, so a program that sends line by line gets its answers line by line.
pub(crate) fn answer_all<I: Items + Send>(
    items: I,
    threads: usize,
    answer: impl Fn(I::Item) -> Answered + Sync,
) -> Result<Exit, Failure> {
    let items = Mutex::new(Queue { items, next_index: 0 });
    let answers = Answers::new(threads * WAITING_PER_THREAD);
    thread::scope(|scope| {
        let work = || {
            while let Some((index, item)) = answers.next_item(&items) {
                answers.hand_in(index, answer(item));
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

struct Queue<I> {
    items: I,
    next_index: u64,
}

/// The answers on their way to standard output.
struct Answers {
    /// Items taken and not answered.
    under_way: AtomicUsize,
    state: Mutex<State>,
    written: Condvar,
    most_waiting: usize,
}

struct State {
    out: BufWriter<io::Stdout>,
    /// The index of the answer to be written next.
    next: u64,
    waiting: BTreeMap<u64, Option<String>>,
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
    fn next_item<I: Items>(&self, queue: &Mutex<Queue<I>>) -> Option<(u64, I::Item)> {
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        if self.state().failure.is_some() {
            return None;
        }
        let item = queue.items.next().unwrap_or_else(|error| {
            self.state().failure = Some(Failure::new(format!("cannot read {error}")));
            None
        })?;
        let index = queue.next_index;
        queue.next_index += 1;
        self.under_way.fetch_add(1, Relaxed);
        Some((index, item))
    }

    fn hand_in(&self, index: u64, Answered { text, exit }: Answered) {
        let mut state = self.state();
        state.exit = state.exit.and(exit);
        state.waiting.insert(index, text);
        let all_answered = self.under_way.fetch_sub(1, Relaxed) == 1;
        if let Err(error) = state.write(all_answered) {
            state.failure.get_or_insert_with(|| Failure::output(error));
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
            None => state.out.flush().map(|()| state.exit).map_err(Failure::output),
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
            if let Some(text) = text {
                writeln!(self.out, "{text}")?;
            }
        }
        if flush { self.out.flush() } else { Ok(()) }
    }
}
