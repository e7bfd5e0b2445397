//! Whether DNS shows a record: every authoritative server, or every server that was given.

use super::wire::{name_servers, zone_of};
use crate::{
    dns_args::{Dns, DnsArgs},
    exit::{Failure, chain},
    terminal,
};
use hickory_proto::rr::Name;
use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
    thread,
    time::{Duration, Instant},
};
use waxseal::{
    crypto::PublicKey,
    dkim::KeyRecord,
    dns::{DomainName, LookupError, Question, Record, ResolveBlocking},
};
use waxseal_resolver::Stub;

/// The time between two attempts.
const PAUSE: Duration = Duration::from_secs(2);
/// The most servers that are asked.
const MAX_SERVERS: usize = 16;

/// What DNS has to show.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'w> {
    Key(&'w PublicKey),
    /// No key, be it by an empty `p=` or by no record.
    NoKey,
}

/// What was seen.
#[derive(Debug)]
pub(super) struct Seen {
    /// What the servers that do not show it show instead.
    pub(super) missing: Vec<String>,
    servers: usize,
}

impl Seen {
    pub(super) fn everywhere(&self) -> bool {
        self.missing.is_empty()
    }

    pub(super) fn nowhere(&self) -> bool {
        self.missing.len() == self.servers
    }
}

/// Asks again until all servers show it, or `wait` is over.
pub(super) fn wait_for(
    dns: &DnsArgs,
    name: &DomainName,
    wanted: Wanted<'_>,
    wait: Duration,
) -> Result<Seen, Failure> {
    let start = Instant::now();
    loop {
        let seen = look(dns, name, wanted)?;
        let left = wait.saturating_sub(start.elapsed());
        if seen.everywhere() || left.is_zero() {
            return Ok(seen);
        }
        thread::sleep(PAUSE.min(left));
    }
}

/// Without a cache: each attempt asks again.
pub(super) fn look(dns: &DnsArgs, name: &DomainName, wanted: Wanted<'_>) -> Result<Seen, Failure> {
    let servers = match dns.is_given() {
        true => {
            dns.each().map(|(server, dns)| Ok((server, dns.open()?))).collect::<Result<Vec<_>, Failure>>()?
        }
        false => authoritative(dns, name)?,
    };
    let ask = |(server, resolver): &(String, Dns)| {
        let reply = resolver
            .resolve_all_blocking(&[Question::txt(name.clone())], Some(Instant::now() + dns.timeout()));
        let shown = shown(reply.into_iter().next(), wanted);
        shown.map(|shown| format!("{server}: {shown}"))
    };
    Ok(Seen { missing: servers.iter().filter_map(ask).collect(), servers: servers.len() })
}

/// `None` when it is what is wanted.
fn shown(reply: Option<waxseal::dns::Reply>, wanted: Wanted<'_>) -> Option<String> {
    let answer = match reply.unwrap_or(Err(LookupError::Timeout)) {
        Ok(answer) => answer,
        Err(error) => return Some(chain(&error)),
    };
    let texts: Vec<_> = answer
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Txt(text) => Some(KeyRecord::parse(text)),
            _ => None,
        })
        .collect();
    match (wanted, texts.as_slice()) {
        (Wanted::Key(key), [Ok(record)]) if record.public_key() == Some(key) => None,
        (Wanted::NoKey, texts) if texts.iter().flatten().all(|record| record.public_key().is_none()) => None,
        (_, []) => Some("no record yet".into()),
        (Wanted::Key(_), [Ok(record)]) if record.is_revoked() => {
            Some("a record that says that the key is revoked".into())
        }
        (Wanted::Key(_), [Ok(_)]) => Some("another key".into()),
        (Wanted::Key(_), [Err(error)]) => Some(format!("a record that cannot be read: {error}")),
        (Wanted::Key(_), several) => Some(format!("{} TXT records: leave one", several.len())),
        (Wanted::NoKey, _) => Some("the key".into()),
    }
}

/// The servers of the zone. Where they cannot be found, those of the system are asked.
fn authoritative(dns: &DnsArgs, name: &DomainName) -> Result<Vec<(String, Dns)>, Failure> {
    let system = dns.open()?;
    let found = Stub::system().ok().and_then(|stub| {
        let resolver = *stub.servers().first()?;
        let zone = zone_of(resolver, &Name::from_str(name.as_str()).ok()?).ok().flatten()?;
        Some(addresses(&system, &name_servers(resolver, &zone).ok()?))
    });
    let servers = found.unwrap_or_default();
    if servers.is_empty() {
        terminal::note(format_args!(
            "the name servers of {name} were not found: the resolver of this machine is used instead"
        ));
        return Ok(vec![("the resolver of this machine".into(), system)]);
    }
    let open = |(name, address): (String, IpAddr)| {
        let server = format!("{name} ({address})");
        Ok((server, DnsArgs::new(Vec::new(), vec![SocketAddr::new(address, 53)]).open()?))
    };
    servers.into_iter().take(MAX_SERVERS).map(open).collect()
}

/// One address of each server: IPv4, where there is one.
fn addresses(dns: &Dns, names: &[String]) -> Vec<(String, IpAddr)> {
    let find = |name: &String| {
        let domain: DomainName = name.parse().ok()?;
        let questions = [Question::a(domain.clone()), Question::aaaa(domain)];
        let address =
            dns.resolve_all_blocking(&questions, None).into_iter().flatten().find_map(|answer| {
                answer.records.iter().find_map(|record| match record {
                    Record::A(address) => Some(IpAddr::V4(*address)),
                    Record::Aaaa(address) => Some(IpAddr::V6(*address)),
                    _ => None,
                })
            })?;
        Some((name.clone(), address))
    };
    names.iter().filter_map(find).collect()
}
