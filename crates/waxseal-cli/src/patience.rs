//! A message while waiting for DNS.

use crate::terminal;
use std::{
    sync::{
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::Duration,
};
use waxseal::dns::Question;

/// How long a lookup may take before a message is printed.
const PATIENCE: Duration = Duration::from_secs(2);

/// The message is printed only once.
static TOLD: AtomicBool = AtomicBool::new(false);

/// Runs `ask`, and prints to standard error what it waits for if that takes long.
pub(crate) fn wait_for<T>(questions: &[Question], ask: impl FnOnce() -> T) -> T {
    let Some(first) = questions.first().filter(|_| !TOLD.load(Relaxed)) else { return ask() };
    let (answered, waiting) = channel::<()>();
    thread::scope(|scope| {
        let tell = move || {
            if waiting.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) && !TOLD.swap(true, Relaxed) {
                let more = match questions.len() {
                    1 => String::new(),
                    all => format!(" and {} more", all - 1),
                };
                let (name, kind) = (&first.name, first.kind);
                terminal::note(format_args!(
                    "waiting for DNS: {kind} of {name}{more} (set the limit with --timeout)"
                ));
            }
        };
        // Without a thread it waits silently.
        _ = thread::Builder::new().spawn_scoped(scope, tell);
        let answer = ask();
        drop(answered);
        answer
    })
}
