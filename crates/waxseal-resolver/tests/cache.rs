//! The cache: what it keeps, for how long, and that nobody asks twice.
#![cfg(feature = "cache")]
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::{
    future::{Future, poll_fn},
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::Poll,
    thread,
    time::{Duration, Instant},
};
use waxseal_dns::{
    Answer, DynResolve, LookupError, Question, Record, Reply, Resolve, ResolveBlocking, Zone, drive,
    drive_blocking,
};
use waxseal_resolver::Cached;

fn q(name: &str) -> Question {
    Question::txt(name.parse().unwrap())
}

/// Replies by name (`ttl5.…`, `gone60.…`, `fail.…`) and counts.
#[derive(Debug, Default)]
struct Counting {
    lookups: Arc<AtomicUsize>,
    batches: Arc<AtomicUsize>,
    delay: Duration,
}

impl Counting {
    fn reply(&self, q: &Question) -> Reply {
        self.lookups.fetch_add(1, Relaxed);
        let label = q.name.labels().next().unwrap().to_owned();
        let seconds = |digits: &str| Duration::from_secs(digits.parse().unwrap());
        match label.split_at(label.find(|c: char| c.is_ascii_digit()).unwrap_or(label.len())) {
            ("ttl", digits) => Ok(Answer::new([Record::Txt("x".into())]).with_ttl(seconds(digits))),
            ("gone", digits) => Ok(Answer::nxdomain().with_ttl(seconds(digits))),
            ("empty", digits) => Ok(Answer::nodata().with_ttl(seconds(digits))),
            ("big", digits) => {
                Ok(Answer::new([Record::Txt(vec![b'x'; 10_000].into())]).with_ttl(seconds(digits)))
            }
            ("forever", _) => Ok(Answer::nodata()),
            _ => Err(LookupError::ServerFailure),
        }
    }
}

impl ResolveBlocking for Counting {
    fn resolve_blocking(&self, q: &Question) -> Reply {
        thread::sleep(self.delay);
        self.reply(q)
    }
    fn resolve_all_blocking(&self, qs: &[Question], _: Option<Instant>) -> Vec<Reply> {
        self.batches.fetch_add(1, Relaxed);
        thread::sleep(self.delay);
        qs.iter().map(|q| self.reply(q)).collect()
    }
}

