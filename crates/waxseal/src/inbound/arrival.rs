//! How a stored message arrived: the envelope and the time in its trace fields.

use super::{Envelope, Relays};
use std::{
    net::{IpAddr, Ipv6Addr},
    time::SystemTime,
};
use waxseal_header::{Header, InvalidDateTime, InvalidReceived, Received};

/// The arrival of a stored message according to its trace fields (RFC 5321 §4.4): the client, the reverse-path and the
/// time. For archives and mail stores, whose messages have lost their envelope.
///
/// The topmost Received counts, since the server that stored the message wrote it. Hops inside the receiving site are
/// skipped: those of LMTP, those from a loopback address, and those from [`Relays`]; the hop inside Gmail and that of
/// qmail from its own SMTP server, too. In each case, the field below counts only if it is `by` the host that the field
/// above names: a relayed message may begin with Received fields that a stranger wrote.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use waxseal::{Arrival, Relays, header::Header};
/// let (header, _) = Header::parse(
///     b"Return-Path: <joe@example.org>\r\n\
///       Received: from mx.example.net ([10.0.0.2]) by store.example.net with LMTP; Tue, 14 Nov 2023 22:13:21 +0000\r\n\
///       Received: from mail.example.org (mail.example.org [192.0.2.1]) by mx.example.net with ESMTPS;\r\n \
///       Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\n",
/// )?;
/// let arrival = Arrival::from_header(&header, &Relays::default());
/// let envelope = arrival.envelope()?;
/// assert_eq!((envelope.ip(), envelope.mail_from()), (Some("192.0.2.1".parse()?), &b"joe@example.org"[..]));
/// assert_eq!(arrival.time()?, UNIX_EPOCH + Duration::from_secs(1_700_000_000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Arrival {
    envelope: Result<Envelope, NoEnvelope>,
    time: Result<SystemTime, NoArrivalTime>,
}

/// Why trace fields contain no envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct NoEnvelope(#[from] EnvelopeFault);

/// The cause in [`NoEnvelope`]; Received fields are numbered from the top.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum EnvelopeFault {
    #[error("no Received")]
    NoReceived,
    #[error("{} cannot be read", ordinal(*.0))]
    InvalidReceived(usize, #[source] InvalidReceived),
    /// Such as that of a local program.
    #[error("{} names no client", ordinal(*.0))]
    NoClient(usize),
    #[error("the client authenticated itself (with {0})")]
    Authenticated(String),
    #[error("the client {0} has a private address")]
    PrivateAddress(IpAddr),
    /// The message was written on the host that the hop names.
    #[error("no Received below the hop from {0}")]
    NothingBelow(String),
    /// The field below a hop that was skipped was written by another host than the one that the hop names, so it may be
    /// forged.
    #[error("the Received below the hop from {from} is by {by}")]
    OtherHost { from: String, by: String },
    #[error("no Return-Path or X-Envelope-From")]
    NoReversePath,
}

impl NoEnvelope {
    /// Whether the client authenticated itself (RFC 3848): a user of the server, not a host that a domain lists in SPF.
    pub fn is_authenticated(&self) -> bool {
        matches!(self.0, EnvelopeFault::Authenticated(_))
    }

    /// The address of a client that no domain lists in SPF: a private one that is not one of [`Relays`].
    pub fn private_address(&self) -> Option<IpAddr> {
        match self.0 {
            EnvelopeFault::PrivateAddress(address) => Some(address),
            _ => None,
        }
    }
}

