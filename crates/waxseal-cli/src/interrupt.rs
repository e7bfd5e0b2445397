//! Ctrl-C: what was begun is finished, and what was done is summed up.

use crate::{batch::Items, exit::INTERRUPTED};
use signal_hook::{consts::SIGINT, flag};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// Whether the command was interrupted.
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on Ctrl-C sets this, and only a second one ends the command at once.
    pub(crate) fn watch() -> Self {
        let set = Arc::new(AtomicBool::new(false));
        // The order counts: the first Ctrl-C finds the flag not set yet. Where signals cannot be watched, it ends the command.
        _ = flag::register_conditional_shutdown(SIGINT, INTERRUPTED.into(), Arc::clone(&set));
        _ = flag::register(SIGINT, Arc::clone(&set));
        Self(set)
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// Items, none of which is begun after an interrupt.
pub(crate) struct UntilInterrupted<'i, I> {
    pub(crate) items: I,
    pub(crate) interrupt: &'i Interrupt,
}

impl<I: Items> Items for UntilInterrupted<'_, I> {
    type Item = I::Item;

    fn next(&mut self) -> io::Result<Option<I::Item>> {
        if self.interrupt.is_set() { Ok(None) } else { self.items.next() }
    }
}