impl Resolve for Counting {
    async fn resolve(&self, q: &Question) -> Reply {
        let mut yields = 3;
        poll_fn(|cx| {
            yields -= 1;
            if yields == 0 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        self.reply(q)
    }
}

/// How many lookups `times` questions for `name` take.
fn lookups(dns: &Cached<Counting>, name: &str, times: usize) -> usize {
    let before = dns.resolver().lookups.load(Relaxed);
    for _ in 0..times {
        let _ = dns.resolve_blocking(&q(name));
    }
    dns.resolver().lookups.load(Relaxed) - before
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn what_is_kept() {
    let dns = Cached::new(Counting::default());
    for (name, expected) in
        [("ttl60", 1), ("gone60", 1), ("empty60", 1), ("ttl0", 3), ("gone0", 3), ("forever", 3)]
    {
        assert_eq!(lookups(&dns, name, 3), expected, "{name}");
    }
    assert_eq!(lookups(&dns, "TTL60", 3), 0);
    dns.clear();
    assert_eq!(lookups(&dns, "ttl60", 3), 1);
}

#[test]
fn one_question_is_forgotten_and_the_others_stay() {
    let dns = Cached::new(Counting::default());
    assert_eq!((lookups(&dns, "ttl60.a", 1), lookups(&dns, "ttl60.b", 1)), (1, 1));
    dns.forget(&q("ttl60.a"));
    assert_eq!((lookups(&dns, "ttl60.a", 2), lookups(&dns, "ttl60.b", 2)), (1, 0));
}

#[test]
fn a_blocking_check_whose_answers_are_kept_asks_for_no_round() {
    let dns = Cached::new(Counting::default());
    let ask = || drive_blocking(vec![q("ttl60.a"), q("ttl60.b")], &dns);
    let first = ask();
    assert!(first.iter().all(Result::is_ok));
    assert_eq!(dns.resolver().lookups.load(Relaxed), 2);
    let kept = dns.cache().unwrap();
    assert!(kept.get(&q("ttl60.a")).is_some() && kept.get(&q("ttl60.c")).is_none());
    let again = ask().into_iter().map(|reply| reply.map(|answer| answer.records));
    assert!(again.eq(first.into_iter().map(|reply| reply.map(|answer| answer.records))));
    assert_eq!(dns.resolver().lookups.load(Relaxed), 2);
}

#[test]
fn failures_are_kept_for_a_moment_or_not_at_all() {
    let dns = Cached::new(Counting::default());
    assert_eq!(lookups(&dns, "fail", 3), 1);
    thread::sleep(Duration::from_millis(1_050));
    assert_eq!(lookups(&dns, "fail", 3), 1);
    let never = Cached::new(Counting::default()).with_failure_ttl(Duration::ZERO);
    assert_eq!(lookups(&never, "fail", 3), 3);
}

#[test]
fn entries_end_with_their_time_to_live_and_show_what_is_left() {
    let dns = Cached::new(Counting::default());
    assert_eq!(dns.resolve_blocking(&q("ttl2")).unwrap().ttl, Some(Duration::from_secs(2)));
    thread::sleep(Duration::from_millis(1_100));
    let left = dns.resolve_blocking(&q("ttl2")).unwrap().ttl.unwrap();
    assert!(left < Duration::from_millis(950), "{left:?}");
    assert_eq!(dns.resolver().lookups.load(Relaxed), 1);
    thread::sleep(Duration::from_millis(1_000));
    assert_eq!(dns.cached(&q("ttl2")), None);
    assert_eq!(lookups(&dns, "ttl2", 2), 1);
}

#[test]
fn caps() {
    let short = Duration::from_millis(50);
    let dns = Cached::new(Counting::default()).with_max_ttl(short);
    assert_eq!((lookups(&dns, "ttl60", 2), lookups(&dns, "gone60", 2)), (1, 1));
    thread::sleep(2 * short);
    assert_eq!((lookups(&dns, "ttl60", 1), lookups(&dns, "gone60", 1)), (1, 0));
    let dns = Cached::new(Counting::default()).with_max_negative_ttl(short);
    assert_eq!((lookups(&dns, "ttl60", 2), lookups(&dns, "empty60", 2)), (1, 1));
    thread::sleep(2 * short);
    assert_eq!((lookups(&dns, "ttl60", 1), lookups(&dns, "empty60", 1)), (0, 1));
}

#[test]
fn memory_is_bounded() {
    let dns = Cached::new(Counting::default()).with_capacity(100_000);
    for n in 0..1_000 {
        assert!(dns.resolve_blocking(&q(&format!("big60.n{n}"))).is_ok());
    }
    // moka may hold a little more for a moment.
    let kept = (0..1_000).filter(|n| dns.cached(&q(&format!("big60.n{n}"))).is_some()).count();
    assert!(kept <= 100, "{kept} of 1,000 answers of 10,000 octets in 100,000");
}

#[test]
fn threads_join_one_lookup() {
    let counting = Counting { delay: Duration::from_millis(300), ..Counting::default() };
    let dns = Cached::new(counting).with_failure_ttl(Duration::ZERO);
    for name in ["ttl0", "fail"] {
        let barrier = Barrier::new(8);
        let before = dns.resolver().lookups.load(Relaxed);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    dns.clone().resolve_blocking(&q(name))
                });
            }
        });
        assert_eq!(dns.resolver().lookups.load(Relaxed) - before, 1, "{name}");
    }
}

