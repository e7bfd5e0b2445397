//! How long a whole check waits for DNS, and what becomes of what came before.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::{authenticator, dns, envelope, now, signed};
use std::{
    error::Error,
    future::{Future, pending},
    io,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};
use waxseal::{
    Authenticator, Disposition, Envelope, Evidence, Report,
    authres::{DmarcResult, SpfResult},
    dns::{
        Answer, Answers, Check, DEFAULT_TIME_LIMIT, LookupError, LookupErrorKind, Question, Reply, Resolve,
        ResolveBlocking, Zone, drive, drive_blocking,
    },
};

const LIMIT: Duration = Duration::from_millis(300);
/// Generous: two cores, many tests. Without a limit all of this hangs or takes longer.
const AT_MOST: Duration = Duration::from_secs(10);

/// Answers from the zone at once; below `slow.example` and for addresses never, or as late as it may.
struct Hostile {
    zone: Zone,
    asked: Mutex<Vec<String>>,
}

impl Hostile {
    fn new() -> Self {
        Self { zone: dns(), asked: Mutex::default() }
    }

    fn answer(&self, q: &Question) -> Option<Reply> {
        self.asked.lock().unwrap().push(q.to_string());
        let is_slow = ["slow.example", "in-addr.arpa"].iter().any(|end| q.name.as_str().ends_with(end));
        (!is_slow).then(|| self.zone.lookup(q))
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Resolve for Hostile {
    async fn resolve(&self, q: &Question) -> Reply {
        match self.answer(q) {
            Some(reply) => reply,
            None => pending().await,
        }
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl ResolveBlocking for Hostile {
    fn resolve_blocking(&self, q: &Question) -> Reply {
        self.answer(q).unwrap_or(Err(LookupError::Timeout))
    }
    fn resolve_all_blocking(&self, qs: &[Question], deadline: Option<Instant>) -> Vec<Reply> {
        let replies: Vec<_> = qs.iter().map(|q| self.answer(q)).collect();
        if let Some(deadline) = deadline.filter(|_| replies.iter().any(Option::is_none)) {
            thread::sleep(deadline.saturating_duration_since(Instant::now()));
        }
        replies.into_iter().map(|reply| reply.unwrap_or(Err(LookupError::Timeout))).collect()
    }
}

/// The bank's mail by way of somebody whose DNS never answers.
fn relayed() -> (Envelope, Vec<u8>) {
    let envelope = envelope("192.0.2.9", "h.slow.example", "u@m.slow.example");
    (envelope, signed("bank.example", b"From: joe@bank.example\r\nSubject: lunch\r\n\r\nHi.\r\n"))
}

fn limited() -> Authenticator {
    authenticator().with_timeout(LIMIT)
}

fn in_time<T>(job: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = job();
    assert!(begun.elapsed() < AT_MOST, "{:?}", begun.elapsed());
    done
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// SPF ran out of time, and the signature passed before.
#[track_caller]
fn assert_pass_at_hand(report: &Report) {
    assert_eq!(report.spf().result(), SpfResult::TempError, "{}", report.explain());
    assert_eq!(report.iprev().unwrap().result().as_str(), "temperror");
    assert!(report.dkim().is_pass(), "{}", report.explain());
    assert_eq!(report.dmarc().result(), DmarcResult::Pass, "{}", report.explain());
    assert_eq!(report.disposition(), Disposition::None);
}

#[test]
fn a_pass_at_hand_stays_a_pass_when_the_rest_timed_out() {
    let (envelope, message) = relayed();
    let inbound = || limited().inbound(&envelope, &message, now());
    assert_pass_at_hand(&in_time(|| limited().check_blocking(&envelope, &message, now(), &Hostile::new())));
    assert_pass_at_hand(&in_time(|| drive_blocking(inbound(), &Hostile::new())));
    let hostile = Hostile::new();
    assert_pass_at_hand(&in_time(|| block_on(limited().check(&envelope, &message, now(), &hostile))));
    assert_pass_at_hand(&in_time(|| block_on(drive(inbound(), &Hostile::new()))));
}

#[test]
fn a_message_without_a_pass_is_deferred_when_the_time_is_over() {
    let (envelope, _) = relayed();
    let forged = b"From: joe@m.slow.example\r\nSubject: lunch\r\n\r\nHi.\r\n";
    let report = in_time(|| limited().check_blocking(&envelope, forged, now(), &Hostile::new()));
    assert_eq!(report.dmarc().result(), DmarcResult::TempError, "{}", report.explain());
    assert_eq!(report.disposition(), Disposition::Defer);
}

/// A resolver with nothing but the one method: it is not asked any more once the time is over.
#[test]
fn a_blocking_resolver_of_the_callers_ends_after_the_lookup_under_way() {
    let asked = Mutex::new(Vec::new());
    let slow = |q: &Question| -> Reply {
        asked.lock().unwrap().push(q.to_string());
        thread::sleep(2 * LIMIT);
        Ok(Answer::nxdomain())
    };
    let (envelope, message) = relayed();
    let report = in_time(|| limited().check_blocking(&envelope, &message, now(), &slow));
    assert_eq!(asked.into_inner().unwrap(), ["m.slow.example TXT"]);
    // What was under way counts: MAIL FROM has no record.
    assert_eq!(report.spf().result(), SpfResult::None, "{}", report.explain());
    assert_eq!(report.dmarc().result(), DmarcResult::TempError, "{}", report.explain());
}

#[test]
fn lookups_beside_the_body_have_the_same_limit_and_keep_what_came() {
    let (envelope, message) = relayed();
    for blocking in [true, false] {
        let hostile = Hostile::new();
        let mut session = limited().begin(&envelope, now());
        session.push(&message);
        let lookups = session.lookups();
        assert_eq!(lookups.time_limit(), Some(LIMIT));
        let answers = in_time(|| match blocking {
            true => lookups.resolve_blocking(&hostile),
            false => block_on(lookups.resolve(&hostile)),
        });
        assert!(answers.waited() >= LIMIT, "{:?}", answers.waited());
        let asked = hostile.asked();
        // The time is used up: nothing is asked any more, and what came makes the verdict.
        let check = session.finish().with_answers(answers);
        assert_eq!(check.time_limit(), Some(Duration::ZERO));
        let report = in_time(|| match blocking {
            true => drive_blocking(check, &hostile),
            false => block_on(drive(check, &hostile)),
        });
        assert_pass_at_hand(&report);
        assert_eq!(hostile.asked(), asked);
    }
}

/// Only waiting for DNS counts: the body may take its time.
#[test]
fn a_slow_body_takes_no_time_from_the_check() {
    let message = signed("bank.example", b"From: joe@bank.example\r\n\r\nHi.\r\n");
    let mut session = limited().begin(&Envelope::unknown(), now());
    let (header, body) = message.split_at(message.len() - 5);
    session.push(header);
    let answers = session.lookups().resolve_blocking(&dns());
    assert!(answers.known().len() > 0 && answers.waited() < LIMIT);
    let waited = answers.waited();
    thread::sleep(2 * LIMIT);
    session.push(body);
    let check = session.finish().with_answers(answers);
    assert_eq!(check.time_limit(), Some(LIMIT - waited));
    // Several lookups may go side by side, so the longest counts; a list of answers has waited for nothing.
    let check = check.with_answers(Answers::new());
    assert_eq!(check.time_limit(), Some(LIMIT - waited));
    let report = drive_blocking(check, &dns());
    assert_eq!(report.dmarc().result(), DmarcResult::Pass, "{}", report.explain());
}

#[test]
fn the_limit_is_20_seconds_unless_set() {
    let limit = |authenticator: Authenticator| {
        authenticator.inbound(&Envelope::unknown(), b"\r\n", now()).time_limit()
    };
    assert_eq!(limit(authenticator()), Some(Duration::from_secs(20)));
    assert_eq!(limit(authenticator()), Some(DEFAULT_TIME_LIMIT));
    assert_eq!(limit(limited()), Some(LIMIT));
    let endless = authenticator().with_timeout(Duration::MAX);
    assert_eq!(
        endless.check_blocking(&Envelope::unknown(), b"\r\n", now(), &dns()).dkim().as_slice().len(),
        0
    );
}

/// What a resolver knows of a failure stays behind the cause of every verdict, also in a file.
#[test]
fn causes_keep_what_the_resolver_knows() {
    const WHY: &str = "192.0.2.53:53 did not answer in time";
    let failing = |_: &Question| -> Reply { Err(LookupError::Timeout.with_cause(io::Error::other(WHY))) };
    let (envelope, message) = relayed();
    let report = authenticator().check_blocking(&envelope, &message, now(), &failing);
    let behind = |cause: Option<&(dyn Error + 'static)>| {
        let error = cause.unwrap().source().unwrap().downcast_ref::<LookupError>().unwrap();
        assert_eq!(error.kind(), LookupErrorKind::Timeout);
        error.source().unwrap().to_string()
    };
    fn cause<E: Error + 'static>(cause: &E) -> Option<&(dyn Error + 'static)> {
        Some(cause)
    }
    assert_eq!(behind(report.dkim().iter().next().unwrap().cause().and_then(cause)), WHY);
    assert_eq!(behind(report.spf().cause().and_then(cause)), WHY);
    assert_eq!(behind(report.dmarc().cause().and_then(cause)), WHY);
    assert_eq!(behind(report.iprev().unwrap().cause().and_then(cause)), WHY);
    let field = report.authentication_results().to_string();
    assert_eq!(field.matches(&format!("DNS lookup timed out: {WHY}")).count(), 5, "{field}");
    // Each method, and the name on DMARC's way at which it failed.
    let explained = report.explain();
    assert!(explained.contains(&format!("_dmarc.bank.example: DNS lookup timed out: {WHY}")), "{explained}");
    let again = authenticator().replay(&report.evidence()).unwrap();
    assert_eq!(again.explain(), report.explain());
    #[cfg(feature = "json")]
    {
        let saved = Evidence::from_json(&report.evidence().to_json()).unwrap();
        assert_eq!(authenticator().replay(&saved).unwrap().explain(), report.explain());
    }
    #[cfg(not(feature = "json"))]
    let _: Option<Evidence> = None;
}
