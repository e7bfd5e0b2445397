//! Records for SPF, from one line to the worst that RFC 7208 allows.

use crate::Error;
use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr},
    pin::pin,
    sync::LazyLock,
    task::{Context, Poll, Waker},
    time::SystemTime,
};
use waxseal_dns::{Zone, drive, drive_blocking};
use waxseal_spf::{RecordCache, SpfCheck, Verdict};

/// The client of every scenario; it passes, at the last `ip4` there is.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 77);
/// The sender of every scenario.
pub const SENDER: &str = "user@example.org";
/// The HELO of every scenario.
pub const HELO: &str = "mail.example.org";

/// What is published.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What it shows.
    pub name: &'static str,
    /// Names and records.
    pub txt: Vec<(String, String)>,
    /// Names and addresses.
    pub a: Vec<(&'static str, Ipv4Addr)>,
    /// Names and their mail exchanger.
    pub mx: Vec<(&'static str, &'static str)>,
    /// Whether every lookup takes a round, as over a network with nothing cached.
    pub cold: bool,
}

impl Scenario {
    /// The scenario as a resolver.
    ///
    /// # Errors
    /// A name that is none.
    pub fn zone(&self) -> Result<Zone, Error> {
        let mut zone = Zone::new();
        for (name, text) in &self.txt {
            zone = zone.with_txt(name, text)?;
        }
        for (name, address) in &self.a {
            zone = zone.with_address(name, IpAddr::V4(*address))?;
        }
        for (name, host) in &self.mx {
            zone = zone.with_mx(name, 10, host)?;
        }
        Ok(if self.cold { zone.cold() } else { zone })
    }
}

/// What a server remembers between checks.
static RECORDS: LazyLock<RecordCache> = LazyLock::new(RecordCache::default);

fn new_check() -> SpfCheck {
    SpfCheck::mail_from(CLIENT.into(), SENDER, HELO, SystemTime::UNIX_EPOCH).with_record_cache(&RECORDS)
}

/// [`check`] by the driver that blocks.
pub fn check_blocking(zone: &Zone) -> Verdict {
    drive_blocking(new_check(), zone)
}

/// One check from its making to its verdict, with records that were parsed before; `None` if the resolver is one that waits.
pub fn check(zone: &Zone) -> Option<Verdict> {
    let mut driven = pin!(drive(new_check(), zone));
    match driven.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(verdict) => Some(verdict),
        Poll::Pending => None,
    }
}

/// All scenarios.
pub fn scenarios() -> Vec<Scenario> {
    let scenario = |name, txt| Scenario { name, txt, a: Vec::new(), mx: Vec::new(), cold: false };
    let owner = |text: String| ("example.org".to_owned(), text);
    let other = "v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.0/24 ~all";
    let last = "v=spf1 ip4:192.0.2.0/24 ip4:203.0.113.0/24 ~all";
    let part = |n: usize, text: &str| (format!("_spf{n}.example.net"), text.to_owned());
    let includes =
        |count: usize| (1..=count).map(|n| format!("include:_spf{n}.example.net ")).collect::<String>();
    let hosts = ["example.org", "mx.example.org", "mail.example.net"];
    let mixed = "v=spf1 a mx include:_spf1.example.net include:_spf2.example.net a:mail.example.net ip4:203.0.113.0/24 -all";
    let worst: Vec<_> = std::iter::once(owner(format!("v=spf1 {}-all", includes(10))))
        .chain((1..=10).map(|n| part(n, &long(n, false))))
        .collect();
    let nested: Vec<_> = std::iter::once(owner(format!("v=spf1 {}-all", includes(1))))
        .chain((1..=10).map(|n| part(n, &long(n, true))))
        .collect();
    vec![
        scenario("one record", vec![owner(last.replace('~', "-"))]),
        Scenario {
            a: hosts.map(|host| (host, Ipv4Addr::new(192, 0, 2, 1))).to_vec(),
            mx: vec![("example.org", "mx.example.org")],
            ..scenario(
                "five lookups: a mx include include a",
                vec![owner(mixed.to_owned()), part(1, other), part(2, other)],
            )
        },
        scenario(
            "five includes",
            std::iter::once(owner(format!("v=spf1 {}-all", includes(5))))
                .chain((1..=5).map(|n| part(n, if n < 5 { other } else { last })))
                .collect(),
        ),
        scenario("ten includes of 450 octets", worst),
        scenario("ten nested includes of 450 octets", nested.clone()),
        Scenario { cold: true, ..scenario("the same, nothing cached", nested) },
    ]
}

/// A record of about 450 octets; the tenth holds the client, the others include the next one if they are `nested`.
fn long(n: usize, nested: bool) -> String {
    let end = match n {
        10 => " ip4:203.0.113.77 ~all".to_owned(),
        _ if nested => format!(" include:_spf{}.example.net ~all", n + 1),
        _ => " ~all".to_owned(),
    };
    let mut text = "v=spf1".to_owned();
    for network in 100.. {
        if text.len() + end.len() > 430 {
            break;
        }
        text += &format!(" ip4:198.{}.{network}.0/24", 18 + n);
    }
    text + &end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_passes_at_the_last_network() {
        for scenario in scenarios() {
            let verdict = check(&scenario.zone().unwrap()).unwrap();
            assert_eq!(verdict.result().as_str(), "pass", "{}", scenario.name);
            let place = verdict.cause().and_then(|cause| cause.place()).unwrap().innermost();
            assert!(place.term().starts_with("ip4:203.0.113."), "{}: {place}", scenario.name);
            assert!(scenario.txt.iter().all(|(_, text)| text.len() <= 450), "{}", scenario.name);
        }
    }
}
