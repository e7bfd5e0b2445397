//! How long drivers wait: for resolvers with a timer, without one, blocking ones, and those that never answer.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::{
    future::{Future, pending, poll_fn},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::Poll,
    thread,
    time::{Duration, Instant},
};
use waxseal_dns::{
    Answer, Answers, Check, DEFAULT_TIME_LIMIT, DomainName, DynResolve, LookupError, MAX_ROUNDS, Pending,
    Question, Record, Reply, Resolve, ResolveBlocking, Zone, drive, drive_blocking, drive_blocking_within,
    drive_with, drive_with_blocking, drive_within,
};

const LIMIT: Duration = Duration::from_millis(200);
/// Generous: two cores, many tests. A lookup that is not cut takes longer.
const AT_MOST: Duration = Duration::from_secs(5);

fn q(name: &str) -> Question {
    Question::txt(name.parse().unwrap())
}

fn ask(names: &[&str]) -> Vec<Question> {
    names.iter().map(|name| q(name)).collect()
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn in_time<T>(job: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = job();
    assert!(begun.elapsed() < AT_MOST, "{:?}", begun.elapsed());
    done
}

/// `fast…` is answered at once, `slow…` after 30 ms, `late…` after the limit, anything else never.
#[derive(Default)]
struct Mixed {
    asked: Mutex<Vec<String>>,
}

const SLOW: Duration = Duration::from_millis(30);
const LATE: Duration = Duration::from_millis(350);

impl Mixed {
    /// How long it takes; `None` for ever.
    fn delay(&self, q: &Question) -> Option<Duration> {
        let name = q.name.as_str();
        self.asked.lock().unwrap().push(name.to_owned());
        let delays = [("fast", Duration::ZERO), ("slow", SLOW), ("late", LATE)];
        delays.into_iter().find(|(word, _)| name.starts_with(word)).map(|(_, delay)| delay)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolve for Mixed {
    async fn resolve(&self, q: &Question) -> Reply {
        match self.delay(q) {
            Some(delay) => tokio::time::sleep(delay).await,
            None => pending().await,
        }
        Ok(Answer::nodata())
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The same without a timer.
struct Timerless(Mixed);

impl Resolve for Timerless {
    async fn resolve(&self, q: &Question) -> Reply {
        self.0.resolve(q).await
    }
}

/// A blocking resolver of a caller, with nothing but the one method.
struct Own(Mixed);

impl ResolveBlocking for Own {
    fn resolve_blocking(&self, q: &Question) -> Reply {
        thread::sleep(self.0.delay(q).unwrap_or(LATE));
        Ok(Answer::nodata())
    }
}

fn answered() -> Reply {
    Ok(Answer::nodata())
}

fn timed_out() -> Reply {
    Err(LookupError::Timeout)
}

#[test]
fn what_came_before_the_limit_counts() {
    let replies =
        in_time(|| block_on(drive_within(ask(&["fast.a", "never.b", "slow.c"]), &Mixed::default(), LIMIT)));
    assert_eq!(replies, [answered(), timed_out(), answered()]);
}

/// Asks `n0`, then what it says, and so on; the verdict is how far it came.
struct Follow(&'static str);

impl Check for Follow {
    type Output = (usize, Option<LookupError>);
    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Self::Output, Pending> {
        let (mut name, mut depth): (DomainName, _) = (self.0.parse().unwrap(), 0);
        loop {
            match dns.ask(Question::txt(name.clone()))? {
                Ok(_) => depth += 1,
                Err(error) => return Ok((depth, Some(error))),
            }
            let first = name.as_str().split('.').next().unwrap();
            name = format!("{first}.x{depth}").parse().unwrap();
        }
    }
}

/// Rounds that are each within every time-out of a lookup: the limit ends them, not the number of rounds.
#[test]
fn endless_slow_rounds_end_with_the_limit() {
    for resolver in [&Mixed::default() as &dyn DynResolve, &Timerless(Mixed::default())] {
        let (depth, error) = in_time(|| block_on(drive_within(Follow("slow"), resolver, LIMIT)));
        assert_eq!(error, Some(LookupError::Timeout));
        assert!((1..20).contains(&depth), "{depth} rounds of 30 ms in 200");
    }
    let (depth, error) = in_time(|| drive_blocking_within(Follow("slow"), &Own(Mixed::default()), LIMIT));
    assert_eq!(error, Some(LookupError::Timeout));
    assert!((1..20).contains(&depth), "{depth} rounds of 30 ms in 200");
    // The other bound holds too.
    let (depth, error) = drive_blocking_within(Follow("fast"), &Own(Mixed::default()), Duration::MAX);
    assert_eq!((depth, error), (MAX_ROUNDS, Some(LookupError::Timeout)));
}

/// Without a timer the check ends when the lookup under way wakes it, and asks no more.
#[test]
fn an_asynchronous_resolver_without_a_timer_ends_after_the_lookup_under_way() {
    let resolver = Timerless(Mixed::default());
    let replies = in_time(|| block_on(drive_within(ask(&["slow.a", "late.b", "never.c"]), &resolver, LIMIT)));
    // What woke it counts, too.
    assert_eq!(replies, [answered(), answered(), timed_out()]);
    let (depth, error) = in_time(|| block_on(drive_within(Follow("late"), &resolver, LIMIT)));
    assert_eq!((depth, error), (1, Some(LookupError::Timeout)));
}

#[test]
fn a_blocking_resolver_of_the_callers_ends_after_the_lookup_under_way() {
    let own = Own(Mixed::default());
    let replies =
        in_time(|| drive_blocking_within(ask(&["fast.a", "late.b", "fast.c", "fast.d"]), &own, LIMIT));
    assert_eq!(replies, [answered(), answered(), timed_out(), timed_out()]);
    assert_eq!(own.0.asked(), ["fast.a", "late.b"]);
    // A closure is no different.
    let asked = AtomicUsize::new(0);
    let closure = |_: &Question| -> Reply {
        asked.fetch_add(1, Relaxed);
        thread::sleep(LATE);
        answered()
    };
    let replies = in_time(|| drive_blocking_within(ask(&["a", "b", "c"]), &closure, LIMIT));
    assert_eq!((replies, asked.load(Relaxed)), (vec![answered(), timed_out(), timed_out()], 1));
}

#[test]
fn a_point_in_time_is_a_deadline_for_several_checks() {
    let own = Own(Mixed::default());
    let deadline = Instant::now() + LIMIT;
    assert_eq!(
        drive_with_blocking(ask(&["late.a"]), &mut Answers::new(), &own, Some(deadline)),
        [answered()]
    );
    assert_eq!(
        drive_with_blocking(ask(&["fast.b"]), &mut Answers::new(), &own, Some(deadline)),
        [timed_out()]
    );
    assert_eq!(own.0.asked(), ["late.a"]);
}

/// Says how much time it was given.
#[derive(Default)]
struct Told(Mutex<Vec<Option<Duration>>>);

impl ResolveBlocking for Told {
    fn resolve_blocking(&self, _: &Question) -> Reply {
        answered()
    }
    fn resolve_all_blocking(&self, qs: &[Question], deadline: Option<Instant>) -> Vec<Reply> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        self.0.lock().unwrap().push(left);
        if left.is_some() {
            thread::sleep(SLOW);
        }
        vec![answered(); qs.len()]
    }
}

#[test]
fn blocking_resolvers_are_told_the_time_that_is_left_whatever_holds_them() {
    let told = Arc::new(Told::default());
    let shared: Arc<dyn ResolveBlocking + Send + Sync> = told.clone();
    drive_blocking_within(Follow("fast"), &shared, LIMIT);
    let times: Vec<_> =
        std::mem::take(&mut *told.0.lock().unwrap()).into_iter().map(Option::unwrap).collect();
    assert!(times[0] <= LIMIT && times.windows(2).all(|pair| pair[1] + SLOW <= pair[0]), "{times:?}");

    // A limit by default, none on request; the earlier one of two.
    drive_blocking(ask(&["a"]), &shared);
    let far = Instant::now() + Duration::from_secs(3_600);
    drive_with_blocking(ask(&["a"]), &mut Answers::new().with_time_limit(LIMIT), &shared, Some(far));
    drive_with_blocking(ask(&["a"]), &mut Answers::new(), &shared, None);
    drive_blocking_within(ask(&["a"]), &shared, Duration::MAX);
    let times = told.0.lock().unwrap().clone();
    let seconds = |time: &Option<Duration>| time.map(|time| time.as_secs_f64().ceil() as u64);
    let expected = [Some(DEFAULT_TIME_LIMIT.as_secs()), Some(1), None, None];
    assert_eq!(times.iter().map(seconds).collect::<Vec<_>>(), expected);
}

/// A check says how long it may take, and drivers that are given nothing else believe it.
struct Short(Vec<Question>);

impl Check for Short {
    type Output = Vec<Reply>;
    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Self::Output, Pending> {
        self.0.run(dns)
    }
    fn time_limit(&self) -> Option<Duration> {
        Some(LIMIT)
    }
}

#[test]
fn the_limit_of_the_check_holds_unless_another_is_given() {
    let never = || Short(ask(&["never.a"]));
    assert_eq!(in_time(|| block_on(drive(never(), &Mixed::default()))), [timed_out()]);
    let late = || Short(ask(&["late.a", "late.b"]));
    assert_eq!(drive_blocking(late(), &Own(Mixed::default())), [answered(), timed_out()]);
    let longer = Duration::from_secs(30);
    assert_eq!(block_on(drive_within(late(), &Mixed::default(), longer)), [answered(), answered()]);
    assert_eq!(drive_blocking_within(late(), &Own(Mixed::default()), longer), [answered(), answered()]);
}

#[test]
fn checks_on_the_same_answers_share_the_limit() {
    let mut dns = Answers::new().with_time_limit(LIMIT);
    let replies = block_on(drive_with(ask(&["slow.a"]), &mut dns, &Mixed::default(), pending()));
    assert_eq!(replies, [answered()]);
    assert!(dns.waited() >= SLOW && dns.waited() < AT_MOST);
    let replies = in_time(|| block_on(drive_with(ask(&["never.b"]), &mut dns, &Mixed::default(), pending())));
    assert_eq!(replies, [timed_out()]);
    assert!(dns.waited() >= LIMIT && dns.has_given_up());
    // What is known is known, and nothing more is asked.
    let resolver = Mixed::default();
    let replies = block_on(drive_with(ask(&["slow.a", "fast.c"]), &mut dns, &resolver, pending()));
    assert_eq!((replies, resolver.asked()), (vec![answered(), timed_out()], vec![]));

    let mut dns = Answers::new().with_time_limit(LIMIT);
    drive_with_blocking(ask(&["late.a"]), &mut dns, &Own(Mixed::default()), None);
    assert!(dns.waited() >= LATE);
    let replies = drive_with_blocking(ask(&["late.a", "fast.b"]), &mut dns, &Own(Mixed::default()), None);
    assert_eq!(replies, [answered(), timed_out()]);
}

/// The time of a driver that is dropped while it waits counts, too.
#[test]
fn a_dropped_driver_has_waited() {
    let mut dns = Answers::new().with_time_limit(LIMIT);
    block_on(async {
        let resolver = Timerless(Mixed::default());
        let driver = drive_with(ask(&["never.a"]), &mut dns, &resolver, pending());
        assert!(tokio::time::timeout(SLOW, driver).await.is_err());
    });
    assert!(dns.waited() >= SLOW && !dns.has_given_up());
}

/// A check whose answers are at hand needs neither clock nor timer.
#[test]
fn a_warm_check_has_no_limit() {
    struct Untimed(Zone);
    impl Resolve for Untimed {
        async fn resolve(&self, q: &Question) -> Reply {
            self.0.lookup(q)
        }
        fn cached(&self, q: &Question) -> Option<Reply> {
            Some(self.0.lookup(q))
        }
        async fn sleep(&self, _: Duration) {
            unreachable!("nothing is waited for");
        }
    }
    let zone = || Zone::new().with_txt("a", "x").unwrap();
    let expected = Ok(Answer::new([Record::Txt("x".into())]));
    let mut dns = Answers::new().with_time_limit(Duration::ZERO);
    let replies = block_on(drive_with(ask(&["a"]), &mut dns, &Untimed(zone()), pending()));
    assert_eq!((replies, dns.waited()), (vec![expected.clone()], Duration::ZERO));
    // With nothing left, what would have to be asked is a time-out.
    let replies = block_on(drive_within(ask(&["a"]), &zone().cold(), Duration::ZERO));
    assert_eq!(replies, [timed_out()]);
    assert_eq!(drive_blocking_within(ask(&["a"]), &zone(), Duration::ZERO), [expected]);
    assert_eq!(drive_blocking_within(ask(&["a"]), &zone().cold(), Duration::ZERO), [timed_out()]);
}

#[test]
fn the_timer_passes_every_wrapper() {
    struct Counting(AtomicUsize);
    impl Resolve for Counting {
        async fn resolve(&self, _: &Question) -> Reply {
            pending().await
        }
        async fn sleep(&self, duration: Duration) {
            assert!(duration <= LIMIT);
            self.0.fetch_add(1, Relaxed);
        }
    }
    async fn cut(resolver: impl Resolve) -> Vec<Reply> {
        drive_within(ask(&["a"]), &resolver, LIMIT).await
    }
    let counting = Arc::new(Counting(AtomicUsize::new(0)));
    let object: Arc<dyn DynResolve> = counting.clone();
    block_on(async {
        assert_eq!(cut(&*counting).await, [timed_out()]);
        assert_eq!(cut(counting.clone()).await, [timed_out()]);
        assert_eq!(cut(&*object).await, [timed_out()]);
        assert_eq!(cut(object).await, [timed_out()]);
    });
    assert_eq!(counting.0.load(Relaxed), 4);
}

#[test]
fn lookups_ahead_have_a_limit_too() {
    struct AtOnce;
    impl Resolve for AtOnce {
        async fn resolve(&self, q: &Question) -> Reply {
            match q.name.as_str() {
                "a" => answered(),
                _ => pending().await,
            }
        }
        fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
            assert!(duration <= DEFAULT_TIME_LIMIT && duration > DEFAULT_TIME_LIMIT / 2);
            poll_fn(|_| Poll::Ready(()))
        }
    }
    assert_eq!(block_on(drive(ask(&["a", "b"]), &AtOnce)), [answered(), timed_out()]);
}
