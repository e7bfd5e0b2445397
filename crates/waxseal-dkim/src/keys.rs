//! A cache of parsed key records.

use crate::{InvalidKeyRecord, KeyRecord};
use bytes::Bytes;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use waxseal_dns::DomainName;

/// Keeps parsed key records, so that a key is decoded once. A record is reused only when its text is the same byte for
/// byte, so the cache affects nothing but speed.
///
/// It holds 16,384 records of at most 1,024 bytes: about 20 MiB when all are RSA keys of 2048 bits, 40 MiB at the very most.
#[derive(Default)]
pub(crate) struct KeyCache {
    records: Mutex<Records>,
}

#[derive(Default)]
struct Records {
    slots: Vec<Slot>,
    /// Where each name is in `slots`.
    by_name: HashMap<DomainName, usize>,
    /// The slot that is considered next for eviction.
    hand: usize,
}

struct Slot {
    name: DomainName,
    text: Bytes,
    record: Arc<KeyRecord>,
    /// Used since the hand last passed it.
    used: bool,
}

impl KeyCache {
    /// The most records kept.
    const MAX_RECORDS: usize = 16 * 1024;

    /// Longer records are parsed each time: one with a key of 4096 bits has 760 bytes.
    const MAX_BYTES: usize = 1024;

    /// The record that `text`, found at `name`, stands for.
    pub(crate) fn parse(&self, name: &DomainName, text: &Bytes) -> Result<Arc<KeyRecord>, InvalidKeyRecord> {
        if let Some(record) = self.records().get(name, text) {
            return Ok(record);
        }
        let record = Arc::new(KeyRecord::parse(text)?);
        if text.len() <= Self::MAX_BYTES {
            // A copy, so that the DNS message can be freed.
            let text = Bytes::copy_from_slice(text);
            self.records().put(Slot { name: name.clone(), text, record: record.clone(), used: false });
        }
        Ok(record)
    }

    /// Records are complete even if the lock is poisoned.
    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCache").field("records", &self.records().slots.len()).finish()
    }
}

impl Records {
    fn get(&mut self, name: &DomainName, text: &Bytes) -> Option<Arc<KeyRecord>> {
        let slot = self.slots.get_mut(*self.by_name.get(name)?)?;
        if slot.text != text {
            return None;
        }
        slot.used = true;
        Some(slot.record.clone())
    }

    fn put(&mut self, slot: Slot) {
        let number = match self.by_name.get(&slot.name) {
            Some(known) => *known,
            None if self.slots.len() < KeyCache::MAX_RECORDS => self.slots.len(),
            None => self.evict(),
        };
        self.by_name.insert(slot.name.clone(), number);
        match self.slots.get_mut(number) {
            Some(known) => *known = slot,
            None => self.slots.push(slot),
        }
    }

    /// Evicts a record that was not used since the hand last passed it, and returns its slot. So keys that are seen
    /// once do not drive out those that are seen often.
    fn evict(&mut self) -> usize {
        loop {
            let number = self.hand;
            self.hand = (number + 1) % self.slots.len().max(1);
            match self.slots.get_mut(number) {
                Some(slot) if slot.used => slot.used = false,
                Some(slot) => {
                    self.by_name.remove(&slot.name);
                    return number;
                }
                None => return number,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Bytes =
        Bytes::from_static(b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");

    fn name(number: usize) -> DomainName {
        format!("k{number}._domainkey.example.org").parse().unwrap()
    }

    /// Whether this very record was kept.
    fn knows(cache: &KeyCache, number: usize) -> bool {
        cache.records().by_name.contains_key(&name(number))
    }

    #[test]
    fn a_record_is_parsed_once_and_again_when_its_text_changes() {
        let cache = KeyCache::default();
        let first = cache.parse(&name(0), &TEXT).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.parse(&name(0), &TEXT).unwrap()));
        let other =
            Bytes::from_static(b"v=DKIM1; k=ed25519; t=y; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
        let second = cache.parse(&name(0), &other).unwrap();
        assert!(!Arc::ptr_eq(&first, &second) && second.is_testing() && !first.is_testing());
        assert!(Arc::ptr_eq(&second, &cache.parse(&name(0), &other).unwrap()));
        assert_eq!(cache.records().slots.len(), 1);
    }

    /// One more than fits drives out one, not all; and one that is in use stays however many strangers come by.
    #[test]
    fn one_record_goes_for_one_that_comes() {
        let cache = KeyCache::default();
        for number in 0..KeyCache::MAX_RECORDS {
            cache.parse(&name(number), &TEXT).unwrap();
        }
        cache.parse(&name(0), &TEXT).unwrap();
        cache.parse(&name(KeyCache::MAX_RECORDS), &TEXT).unwrap();
        assert!(knows(&cache, 0) && !knows(&cache, 1) && knows(&cache, 2));
        for number in 0..KeyCache::MAX_RECORDS * 2 {
            cache.parse(&name(KeyCache::MAX_RECORDS + number), &TEXT).unwrap();
            cache.parse(&name(0), &TEXT).unwrap();
        }
        assert!(knows(&cache, 0) && !knows(&cache, 2));
        let records = cache.records();
        assert_eq!(
            (records.slots.len(), records.by_name.len()),
            (KeyCache::MAX_RECORDS, KeyCache::MAX_RECORDS)
        );
        for (name, slot) in &records.by_name {
            assert_eq!(records.slots[*slot].name, *name);
        }
    }

    #[test]
    fn records_that_are_long_are_not_kept() {
        let cache = KeyCache::default();
        let long = Bytes::from([&TEXT[..], b"; n=", &[b'x'; KeyCache::MAX_BYTES]].concat());
        assert!(cache.parse(&name(0), &long).is_ok());
        assert!(!knows(&cache, 0));
        assert!(cache.parse(&name(0), &Bytes::from_static(b"p=?")).is_err());
        assert!(!knows(&cache, 0));
    }
}
