//! The outcome of a check.

use crate::{
    cause::Cause,
    envelope::{Envelope, Identity},
    printable::Printable,
    trace::Trace,
};
use bytes::Bytes;
use std::{fmt, net::IpAddr, sync::Arc, time::Duration};
use waxseal_authres::{Entry, Ptype, SpfResult};
use waxseal_dns::{Dnssec, DomainName};

/// The outcome of one [`SpfCheck`](crate::SpfCheck).
///
/// The verdict is about HELO or about MAIL FROM, see [`identity`](Self::identity); only MAIL FROM counts for DMARC (RFC
/// 9989 §4.4.2).
///
/// `Display` is one line for a log; with the feature `serde` it is `Serialize`, as `{result, identity, domain, reason,
/// lookups, void_lookups}`.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_spf::{Cause, SpfCheck, dns::{Zone, drive_blocking}};
///
/// let dns = Zone::new().with_txt("example.org", "v=spf1 ip4:192.0.2.0/24 ~all")?;
/// let check = SpfCheck::mail_from("198.51.100.7".parse()?, "user@example.org", "mail.example.net", SystemTime::now());
/// let verdict = drive_blocking(check, &dns);
///
/// assert!(!verdict.is_pass());
/// assert_eq!(verdict.to_string(), "spf=softfail smtp.mailfrom=example.org (matched ~all of example.org)");
/// assert_eq!(verdict.record(), Some(&b"v=spf1 ip4:192.0.2.0/24 ~all"[..]));
/// match verdict.cause() {
///     Some(Cause::Matched(_, place)) => assert_eq!((place.term(), place.offset()), ("~all", 24)),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub(crate) envelope: Arc<Envelope>,
    pub(crate) cause: Cause,
    pub(crate) record: Option<Bytes>,
    pub(crate) explanation: Option<String>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) dnssec: Dnssec,
    pub(crate) lookups: u16,
    pub(crate) void_lookups: u16,
    pub(crate) queries: u16,
    pub(crate) depends_on_sender: bool,
    pub(crate) depends_on_local_part: bool,
    pub(crate) trace: Option<Box<Trace>>,
}

impl Verdict {
    /// The result (RFC 7208 §2.6).
    #[doc(alias = "word")]
    pub fn result(&self) -> SpfResult {
        self.cause.result()
    }

    /// Whether the result is pass.
    pub fn is_pass(&self) -> bool {
        self.result() == SpfResult::Pass
    }

    /// The term or the error that decided. Always `Some`.
    pub fn cause(&self) -> Option<&Cause> {
        Some(&self.cause)
    }

    /// The cause and its sources, as one line of ASCII without quotes: fit for `reason=` and for logs.
    pub fn reason(&self) -> String {
        waxseal_authres::reason(&self.cause)
    }

    /// A page of ASCII for people: the result and its reason, the client, the published record and the number of
    /// lookups. Text from the client is cut at 320 bytes, the record at 1,024.
    pub fn explain(&self) -> String {
        let (property, value) = self.subject();
        let client = self.ip();
        let helo = Printable(start(self.helo()));
        let mut page = format!("spf={} smtp.{property}={}\n", self.result(), Printable(start(value)));
        page += &format!("  {}\n  client {client}, HELO {helo}\n", self.reason());
        if let (Some(domain), Some(record)) = (self.domain(), &self.record) {
            let record = record.get(..SHOWN_RECORD).unwrap_or(record).escape_ascii();
            page += &format!("  {} publishes {record}\n", Printable(domain.as_str().as_bytes()));
        }
        if let Some(text) = &self.explanation {
            page += &format!("  the domain explains: {text}\n");
        }
        page += &format!(
            "  {} with lookups, {}, {}\n",
            counted(self.lookups, "term"),
            counted(self.void_lookups, "void lookup"),
            counted(self.queries, "DNS question")
        );
        page
    }

    /// The SPF record of [`domain`](Self::domain), as published; `None` unless there was exactly one.
    pub fn record(&self) -> Option<&[u8]> {
        self.record.as_deref()
    }

    /// The identity that was checked.
    pub fn identity(&self) -> Identity {
        self.envelope.identity
    }

    /// The client, an IPv4 address if it came as an IPv4-mapped one.
    pub fn ip(&self) -> IpAddr {
        self.envelope.ip
    }

    /// The domain whose record was looked up: that of the MAIL FROM or HELO identity. `None` when it is not a domain
    /// name, for which the result is none.
    pub fn domain(&self) -> Option<&DomainName> {
        self.envelope.domain.as_ref().ok()
    }

    /// `<sender>` of RFC 7208 §4.1: a mailbox, `postmaster@` HELO for a null reverse-path and for the HELO identity.
    pub fn sender(&self) -> &[u8] {
        self.envelope.sender()
    }

    /// Whether MAIL FROM was `<>`. Then [`sender`](Self::sender) is made from HELO (RFC 7208 §2.4).
    pub fn is_null_sender(&self) -> bool {
        self.envelope.null_sender
    }

