//! Parsed key records, kept between messages.

use crate::{InvalidKeyRecord, KeyRecord};
use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use waxseal_dns::DomainName;

/// Remembers what key records parse to, so that a busy sender's key is decoded once. A record is used again only when its
/// text is the same to the octet, so nothing but time depends on this.
#[derive(Debug, Default)]
pub(crate) struct KeyCache {
    records: Mutex<HashMap<DomainName, (Bytes, Arc<KeyRecord>)>>,
}

impl KeyCache {
    /// Records kept at the most; one more, and all are forgotten.
    const MAX_RECORDS: usize = 1024;

    /// Longer records are parsed each time: a key of 4096 bits takes 740 octets.
    const MAX_OCTETS: usize = 2048;

    /// The record that `text`, found at `name`, stands for.
    pub(crate) fn parse(&self, name: &DomainName, text: &Bytes) -> Result<Arc<KeyRecord>, InvalidKeyRecord> {
        // A poisoned lock protects whole entries all the same.
        let known = self.records.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some((_, record)) = known.filter(|(known, _)| known == text) {
            return Ok(record);
        }
        let record = Arc::new(KeyRecord::parse(text)?);
        if text.len() <= Self::MAX_OCTETS {
            let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            if records.len() >= Self::MAX_RECORDS {
                records.clear();
            }
            // A copy, lest the whole DNS message live on.
            records.insert(name.clone(), (Bytes::copy_from_slice(text), record.clone()));
        }
        Ok(record)
    }
}
