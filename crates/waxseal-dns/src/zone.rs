//! An in-memory zone, as a resolver for tests, offline tools and examples.

#[cfg(feature = "json")]
mod json;
mod master;
pub(crate) mod text;

pub use master::InvalidZoneFile;
pub use text::zone_text;

use crate::{
    Answer, Cache, Dnssec, DomainName, Existence, InvalidDomainName, LookupError, Question, Record,
    RecordType, Reply, Resolve, ResolveBlocking,
};
use bytes::Bytes;
use foldhash::fast::RandomState;
use std::{
    borrow::Borrow,
    collections::{HashMap, HashSet, hash_map::Entry},
    hash::{Hash, Hasher},
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// A CNAME chain longer than this is a loop: [`LookupError::ServerFailure`].
const MAX_CHAIN: usize = 16;

/// An in-memory zone that answers like DNS. It is an ordinary resolver ([`Resolve`], [`ResolveBlocking`]), and serves
/// as the test double for code that implements or runs a [`Check`](crate::Check).
///
/// - A name that is missing is NXDOMAIN; a name that has others below it exists (RFC 8020); a name without records of
///   the type asked for is NODATA.
/// - CNAME is followed; a loop is a server failure. One that leads nowhere, or to the root, is NODATA: its own name exists
///   ([`Existence`](crate::Existence)). `*` as leftmost label is a wildcard (RFC 4592).
/// - A name, or one type at a name, can time out or fail ([`Zone::set_error`]); answers can be marked secure or bogus
///   ([`Zone::set_dnssec`]).
/// - Names are read without regard to case or a final dot, leniently where they are ASCII ([`DomainName::lenient`]), else
///   as U-labels ([`DomainName::new`]).
///
/// It can be built record by record, from the text of a zone file ([`Zone::from_zone_file`]) or, with the feature
/// `json`, from JSON (`Zone::from_json`).
///
/// ```
/// use waxseal_dns::{Answer, LookupError, Question, ResolveBlocking, Zone};
/// # fn main() -> Result<(), waxseal_dns::InvalidDomainName> {
/// let zone = Zone::new()
///     .with_txt("2026a._domainkey.example.org", "v=DKIM1; p=")?
///     .with_address("mx.example.org", "192.0.2.1".parse().unwrap())?
///     .with_mx("example.org", 10, "mx.example.org")?
///     .with_error("slow.example.org", LookupError::Timeout)?;
///
/// let ask = |name: &str| zone.resolve_blocking(&Question::txt(name.parse().unwrap()));
/// assert!(matches!(ask("2026A._domainkey.example.org."), Ok(answer) if answer.records.len() == 1));
/// assert_eq!(ask("_domainkey.example.org"), Ok(Answer::nodata()));
/// assert_eq!(ask("example.com"), Ok(Answer::nxdomain()));
/// assert_eq!(ask("slow.example.org"), Err(LookupError::Timeout));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Zone {
    content: Content,
    cold: bool,
}

#[derive(Debug, Clone, Default)]
struct Content {
    /// By a fast hash: whoever sends mail chooses names that are looked up, but none that stand here.
    names: HashMap<DomainName, Node, RandomState>,
    /// Names that exist because there are others below them.
    above: HashSet<Above, RandomState>,
    wildcards: bool,
}

/// The entry of one name. Most have records of one type and nothing else, and a zone may have a million of them.
#[derive(Debug, Clone, Default)]
struct Node {
    one: Option<(RecordType, Arc<[Record]>)>,
    /// Everything; then `one` is not used.
    more: Option<Box<Data>>,
}

/// Empty for a name that merely exists.
#[derive(Debug, Clone, Default)]
struct Data {
    /// One of a type.
    sets: Vec<(RecordType, Set)>,
    alias: Option<Alias>,
    /// The error for every type without records.
    error: Option<LookupError>,
    ttl: Option<Duration>,
    dnssec: Dnssec,
}

/// Where a CNAME leads.
#[derive(Debug, Clone)]
enum Alias {
    Name(DomainName),
    Root,
}

/// The records of one type, or the error that stands for them.
#[derive(Debug, Clone)]
enum Set {
    Records(Arc<[Record]>),
    /// The records added one by one, and the shared list once it was asked for.
    Growing(Vec<Record>, OnceLock<Arc<[Record]>>),
    Error(LookupError),
}

