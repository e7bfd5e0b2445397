//! Flattening: a record with its lookups done in advance.

use super::{
    Finding, Problem,
    audit::target_name,
    lint::syntax_finding,
    networks::{mask4, mask6, merge},
    problem::MAX_BYTES,
};
use crate::{
    Limits,
    macros::Letters,
    record::{DomainSpec, Mechanism, Network, Qualifier, Record, Term},
    select::Selected,
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};
use waxseal_dns::{Answer, Answers, Check, DomainName, Pending, Question, Record as Data, RecordType};

/// Replaces the lookups of a domain's record by the networks that they result in. A [`Check`], driven like
/// [`SpfCheck`](crate::SpfCheck).
///
/// - `a`, `mx`, `include` and `redirect` become `ip4` and `ip6`; networks are merged where they touch.
/// - Terms with macros stay, and so do `exists`, `ptr`, and an `include` whose record does more than listing senders that pass.
/// - Networks that do not fit move to further records below the domain, which the record includes.
///
/// Every client gets the same result as before, as long as the looked-up records do not change; they are valid for
/// [`Flattened::ttl`].
///
/// ```
/// use waxseal_dns::{Zone, drive_blocking};
/// use waxseal_spf::publish::Flatten;
///
/// let dns = Zone::new()
///     .with_txt("example.org", "v=spf1 mx include:_spf.example.net exists:%{i}._ok.example.org -all")?
///     .with_mx("example.org", 10, "mx.example.org")?
///     .with_address("mx.example.org", "192.0.2.128".parse()?)?
///     .with_txt("_spf.example.net", "v=spf1 ip4:192.0.2.129 ip4:198.51.100.0/24 ~all")?;
/// let flattened = drive_blocking(Flatten::new("example.org".parse()?), &dns)?;
/// let records: Vec<String> = flattened.records().iter().map(|(name, record)| format!("{name} {record}")).collect();
/// assert_eq!(records, [
///     "example.org v=spf1 ip4:192.0.2.128/31 ip4:198.51.100.0/24 exists:%{i}._ok.example.org -all"
/// ]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Flatten {
    domain: DomainName,
    label: Box<str>,
    max_bytes: usize,
    max_queries: usize,
}

impl Flatten {
    /// The record of `domain`.
    pub fn new(domain: DomainName) -> Self {
        Self { domain, label: "_spf".into(), max_bytes: MAX_BYTES, max_queries: 500 }
    }

    /// The prefix of the names of further records: `label1.domain`, `label2.domain` and so on. Default `_spf`.
    #[must_use]
    pub fn with_label(mut self, label: &str) -> Self {
        self.label = label.into();
        self
    }

    /// The maximum size of a record and its name together. Default 450 bytes (RFC 7208 §3.4).
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The most DNS queries. Default 500; more is an error.
    #[must_use]
    pub fn with_max_queries(mut self, queries: usize) -> Self {
        self.max_queries = queries;
        self
    }
}

/// The result of [`Flatten`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flattened {
    records: Vec<(DomainName, Record)>,
    ttl: Option<Duration>,
}

impl Flattened {
    /// The records to publish, that of the domain first. [`Record::lookups`] counts the terms in it that still cause
    /// lookups; [`Audit`](super::Audit) also counts those of the remaining includes.
    pub fn records(&self) -> &[(DomainName, Record)] {
        &self.records
    }

    /// The smallest TTL of all lookups: after it, the networks may have changed. `None` when it is unknown.
    pub fn ttl(&self) -> Option<Duration> {
        self.ttl
    }
}

impl Check for Flatten {
    /// An error is the first finding that makes flattening impossible.
    type Output = Result<Flattened, Finding>;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Self::Output, Pending> {
        let path = Vec::new();
        let mut walk = Walk { dns, left: self.max_queries, pending: false, ttl: None, ttl_known: true, path };
        match walk.top(&self.domain) {
            // A missing answer might lead to a finding that comes earlier.
            _ if walk.pending => Err(Pending),
            Ok(Some(top)) => Ok(Ok(self.publish(top, walk.ttl.filter(|_| walk.ttl_known)))),
            Ok(None) => Err(Pending),
            Err(finding) => Ok(Err(*finding)),
        }
    }
}

