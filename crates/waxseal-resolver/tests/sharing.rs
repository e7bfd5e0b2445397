//! Tasks and threads that ask the cache the same at the same time: one lookup, and nobody waits for somebody who does
//! nothing.
#![cfg(feature = "cache")]
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::{
    future::{Future, pending, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};
use waxseal_dns::{Answer, LookupError, LookupErrorKind, Question, Reply, Resolve, ResolveBlocking};
use waxseal_resolver::Cached;

const SOON: Duration = Duration::from_millis(50);
/// Nothing here takes that long, unless it hangs.
const NEVER: Duration = Duration::from_secs(20);

fn q(name: &str) -> Question {
    Question::txt(name.parse().unwrap())
}

/// Answers after a while, counts lookups begun and lookups dropped unfinished. Nothing it says may be kept.
#[derive(Debug, Default)]
struct Slow {
    begun: AtomicUsize,
    given_up: Arc<AtomicUsize>,
    held: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Slow {
    /// Begins no while before it is released, however long a loaded machine takes to get there.
    fn held() -> Self {
        Self { held: AtomicBool::new(true), ..Self::default() }
    }

    fn release(&self) {
        self.held.store(false, Relaxed);
        self.waiting.lock().unwrap().drain(..).for_each(Waker::wake);
    }

    async fn released(&self) {
        poll_fn(|cx| {
            if !self.held.load(Relaxed) {
                return Poll::Ready(());
            }
            self.waiting.lock().unwrap().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

struct GivenUp(Arc<AtomicUsize>, bool);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.fetch_add(usize::from(self.1), Relaxed);
    }
}

impl Resolve for Slow {
    async fn resolve(&self, _: &Question) -> Reply {
        self.begun.fetch_add(1, Relaxed);
        let mut guard = GivenUp(self.given_up.clone(), true);
        self.released().await;
        tokio::time::sleep(SOON).await;
        guard.1 = false;
        Ok(Answer::nodata())
    }
}

impl ResolveBlocking for Slow {
    fn resolve_blocking(&self, _: &Question) -> Reply {
        self.begun.fetch_add(1, Relaxed);
        thread::sleep(SOON);
        Ok(Answer::nodata())
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let begun = Instant::now();
    let output = runtime.block_on(async { tokio::time::timeout(NEVER, future).await.unwrap() });
    // The timer wakes, too, and then finds what nobody was told of.
    assert!(begun.elapsed() < NEVER / 2, "it was not woken");
    output
}

/// Polls a lookup that is held for a moment and gives up polling, as `select!` with `&mut future` does.
async fn poll_for_a_moment(future: &mut Pin<Box<impl Future>>) {
    let moment = tokio::time::sleep(Duration::from_millis(10));
    tokio::select! {
        _ = future => unreachable!("it takes longer"),
        () = moment => {}
    }
}

async fn poll_once(future: &mut Pin<Box<impl Future>>) {
    let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
    assert!(polled.is_pending());
}

#[test]
fn a_task_that_is_kept_and_not_polled_holds_up_nobody() {
    let (dns, name) = (Cached::new(Slow::held()), q("a"));
    block_on(async {
        let mut first = Box::pin(dns.resolve(&name));
        poll_for_a_moment(&mut first).await;
        dns.resolver().release();
        assert_eq!(dns.resolve(&name).await, Ok(Answer::nodata()));
        // It is the lookup that the first one began.
        assert_eq!(dns.resolver().begun.load(Relaxed), 1);
        assert_eq!(first.await, Ok(Answer::nodata()));
    });
    assert_eq!(dns.resolver().begun.load(Relaxed), 1);
}

#[test]
fn nor_does_a_passenger_that_is_kept_and_not_polled() {
    let (dns, name) = (Cached::new(Slow::held()), q("a"));
    block_on(async {
        let mut first = Box::pin(dns.resolve(&name));
        poll_for_a_moment(&mut first).await;
        let mut second = Box::pin(dns.resolve(&name));
        poll_for_a_moment(&mut second).await;
        dns.resolver().release();
        assert_eq!(first.await, Ok(Answer::nodata()));
        assert_eq!(second.await, Ok(Answer::nodata()));
    });
    assert_eq!(dns.resolver().begun.load(Relaxed), 1);
}

/// The lookup has been ready for long when somebody else comes, and nobody has looked.
#[test]
fn what_was_ready_before_a_passenger_came_is_taken_by_it() {
    let (dns, name) = (Cached::new(Slow::default()), q("a"));
    block_on(async {
        let mut first = Box::pin(dns.resolve(&name));
        poll_once(&mut first).await;
        tokio::time::sleep(3 * SOON).await;
        assert_eq!(dns.resolve(&name).await, Ok(Answer::nodata()));
        // It ended: whoever asks now asks anew, though the first one still has not looked.
        assert_eq!(dns.resolve(&name).await, Ok(Answer::nodata()));
        assert_eq!(dns.resolver().begun.load(Relaxed), 2);
        assert_eq!(first.await, Ok(Answer::nodata()));
    });
}

#[test]
fn an_abandoned_lookup_goes_on_with_those_who_are_left() {
    let (dns, name) = (Cached::new(Slow::held()), q("a"));
    block_on(async {
        let mut first = Box::pin(dns.resolve(&name));
        let mut second = Box::pin(dns.resolve(&name));
        poll_for_a_moment(&mut first).await;
        poll_for_a_moment(&mut second).await;
        drop(first);
        dns.resolver().release();
        assert_eq!(second.await, Ok(Answer::nodata()));
    });
    assert_eq!((dns.resolver().begun.load(Relaxed), dns.resolver().given_up.load(Relaxed)), (1, 0));
}

#[test]
fn a_lookup_that_nobody_waits_for_ends_and_the_next_one_begins_anew() {
    let (dns, name) = (Cached::new(Slow::held()), q("a"));
    block_on(async {
        let mut both = [Box::pin(dns.resolve(&name)), Box::pin(dns.resolve(&name))];
        for one in &mut both {
            poll_for_a_moment(one).await;
        }
        drop(both);
        dns.resolver().release();
        assert_eq!(dns.resolver().given_up.load(Relaxed), 1);
        assert_eq!(dns.resolve(&name).await, Ok(Answer::nodata()));
    });
    assert_eq!(dns.resolver().begun.load(Relaxed), 2);
}

/// Answers a while after everybody has asked.
#[derive(Default)]
struct Patient {
    asked: AtomicUsize,
    begun: AtomicUsize,
}

const TASKS: usize = 1_000;

impl Resolve for Patient {
    async fn resolve(&self, _: &Question) -> Reply {
        self.begun.fetch_add(1, Relaxed);
        while self.asked.load(Relaxed) < TASKS {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(4 * SOON).await;
        Ok(Answer::nodata())
    }
}

#[test]
fn a_thousand_tasks_make_one_lookup() {
    for threads in [1, 4] {
        let dns = Cached::new(Patient::default());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
        let ask = |dns: Cached<Patient>| async move {
            dns.resolver().asked.fetch_add(1, Relaxed);
            dns.resolve(&q("a")).await
        };
        runtime.unwrap().block_on(async {
            let tasks: Vec<_> = (0..TASKS).map(|_| tokio::spawn(ask(dns.clone()))).collect();
            for task in tasks {
                assert_eq!(tokio::time::timeout(NEVER, task).await.unwrap().unwrap(), Ok(Answer::nodata()));
            }
        });
        assert_eq!(dns.resolver().begun.load(Relaxed), 1);
    }
}

/// Panics when it is polled the second time, the first time that it is asked.
#[derive(Default)]
struct PanicsOnce(AtomicUsize);

impl Resolve for PanicsOnce {
    async fn resolve(&self, _: &Question) -> Reply {
        let is_first = self.0.fetch_add(1, Relaxed) == 0;
        tokio::time::sleep(SOON).await;
        assert!(!is_first, "the first lookup panics");
        Ok(Answer::nodata())
    }
}

#[test]
fn a_lookup_that_panics_is_begun_anew_by_the_others() {
    let dns = Cached::new(PanicsOnce::default());
    block_on(async {
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let dns = dns.clone();
                tokio::spawn(async move { dns.resolve(&q("a")).await })
            })
            .collect();
        let mut panicked = 0;
        for task in tasks {
            match task.await {
                Ok(reply) => assert_eq!(reply, Ok(Answer::nodata())),
                Err(error) => panicked += usize::from(error.is_panic()),
            }
        }
        assert_eq!(panicked, 1, "only the one who polled it");
    });
    assert_eq!(dns.resolver().0.load(Relaxed), 2);
}

/// Is woken in the middle of its first poll, which takes until the test lets it end.
struct Wakeful {
    polls: AtomicUsize,
    begun: Barrier,
    end: Barrier,
}

impl Resolve for Wakeful {
    async fn resolve(&self, _: &Question) -> Reply {
        poll_fn(|cx| {
            if self.polls.fetch_add(1, Relaxed) > 0 {
                return Poll::Ready(Ok(Answer::nodata()));
            }
            cx.waker().wake_by_ref();
            self.begun.wait();
            self.end.wait();
            Poll::Pending
        })
        .await
    }
}

#[test]
fn a_wake_during_a_poll_is_not_lost_on_those_who_looked_meanwhile() {
    let dns =
        Cached::new(Wakeful { polls: AtomicUsize::new(0), begun: Barrier::new(2), end: Barrier::new(2) });
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let name = q("a");
            let mut first = pin!(dns.resolve(&name));
            assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            // Kept, and never polled again, until the other one is done.
            let begun = Instant::now();
            while done.load(Relaxed) == 0 && begun.elapsed() < NEVER {
                thread::sleep(Duration::from_millis(5));
            }
        });
        dns.resolver().begun.wait();
        scope.spawn(|| {
            // By then the other one has looked, and waits.
            thread::sleep(2 * SOON);
            dns.resolver().end.wait();
        });
        assert_eq!(block_on(dns.resolve(&q("a"))), Ok(Answer::nodata()));
        done.fetch_add(1, Relaxed);
    });
    assert_eq!(dns.resolver().polls.load(Relaxed), 2);
}

