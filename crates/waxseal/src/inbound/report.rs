//! The report about a message.

use super::{
    Distrust, Envelope, Evidence, IprevVerdict, Method, TrustedForwarder, case::Case, explain::explain,
    settings::Settings, trust::Trust,
};
use std::{fmt, sync::Arc};
use waxseal_authres::{AuthenticationResults, DkimResult, DmarcResult, Entry, ReceivedSpf};
use waxseal_dkim::{Verdict, Verdicts};
use waxseal_dmarc::Disposition;
use waxseal_header::{Header, HeaderError};

/// The result of a check: every verdict, what to do with the message, and why. Cheap to clone. `Display` is one line
/// for a log.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal::{Authenticator, Disposition, Envelope, dns::Zone};
/// let dns = Zone::new()
///     .with_txt("example.org", "v=spf1 ip4:192.0.2.0/24 -all")?
///     .with_txt("_dmarc.example.org", "v=DMARC1; p=quarantine")?;
/// let envelope = Envelope::new("203.0.113.5".parse()?, "pc.example.com", "joe@example.org");
/// let message = b"From: joe@example.org\r\n\r\nHi.\r\n";
/// let report = Authenticator::new("mx.example.net")?.check_blocking(&envelope, message, SystemTime::now(), &dns);
///
/// assert_eq!(report.to_string(), "spf=fail dkim=none dmarc=fail disposition=quarantine"); // for the log
/// assert_eq!(report.disposition(), Disposition::Quarantine); // what to do with the message
/// assert_eq!(report.spf().reason(), "matched -all of example.org"); // each method has its verdict
/// assert_eq!(report.reason(), "no authenticated identifier"); // for the reply
/// let field = report.authentication_results().to_field(); // to be put in front of the message
/// assert!(field.starts_with("Authentication-Results: mx.example.net;"));
/// print!("{}", report.explain()); // for people who ask why
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[doc(alias("verdict"))]
pub struct Report {
    found: Arc<Found>,
}

/// The verdicts, the settings and the message.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) settings: Arc<Settings>,
    pub(super) case: Arc<Case>,
    /// The sealer of the message, if it is forwarded.
    pub(super) sealer: Option<waxseal_arc::Sealer>,
    pub(super) spf: Arc<waxseal_spf::Verdict>,
    pub(super) spf_checked: bool,
    pub(super) helo: Option<Arc<waxseal_spf::Verdict>>,
    pub(super) iprev: Option<Arc<IprevVerdict>>,
    pub(super) dkim: Arc<Verdicts>,
    pub(super) arc: Option<Arc<waxseal_arc::Chain>>,
    pub(super) dmarc: waxseal_dmarc::Verdict,
    pub(super) trust: Trust,
}

impl Report {
    pub(super) fn new(found: Found) -> Self {
        Self { found: Arc::new(found) }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.found.settings
    }

    pub(crate) fn sealer(&self) -> Option<&waxseal_arc::Sealer> {
        self.found.sealer.as_ref()
    }

    /// Whether this method was checked, or its verdict passed in.
    pub(super) fn has(&self, method: Method) -> bool {
        match method {
            Method::Spf => self.found.spf_checked,
            Method::Helo => self.found.helo.is_some(),
            Method::Arc => self.found.arc.is_some(),
            Method::Iprev => self.found.iprev.is_some(),
            Method::Dkim | Method::Dmarc => self.settings().checks(method),
        }
    }

    pub(crate) fn case(&self) -> &Case {
        &self.found.case
    }

    /// The envelope that was checked.
    pub fn envelope(&self) -> &Envelope {
        &self.case().envelope
    }

    /// The header that was checked, for further processing such as
    /// [`remove_forged`](waxseal_authres::AuthservIds::remove_forged). It may be forged like any other header.
    ///
    /// # Errors
    /// Why it was refused: over a limit
    /// ([`Authenticator::with_header_limits`](super::Authenticator::with_header_limits)), or malformed. Then the
    /// disposition is that of mail without a clear author, and forged fields cannot be found: refuse such a message
    /// instead of editing it.
    pub fn header(&self) -> Result<&Header, &HeaderError> {
        self.case().header.as_ref()
    }