/// A flat record before it is split.
#[derive(Debug, Default)]
struct Flat {
    groups: Vec<Group>,
    all: Option<Qualifier>,
    modifiers: Vec<Term>,
}

/// Directives with one qualifier, so that their order does not matter.
#[derive(Debug)]
struct Group {
    qualifier: Qualifier,
    ip4: Vec<(u32, u8)>,
    ip6: Vec<(u128, u8)>,
    kept: Vec<Mechanism>,
}

impl Flat {
    fn group(&mut self, qualifier: Qualifier) -> &mut Group {
        if self.groups.last().is_none_or(|group| group.qualifier != qualifier) {
            self.groups.push(Group { qualifier, ip4: Vec::new(), ip6: Vec::new(), kept: Vec::new() });
        }
        let last = self.groups.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "there is at least one")]
        &mut self.groups[last]
    }

    /// Everything that passes `inner`, with `qualifier`.
    fn append(&mut self, qualifier: Qualifier, inner: Group) {
        let group = self.group(qualifier);
        group.ip4.extend(inner.ip4);
        group.ip6.extend(inner.ip6);
        group.kept.extend(inner.kept);
    }
}

impl Group {
    fn pass() -> Self {
        Self { qualifier: Qualifier::Pass, ip4: Vec::new(), ip6: Vec::new(), kept: Vec::new() }
    }

    fn push(&mut self, address: IpAddr, ip4: u8, ip6: u8) {
        match address {
            IpAddr::V4(address) => self.ip4.push((mask4(address, ip4), ip4)),
            IpAddr::V6(address) => self.ip6.push((mask6(address, ip6), ip6)),
        }
    }

    fn absorb(&mut self, other: Self) {
        self.ip4.extend(other.ip4);
        self.ip6.extend(other.ip6);
        self.kept.extend(other.kept);
    }

    /// The networks, merged to as few as possible.
    fn networks(&self) -> Vec<Mechanism> {
        let ip4 = merge(self.ip4.iter().map(|(bits, length)| (u128::from(*bits), *length)).collect(), 32);
        let ip6 = merge(self.ip6.clone(), 128);
        let ip4 =
            ip4.into_iter().map(|(bits, length)| Network::new(Ipv4Addr::from_bits(bits as u32), length));
        let ip6 = ip6.into_iter().map(|(bits, length)| Network::new(Ipv6Addr::from_bits(bits), length));
        ip4.chain(ip6).map(Mechanism::Ip).collect()
    }

    fn kept(&self) -> Vec<&Mechanism> {
        let mut kept: Vec<&Mechanism> = Vec::new();
        self.kept.iter().for_each(|mechanism| {
            if !kept.contains(&mechanism) {
                kept.push(mechanism);
            }
        });
        kept
    }
}

/// What makes flattening impossible.
type Stop = Box<Finding>;

/// More than [`Flatten::with_max_queries`] allows.
#[derive(Debug, thiserror::Error)]
#[error("more questions than are allowed")]
struct TooManyQuestions;

/// One run. `None` stands for what is not known yet; everything else is asked in the same round.
struct Walk<'d, 'r> {
    dns: &'d mut Answers<'r>,
    left: usize,
    pending: bool,
    ttl: Option<Duration>,
    ttl_known: bool,
    path: Vec<DomainName>,
}

/// Whether an include can be replaced by the terms that make it pass.
enum Inlined {
    Pending,
    No,
    Yes(Group),
}

