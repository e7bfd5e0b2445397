//! The checks of one message, joined into one.

use super::{
    Authenticator, Envelope, IprevCheck, IprevVerdict, Report, authenticator::Settings, evidence::KeptHash,
    lookups::known, report::Findings,
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use waxseal_dkim::{DkimCheck, Verdicts};
use waxseal_dmarc::{DmarcCheck, Identifiers};
use waxseal_dns::{Answers, Check, Pending, Question, Reply};
use waxseal_header::{Header, HeaderError};
use waxseal_spf::{Identity, SpfCheck};

/// The check that is left when the message has ended: it asks for all that is not known yet, then judges. Its output is the
/// [`Report`]. See [`Session::finish`](super::Session::finish) and [`Authenticator::inbound`].
///
/// [`drive`](waxseal_dns::drive()) and [`drive_blocking`](waxseal_dns::drive_blocking) wait no longer than
/// [`Authenticator::with_timeout`] says, what [`Lookups`](super::Lookups) waited included.
#[derive(Debug)]
pub struct InboundCheck {
    pub(super) case: Arc<Case>,
    pub(super) ahead: Vec<(Question, Reply)>,
    /// How long was waited for these.
    pub(super) waited: Duration,
    pub(super) envelope: EnvelopeChecks,
    pub(super) dkim: Progress<DkimCheck>,
    pub(super) arc: Option<Progress<waxseal_arc::ArcCheck>>,
    pub(super) author: Identifiers,
    pub(super) dmarc: Option<Progress<DmarcCheck>>,
    pub(super) report: Option<Report>,
}

/// What is checked.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) authenticator: Authenticator,
    pub(super) envelope: Envelope,
    pub(super) now: SystemTime,
    pub(super) header: Result<Header, HeaderError>,
    pub(super) hashes: Vec<KeptHash>,
    /// The body hash for [`Report::seal`].
    pub(super) sealer_hash: Option<waxseal_dkim::BodyHash>,
    /// Where the first bare CR or LF of the body stands, if there is a sealer, who may not seal such a body.
    pub(super) bare_line_end: Option<u64>,
}

/// A check that is run until it has its verdict, and not again.
#[derive(Debug, Clone)]
pub(super) enum Progress<C: Check> {
    Running(C),
    Done(Arc<C::Output>),
}

impl<C: Check> Progress<C> {
    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Arc<C::Output>, Pending> {
        let output = match self {
            Self::Running(check) => Arc::new(check.run(dns)?),
            Self::Done(output) => return Ok(output.clone()),
        };
        *self = Self::Done(output.clone());
        Ok(output)
    }
}

/// What needs the envelope alone.
#[derive(Debug, Clone)]
pub(super) struct EnvelopeChecks {
    spf: Progress<SpfCheck>,
    helo: Option<Progress<SpfCheck>>,
    iprev: Option<Progress<IprevCheck>>,
}

impl EnvelopeChecks {
    pub(super) fn new(settings: &Settings, envelope: &Envelope, now: SystemTime) -> Self {
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let spf = |identity| {
            let check = match identity {
                Identity::MailFrom => SpfCheck::mail_from(envelope.ip(), envelope.path(), envelope.helo()),
                Identity::Helo => SpfCheck::helo(envelope.ip(), envelope.helo()),
            };
            let check = check.with_limits(settings.spf_limits).with_now(seconds);
            let check = check.with_receiver(settings.authserv_id.clone());
            let check = if settings.spf_trace { check.with_trace() } else { check };
            Progress::Running(if settings.spf_prefetch { check.with_prefetch() } else { check })
        };
        // RFC 7208 §2.4: with a null reverse-path the MAIL FROM identity is made from HELO, and one check says it all.
        let helo = settings.helo && !envelope.is_null_sender();
        Self {
            spf: spf(Identity::MailFrom),
            helo: helo.then(|| spf(Identity::Helo)),
            iprev: (settings.iprev && envelope.is_known())
                .then(|| Progress::Running(IprevCheck::new(envelope.ip()))),
        }
    }

    /// Runs them all before any of them gives up for want of an answer.
    pub(super) fn run(&mut self, dns: &mut Answers<'_>) -> Result<EnvelopeVerdicts, Pending> {
        let spf = self.spf.run(dns);
        let helo = self.helo.as_mut().map(|helo| helo.run(dns));
        let iprev = self.iprev.as_mut().map(|iprev| iprev.run(dns));
        Ok(EnvelopeVerdicts { spf: spf?, helo: helo.transpose()?, iprev: iprev.transpose()? })
    }
}

/// What came of [`EnvelopeChecks`].
#[derive(Debug)]
pub(super) struct EnvelopeVerdicts {
    pub(super) spf: Arc<waxseal_spf::Verdict>,
    pub(super) helo: Option<Arc<waxseal_spf::Verdict>>,
    pub(super) iprev: Option<Arc<IprevVerdict>>,
}

