//! The verdict on each signature, and why.

use crate::{Cause, Selector, Signature, header_b::HeaderB};
use bytes::Bytes;
use std::{
    fmt::{self, Write},
    sync::Arc,
    time::Duration,
};
use waxseal_authres::{DkimResult, Entry, Ptype, reason};
use waxseal_crypto::Algorithm;
use waxseal_dns::{Dnssec, DomainName};
use waxseal_header::HeaderError;

/// The verdict on one signature.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_dkim::{Cause, Policy, Verifier, dns::Zone};
/// let message = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=2026a; h=From;\r\n\
///       \x20bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=c2lnbmF0dXJl\r\n\
///     From: joe@example.org\r\n\r\nHi.\r\n";
/// let verdicts = Verifier::new(Policy::default())?.verify_blocking(message, SystemTime::now(), &Zone::new());
/// for verdict in &verdicts {
///     assert!(!verdict.is_pass());
///     assert_eq!(verdict.cause(), Some(&Cause::NoKey));
///     assert_eq!(verdict.to_string(), "dkim=permerror header.d=example.org header.s=2026a (no key record)");
///     println!("{}", verdict.explain());
/// }
/// # Ok::<(), waxseal_crypto::NoProvider>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub(crate) signature: Option<Arc<Signature>>,
    pub(crate) claims: Claims,
    pub(crate) cause: Option<Cause>,
    pub(crate) key: Option<KeyFacts>,
    pub(crate) dnssec: Dnssec,
    pub(crate) ttl: Option<Duration>,
    pub(crate) unsigned_additions: Vec<&'static str>,
    pub(crate) ignored_records: Vec<Cause>,
}

/// The parts of a malformed signature that could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) domain: Option<DomainName>,
    pub(crate) selector: Option<Selector>,
    pub(crate) algorithm: Option<Algorithm>,
}

/// The parts of the key that the verdict keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyFacts {
    pub(crate) record: Bytes,
    pub(crate) bits: u32,
    pub(crate) testing: bool,
}

impl Verdict {
    pub(crate) fn new(cause: Option<Cause>) -> Self {
        Self {
            signature: None,
            claims: Claims::default(),
            cause,
            key: None,
            dnssec: Dnssec::default(),
            ttl: None,
            unsigned_additions: Vec::new(),
            ignored_records: Vec::new(),
        }
    }

    /// The result (RFC 8601 §2.7.1).
    #[doc(alias = "word")]
    pub fn result(&self) -> DkimResult {
        self.cause.as_ref().map_or(DkimResult::Pass, Cause::result)
    }

    /// True when the signature passed.
    pub fn is_pass(&self) -> bool {
        self.cause.is_none()
    }

