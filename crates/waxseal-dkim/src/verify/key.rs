//! The key of a signature (RFC 6376 §6.1.2).

use super::{
    Verifier,
    key_rules::{check_bits, check_record},
};
use crate::{Cause, KeyRecord};
use bytes::Bytes;
use std::sync::Arc;
use waxseal_crypto::{Algorithm, PublicKey};
use waxseal_dns::{Dnssec, DomainName, Record, Reply};

/// The key record that was found at the name of a key.
pub(super) struct FoundRecord {
    pub(super) record: Arc<KeyRecord>,
    /// As it is published.
    pub(super) text: Bytes,
    /// Why the other records do not count.
    pub(super) ignored: Vec<Cause>,
}

impl Verifier {
    /// The public key in `reply`, the TXT records of `name`, if the record and the policy allow it to be used with
    /// `algorithm` for mail (RFC 6376 §6.1.2).
    ///
    /// # Errors
    /// The [`Cause`] for which it is refused.
    pub(crate) fn key(
        &self,
        name: &DomainName,
        reply: &Reply,
        algorithm: Algorithm,
    ) -> Result<PublicKey, Cause> {
        let found = self.key_record(name, reply)?;
        let key = check_record(&found.record, algorithm)?;
        check_bits(key, &self.policy)?;
        Ok(key.clone())
    }

    /// §6.1.2: "The Verifier MUST validate the key record and MUST ignore any public-key records that are malformed."
    /// One has to remain: §3.6.2.2: "if there are multiple records in an RRset, the results are undefined", and which
    /// of several is meant cannot be known, as DNS keeps no order.
    pub(super) fn key_record(&self, name: &DomainName, reply: &Reply) -> Result<FoundRecord, Cause> {
        let answer = reply.as_ref().map_err(|error| Cause::Lookup(error.clone()))?;
        if answer.dnssec == Dnssec::Bogus {
            return Err(Cause::BogusKey);
        }
        let (mut mail, mut other, mut ignored) = (Found::default(), Found::default(), Vec::new());
        for text in answer.records.iter().filter_map(text) {
            match self.keys.parse(name, text) {
                Ok(record) if record.is_for_email() => mail.add(record, text),
                // §3.6.1: "Verifiers for a given service type MUST ignore this record if the appropriate type is not listed."
                Ok(record) => other.add(record, text),
                Err(error) => ignored.push(error),
            }
        }
        // A key for other services only is reported as such, not as missing.
        let found = if mail.count == 0 { std::mem::take(&mut other) } else { mail };
        let Some((record, text)) = found.first else {
            let nearest = ignored.into_iter().min_by_key(|error| error.0.distance());
            return Err(nearest.map_or(Cause::NoKey, Cause::KeyRecord));
        };
        if found.count > 1 {
            return Err(Cause::SeveralKeys(found.count));
        }
        let ignored = ignored.into_iter().map(Cause::KeyRecord);
        let ignored = ignored.chain(std::iter::repeat_n(Cause::ServiceType, other.count)).collect();
        Ok(FoundRecord { record, text: text.clone(), ignored })
    }
}

/// The first record, and how many there are. Usually there is one.
#[derive(Default)]
struct Found<'r> {
    first: Option<(Arc<KeyRecord>, &'r Bytes)>,
    count: usize,
}

impl<'r> Found<'r> {
    fn add(&mut self, record: Arc<KeyRecord>, text: &'r Bytes) {
        self.first.get_or_insert((record, text));
        self.count += 1;
    }
}

fn text(record: &Record) -> Option<&Bytes> {
    match record {
        Record::Txt(text) => Some(text),
        _ => None,
    }
}