/// What came of all methods but DMARC.
struct MethodVerdicts {
    envelope: EnvelopeVerdicts,
    dkim: Arc<Verdicts>,
    arc: Option<Arc<waxseal_arc::Chain>>,
}

impl InboundCheck {
    /// A message whose header cannot be taken.
    pub(super) fn refused(
        authenticator: Authenticator,
        envelope: Envelope,
        now: SystemTime,
        checks: EnvelopeChecks,
        error: HeaderError,
    ) -> Self {
        Self {
            ahead: Vec::new(),
            waited: Duration::ZERO,
            envelope: checks,
            dkim: Progress::Done(Arc::new(Verdicts::from(error.clone()))),
            arc: authenticator.settings.arc.as_ref().map(|_| Progress::Done(Arc::new(error.clone().into()))),
            author: Identifiers::from(error.clone()),
            dmarc: None,
            report: None,
            case: Arc::new(Case {
                authenticator,
                envelope,
                now,
                header: Err(error),
                hashes: Vec::new(),
                sealer_hash: None,
                bare_line_end: None,
            }),
        }
    }

    /// Begins with what [`Lookups`](super::Lookups) found, or with other answers: a list of questions and replies will do.
    /// What [was waited](Answers::waited) for them is taken off the time limit of the check; of several lookups, which may
    /// have gone side by side, the longest counts.
    #[must_use]
    pub fn with_answers(mut self, answers: impl Into<Answers<'static>>) -> Self {
        let answers = answers.into();
        self.ahead.extend(known(&answers));
        self.waited = self.waited.max(answers.waited());
        self
    }

    /// Everything but DMARC, which builds on it. All run before any of them gives up for want of an answer.
    fn run_methods(&mut self, dns: &mut Answers<'_>) -> Result<MethodVerdicts, Pending> {
        let envelope = self.envelope.run(dns);
        let dkim = self.dkim.run(dns);
        let arc = self.arc.as_mut().map(|arc| arc.run(dns));
        Ok(MethodVerdicts { envelope: envelope?, dkim: dkim?, arc: arc.transpose()? })
    }

    fn evaluation(&self, input: Identifiers) -> DmarcCheck {
        self.case.authenticator.settings.evaluation(input)
    }

    /// What DKIM and SPF found, handed to DMARC one by one.
    fn dmarc_input(&self, found: &MethodVerdicts) -> Identifiers {
        let authenticated =
            found.dkim.iter().filter_map(|verdict| Some((verdict.domain()?, verdict.result())));
        let input = authenticated
            .fold(self.author.clone(), |input, (domain, word)| input.with_dkim(domain.clone(), word));
        // RFC 9989 §4.4.2: "DMARC relies solely on SPF validation of the MAIL FROM identity"; the verdict on HELO is not
        // looked at, whatever it is (CVE-2019-20790).
        let spf = &found.envelope.spf;
        match spf.domain() {
            Some(domain) if spf.is_null_sender() => {
                input.with_spf_of_null_sender(domain.clone(), spf.result())
            }
            Some(domain) => input.with_spf(domain.clone(), spf.result()),
            None => input,
        }
    }

    fn report(&self, found: MethodVerdicts, dmarc: Arc<waxseal_dmarc::Verdict>, dns: &Answers<'_>) -> Report {
        Report::new(Findings {
            case: self.case.clone(),
            spf: found.envelope.spf,
            helo: found.envelope.helo,
            iprev: found.envelope.iprev,
            dkim: found.dkim,
            arc: found.arc,
            dmarc,
            answers: known(dns),
        })
    }
}

impl Check for InboundCheck {
    type Output = Report;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Report, Pending> {
        if let Some(report) = &self.report {
            return Ok(report.clone());
        }
        dns.extend(std::mem::take(&mut self.ahead));
        let found = match self.run_methods(dns) {
            Ok(found) => found,
            Err(pending) => {
                // What DMARC asks of the Author Domain depends on no other verdict, so it is asked along.
                _ = self.evaluation(self.author.clone()).run(dns);
                return Err(pending);
            }
        };
        let mut dmarc = match self.dmarc.take() {
            Some(dmarc) => dmarc,
            None => Progress::Running(self.evaluation(self.dmarc_input(&found))),
        };
        let verdict = dmarc.run(dns);
        self.dmarc = Some(dmarc);
        let report = self.report(found, verdict?, dns);
        self.report = Some(report.clone());
        Ok(report)
    }

    fn time_limit(&self) -> Option<Duration> {
        Some(self.case.authenticator.settings.timeout.saturating_sub(self.waited))
    }
}
