//! What mail-auth needs to be compared with: every answer in memory.

use mail_auth::{
    DnsCache, DnsError, DnssecStatus, Error, Mx, Negative, NoCache, RecordSet, ResolverCache, TxtRecord,
};
use std::{
    borrow::Borrow,
    collections::HashMap,
    future::Future,
    hash::Hash,
    net::Ipv4Addr,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

/// What comes of a future that waits for nothing, since all it asks for is in memory.
pub fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

type Answer<T> = Result<RecordSet<T>, Negative>;

/// Makes a record anew each time.
type Parse = Box<dyn Fn() -> Option<TxtRecord>>;

/// Everything that is published, as mail-auth caches it.
#[derive(Default)]
pub struct Memory {
    txt: Texts,
    a: Map<Answer<Ipv4Addr>>,
    mx: Map<Answer<Mx>>,
}

impl Memory {
    /// A record that is parsed, as mail-auth keeps it after a lookup.
    pub fn parsed(&mut self, name: &str, record: TxtRecord) {
        self.txt.0.insert(key(name), Text::Parsed(record));
    }

    /// A record that is parsed whenever it is asked for.
    pub fn published(&mut self, name: &str, parse: impl Fn() -> Option<TxtRecord> + 'static) {
        self.txt.0.insert(key(name), Text::Published(Box::new(parse)));
    }

    /// A name without a record.
    pub fn without(&mut self, name: &str) {
        self.parsed(name, TxtRecord::Error(Error::Dns(DnsError::InvalidRecordType)));
    }

    /// An address.
    pub fn a(&mut self, name: &str, address: Ipv4Addr) {
        self.a.0.insert(key(name), set(address));
    }

    /// A mail exchanger.
    pub fn mx(&mut self, name: &str, host: &str) {
        self.mx.0.insert(key(name), set(Mx { exchanges: [key(host)].into(), preference: 10 }));
    }
}

fn key(name: &str) -> Box<str> {
    format!("{name}.").into_boxed_str()
}

fn set<T>(record: T) -> Answer<T> {
    Ok(RecordSet { records: Arc::new([record]), dnssec_status: DnssecStatus::Insecure })
}

enum Text {
    Parsed(TxtRecord),
    Published(Parse),
}

/// The TXT records of a [`Memory`].
#[derive(Default)]
pub struct Texts(HashMap<Box<str>, Text>);

impl ResolverCache<Box<str>, TxtRecord> for Texts {
    fn get<Q>(&self, name: &Q) -> Option<TxtRecord>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        match self.0.get(name)? {
            Text::Parsed(record) => Some(record.clone()),
            Text::Published(parse) => parse(),
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

/// Other records of a [`Memory`].
pub struct Map<V>(HashMap<Box<str>, V>);

impl<V> Default for Map<V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

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

impl DnsCache for Memory {
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
