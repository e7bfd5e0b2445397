//! Whether a key may be used (RFC 6376 §6.1.2).

use crate::{Cause, KeyRecord, Policy};
use waxseal_crypto::{Algorithm, KeyType, PublicKey};

/// RFC 6376 §6.1.2, steps 6 to 8, and `s=` of §3.6.1.
pub(super) fn check_record(record: &KeyRecord, algorithm: Algorithm) -> Result<&PublicKey, Cause> {
    let key = record.public_key().ok_or(Cause::Revoked)?;
    if record.key_type() != algorithm.key_type() {
        return Err(Cause::KeyType(record.key_type(), algorithm));
    }
    if !record.allows_hash(algorithm.hash()) {
        return Err(Cause::HashNotAllowed(algorithm));
    }
    if !record.is_for_email() {
        return Err(Cause::ServiceType);
    }
    Ok(key)
}

pub(super) fn check_bits(key: &PublicKey, policy: &Policy) -> Result<(), Cause> {
    let bits = key.bits();
    if key.key_type() != KeyType::Rsa {
        Ok(())
    } else if bits < policy.min_rsa_bits {
        Err(Cause::KeyTooSmall(bits, policy.min_rsa_bits))
    } else if bits > policy.max_rsa_bits {
        Err(Cause::KeyTooLarge(bits, policy.max_rsa_bits))
    } else {
        Ok(())
    }
}
