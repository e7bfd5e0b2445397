//! Drivers: run a check, look up what it wants, run it again.

use crate::{Answers, Check, Question, Reply, Resolve, ResolveBlocking, answers::State};
use std::{
    future::{Future, pending, poll_fn},
    pin::{Pin, pin},
    task::Poll,
};

/// After this many rounds of lookups a driver gives up: what is still unknown is a time-out. Ten nested SPF includes
/// need twelve.
pub const MAX_ROUNDS: usize = 64;

/// Drives `check` with an asynchronous resolver. The questions of one run are looked up concurrently; at most
/// [`MAX_ROUNDS`] rounds are made. There is no deadline but the resolver's own time-outs: see [`drive_until`].
///
/// The future is `Send` when `check` is, and needs no runtime of its own.
pub async fn drive<C: Check>(check: C, resolver: &(impl Resolve + ?Sized)) -> C::Output {
    drive_until(check, resolver, pending()).await
}

/// Like [`drive`], until `deadline` is ready: what has not been answered by then is a
/// [`Timeout`](crate::LookupError::Timeout), and the check ends with what it has.
///
/// ```
/// # use waxseal_dns::{Check, Resolve, drive_until};
/// # use std::time::Duration;
/// # async fn inbound<C: Check>(check: C, resolver: impl Resolve) -> C::Output {
/// drive_until(check, &resolver, tokio::time::sleep(Duration::from_secs(20))).await
/// # }
/// ```
pub async fn drive_until<C: Check>(
    check: C,
    resolver: &(impl Resolve + ?Sized),
    deadline: impl Future<Output = ()>,
) -> C::Output {
    drive_with(check, &mut Answers::new(), resolver, deadline).await
}

/// Like [`drive_until`], beginning with the answers already collected, and leaving all of them in `dns`: the trace, or
/// the start of the next check. Pass [`std::future::pending`] for no deadline.
///
/// Questions that someone took out of `dns` and did not answer are looked up again. Once the deadline has passed, `dns`
/// [has given up](Answers::has_given_up), for later checks too. A cache lent by [`Answers::with_inline`] is not asked;
/// the resolver's own is. Dropping the future leaves what was learnt in `dns`.
pub async fn drive_with<C: Check>(
    mut check: C,
    dns: &mut Answers<'_>,
    resolver: &(impl Resolve + ?Sized),
    deadline: impl Future<Output = ()>,
) -> C::Output {
    let inline = |q: &Question| resolver.cached(q);
    let mut lent = Lent::new(&mut dns.state, &inline);
    let mut deadline = pin!(deadline);
    for _ in 0..MAX_ROUNDS {
        if let Ok(output) = check.run(&mut lent.dns) {
            return output;
        }
        let questions = lent.dns.take_wanted();
        if questions.is_empty() {
            break;
        }
        let replies = join(resolver, &questions, deadline.as_mut()).await;
        let complete = replies.iter().all(Option::is_some);
        let answered = questions.into_iter().zip(replies).filter_map(|(q, reply)| Some((q, reply?)));
        lent.dns.extend(answered);
        if !complete {
            break;
        }
    }
    finish(check, &mut lent.dns)
}

/// Looks `questions` up concurrently, ahead of the check that will ask them: [`Answers::extend`] takes the result. The
/// resolver's cache is asked first.
///
/// ```
/// # use waxseal_dns::*;
/// # async fn example<C: Check>(keys: Vec<Question>, check: C, resolver: impl Resolve) -> C::Output {
/// let mut dns: Answers<'_> = prefetch(&resolver, keys).await.into_iter().collect();
/// // ... the rest of the message arrives ...
/// drive_with(check, &mut dns, &resolver, std::future::pending()).await
/// # }
/// ```
pub async fn prefetch(
    resolver: &(impl Resolve + ?Sized),
    questions: impl IntoIterator<Item = Question>,
) -> Vec<(Question, Reply)> {
    let questions: Vec<_> = questions.into_iter().collect();
    let replies = join(resolver, &questions, pin!(pending())).await;
    questions.into_iter().zip(replies).filter_map(|(q, reply)| Some((q, reply?))).collect()
}

