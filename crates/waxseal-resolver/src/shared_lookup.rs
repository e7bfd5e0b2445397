//! Asynchronous lookups that several tasks wait for. Whichever task is polled drives the lookup, so that a task that is
//! not polled delays no other.

use crate::flights::lock;
use std::{
    collections::HashMap,
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, Weak},
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};
use waxseal_dns::{Question, Reply};

/// The future of a lookup.
pub(crate) type Work = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// Nobody joins a lookup that was begun this long ago: if none of its tasks is polled, its answer may be old.
const OLD: Duration = Duration::from_secs(10);

/// The lookups under way, and when each was begun.
#[derive(Debug, Default)]
pub(crate) struct SharedLookups(Mutex<HashMap<Question, (Instant, Weak<SharedLookup>)>>);

/// One lookup, owned by the tasks that wait for it: it ends when the last one is dropped.
#[derive(Debug)]
struct SharedLookup {
    question: Question,
    stage: Mutex<Stage>,
    /// Separate from the work, which keeps a waker and thereby a reference to this.
    waiting: Arc<Waiting>,
    lookups: Arc<SharedLookups>,
}

enum Stage {
    Idle(Work),
    /// Someone is polling it right now.
    Polled,
    Done(Reply),
    /// It panicked: someone else must begin again.
    Lost,
}

/// The tasks to wake when the work can continue.
#[derive(Debug, Default)]
struct Waiting(Mutex<Wakers>);

#[derive(Debug, Default)]
struct Wakers {
    of: HashMap<u64, Waker>,
    next_key: u64,
    /// Whether the work was woken since it was last polled.
    woken: bool,
}

/// Waits for a lookup, and drives it; `None` when it was lost.
#[derive(Debug)]
pub(crate) struct Waiter {
    lookup: Arc<SharedLookup>,
    key: u64,
    /// Joined another task's lookup, and has not been polled since.
    is_new: bool,
}

impl SharedLookups {
    /// Waits for the lookup of `question` that is under way, or for a new one that does this `work`.
    pub(crate) fn join(self: &Arc<Self>, question: &Question, work: impl FnOnce() -> Work) -> Waiter {
        let mut under_way = lock(&self.0);
        let young = under_way.get(question).filter(|(begun, _)| begun.elapsed() < OLD);
        if let Some(lookup) = young.and_then(|(_, lookup)| lookup.upgrade()) {
            return Waiter::new(lookup, true);
        }
        let lookup = Arc::new(SharedLookup {
            question: question.clone(),
            stage: Mutex::new(Stage::Idle(work())),
            waiting: Arc::default(),
            lookups: Arc::clone(self),
        });
        under_way.insert(question.clone(), (Instant::now(), Arc::downgrade(&lookup)));
        lock(&lookup.waiting.0).woken = true;
        Waiter::new(lookup, false)
    }

    /// Lets nobody join `lookup` any more.
    fn close(&self, lookup: &SharedLookup) {
        let mut under_way = lock(&self.0);
        let is_it = |(_, known): &(Instant, Weak<SharedLookup>)| std::ptr::eq(known.as_ptr(), lookup);
        if under_way.get(&lookup.question).is_some_and(is_it) {
            under_way.remove(&lookup.question);
        }
    }
}

impl SharedLookup {
    /// The result; if there is none yet, polls the lookup if it should `drive` it.
    fn poll(&self, drive: bool) -> Poll<Option<Reply>> {
        let mut stage = lock(&self.stage);
        match mem::replace(&mut *stage, Stage::Polled) {
            Stage::Idle(work) if !drive => {
                *stage = Stage::Idle(work);
                Poll::Pending
            }
            Stage::Idle(work) => {
                drop(stage);
                self.drive(work)
            }
            // The task that polls it wakes us if there is more to do.
            Stage::Polled => Poll::Pending,
            Stage::Done(reply) => {
                *stage = Stage::Done(reply.clone());
                Poll::Ready(Some(reply))
            }
            Stage::Lost => {
                *stage = Stage::Lost;
                Poll::Ready(None)
            }
        }
    }

    /// Polls without holding a lock.
    fn drive(&self, mut work: Work) -> Poll<Option<Reply>> {
        lock(&self.waiting.0).woken = false;
        let mut turn = Turn { lookup: self, after: Some(Stage::Lost) };
        let waker = Waker::from(Arc::clone(&self.waiting));
        match work.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(reply) => {
                turn.after = Some(Stage::Done(reply.clone()));
                Poll::Ready(Some(reply))
            }
            Poll::Pending => {
                turn.after = Some(Stage::Idle(work));
                Poll::Pending
            }
        }
    }
}

/// Ends a poll, even by a panic: puts the work back for others, and wakes them when there is more to do, as they may
/// have looked for it in the meantime.
struct Turn<'l> {
    lookup: &'l SharedLookup,
    after: Option<Stage>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some(after) = self.after.take() else { return };
        let ended = !matches!(after, Stage::Idle(_));
        if ended {
            self.lookup.lookups.close(self.lookup);
        }
        *lock(&self.lookup.stage) = after;
        if ended || lock(&self.lookup.waiting.0).woken {
            self.lookup.waiting.wake_all();
        }
    }
}

impl Drop for SharedLookup {
    fn drop(&mut self) {
        self.lookups.close(self);
    }
}

impl Waiting {
    fn wake_all(&self) {
        let wakers = mem::take(&mut lock(&self.0).of);
        wakers.into_values().for_each(Waker::wake);
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        lock(&self.0).woken = true;
        self.wake_all();
    }
}

impl Waiter {
    fn new(lookup: Arc<SharedLookup>, is_new: bool) -> Self {
        let mut wakers = lock(&lookup.waiting.0);
        let key = wakers.next_key;
        wakers.next_key += 1;
        drop(wakers);
        Self { lookup, key, is_new }
    }
}

impl Future for Waiter {
    type Output = Option<Reply>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (key, is_new) = (self.key, mem::take(&mut self.is_new));
        // Before polling, so that no wake-up is missed.
        let waker = cx.waker().clone();
        let mut wakers = lock(&self.lookup.waiting.0);
        let former = wakers.of.insert(key, waker);
        let woken = wakers.woken;
        drop(wakers);
        // Not under the lock: dropping the last waker of a task may drop the task, and with it others that wait here.
        drop(former);
        if woken && is_new {
            // Others that ask at the same time join before it can end.
            cx.waker().wake_by_ref();
        }
        self.lookup.poll(woken && !is_new)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let waker = lock(&self.lookup.waiting.0).of.remove(&self.key);
        drop(waker);
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle(_) => "Idle",
            Self::Polled => "Polled",
            Self::Done(_) => "Done",
            Self::Lost => "Lost",
        })
    }
}