/// `times` tasks ask the same.
async fn join_all(dns: &Cached<Counting>, q: &Question, times: usize) -> Vec<Reply> {
    let tasks: Vec<_> = (0..times)
        .map(|_| {
            let (dns, q) = (dns.clone(), q.clone());
            tokio::spawn(async move { dns.resolve(&q).await })
        })
        .collect();
    let mut replies = Vec::new();
    for task in tasks {
        replies.push(task.await.unwrap());
    }
    replies
}

#[test]
fn tasks_join_one_lookup() {
    let dns = Cached::new(Counting::default());
    let replies = block_on(join_all(&dns, &q("ttl0"), 5));
    assert!(replies.iter().all(Result::is_ok) && replies.len() == 5);
    assert_eq!(dns.resolver().lookups.load(Relaxed), 1);
}

#[test]
fn one_round_goes_to_the_resolver_together() {
    let dns = Cached::new(Counting::default());
    assert_eq!(lookups(&dns, "ttl60.b", 1), 1);
    let questions = ["ttl60.a", "ttl60.b", "fail", "ttl60.a"].map(q);
    let replies = dns.resolve_all_blocking(&questions, None);
    assert_eq!(replies.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false, true]);
    assert_eq!(dns.resolver().lookups.load(Relaxed), 3);
    assert_eq!(dns.resolver().batches.load(Relaxed), 1);
    assert!(dns.resolve_all_blocking(&[], None).is_empty());
}

#[test]
fn crossing_rounds_do_not_wait_for_each_other() {
    let counting = Counting { delay: Duration::from_millis(20), ..Counting::default() };
    let dns = Cached::new(counting);
    thread::scope(|scope| {
        for n in 0..6 {
            let dns = &dns;
            scope.spawn(move || {
                for round in 0..10 {
                    let mut questions: Vec<_> = (0..6).map(|m| q(&format!("ttl0.r{round}.n{m}"))).collect();
                    questions.rotate_left(n);
                    assert!(dns.resolve_all_blocking(&questions, None).iter().all(Result::is_ok));
                }
            });
        }
    });
}

#[test]
fn a_resolver_that_panics_does_not_hold_the_others() {
    let calls = AtomicUsize::new(0);
    let dns = Cached::new(|_: &Question| -> Reply {
        assert!(calls.fetch_add(1, Relaxed) > 0, "the first lookup panics");
        Ok(Answer::nodata())
    });
    thread::scope(|scope| {
        assert!(scope.spawn(|| dns.resolve_blocking(&q("a"))).join().is_err());
        assert_eq!(dns.resolve_blocking(&q("a")), Ok(Answer::nodata()));
    });
}

#[test]
fn a_warm_check_is_one_run() {
    struct Three(usize);
    impl waxseal_dns::Check for Three {
        type Output = usize;
        fn run(&mut self, dns: &mut waxseal_dns::Answers<'_>) -> Result<usize, waxseal_dns::Pending> {
            self.0 += 1;
            for name in ["ttl60.a", "ttl60.b", "ttl60.c"] {
                let _ = dns.ask(q(name))?;
            }
            Ok(self.0)
        }
    }
    let dns: Arc<dyn DynResolve> = Arc::new(Cached::new(Counting::default()));
    assert_eq!(block_on(drive(Three(0), &dns)), 4);
    assert_eq!(block_on(drive(Three(0), &dns)), 1);
}

#[test]
fn both_sides_share_the_cache() {
    let dns = Cached::new(Counting::default());
    assert!(block_on(dns.resolve(&q("ttl60"))).is_ok());
    assert_eq!(lookups(&dns.clone(), "ttl60", 2), 0);
    let zone = Cached::new(Zone::new().with_txt("a.example", "x").unwrap());
    assert!(zone.resolve_blocking(&q("a.example")).is_ok());
    assert!(format!("{zone:?}").contains("capacity"));
}
