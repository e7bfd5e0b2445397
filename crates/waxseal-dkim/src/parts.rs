//! For those who build another protocol on these signatures, as `waxseal-arc` does, or hash the body for several checks in
//! one pass. **What is here may change in a minor version.**

use crate::{
    Canonicalization, Cause, InvalidSignature, SignError, Signature, Signer, UnacceptableDomain, Unsigned,
    Verifier, tags,
};
pub use crate::{
    body::{BodyForm, BodyHash, BodyHasher, BodyHashes},
    picker::{FieldIndex, Picker},
    streaming::{Examine, Streaming},
    tags::SignatureTags,
    verify::Examination,
};
use bytes::Bytes;
use std::{ops::Range, time::SystemTime};
use waxseal_crypto::{Algorithm, Provider, PublicKey, SigningKey};
use waxseal_dns::{DomainName, Reply};
use waxseal_header::{Field, Header, TagList};

/// Reads the value of an ARC-Message-Signature field, of which `list` are the tags (RFC 8617 §4.1.2): as a
/// DKIM-Signature, but for `v=`, which means nothing there, `i=`, which is no identity, and `h=`, which may lack From
/// and have empty names. The buffer behind `value` lives as long as the signature.
///
/// # Errors
/// [`InvalidSignature`].
pub fn message_signature(value: &Bytes, list: &TagList<'_>) -> Result<Signature, InvalidSignature> {
    Signature::from_arc_tags(value, list)
}

/// The same signature, taken for one with another `c=`.
#[must_use]
pub fn with_canonicalization(
    signature: Signature,
    header: Canonicalization,
    body: Canonicalization,
) -> Signature {
    signature.with_canonicalization(header, body)
}

/// The number that these digits of a tag are, `max_digits` of them at the most; one over 2⁶⁴-1 reads as 2⁶⁴-1.
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

/// The bytes that `signature`, which is the field number `field` of this header, is over (RFC 6376 §3.7): as
/// [`Signature::signed_bytes`], also for an ARC-Message-Signature.
pub fn signed_bytes(signature: &Signature, header: &Header, field: usize) -> Vec<u8> {
    signature.signed_bytes_of(header, field)
}

/// The body as it is hashed, without regard to `l=`. It is as long as the body.
pub fn canonical_body(canonicalization: Canonicalization, body: &[u8]) -> Vec<u8> {
    crate::body::copy::canonical_body(canonicalization, body)
}

/// Whether the policy of `verifier` lets the domain of these tags sign.
///
/// # Errors
/// [`UnacceptableDomain`].
pub fn check_domain(verifier: &Verifier, tags: &SignatureTags) -> Result<(), UnacceptableDomain> {
    verifier.policy().signing_domains.check(&tags.domain, &tags.selector)
}

/// Whether the policy of `verifier` lets a well-formed signature be looked at before its key is known: by its domain,
/// algorithm, `t=`, `x=` and `l=` (RFC 6376 §6.1.1).
///
/// # Errors
/// The [`Cause`] that speaks against it.
pub fn admit(verifier: &Verifier, signature: &Signature, now: SystemTime) -> Result<(), Cause> {
    verifier.admit(signature, now)
}

/// The public key in `reply`, the TXT records of `name`, if the record and the policy allow it to be used with
/// `algorithm` for mail (RFC 6376 §6.1.2).
///
/// # Errors
/// The [`Cause`] that speaks against it.
pub fn key(
    verifier: &Verifier,
    name: &DomainName,
    reply: &Reply,
    algorithm: Algorithm,
) -> Result<PublicKey, Cause> {
    verifier.key(name, reply, algorithm)
}

/// Verifies `signature`, which is the field number `field` of the header that `index` was made from, with its `key`:
/// the signed fields and the body, of which `body` is the hash (RFC 6376 §6.1.3). Returns the fields that may stand once and
/// stand more often than the signature covers, see [`Verdict::unsigned_additions`](crate::Verdict::unsigned_additions).
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

/// [`Signer::unsigned`] for an ARC-Message-Signature (RFC 8617 §4.1.2), with `i=` the number of the ARC set, and none of
/// `i=`, `l=`, `q=` and `z=` of DKIM.
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
