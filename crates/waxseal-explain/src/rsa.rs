//! The hash in an RSA signature.

use num_bigint_dig::BigUint;
use waxseal::crypto::{HashAlgorithm, PublicKey};

/// DigestInfo up to the digest (RFC 8017 §9.2, note 1).
const SHA256: &[u8] = &[0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
const SHA1: &[u8] = &[0x30, 0x21, 0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0, 4, 0x14];

/// The hash of what was signed: RSASSA-PKCS1-v1_5 encloses it (RFC 8017 §8.2). `None` when `key` did not make the signature.
///
/// No verdict depends on it: only public values are looked at, to compare them with other messages that may have been signed.
pub(crate) fn enclosed_digest(key: &PublicKey, signature: &[u8], hash: HashAlgorithm) -> Option<Vec<u8>> {
    let (modulus, exponent) = key.rsa_components()?;
    if signature.len() != modulus.len() {
        return None;
    }
    let (n, e) = (BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent));
    let signature = BigUint::from_bytes_be(signature);
    if signature >= n {
        return None;
    }
    let encoded = signature.modpow(&e, &n).to_bytes_be();
    // The zero in front is no part of the number.
    if encoded.len() + 1 != modulus.len() {
        return None;
    }
    let info = match hash {
        HashAlgorithm::Sha256 => SHA256,
        HashAlgorithm::Sha1 => SHA1,
    };
    let padded = encoded.strip_prefix(&[1])?;
    let filler = padded.iter().take_while(|byte| **byte == 0xff).count();
    let digest = padded.get(filler..)?.strip_prefix(&[0])?.strip_prefix(info)?;
    (filler >= 8 && digest.len() == hash.output_len()).then(|| digest.to_vec())
}