impl Zone {
    /// A zone without names: everything is NXDOMAIN.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a record after those of its type that `name` already has.
    pub fn insert(&mut self, name: DomainName, record: Record) {
        self.insert_all(name, record.kind(), vec![record]);
    }

    /// Makes `name` exist, with no record of its own.
    pub fn insert_name(&mut self, name: DomainName) {
        self.data(name);
    }

    /// Makes `name` an alias of `target` for every type (RFC 1034 §3.6.2); `None` is the root, which has no records of
    /// these types.
    pub fn insert_cname(&mut self, name: DomainName, target: impl Into<Option<DomainName>>) {
        self.data(name).alias = Some(target.into().map_or(Alias::Root, Alias::Name));
    }

    /// Makes every question about `name` fail with `error`, except for the types that it has records of.
    pub fn set_error(&mut self, name: DomainName, error: LookupError) {
        self.data(name).error = Some(error);
    }

    /// Makes this question fail with `error`, whatever records there are.
    pub fn set_error_for(&mut self, q: Question, error: LookupError) {
        self.data(q.name).set(q.kind, Set::Error(error));
    }

    /// Sets the time to live of the answers about `name`.
    pub fn set_ttl(&mut self, name: DomainName, ttl: Duration) {
        self.data(name).ttl = Some(ttl);
    }

    /// Sets the DNSSEC state of the answers about `name`, in place of [`Dnssec::Indeterminate`].
    pub fn set_dnssec(&mut self, name: DomainName, state: Dnssec) {
        self.data(name).dnssec = state;
    }

    /// Adds a TXT record; `text` can be of any length and any bytes.
    ///
    /// # Errors
    /// [`InvalidDomainName`] when `name` is not a domain name, as with every `with_` method.
    pub fn with_txt(self, name: &str, text: impl AsRef<[u8]>) -> Result<Self, InvalidDomainName> {
        self.with(name, Record::Txt(Bytes::copy_from_slice(text.as_ref())))
    }

    /// Adds an A or AAAA record.
    ///
    /// # Errors
    /// [`InvalidDomainName`].
    pub fn with_address(self, name: &str, address: IpAddr) -> Result<Self, InvalidDomainName> {
        match address {
            IpAddr::V4(v4) => self.with(name, Record::A(v4)),
            IpAddr::V6(v6) => self.with(name, Record::Aaaa(v6)),
        }
    }

    /// Adds an MX record; the host `.` is the null MX (RFC 7505).
    ///
    /// # Errors
    /// [`InvalidDomainName`].
    pub fn with_mx(self, name: &str, preference: u16, host: &str) -> Result<Self, InvalidDomainName> {
        let host = if host == "." { None } else { Some(read_name(host)?) };
        self.with(name, Record::Mx(preference, host))
    }

    /// Adds a PTR record at the reverse name of `address`.
    ///
    /// # Errors
    /// [`InvalidDomainName`].
    pub fn with_ptr(mut self, address: IpAddr, name: &str) -> Result<Self, InvalidDomainName> {
        self.insert(DomainName::reverse(address), Record::Ptr(read_name(name)?));
        Ok(self)
    }

    /// Adds an alias, see [`Zone::insert_cname`]; the target `.` is the root.
    ///
    /// # Errors
    /// [`InvalidDomainName`].
    pub fn with_cname(mut self, name: &str, target: &str) -> Result<Self, InvalidDomainName> {
        let target = if target == "." { None } else { Some(read_name(target)?) };
        self.insert_cname(read_name(name)?, target);
        Ok(self)
    }

    /// Adds a name that fails, see [`Zone::set_error`].
    ///
    /// # Errors
    /// [`InvalidDomainName`].
    pub fn with_error(mut self, name: &str, error: LookupError) -> Result<Self, InvalidDomainName> {
        self.set_error(read_name(name)?, error);
        Ok(self)
    }

    /// Sets a DNSSEC state, see [`Zone::set_dnssec`].
    ///
    /// # Errors
    /// [`InvalidDomainName`].
    pub fn with_dnssec(mut self, name: &str, state: Dnssec) -> Result<Self, InvalidDomainName> {
        self.set_dnssec(read_name(name)?, state);
        Ok(self)
    }

