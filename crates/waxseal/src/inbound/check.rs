//! All checks of a message, joined into one.

use super::{
    Envelope, Method, Report,
    case::{Case, known},
    incoming::Incoming,
    methods::{EnvelopeMethods, EnvelopeVerdicts, Memo, Methods, Signatures},
    report::Found,
    settings::Settings,
    trust::trusted_forwarder,
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use waxseal_arc::{Chain, Sealer};
use waxseal_dkim::Verdicts;
use waxseal_dmarc::{DmarcCheck, Identifiers};
use waxseal_dns::{Answers, Check, Pending, Question, Reply};
use waxseal_header::HeaderError;

/// The check that remains when the message has ended: it looks up what is not known yet, then judges. Its output is the
/// [`Report`]. See [`Session::finish`](super::Session::finish) and
/// [`Authenticator::inbound`](super::Authenticator::inbound).
///
/// [`drive`](waxseal_dns::drive()) and [`drive_blocking`](waxseal_dns::drive_blocking) wait no longer than
/// [`Authenticator::with_timeout`](super::Authenticator::with_timeout) allows, including the time that
/// [`Lookups`](super::Lookups) waited.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use waxseal::{Authenticator, Envelope, dns::{Zone, drive_blocking_within}};
/// # let envelope = Envelope::new("192.0.2.1".parse()?, "mail.example.org", "joe@example.org");
/// let message = b"From: joe@example.org\r\n\r\nHi.\r\n";
/// let check = Authenticator::new("mx.example.net")?.inbound(&envelope, message, SystemTime::now());
/// // Driven with your own time limit; there is a driver for each kind of program.
/// let report = drive_blocking_within(check, &Zone::new(), Duration::from_secs(5));
/// assert_eq!(report.to_string(), "spf=none dkim=none dmarc=none disposition=none");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct InboundCheck {
    /// Drivers move a check several times, and this is large.
    parts: Box<Parts>,
    ahead: Vec<(Question, Reply)>,
    /// The time waited for these.
    waited: Duration,
}

#[derive(Debug)]
struct Parts {
    settings: Arc<Settings>,
    case: Arc<Case>,
    methods: Methods<Signatures>,
    author: Identifiers,
    dmarc: Option<DmarcCheck>,
    report: Option<Report>,
    /// The sealer of the message, if it is forwarded.
    sealer: Option<Sealer>,
}

impl InboundCheck {
    fn new(
        settings: Arc<Settings>,
        envelope: EnvelopeMethods,
        (case, signatures, author): (Case, Signatures, Identifiers),
    ) -> Self {
        let parts = Parts {
            sealer: settings.sealer.clone(),
            settings,
            case: Arc::new(case),
            methods: Methods::new(envelope, signatures),
            author,
            dmarc: None,
            report: None,
        };
        Self { parts: Box::new(parts), ahead: Vec::new(), waited: Duration::ZERO }
    }

    /// A message that has ended.
    pub(super) fn ended(
        settings: Arc<Settings>,
        methods: EnvelopeMethods,
        (envelope, now): (Envelope, SystemTime),
        message: Incoming,
    ) -> Self {
        Self::new(settings, methods, message.finish(envelope, now))
    }

    pub(super) fn with_sealer(mut self, sealer: Option<Sealer>) -> Self {
        self.parts.sealer = sealer;
        self
    }

    /// A message whose header was refused.
    pub(super) fn refused(
        settings: Arc<Settings>,
        methods: EnvelopeMethods,
        (envelope, now): (Envelope, SystemTime),
        error: HeaderError,
    ) -> Self {
        let signatures = Signatures {
            dkim: Memo::done(match settings.checks(Method::Dkim) {
                true => Verdicts::refused(error.clone()),
                false => Verdicts::default(),
            }),
            arc: settings.chains().map(|_| Memo::done(Chain::refused(error.clone()))),
        };
        let author = Identifiers::without_header(error.clone());
        Self::new(settings, methods, (Case::refused(envelope, now, error), signatures, author))
    }

    /// A message with stored evidence; `None` when it lacks a body hash.
    pub(super) fn again(settings: Arc<Settings>, kept: &Case) -> Option<Self> {
        let methods = EnvelopeMethods::new(&settings, &kept.envelope, kept.now);
        match &kept.header {
            Ok(header) => {
                let message = Incoming::new(&settings, settings.sealer.as_ref(), header.clone(), kept.now);
                Some(Self::new(settings, methods, message.finish_with(kept)?))
            }
            Err(error) => {
                let envelope = (kept.envelope.clone(), kept.now);
                Some(Self::refused(settings, methods, envelope, error.clone()))
            }
        }
    }

