//! A bounded cache in front of any resolver.

use crate::{
    flights::{Flights, Lead, Seat},
    shared_lookup::SharedLookups,
};
use moka::{Expiry, sync};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};
use waxseal_dns::{
    Answer, Cache, LookupError, LookupErrorKind, Question, Record, Reply, Resolve, ResolveBlocking,
};

/// A concurrent cache in front of any resolver, blocking or asynchronous. Cloning is cheap and shares the cache.
///
/// - Answers are kept for their time to live, negative ones (NXDOMAIN, NODATA) for that of their SOA record (RFC 2308 §5);
///   those without a time to live, or with zero, are not kept. A cached answer is returned with its remaining time.
/// - Identical questions in flight are looked up once by all tasks, and once by all threads. Whichever task is polled
///   drives the lookup that it shares, so a task that is not polled delays no other. A lookup ends when the last
///   task that waits for it is dropped.
/// - It answers inline ([`Resolve::cached`], [`ResolveBlocking::cache`]): a check whose answers are all cached takes one run.
///
/// | limit | default | |
/// |---|---|---|
/// | memory | 16 MiB, by the size of names and records | [`Cached::with_capacity`] |
/// | longest time an answer is kept | 1 day | [`Cached::with_max_ttl`] |
/// | longest time a negative answer is kept | 1 hour | [`Cached::with_max_negative_ttl`] |
/// | time a failure is kept | 1 second | [`Cached::with_failure_ttl`] |
///
/// RFC 9520 §3.2 requires that failures (time-outs, server failures, malformed answers) are cached for at least a
/// second, so that mail to many recipients does not hammer a broken server.
///
/// ```
/// use waxseal_dns::{Question, ResolveBlocking, Zone};
/// use waxseal_resolver::Cached;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let dns = Cached::new(Zone::new().with_txt("example.org", "v=spf1 -all")?);
/// assert!(dns.resolve_blocking(&Question::txt("example.org".parse()?)).is_ok());
/// # Ok(()) }
/// ```
pub struct Cached<R> {
    resolver: Arc<R>,
    entries: Entries,
    /// Of tasks.
    lookups: Arc<SharedLookups>,
    /// Of threads.
    flights: Arc<Flights>,
    limits: Limits,
}

/// Sockets may time out this much before a deadline.
const EARLY: Duration = Duration::from_millis(5);

#[derive(Debug, Clone, Copy)]
struct Limits {
    capacity: u64,
    positive: Duration,
    negative: Duration,
    failure: Duration,
}

#[derive(Clone)]
struct Entries(sync::Cache<Question, Entry>);

#[derive(Debug, Clone)]
struct Entry {
    reply: Reply,
    since: Instant,
    keep: Duration,
}

impl<R> Cached<R> {
    /// An empty cache in front of `resolver`.
    pub fn new(resolver: R) -> Self {
        let limits = Limits {
            capacity: 16 << 20,
            positive: Duration::from_secs(86_400),
            negative: Duration::from_secs(3_600),
            failure: Duration::from_secs(1),
        };
        Self {
            resolver: Arc::new(resolver),
            entries: Entries::new(limits.capacity),
            lookups: Arc::default(),
            flights: Arc::default(),
            limits,
        }
    }

    /// Keeps at most about `bytes` of names and records; 16 MiB by default. This empties the cache.
    #[must_use]
    pub fn with_capacity(mut self, bytes: u64) -> Self {
        self.limits.capacity = bytes;
        self.entries = Entries::new(bytes);
        self
    }

    /// Keeps no answer longer than this; 1 day by default.
    #[must_use]
    pub fn with_max_ttl(mut self, ttl: Duration) -> Self {
        self.limits.positive = ttl;
        self
    }

    /// Keeps no negative answer longer than this; 1 hour by default.
    #[must_use]
    pub fn with_max_negative_ttl(mut self, ttl: Duration) -> Self {
        self.limits.negative = ttl;
        self
    }

