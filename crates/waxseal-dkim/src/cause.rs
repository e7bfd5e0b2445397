//! Why a signature did not pass.

use crate::{InvalidKeyRecord, InvalidSignature, UnacceptableDomain};
use base64::{Engine, prelude::BASE64_STANDARD};
use waxseal_authres::DkimResult;
use waxseal_crypto::{Algorithm, KeyType, VerifyError};
use waxseal_dns::LookupError;
use waxseal_header::HeaderError;

/// Why a signature did not pass. [`Cause::result`] returns the result that goes with it.
///
/// `Display` is one line of ASCII without quotes, fit for `reason=` in Authentication-Results.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The header block exceeded a limit; no signature was read.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The DKIM-Signature field is malformed.
    #[error(transparent)]
    Signature(#[from] InvalidSignature),
    /// The domain may not sign; see [`Policy::with_signing_domains`](crate::Policy::with_signing_domains).
    #[error(transparent)]
    Domain(#[from] UnacceptableDomain),
    /// The message has more signatures than [`Policy::with_max_signatures`](crate::Policy::with_max_signatures) allows,
    /// and this is one of the rest.
    #[error("more than {0} signatures")]
    TooManySignatures(usize),
    /// The signatures above this one use up the lookups that
    /// [`Policy::with_max_key_lookups`](crate::Policy::with_max_key_lookups) allows.
    #[error("more than {0} key lookups")]
    TooManyKeyLookups(usize),
    /// See [`Policy::with_rsa_sha1`](crate::Policy::with_rsa_sha1).
    #[error("rsa-sha1 is not accepted")]
    RsaSha1,
    /// `x=` has passed. Both are seconds of Unix time: `x=`, and the time of verification.
    #[error("signature expired at {0}, now is {1}")]
    Expired(u64, u64),
    /// `t=` is in the future. Both are seconds of Unix time: `t=`, and the time of verification.
    #[error("signature is dated {0}, now is {1}")]
    SignedInFuture(u64, u64),
    /// See [`Policy::with_required_fields`](crate::Policy::with_required_fields).
    #[error("field {0} is not signed")]
    FieldNotSigned(String),
    /// The key lookup failed.
    #[error("key lookup failed")]
    Lookup(#[source] LookupError),
    /// The name of the key does not exist, or has no TXT record.
    #[error("no key record")]
    NoKey,
    /// DNSSEC validation of the answer about the key failed.
    #[error("DNSSEC validation of the key record failed")]
    BogusKey,
    /// RFC 6376 §3.6.2.2: "TXT RRs MUST be unique for a particular selector name". Text that is not a key record does
    /// not count.
    #[error("{0} key records instead of one")]
    SeveralKeys(usize),
    /// No record at the name of the key is valid; of several, this is about the one that comes closest.
    #[error("key record: {0}")]
    KeyRecord(InvalidKeyRecord),
    /// The key was revoked: `p=` is empty.
    #[error("key is revoked")]
    Revoked,
    /// `k=` does not match the algorithm of the signature.
    #[error("key of type {0} does not match {1}")]
    KeyType(KeyType, Algorithm),
    /// `h=` of the key record does not allow the hash of the signature.
    #[error("key record does not allow the hash of {0}")]
    HashNotAllowed(Algorithm),
    /// `s=` of the key record does not name mail.
    #[error("key is not meant for mail")]
    ServiceType,
    /// `t=s` of the key record wants the domain of `i=` to equal `d=`.
    #[error("domain of i= differs from d=, which the key record forbids")]
    StrictIdentity,
    /// The bits of the key, and the limit; see [`Policy::with_min_rsa_bits`](crate::Policy::with_min_rsa_bits).
    #[error("RSA key of {0} bits is smaller than {1}")]
    KeyTooSmall(u32, u32),
    /// The bits of the key, and the limit; see [`Policy::with_max_rsa_bits`](crate::Policy::with_max_rsa_bits).
    #[error("RSA key of {0} bits is larger than {1}")]
    KeyTooLarge(u32, u32),
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
        /// The hash of the body as received.
        computed: Vec<u8>,
        /// Whether the header is intact: then only the body was changed.
        header_intact: bool,
    },
    /// The header is not what was signed, or another key signed it.
    #[error(
        "signature does not match the header: computed header hash {}{}",
        BASE64_STANDARD.encode(.header_hash),
        changed(.changed_fields)
    )]
    HeaderSignature {
        /// The hash of the signed fields as received. What the signer hashed cannot be read from the signature.
        header_hash: Vec<u8>,
        /// Names of the fields that differ from the copies in `z=`; empty when there is no `z=`.
        changed_fields: Vec<String>,
    },
    /// `l=` is larger than the body.
    #[error("l={signed} is more than the {bytes} bytes of the body")]
    BodyTooShort {
        /// `l=`
        signed: u64,
        /// Bytes of the canonical body.
        bytes: u64,
    },
    /// See [`BodyLengthPolicy::Refuse`](crate::BodyLengthPolicy::Refuse).
    #[error("l= is not accepted")]
    BodyLength,
    /// See [`BodyLengthPolicy::RefuseAdditions`](crate::BodyLengthPolicy::RefuseAdditions).
    #[error("{added} bytes were added to the body behind l={signed}")]
    BodyAdditions {
        /// `l=`
        signed: u64,
        /// Bytes of the canonical body behind it.
        added: u64,
    },
    /// The hashes passed to [`Examination::finish`](crate::parts::Examination::finish) lack the one that this signature needs:
    /// a mistake of the calling program, not of the message.
    #[error("the program has not hashed the body for this signature")]
    NoBodyHash,
    /// See [`Policy::with_unsigned_additions_refused`](crate::Policy::with_unsigned_additions_refused).
    #[error("field {0} occurs more often than it is signed")]
    UnsignedAddition(&'static str),
}

