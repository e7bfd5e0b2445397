//! What became of each signature, and why.

use crate::{InvalidKeyRecord, InvalidSignature, Selector, Signature, UnacceptableDomain, header_b::HeaderB};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::{fmt, sync::Arc, time::Duration};
use waxseal_authres::{DkimResult, Entry, Ptype, reason};
use waxseal_crypto::{Algorithm, KeyType, VerifyError};
use waxseal_dns::{Dnssec, DomainName, LookupError};
use waxseal_header::HeaderError;

/// Why a signature did not pass. [`Cause::result`] gives the result that goes with it.
///
/// `Display` is one line of ASCII without quotes, fit for `reason=` in Authentication-Results.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The header block was over a limit; no signature was looked at.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The DKIM-Signature field is malformed.
    #[error(transparent)]
    Signature(#[from] InvalidSignature),
    /// The domain may not sign; see [`Policy::with_signing_domains`](crate::Policy::with_signing_domains).
    #[error(transparent)]
    Domain(#[from] UnacceptableDomain),
    /// More signatures than [`Policy::with_max_signatures`](crate::Policy::with_max_signatures) allows stand above.
    #[error("more than {limit} signatures")]
    TooManySignatures {
        /// The limit.
        limit: usize,
    },
    /// The signatures above need as many keys as [`Policy::with_max_key_lookups`](crate::Policy::with_max_key_lookups)
    /// allows.
    #[error("more than {limit} key lookups")]
    TooManyKeyLookups {
        /// The limit.
        limit: usize,
    },
    /// See [`Policy::with_rsa_sha1`](crate::Policy::with_rsa_sha1).
    #[error("rsa-sha1 is not accepted")]
    RsaSha1,
    /// `x=` has passed.
    #[error("signature expired at {expiration}, now is {now}")]
    Expired {
        /// `x=`, in seconds of Unix time.
        expiration: u64,
        /// The time of verification, in seconds of Unix time.
        now: u64,
    },
    /// `t=` is yet to come.
    #[error("signature is of {timestamp}, now is {now}")]
    SignedInFuture {
        /// `t=`, in seconds of Unix time.
        timestamp: u64,
        /// The time of verification, in seconds of Unix time.
        now: u64,
    },
    /// See [`Policy::with_required_fields`](crate::Policy::with_required_fields).
    #[error("field {field} is not signed")]
    FieldNotSigned {
        /// The field, as the policy names it.
        field: String,
    },
    /// The key lookup failed.
    #[error("key lookup failed")]
    Lookup(#[source] LookupError),
    /// The name of the key does not exist, or has no TXT record.
    #[error("no key record")]
    NoKey,
    /// DNSSEC says that the answer about the key was tampered with.
    #[error("DNSSEC validation of the key record failed")]
    BogusKey,
    /// RFC 6376 §3.6.2.2: "TXT RRs MUST be unique for a particular selector name". Text that is no key record does not count.
    #[error("{count} key records where one is due")]
    SeveralKeys {
        /// How many there are.
        count: usize,
    },
    /// No record at the name of the key can be read; of several, this is about the one that is nearest to a key record.
    #[error("key record: {0}")]
    KeyRecord(InvalidKeyRecord),
    /// The key was revoked: `p=` is empty.
    #[error("key is revoked")]
    Revoked,
    /// `k=` does not go with the algorithm of the signature.
    #[error("key of type {key_type} does not go with {algorithm}")]
    KeyType {
        /// The type of the key.
        key_type: KeyType,
        /// The algorithm of the signature.
        algorithm: Algorithm,
    },
    /// `h=` of the key record does not allow the hash of the signature.
    #[error("key record does not allow the hash of {algorithm}")]
    HashNotAllowed {
        /// The algorithm of the signature.
        algorithm: Algorithm,
    },
    /// `s=` of the key record does not name mail.
    #[error("key is not meant for mail")]
    ServiceType,
    /// `t=s` of the key record wants the domain of `i=` to equal `d=`.
    #[error("domain of i= differs from d=, which the key record forbids")]
    StrictIdentity,
    /// See [`Policy::with_min_rsa_bits`](crate::Policy::with_min_rsa_bits).
    #[error("RSA key of {bits} bits is smaller than {min}")]
    KeyTooSmall {
        /// Bits of the modulus.
        bits: u32,
        /// The limit.
        min: u32,
    },
    /// See [`Policy::with_max_rsa_bits`](crate::Policy::with_max_rsa_bits).
    #[error("RSA key of {bits} bits is larger than {max}")]
    KeyTooLarge {
        /// Bits of the modulus.
        bits: u32,
        /// The limit.
        max: u32,
    },
    /// The crypto provider cannot check this signature.
    #[error("signature cannot be checked: {0}")]
    Crypto(VerifyError),
    /// The body is not what was signed.
    #[error(
        "body hash does not match: signed {}, computed {}",
        BASE64_STANDARD.encode(.expected),
        BASE64_STANDARD.encode(.computed)
    )]
    BodyHash {
        /// `bh=`
        expected: Vec<u8>,
        /// The hash of the body that came.
        computed: Vec<u8>,
        /// Whether the header is as it was signed: then only the body was changed.
        header_intact: bool,
    },
    /// The header is not what was signed, or another key signed it.
    #[error(
        "signature does not match the header: computed header hash {}{}",
        BASE64_STANDARD.encode(.header_hash),
        changed(.changed_fields)
    )]
    HeaderSignature {
        /// The hash of the signed fields as they came. What was signed cannot be told from the signature.
        header_hash: Vec<u8>,
        /// Names of the fields that differ from the copies in `z=`; empty when there is no `z=`.
        changed_fields: Vec<String>,
    },
    /// `l=` is larger than the body.
    #[error("l={signed} is more than the {octets} octets of the body")]
    BodyTooShort {
        /// `l=`
        signed: u64,
        /// Octets of the canonical body.
        octets: u64,
    },
    /// See [`BodyLengthPolicy::Refuse`](crate::BodyLengthPolicy::Refuse).
    #[error("l= is not accepted")]
    BodyLength,
    /// See [`BodyLengthPolicy::RefuseAdditions`](crate::BodyLengthPolicy::RefuseAdditions).
    #[error("{added} octets were added to the body behind l={signed}")]
    BodyAdditions {
        /// `l=`
        signed: u64,
        /// Octets of the canonical body behind it.
        added: u64,
    },
    /// The hashes that [`Examination::finish`](crate::Examination::finish) was given lack the one that the signature needs: a
    /// mistake of the calling program, not of the message.
    #[error("the program has not hashed the body for this signature")]
    NoBodyHash,
    /// See [`Policy::with_unsigned_additions_refused`](crate::Policy::with_unsigned_additions_refused).
    #[error("field {field} stands more often than it is signed")]
    UnsignedAddition {
        /// The field.
        field: &'static str,
    },
}