    /// Keeps failures this long; 1 second by default, zero for not at all.
    #[must_use]
    pub fn with_failure_ttl(mut self, ttl: Duration) -> Self {
        self.limits.failure = ttl;
        self
    }

    /// The resolver behind the cache.
    pub fn resolver(&self) -> &R {
        &self.resolver
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.entries.0.invalidate_all();
    }

    /// Forgets the reply to `q`, so that it is looked up again: for use after a key was published or a record changed.
    pub fn forget(&self, q: &Question) {
        self.entries.0.invalidate(q);
    }

    fn get(&self, q: &Question) -> Option<Reply> {
        self.entries.get(q)
    }

    /// Caches the reply before the lookup ends, so that it can always be found in one place or the other.
    fn keep(&self, q: &Question, reply: &Reply) {
        let keep = match reply {
            Ok(answer) if answer.is_void() => answer.ttl.unwrap_or_default().min(self.limits.negative),
            Ok(answer) => answer.ttl.unwrap_or_default().min(self.limits.positive),
            Err(_) => self.limits.failure,
        };
        if !keep.is_zero() {
            self.entries.0.insert(q.clone(), Entry { reply: reply.clone(), since: Instant::now(), keep });
        }
    }

    /// Checks the cache again: the entry may have arrived in between.
    fn board(&self, q: &Question) -> Result<Reply, Seat<'_>> {
        match self.flights.board(q) {
            Seat::Lead(lead) => match self.get(q) {
                Some(reply) => {
                    lead.land(reply.clone());
                    Ok(reply)
                }
                None => Err(Seat::Lead(lead)),
            },
            passenger => Err(passenger),
        }
    }

    /// A time-out that may be due to the caller's deadline is not shared: others may have more time.
    fn land(&self, q: &Question, lead: Lead<'_>, reply: Reply, deadline: Option<Instant>) -> Reply {
        let timed_out = reply.as_ref().is_err_and(|error| error.kind() == LookupErrorKind::Timeout);
        if timed_out && deadline.is_some_and(|deadline| Instant::now() + EARLY >= deadline) {
            return reply;
        }
        self.keep(q, &reply);
        lead.land(reply.clone());
        reply
    }
}

impl<R: Resolve + 'static> Resolve for Cached<R> {
    async fn resolve(&self, q: &Question) -> Reply {
        loop {
            if let Some(reply) = self.get(q) {
                return reply;
            }
            let lookup = self.lookups.join(q, || {
                let (cache, q) = (self.clone(), q.clone());
                Box::pin(async move { cache.look_up(&q).await })
            });
            if let Some(reply) = lookup.await {
                return reply;
            }
        }
    }

    fn cached(&self, q: &Question) -> Option<Reply> {
        self.get(q)
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        self.resolver.sleep(duration)
    }
}

impl<R: Resolve> Cached<R> {
    /// Checks the cache again: the entry may have arrived in between.
    async fn look_up(&self, q: &Question) -> Reply {
        if let Some(reply) = self.get(q) {
            return reply;
        }
        let reply = self.resolver.resolve(q).await;
        self.keep(q, &reply);
        reply
    }
}

impl<R: ResolveBlocking> ResolveBlocking for Cached<R> {
    fn resolve_blocking(&self, q: &Question) -> Reply {
        self.look_up_blocking(q, None)
    }

    fn resolve_all_blocking(&self, qs: &[Question], deadline: Option<Instant>) -> Vec<Reply> {
        self.look_all_up_blocking(qs, deadline)
    }

    fn cache(&self) -> Option<&dyn Cache> {
        Some(&self.entries)
    }
}

impl<R: ResolveBlocking> Cached<R> {
    fn look_up_blocking(&self, q: &Question, deadline: Option<Instant>) -> Reply {
        loop {
            if let Some(reply) = self.get(q) {
                return reply;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(LookupError::Timeout);
            }
            match self.board(q) {
                Ok(reply) => return reply,
                Err(Seat::Lead(lead)) => {
                    let reply = self.ask_one(q, deadline);
                    return self.land(q, lead, reply, deadline);
                }
                Err(Seat::Passenger(flight)) => {
                    if let Some(reply) = flight.wait(deadline) {
                        return reply;
                    }
                }
            }
        }
    }

