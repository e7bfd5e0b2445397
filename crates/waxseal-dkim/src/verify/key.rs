//! The key of a signature (RFC 6376 §6.1.2).

use super::Verifier;
use crate::{Cause, InvalidKeyRecord, KeyRecord, Policy};
use std::sync::Arc;
use waxseal_crypto::{Algorithm, KeyType, PublicKey};
use waxseal_dns::{Dnssec, DomainName, Record, Reply};

/// The record that counts among those at the name of a key.
pub(super) struct FoundRecord {
    pub(super) record: Arc<KeyRecord>,
    /// Why the others do not count.
    pub(super) ignored: Vec<Cause>,
}

impl Verifier {
    /// The public key in `reply`, the TXT records of `name`, if the record and the policy allow it to be used with
    /// `algorithm` for mail (RFC 6376 §6.1.2).
    ///
    /// # Errors
    /// The [`Cause`] that speaks against it.
    pub fn key(&self, name: &DomainName, reply: &Reply, algorithm: Algorithm) -> Result<PublicKey, Cause> {
        let found = self.key_record(name, reply)?;
        let key = check_record(&found.record, algorithm)?;
        check_bits(key, &self.policy)?;
        Ok(key.clone())
    }

    /// §6.1.2: "The Verifier MUST validate the key record and MUST ignore any public-key records that are malformed." What is
    /// left has to be one: §3.6.2.2: "if there are multiple records in an RRset, the results are undefined", and which of
    /// several is meant cannot be told, as DNS keeps no order.
    pub(super) fn key_record(&self, name: &DomainName, reply: &Reply) -> Result<FoundRecord, Cause> {
        let answer = reply.as_ref().map_err(|error| Cause::Lookup(error.clone()))?;
        if answer.dnssec == Dnssec::Bogus {
            return Err(Cause::BogusKey);
        }
        let (mut records, mut others, mut ignored) = (Vec::new(), Vec::new(), Vec::new());
        for text in answer.records.iter().filter_map(text) {
            match self.keys.parse(name, text) {
                Ok(record) if record.is_for_email() => records.push(record),
                // §3.6.1: "Verifiers for a given service type MUST ignore this record if the appropriate type is not listed."
                Ok(record) => others.push(record),
                Err(error) => ignored.push(error),
            }
        }
        // A key for other services alone is told from none.
        if records.is_empty() {
            records = std::mem::take(&mut others);
        }
        let count = records.len();
        let Some(record) = records.pop() else {
            let nearest = ignored.into_iter().min_by_key(InvalidKeyRecord::distance);
            return Err(nearest.map_or(Cause::NoKey, Cause::KeyRecord));
        };
        if count > 1 {
            return Err(Cause::SeveralKeys { count });
        }
        let ignored = ignored.into_iter().map(Cause::KeyRecord);
        let ignored = ignored.chain(others.iter().map(|_| Cause::ServiceType)).collect();
        Ok(FoundRecord { record, ignored })
    }
}

fn text(record: &Record) -> Option<&bytes::Bytes> {
    match record {
        Record::Txt(text) => Some(text),
        _ => None,
    }
}

/// RFC 6376 §6.1.2, steps 6 to 8, and `s=` of §3.6.1.
pub(super) fn check_record(record: &KeyRecord, algorithm: Algorithm) -> Result<&PublicKey, Cause> {
    let key = record.public_key().ok_or(Cause::Revoked)?;
    if record.key_type() != algorithm.key_type() {
        return Err(Cause::KeyType { key_type: record.key_type(), algorithm });
    }
    if !record.allows_hash(algorithm.hash()) {
        return Err(Cause::HashNotAllowed { algorithm });
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
        Err(Cause::KeyTooSmall { bits, min: policy.min_rsa_bits })
    } else if bits > policy.max_rsa_bits {
        Err(Cause::KeyTooLarge { bits, max: policy.max_rsa_bits })
    } else {
        Ok(())
    }
}
