//! The receiver's settings, and the methods that check a message.

use super::{Envelope, Evidence, InboundCheck, Method, ReplayError, Report, Session, settings::Settings};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use waxseal_arc::ChainVerifier;
use waxseal_crypto::{NoProvider, Provider, default_provider};
use waxseal_dkim::Verifier;
use waxseal_dmarc::LocalPolicy;
use waxseal_dns::{Answers, Check, DEFAULT_TIME_LIMIT, Resolve, ResolveBlocking, drive, drive_blocking};
use waxseal_header::{Header, HeaderLimits};
use waxseal_spf::{Limits, RecordCache};

/// Checks incoming mail: SPF of HELO and MAIL FROM, DKIM, DMARC and `iprev` in one pass over the message, and
/// optionally ARC. Cheap to clone; clones share their cache of keys.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal::{Authenticator, Disposition, Envelope, dns::Zone};
///
/// let dns = Zone::new() // in place of DNS; the features `stub` and `hickory` bring resolvers
///     .with_txt("example.org", "v=spf1 ip4:192.0.2.0/24 -all")?
///     .with_txt("_dmarc.example.org", "v=DMARC1; p=reject")?;
/// let authenticator = Authenticator::new("mx.example.net")?;
///
/// let envelope = Envelope::new("192.0.2.1".parse()?, "mail.example.org", "joe@example.org");
/// let message = b"From: joe@example.org\r\nSubject: lunch\r\n\r\nHi.\r\n";
/// let report = authenticator.check_blocking(&envelope, message, SystemTime::now(), &dns);
///
/// match report.disposition() {
///     // Only with `LocalPolicy::with_reject_on_reject`: RFC 9989 forbids rejecting for p=reject alone.
///     Disposition::None => println!("deliver"),
///     Disposition::Quarantine => println!("into the spam folder"),
///     Disposition::Defer => println!("451 4.7.1 {}", report.reason()), // DNS failed: on every try
///     Disposition::Reject => println!("550 5.7.1 {}", report.reason()),
/// }
/// // `to_field` returns the folded field with its name; this is its value on one line.
/// assert_eq!(
///     report.authentication_results().to_string(),
///     "mx.example.net; spf=pass smtp.mailfrom=example.org; \
///      spf=none reason=\"mail.example.org does not exist\" smtp.helo=mail.example.org; \
///      dkim=none reason=\"no signature\"; \
///      dmarc=pass (p=reject dis=none) header.from=example.org policy.dmarc=reject; \
///      iprev=permerror reason=\"the address has no name\" policy.iprev=192.0.2.1"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Before adding the field, remove forged ones with [`AuthservIds`](waxseal_authres::AuthservIds). For a message that
/// arrives in chunks, see [`Authenticator::begin`].
#[derive(Debug, Clone)]
pub struct Authenticator {
    settings: Arc<Settings>,
}

impl Authenticator {
    /// An authenticator whose results have this authserv-id, usually the name of this host, by which later programs
    /// recognize the site's own results (RFC 8601 §2.5).
    ///
    /// Defaults: everything except ARC is checked, with the default policies and limits of each method and the [default
    /// crypto provider](default_provider).
    ///
    /// # Errors
    /// [`NoProvider`] when no crypto provider was compiled in.
    pub fn new(authserv_id: impl Into<Arc<str>>) -> Result<Self, NoProvider> {
        Ok(Self::with_provider(authserv_id, default_provider()?))
    }

    /// The same with this crypto provider.
    pub fn with_provider(authserv_id: impl Into<Arc<str>>, provider: &'static dyn Provider) -> Self {
        let settings = Settings {
            authserv_id: authserv_id.into(),
            header_limits: HeaderLimits::default(),
            dkim: Verifier::with_provider(Default::default(), provider),
            spf_limits: Limits::default(),
            spf_records: RecordCache::default(),
            spf_trace: false,
            spf_prefetch: false,
            methods: vec![Method::Spf, Method::Helo, Method::Dkim, Method::Dmarc, Method::Iprev],
            dmarc: LocalPolicy::default().with_record_cache(true),
            timeout: DEFAULT_TIME_LIMIT,
            arc: ChainVerifier::with_provider(Default::default(), provider),
            trusts: None,
            sealer: None,
        };
        Self { settings: Arc::new(settings) }
    }

    fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Arc::unwrap_or_clone(self.settings);
        change(&mut settings);
        Self { settings: Arc::new(settings) }
    }

    /// How large a header block may be (default 256 KiB and 1,000 fields). For a larger one, DKIM and DMARC are
    /// permerror, and the disposition is that of mail without a clear author ([`LocalPolicy::with_invalid_from`]).
    #[must_use]
    pub fn with_header_limits(self, limits: HeaderLimits) -> Self {
        self.with(|settings| settings.header_limits = limits)
    }

    /// Verifies DKIM with this verifier: with its [`Policy`](waxseal_dkim::Policy), except for the header limits, which
    /// are those of [`Authenticator::with_header_limits`], and its crypto provider.
    #[must_use]
    pub fn with_dkim(self, verifier: Verifier) -> Self {
        self.with(|settings| {
            settings.arc = settings.arc.clone().with_signatures(verifier.clone());
            settings.dkim = verifier;
        })
    }

    /// The limits of SPF (default: those of RFC 7208 §4.6.4).
    #[must_use]
    pub fn with_spf_limits(self, limits: Limits) -> Self {
        self.with(|settings| settings.spf_limits = limits)
    }

    /// Whether every step of the SPF evaluation is recorded, see [`Verdict::trace`](waxseal_spf::Verdict::trace) (default:
    /// no).
    #[must_use]
    pub fn with_spf_trace(self, trace: bool) -> Self {
        self.with(|settings| settings.spf_trace = trace)
    }

    /// Whether SPF looks up names ahead, see [`SpfCheck::with_prefetch`](waxseal_spf::SpfCheck::with_prefetch)
    /// (default: no).
    #[must_use]
    pub fn with_spf_prefetch(self, prefetch: bool) -> Self {
        self.with(|settings| settings.spf_prefetch = prefetch)
    }

    /// The methods to check (default: all except [`Method::Arc`]), for a filter that works next to others. Other
    /// methods cause no lookups and are missing in the results; each getter of [`Report`] documents what it returns
    /// then. [`Authenticator::with_arc`] and the like add ARC when they are called later.
    ///
    /// DMARC uses only results of this check or those passed to a [`Session`]; see [`InboundCheck::with_identifiers`]
    /// for the results of other programs. Without [`Method::Dmarc`], every message gets
    /// [`Disposition::None`](waxseal_dmarc::Disposition), even one without a clear author.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal::{Authenticator, Envelope, Method, dns::Zone};
    /// # let envelope = Envelope::new("192.0.2.1".parse()?, "mail.example.org", "joe@example.org");
    /// let dkim = Authenticator::new("mx.example.net")?.with_methods([Method::Dkim]);
    /// let message = b"From: joe@example.org\r\n\r\nHi.\r\n";
    /// let report = dkim.check_blocking(&envelope, message, SystemTime::now(), &Zone::new());
    /// assert_eq!(report.authentication_results().to_string(), "mx.example.net; dkim=none reason=\"no signature\"");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_methods(self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.with(|settings| settings.methods = methods.into_iter().collect())
    }

    /// The local policy of DMARC: whether `p=reject` may reject, the disposition of mail without a clear author, the
    /// limit of authors, RFC 7489 mode. Its [record cache](LocalPolicy::with_record_cache) is always used.
    #[must_use]
    pub fn with_dmarc(self, policy: LocalPolicy) -> Self {
        self.with(|settings| settings.dmarc = policy.with_record_cache(true))
    }

    /// How long one check may wait for DNS in total, during the body and after it (default: 20 seconds). Answers that
    /// arrived by then count: a message that passed stays passed. The rest is a time-out, and what depends on it is
    /// temperror. RFC 7208 §4.6.4: "Such a limit SHOULD allow at least 20 seconds." [`Duration::MAX`] is no limit.
    ///
    /// It applies to [`Authenticator::check`], [`Authenticator::check_blocking`] and [`Lookups`](super::Lookups), and
    /// to [`drive`](waxseal_dns::drive()) and [`drive_blocking`](waxseal_dns::drive_blocking) of an [`InboundCheck`];
    /// the other drivers take a deadline of their own. [`Resolve::sleep`] is the timer of an asynchronous check. A
    /// blocking resolver that cannot abort a lookup finishes the one under way.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.timeout = timeout)
    }

    /// Validates ARC chains with this policy (default: ARC is not checked). Keys and signatures are verified like those
    /// of DKIM, by the verifier of [`Authenticator::with_dkim`].
    ///
    /// By itself the result only informs; see [`Authenticator::with_trusted_sealers`].
    #[must_use]
    pub fn with_arc(self, policy: waxseal_arc::Policy) -> Self {
        self.with(|settings| {
            let verifier = ChainVerifier::with_provider(policy, settings.dkim.provider());
            settings.arc = verifier.with_signatures(settings.dkim.clone());
            settings.with_method(Method::Arc);
        })
    }

    /// Whose ARC sets are trusted (default: nobody's). `trusts` is called with `d=` of seals. When DMARC fails but the
    /// chain passes, and a set of a trusted sealer, with only trusted sealers above it, records that DMARC passed there
    /// for the same Author Domain, the message gets [`Disposition::None`](waxseal_dmarc::Disposition), and
    /// [`Report::trusted_forwarder`] names the sealer. The result of DMARC stays `fail`. When no sealer is trusted to
    /// have seen it pass, see [`Report::distrust`] for the reasons.
    ///
    /// Trust only sealers that check DMARC themselves and quote text from clients: one that copies HELO or MAIL FROM
    /// into its results without quoting lets strangers forge results.
    ///
    /// This also enables ARC validation.
    #[must_use]
    pub fn with_trusted_sealers(
        self,
        trusts: impl Fn(&waxseal_dns::DomainName) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(|settings| {
            settings.trusts = Some(Arc::new(trusts));
            settings.with_method(Method::Arc);
        })
    }

    /// Also hashes the body for this ARC sealer, in the same pass, so that [`Report::seal`] can add a set to a message
    /// that is forwarded unchanged (default: none). This also enables ARC validation.
    #[must_use]
    pub fn with_sealer(self, sealer: waxseal_arc::Sealer) -> Self {
        self.with(|settings| {
            settings.sealer = Some(sealer);
            settings.with_method(Method::Arc);
        })
    }

    /// The authserv-id of the results.
    pub fn authserv_id(&self) -> &str {
        &self.settings.authserv_id
    }

    /// Checks a whole message with an asynchronous resolver. `now` is compared with `t=` and `x=` of signatures.
    ///
    /// It waits for DNS no longer than [`Authenticator::with_timeout`] allows.
    #[doc(alias = "async")]
    pub async fn check(
        &self,
        envelope: &Envelope,
        message: &[u8],
        now: SystemTime,
        resolver: &(impl Resolve + ?Sized),
    ) -> Report {
        drive(self.inbound(envelope, message, now), resolver).await
    }

    /// Checks a whole message with a blocking resolver. `now` is compared with `t=` and `x=` of signatures.
    ///
    /// It waits for DNS no longer than [`Authenticator::with_timeout`] allows, or until the lookup under way ends if
    /// the resolver cannot abort it.
    pub fn check_blocking(
        &self,
        envelope: &Envelope,
        message: &[u8],
        now: SystemTime,
        resolver: &(impl ResolveBlocking + ?Sized),
    ) -> Report {
        drive_blocking(self.inbound(envelope, message, now), resolver)
    }

    /// The check of a whole message, to be driven by the caller: with a deadline of its own, or without I/O.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal::{Authenticator, Envelope, dns::{Answer, Answers, Check}};
    /// # let envelope = Envelope::new("192.0.2.1".parse()?, "mail.example.org", "joe@example.org");
    /// # let message = b"From: joe@example.org\r\n\r\nHi.\r\n";
    /// let mut check = Authenticator::new("mx.example.net")?.inbound(&envelope, message, SystemTime::now());
    /// let mut dns = Answers::new();
    /// let report = loop {
    ///     if let Ok(report) = check.run(&mut dns) {
    ///         break report;
    ///     }
    ///     for question in dns.take_wanted() {
    ///         // Look it up in any way, now or later.
    ///         dns.answer(question, Ok(Answer::nxdomain()));
    ///     }
    /// };
    /// assert_eq!(report.dmarc().result().as_str(), "none");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn inbound(&self, envelope: &Envelope, message: &[u8], now: SystemTime) -> InboundCheck {
        let mut session = self.begin(envelope, now);
        session.push(message);
        session.finish()
    }

    /// Begins with a message whose header is known, for example because it decided between signing and checking; the
    /// body goes to [`Session::body`]. A header is cheap to clone. If it could not be parsed, refuse the message, or
    /// pass its bytes to a session of [`Authenticator::begin`].
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal::{Authenticator, Envelope, dns::{Zone, drive_blocking}, header::{HeaderBuilder, HeaderLimits, Space}};
    /// # let envelope = Envelope::new("192.0.2.1".parse()?, "mail.example.org", "joe@example.org");
    /// let mut header = HeaderBuilder::new(HeaderLimits::default());
    /// header.push(b"From", b"joe@example.org", Space::Added)?;
    /// let header = header.finish();
    /// // According to header and client, this message is not to be signed.
    /// let mut session = Authenticator::new("mx.example.net")?.begin_with_header(&envelope, header, SystemTime::now());
    /// session.body(b"Hi.\r\n");
    /// assert_eq!(drive_blocking(session.finish(), &Zone::new()).dmarc().result().as_str(), "none");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn begin_with_header(&self, envelope: &Envelope, header: Header, now: SystemTime) -> Session {
        self.begin(envelope, now).with_header(header)
    }

    /// Begins with a message that arrives in pieces. `now` is compared with `t=` and `x=` of signatures.
    pub fn begin(&self, envelope: &Envelope, now: SystemTime) -> Session {
        Session::new(self.settings.clone(), envelope.clone(), now)
    }

    /// Judges stored evidence ([`Report::evidence`]) again, without DNS and without the body: the same settings lead to
    /// the same verdicts. A question that was not asked then is a time-out now.
    ///
    /// # Errors
    /// [`ReplayError`] when these settings need a body hash that was not stored.
    pub fn replay(&self, evidence: &Evidence) -> Result<Report, ReplayError> {
        let check = InboundCheck::again(self.settings.clone(), evidence.case());
        let mut check = check.ok_or(ReplayError)?;
        let mut dns: Answers<'_> = evidence.answers().cloned().collect();
        dns.give_up();
        loop {
            if let Ok(report) = check.run(&mut dns) {
                return Ok(report);
            }
        }
    }
}
