//! The drivers: concurrency, deadlines, rounds, spawning, and every way of holding a resolver.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::{
    future::{Future, pending, poll_fn, ready},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};
use waxseal_dns::{
    Answer, Answers, Check, DomainName, DynResolve, LookupError, MAX_ROUNDS, Pending, Question, Record,
    Reply, Resolve, ResolveBlocking, Zone, async_resolver_fn, drive, drive_blocking, drive_local, drive_with,
    drive_with_blocking, resolver_fn,
};

fn q(name: &str) -> Question {
    Question::txt(name.parse().unwrap())
}

/// Asks all names at once and gives the replies.
struct AskAll(Vec<&'static str>);

impl Check for AskAll {
    type Output = Vec<Reply>;
    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Self::Output, Pending> {
        dns.ask_all(self.0.iter().map(|name| q(name)))
    }
}

/// Follows a chain of text records and counts the runs.
struct Chain {
    start: DomainName,
    runs: usize,
}

impl Chain {
    fn new(start: &str) -> Self {
        Self { start: start.parse().unwrap(), runs: 0 }
    }
}

impl Check for Chain {
    type Output = (usize, usize, Option<LookupError>);
    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Self::Output, Pending> {
        self.runs += 1;
        let (mut name, mut depth) = (self.start.clone(), 0);
        loop {
            let answer = match dns.ask(Question::txt(name))? {
                Ok(answer) => answer,
                Err(error) => return Ok((depth, self.runs, Some(error))),
            };
            let Some(Record::Txt(next)) = answer.records.first() else { return Ok((depth, self.runs, None)) };
            name = DomainName::lenient(next).unwrap();
            depth += 1;
        }
    }
}

fn chain(length: usize) -> Zone {
    (0..length)
        .try_fold(Zone::new(), |zone, n| zone.with_txt(&format!("n{n}"), format!("n{}", n + 1)))
        .unwrap()
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// Answers nothing before `wanted` lookups are waiting at once.
struct Together {
    wanted: usize,
    waiting: Mutex<Vec<Waker>>,
}

impl Together {
    fn new(wanted: usize) -> Self {
        Self { wanted, waiting: Mutex::default() }
    }
}

impl Resolve for Together {
    async fn resolve(&self, _: &Question) -> Reply {
        let mut joined = false;
        poll_fn(|cx| {
            let mut waiting = self.waiting.lock().unwrap();
            if !joined {
                joined = true;
                waiting.push(cx.waker().clone());
                if waiting.len() == self.wanted {
                    waiting.iter().for_each(Waker::wake_by_ref);
                }
            }
            if waiting.len() >= self.wanted { Poll::Ready(Ok(Answer::nodata())) } else { Poll::Pending }
        })
        .await
    }
}

#[test]
fn questions_of_one_run_are_concurrent() {
    let resolver = Together::new(5);
    let check = AskAll(vec!["a", "b", "c", "d", "e"]);
    let replies = block_on(async {
        let deadline = tokio::time::sleep(Duration::from_secs(20));
        drive_with(check, &mut Answers::new(), &resolver, deadline).await
    });
    assert_eq!(replies, vec![Ok(Answer::nodata()); 5]);

    let resolver = Together::new(3);
    let fetched = block_on(drive(vec![q("a"), q("b"), q("c")], &resolver));
    assert_eq!(fetched.len(), 3);
}

/// `slow` never answers; other names take two polls.
struct Half;

impl Resolve for Half {
    async fn resolve(&self, question: &Question) -> Reply {
        let mut polled = false;
        poll_fn(|cx| {
            if polled && question.name.as_str() != "slow" {
                return Poll::Ready(Ok(Answer::nodata()));
            }
            polled = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }
}

#[test]
fn the_deadline_keeps_what_was_answered() {
    let mut dns = Answers::new();
    let replies = block_on(async {
        let deadline = tokio::time::sleep(Duration::from_millis(30));
        drive_with(AskAll(vec!["a", "slow", "b"]), &mut dns, &Half, deadline).await
    });
    assert_eq!(replies, [Ok(Answer::nodata()), Err(LookupError::Timeout), Ok(Answer::nodata())]);
    assert!(dns.has_given_up());
    assert_eq!(dns.known().len(), 3);
    assert!(dns.in_flight().is_empty());
    // A later check of the same message does not wait either.
    let replies = block_on(drive_with(AskAll(vec!["a", "c"]), &mut dns, &Half, pending()));
    assert_eq!(replies, [Ok(Answer::nodata()), Err(LookupError::Timeout)]);
}

#[test]
fn a_deadline_in_the_past_still_gives_what_is_known() {
    let zone = Zone::new().with_txt("a", "x").unwrap();
    let replies = block_on(drive_with(AskAll(vec!["a", "b"]), &mut Answers::new(), &zone, ready(())));
    assert_eq!(replies[1], Ok(Answer::nxdomain()));
    let replies = block_on(drive_with(AskAll(vec!["a"]), &mut Answers::new(), &Half, ready(())));
    assert_eq!(replies, [Err(LookupError::Timeout)]);
    let replies =
        drive_with_blocking(AskAll(vec!["a", "b"]), &mut Answers::new(), &zone, Some(Instant::now()));
    assert_eq!(replies[1], Ok(Answer::nxdomain()));
    let replies =
        drive_with_blocking(AskAll(vec!["a"]), &mut Answers::new(), &zone.cold(), Some(Instant::now()));
    assert_eq!(replies, [Err(LookupError::Timeout)]);
}

#[test]
fn warm_is_one_run_and_cold_is_one_more_than_the_depth() {
    let zone = chain(10);
    assert_eq!(block_on(drive(Chain::new("n0"), &zone)), (10, 1, None));
    assert_eq!(drive_blocking(Chain::new("n0"), &zone), (10, 1, None));
    let shared: Arc<dyn ResolveBlocking + Send + Sync> = Arc::new(zone.clone());
    assert_eq!(drive_blocking(Chain::new("n0"), &shared), (10, 1, None));
    let cold = zone.cold();
    assert_eq!(block_on(drive(Chain::new("n0"), &cold)), (10, 12, None));
    assert_eq!(drive_blocking(Chain::new("n0"), &cold), (10, 12, None));
}

#[test]
fn drivers_stop_after_64_rounds() {
    let zone = chain(100).cold();
    let expected = (MAX_ROUNDS, MAX_ROUNDS + 1, Some(LookupError::Timeout));
    assert_eq!(drive_blocking(Chain::new("n0"), &zone), expected);
    assert_eq!(block_on(drive(Chain::new("n0"), &zone)), expected);
}

#[test]
fn a_resolver_that_returns_too_little_is_a_timeout() {
    struct Short;
    impl ResolveBlocking for Short {
        fn resolve_blocking(&self, _: &Question) -> Reply {
            Ok(Answer::nodata())
        }
        fn resolve_all_blocking(&self, qs: &[Question], _: Option<Instant>) -> Vec<Reply> {
            qs.iter().skip(1).map(|q| self.resolve_blocking(q)).collect()
        }
    }
    let replies = drive_with_blocking(AskAll(vec!["a", "b"]), &mut Answers::new(), &Short, None);
    assert_eq!(replies, [Ok(Answer::nodata()), Err(LookupError::Timeout)]);
}

#[test]
fn answers_collected_ahead_are_not_looked_up_again() {
    let lookups = AtomicUsize::new(0);
    let resolver = |_: &Question| -> Reply {
        lookups.fetch_add(1, Relaxed);
        Ok(Answer::nodata())
    };
    let mut dns = Answers::new();
    drive_with_blocking(vec![q("a"), q("b")], &mut dns, &resolver, None);
    let replies = drive_with_blocking(AskAll(vec!["a", "b", "c", "a"]), &mut dns, &resolver, None);
    assert_eq!(replies.len(), 4);
    assert_eq!(lookups.load(Relaxed), 3);
    let order: Vec<_> = dns.known().map(|(question, _)| question.name.as_str()).collect();
    assert_eq!(order, ["a", "b", "c"]);
}

#[test]
fn questions_left_in_flight_are_asked_again() {
    let zone = Zone::new().with_txt("a", "x").unwrap();
    let mut dns = Answers::new();
    assert_eq!(AskAll(vec!["a"]).run(&mut dns), Err(Pending));
    dns.take_wanted();
    let replies = drive_with_blocking(AskAll(vec!["a"]), &mut dns, &zone, None);
    assert!(replies[0].is_ok());
    let mut dns = Answers::new();
    assert_eq!(AskAll(vec!["a"]).run(&mut dns), Err(Pending));
    dns.take_wanted();
    let replies = block_on(drive_with(AskAll(vec!["a"]), &mut dns, &zone.cold(), pending()));
    assert!(replies[0].is_ok());
}

#[test]
fn a_dropped_driver_leaves_what_it_learnt() {
    struct Second;
    impl Resolve for Second {
        async fn resolve(&self, question: &Question) -> Reply {
            match question.name.as_str() {
                "n0" => Ok(Answer::new([Record::Txt("n1".into())])),
                _ => pending().await,
            }
        }
    }
    let mut dns = Answers::new();
    {
        let mut driver = pin!(drive_with(Chain::new("n0"), &mut dns, &Second, pending()));
        assert!(driver.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert_eq!(dns.to_string(), "n0 TXT: \"n1\"\n");
    assert_eq!(dns.ask(q("n1")), Err(Pending));
    assert_eq!(dns.take_wanted(), [q("n1")]);
}

fn spawnable<T: Send + 'static>(value: T) -> T {
    value
}

#[test]
fn drivers_can_be_spawned_whatever_holds_the_resolver() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let shared: Arc<dyn DynResolve> = Arc::new(chain(3).cold());
    let concrete = Arc::new(chain(3));
    let depths = runtime.block_on(async {
        let (first, second) = (Arc::clone(&shared), Arc::clone(&concrete));
        let tasks = [
            tokio::spawn(spawnable(async move { drive(Chain::new("n0"), &*first).await })),
            tokio::spawn(spawnable(async move { drive(Chain::new("n0"), &shared).await })),
            tokio::spawn(spawnable(async move { drive(Chain::new("n0"), &second).await })),
            tokio::spawn(spawnable(async move {
                drive_with(Chain::new("n0"), &mut Answers::new(), &&*concrete, pending()).await
            })),
        ];
        let mut depths = Vec::new();
        for task in tasks {
            depths.push(task.await.unwrap().0);
        }
        depths
    });
    assert_eq!(depths, [3; 4]);
}

#[test]
fn cached_answers_pass_every_wrapper() {
    fn warm(resolver: impl Resolve) -> bool {
        resolver.cached(&q("n0")).is_some()
    }
    let zone = chain(1);
    let shared: Arc<dyn DynResolve> = Arc::new(zone.clone());
    assert!(warm(&zone) && warm(Arc::new(zone.clone())));
    assert!(warm(&*shared) && warm(shared));
    assert!(!warm(zone.cold()));
}

#[test]
fn generic_code_can_spawn() {
    fn start<R: Resolve + 'static>(resolver: R) -> Pin<Box<dyn Future<Output = usize> + Send>> {
        Box::pin(async move { drive(Chain::new("n0"), &resolver).await.0 })
    }
    assert_eq!(block_on(start(chain(2))), 2);
}

#[test]
fn blocking_resolvers_can_be_objects() {
    let zone = chain(2);
    let object: Box<dyn ResolveBlocking> = Box::new(zone);
    assert_eq!(drive_blocking(Chain::new("n0"), &*object).0, 2);
    let borrowed = |question: &Question| object.resolve_blocking(question);
    assert_eq!(drive_blocking(Chain::new("n0"), &borrowed).0, 2);
}

#[test]
fn a_shared_resolver_of_any_type_is_a_resolver() {
    /// Counts how many questions come at a time.
    struct Batches(Mutex<Vec<usize>>);
    impl ResolveBlocking for Batches {
        fn resolve_blocking(&self, _: &Question) -> Reply {
            Ok(Answer::nxdomain())
        }
        fn resolve_all_blocking(&self, qs: &[Question], _: Option<Instant>) -> Vec<Reply> {
            self.0.lock().unwrap().push(qs.len());
            vec![Ok(Answer::nodata()); qs.len()]
        }
    }
    let batches = Arc::new(Batches(Mutex::default()));
    let shared: Arc<dyn ResolveBlocking + Send + Sync> = batches.clone();
    let question = || Question::txt("example.org".parse().unwrap());
    assert_eq!(shared.resolve_blocking(&question()), Ok(Answer::nxdomain()));
    assert_eq!(
        shared.resolve_all_blocking(&[question(), question()], None),
        [Ok(Answer::nodata()), Ok(Answer::nodata())]
    );
    assert_eq!(*batches.0.lock().unwrap(), [2]);
}

#[test]
fn closures_are_resolvers_without_a_type() {
    let found =
        |name: &str| if name == "a" { Ok(Answer::nodata()) } else { Err(LookupError::other("no such name")) };
    let expected = [Ok(Answer::nodata()), Err(LookupError::other("no such name"))];
    let blocking = resolver_fn(|q| found(q.name.as_str()));
    assert_eq!(drive_blocking(AskAll(vec!["a", "b"]), &blocking), expected);
    let asynchronous = async_resolver_fn(async |q| found(q.name.as_str()));
    assert_eq!(block_on(drive(AskAll(vec!["a", "b"]), &asynchronous)), expected);

    let shared = Arc::new(chain(2));
    let owned: Arc<dyn DynResolve> = Arc::new(async_resolver_fn(move |q: Question| {
        let shared = Arc::clone(&shared);
        async move { shared.lookup(&q) }
    }));
    let spawned = spawnable(async move { drive(Chain::new("n0"), &owned).await });
    assert_eq!(block_on(spawned).0, 2);
}

/// A lookup that holds what may not leave its thread.
#[test]
fn a_lookup_that_is_not_send_drives_a_check() {
    let client = std::rc::Rc::new(std::cell::RefCell::new((chain(3), Vec::new())));
    let look_up = async |q: &Question| {
        std::future::ready(()).await;
        client.borrow_mut().1.push(q.name.to_string());
        client.borrow().0.lookup(q)
    };
    let mut dns = Answers::new();
    let (depth, runs, error) = block_on(drive_local(Chain::new("n0"), &mut dns, look_up, pending()));
    assert_eq!((depth, runs, error), (3, 5, None));
    assert_eq!(client.borrow().1, ["n0", "n1", "n2", "n3"]);
    assert_eq!(dns.known().len(), 4);
}

#[test]
fn local_lookups_are_concurrent_and_end_at_the_deadline() {
    let together = std::rc::Rc::new(Together::new(3));
    let look_up = async |q: &Question| together.resolve(q).await;
    let ask = || AskAll(vec!["a", "b", "c"]);
    let replies = block_on(drive_local(ask(), &mut Answers::new(), look_up, pending()));
    assert_eq!(replies, vec![Ok(Answer::nodata()); 3]);
    let half = async |q: &Question| Half.resolve(q).await;
    let mut dns = Answers::new();
    let replies = block_on(async {
        let deadline = tokio::time::sleep(Duration::from_millis(30));
        drive_local(AskAll(vec!["a", "slow"]), &mut dns, half, deadline).await
    });
    assert_eq!(replies, [Ok(Answer::nodata()), Err(LookupError::Timeout)]);
    assert!(dns.has_given_up());
}
