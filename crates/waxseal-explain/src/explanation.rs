//! The explanation of a message and its signatures.

use crate::{diagnosis::Diagnosis, difference::Difference, page};
use std::fmt;
use waxseal::{
    Report,
    authres::{DkimResult, reason},
    dkim::{Cause, Signature, parts::canonical_body},
    header::Header,
};

/// Why a message passed or failed: the report, and the diagnoses of every signature. `Display` is one line.
///
/// See [`Explainer`](crate::Explainer).
#[derive(Debug, Clone)]
pub struct Explanation {
    pub(crate) report: Report,
    pub(crate) signatures: Vec<ExplainedSignature>,
    pub(crate) unchecked_fields: Vec<&'static str>,
    pub(crate) attached: Vec<Explanation>,
}

impl Explanation {
    /// Every verdict about the message: SPF with its evaluation, DKIM, ARC hop by hop, DMARC with its walk.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Every DKIM-Signature, then every ARC-Message-Signature, each from the top of the header down.
    pub fn signatures(&self) -> &[ExplainedSignature] {
        &self.signatures
    }

    /// The diagnoses of all signatures.
    pub fn diagnoses(&self) -> impl Iterator<Item = &Diagnosis> {
        self.signatures.iter().flat_map(ExplainedSignature::diagnoses)
    }

    /// Fields of DKIM2, which are not checked: `DKIM2-Signature` and `Message-Instance`.
    pub fn unchecked_fields(&self) -> &[&'static str] {
        &self.unchecked_fields
    }

    /// The messages attached to this one, if requested ([`Explainer::with_attached`](crate::Explainer::with_attached)).
    /// They have no envelope.
    pub fn attached(&self) -> &[Explanation] {
        &self.attached
    }

    /// A page of ASCII for people: the pages of all methods, then each signature with its diagnoses.
    pub fn explain(&self) -> String {
        page::explain(self)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.report)?;
        let kinds: Vec<_> = self.diagnoses().map(|diagnosis| diagnosis.kind().as_str()).collect();
        if kinds.is_empty() { Ok(()) } else { write!(f, " ({})", kinds.join(" ")) }
    }
}

/// A signature with its diagnoses.
#[derive(Debug, Clone)]
pub struct ExplainedSignature {
    pub(crate) instance: Option<u32>,
    pub(crate) signature: Option<Signature>,
    pub(crate) cause: Option<Cause>,
    pub(crate) canonical_header: Vec<u8>,
    pub(crate) header_hash: Hashes,
    pub(crate) body_hash: Hashes,
    pub(crate) header_difference: Option<Difference>,
    pub(crate) body_difference: Option<Difference>,
    pub(crate) made_by_key: Option<bool>,
    pub(crate) diagnoses: Vec<Diagnosis>,
    pub(crate) notes: Vec<&'static str>,
}

/// A hash as computed and as signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hashes {
    pub(crate) found: Vec<u8>,
    pub(crate) expected: Option<Vec<u8>>,
}

impl Hashes {
    /// The hash of what was received.
    pub fn found(&self) -> &[u8] {
        &self.found
    }

    /// The hash of what was signed. `None` when it is unknown: an Ed25519 signature does not contain the hash of the
    /// header, and an RSA signature reveals it only with the right public key.
    pub fn expected(&self) -> Option<&[u8]> {
        self.expected.as_deref()
    }

    /// Whether both are known and equal.
    pub fn fits(&self) -> bool {
        self.expected.as_ref() == Some(&self.found)
    }
}

impl ExplainedSignature {
    /// The number of the ARC set; `None` for a DKIM-Signature.
    pub fn instance(&self) -> Option<u32> {
        self.instance
    }