    /// Begins with the answers of [`Lookups`](super::Lookups), or with others, such as a list of questions and replies.
    /// The time [waited](Answers::waited) for them counts against the time limit of the check; of several lookups,
    /// which may have run concurrently, the longest counts.
    #[must_use]
    pub fn with_answers(mut self, answers: Answers<'static>) -> Self {
        self.ahead.extend(known(&answers));
        self.waited = self.waited.max(answers.waited());
        self
    }

    /// Evaluates DMARC with these identifiers, to which the results of this check are added: for results of other
    /// programs of the site ([`Identifiers::with_trusted_results`]), when DKIM or SPF is not checked here. The author
    /// should be that of the header ([`Identifiers::from_header`]).
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal::{Authenticator, AuthservIds, Envelope, Method, dmarc::Identifiers, dns::{Zone, drive_blocking}, header::Header};
    /// let dns = Zone::new().with_txt("_dmarc.example.org", "v=DMARC1; p=reject")?;
    /// let authenticator = Authenticator::new("mx.example.net")?.with_methods([Method::Dmarc]);
    /// let message = b"Authentication-Results: mx.example.net; dkim=pass header.d=example.org\r\nFrom: joe@example.org\r\n\r\n";
    /// let (header, body) = Header::parse(message)?;
    ///
    /// let envelope = Envelope::new("192.0.2.1".parse()?, "mail.example.org", "joe@example.org");
    /// let mut session = authenticator.begin_with_header(&envelope, header.clone(), SystemTime::now());
    /// session.body(body);
    /// let results = AuthservIds::new(["mx.example.net"]);
    /// let results = results.trusted(&header, header.len());
    /// let identifiers = Identifiers::from_header(&header).with_trusted_results(results, envelope.mail_from());
    /// let report = drive_blocking(session.finish().with_identifiers(identifiers), &dns);
    /// assert!(report.dmarc().is_pass());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_identifiers(mut self, identifiers: Identifiers) -> Self {
        self.parts.author = identifiers;
        self
    }
}

impl Parts {
    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Report, Pending> {
        let (envelope, (dkim, arc)) = self.methods.run(&self.settings, Some(&self.author), dns)?;
        let EnvelopeVerdicts { spf, spf_checked, helo, iprev } = envelope;
        let dmarc = match self.settings.checks(Method::Dmarc) {
            true => self.dmarc(&dkim, &spf).run(dns)?,
            false => waxseal_dmarc::Verdict::not_checked(),
        };
        let trust = trusted_forwarder(self.settings.trusts.as_deref(), arc.as_deref(), &dmarc);
        // Until here only this check owns the case, so nothing is cloned.
        Arc::make_mut(&mut self.case).answers = known(dns);
        let (settings, case, sealer) = (self.settings.clone(), self.case.clone(), self.sealer.clone());
        Ok(Report::new(Found {
            settings,
            case,
            sealer,
            spf,
            spf_checked,
            helo,
            iprev,
            dkim,
            arc,
            dmarc,
            trust,
        }))
    }

    fn dmarc(&mut self, dkim: &Verdicts, spf: &waxseal_spf::Verdict) -> &mut DmarcCheck {
        let (settings, author) = (&self.settings, &self.author);
        self.dmarc.get_or_insert_with(|| settings.dmarc_check(identifiers(author.clone(), dkim, spf)))
    }
}

/// Adds the results of DKIM and SPF to the author.
fn identifiers(author: Identifiers, dkim: &Verdicts, spf: &waxseal_spf::Verdict) -> Identifiers {
    let authenticated = dkim.iter().filter_map(|verdict| Some((verdict.domain()?, verdict.result())));
    let found = authenticated.fold(author, |found, (domain, result)| found.with_dkim(domain.clone(), result));
    // RFC 9989 §4.4.2: "DMARC relies solely on SPF validation of the MAIL FROM identity"; the verdict on HELO is
    // ignored (CVE-2019-20790).
    match spf.domain() {
        Some(domain) if spf.is_null_sender() => found.with_spf_of_null_sender(domain.clone(), spf.result()),
        Some(domain) => found.with_spf(domain.clone(), spf.result()),
        None => found,
    }
}

impl Check for InboundCheck {
    type Output = Report;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Report, Pending> {
        if let Some(report) = &self.parts.report {
            return Ok(report.clone());
        }
        dns.extend(std::mem::take(&mut self.ahead));
        let report = self.parts.run(dns)?;
        self.parts.report = Some(report.clone());
        Ok(report)
    }

    fn time_limit(&self) -> Option<Duration> {
        Some(self.parts.settings.timeout.saturating_sub(self.waited))
    }
}