    /// The argument of HELO or EHLO as given.
    pub fn helo(&self) -> &[u8] {
        self.envelope.helo()
    }

    /// The verdict as one JSON object on one line: `{"result", "identity", "domain", "reason", "lookups", "void_lookups"}`.
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn to_json(&self) -> String {
        waxseal_dns::to_json(self)
    }

    /// The directive that matched, as published, in the record of [`domain`](Self::domain) or of the last redirect.
    pub fn mechanism(&self) -> Option<&str> {
        match &self.cause {
            Cause::Matched(_, place) => Some(place.term()),
            _ => None,
        }
    }

    /// The explanation that the domain publishes for senders whose mail fails (RFC 7208 §6.2): ASCII, no control
    /// characters, at most [`Limits::with_max_explanation_bytes`](crate::Limits::with_max_explanation_bytes). `None`
    /// unless the result is fail and a valid explanation is published.
    ///
    /// The text is not yours: "Software SHOULD make it clear that the explanation string comes from a third party."
    pub fn explanation(&self) -> Option<&str> {
        self.explanation.as_deref()
    }

    /// How long the answers are valid: the smallest TTL. `None` when an answer came without one or nothing was asked;
    /// zero when a failed lookup was skipped.
    pub fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// The weakest DNSSEC state of all answers.
    pub fn dnssec(&self) -> Dnssec {
        self.dnssec
    }

    /// Terms evaluated that count against the limit of ten, see [`Limits::with_max_terms`](crate::Limits::with_max_terms) (RFC 7208
    /// §4.6.4).
    pub fn lookups(&self) -> u16 {
        self.lookups
    }

    /// Void lookups, see [`Limits::with_max_void_lookups`](crate::Limits::with_max_void_lookups).
    pub fn void_lookups(&self) -> u16 {
        self.void_lookups
    }

    /// DNS questions asked, including those of the explanation.
    pub fn queries(&self) -> u16 {
        self.queries
    }

    /// Whether a macro read the sender or HELO. If not, the same domain and client give the same verdict for
    /// [`ttl`](Self::ttl) (RFC 7208 §7.3).
    pub fn depends_on_sender(&self) -> bool {
        self.depends_on_sender
    }

    /// The trace of the evaluation, if [`SpfCheck::with_trace`](crate::SpfCheck::with_trace) was set.
    pub fn trace(&self) -> Option<&Trace> {
        self.trace.as_deref()
    }

    /// The entry for Authentication-Results (RFC 8601 §2.7.2): `smtp.mailfrom`, or `smtp.helo` for the HELO identity
    /// and for a null reverse-path; a `reason` unless the result is pass. The value of `smtp.mailfrom` is the domain;
    /// it is the whole address when a macro read the local-part, or when there is no domain.
    pub fn entry(&self) -> Entry {
        let (property, value) = self.subject();
        let entry = match self.result() {
            SpfResult::Pass => Entry::spf(SpfResult::Pass),
            result => Entry::spf(result).with_reason(self.reason()),
        };
        entry.with_property(Ptype::Smtp, property, value)
    }

    /// The property that was checked.
    fn subject(&self) -> (&'static str, &[u8]) {
        let domain = self.domain().map(|domain| domain.as_str().as_bytes());
        match (self.identity(), domain) {
            // RFC 8601 §2.7.2: "If the retrieved sender policies used to evaluate SPF do not contain explicit provisions for
            // authenticating the local-part ... of an address, the "pvalue" reported along with results for this mechanism
            // SHOULD NOT include the local-part or the following "@" character."
            (Identity::MailFrom, _) if self.is_null_sender() => ("helo", self.shown_helo(domain)),
            (Identity::MailFrom, Some(domain)) if !self.depends_on_local_part => ("mailfrom", domain),
            (Identity::MailFrom, _) => ("mailfrom", self.sender()),
            (Identity::Helo, _) => ("helo", self.shown_helo(domain)),
        }
    }

    /// A non-ASCII name is shown with A-labels, as it was looked up (RFC 8616 §4).
    fn shown_helo<'v>(&'v self, domain: Option<&'v [u8]>) -> &'v [u8] {
        domain.filter(|_| !self.helo().is_ascii()).unwrap_or_else(|| self.helo())
    }
}

const SHOWN_RECORD: usize = 1024;

/// A client can send long text; what exceeds the length of a mailbox (RFC 5321 §4.5.3.1) is cut.
fn counted(number: u16, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn start(text: &[u8]) -> &[u8] {
    text.get(..320).unwrap_or(text)
}

impl fmt::Display for Verdict {
    /// Result, identity and reason, as one line of ASCII.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (property, value) = self.subject();
        let cut = if start(value).len() < value.len() { "..." } else { "" };
        write!(
            f,
            "spf={} smtp.{property}={}{cut} ({})",
            self.result(),
            Printable(start(value)),
            self.reason()
        )
    }
}