impl Walk<'_, '_> {
    /// The flat form of the domain's record, including terms that do not pass.
    fn top(&mut self, domain: &DomainName) -> Result<Option<Flat>, Stop> {
        let Some(record) = self.fetch(domain)? else { return Ok(None) };
        self.path.push(domain.clone());
        let mut flat = Flat::default();
        let mut complete = true;
        for (qualifier, mechanism) in record.directives() {
            if *mechanism == Mechanism::All {
                flat.all = Some(qualifier);
                break;
            }
            match self.networks(domain, mechanism)? {
                Inlined::Pending => complete = false,
                Inlined::No => flat.group(qualifier).kept.push(mechanism.clone()),
                Inlined::Yes(group) => flat.append(qualifier, group),
            }
        }
        let redirect = record.redirect();
        for term in record.terms() {
            match term {
                Term::Directive(..) | Term::Redirect(_) => {}
                // RFC 7208 §6.2: with a redirect, the explanation of the original domain is not used.
                Term::Exp(_) if redirect.is_some() => {}
                other => flat.modifiers.push(other.clone()),
            }
        }
        if let Some(spec) = redirect {
            complete &= self.redirect(domain, spec, &mut flat)?;
        }
        self.path.pop();
        Ok(complete.then_some(flat))
    }

    /// Appends the target of `redirect=`, or keeps the modifier.
    fn redirect(&mut self, domain: &DomainName, spec: &DomainSpec, flat: &mut Flat) -> Result<bool, Stop> {
        let target = match target_name(spec, domain) {
            Ok(target) => target,
            Err(Problem::DependsOnMessage) => {
                flat.modifiers.push(Term::Redirect(spec.clone()));
                return Ok(true);
            }
            Err(problem) => return Err(Finding::from(problem).with_domain(domain).into()),
        };
        self.check_loop(&target, domain)?;
        let Some(mut inner) = self.top(&target)? else { return Ok(false) };
        // Terms that stay must not depend on the domain of their record.
        let kept = inner.groups.iter().flat_map(|group| &group.kept);
        let depends =
            |spec: Option<&DomainSpec>| spec.is_none_or(|spec| spec.letters().any_of(Letters::PER_DOMAIN));
        let modifier = |term: &Term| match term {
            Term::Exp(spec) | Term::Redirect(spec) => depends(Some(spec)),
            _ => false,
        };
        if kept.map(Mechanism::domain_spec).any(depends) || inner.modifiers.iter().any(modifier) {
            flat.modifiers.push(Term::Redirect(spec.clone()));
            return Ok(true);
        }
        for mut group in std::mem::take(&mut inner.groups) {
            let qualifier = std::mem::take(&mut group.qualifier);
            flat.append(qualifier, group);
        }
        flat.all = inner.all;
        let followed = |term: &Term| matches!(term, Term::Exp(_) | Term::Redirect(_));
        flat.modifiers.extend(inner.modifiers.into_iter().filter(followed));
        Ok(true)
    }

    /// The meaning of a directive of the record of `domain`.
    fn networks(&mut self, domain: &DomainName, mechanism: &Mechanism) -> Result<Inlined, Stop> {
        let mut group = Group::pass();
        let target = match mechanism {
            Mechanism::Ip(network) => {
                group.push(network.address(), network.length(), network.length());
                return Ok(Inlined::Yes(group));
            }
            Mechanism::All | Mechanism::Ptr(_) | Mechanism::Exists(_) => return Ok(Inlined::No),
            other => match other.domain_spec().map(|spec| target_name(spec, domain)) {
                None => domain.clone(),
                Some(Ok(target)) => target,
                Some(Err(Problem::DependsOnMessage)) => return Ok(Inlined::No),
                Some(Err(problem)) => return Err(Finding::from(problem).with_domain(domain).into()),
            },
        };
        let (hosts, cidr) = match mechanism {
            Mechanism::A(_, cidr) => (Some(vec![target]), cidr),
            Mechanism::Mx(_, cidr) => (self.exchangers(&target)?, cidr),
            _ => return self.include(domain, &target),
        };
        let Some(hosts) = hosts else { return Ok(Inlined::Pending) };
        let mut complete = true;
        for host in &hosts {
            for kind in [RecordType::A, RecordType::Aaaa] {
                let Some(answer) = self.ask(host, kind)? else {
                    complete = false;
                    continue;
                };
                for record in answer.records.iter() {
                    match record {
                        Data::A(address) => group.push((*address).into(), cidr.ip4(), cidr.ip6()),
                        Data::Aaaa(address) => group.push((*address).into(), cidr.ip4(), cidr.ip6()),
                        _ => {}
                    }
                }
            }
        }
        Ok(if complete { Inlined::Yes(group) } else { Inlined::Pending })
    }

