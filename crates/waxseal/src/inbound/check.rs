//! The checks of one message, joined into one.

use super::{
    Authenticator, Envelope, Iprev, Report, authenticator::Settings, evidence::KeptHash, report::Findings,
};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use waxseal_dkim::{BodyHasher, BodyHashes, Examination, Verdicts, VerifyCheck};
use waxseal_dmarc::{Evaluation, Input};
use waxseal_dns::{
    Answers, Check, Pending, Question, Reply, Resolve, ResolveBlocking, drive_with, drive_with_blocking,
};
use waxseal_header::{Header, HeaderError, line_ends::FindBare};
use waxseal_spf::{CheckHost, Identity};

/// The check that is left when the message has ended: it asks for all that is not known yet, then judges. Its output is the
/// [`Report`]. See [`Session::finish`](super::Session::finish) and [`Authenticator::inbound`].
#[derive(Debug)]
pub struct InboundCheck {
    case: Arc<Case>,
    ahead: Vec<(Question, Reply)>,
    envelope: EnvelopeChecks,
    dkim: Progress<VerifyCheck>,
    #[cfg(feature = "arc")]
    arc: Option<Progress<waxseal_arc::ChainCheck>>,
    author: Input,
    dmarc: Option<Progress<Evaluation>>,
    report: Option<Report>,
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
enum Progress<C: Check> {
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
    fn run(&mut self, dns: &mut Answers<'_>) -> Result<(), Pending> {
        let spf = self.spf.run(dns);
        let helo = self.helo.as_mut().map_or(Ok(()), |helo| helo.run(dns));
        let iprev = self.iprev.as_mut().map_or(Ok(()), |iprev| iprev.run(dns));
        spf.and(helo).and(iprev)
    }
}

/// A header that was looked at, and the hashes that its body needs.
#[derive(Debug)]
pub(super) struct Examined {
    header: ExaminedHeader,
    hasher: BodyHasher,
    /// Looked at for a sealer alone: verifiers take what comes.
    line_ends: Option<FindBare>,
}

#[derive(Debug)]
struct ExaminedHeader {
    authenticator: Authenticator,
    header: Header,
    author: Input,
    dkim: Examination,
    #[cfg(feature = "arc")]
    arc: Option<waxseal_arc::ChainExamination>,
    #[cfg(feature = "arc")]
    sealer_hash: Option<waxseal_dkim::BodyHashId>,
}

impl Examined {
    pub(super) fn new(authenticator: &Authenticator, header: Header, now: SystemTime) -> Self {
        let settings = &authenticator.settings;
        let mut hasher = BodyHasher::new(settings.dkim.provider());
        let header = ExaminedHeader {
            authenticator: authenticator.clone(),
            author: Input::from_header(&header),
            dkim: settings.dkim.examine(header.clone(), now, &mut hasher),
            #[cfg(feature = "arc")]
            arc: settings.chain_verifier().map(|arc| arc.examine(header.clone(), now, &mut hasher)),
            #[cfg(feature = "arc")]
            sealer_hash: settings.sealer.as_ref().map(|sealer| sealer.want_body(&mut hasher)),
            header,
        };
        #[cfg(feature = "arc")]
        let line_ends = header.sealer_hash.map(|_| FindBare::default());
        #[cfg(not(feature = "arc"))]
        let line_ends = None;
        Self { header, hasher, line_ends }
    }

    /// The empty line between header and body ended in LF alone.
    pub(super) fn bare_separator(&mut self) {
        if let Some(line_ends) = &mut self.line_ends {
            line_ends.push(b"\n");
        }
    }

    pub(super) fn body(&mut self, chunk: &[u8]) {
        if let Some(line_ends) = &mut self.line_ends {
            line_ends.push(chunk);
        }
        self.hasher.push(chunk);
    }

    /// The keys of DKIM and ARC.
    fn keys(&self) -> Vec<Question> {
        let keys = self.header.dkim.questions();
        #[cfg(feature = "arc")]
        let keys = keys.chain(self.header.arc.iter().flat_map(|arc| arc.questions()));
        keys.collect()
    }

