//! `check_host()` (RFC 7208 §4) as a pure check over DNS answers.

use crate::{
    evaluate::Evaluation,
    limits::Limits,
    macros::{self, Values},
    record::DomainSpec,
    verdict::Verdict,
};
use std::{net::IpAddr, sync::Arc};
use waxseal_dns::{Answers, Check, DomainName, InvalidDomainName, Pending};

/// Which identity is checked (RFC 7208 §2.3, §2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The argument of HELO or EHLO.
    Helo,
    /// The reverse-path of MAIL FROM.
    MailFrom,
}

impl Identity {
    /// `helo` or `mailfrom`, as in `identity=` of Received-SPF (RFC 7208 §9.1).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Helo => "helo",
            Self::MailFrom => "mailfrom",
        }
    }
}

/// One evaluation of `check_host()`: may this client send mail with this identity?
///
/// RFC 7208 §2.3 recommends to check HELO first and §2.4 demands to check MAIL FROM unless HELO gave a definitive result.
///
/// ```
/// use waxseal_dns::{Zone, drive_blocking};
/// use waxseal_spf::SpfCheck;
///
/// let dns = Zone::new()
///     .with_txt("example.org", "v=spf1 ip4:192.0.2.0/24 include:_spf.example.net -all")?
///     .with_txt("_spf.example.net", "v=spf1 ip6:2001:db8::/32 ~all")?;
///
/// let check = SpfCheck::mail_from("2001:db8::25".parse()?, "user@example.org", "mail.example.org");
/// let verdict = drive_blocking(check, &dns);
/// assert_eq!(verdict.result().as_str(), "pass");
/// assert_eq!(
///     verdict.reason(),
///     "matched include:_spf.example.net of example.org by ip6:2001:db8::/32 of _spf.example.net"
/// );
/// assert_eq!(verdict.entry().to_string(), "spf=pass smtp.mailfrom=example.org");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SpfCheck {
    pub(crate) envelope: Arc<Envelope>,
    pub(crate) limits: Limits,
    pub(crate) receiver: Option<Arc<str>>,
    pub(crate) now: u64,
    pub(crate) explain: bool,
    pub(crate) trace: bool,
    pub(crate) prefetch: bool,
}

impl SpfCheck {
    /// The MAIL FROM identity of a client.
    ///
    /// `sender` is the reverse-path, with or without its angle brackets; a source route is dropped. Without a local-part
    /// it gets `postmaster` (RFC 7208 §4.3); empty, it is the null reverse-path and `postmaster@` `helo` is checked
    /// (§2.4). `helo` is the argument of the last HELO or EHLO. Both are octets: what is no domain name gives none.
    ///
    /// An IPv4-mapped IPv6 address counts as the IPv4 address (RFC 7208 §5).
    pub fn mail_from(ip: IpAddr, sender: impl AsRef<[u8]>, helo: impl AsRef<[u8]>) -> Self {
        Self::new(Envelope::new(Identity::MailFrom, ip, sender.as_ref(), helo.as_ref()))
    }

    /// The HELO identity of a client (RFC 7208 §2.3); `helo` is the argument of the last HELO or EHLO.
    pub fn helo(ip: IpAddr, helo: impl AsRef<[u8]>) -> Self {
        Self::new(Envelope::new(Identity::Helo, ip, b"", helo.as_ref()))
    }

    fn new(envelope: Envelope) -> Self {
        let envelope = Arc::new(envelope);
        Self {
            envelope,
            limits: Limits::default(),
            receiver: None,
            now: 0,
            explain: true,
            trace: false,
            prefetch: false,
        }
    }

    /// Other limits than [`Limits::default`].
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The name of the receiving host, for the macro `r` in explanations; `unknown` without it (RFC 7208 §7.3).
    #[must_use]
    pub fn with_receiver(mut self, name: impl Into<Arc<str>>) -> Self {
        self.receiver = Some(name.into());
        self
    }

    /// The time in seconds since 1970, for the macro `t` in explanations; 0 without it. Nothing else depends on it.
    #[must_use]
    pub fn with_now(mut self, seconds: u64) -> Self {
        self.now = seconds;
        self
    }

    /// Does not look up explanations (RFC 7208 §6.2), which saves a lookup for a fail.
    #[must_use]
    pub fn without_explanation(mut self) -> Self {
        self.explain = false;
        self
    }

    /// Records everything that is evaluated, see [`Verdict::trace`].
    #[must_use]
    pub fn with_trace(mut self) -> Self {
        self.trace = true;
        self
    }

    /// When an answer has to be waited for, asks at the same time what the terms behind it will ask, as far as that does not
    /// depend on macros. Five includes then take two rounds in place of six, at the price of lookups that turn out to be
    /// needless when an earlier term matches. Verdict and counts stay what they are: a lookup counts when it is evaluated.
    #[must_use]
    pub fn with_prefetch(mut self) -> Self {
        self.prefetch = true;
        self
    }