    /// SPF of MAIL FROM; of `postmaster@` HELO when MAIL FROM was null; none without the address of a client or
    /// [`Method::Spf`].
    pub fn spf(&self) -> &waxseal_spf::Verdict {
        &self.found.spf
    }

    /// SPF of HELO, a separate identity. `None` without [`Method::Helo`] or when MAIL FROM was null.
    pub fn spf_helo(&self) -> Option<&waxseal_spf::Verdict> {
        self.found.helo.as_deref()
    }

    /// A verdict for each DKIM signature, from the top of the header down. Empty without [`Method::Dkim`].
    pub fn dkim(&self) -> &Verdicts {
        &self.found.dkim
    }

    /// The ARC chain. `None` when it was not checked ([`Authenticator::with_arc`](super::Authenticator::with_arc)).
    pub fn arc(&self) -> Option<&waxseal_arc::Chain> {
        self.found.arc.as_deref()
    }

    /// DMARC, and the path to its verdict. Its own disposition ignores trusted forwarders: use [`Report::disposition`].
    /// Without [`Method::Dmarc`] it is none ([`NotChecked`](waxseal_dmarc::Cause::NotChecked)).
    pub fn dmarc(&self) -> &waxseal_dmarc::Verdict {
        &self.found.dmarc
    }

    /// The reverse DNS check of the client. `None` without its address or [`Method::Iprev`].
    pub fn iprev(&self) -> Option<&IprevVerdict> {
        self.found.iprev.as_deref()
    }

    /// The trusted forwarder that saw DMARC pass, if the policy of the domain was not applied for this reason; see
    /// [`Authenticator::with_trusted_sealers`](super::Authenticator::with_trusted_sealers).
    pub fn trusted_forwarder(&self) -> Option<&TrustedForwarder> {
        self.found.trust.forwarder.as_ref()
    }

    /// Why no [trusted forwarder](Self::trusted_forwarder) vouches for the message, when there are trusted sealers and
    /// the policy of the domain was applied: one cause for the chain, or one for each ARC set from the newest down to
    /// the first that is not by a trusted sealer. Empty when there was no policy to set aside.
    pub fn distrust(&self) -> &[Distrust] {
        &self.found.trust.distrust
    }

    /// The result of DMARC, which combines the methods: whether the message is from the domain of its author. It does not
    /// depend on the [local policy](Self::disposition) or on [trusted forwarders](Self::trusted_forwarder).
    #[doc(alias = "word")]
    pub fn result(&self) -> DmarcResult {
        self.dmarc().result()
    }

    /// Whether the [result](Self::result) is pass: the domain in From is authenticated.
    pub fn is_pass(&self) -> bool {
        self.dmarc().is_pass()
    }

    /// What decided the [result](Self::result). Always set.
    pub fn cause(&self) -> Option<&waxseal_dmarc::Cause> {
        self.dmarc().cause()
    }

    /// What to do with the message, according to DMARC and the local policy, unless a trusted forwarder vouches for it
    /// ([`Report::trusted_forwarder`]).
    ///
    /// [`Disposition::Defer`] is for a message that cannot be judged now because a lookup failed: answer with 451 4.7.1 on
    /// every try, and the client tries again later.
    pub fn disposition(&self) -> Disposition {
        if self.found.trust.forwarder.is_some() {
            return Disposition::None;
        }
        self.dmarc().disposition()
    }