    /// The name of its field.
    pub fn field(&self) -> &'static str {
        if self.instance.is_some() { "ARC-Message-Signature" } else { "DKIM-Signature" }
    }

    /// The signature; `None` when it is malformed.
    pub fn signature(&self) -> Option<&Signature> {
        self.signature.as_ref()
    }

    /// The result.
    pub fn result(&self) -> DkimResult {
        self.cause.as_ref().map_or(DkimResult::Pass, Cause::result)
    }

    /// Why it did not pass; `None` when it did.
    pub fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }

    /// The cause with its sources.
    pub(crate) fn reason(&self) -> Option<String> {
        self.cause.as_ref().map(|cause| reason(cause))
    }

    /// Whether it passed.
    pub fn is_pass(&self) -> bool {
        self.cause.is_none()
    }

    /// Whether a hash, or the signature, does not match the message.
    pub fn is_changed(&self) -> bool {
        matches!(self.cause, Some(Cause::BodyHash { .. } | Cause::HeaderSignature { .. }))
    }

    /// The canonical header that was hashed: the signed fields, then the signature without the value of `b=`.
    pub fn canonical_header(&self) -> &[u8] {
        &self.canonical_header
    }

    /// The canonical body of `message`, which must be the explained one.
    pub fn canonical_body(&self, message: &[u8]) -> Vec<u8> {
        let Some((signature, (_, body))) = self.signature.as_ref().zip(Header::parse(message).ok()) else {
            return Vec::new();
        };
        let mut canonical = canonical_body(signature.body_canonicalization(), body);
        if let Some(length) = signature.body_length().and_then(|length| usize::try_from(length).ok()) {
            canonical.truncate(length);
        }
        canonical
    }

    /// The hashes of the header.
    pub fn header_hash(&self) -> &Hashes {
        &self.header_hash
    }

    /// The hashes of the body.
    pub fn body_hash(&self) -> &Hashes {
        &self.body_hash
    }

    /// The canonical header as signed and as received; `None` when what was signed is unknown, or nothing differs.
    pub fn header_difference(&self) -> Option<&Difference> {
        self.header_difference.as_ref()
    }

    /// The canonical body as signed and as received; `None` when what was signed is unknown, or nothing differs.
    pub fn body_difference(&self) -> Option<&Difference> {
        self.body_difference.as_ref()
    }

    /// Whether the published key made this signature, whatever happened to the message; RSA reveals it. If not, another
    /// key did, or `b=` was changed. `None` when it is unknown.
    pub fn is_made_by_key(&self) -> Option<bool> {
        self.made_by_key
    }

    /// The diagnoses, proved ones first; empty when the signature passed, or no common change explains it.
    pub fn diagnoses(&self) -> &[Diagnosis] {
        &self.diagnoses
    }

    /// What to do if no diagnosis explains the failure; `None` when the signature passed, or there are diagnoses.
    pub fn advice(&self) -> Option<&'static str> {
        self.cause.as_ref().filter(|_| self.diagnoses.is_empty()).map(advice)
    }

    /// What was not tried, and why.
    pub fn notes(&self) -> &[&'static str] {
        &self.notes
    }
}

/// One line for a log.
impl fmt::Display for ExplainedSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.field())?;
        if let Some(instance) = self.instance {
            write!(f, " i={instance}")?;
        }
        if let Some(signature) = &self.signature {
            write!(f, " d={} s={}", signature.domain(), signature.selector())?;
        }
        write!(f, ": {}", self.result())?;
        self.reason().map_or(Ok(()), |reason| write!(f, " ({reason})"))
    }
}

/// What to do about a cause that nothing in transit explains.
fn advice(cause: &Cause) -> &'static str {
    match cause {
        Cause::BodyHash { .. } | Cause::HeaderSignature { .. } => {
            "compare the message with a copy of the sender's: something unusual changed it on the way, or it is forged"
        }
        Cause::Signature(_) => "the signature itself is malformed: the signer has to fix it",
        Cause::Lookup(_) => "a DNS server did not answer: try again later",
        Cause::NoKey => {
            "publish the key record at the name of the key, or let the signer name the selector that has one"
        }
        Cause::Revoked => "the key was revoked, so what it signed counts no more: sign with another selector",
        Cause::BogusKey
        | Cause::SeveralKeys(_)
        | Cause::KeyRecord(_)
        | Cause::KeyType { .. }
        | Cause::HashNotAllowed(_)
        | Cause::ServiceType
        | Cause::StrictIdentity
        | Cause::KeyTooSmall(..)
        | Cause::KeyTooLarge(..)
        | Cause::Crypto(_) => {
            "it is not the message but the key record: waxseal dkim lint shows what is wrong with it"
        }
        Cause::RsaSha1 => "sign with rsa-sha256",
        Cause::Expired(..) => {
            "verify as of the time when the message arrived, or let the signer set a later x="
        }
        Cause::SignedInFuture(..) => "compare the clocks of the signer and of this machine",
        Cause::BodyTooShort { .. } => {
            "the end of the body was lost on the way, or l= was wrong: sign without l="
        }
        Cause::BodyLength | Cause::BodyAdditions { .. } => "sign without l=: with it anybody may append",
        Cause::FieldNotSigned(_) => "name the field in h= of the signature",
        Cause::UnsignedAddition(_) => "a field was added that is not signed: oversign it",
        Cause::TooManySignatures(_) | Cause::TooManyKeyLookups(_) => {
            "look at the signatures further up first"
        }
        _ => "the cause is not in transit",
    }
}
