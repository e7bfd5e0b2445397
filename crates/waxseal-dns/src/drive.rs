//! Drivers run a check, look up what it wants, and run it again.

use crate::{
    Answers, Cache, Check, Question, Reply, Resolve, ResolveBlocking, answers::State, time_limit::TimeLimit,
};
use std::{
    future::{Future, pending, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::{Duration, Instant},
};

/// After this many rounds of lookups a driver gives up: missing answers become time-outs. Ten nested SPF includes need
/// twelve.
pub const MAX_ROUNDS: usize = 64;

/// Drives `check` with an asynchronous resolver. The questions of one run are looked up concurrently; at most
/// [`MAX_ROUNDS`] rounds are made, within the [time limit of the check](Check::time_limit): see [`drive_within`].
///
/// The future is `Send` when `check` is, and needs no runtime of its own.
pub async fn drive<C: Check>(mut check: C, resolver: &(impl Resolve + ?Sized)) -> C::Output {
    let cache = Inline(resolver);
    let mut dns = no_answers(check.time_limit(), Some(&cache));
    rounds(&mut check, &mut dns, resolver, pending()).await
}

/// Like [`drive`], within `limit` in place of the time limit of the check: questions without an answer by then become a
/// [`Timeout`](crate::LookupError::Timeout), and the check ends. [`Duration::MAX`] is no limit.
///
/// The timer is that of the resolver ([`Resolve::sleep`]). With a resolver without a timer, the driver reads the clock
/// whenever a lookup wakes it, so the check ends after the lookup under way. On wasm32-unknown-unknown there is no
/// clock, only the timer.
///
/// ```
/// # use waxseal_dns::{Check, Resolve, drive_within};
/// # use std::time::Duration;
/// # async fn inbound<C: Check>(check: C, resolver: impl Resolve) -> C::Output {
/// drive_within(check, &resolver, Duration::from_secs(30)).await
/// # }
/// ```
pub async fn drive_within<C: Check>(
    mut check: C,
    resolver: &(impl Resolve + ?Sized),
    limit: Duration,
) -> C::Output {
    let cache = Inline(resolver);
    let mut dns = no_answers(Some(limit), Some(&cache));
    rounds(&mut check, &mut dns, resolver, pending()).await
}

/// Like [`drive`], but begins with the answers in `dns` and leaves all answers there: as a trace, or for the next
/// check. It stops when `deadline` is ready, which can be a timer of the caller or any other reason to stop. With
/// [`std::future::pending`], the only deadline is the [time limit of `dns`](Answers::with_time_limit); that of the check
/// is ignored.
///
/// ```
/// # use waxseal_dns::{Answers, Check, Resolve, drive_with};
/// # use std::time::Duration;
/// # async fn inbound<C: Check>(check: C, resolver: impl Resolve) -> C::Output {
/// let deadline = tokio::time::sleep(Duration::from_secs(20));
/// drive_with(check, &mut Answers::new(), &resolver, deadline).await
/// # }
/// ```
///
/// Questions that were taken out of `dns` and not answered are looked up again. Once the deadline has passed, `dns`
/// [has given up](Answers::has_given_up), for later checks too. Dropping the future keeps the answers in `dns`.
pub async fn drive_with<C: Check>(
    mut check: C,
    dns: &mut Answers<'_>,
    resolver: &(impl Resolve + ?Sized),
    deadline: impl Future<Output = ()>,
) -> C::Output {
    let cache = Inline(resolver);
    let mut lent = Lent::new(&mut dns.state, Some(&cache));
    rounds(&mut check, &mut lent.dns, resolver, deadline).await
}

/// Like [`drive_with`], for lookups whose futures are not `Send`, as with a browser's fetch or a thread-per-core
/// runtime. The lookups of one run are made concurrently on one thread.
///
/// The only timer is `deadline`. If `dns` has a [time limit](Answers::with_time_limit), the clock is read whenever a
/// lookup wakes the driver.
///
/// ```
/// use std::{future::pending, rc::Rc};
/// use waxseal_dns::{Answer, Answers, Question, drive_local};
/// # async fn example() -> Result<(), waxseal_dns::InvalidDomainName> {
/// let client = Rc::new("a client that stays on its thread");
/// let look_up = async |q: &Question| match client.len() {
///     0 => Ok(Answer::nodata()),
///     _ => Ok(Answer::nxdomain()), // here `client` would ask for `q`
/// };
/// let questions = vec![Question::txt("example.org".parse()?)];
/// let replies = drive_local(questions, &mut Answers::new(), look_up, pending()).await;
/// assert_eq!(replies, [Ok(Answer::nxdomain())]);
/// # Ok(()) }
/// ```
pub async fn drive_local<C: Check>(
    mut check: C,
    dns: &mut Answers<'_>,
    look_up: impl AsyncFn(&Question) -> Reply,
    deadline: impl Future<Output = ()>,
) -> C::Output {
    let mut lent = Lent::new(&mut dns.state, None);
    let mut deadline = pin!(deadline);
    for _ in 0..MAX_ROUNDS {
        if let Ok(output) = check.run(&mut lent.dns) {
            return output;
        }
        let Some(questions) = lent.dns.next_round() else { break };
        let lookups = questions.iter().map(|q| look_up(q)).collect();
        let replies = join(lookups, deadline.as_mut(), &lent.dns.state.time).await;
        if !lent.dns.end_round(questions, replies) {
            break;
        }
    }
    finish(&mut check, &mut lent.dns)
}

/// Drives `check` with a blocking resolver, at most [`MAX_ROUNDS`] rounds, within the [time limit of the
/// check](Check::time_limit): see [`drive_blocking_within`]. Cached replies ([`ResolveBlocking::cache`]) need no round;
/// the other questions of one run are passed to the resolver together
/// ([`ResolveBlocking::resolve_all_blocking`]).
pub fn drive_blocking<C: Check>(mut check: C, resolver: &(impl ResolveBlocking + ?Sized)) -> C::Output {
    let mut dns = no_answers(check.time_limit(), resolver.cache());
    rounds_blocking(&mut check, &mut dns, resolver, None)
}

/// Like [`drive_blocking`], within `limit` in place of the time limit of the check: questions without an answer by then
/// become a [`Timeout`](crate::LookupError::Timeout), and the check ends. [`Duration::MAX`] is no limit.
///
/// The resolver gets the deadline. If it ignores the deadline, the check ends after the lookup under way.
pub fn drive_blocking_within<C: Check>(
    mut check: C,
    resolver: &(impl ResolveBlocking + ?Sized),
    limit: Duration,
) -> C::Output {
    let mut dns = no_answers(Some(limit), resolver.cache());
    rounds_blocking(&mut check, &mut dns, resolver, None)
}

/// The blocking version of [`drive_with`], until a point in time; with `None`, the only deadline is the [time limit of
/// `dns`](Answers::with_time_limit).
///
/// ```
/// # use waxseal_dns::{Answers, Check, ResolveBlocking, drive_with_blocking};
/// # use std::time::{Duration, Instant};
/// # fn both<C: Check>(first: C, second: C, resolver: impl ResolveBlocking) -> [C::Output; 2] {
/// let deadline = Instant::now() + Duration::from_secs(20);
/// let drive = |check| drive_with_blocking(check, &mut Answers::new(), &resolver, Some(deadline));
/// [first, second].map(drive)
/// # }
/// ```
pub fn drive_with_blocking<C: Check>(
    mut check: C,
    dns: &mut Answers<'_>,
    resolver: &(impl ResolveBlocking + ?Sized),
    deadline: Option<Instant>,
) -> C::Output {
    let mut lent = Lent::new(&mut dns.state, resolver.cache());
    rounds_blocking(&mut check, &mut lent.dns, resolver, deadline)
}

async fn rounds<C: Check>(
    check: &mut C,
    dns: &mut Answers<'_>,
    resolver: &(impl Resolve + ?Sized),
    deadline: impl Future<Output = ()>,
) -> C::Output {
    let left = dns.state.time.left();
    let mut deadline = pin!(first_of(deadline, sleep(resolver, left)));
    for _ in 0..MAX_ROUNDS {
        if let Ok(output) = check.run(dns) {
            return output;
        }
        let Some(questions) = dns.next_round() else { break };
        let lookups = questions.iter().map(|q| look_up(resolver, q)).collect();
        let replies = join(lookups, deadline.as_mut(), &dns.state.time).await;
        if !dns.end_round(questions, replies) {
            break;
        }
    }
    finish(check, dns)
}

fn rounds_blocking<C: Check>(
    check: &mut C,
    dns: &mut Answers<'_>,
    resolver: &(impl ResolveBlocking + ?Sized),
    deadline: Option<Instant>,
) -> C::Output {
    for _ in 0..MAX_ROUNDS {
        if let Ok(output) = check.run(dns) {
            return output;
        }
        let Some(questions) = dns.next_round() else { break };
        let deadline = deadline.into_iter().chain(dns.state.time.deadline()).min();
        let replies = match deadline {
            Some(deadline) if Instant::now() >= deadline => break,
            deadline => resolver.resolve_all_blocking(&questions, deadline),
        };
        dns.extend(questions.into_iter().zip(replies));
    }
    finish(check, dns)
}

/// What a driver of a single check begins with.
fn no_answers(limit: Option<Duration>, cache: Option<&dyn Cache>) -> Answers<'_> {
    let mut dns = Answers::lent(State::default(), cache);
    if let Some(limit) = limit {
        dns.state.time = TimeLimit::new(limit);
    }
    dns
}