    pub(super) fn finish(self, envelope: Envelope, now: SystemTime, checks: EnvelopeChecks) -> InboundCheck {
        let wanted: Vec<_> = self.hasher.wanted().collect();
        let hashes = self.hasher.finish();
        let body = HashedBody {
            kept: KeptHash::all(wanted, &hashes),
            hashes,
            bare_line_end: self.line_ends.and_then(|line_ends| line_ends.finish()),
        };
        self.header.finish(envelope, now, checks, body)
    }

    /// Ends without a body, by the hashes that were kept of it. `None` when one is missing.
    pub(super) fn finish_with(
        self,
        envelope: Envelope,
        now: SystemTime,
        checks: EnvelopeChecks,
        (kept, bare_line_end): (&[KeptHash], Option<u64>),
    ) -> Option<InboundCheck> {
        let find = |form, algorithm, length| kept.iter().find_map(|kept| kept.get(form, algorithm, length));
        let body = HashedBody { hashes: self.hasher.finish_with(find)?, kept: kept.to_vec(), bare_line_end };
        Some(self.header.finish(envelope, now, checks, body))
    }
}

/// What is left of a body that has ended.
struct HashedBody {
    hashes: BodyHashes,
    kept: Vec<KeptHash>,
    bare_line_end: Option<u64>,
}

impl ExaminedHeader {
    fn finish(
        self,
        envelope: Envelope,
        now: SystemTime,
        checks: EnvelopeChecks,
        body: HashedBody,
    ) -> InboundCheck {
        let HashedBody { hashes, kept, bare_line_end } = body;
        InboundCheck {
            ahead: Vec::new(),
            envelope: checks,
            #[cfg(feature = "arc")]
            arc: self.arc.map(|arc| Progress::Running(arc.finish(hashes.clone()))),
            author: self.author,
            dmarc: None,
            report: None,
            case: Arc::new(Case {
                authenticator: self.authenticator,
                envelope,
                now,
                header: Ok(self.header),
                hashes: kept,
                #[cfg(feature = "arc")]
                sealer_hash: self.sealer_hash.and_then(|id| hashes.get(id).copied()),
                bare_line_end,
            }),
            dkim: Progress::Running(self.dkim.finish(hashes)),
        }
    }
}

impl InboundCheck {
    /// A message whose header can not be taken.
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

    /// Begins with what [`Lookups`] found.
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
        Evaluation::new(input).with_local_policy(self.case.authenticator.settings.dmarc.clone())
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

/// What can be looked up before the message has ended; see [`Session::lookups`](super::Session::lookups). A check without a
/// verdict: what counts are the answers that it leaves.
#[derive(Debug)]
pub struct Lookups {
    envelope: EnvelopeChecks,
    keys: Vec<Question>,
    author: Option<Evaluation>,
}

impl Lookups {
    pub(super) fn new(envelope: &EnvelopeChecks, header: Option<&Examined>) -> Self {
        let evaluation = |examined: &Examined| {
            let policy = examined.header.authenticator.settings.dmarc.clone();
            Evaluation::new(examined.header.author.clone()).with_local_policy(policy)
        };
        Self {
            envelope: envelope.clone(),
            keys: header.map(Examined::keys).unwrap_or_default(),
            author: header.map(evaluation),
        }
    }

    /// Looks everything up with an asynchronous resolver, independent questions concurrently. The answers are for
    /// [`InboundCheck::with_answers`].
    pub async fn resolve(self, resolver: &(impl Resolve + ?Sized)) -> Vec<(Question, Reply)> {
        let mut dns = Answers::new();
        drive_with(self, &mut dns, resolver, std::future::pending()).await;
        known(&dns)
    }

    /// Looks everything up with a blocking resolver. The answers are for [`InboundCheck::with_answers`].
    pub fn resolve_blocking(self, resolver: &(impl ResolveBlocking + ?Sized)) -> Vec<(Question, Reply)> {
        let mut dns = Answers::new();
        drive_with_blocking(self, &mut dns, resolver, || false);
        known(&dns)
    }
}

fn known(dns: &Answers<'_>) -> Vec<(Question, Reply)> {
    dns.known().map(|(question, reply)| (question.clone(), reply.clone())).collect()
}

impl Check for Lookups {
    type Output = ();

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<(), Pending> {
        let envelope = self.envelope.run(dns);
        let keys = dns.ask_all(self.keys.iter().cloned()).map(|_| ());
        let author = self.author.as_mut().map_or(Ok(()), |author| author.run(dns).map(|_| ()));
        envelope.and(keys).and(author)
    }
}