    /// The same zone as a resolver without a cache: [`Resolve::cached`] and [`ResolveBlocking::cache`] are `None`, so
    /// that a check is run again after every round of questions, as with a real resolver.
    #[must_use]
    pub fn cold(self) -> Self {
        Self { cold: true, ..self }
    }

    /// Adds the names of `other`; records of the same type at the same name are appended.
    pub fn merge(&mut self, other: Self) {
        self.content.wildcards |= other.content.wildcards;
        if self.content.names.is_empty() {
            (self.content.names, self.content.above) = (other.content.names, other.content.above);
            return;
        }
        for (name, node) in other.content.names {
            if let Some((kind, records)) = node.one {
                self.insert_all(name, kind, records.to_vec());
            } else if let Some(data) = node.more {
                self.data(name).merge(*data);
            }
        }
    }

    /// The reply to `q`.
    pub fn lookup(&self, q: &Question) -> Reply {
        self.content.lookup(q)
    }

    fn with(mut self, name: &str, record: Record) -> Result<Self, InvalidDomainName> {
        self.insert(read_name(name)?, record);
        Ok(self)
    }

    /// Adds `records`, all of the type `kind`; an error set for this type is removed.
    fn insert_all(&mut self, name: DomainName, kind: RecordType, records: Vec<Record>) {
        self.exists(&name);
        match self.content.names.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(Node { one: Some((kind, records.into())), more: None });
            }
            Entry::Occupied(entry) => entry.into_mut().data().add(kind, records),
        }
    }

    /// Everything about `name`.
    fn data(&mut self, name: DomainName) -> &mut Data {
        self.exists(&name);
        self.content.names.entry(name).or_default().data()
    }

    /// Every name above `name` exists too.
    fn exists(&mut self, name: &DomainName) {
        self.content.wildcards |= name.as_str().starts_with("*.");
        for (dot, _) in name.as_str().match_indices('.') {
            let above = Above { below: name.clone(), start: dot + 1 };
            if !self.content.above.insert(above) {
                break;
            }
        }
    }
}

impl Content {
    fn lookup(&self, q: &Question) -> Reply {
        let mut name = &q.name;
        let (mut ttl, mut dnssec) = (None, Dnssec::Secure);
        for aliases in 0..MAX_CHAIN {
            let Some(node) = self.find(name) else {
                // The end of the chain does not exist, but the name asked about does. A missing name is not signed.
                let missing = if aliases == 0 { Answer::nxdomain() } else { Answer::nodata() };
                return Ok(Answer { ttl, ..missing });
            };
            let Some(data) = &node.more else {
                let dnssec = dnssec.min(Dnssec::default());
                return Ok(Answer { ttl, dnssec, ..node.answer(q.kind) });
            };
            dnssec = dnssec.min(data.dnssec);
            ttl = ttl.into_iter().chain(data.ttl).min();
            match (data.records(q.kind), &data.alias, &data.error) {
                (Some(records), ..) => {
                    let existence = Existence::Exists;
                    return records.map(|records| Answer { existence, records, ttl, dnssec });
                }
                (None, Some(Alias::Name(target)), _) => name = target,
                (None, Some(Alias::Root), _) => return Ok(Answer { ttl, ..Answer::nodata() }),
                (None, None, Some(error)) => return Err(error.clone()),
                (None, None, None) => return Ok(Answer { ttl, dnssec, ..Answer::nodata() }),
            }
        }
        Err(LookupError::ServerFailure)
    }

    fn find(&self, name: &DomainName) -> Option<&Node> {
        match self.names.get(name) {
            None if self.above.contains(name.as_str()) => Some(&EMPTY),
            None if self.wildcards => self.find_wildcard(name.as_str()),
            found => found,
        }
    }

    /// RFC 4592 §3.3.1: the wildcard just below the closest name that exists.
    fn find_wildcard(&self, mut name: &str) -> Option<&Node> {
        while let Some((_, parent)) = name.split_once('.') {
            if self.names.contains_key(parent) || self.above.contains(parent) {
                return self.names.get(format!("*.{parent}").as_str());
            }
            name = parent;
        }
        None
    }
}