/// The resolver's timer, started with the first wait.
async fn sleep<R: Resolve + ?Sized>(resolver: &R, duration: Option<Duration>) {
    match duration {
        Some(duration) => resolver.sleep(duration).await,
        None => pending().await,
    }
}

/// Ready when one of them is.
async fn first_of(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => other.as_mut().poll(cx),
    })
    .await;
}

/// The last run: after giving up nothing is pending.
fn finish<C: Check>(check: &mut C, dns: &mut Answers<'_>) -> C::Output {
    dns.give_up();
    loop {
        if let Ok(output) = check.run(dns) {
            return output;
        }
    }
}

/// Polls all lookups until they are done or the time is over; `None` for those that are not done. Every wake-up polls
/// all open ones: a round has few questions, and sharing one waker needs neither allocation nor unsafe code.
async fn join<L: Future<Output = Reply>>(
    lookups: Vec<L>,
    mut deadline: Pin<&mut impl Future<Output = ()>>,
    time: &TimeLimit,
) -> Vec<Option<Reply>> {
    let mut lookups: Vec<_> = lookups.into_iter().map(|lookup| (Box::pin(lookup), None)).collect();
    poll_fn(|cx| {
        let mut open = false;
        for (lookup, reply) in lookups.iter_mut().filter(|(_, reply)| reply.is_none()) {
            match lookup.as_mut().poll(cx) {
                Poll::Ready(done) => *reply = Some(done),
                Poll::Pending => open = true,
            }
        }
        if open && !time.is_over() { deadline.as_mut().poll(cx) } else { Poll::Ready(()) }
    })
    .await;
    lookups.into_iter().map(|(_, reply)| reply).collect()
}