    fn exchangers(&mut self, target: &DomainName) -> Result<Option<Vec<DomainName>>, Stop> {
        let Some(answer) = self.ask(target, RecordType::Mx)? else { return Ok(None) };
        if answer.records.len() > Limits::RFC.mx_names.into() {
            return Err(Finding::from(Problem::TooManyMxNames(answer.records.len()))
                .with_domain(target)
                .into());
        }
        let host =
            |record: &Data| if let Data::Mx(_, Some(host)) = record { Some(host.clone()) } else { None };
        Ok(Some(answer.records.iter().filter_map(host).collect()))
    }

    /// The terms that make the record of `target` pass. Only a record that is a union of directives, none of which
    /// excludes anything, can be replaced.
    fn include(&mut self, domain: &DomainName, target: &DomainName) -> Result<Inlined, Stop> {
        self.check_loop(target, domain)?;
        let Some(record) = self.fetch(target)? else { return Ok(Inlined::Pending) };
        self.path.push(target.clone());
        let inlined = self.union(target, &record);
        self.path.pop();
        inlined
    }

    fn union(&mut self, domain: &DomainName, record: &Record) -> Result<Inlined, Stop> {
        let mut group = Group::pass();
        let mut result = None;
        for (qualifier, mechanism) in record.directives() {
            match (mechanism, qualifier) {
                (Mechanism::All, Qualifier::Pass) => return Ok(Inlined::No),
                (Mechanism::All, _) => break,
                (_, Qualifier::Pass) => {}
                _ => return Ok(Inlined::No),
            }
            match self.networks(domain, mechanism)? {
                Inlined::Pending => result = Some(Inlined::Pending),
                Inlined::Yes(inner) => group.absorb(inner),
                // A term can move to another record if it means the same there.
                Inlined::No => match mechanism.domain_spec() {
                    Some(spec) if !spec.letters().any_of(Letters::PER_DOMAIN) => {
                        group.kept.push(mechanism.clone())
                    }
                    _ => return Ok(Inlined::No),
                },
            }
        }
        if let Some(spec) = record.redirect() {
            match target_name(spec, domain) {
                Ok(target) => match self.include(domain, &target)? {
                    Inlined::Yes(inner) => group.absorb(inner),
                    other => result = Some(other),
                },
                Err(Problem::DependsOnMessage) => return Ok(Inlined::No),
                Err(problem) => return Err(Finding::from(problem).with_domain(domain).into()),
            }
        }
        Ok(result.unwrap_or(Inlined::Yes(group)))
    }

    fn check_loop(&self, target: &DomainName, domain: &DomainName) -> Result<(), Stop> {
        if self.path.contains(target) {
            return Err(Finding::from(Problem::Loop(target.clone())).with_domain(domain).into());
        }
        Ok(())
    }

    fn fetch(&mut self, domain: &DomainName) -> Result<Option<Record>, Stop> {
        let Some(answer) = self.ask(domain, RecordType::Txt)? else { return Ok(None) };
        let problem = match Selected::among(&answer.records) {
            Selected::One(text) => match Record::parse(text) {
                Ok(record) => return Ok(Some(record)),
                Err(error) => return Err(syntax_finding(error, text).with_domain(domain).into()),
            },
            Selected::None => Problem::NoRecord,
            Selected::Several(count) => Problem::SeveralRecords(count),
        };
        Err(Finding::from(problem).with_domain(domain).into())
    }

