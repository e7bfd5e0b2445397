//! Building blocks for other protocols with the same signatures, such as `waxseal-arc`, and for hashing the body for
//! several checks in one pass. **What is here may change in a minor version.**

use crate::{
    Canonicalization, Cause, InvalidSignature, SignError, Signature, Signer, UnacceptableDomain, Unsigned,
    Verifier, tags,
};
pub use crate::{
    body::{BodyForm, BodyHash, BodyHasher, BodyHashes},
    picker::{FieldIndex, Picker},
    tags::SignatureTags,
    verify::Examination,
};
use bytes::Bytes;
use std::{ops::Range, time::SystemTime};
use waxseal_crypto::{Algorithm, Provider, PublicKey, SigningKey};
use waxseal_dns::{DomainName, Reply};
use waxseal_header::{Field, Header, TagList};

/// Parses the value of an ARC-Message-Signature field, whose tags are `list` (RFC 8617 §4.1.2): like a DKIM-Signature,
/// except that `v=` has no meaning, `i=` is not an identity, and `h=` may lack From and have empty names. The signature
/// keeps the buffer behind `value` alive.
///
/// # Errors
/// [`InvalidSignature`].
pub fn message_signature(value: &Bytes, list: &TagList<'_>) -> Result<Signature, InvalidSignature> {
    Signature::from_arc_tags(value, list)
}

/// The same signature with another `c=`.
#[must_use]
pub fn with_canonicalization(
    signature: Signature,
    header: Canonicalization,
    body: Canonicalization,
) -> Signature {
    signature.with_canonicalization(header, body)
}

/// Parses the digits of a tag, at most `max_digits`; a number over 2⁶⁴-1 reads as 2⁶⁴-1.
pub fn number(digits: &[u8], max_digits: usize) -> Option<u64> {
    tags::number(digits, max_digits)
}

/// Seconds of Unix time, as `t=` has them; 0 before 1970.
pub fn seconds(time: SystemTime) -> u64 {
    tags::seconds(time)
}

/// Writes the signature field as it is signed (RFC 6376 §3.7): canonical, without the bytes of its value in `b` and without
/// its line end.
pub fn signature_field(
    canonicalization: Canonicalization,
    field: Field<'_>,
    b: Range<usize>,
    out: &mut Vec<u8>,
) {
    canonicalization.signature_field(field, b, out);
}

/// The bytes that `signature`, the field number `field` of this header, signs (RFC 6376 §3.7): like
/// [`Signature::signed_bytes`], but also for an ARC-Message-Signature.
pub fn signed_bytes(signature: &Signature, header: &Header, field: usize) -> Vec<u8> {
    signature.signed_bytes_of(header, field)
}

/// The canonical body, whatever `l=` says; at most as long as the body.
pub fn canonical_body(canonicalization: Canonicalization, body: &[u8]) -> Vec<u8> {
    crate::body::copy::canonical_body(canonicalization, body)
}

/// Checks that the policy of `verifier` lets the domain of these tags sign.
///
/// # Errors
/// [`UnacceptableDomain`].
pub fn check_domain(verifier: &Verifier, tags: &SignatureTags) -> Result<(), UnacceptableDomain> {
    verifier.policy().signing_domains.check(&tags.domain, &tags.selector)
}

/// Checks what the policy of `verifier` says about a well-formed signature before its key is known: its domain,
/// algorithm, `t=`, `x=` and `l=` (RFC 6376 §6.1.1).
///
/// # Errors
/// The [`Cause`] for which it is refused.
pub fn admit(verifier: &Verifier, signature: &Signature, now: SystemTime) -> Result<(), Cause> {
    verifier.admit(signature, now)
}

/// The public key in `reply`, the TXT records of `name`, if the record and the policy allow it to be used with
/// `algorithm` for mail (RFC 6376 §6.1.2).
///
/// # Errors
/// The [`Cause`] for which it is refused.
pub fn key(
    verifier: &Verifier,
    name: &DomainName,
    reply: &Reply,
    algorithm: Algorithm,
) -> Result<PublicKey, Cause> {
    verifier.key(name, reply, algorithm)
}

/// Verifies `signature`, the field number `field` of the header behind `index`, with its `key`: the signed fields, and
/// the body by its hash `body` (RFC 6376 §6.1.3). Returns the fields that may occur once but occur more often than the
/// signature covers, see [`Verdict::unsigned_additions`](crate::Verdict::unsigned_additions).
///
/// # Errors
/// [`Cause::BodyHash`], [`Cause::HeaderSignature`], those about `l=`, and [`Cause::UnsignedAddition`].
pub fn verify_message(
    verifier: &Verifier,
    signature: &Signature,
    key: &PublicKey,
    message: (&Header, &FieldIndex, usize),
    body: &BodyHash,
) -> Result<Vec<&'static str>, Cause> {
    verifier.verify_message(signature, key, message, body)
}

/// Verifies the signature of these tags over `input`, the canonical bytes.
///
/// # Errors
/// [`Cause::HeaderSignature`], or [`Cause::Crypto`] when the provider does not verify such signatures.
pub fn verify_bytes(
    verifier: &Verifier,
    tags: &SignatureTags,
    key: &PublicKey,
    input: &[u8],
) -> Result<(), Cause> {
    verifier.verify_bytes(tags.algorithm, key, input, &tags.signature)
}

/// [`Signer::unsigned`] for an ARC-Message-Signature (RFC 8617 §4.1.2): `i=` is the number of the ARC set; `l=`, `q=`
/// and `z=` are not set.
///
/// # Errors
/// [`SignError`].
pub fn unsigned_message_signature(
    signer: &Signer,
    instance: u32,
    header: &Header,
    hashes: &BodyHashes,
    now: SystemTime,
) -> Result<Unsigned, SignError> {
    signer.unsigned_arc(instance, header, hashes, now)
}

/// The key of a signer; `None` when it was made by [`Signer::remote`].
pub fn signing_key(signer: &Signer) -> Option<&dyn SigningKey> {
    signer.key()
}

/// The crypto provider of a signer, which hashes.
pub fn provider(signer: &Signer) -> &'static dyn Provider {
    signer.provider()
}
