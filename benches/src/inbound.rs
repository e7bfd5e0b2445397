//! The whole inbound check: one RSA signature, SPF with five lookups and DMARC, every answer in memory.

use crate::{
    Error,
    jobs::{Job, Work},
    lab::{Lab, Signed, Which, now},
};
use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};
use waxseal::{Authenticator, Envelope, Method, Report};
use waxseal_authres::DmarcResult;
use waxseal_crypto::Provider;
use waxseal_dns::Zone;

/// The client; SPF passes at the last term.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 77);
/// HELO.
pub const HELO: &str = "out.mail.example.org";
/// MAIL FROM, of the domain of From.
pub const MAIL_FROM: &str = "anna.lind@mail.example.org";
/// The domain of both, where SPF and DMARC records stand.
pub const DOMAIN: &str = "mail.example.org";
/// Its SPF record: five lookups.
pub const SPF: &str = "v=spf1 a mx include:_spf1.example.net include:_spf2.example.net a:mail.example.net ip4:203.0.113.0/24 -all";
/// Its DMARC record.
pub const DMARC: &str = "v=DMARC1; p=reject; rua=mailto:dmarc@mail.example.org";
/// What the includes publish.
pub const INCLUDED: &str = "v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.0/24 ~all";

/// A message, and what is published about it.
#[derive(Debug)]
pub struct Inbound {
    /// The message.
    pub signed: Signed,
    /// All records: one zone for all messages, as a receiver has one cache.
    pub zone: Arc<Zone>,
}

/// All records of the domain.
///
/// # Errors
/// When a name is none.
pub fn published(lab: &Lab) -> Result<Arc<Zone>, Error> {
    let other = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let zone = lab
        .zone
        .clone()
        .with_txt(DOMAIN, SPF)?
        .with_txt("_spf1.example.net", INCLUDED)?
        .with_txt("_spf2.example.net", INCLUDED)?
        .with_address(DOMAIN, other)?
        .with_address("mx.mail.example.org", other)?
        .with_address("mail.example.net", other)?
        .with_mx(DOMAIN, 10, "mx.mail.example.org")?
        .with_txt("_dmarc.mail.example.org", DMARC)?;
    Ok(Arc::new(zone))
}

impl Inbound {
    /// Signs the message.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn new(lab: &Lab, zone: &Arc<Zone>, message: &[u8]) -> Result<Self, Error> {
        Ok(Self { signed: lab.signed(Which::Rsa, message)?, zone: Arc::clone(zone) })
    }

    /// The check by a resolver that blocks, as the command does it.
    pub fn check_blocking(&self, authenticator: &Authenticator, envelope: &Envelope) -> Option<Report> {
        Some(authenticator.check_blocking(envelope, &self.signed.message, now(), &*self.zone))
    }

    /// The check as most receivers want it, by this authenticator.
    pub fn check(&self, authenticator: &Authenticator, envelope: &Envelope) -> Option<Report> {
        let check = pin!(authenticator.check(envelope, &self.signed.message, now(), &*self.zone));
        match check.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(report) => Some(report),
            Poll::Pending => None,
        }
    }
}

/// The envelope of every check.
pub fn envelope() -> Envelope {
    Envelope::new(CLIENT.into(), HELO, MAIL_FROM)
}

/// An authenticator that does what is compared; `all` adds HELO and `iprev`.
pub fn authenticator(provider: &'static dyn Provider, all: bool) -> Authenticator {
    let authenticator = Authenticator::with_provider("mx.example.net", provider);
    match all {
        true => authenticator,
        false => authenticator.with_methods([Method::Spf, Method::Dkim, Method::Dmarc]),
    }
}

/// [`Inbound::check`] or [`Inbound::check_blocking`].
pub type Way = fn(&Inbound, &Authenticator, &Envelope) -> Option<Report>;

/// The job, whose floor is SHA-256 of the canonical body and one operation with the public key.
pub(crate) fn check<'c>(
    lab: &Lab,
    inbound: &'c Inbound,
    name: &'static str,
    (all, way): (bool, Way),
) -> Result<Job<'c>, Error> {
    let ours = |provider| -> Work<'c> {
        let (authenticator, envelope) = (authenticator(provider, all), envelope());
        Box::new(move || {
            let report = way(inbound, &authenticator, &envelope);
            report.is_some_and(|report| {
                let field = report.authentication_results().to_field();
                let aligned = report.dmarc().dkim_aligned() && report.dmarc().spf_aligned();
                report.dmarc().result() == DmarcResult::Pass && aligned && field.len() > 200
            })
        })
    };
    Job::verifying(lab, name, &inbound.signed, ours)
}