/// Drives `check` with a blocking resolver, at most [`MAX_ROUNDS`] rounds. The questions of one run are handed over
/// together ([`ResolveBlocking::resolve_all_blocking`]).
pub fn drive_blocking<C: Check>(check: C, resolver: &(impl ResolveBlocking + ?Sized)) -> C::Output {
    drive_blocking_until(check, resolver, || false)
}

/// Like [`drive_blocking`]; `expired` is asked before every round whether the time is over, and if so, what is not known
/// yet is a [`Timeout`](crate::LookupError::Timeout). A round under way is not cut short.
///
/// ```
/// # use waxseal_dns::{Check, ResolveBlocking, drive_blocking_until};
/// # use std::time::{Duration, Instant};
/// # fn check<C: Check>(check: C, resolver: impl ResolveBlocking) -> C::Output {
/// let end = Instant::now() + Duration::from_secs(20);
/// drive_blocking_until(check, &resolver, || Instant::now() >= end)
/// # }
/// ```
pub fn drive_blocking_until<C: Check>(
    check: C,
    resolver: &(impl ResolveBlocking + ?Sized),
    expired: impl FnMut() -> bool,
) -> C::Output {
    drive_with_blocking(check, &mut Answers::new(), resolver, expired)
}

/// The blocking twin of [`drive_with`]; pass `|| false` for no deadline. Here a cache lent by [`Answers::with_inline`] is
/// asked.
pub fn drive_with_blocking<C: Check>(
    mut check: C,
    dns: &mut Answers<'_>,
    resolver: &(impl ResolveBlocking + ?Sized),
    mut expired: impl FnMut() -> bool,
) -> C::Output {
    dns.state.forget_in_flight();
    for _ in 0..MAX_ROUNDS {
        if let Ok(output) = check.run(dns) {
            return output;
        }
        let questions = dns.take_wanted();
        if questions.is_empty() || expired() {
            break;
        }
        let replies = resolver.resolve_all_blocking(&questions);
        dns.extend(questions.into_iter().zip(replies));
    }
    finish(check, dns)
}

/// The blocking twin of [`prefetch`].
pub fn prefetch_blocking(
    resolver: &(impl ResolveBlocking + ?Sized),
    questions: impl IntoIterator<Item = Question>,
) -> Vec<(Question, Reply)> {
    let questions: Vec<_> = questions.into_iter().collect();
    let replies = resolver.resolve_all_blocking(&questions);
    questions.into_iter().zip(replies).collect()
}

/// The last run: after giving up nothing is pending.
fn finish<C: Check>(mut check: C, dns: &mut Answers<'_>) -> C::Output {
    dns.give_up();
    loop {
        if let Ok(output) = check.run(dns) {
            return output;
        }
    }
}

/// Polls all lookups until each is done or the deadline has come; `None` for those that are not done. Every wake polls
/// all that are open: a round has few questions, and sharing one waker needs no allocation and no unsafe code.
async fn join<R: Resolve + ?Sized>(
    resolver: &R,
    questions: &[Question],
    mut deadline: Pin<&mut impl Future<Output = ()>>,
) -> Vec<Option<Reply>> {
    let mut lookups: Vec<_> = questions.iter().map(|q| (Box::pin(look_up(resolver, q)), None)).collect();
    poll_fn(|cx| {
        let mut open = false;
        for (lookup, reply) in lookups.iter_mut().filter(|(_, reply)| reply.is_none()) {
            match lookup.as_mut().poll(cx) {
                Poll::Ready(done) => *reply = Some(done),
                Poll::Pending => open = true,
            }
        }
        if open { deadline.as_mut().poll(cx) } else { Poll::Ready(()) }
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

/// The state of someone's [`Answers`] together with the resolver's cache; given back on drop.
struct Lent<'a, 'r> {
    home: &'a mut State,
    dns: Answers<'r>,
}

impl<'a, 'r> Lent<'a, 'r> {
    fn new(home: &'a mut State, inline: &'r (dyn Fn(&Question) -> Option<Reply> + Sync)) -> Self {
        let mut dns = Answers::resume(std::mem::take(home), inline);
        dns.state.forget_in_flight();
        Self { home, dns }
    }
}

impl Drop for Lent<'_, '_> {
    fn drop(&mut self) {
        self.dns.state.forget_in_flight();
        *self.home = std::mem::take(&mut self.dns.state);
    }
}