    /// The field to put in front of the message: SPF of MAIL FROM, then of HELO, every DKIM signature that was tried, ARC with
    /// the address of the client (RFC 8617 §6), DMARC and `iprev`. [`to_field`](AuthenticationResults::to_field) writes it. The
    /// same results go into an ARC set.
    pub fn authentication_results(&self) -> AuthenticationResults {
        let mut results = AuthenticationResults::new(&*self.found.settings.authserv_id);
        results.extend(self.has(Method::Spf).then(|| self.spf().entry()));
        results.extend(self.spf_helo().map(waxseal_spf::Verdict::entry));
        if self.has(Method::Dkim) {
            results.extend(dkim_entries(self.dkim()));
        }
        results.extend(self.arc_entry());
        results.extend(self.has(Method::Dmarc).then(|| self.dmarc_entry()));
        results.extend(self.iprev().map(IprevVerdict::entry));
        results
    }

    fn arc_entry(&self) -> Option<Entry> {
        self.arc().map(|chain| match self.envelope().ip() {
            Some(ip) => chain.entry_from(ip),
            None => chain.entry(),
        })
    }

    /// The Received-SPF field (RFC 7208 §9.1) about MAIL FROM.
    pub fn received_spf(&self) -> ReceivedSpf {
        self.spf().received_spf(Some(&*self.found.settings.authserv_id))
    }

    /// The reason for the [`disposition`](Self::disposition), for a reply to the client or a log: the trusted
    /// forwarder, or else the reason of DMARC. One line of ASCII without quotes.
    pub fn reason(&self) -> String {
        match self.trusted_forwarder() {
            Some(forwarder) => format!("a trusted forwarder saw DMARC pass ({forwarder})"),
            None => self.dmarc().reason(),
        }
    }

    /// A page of ASCII for people: the result of each method and why, every name that DMARC looked up, and what to do.
    pub fn explain(&self) -> String {
        explain(self)
    }

    /// The report as one JSON object on one line: what `waxseal check --json` prints about a message. The guide page
    /// [`json`](crate::guide::json) has the schema.
    #[cfg(feature = "json")]
    pub fn to_json(&self) -> String {
        waxseal_dns::to_json(self)
    }

    /// The input of the verdicts, with hashes in place of the body: to be stored, and judged again by
    /// [`Authenticator::replay`](super::Authenticator::replay).
    pub fn evidence(&self) -> Evidence {
        Evidence::new(self.found.case.clone())
    }

    fn dmarc_entry(&self) -> Entry {
        let entry = self.dmarc().entry();
        if let Some(forwarder) = self.trusted_forwarder() {
            let policy = self.dmarc().policy().map(|policy| format!("p={policy} ")).unwrap_or_default();
            return entry.with_comment(format!("{policy}dis=none; {forwarder}"));
        }
        entry
    }
}

/// How many signatures have an entry in the field, besides those that passed: its length must not be up to the sender.
const MAX_DKIM_ENTRIES: usize = 20;

fn dkim_entries(verdicts: &Verdicts) -> Vec<Entry> {
    if verdicts.as_slice().len() <= MAX_DKIM_ENTRIES {
        return verdicts.entries();
    }
    let told = |index: usize, verdict: &Verdict| index < MAX_DKIM_ENTRIES || verdict.is_pass();
    let mut entries = verdicts.entries_where(told);
    let more = verdicts.as_slice().len() - entries.len();
    entries.push(Entry::dkim(DkimResult::Policy).with_reason(format!("{more} more signatures")));
    entries
}

/// One line for a log: `spf=pass dkim=pass dmarc=pass disposition=none`, with `arc=pass` after DKIM if ARC was checked,
/// and without methods that were not.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without an envelope, spf=none needs an explanation if SPF was to be checked.
        if self.has(Method::Spf) || self.settings().checks(Method::Spf) {
            write!(f, "spf={} ", self.spf().result())?;
        }
        if self.has(Method::Dkim) {
            write!(f, "dkim={} ", self.dkim().result())?;
        }
        if let Some(chain) = self.arc() {
            write!(f, "arc={} ", chain.result())?;
        }
        if self.has(Method::Dmarc) {
            write!(f, "dmarc={} ", self.dmarc().result())?;
        }
        write!(f, "disposition={}", self.disposition())
    }
}