    /// Why the signature did not pass; `None` when it did.
    pub fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }

    /// The signature, if it could be read.
    pub fn signature(&self) -> Option<&Signature> {
        self.signature.as_deref()
    }

    /// `d=`, also of a malformed signature if that much could be read.
    pub fn domain(&self) -> Option<&DomainName> {
        self.signature().map(Signature::domain).or(self.claims.domain.as_ref())
    }

    /// `s=`, also of a malformed signature if that much could be read.
    pub fn selector(&self) -> Option<&Selector> {
        self.signature().map(Signature::selector).or(self.claims.selector.as_ref())
    }

    /// `a=`, also of a malformed signature if that much could be read.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.signature().map(Signature::algorithm).or(self.claims.algorithm)
    }

    /// `i=`, or what its absence means: an at sign and `d=` (RFC 6376 §3.5).
    pub fn identity(&self) -> Option<String> {
        let signature = self.signature()?;
        Some(match signature.identity() {
            Some(identity) => String::from_utf8_lossy(identity).into_owned(),
            None => ["@", signature.domain().as_str()].concat(),
        })
    }

    /// The size of the key in bits, if it was found.
    pub fn key_bits(&self) -> Option<u32> {
        self.key.as_ref().map(|key| key.bits)
    }

    /// The text of the key record, as published; `None` unless there was one for the signature.
    pub fn key_record(&self) -> Option<&[u8]> {
        self.key.as_ref().map(|key| &*key.record)
    }

    /// Whether the key record says that the domain is testing DKIM (`t=y`): then a message must be treated no worse than
    /// an unsigned one, and no better (RFC 6376 §3.6.1).
    pub fn is_testing(&self) -> bool {
        self.key.as_ref().is_some_and(|key| key.testing)
    }

    /// DNSSEC state of the key record.
    pub fn dnssec(&self) -> Dnssec {
        self.dnssec
    }

    /// How long the answer about the key is valid (its TTL), when DNS said so.
    pub fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// Fields that may occur only once, but occur more often than this valid signature covers: a mail program may show
    /// one that was never signed (RFC 6376 §8.15). [`Policy::with_unsigned_additions_refused`] refuses such a message.
    ///
    /// [`Policy::with_unsigned_additions_refused`]: crate::Policy::with_unsigned_additions_refused
    pub fn unsigned_additions(&self) -> &[&'static str] {
        &self.unsigned_additions
    }

    /// Why other TXT records at the name of the key do not count: they are not key records ([`Cause::KeyRecord`]), or
    /// not for mail ([`Cause::ServiceType`]). Empty unless there is a key record.
    pub fn ignored_records(&self) -> &[Cause] {
        &self.ignored_records
    }

    /// One line of ASCII without quotes: the cause and its sources, or that the signature matches; then further notes.
    pub fn reason(&self) -> String {
        let first = match &self.cause {
            Some(cause) => reason(cause),
            None if self.is_testing() => "signature and body hash match; the domain is testing".into(),
            None => "signature and body hash match".into(),
        };
        [first].into_iter().chain(self.notes()).collect::<Vec<_>>().join("; ")
    }

    /// Notes that also apply to a pass.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(additions) = self.additions() {
            notes.push(format!("{additions} (Policy::with_unsigned_additions_refused refuses that)"));
        }
        if let Some(ignored) = self.ignored_records.first() {
            let count = self.ignored_records.len();
            notes.push(format!(
                "other TXT records at the name of the key were ignored ({count}): {}",
                reason(ignored)
            ));
        }
        notes
    }

    /// The verdict as one JSON object on one line: `{"d", "s", "a", "i", "result", "reason"}`, with `unsigned_additions` and
    /// `ignored_records` if there are any.
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn to_json(&self) -> String {
        waxseal_dns::to_json(self)
    }

    /// A page of ASCII for people: the result and its reason, then the signature and its key.
    pub fn explain(&self) -> String {
        let mut page = String::new();
        // Writing to a String does not fail.
        _ = self.write_page(&mut page);
        page
    }

    fn write_page(&self, page: &mut String) -> fmt::Result {
        self.write_subject(page)?;
        writeln!(page, "\n  {}", self.reason())?;
        let Some(signature) = self.signature() else { return Ok(()) };
        let (header, body) = (signature.header_canonicalization(), signature.body_canonicalization());
        writeln!(page, "  signed with {}, canonicalization {header}/{body}", signature.algorithm())?;
        let fields: Vec<_> = signature.signed_fields().map(|name| name.escape_ascii().to_string()).collect();
        writeln!(page, "  signed fields: {}", fields.join(" "))?;
        if let Some(length) = signature.body_length() {
            writeln!(page, "    only the first {length} bytes of the body are signed")?;
        }
        if let Some(timestamp) = signature.timestamp() {
            writeln!(page, "  signed at {timestamp} (Unix time)")?;
        }
        if let Some(expiration) = signature.expiration() {
            writeln!(page, "  expires at {expiration} (Unix time)")?;
        }
        match &self.key {
            Some(key) => writeln!(page, "  {} publishes {}", signature.key_name(), key.record.escape_ascii()),
            None => writeln!(page, "  the key belongs at {}", signature.key_name()),
        }
    }

    /// `dkim=pass header.d=example.org header.s=2026a`
    fn write_subject(&self, out: &mut impl Write) -> fmt::Result {
        write!(out, "dkim={}", self.result())?;
        if let Some(domain) = self.domain() {
            write!(out, " header.d={domain}")?;
        }
        match self.selector() {
            Some(selector) => write!(out, " header.s={selector}"),
            None => Ok(()),
        }
    }

    /// `a further Subject is not signed`
    fn additions(&self) -> Option<String> {
        let fields = self.unsigned_additions.join(", ");
        (!fields.is_empty()).then(|| format!("a further {fields} is not signed"))
    }

    /// The entry for Authentication-Results, when no other signature is reported beside it; otherwise
    /// [`Verdicts::entries`].
    pub fn entry(&self) -> Entry {
        let header_b = self.signature().map(|signature| HeaderB::alone(signature.signature()));
        self.entry_with(header_b.as_ref())
    }

    fn entry_with(&self, header_b: Option<&HeaderB>) -> Entry {
        let mut entry = Entry::dkim(self.result());
        if let Some(cause) = &self.cause {
            entry = entry.with_reason(reason(cause));
        }
        if let Some(comment) = self.comment(header_b) {
            entry = entry.with_comment(comment);
        }
        if let Some(domain) = self.domain() {
            entry = entry.with_property(Ptype::Header, "d", domain.as_str());
        }
        if let Some(identity) = self.identity() {
            entry = entry.with_property(Ptype::Header, "i", identity);
        }
        if let Some(algorithm) = self.algorithm() {
            entry = entry.with_property(Ptype::Header, "a", algorithm.as_str());
        }
        if let Some(selector) = self.selector() {
            entry = entry.with_property(Ptype::Header, "s", selector.as_str());
        }
        if let Some(HeaderB::Start(start)) = header_b {
            entry = entry.with_property(Ptype::Header, "b", start);
        }
        entry
    }

    /// `2048-bit key; secure`, as OpenDKIM writes it, then further notes.
    fn comment(&self, header_b: Option<&HeaderB>) -> Option<String> {
        let left = match header_b {
            Some(HeaderB::Left(why)) => Some((*why).to_owned()),
            _ => None,
        };
        let parts = [self.key_comment(), self.additions(), left].into_iter().flatten();
        parts.reduce(|comment, part| comment + "; " + &part)
    }

    fn key_comment(&self) -> Option<String> {
        let bits = self.key_bits()?;
        let security = match self.dnssec {
            Dnssec::Secure => "; secure",
            Dnssec::Insecure => "; unprotected",
            Dnssec::Bogus => "; bogus",
            Dnssec::Indeterminate => "",
        };
        let testing = if self.is_testing() { "; testing" } else { "" };
        Some([bits.to_string().as_str(), "-bit key", security, testing].concat())
    }
}

