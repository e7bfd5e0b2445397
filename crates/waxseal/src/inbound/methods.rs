//! The methods of a message, and their lookups.

use super::{Envelope, IprevCheck, IprevVerdict, settings::Settings};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::SystemTime,
};
use waxseal_arc::{ArcCheck, Chain};
use waxseal_dkim::{DkimCheck, Verdicts};
use waxseal_dmarc::{DmarcCheck, Identifiers};
use waxseal_dns::{Answers, Check, Pending, Question};
use waxseal_spf::{Identity, SpfCheck};

/// A method of authentication, for [`Authenticator::with_methods`](super::Authenticator::with_methods).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// SPF of MAIL FROM.
    Spf,
    /// SPF of HELO (recommended by RFC 7208 §2.3), a separate identity: its result never replaces that of MAIL FROM,
    /// and DMARC ignores it (RFC 9989 §4.4.2). For a null reverse-path, the MAIL FROM identity is already made from
    /// HELO, and nothing is checked twice.
    Helo,
    /// DKIM.
    Dkim,
    /// ARC. By itself the result only informs; see
    /// [`Authenticator::with_trusted_sealers`](super::Authenticator::with_trusted_sealers).
    Arc,
    /// DMARC, by the results of SPF and DKIM.
    Dmarc,
    /// Whether the client's address has a name that leads back to it. For information only: no other verdict depends on
    /// it.
    Iprev,
}

/// A check that is run only until it has its verdict.
#[derive(Debug, Clone)]
pub(super) enum Memo<C: Check> {
    Running(C),
    Done(Arc<C::Output>),
}

impl<C: Check> Memo<C> {
    pub(super) fn done(output: C::Output) -> Self {
        Self::Done(Arc::new(output))
    }

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Arc<C::Output>, Pending> {
        let output = match self {
            Self::Running(check) => Arc::new(check.run(dns)?),
            Self::Done(output) => return Ok(output.clone()),
        };
        *self = Self::Done(output.clone());
        Ok(output)
    }
}

/// All methods except DMARC, which uses their results. `S` is the stage of signatures: until the body has ended, their
/// [`Keys`] can be looked up; then [`Signatures`] are verified.
#[derive(Debug)]
pub(super) struct Methods<S> {
    pub(super) envelope: EnvelopeMethods,
    pub(super) signatures: S,
    /// DMARC of the author alone, once its lookups were made ahead.
    ahead: Option<DmarcCheck>,
}

impl<S: Check> Methods<S> {
    pub(super) fn new(envelope: EnvelopeMethods, signatures: S) -> Self {
        Self { envelope, signatures, ahead: None }
    }

    /// Runs all of them before a missing answer ends the run. There is no `author` until the header is complete.
    pub(super) fn run(
        &mut self,
        settings: &Settings,
        author: Option<&Identifiers>,
        dns: &mut Answers<'_>,
    ) -> Result<(EnvelopeVerdicts, S::Output), Pending> {
        let envelope = self.envelope.run(dns);
        let signatures = self.signatures.run(dns);
        match (envelope, signatures) {
            (Ok(envelope), Ok(signatures)) => Ok((envelope, signatures)),
            (Err(pending), _) | (_, Err(pending)) => {
                // The lookups of DMARC for the Author Domain do not depend on other verdicts, so they are made at the
                // same time.
                _ = self.ask_ahead(settings, author, dns);
                Err(pending)
            }
        }
    }

    /// The lookups of DMARC for the Author Domain, before anything is authenticated.
    pub(super) fn ask_ahead(
        &mut self,
        settings: &Settings,
        author: Option<&Identifiers>,
        dns: &mut Answers<'_>,
    ) -> Result<(), Pending> {
        let Some(author) = author.filter(|_| settings.checks(Method::Dmarc)) else { return Ok(()) };
        let check = self.ahead.get_or_insert_with(|| settings.dmarc_check(author.clone()));
        check.run(dns).map(drop)
    }
}

/// The methods that need only the envelope.
#[derive(Debug, Clone)]
pub(super) struct EnvelopeMethods {
    pub(super) spf: Memo<SpfCheck>,
    /// Otherwise `spf` is none, for no identity.
    pub(super) spf_checked: bool,
    pub(super) helo: Option<Memo<SpfCheck>>,
    pub(super) iprev: Option<Memo<IprevCheck>>,
}

impl EnvelopeMethods {
    pub(super) fn new(settings: &Settings, envelope: &Envelope, now: SystemTime) -> Self {
        let client = envelope.ip();
        let spf = |ip, identity| {
            let check = match identity {
                Identity::MailFrom => SpfCheck::mail_from(ip, envelope.path(), envelope.helo(), now),
                Identity::Helo => SpfCheck::helo(ip, envelope.helo(), now),
            };
            let check = check.with_limits(settings.spf_limits).with_receiver(settings.authserv_id.clone());
            let check = check.with_record_cache(&settings.spf_records);
            Memo::Running(check.with_trace(settings.spf_trace).with_prefetch(settings.spf_prefetch))
        };
        // RFC 7208 §2.4: with a null reverse-path the MAIL FROM identity is made from HELO, so one check is enough.
        let helo = settings.checks(Method::Helo) && !envelope.is_null_sender();
        let client_of = |checked: bool| client.filter(|_| checked);
        let spf_client = client_of(settings.checks(Method::Spf));
        Self {
            spf: match spf_client {
                Some(ip) => spf(ip, Identity::MailFrom),
                None => Memo::Running(SpfCheck::mail_from(IpAddr::V4(Ipv4Addr::UNSPECIFIED), "", "", now)),
            },
            spf_checked: spf_client.is_some(),
            helo: client_of(helo).map(|ip| spf(ip, Identity::Helo)),
            iprev: client_of(settings.checks(Method::Iprev)).map(|ip| Memo::Running(IprevCheck::new(ip))),
        }
    }

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<EnvelopeVerdicts, Pending> {
        let spf = self.spf.run(dns);
        let helo = self.helo.as_mut().map(|helo| helo.run(dns));
        let iprev = self.iprev.as_mut().map(|iprev| iprev.run(dns));
        Ok(EnvelopeVerdicts {
            spf: spf?,
            spf_checked: self.spf_checked,
            helo: helo.transpose()?,
            iprev: iprev.transpose()?,
        })
    }
}

/// The verdicts that need only the envelope.
#[derive(Debug)]
pub(super) struct EnvelopeVerdicts {
    pub(super) spf: Arc<waxseal_spf::Verdict>,
    pub(super) spf_checked: bool,
    pub(super) helo: Option<Arc<waxseal_spf::Verdict>>,
    pub(super) iprev: Option<Arc<IprevVerdict>>,
}

/// The keys of DKIM and ARC.
#[derive(Debug)]
pub(super) struct Keys(pub(super) Vec<Question>);

impl Check for Keys {
    type Output = ();

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<(), Pending> {
        dns.ask_all(self.0.iter().cloned()).map(drop)
    }
}

/// DKIM and ARC.
#[derive(Debug)]
pub(super) struct Signatures {
    pub(super) dkim: Memo<DkimCheck>,
    pub(super) arc: Option<Memo<ArcCheck>>,
}

impl Check for Signatures {
    type Output = (Arc<Verdicts>, Option<Arc<Chain>>);

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Self::Output, Pending> {
        let dkim = self.dkim.run(dns);
        let arc = self.arc.as_mut().map(|arc| arc.run(dns));
        Ok((dkim?, arc.transpose()?))
    }
}
