//! A cache of parsed records.

use crate::Record;
use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

/// Caches parsed records, so that the record of a busy sender is parsed once: see
/// [`LocalPolicy::with_record_cache`](crate::LocalPolicy::with_record_cache). A new record replaces another.
pub(crate) struct RecordCache {
    /// Keyed, so that nobody can choose records to evict others.
    hasher: RandomState,
    slots: Box<[Mutex<Option<Arc<Record>>>]>,
}

impl RecordCache {
    const SLOTS: usize = 1024;
    const MAX_BYTES: usize = 512;

    /// The record with this text; `None` when it is not a DMARC record.
    pub(crate) fn record(&self, text: &[u8]) -> Option<Arc<Record>> {
        let slot = if text.len() <= Self::MAX_BYTES { self.slot(text) } else { None };
        // Entries are complete even if the lock is poisoned.
        if let Some(known) = slot.and_then(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).clone())
        {
            if *known.text.0 == *text {
                return Some(known);
            }
        }
        let record = Arc::new(Record::parse(text).ok()?);
        if let Some(slot) = slot {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(record.clone());
        }
        Some(record)
    }

    fn slot(&self, text: &[u8]) -> Option<&Mutex<Option<Arc<Record>>>> {
        self.slots.get(self.hasher.hash_one(text) as usize % Self::SLOTS)
    }
}

impl Default for RecordCache {
    fn default() -> Self {
        let slots = (0..Self::SLOTS).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::new(), slots }
    }
}

impl fmt::Debug for RecordCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_used_again_for_the_same_text_alone() {
        let cache = RecordCache::default();
        let (reject, none) = (b"v=DMARC1; p=reject", b"v=DMARC1; p=none");
        let first = cache.record(reject).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.record(reject).unwrap()));
        let other = cache.record(none).unwrap();
        assert_eq!(
            (other.to_string(), first.to_string()),
            ("v=DMARC1; p=none".into(), "v=DMARC1; p=reject".into())
        );
        // The meaning is the same, the published text is not.
        let spaced = cache.record(b"v=DMARC1;  p=reject").unwrap();
        assert_eq!((&spaced, spaced.published().len()), (&first, reject.len() + 1));
    }

    #[test]
    fn what_is_large_or_no_record_is_not_kept() {
        let cache = RecordCache::default();
        let record = |bytes: usize| format!("v=DMARC1; p=reject; x={}", "x".repeat(bytes - 22));
        for (bytes, kept) in [(RecordCache::MAX_BYTES, true), (RecordCache::MAX_BYTES + 1, false)] {
            let text = record(bytes);
            assert_eq!(text.len(), bytes);
            let (one, again) =
                (cache.record(text.as_bytes()).unwrap(), cache.record(text.as_bytes()).unwrap());
            assert_eq!(Arc::ptr_eq(&one, &again), kept, "{bytes}");
        }
        assert_eq!(cache.record(b"v=spf1 -all"), None);
    }
}