    /// The questions that nobody else is looking up go to the resolver together, and only then the others are waited
    /// for, so that two callers that share questions never wait for each other in a circle.
    fn look_all_up_blocking(&self, qs: &[Question], deadline: Option<Instant>) -> Vec<Reply> {
        let mut leads = Vec::new();
        for q in qs {
            if self.get(q).is_none()
                && let Err(Seat::Lead(lead)) = self.board(q)
            {
                leads.push((q.clone(), lead));
            }
        }
        let (questions, leads): (Vec<_>, Vec<_>) = leads.into_iter().unzip();
        let replies = self.ask(&questions, deadline);
        let mut ours = Vec::with_capacity(questions.len());
        for ((q, lead), reply) in questions.into_iter().zip(leads).zip(replies) {
            let reply = self.land(&q, lead, reply, deadline);
            ours.push((q, reply));
        }
        let known = |q: &Question| ours.iter().find(|(own, _)| own == q).map(|(_, reply)| reply.clone());
        qs.iter().map(|q| known(q).unwrap_or_else(|| self.look_up_blocking(q, deadline))).collect()
    }

    fn ask_one(&self, q: &Question, deadline: Option<Instant>) -> Reply {
        if deadline.is_none() {
            return self.resolver.resolve_blocking(q);
        }
        let replies = self.resolver.resolve_all_blocking(std::slice::from_ref(q), deadline);
        replies.into_iter().next().unwrap_or(Err(LookupError::Timeout))
    }

    fn ask(&self, qs: &[Question], deadline: Option<Instant>) -> Vec<Reply> {
        if qs.is_empty() {
            return Vec::new();
        }
        self.resolver.resolve_all_blocking(qs, deadline)
    }
}

impl<R> Clone for Cached<R> {
    fn clone(&self) -> Self {
        Self {
            resolver: Arc::clone(&self.resolver),
            entries: self.entries.clone(),
            lookups: Arc::clone(&self.lookups),
            flights: Arc::clone(&self.flights),
            limits: self.limits,
        }
    }
}

impl<R: fmt::Debug> fmt::Debug for Cached<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resolver, limits, .. } = self;
        f.debug_struct("Cached").field("resolver", resolver).field("limits", limits).finish_non_exhaustive()
    }
}

/// Each entry expires at its own time.
struct OwnTime;

impl Expiry<Question, Entry> for OwnTime {
    fn expire_after_create(&self, _: &Question, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.keep)
    }
    fn expire_after_update(
        &self,
        _: &Question,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.keep)
    }
}

impl Entries {
    fn new(capacity: u64) -> Self {
        Self(sync::Cache::builder().max_capacity(capacity).weigher(weigh).expire_after(OwnTime).build())
    }
}

impl Cache for Entries {
    fn get(&self, q: &Question) -> Option<Reply> {
        let Entry { reply, since, keep } = self.0.get(q)?;
        let age = since.elapsed();
        let fresh = |answer: Answer| Answer { ttl: answer.ttl.map(|ttl| ttl.saturating_sub(age)), ..answer };
        (age < keep).then(|| reply.map(fresh))
    }
}

/// The approximate size of an entry in bytes.
fn weigh(q: &Question, entry: &Entry) -> u32 {
    let records: &[Record] = entry.reply.as_ref().map_or(&[], |answer| &answer.records);
    let data = records.iter().map(|record| match record {
        Record::Txt(text) => text.len(),
        Record::Mx(_, Some(name)) | Record::Ptr(name) => name.as_str().len(),
        Record::A(_) | Record::Aaaa(_) | Record::Mx(_, None) => 0,
    });
    let fixed = 2 * size_of::<Question>() + size_of::<Entry>() + 64;
    let size = fixed + q.name.as_str().len() + size_of_val(records) + data.sum::<usize>();
    u32::try_from(size).unwrap_or(u32::MAX)
}