/// One line for a log, such as `dkim=permerror header.d=example.org header.s=2026a (no key record)`.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_subject(f)?;
        write!(f, " ({})", self.reason())
    }
}

/// The verdicts on the DKIM-Signatures of a message, from the top of the header to the bottom; empty for a message
/// without any. When the header exceeds a limit, there is one verdict that says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts(pub(crate) Vec<Verdict>);

impl Verdicts {
    /// The verdict on a message whose header was refused, for programs that use a
    /// [`Splitter`](waxseal_header::Splitter) themselves.
    pub fn refused(error: HeaderError) -> Self {
        Self(vec![Verdict::new(Some(Cause::Header(error)))])
    }

    /// The verdicts.
    pub fn as_slice(&self) -> &[Verdict] {
        &self.0
    }

    /// The verdicts, from the top of the header to the bottom.
    pub fn iter(&self) -> std::slice::Iter<'_, Verdict> {
        self.0.iter()
    }

    /// True for a message without a signature.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True when at least one signature passed.
    pub fn is_pass(&self) -> bool {
        self.iter().any(Verdict::is_pass)
    }

    /// The result for the message as a whole: the best one, in the order pass, fail, policy, temperror, permerror,
    /// neutral, and `none` without any signature. Which domain signed matters more than this word: see
    /// [`Verdict::domain`].
    #[doc(alias = "word")]
    pub fn result(&self) -> DkimResult {
        self.best().map_or(DkimResult::None, Verdict::result)
    }

    /// Why the best signature did not pass; `None` when it did, or there is none.
    pub fn cause(&self) -> Option<&Cause> {
        self.best().and_then(Verdict::cause)
    }

    /// The [reason](Verdict::reason) of the best signature.
    pub fn reason(&self) -> String {
        self.best().map_or(NO_SIGNATURE.into(), Verdict::reason)
    }

    /// The [verdicts](Verdict::to_json) as one JSON list on one line.
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn to_json(&self) -> String {
        waxseal_dns::to_json(self)
    }

    /// The [pages](Verdict::explain) of all signatures.
    pub fn explain(&self) -> String {
        if self.is_empty() { format!("{self}\n") } else { self.iter().map(Verdict::explain).collect() }
    }

    fn best(&self) -> Option<&Verdict> {
        self.iter().min_by_key(|verdict| match verdict.result() {
            DkimResult::Pass => 0,
            DkimResult::Fail => 1,
            DkimResult::Policy => 2,
            DkimResult::TempError => 3,
            DkimResult::PermError => 4,
            DkimResult::Neutral => 5,
            DkimResult::None => 6,
        })
    }

    /// The entries for Authentication-Results: one for each signature, or `dkim=none`.
    ///
    /// `header.b` is as long as it takes to tell the signatures of the message apart (RFC 6008 §4), at least eight
    /// characters. An entry that does not pass and has the `b=` of another signature is written without it, with a
    /// comment: so copying a good `b=` into a forged field casts no doubt on the good result.
    pub fn entries(&self) -> Vec<Entry> {
        self.entries_where(|_, _| true)
    }

    /// [`Verdicts::entries`] of the signatures for which `wanted` returns true, given their number from the top and
    /// verdict.
    pub fn entries_where(&self, wanted: impl Fn(usize, &Verdict) -> bool) -> Vec<Entry> {
        if self.is_empty() {
            return vec![Entry::dkim(DkimResult::None).with_reason(NO_SIGNATURE)];
        }
        let all = self.iter().zip(HeaderB::all(&self.0)).enumerate();
        let wanted = all.filter(|(index, (verdict, _))| wanted(*index, verdict));
        wanted.map(|(_, (verdict, header_b))| verdict.entry_with(header_b.as_ref())).collect()
    }
}

const NO_SIGNATURE: &str = "no signature";

/// One line for a log: the verdicts, separated by semicolons.
impl fmt::Display for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return write!(f, "dkim=none ({NO_SIGNATURE})");
        }
        for (number, verdict) in self.iter().enumerate() {
            write!(f, "{}{verdict}", if number > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl IntoIterator for Verdicts {
    type Item = Verdict;
    type IntoIter = std::vec::IntoIter<Verdict>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'v> IntoIterator for &'v Verdicts {
    type Item = &'v Verdict;
    type IntoIter = std::slice::Iter<'v, Verdict>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