/// Why trace fields contain no time of arrival: there is no Received field, or it or its date cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct NoArrivalTime(#[from] TimeFault);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum TimeFault {
    #[error("no Received")]
    NoReceived,
    #[error("Received cannot be read")]
    InvalidReceived(#[source] InvalidReceived),
    #[error("Received has no readable date")]
    InvalidDate(#[source] InvalidDateTime),
}

impl Arrival {
    /// Reads Received, and the topmost Return-Path or else X-Envelope-From. Hops from `relays` are skipped.
    pub fn from_header(header: &Header, relays: &Relays) -> Self {
        let mut walk = Walk { time: Err(TimeFault::NoReceived.into()), above: None, number: 0 };
        let client = walk.client(header, relays);
        let envelope = client.and_then(|(ip, helo)| {
            let path = reverse_path(header).ok_or(EnvelopeFault::NoReversePath)?;
            Ok(Envelope::new(ip, helo, path))
        });
        Self { envelope, time: walk.time }
    }

    /// The envelope.
    ///
    /// # Errors
    /// [`NoEnvelope`]: why there is none. Use [`Envelope::missing_because`] then.
    pub fn envelope(&self) -> Result<&Envelope, NoEnvelope> {
        self.envelope.as_ref().map_err(Clone::clone)
    }

    /// When the message arrived at the receiving site: the date of the Received field that names the client, or of the
    /// last one that counts.
    ///
    /// # Errors
    /// [`NoArrivalTime`].
    pub fn time(&self) -> Result<SystemTime, NoArrivalTime> {
        self.time.clone()
    }
}

fn reverse_path(header: &Header) -> Option<&[u8]> {
    let topmost =
        |name: &str| header.fields().find(|field| field.is(name)).map(|field| field.value().trim_ascii());
    topmost("Return-Path").or_else(|| topmost("X-Envelope-From"))
}

/// The state while walking down the Received fields.
struct Walk {
    time: Result<SystemTime, NoArrivalTime>,
    above: Option<Hop>,
    /// The number of the current field; 1 is the topmost.
    number: usize,
}

/// A hop that was skipped: one of these hosts must have written the field below. Empty if any will do.
struct Hop {
    hosts: Vec<Box<[u8]>>,
}

impl Walk {
    /// The client and its HELO.
    fn client(&mut self, header: &Header, relays: &Relays) -> Result<(IpAddr, Box<[u8]>), NoEnvelope> {
        for field in header.fields().filter(|field| field.is("Received")) {
            self.number += 1;
            let received = match Received::parse(field.value()) {
                Ok(received) => received,
                Err(source) => return Err(self.unreadable(source)),
            };
            if let Some(hop) = &self.above {
                hop.check(&received)?;
            }
            self.time = received.date().map_err(|source| TimeFault::InvalidDate(source).into());
            match self.hop(&received, relays) {
                Some(hop) => self.above = Some(hop),
                None => return self.outside(&received),
            }
        }
        Err(match &self.above {
            None => EnvelopeFault::NoReceived.into(),
            Some(hop) => EnvelopeFault::NothingBelow(hop.shown()).into(),
        })
    }

    fn unreadable(&mut self, source: InvalidReceived) -> NoEnvelope {
        if self.above.is_none() {
            self.time = Err(TimeFault::InvalidReceived(source.clone()).into());
        }
        EnvelopeFault::InvalidReceived(self.number, source).into()
    }

    /// The hop, if it is inside the receiving site.
    fn hop(&self, received: &Received<'_>, relays: &Relays) -> Option<Hop> {
        let address = received.address();
        let inside = address.is_some_and(|address| address.is_loopback() || relays.contains(address));
        let is_internal = received.is_lmtp() || inside && !received.is_authenticated();
        if received.has_from() && is_internal {
            return Some(Hop { hosts: received.names().iter().map(|name| (*name).into()).collect() });
        }
        if self.number > 1 || received.has_from() {
            return None;
        }
        if received.by().is_some_and(is_of_gmail) {
            return Some(Hop { hosts: vec![(*b"mx.google.com").into()] });
        }
        is_of_qmail(received).then(|| Hop { hosts: Vec::new() })
    }

    /// The client of a hop from outside.
    fn outside(&self, received: &Received<'_>) -> Result<(IpAddr, Box<[u8]>), NoEnvelope> {
        if received.is_authenticated() {
            return Err(EnvelopeFault::Authenticated(shown(received.with().unwrap_or_default())).into());
        }
        match received.address() {
            Some(address) if Relays::PRIVATE.iter().any(|network| network.contains(address)) => {
                Err(EnvelopeFault::PrivateAddress(address).into())
            }
            Some(address) => Ok((address, received.helo().unwrap_or_default().into())),
            None => Err(EnvelopeFault::NoClient(self.number).into()),
        }
    }
}

impl Hop {
    /// Whether a field below was written by the host that the hop names.
    fn check(&self, below: &Received<'_>) -> Result<(), NoEnvelope> {
        let by = below.by().unwrap_or_default();
        if self.hosts.is_empty() || self.hosts.iter().any(|host| is_same_host(host, by)) {
            return Ok(());
        }
        Err(EnvelopeFault::OtherHost { from: self.shown(), by: shown(by) }.into())
    }

    fn shown(&self) -> String {
        match self.hosts.first() {
            Some(host) => shown(host),
            None => "an unnamed host".into(),
        }
    }
}

fn is_same_host(a: &[u8], b: &[u8]) -> bool {
    let name = |host| <[u8]>::strip_suffix(host, b".").unwrap_or(host);
    name(a).eq_ignore_ascii_case(name(b))
}

/// Above the field of its mx.google.com, Gmail writes `by 2002:a05:…:: with SMTP id …`: a host in 10.0.0.0/8, as a 6to4
/// address.
fn is_of_gmail(by: &[u8]) -> bool {
    let address = std::str::from_utf8(by).ok().and_then(|by| by.parse::<Ipv6Addr>().ok());
    address.is_some_and(|address| address.octets().starts_with(&[0x20, 0x02, 10]))
}

/// `(qmail 12 invoked from network)`: qmail-queue was called by qmail-smtpd, which wrote the field below. For a local
/// program it has "by uid".
fn is_of_qmail(received: &Received<'_>) -> bool {
    let remark = received.remark().and_then(|remark| remark.strip_prefix(b"qmail "));
    let number = remark.and_then(|remark| remark.strip_suffix(b" invoked from network"));
    received.by().is_none() && number.is_some_and(|number| number.iter().all(u8::is_ascii_digit))
}

/// Untrusted text, shortened, in ASCII.
fn shown(text: &[u8]) -> String {
    match text.get(..64) {
        Some(start) => format!("{}...", start.escape_ascii()),
        None if text.is_empty() => "nobody".into(),
        None => text.escape_ascii().to_string(),
    }
}

fn ordinal(number: usize) -> String {
    match number {
        1 => "the topmost Received".into(),
        _ => format!("Received number {number} from the top"),
    }
}
