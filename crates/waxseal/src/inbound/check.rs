//! The checks of one message, joined into one.

use super::{
    Authenticator, Envelope, Iprev, Report, authenticator::Settings, evidence::KeptHash, lookups::known,
    report::Findings,
};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use waxseal_dkim::{Verdicts, VerifyCheck};
use waxseal_dmarc::{Evaluation, Input};
use waxseal_dns::{Answers, Check, Pending, Question, Reply};
use waxseal_header::{Header, HeaderError};
use waxseal_spf::{CheckHost, Identity};

/// The check that is left when the message has ended: it asks for all that is not known yet, then judges. Its output is the
/// [`Report`]. See [`Session::finish`](super::Session::finish) and [`Authenticator::inbound`].
#[derive(Debug)]
pub struct InboundCheck {
    pub(super) case: Arc<Case>,
    pub(super) ahead: Vec<(Question, Reply)>,
    pub(super) envelope: EnvelopeChecks,
    pub(super) dkim: Progress<VerifyCheck>,
    #[cfg(feature = "arc")]
    pub(super) arc: Option<Progress<waxseal_arc::ChainCheck>>,
    pub(super) author: Input,
    pub(super) dmarc: Option<Progress<Evaluation>>,
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
    #[cfg(feature = "arc")]
    pub(super) sealer_hash: Option<waxseal_dkim::BodyHash>,
    /// Where the first bare CR or LF of the body stands, if there is a sealer, who may not seal such a body.
    pub(super) bare_line_end: Option<u64>,
}

/// A check that is run until it has its verdict, and not again.
#[derive(Debug, Clone)]
pub(super) enum Progress<C: Check> {
    Running(C),
    Done(C::Output),
    /// The verdict is in the report.
    Taken,
}

impl<C: Check> Progress<C> {
    fn run(&mut self, dns: &mut Answers<'_>) -> Result<(), Pending> {
        if let Self::Running(check) = self {
            *self = Self::Done(check.run(dns)?);
        }
        Ok(())
    }

    fn output(&self) -> Result<&C::Output, Pending> {
        match self {
            Self::Done(output) => Ok(output),
            Self::Running(_) | Self::Taken => Err(Pending),
        }
    }

    fn take(&mut self) -> Result<C::Output, Pending> {
        match std::mem::replace(self, Self::Taken) {
            Self::Done(output) => Ok(output),
            Self::Running(_) | Self::Taken => Err(Pending),
        }
    }
}

/// What needs the envelope alone.
#[derive(Debug, Clone)]
pub(super) struct EnvelopeChecks {
    spf: Progress<CheckHost>,
    helo: Option<Progress<CheckHost>>,
    iprev: Option<Progress<Iprev>>,
}

impl EnvelopeChecks {
    pub(super) fn new(settings: &Settings, envelope: &Envelope, now: SystemTime) -> Self {
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let spf = |identity| {
            let check = match identity {
                Identity::MailFrom => CheckHost::mail_from(envelope.ip(), envelope.path(), envelope.helo()),
                Identity::Helo => CheckHost::helo(envelope.ip(), envelope.helo()),
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
                .then(|| Progress::Running(Iprev::new(envelope.ip()))),
        }
    }

    /// Runs them all before any of them gives up for want of an answer.
    pub(super) fn run(&mut self, dns: &mut Answers<'_>) -> Result<(), Pending> {
        let spf = self.spf.run(dns);
        let helo = self.helo.as_mut().map_or(Ok(()), |helo| helo.run(dns));
        let iprev = self.iprev.as_mut().map_or(Ok(()), |iprev| iprev.run(dns));
        spf.and(helo).and(iprev)
    }
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
            envelope: checks,
            dkim: Progress::Done(Verdicts::from(error.clone())),
            #[cfg(feature = "arc")]
            arc: authenticator.settings.arc.as_ref().map(|_| Progress::Done(error.clone().into())),
            author: Input::from(error.clone()),
            dmarc: None,
            report: None,
            case: Arc::new(Case {
                authenticator,
                envelope,
                now,
                header: Err(error),
                hashes: Vec::new(),
                #[cfg(feature = "arc")]
                sealer_hash: None,
                bare_line_end: None,
            }),
        }
    }

    /// Begins with what [`Lookups`](super::Lookups) found.
    #[must_use]
    pub fn with_answers(mut self, answers: impl IntoIterator<Item = (Question, Reply)>) -> Self {
        self.ahead.extend(answers);
        self
    }

    /// Everything but DMARC, which builds on it. All run before any of them gives up for want of an answer.
    fn run_methods(&mut self, dns: &mut Answers<'_>) -> Result<(), Pending> {
        let envelope = self.envelope.run(dns);
        let dkim = self.dkim.run(dns);
        #[cfg(feature = "arc")]
        let dkim = dkim.and(self.arc.as_mut().map_or(Ok(()), |arc| arc.run(dns)));
        envelope.and(dkim)
    }

    fn evaluation(&self, input: Input) -> Evaluation {
        self.case.authenticator.settings.evaluation(input)
    }

    /// What DKIM and SPF found, handed to DMARC one by one.
    fn dmarc_input(&self) -> Result<Input, Pending> {
        let signatures = self.dkim.output()?.iter();
        let authenticated = signatures.filter_map(|verdict| Some((verdict.domain()?, verdict.word())));
        let input = authenticated
            .fold(self.author.clone(), |input, (domain, word)| input.with_dkim(domain.clone(), word));
        // RFC 9989 §4.4.2: "DMARC relies solely on SPF validation of the MAIL FROM identity"; the verdict on HELO is not
        // looked at, whatever it is (CVE-2019-20790).
        let spf = self.envelope.spf.output()?;
        Ok(match spf.domain() {
            Some(domain) if spf.is_null_sender() => input.with_spf_of_null_sender(domain.clone(), spf.word()),
            Some(domain) => input.with_spf(domain.clone(), spf.word()),
            None => input,
        })
    }

    fn take_report(&mut self, dns: &Answers<'_>) -> Result<Report, Pending> {
        let Self { case, envelope, dkim, dmarc, .. } = self;
        Ok(Report::new(Findings {
            case: case.clone(),
            spf: envelope.spf.take()?,
            helo: envelope.helo.as_mut().map(Progress::take).transpose()?,
            iprev: envelope.iprev.as_mut().map(Progress::take).transpose()?,
            dkim: dkim.take()?,
            #[cfg(feature = "arc")]
            arc: self.arc.as_mut().map(Progress::take).transpose()?,
            dmarc: dmarc.as_mut().ok_or(Pending)?.take()?,
            answers: known(dns),
        }))
    }
}

impl Check for InboundCheck {
    type Output = Report;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Report, Pending> {
        if let Some(report) = &self.report {
            return Ok(report.clone());
        }
        dns.extend(std::mem::take(&mut self.ahead));
        if let Err(pending) = self.run_methods(dns) {
            // What DMARC asks of the Author Domain depends on no other verdict, so it is asked along.
            _ = self.evaluation(self.author.clone()).run(dns);
            return Err(pending);
        }
        if self.dmarc.is_none() {
            self.dmarc = Some(Progress::Running(self.evaluation(self.dmarc_input()?)));
        }
        if let Some(dmarc) = &mut self.dmarc {
            dmarc.run(dns)?;
        }
        let report = self.take_report(dns)?;
        self.report = Some(report.clone());
        Ok(report)
    }
}