/// A task that goes with its last waker, and had a place at the same lookup.
#[test]
fn a_waker_may_take_another_passenger_with_it() {
    struct Task(
        #[expect(dead_code, reason = "goes with the task")]
        Mutex<Option<Pin<Box<dyn Future<Output = Reply> + Send>>>>,
    );
    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }
    let done = Arc::new(AtomicUsize::new(0));
    let finished = done.clone();
    let job = thread::spawn(move || {
        let dns = Cached::new(Slow::default());
        let passenger = |dns: Cached<Slow>| Box::pin(async move { dns.resolve(&q("a")).await });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        for is_polled_again in [true, false] {
            let mut other = passenger(dns.clone());
            assert!(other.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            let waker = Waker::from(Arc::new(Task(Mutex::new(Some(other)))));
            let mut first = passenger(dns.clone());
            assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            drop(waker);
            if is_polled_again {
                assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            }
            drop(first);
            finished.fetch_add(1, Relaxed);
        }
    });
    let begun = Instant::now();
    while done.load(Relaxed) < 2 && begun.elapsed() < NEVER {
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(done.load(Relaxed), 2, "it hangs");
    job.join().unwrap();
}

/// Answers the one who has the deadline with a time-out at the deadline, others in time.
#[derive(Default)]
struct Obedient(Mutex<Vec<Option<Duration>>>);

impl ResolveBlocking for Obedient {
    fn resolve_blocking(&self, _: &Question) -> Reply {
        self.0.lock().unwrap().push(None);
        Ok(Answer::nodata())
    }
    fn resolve_all_blocking(&self, qs: &[Question], deadline: Option<Instant>) -> Vec<Reply> {
        let Some(deadline) = deadline else { return qs.iter().map(|q| self.resolve_blocking(q)).collect() };
        let left = deadline.saturating_duration_since(Instant::now());
        self.0.lock().unwrap().push(Some(left));
        let time = Duration::from_millis(300);
        thread::sleep(time.min(left));
        let in_time = left > time;
        qs.iter().map(|_| if in_time { Ok(Answer::nodata()) } else { Err(LookupError::Timeout) }).collect()
    }
}

#[test]
fn a_deadline_cuts_only_the_lookup_of_whoever_has_it() {
    let dns = Cached::new(Obedient::default());
    let within = |time| dns.resolve_all_blocking(&[q("a")], Some(Instant::now() + time));
    thread::scope(|scope| {
        let hasty = scope.spawn(|| within(SOON));
        thread::sleep(Duration::from_millis(10));
        let patient = scope.spawn(|| within(NEVER));
        let passenger = scope.spawn(|| dns.resolve_blocking(&q("a")));
        assert_eq!(hasty.join().unwrap(), [Err(LookupError::Timeout)]);
        assert_eq!(patient.join().unwrap(), [Ok(Answer::nodata())]);
        assert_eq!(passenger.join().unwrap(), Ok(Answer::nodata()));
    });
    // Nor is it kept as a failure of the server.
    assert_eq!(dns.resolve_blocking(&q("a")), Ok(Answer::nodata()));
}

#[test]
fn a_thread_waits_for_others_no_longer_than_it_may() {
    let dns = Cached::new(Obedient::default());
    thread::scope(|scope| {
        let patient = scope.spawn(|| dns.resolve_all_blocking(&[q("a")], Some(Instant::now() + NEVER)));
        thread::sleep(Duration::from_millis(30));
        let begun = Instant::now();
        let hasty = dns.resolve_all_blocking(&[q("a"), q("a")], Some(begun + SOON));
        assert_eq!(hasty, [Err(LookupError::Timeout), Err(LookupError::Timeout)]);
        assert!(begun.elapsed() < Duration::from_millis(250), "{:?}", begun.elapsed());
        assert_eq!(patient.join().unwrap(), [Ok(Answer::nodata())]);
    });
    assert_eq!(dns.resolver().0.lock().unwrap().len(), 1);
}

/// A thread never waits for a task, which may be kept and not polled.
#[test]
fn threads_do_not_wait_for_tasks() {
    let (dns, name) = (Cached::new(Slow::held()), q("a"));
    block_on(async {
        let mut first = Box::pin(dns.resolve(&name));
        poll_for_a_moment(&mut first).await;
        assert_eq!(dns.resolve_blocking(&name), Ok(Answer::nodata()));
        let replies = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| dns.resolve_blocking(&q("b")))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(replies, vec![Ok(Answer::nodata()); 8]);
        drop(first);
    });
}

#[test]
fn the_timer_of_the_resolver_is_that_of_the_cache() {
    struct Timed;
    impl Resolve for Timed {
        async fn resolve(&self, _: &Question) -> Reply {
            pending().await
        }
        async fn sleep(&self, duration: Duration) {
            tokio::time::sleep(duration).await;
        }
    }
    let dns = Cached::new(Timed);
    let begun = Instant::now();
    let replies = block_on(waxseal_dns::drive_within(vec![q("a")], &dns, SOON));
    assert!(matches!(&replies[..], [Err(error)] if error.kind() == LookupErrorKind::Timeout));
    assert!(begun.elapsed() >= SOON);
    // Nothing is kept of a lookup that was cut.
    assert_eq!(dns.cached(&q("a")), None);
}