    fn ask(&mut self, name: &DomainName, kind: RecordType) -> Result<Option<Answer>, Stop> {
        let failed = |error| Finding::from(Problem::lookup_failed(name, kind, error)).with_domain(name);
        self.left = self.left.checked_sub(1).ok_or_else(|| failed(&TooManyQuestions))?;
        match self.dns.ask(Question::new(name.clone(), kind)) {
            Ok(Ok(answer)) => {
                self.ttl_known &= answer.ttl.is_some();
                self.ttl = self.ttl.into_iter().chain(answer.ttl).min();
                Ok(Some(answer))
            }
            Ok(Err(error)) => Err(failed(&error).into()),
            Err(Pending) => {
                self.pending = true;
                Ok(None)
            }
        }
    }
}

impl Flatten {
    fn publish(&self, flat: Flat, ttl: Option<Duration>) -> Flattened {
        let mut lists: Vec<Vec<Mechanism>> = flat.groups.iter().map(Group::networks).collect();
        let mut includes: Vec<Vec<Mechanism>> = vec![Vec::new(); lists.len()];
        let mut parts = Vec::new();
        loop {
            let record = assemble(&flat, &lists, &includes);
            let fits = self.domain.as_str().len() + record.to_string().len() <= self.max_bytes;
            // The longest list moves out first; a single term would not be shorter as an include.
            let longest = (0..lists.len()).max_by_key(|index| lists.get(*index).map_or(0, Vec::len));
            let list = longest.and_then(|index| lists.get_mut(index)).filter(|list| list.len() > 1);
            match (fits, list, longest.and_then(|index| includes.get_mut(index))) {
                (false, Some(list), Some(includes)) => self.split(std::mem::take(list), includes, &mut parts),
                _ => {
                    let records = std::iter::once((self.domain.clone(), record)).chain(parts).collect();
                    return Flattened { records, ttl };
                }
            }
        }
    }

    /// Moves the networks to further records.
    fn split(
        &self,
        networks: Vec<Mechanism>,
        includes: &mut Vec<Mechanism>,
        parts: &mut Vec<(DomainName, Record)>,
    ) {
        // These names send no mail; only pass counts for an include.
        let end = |record: Record| record.with(Qualifier::Fail, Mechanism::All);
        let mut rest = networks.into_iter().peekable();
        while rest.peek().is_some() {
            let label = format!("{}{}", self.label, parts.len() + 1);
            let (name, spec) = match self.domain.prepend(&label) {
                Ok(name) => (name.clone(), name.as_str().parse::<DomainSpec>()),
                Err(_) => return includes.extend(rest),
            };
            let Ok(spec) = spec else { return includes.extend(rest) };
            let mut record = Record::new();
            let mut octets = name.as_str().len() + end(Record::new()).to_string().len();
            // At least one network, whatever the limit.
            while let Some(network) = rest.next_if(|network| {
                octets += network.to_string().len() + 1;
                record.terms().is_empty() || octets <= self.max_bytes
            }) {
                record = record.with(Qualifier::Pass, network);
            }
            parts.push((name, end(record)));
            includes.push(Mechanism::Include(spec));
        }
    }
}