/// A name above another, which shares its text.
#[derive(Debug, Clone)]
struct Above {
    below: DomainName,
    start: usize,
}

impl Borrow<str> for Above {
    fn borrow(&self) -> &str {
        self.below.as_str().get(self.start..).unwrap_or_default()
    }
}

impl PartialEq for Above {
    fn eq(&self, other: &Self) -> bool {
        Borrow::<str>::borrow(self) == Borrow::<str>::borrow(other)
    }
}
impl Eq for Above {}
impl Hash for Above {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Borrow::<str>::borrow(self).hash(state);
    }
}

/// A name that merely exists.
static EMPTY: Node = Node { one: None, more: None };

/// People write U-labels; ASCII names may hold everything that DNS allows.
pub(crate) fn read_name(name: &str) -> Result<DomainName, InvalidDomainName> {
    if name.is_ascii() { DomainName::lenient(name.as_bytes()) } else { DomainName::new(name) }
}

impl Node {
    /// The records of this type, unless there is more.
    fn answer(&self, kind: RecordType) -> Answer {
        match &self.one {
            Some((known, records)) if *known == kind => Answer::new(records.clone()),
            _ => Answer::nodata(),
        }
    }

    fn data(&mut self) -> &mut Data {
        let one = self.one.take();
        self.more.get_or_insert_with(|| {
            let sets = one.into_iter().map(|(kind, records)| (kind, Set::Records(records))).collect();
            Box::new(Data { sets, ..Data::default() })
        })
    }
}

impl Data {
    fn records(&self, kind: RecordType) -> Option<Result<Arc<[Record]>, LookupError>> {
        let (_, set) = self.sets.iter().find(|(known, _)| *known == kind)?;
        Some(match set {
            Set::Records(records) => Ok(records.clone()),
            Set::Growing(records, shared) => Ok(shared.get_or_init(|| records.as_slice().into()).clone()),
            Set::Error(error) => Err(error.clone()),
        })
    }

    fn set(&mut self, kind: RecordType, set: Set) {
        match self.sets.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, old)) => *old = set,
            None => {
                self.sets.reserve_exact(1);
                self.sets.push((kind, set));
            }
        }
    }

    /// Adding one by one takes linear time.
    fn add(&mut self, kind: RecordType, mut records: Vec<Record>) {
        let old = self.sets.iter_mut().find(|(known, _)| *known == kind).map(|(_, set)| set);
        match old {
            Some(Set::Growing(old, shared)) => {
                old.append(&mut records);
                *shared = OnceLock::new();
            }
            Some(set @ Set::Records(_)) => {
                let mut all = if let Set::Records(old) = &*set { old.to_vec() } else { Vec::new() };
                all.append(&mut records);
                *set = Set::Growing(all, OnceLock::new());
            }
            Some(Set::Error(_)) | None => self.set(kind, Set::Records(records.into())),
        }
    }

    fn merge(&mut self, other: Self) {
        for (kind, set) in other.sets {
            match set {
                Set::Records(records) => self.add(kind, records.to_vec()),
                Set::Growing(records, _) => self.add(kind, records),
                error @ Set::Error(_) => self.set(kind, error),
            }
        }
        self.alias = other.alias.or(self.alias.take());
        self.error = other.error.or(self.error.take());
        self.ttl = other.ttl.or(self.ttl);
        self.dnssec = if other.dnssec == Dnssec::default() { self.dnssec } else { other.dnssec };
    }
}

impl Resolve for Zone {
    async fn resolve(&self, q: &Question) -> Reply {
        self.lookup(q)
    }
    fn cached(&self, q: &Question) -> Option<Reply> {
        (!self.cold).then(|| self.lookup(q))
    }
}

impl ResolveBlocking for Zone {
    fn resolve_blocking(&self, q: &Question) -> Reply {
        self.lookup(q)
    }
    fn cache(&self) -> Option<&dyn Cache> {
        if self.cold { None } else { Some(&self.content) }
    }
}