async fn look_up<R: Resolve + ?Sized>(resolver: &R, q: &Question) -> Reply {
    match resolver.cached(q) {
        Some(reply) => reply,
        None => resolver.resolve(q).await,
    }
}

/// The cached replies of an asynchronous resolver.
struct Inline<'r, R: ?Sized>(&'r R);

impl<R: Resolve + ?Sized> Cache for Inline<'_, R> {
    fn get(&self, q: &Question) -> Option<Reply> {
        self.0.cached(q)
    }
}

/// The state of the caller's [`Answers`] together with the resolver's cache; returned on drop.
struct Lent<'a, 'r> {
    home: &'a mut State,
    dns: Answers<'r>,
}

impl<'a, 'r> Lent<'a, 'r> {
    fn new(home: &'a mut State, cache: Option<&'r dyn Cache>) -> Self {
        let mut dns = Answers::lent(std::mem::take(home), cache);
        dns.state.forget_in_flight();
        Self { home, dns }
    }
}

impl Answers<'_> {
    /// The questions of the next round, from which on the time is measured; `None` when nothing is wanted or the time
    /// is over.
    fn next_round(&mut self) -> Option<Vec<Question>> {
        let questions = self.take_wanted();
        let time = &mut self.state.time;
        time.start();
        (!questions.is_empty() && !time.is_over()).then_some(questions)
    }

    /// Records the replies; false when one is missing.
    fn end_round(&mut self, questions: Vec<Question>, replies: Vec<Option<Reply>>) -> bool {
        let complete = replies.iter().all(Option::is_some);
        self.extend(questions.into_iter().zip(replies).filter_map(|(q, reply)| Some((q, reply?))));
        complete
    }
}

impl Drop for Lent<'_, '_> {
    fn drop(&mut self) {
        self.dns.state.forget_in_flight();
        self.dns.state.time.stop();
        *self.home = std::mem::take(&mut self.dns.state);
    }
}