impl Cause {
    /// The result of RFC 8601 §2.7.1 that goes with the cause.
    ///
    /// For syntax errors two RFCs differ. RFC 6376 §6.1.1: "any inconsistency or unexpected values MUST cause the header
    /// field to be completely ignored and the Verifier to return PERMFAIL (signature syntax error)". RFC 8601 §2.7.1 has
    /// neutral when "the signature or signatures contained syntax errors or were not otherwise able to be processed", and
    /// permerror for "some error that is unrecoverable, such as a required header field being absent". They are permerror
    /// here, as OpenDKIM 2.11 writes it for a broken `c=` or another version: neutral would tell a reader less.
    pub const fn result(&self) -> DkimResult {
        match self {
            Self::Header(_) | Self::Signature(_) | Self::BodyTooShort { .. } => DkimResult::PermError,
            // RFC 6376 §3.5: "domain-name = sub-domain 1*("." sub-domain)"
            Self::Domain(UnacceptableDomain::Name(..) | UnacceptableDomain::SingleLabel(_)) => {
                DkimResult::PermError
            }
            // RFC 8601 §2.7.1: "A later attempt may produce a final result." The message is not at fault when the
            // program lost a hash, and should wait until that is fixed.
            Self::NoBodyHash => DkimResult::TempError,
            // RFC 6376 §6.1.2: "PERMFAIL (no key for signature)", "(key syntax error)", "(inappropriate hash
            // algorithm)", "(key revoked)", "(inappropriate key algorithm)".
            Self::NoKey
            | Self::SeveralKeys(..)
            | Self::KeyRecord(_)
            | Self::Revoked
            | Self::KeyType(..)
            | Self::HashNotAllowed(..)
            | Self::ServiceType
            | Self::StrictIdentity
            | Self::Crypto(_) => DkimResult::PermError,
            // RFC 6376 §6.1.2: "If the query for the public key fails to respond, the Verifier MAY seek a later
            // verification attempt by returning TEMPFAIL (key unavailable)."
            Self::Lookup(_) => DkimResult::TempError,
            // RFC 8601 §2.7.1: "some aspect of the signature or signatures was not acceptable to the ADMD".
            Self::Domain(UnacceptableDomain::Refused(_))
            | Self::TooManySignatures(..)
            | Self::TooManyKeyLookups(..)
            | Self::RsaSha1
            | Self::BogusKey
            | Self::SignedInFuture(..)
            | Self::FieldNotSigned(..)
            | Self::KeyTooSmall(..)
            | Self::KeyTooLarge(..)
            | Self::BodyLength
            | Self::BodyAdditions { .. }
            | Self::UnsignedAddition(..) => DkimResult::Policy,
            // RFC 8601 §2.7.1: "they failed the verification test(s)".
            Self::Expired(..) | Self::BodyHash { .. } | Self::HeaderSignature { .. } => DkimResult::Fail,
        }
    }
}

fn changed(fields: &[String]) -> String {
    if fields.is_empty() { String::new() } else { format!(", changed since signing: {}", fields.join(" ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_not_to_blame_for_a_program_that_lost_a_hash() {
        assert_eq!(Cause::NoBodyHash.result(), DkimResult::TempError);
        let cause = Cause::Crypto(VerifyError::UnsupportedAlgorithm(Algorithm::RsaSha1, "some library"));
        assert_eq!(cause.result(), DkimResult::PermError);
    }
}