impl Cache for Content {
    fn get(&self, q: &Question) -> Option<Reply> {
        Some(self.lookup(q))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DomainName {
        DomainName::lenient(text.as_bytes()).unwrap()
    }

    fn txt(zone: &Zone, text: &str) -> Reply {
        zone.lookup(&Question::txt(name(text)))
    }

    fn one(text: &'static str) -> Reply {
        Ok(Answer::new([Record::Txt(Bytes::from_static(text.as_bytes()))]))
    }

    #[test]
    fn existence() {
        let zone = Zone::new().with_txt("a.b.Example.", "x").unwrap();
        assert_eq!(txt(&zone, "A.b.example"), one("x"));
        assert_eq!(txt(&zone, "b.example"), Ok(Answer::nodata()));
        assert_eq!(txt(&zone, "example"), Ok(Answer::nodata()));
        assert_eq!(zone.lookup(&Question::a(name("a.b.example"))), Ok(Answer::nodata()));
        assert_eq!(txt(&zone, "c.example"), Ok(Answer::nxdomain()));
        assert_eq!(txt(&zone, "z.a.b.example"), Ok(Answer::nxdomain()));
    }

    #[test]
    fn aliases() {
        let zone = Zone::new()
            .with_cname("a.example", "b.example")
            .and_then(|z| z.with_cname("b.example", "c.example"))
            .and_then(|z| z.with_txt("c.example", "x"))
            .and_then(|z| z.with_cname("loop.example", "pool.example"))
            .and_then(|z| z.with_cname("pool.example", "loop.example"))
            .unwrap();
        assert_eq!(txt(&zone, "a.example"), one("x"));
        assert_eq!(zone.lookup(&Question::mx(name("a.example"))), Ok(Answer::nodata()));
        assert_eq!(txt(&zone, "nowhere.example"), Ok(Answer::nxdomain()));
        assert_eq!(txt(&zone, "loop.example"), Err(LookupError::ServerFailure));
    }

    /// RFC 8020 §2: it is the last of the chain that does not exist.
    #[test]
    fn an_alias_that_leads_nowhere_exists_itself() {
        let zone = Zone::new()
            .with_cname("a.example", "b.example")
            .and_then(|z| z.with_cname("b.example", "nowhere.example"))
            .and_then(|z| z.with_cname("*.wild.example", "nowhere.example"))
            .unwrap();
        for there in ["a.example", "b.example", "any.wild.example"] {
            for kind in RecordType::ALL {
                assert_eq!(zone.lookup(&Question::new(name(there), kind)), Ok(Answer::nodata()), "{there}");
            }
        }
        assert_eq!(txt(&zone, "nowhere.example"), Ok(Answer::nxdomain()));
        assert_eq!(txt(&zone, "below.a.example"), Ok(Answer::nxdomain()));
    }

    /// RFC 1034 §3.1: the root is a name like others; no address, text or mail exchanger stands there.
    #[test]
    fn an_alias_of_the_root_is_answered_with_nothing() {
        let zone = Zone::new().with_cname("a.example", ".").unwrap();
        let chained =
            Zone::new().with_cname("a.example", "b.example").unwrap().with_cname("b.example", ".").unwrap();
        let mut typed = Zone::new();
        typed.insert_cname(name("a.example"), None);
        let mut merged = Zone::new();
        merged.merge(zone.clone());
        for zone in [zone, chained, typed, merged] {
            for kind in RecordType::ALL {
                assert_eq!(zone.lookup(&Question::new(name("a.example"), kind)), Ok(Answer::nodata()));
            }
        }
    }

    #[test]
    fn errors_by_name_and_by_type() {
        let mut zone = Zone::new().with_txt("a.example", "x").unwrap();
        zone.set_error(name("a.example"), LookupError::Timeout);
        zone.set_error_for(Question::mx(name("example")), LookupError::ServerFailure);
        assert_eq!(txt(&zone, "a.example"), one("x"));
        assert_eq!(zone.lookup(&Question::a(name("a.example"))), Err(LookupError::Timeout));
        assert_eq!(zone.lookup(&Question::mx(name("example"))), Err(LookupError::ServerFailure));
        assert_eq!(txt(&zone, "example"), Ok(Answer::nodata()));
    }

    #[test]
    fn weakest_state_and_smallest_ttl_along_a_chain() {
        let mut zone =
            Zone::new().with_cname("a.example", "b.example").unwrap().with_txt("b.example", "x").unwrap();
        zone.set_dnssec(name("a.example"), Dnssec::Secure);
        zone.set_ttl(name("a.example"), Duration::from_secs(60));
        zone.set_ttl(name("b.example"), Duration::from_secs(300));
        assert_eq!(txt(&zone, "a.example").unwrap().dnssec, Dnssec::Indeterminate);
        assert_eq!(txt(&zone, "a.example").unwrap().ttl, Some(Duration::from_secs(60)));
        zone.set_dnssec(name("b.example"), Dnssec::Secure);
        assert_eq!(txt(&zone, "a.example").unwrap().dnssec, Dnssec::Secure);
        assert_eq!(txt(&zone, "c.example").unwrap().dnssec, Dnssec::Indeterminate);
    }

    #[test]
    fn wildcards() {
        let zone = Zone::new().with_txt("*.example", "any").unwrap().with_txt("a.b.example", "x").unwrap();
        assert_eq!(txt(&zone, "z.example"), one("any"));
        assert_eq!(txt(&zone, "y.z.example"), one("any"));
        assert_eq!(txt(&zone, "a.b.example"), one("x"));
        assert_eq!(txt(&zone, "b.example"), Ok(Answer::nodata()));
        // RFC 4592 §2.2.1: b.example exists, so the wildcard above it does not reach below it.
        assert_eq!(txt(&zone, "c.b.example"), Ok(Answer::nxdomain()));
    }

    #[test]
    fn null_mx_and_reverse_names() {
        let ip = "2001:db8::1".parse().unwrap();
        let zone = Zone::new().with_mx("a.example", 0, ".").unwrap().with_ptr(ip, "mx.example").unwrap();
        let mx = zone.lookup(&Question::mx(name("a.example"))).unwrap();
        assert_eq!(&*mx.records, &[Record::Mx(0, None)]);
        let ptr = zone.lookup(&Question::ptr(ip)).unwrap();
        assert_eq!(&*ptr.records, &[Record::Ptr(name("mx.example"))]);
    }

    #[cfg(feature = "idna")]
    #[test]
    fn unicode_names() {
        let zone = Zone::new().with_txt("bücher.example", "x").unwrap();
        assert_eq!(txt(&zone, "xn--bcher-kva.example"), one("x"));
    }

    #[test]
    fn merged_zones_keep_both() {
        let mut zone = Zone::new().with_txt("a.example", "1").unwrap();
        zone.merge(Zone::new().with_txt("a.example", "2").unwrap().with_txt("*.b.example", "any").unwrap());
        assert_eq!(txt(&zone, "a.example").unwrap().records.len(), 2);
        assert_eq!(txt(&zone, "c.b.example"), one("any"));
    }

    #[test]
    fn records_added_one_by_one_stand_in_order_and_take_linear_time() {
        let mut zone = Zone::new();
        let text = |n: usize| Record::Txt(n.to_string().into());
        for n in 0..30_000 {
            zone.insert(name("a.example"), text(n));
        }
        assert_eq!(txt(&zone, "a.example").unwrap().records.len(), 30_000);
        zone.insert(name("a.example"), text(30_000));
        let records = txt(&zone, "a.example").unwrap().records;
        assert!(records.iter().enumerate().all(|(n, record)| *record == text(n)) && records.len() == 30_001);
        assert_eq!(zone.lookup(&Question::a(name("a.example"))), Ok(Answer::nodata()));
        let mut other = Zone::new().with_txt("a.example", "30001").unwrap();
        other.set_ttl(name("a.example"), Duration::from_secs(7));
        zone.merge(other);
        let answer = txt(&zone, "a.example").unwrap();
        assert_eq!((answer.records.len(), answer.ttl), (30_002, Some(Duration::from_secs(7))));
    }

    #[test]
    fn a_cold_zone_has_nothing_cached() {
        let zone = Zone::new().with_txt("a.example", "x").unwrap();
        let question = Question::txt(name("a.example"));
        assert_eq!(zone.cached(&question), Some(one("x")));
        assert_eq!(zone.cold().cached(&question), None);
    }
}