    /// Expands the macros of `spec` into a name (RFC 7208 §7), as evaluation does for a record of `domain`. `validated` is
    /// the value of the macro `p`; without it, `unknown`.
    ///
    /// ```
    /// use waxseal_spf::SpfCheck;
    /// let check = SpfCheck::mail_from("192.0.2.3".parse()?, "strong-bad@email.example.com", "mx.example.org");
    /// let name = check.expand(&"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}".parse()?, &"email.example.com".parse()?, None)?;
    /// assert_eq!(name.as_str(), "3.2.0.192.in-addr.strong.lp._spf.example.com");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the expansion is no domain name: evaluation takes that for no match.
    pub fn expand(
        &self,
        spec: &DomainSpec,
        domain: &DomainName,
        validated: Option<&DomainName>,
    ) -> Result<DomainName, InvalidDomainName> {
        let mut budget = self.limits.macro_octets();
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
            now: self.now,
        }
    }
}

impl Check for SpfCheck {
    type Output = Verdict;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Verdict, Pending> {
        Evaluation::new(self, dns).verdict()
    }
}

/// What the client said, and what RFC 7208 makes of it.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) identity: Identity,
    pub(crate) ip: IpAddr,
    /// `<sender>` and behind it HELO.
    text: Box<[u8]>,
    /// Where the last `@` of `<sender>` is.
    pub(crate) at: usize,
    sender_end: usize,
    pub(crate) null_sender: bool,
    pub(crate) ascii_local_part: bool,
    pub(crate) domain: Result<DomainName, InvalidDomainName>,
}

impl Envelope {
    fn new(identity: Identity, ip: IpAddr, reverse_path: &[u8], helo: &[u8]) -> Self {
        let reverse_path =
            reverse_path.strip_prefix(b"<").and_then(|path| path.strip_suffix(b">")).unwrap_or(reverse_path);
        let (local_part, domain_text) = match reverse_path {
            // RFC 7208 §2.4: "the "MAIL FROM" identity to be the mailbox composed of the local-part "postmaster" and the
            // "HELO" identity"
            [] => (POSTMASTER, helo),
            path => split(path),
        };
        let domain = domain_name(domain_text);
        // RFC 8616 §4: "All U-labels MUST be converted to A-labels before being used for an SPF validation."
        let shown_domain = match &domain {
            Ok(name) if !domain_text.is_ascii() => name.as_str().as_bytes(),
            _ => domain_text.strip_suffix(b".").unwrap_or(domain_text),
        };
        let at = local_part.len();
        let text = [local_part, b"@", shown_domain, helo].concat().into_boxed_slice();
        Self {
            identity,
            ip: ip.to_canonical(),
            at,
            sender_end: at + 1 + shown_domain.len(),
            null_sender: identity == Identity::MailFrom && reverse_path.is_empty(),
            ascii_local_part: local_part.is_ascii(),
            text,
            domain,
        }
    }

    /// `local-part@domain`
    pub(crate) fn sender(&self) -> &[u8] {
        self.text.get(..self.sender_end).unwrap_or_default()
    }

    pub(crate) fn helo(&self) -> &[u8] {
        self.text.get(self.sender_end..).unwrap_or_default()
    }
}

const POSTMASTER: &[u8] = b"postmaster";

/// Local-part and domain of a reverse-path. RFC 7208 §2.2: "Implementations have to take care to correctly extract the
/// \<domain\> from the data given with the SMTP MAIL FROM command as many MTAs will still accept such things as source
/// routes".
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let routed = path.first() == Some(&b'@');
    let path = match path.iter().position(|&c| c == b':') {
        Some(colon) if routed => path.get(colon + 1..).unwrap_or_default(),
        _ => path,
    };
    // A quoted local-part may hold an "@", a domain may not.
    let (local_part, domain) =
        match path.iter().rposition(|&c| c == b'@').and_then(|at| path.split_at_checked(at)) {
            Some((local_part, domain)) => (local_part, domain.strip_prefix(b"@").unwrap_or(domain)),
            None => (&b""[..], path),
        };
    // RFC 7208 §4.3: "If the <sender> has no local-part, substitute the string "postmaster" for the local-part."
    (if local_part.is_empty() { POSTMASTER } else { local_part }, domain)
}

fn domain_name(text: &[u8]) -> Result<DomainName, InvalidDomainName> {
    match std::str::from_utf8(text) {
        Ok(text) => DomainName::new(text),
        Err(error) => {
            let offset = error.valid_up_to();
            let octet = text.get(offset).copied().unwrap_or_default();
            Err(InvalidDomainName::Octet { octet, offset })
        }
    }
}