impl Cause {
    /// The result of RFC 8601 §2.7.1 that goes with the cause.
    pub const fn result(&self) -> DkimResult {
        match self {
            // Here two RFCs differ. RFC 6376 §6.1.1: "any inconsistency or unexpected values MUST cause the header field to be
            // completely ignored and the Verifier to return PERMFAIL (signature syntax error)". RFC 8601 §2.7.1 has neutral
            // when "the signature or signatures contained syntax errors or were not otherwise able to be processed", and
            // permerror for "some error that is unrecoverable, such as a required header field being absent". PERMFAIL is
            // permerror, as OpenDKIM 2.11 writes it for a broken `c=` or another version: neutral would tell a reader less.
            Self::Header(_) | Self::Signature(_) | Self::BodyTooShort { .. } => DkimResult::PermError,
            // RFC 6376 §3.5: "domain-name = sub-domain 1*("." sub-domain)"
            Self::Domain(UnacceptableDomain::Name { .. } | UnacceptableDomain::SingleLabel { .. }) => {
                DkimResult::PermError
            }
            // RFC 8601 §2.7.1: "A later attempt may produce a final result." The message is not to blame for a program that
            // lost a hash, and should wait until that is mended.
            Self::NoBodyHash => DkimResult::TempError,
            // RFC 6376 §6.1.2: "PERMFAIL (no key for signature)", "(key syntax error)", "(inappropriate hash
            // algorithm)", "(key revoked)", "(inappropriate key algorithm)".
            Self::NoKey
            | Self::SeveralKeys { .. }
            | Self::KeyRecord(_)
            | Self::Revoked
            | Self::KeyType { .. }
            | Self::HashNotAllowed { .. }
            | Self::ServiceType
            | Self::StrictIdentity
            | Self::Crypto(_) => DkimResult::PermError,
            // RFC 6376 §6.1.2: "If the query for the public key fails to respond, the Verifier MAY seek a later
            // verification attempt by returning TEMPFAIL (key unavailable)."
            Self::Lookup(_) => DkimResult::TempError,
            // RFC 8601 §2.7.1: "some aspect of the signature or signatures was not acceptable to the ADMD".
            Self::Domain(UnacceptableDomain::Refused { .. })
            | Self::TooManySignatures { .. }
            | Self::TooManyKeyLookups { .. }
            | Self::RsaSha1
            | Self::BogusKey
            | Self::SignedInFuture { .. }
            | Self::FieldNotSigned { .. }
            | Self::KeyTooSmall { .. }
            | Self::KeyTooLarge { .. }
            | Self::BodyLength
            | Self::BodyAdditions { .. }
            | Self::UnsignedAddition { .. } => DkimResult::Policy,
            // RFC 8601 §2.7.1: "they failed the verification test(s)".
            Self::Expired { .. } | Self::BodyHash { .. } | Self::HeaderSignature { .. } => DkimResult::Fail,
        }
    }
}