fn assemble(flat: &Flat, lists: &[Vec<Mechanism>], includes: &[Vec<Mechanism>]) -> Record {
    let mut record = Record::new();
    for ((group, networks), includes) in flat.groups.iter().zip(lists).zip(includes) {
        for mechanism in networks.iter().chain(includes).chain(group.kept()) {
            record = record.with(group.qualifier, mechanism.clone());
        }
    }
    if let Some(qualifier) = flat.all {
        record = record.with(qualifier, Mechanism::All);
    }
    flat.modifiers.iter().fold(record, |record, term| record.with_term(term.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal_dns::{LookupError, Zone, drive_blocking};

    fn zone(records: &[(&str, &str)]) -> Zone {
        records.iter().fold(Zone::new(), |dns, (name, text)| dns.with_txt(name, text).unwrap())
    }

    fn flatten(dns: &Zone) -> Result<Flattened, Box<Finding>> {
        drive_blocking(Flatten::new("example.org".parse().unwrap()), dns).map_err(Box::new)
    }

    fn text(records: &[(&str, &str)]) -> String {
        let flattened = flatten(&zone(records)).unwrap();
        assert_eq!(flattened.records().len(), 1);
        flattened.records()[0].1.to_string()
    }

    #[test]
    fn what_takes_something_out_stays() {
        let records = [
            (
                "example.org",
                "v=spf1 ip4:192.0.2.1 ?include:a.example include:b.example include:%{l}.example ~all exp=e.%{d} ra=me",
            ),
            ("a.example", "v=spf1 ip4:192.0.2.2 exists:%{i}.x.example include:c.example -all"),
            ("b.example", "v=spf1 -ip4:192.0.2.3 ip4:192.0.2.0/24 -all"),
            ("c.example", "v=spf1 redirect=d.example"),
            ("d.example", "v=spf1 ip4:192.0.2.3 ~all"),
        ];
        assert_eq!(
            text(&records),
            "v=spf1 ip4:192.0.2.1 ?ip4:192.0.2.2/31 ?exists:%{i}.x.example include:b.example include:%{l}.example ~all \
             exp=e.%{d} ra=me"
        );
    }

    #[test]
    fn redirects() {
        let target = ("r.example", "v=spf1 ip4:192.0.2.2 -ip4:192.0.2.3 ip4:192.0.2.0/24 ~all exp=e.example");
        assert_eq!(
            text(&[("example.org", "v=spf1 ip4:192.0.2.1 redirect=r.example exp=mine.example"), target]),
            "v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 -ip4:192.0.2.3 ip4:192.0.2.0/24 ~all exp=e.example"
        );
        // What stays means the domain of the target, so the redirect stays.
        assert_eq!(
            text(&[
                ("example.org", "v=spf1 redirect=r.example"),
                ("r.example", "v=spf1 exists:%{i}.%{d} -all")
            ]),
            "v=spf1 redirect=r.example"
        );
    }

    #[test]
    fn long_lists_move_to_records_of_their_own() {
        let networks: String = (0..100).map(|n| format!("ip4:198.51.{n}.{} ", 2 * n)).collect();
        let flattened = flatten(&zone(&[("example.org", &format!("v=spf1 {networks}-all"))])).unwrap();
        let sizes: Vec<_> = flattened
            .records()
            .iter()
            .map(|(name, record)| name.as_str().len() + record.to_string().len())
            .collect();
        assert!(sizes.iter().all(|size| *size <= 450), "{sizes:?}");
        assert_eq!(
            flattened.records()[0].1.to_string(),
            "v=spf1 include:_spf1.example.org include:_spf2.example.org include:_spf3.example.org \
             include:_spf4.example.org include:_spf5.example.org -all"
        );
        assert_eq!(flattened.records()[0].1.lookups(), 5);
        let kept: usize = flattened.records()[1..].iter().map(|(_, record)| record.terms().len() - 1).sum();
        assert_eq!(kept, 100);
    }

    #[test]
    fn what_cannot_be_looked_up_is_an_error() {
        let error = |dns: &Zone| flatten(dns).unwrap_err().to_string();
        assert_eq!(error(&Zone::new()), "error: example.org: no SPF record is published");
        let dns = zone(&[("example.org", "v=spf1 a:x.example -all")]);
        let dns = dns.with_error("x.example", LookupError::Timeout).unwrap();
        assert_eq!(
            error(&dns),
            "error: x.example: lookup of x.example A failed (DNS lookup timed out), and every receiver returns temperror \
             while it does"
        );
        let dns = zone(&[("example.org", "v=spf1 include:example.org -all")]);
        assert!(error(&dns).contains("leads back here"));
    }

    #[test]
    fn the_smallest_ttl_is_told() {
        let mut dns = zone(&[("example.org", "v=spf1 a:x.example -all")]);
        dns = dns.with_address("x.example", "192.0.2.1".parse().unwrap()).unwrap();
        assert_eq!(flatten(&dns).unwrap().ttl(), None);
        dns.set_ttl("example.org".parse().unwrap(), Duration::from_secs(300));
        dns.set_ttl("x.example".parse().unwrap(), Duration::from_secs(60));
        assert_eq!(flatten(&dns).unwrap().ttl(), Some(Duration::from_secs(60)));
    }
}
