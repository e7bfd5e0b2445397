//! `check_host()` (RFC 7208 §4) as a pure check over DNS answers.

use crate::{
    envelope::{Envelope, Identity},
    evaluate::Evaluation,
    limits::Limits,
    macros::{self, Values},
    record::DomainSpec,
    record_cache::RecordCache,
    verdict::Verdict,
};
use std::{
    net::IpAddr,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use waxseal_dns::{Answers, Check, DomainName, InvalidDomainName, Pending};

/// One evaluation of `check_host()` (RFC 7208 §4): may this client send mail with this identity? A [`Check`], for a
/// driver such as [`drive_blocking`](waxseal_dns::drive_blocking()).
///
/// RFC 7208 §2.3 recommends checking HELO first, and §2.4 requires checking MAIL FROM unless HELO had a definitive
/// result.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_spf::{SpfCheck, dns::{Zone, drive_blocking}};
///
/// let dns = Zone::new()
///     .with_txt("example.org", "v=spf1 ip4:192.0.2.0/24 include:_spf.example.net -all")?
///     .with_txt("_spf.example.net", "v=spf1 ip6:2001:db8::/32 ~all")?;
///
/// let client = "2001:db8::25".parse()?;
/// let check = SpfCheck::mail_from(client, "user@example.org", "mail.example.org", SystemTime::now());
/// let verdict = drive_blocking(check, &dns);
/// assert_eq!(verdict.result().as_str(), "pass");
/// assert_eq!(
///     verdict.reason(),
///     "matched include:_spf.example.net of example.org by ip6:2001:db8::/32 of _spf.example.net"
/// );
/// assert_eq!(verdict.entry().to_string(), "spf=pass smtp.mailfrom=example.org");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "check_host")]
#[must_use = "a check does nothing until a driver runs it"]
#[derive(Debug, Clone)]
pub struct SpfCheck {
    pub(crate) envelope: Arc<Envelope>,
    pub(crate) limits: Limits,
    pub(crate) receiver: Option<Arc<str>>,
    now: SystemTime,
    pub(crate) explain: bool,
    pub(crate) trace: bool,
    pub(crate) prefetch: bool,
    pub(crate) records: Option<RecordCache>,
}

impl SpfCheck {
    /// The MAIL FROM identity of a client.
    ///
    /// `sender` is the reverse-path, with or without its angle brackets; a source route is dropped. A missing
    /// local-part is replaced by `postmaster` (RFC 7208 §4.3). If it is empty, the null reverse-path, `postmaster@` and
    /// `helo` are checked (§2.4). `helo` is the argument of the last HELO or EHLO. Both are bytes: if there is no valid
    /// domain name, the result is none. `now` is only used for the macro `t` in explanations (§7.3).
    ///
    /// An IPv4-mapped IPv6 address counts as the IPv4 address (RFC 7208 §5).
    pub fn mail_from(ip: IpAddr, sender: impl AsRef<[u8]>, helo: impl AsRef<[u8]>, now: SystemTime) -> Self {
        Self::new(Envelope::new(Identity::MailFrom, ip, sender.as_ref(), helo.as_ref()), now)
    }

    /// The HELO identity of a client (RFC 7208 §2.3); `helo` is the argument of the last HELO or EHLO, `now` as in
    /// [`mail_from`](Self::mail_from).
    pub fn helo(ip: IpAddr, helo: impl AsRef<[u8]>, now: SystemTime) -> Self {
        Self::new(Envelope::new(Identity::Helo, ip, b"", helo.as_ref()), now)
    }

    fn new(envelope: Envelope, now: SystemTime) -> Self {
        let envelope = Arc::new(envelope);
        Self {
            envelope,
            limits: Limits::default(),
            receiver: None,
            now,
            explain: true,
            trace: false,
            prefetch: false,
            records: None,
        }
    }

    /// Evaluates the record of `domain` instead of that of the identity's domain: the `<domain>` of `check_host()`,
    /// separate from its `<sender>` (RFC 7208 §4.1), which macros still refer to. Useful for local policies in place of
    /// published ones.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal_spf::{SpfCheck, dns::{Zone, drive_blocking}};
    ///
    /// let dns = Zone::new().with_txt("relays.example.net", "v=spf1 exists:%{l}.%{o}._ok.%{d} -all")?;
    /// let dns = dns.with_address("user.example.org._ok.relays.example.net", "127.0.0.2".parse()?)?;
    /// let check = SpfCheck::mail_from("192.0.2.1".parse()?, "user@example.org", "mail.example.org", SystemTime::now());
    /// let verdict = drive_blocking(check.with_domain("relays.example.net".parse()?), &dns);
    /// assert_eq!(verdict.to_string(), "spf=pass smtp.mailfrom=user@example.org \
    ///     (matched exists:%{l}.%{o}._ok.%{d} of relays.example.net)");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_domain(mut self, domain: DomainName) -> Self {
        Arc::make_mut(&mut self.envelope).domain = Ok(domain);
        self
    }

    /// Sets limits other than [`Limits::default`].
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the name of the receiving host, for the macro `r` in explanations; `unknown` by default (RFC 7208 §7.3).
    pub fn with_receiver(mut self, name: impl Into<Arc<str>>) -> Self {
        self.receiver = Some(name.into());
        self
    }

    /// Whether the explanation of a fail is looked up (RFC 7208 §6.2; default: yes).
    pub fn with_explanation(mut self, explain: bool) -> Self {
        self.explain = explain;
        self
    }

    /// Whether the whole evaluation is recorded, see [`Verdict::trace`] (default: no).
    pub fn with_trace(mut self, trace: bool) -> Self {
        self.trace = trace;
        self
    }

    /// Whether the lookups of later terms are made together with one that has to be waited for, as far as they do not
    /// depend on macros (default: no). Five includes then take two rounds instead of six, at the price of unnecessary
    /// lookups when an earlier term matches. Verdict and counts do not change: a lookup counts when it is evaluated.
    pub fn with_prefetch(mut self, prefetch: bool) -> Self {
        self.prefetch = prefetch;
        self
    }

    /// Uses this cache of parsed records (default: none): for servers, which see the same records again and again.
    pub fn with_record_cache(mut self, records: &RecordCache) -> Self {
        self.records = Some(records.clone());
        self
    }

    /// Expands the macros of `spec` to a name (RFC 7208 §7), as in a record of `domain`. `validated` is the value of
    /// the macro `p`; without it, `unknown`.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal_spf::SpfCheck;
    /// let now = SystemTime::now();
    /// let check = SpfCheck::mail_from("192.0.2.3".parse()?, "strong-bad@email.example.com", "mx.example.org", now);
    /// let name = check.expand(&"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}".parse()?, &"email.example.com".parse()?, None)?;
    /// assert_eq!(name.as_str(), "3.2.0.192.in-addr.strong.lp._spf.example.com");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidDomainName`] when the expansion is not a domain name, which evaluation treats as no match.
    pub fn expand(
        &self,
        spec: &DomainSpec,
        domain: &DomainName,
        validated: Option<&DomainName>,
    ) -> Result<DomainName, InvalidDomainName> {
        let mut budget = self.limits.macro_bytes;
        let values = self.values(domain, validated);
        macros::expand_name(spec.as_str().as_bytes(), &values, &mut budget)
            .unwrap_or(Err(InvalidDomainName::TooLong))
    }

    pub(crate) fn values<'a>(
        &'a self,
        domain: &'a DomainName,
        validated: Option<&'a DomainName>,
    ) -> Values<'a> {
        let envelope = &*self.envelope;
        Values {
            ip: envelope.ip,
            sender: envelope.sender(),
            at: envelope.at,
            helo: envelope.helo(),
            domain,
            validated,
            receiver: self.receiver.as_deref().unwrap_or("unknown"),
            now: self.now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        }
    }
}

impl Check for SpfCheck {
    type Output = Verdict;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Verdict, Pending> {
        Evaluation::new(self, dns).verdict()
    }
}