fn changed(fields: &[String]) -> String {
    if fields.is_empty() { String::new() } else { format!(", changed since signing: {}", fields.join(" ")) }
}

/// What became of one signature.
#[derive(Debug, Clone)]
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

/// What a malformed signature says of itself, as far as it can be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims {
    pub(crate) domain: Option<DomainName>,
    pub(crate) selector: Option<Selector>,
    pub(crate) algorithm: Option<Algorithm>,
}

/// What the verdict keeps of the key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyFacts {
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

    /// The result.
    pub fn result(&self) -> DkimResult {
        self.cause.as_ref().map_or(DkimResult::Pass, Cause::result)
    }

    /// True when the signature passed.
    pub fn is_pass(&self) -> bool {
        self.cause.is_none()
    }

    /// Why it did not pass; `None` when it did.
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
            None => format!("@{}", signature.domain()),
        })
    }

    /// Bits of the key, once it was found.
    pub fn key_bits(&self) -> Option<u32> {
        self.key.map(|key| key.bits)
    }

    /// Whether the key record says that the domain is testing DKIM (`t=y`): then a message must be treated no worse than
    /// an unsigned one, and no better (RFC 6376 §3.6.1).
    pub fn is_testing(&self) -> bool {
        self.key.is_some_and(|key| key.testing)
    }

    /// DNSSEC state of the key record.
    pub fn dnssec(&self) -> Dnssec {
        self.dnssec
    }

    /// How long the answer about the key holds, when DNS said so.
    pub fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// Fields that may stand only once, stand more often than this signature, which verified, covers, and so may show a
    /// reader what was never signed (RFC 6376 §8.15). [`Policy::with_unsigned_additions_refused`] refuses such a message.
    ///
    /// [`Policy::with_unsigned_additions_refused`]: crate::Policy::with_unsigned_additions_refused
    pub fn unsigned_additions(&self) -> &[&'static str] {
        &self.unsigned_additions
    }

    /// Why other TXT records at the name of the key do not count: they are no key records
    /// ([`Cause::KeyRecord`]), or not for mail ([`Cause::ServiceType`]). Empty unless there is a key record.
    pub fn ignored_records(&self) -> &[Cause] {
        &self.ignored_records
    }

    /// One line of ASCII without quotes: the cause and those behind it, or that all is well; then what else is worth knowing.
    pub fn reason(&self) -> String {
        let first = match &self.cause {
            Some(cause) => reason(cause),
            None if self.is_testing() => "signature and body hash match; the domain is testing".into(),
            None => "signature and body hash match".into(),
        };
        [first].into_iter().chain(self.notes()).collect::<Vec<_>>().join("; ")
    }

    /// What is worth knowing of a pass, too.
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

    /// `2048-bit key; secure`, as OpenDKIM writes it; then what a reader should know.
    fn comment(&self, header_b: Option<&HeaderB>) -> Option<String> {
        let left = match header_b {
            Some(HeaderB::Left(why)) => Some((*why).to_owned()),
            _ => None,
        };
        let parts: Vec<_> = [self.key_comment(), self.additions(), left].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join("; "))
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
        Some(format!("{bits}-bit key{security}{testing}"))
    }
}

