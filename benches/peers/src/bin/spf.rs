//! Prints what an SPF check takes, beside mail-auth:
//! `cargo run --release --ignore-rust-version --manifest-path benches/peers/Cargo.toml --bin spf`.
//!
//! Both get every answer from a map in memory. mail-auth is measured twice: with its cache of parsed records, which it
//! fills after a lookup, and with records that it parses at every check, which is what waxseal does. Only waxseal counts
//! void lookups and reads each record to its end before it evaluates it.
//!
//! viaspf is not here: it is under the GPL.

use mail_auth::{
    DnsCache, DnssecStatus, MessageAuthenticator, Mx, Negative, NoCache, Parameters, RecordSet,
    ResolverCache, SpfResult, TxtRecord,
    dns::TxtRecordParser,
    hickory_resolver::config::{ResolverConfig, ResolverOpts},
    spf::{SpfRecord, verify::SpfParameters},
};
use std::{
    borrow::Borrow,
    collections::HashMap,
    future::Future,
    hash::Hash,
    hint::black_box,
    net::Ipv4Addr,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};
use waxseal_benches::{
    Error,
    spf::{self, Scenario},
    timing::Times,
};

fn main() -> Result<(), Error> {
    let authenticator = MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default())?;
    println!(
        "| scenario | waxseal ns | mail-auth, parsed before ns | mail-auth, parsing ns | waxseal / parsed | waxseal / parsing |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for scenario in spf::scenarios().into_iter().filter(|scenario| !scenario.cold) {
        let zone = scenario.zone()?;
        let (parsed, parsing) = (Caches::new(&scenario, true)?, Caches::new(&scenario, false)?);
        let times = Times::measure(&mut [
            &mut || spf::check(black_box(&zone)).is_some_and(|verdict| verdict.word().as_str() == "pass"),
            &mut || parsed.check(&authenticator) == Some(SpfResult::Pass),
            &mut || parsing.check(&authenticator) == Some(SpfResult::Pass),
        ])
        .map_err(|error| format!("{}: {error}", scenario.name))?;
        let nanos = |job| times.nanos(job).median;
        let ratio = |floor| times.ratio(0, floor).median;
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {:.2} | {:.2} |",
            scenario.name,
            nanos(0),
            nanos(1),
            nanos(2),
            ratio(1),
            ratio(2)
        );
    }
    Ok(())
}

type Answer<T> = Result<RecordSet<T>, Negative>;

struct Caches {
    txt: Texts,
    a: Map<Answer<Ipv4Addr>>,
    mx: Map<Answer<Mx>>,
}

impl Caches {
    fn new(scenario: &Scenario, parsed: bool) -> Result<Self, Error> {
        let key = |name: &str| format!("{name}.").into_boxed_str();
        let mut texts = HashMap::new();
        for (name, text) in &scenario.txt {
            let record = parse(text).ok_or("no record")?;
            texts
                .insert(key(name), if parsed { Text::Parsed(record) } else { Text::Published(text.clone()) });
        }
        let a = scenario.a.iter().map(|(name, address)| (key(name), set(*address))).collect();
        let exchanger = |host: &str| Mx { exchanges: [key(host)].into(), preference: 10 };
        let mx = scenario.mx.iter().map(|(name, host)| (key(name), set(exchanger(host)))).collect();
        Ok(Self { txt: Texts(texts), a: Map(a), mx: Map(mx) })
    }

    fn check(&self, authenticator: &MessageAuthenticator) -> Option<SpfResult> {
        let parameters =
            SpfParameters::mail_from(spf::CLIENT.into(), spf::HELO, "mx.example.com", spf::SENDER);
        let mut verified = pin!(authenticator.verify_spf(Parameters::new(parameters).with_cache(self)));
        // The answers are in the cache, so nothing is ever waited for.
        match verified.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output.result()),
            Poll::Pending => None,
        }
    }
}

fn parse(text: &str) -> Option<TxtRecord> {
    Some(TxtRecord::Spf(Arc::new(SpfRecord::parse(text.as_bytes()).ok()?)))
}

fn set<T>(record: T) -> Answer<T> {
    Ok(RecordSet { records: Arc::new([record]), dnssec_status: DnssecStatus::Insecure })
}

enum Text {
    Parsed(TxtRecord),
    Published(String),
}

struct Texts(HashMap<Box<str>, Text>);

impl ResolverCache<Box<str>, TxtRecord> for Texts {
    fn get<Q>(&self, name: &Q) -> Option<TxtRecord>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        match self.0.get(name)? {
            Text::Parsed(record) => Some(record.clone()),
            Text::Published(text) => parse(text),
        }
    }

    fn remove<Q>(&self, _: &Q) -> Option<TxtRecord>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: TxtRecord, _: Instant) {}
}

struct Map<V>(HashMap<Box<str>, V>);

impl<V: Clone> ResolverCache<Box<str>, V> for Map<V> {
    fn get<Q>(&self, name: &Q) -> Option<V>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.get(name).cloned()
    }

    fn remove<Q>(&self, _: &Q) -> Option<V>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: V, _: Instant) {}
}

impl DnsCache for Caches {
    type Txt = Texts;
    type Mx = Map<Answer<Mx>>;
    type Ipv4 = Map<Answer<Ipv4Addr>>;
    type Ipv6 = NoCache;
    type Ptr = NoCache;

    fn txt(&self) -> Option<&Texts> {
        Some(&self.txt)
    }

    fn mx(&self) -> Option<&Self::Mx> {
        Some(&self.mx)
    }

    fn ipv4(&self) -> Option<&Self::Ipv4> {
        Some(&self.a)
    }

    fn ipv6(&self) -> Option<&NoCache> {
        None
    }

    fn ptr(&self) -> Option<&NoCache> {
        None
    }
}