/// `dkim=pass`, or the word and the cause; and what is worth knowing of a pass.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dkim={}", self.result())?;
        if let Some(domain) = self.domain() {
            write!(f, " d={domain}")?;
        }
        if let Some(selector) = self.selector() {
            write!(f, " s={selector}")?;
        }
        if !self.is_pass() {
            return write!(f, ": {}", self.reason());
        }
        let notes = self.notes();
        if notes.is_empty() { Ok(()) } else { write!(f, ": {}", notes.join("; ")) }
    }
}

/// A verdict for each DKIM-Signature of a message, from the top of the header to the bottom; empty for a message without
/// any. When the header was over a limit, one verdict that says so.
#[derive(Debug, Clone, Default)]
pub struct Verdicts(pub(crate) Vec<Verdict>);

impl Verdicts {
    /// True when at least one signature passed.
    pub fn any_pass(&self) -> bool {
        self.iter().any(Verdict::is_pass)
    }

    /// The result for the message as a whole: the best one, in the order pass, fail, policy, temperror, permerror,
    /// neutral, and `none` without any signature. Domains matter more than this word; see [`Verdict::domain`].
    pub fn result(&self) -> DkimResult {
        let rank = |word: &DkimResult| match word {
            DkimResult::Pass => 0,
            DkimResult::Fail => 1,
            DkimResult::Policy => 2,
            DkimResult::TempError => 3,
            DkimResult::PermError => 4,
            DkimResult::Neutral => 5,
            DkimResult::None => 6,
        };
        self.iter().map(Verdict::result).min_by_key(rank).unwrap_or(DkimResult::None)
    }

    /// The entries for Authentication-Results: one for each signature, or `dkim=none`.
    ///
    /// `header.b` is as long as it takes to tell the signatures of the message apart (RFC 6008 §4), eight characters at the
    /// least. An entry that does not pass and whose `b=` is that of another signature is written without it and says so in its
    /// comment: a copy of a good `b=` in a forged field does not cast doubt on the good result.
    pub fn entries(&self) -> Vec<Entry> {
        self.entries_where(|_, _| true)
    }

    /// [`Verdicts::entries`] of those for which `told` says yes, by their number from the top and what became of them.
    pub fn entries_where(&self, told: impl Fn(usize, &Verdict) -> bool) -> Vec<Entry> {
        if self.is_empty() {
            return vec![Entry::dkim(DkimResult::None).with_reason("no signature")];
        }
        let all = self.iter().zip(HeaderB::all(self)).enumerate();
        let told = all.filter(|(index, (verdict, _))| told(*index, verdict));
        told.map(|(_, (verdict, header_b))| verdict.entry_with(header_b.as_ref())).collect()
    }
}

/// The one verdict on a message whose header block is over a limit, for those who feed a
/// [`Splitter`](waxseal_header::Splitter) themselves.
impl From<HeaderError> for Verdicts {
    fn from(error: HeaderError) -> Self {
        Self(vec![Verdict::new(Some(Cause::Header(error)))])
    }
}

impl std::ops::Deref for Verdicts {
    type Target = [Verdict];

    fn deref(&self) -> &[Verdict] {
        &self.0
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_not_to_blame_for_a_program_that_lost_a_hash() {
        assert_eq!(Cause::NoBodyHash.result(), DkimResult::TempError);
        let cause = Cause::Crypto(VerifyError::UnsupportedAlgorithm {
            algorithm: Algorithm::RsaSha1,
            provider: "some library",
        });
        assert_eq!(cause.result(), DkimResult::PermError);
    }
}
