//! A cache of parsed records.

use crate::{plan::Plan, syntax_error::SyntaxError};
use bytes::Bytes;
use foldhash::fast::RandomState;
use std::{
    fmt,
    hash::BuildHasher,
    sync::{Arc, Mutex, PoisonError},
};
use waxseal_dns::DomainName;

/// Caches parsed records, so that the record of a busy sender is parsed once. Clones share the cache.
///
/// A parsed record is reused only when its text is the same byte for byte, so the cache affects nothing but speed. It
/// holds at most 2,048 records of 64 directives and 1,024 bytes, about 20 MB if all are that large; a new one replaces
/// another.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_spf::{RecordCache, SpfCheck, dns::{Zone, drive_blocking}};
///
/// let records = RecordCache::default();
/// let dns = Zone::new().with_txt("example.org", "v=spf1 ip4:192.0.2.0/24 -all")?;
/// for client in ["192.0.2.1", "192.0.2.2"] {
///     let check = SpfCheck::mail_from(client.parse()?, "user@example.org", "mail.example.org", SystemTime::now());
///     assert!(drive_blocking(check.with_record_cache(&records), &dns).is_pass());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct RecordCache(Arc<Slots>);

struct Slots {
    /// Seeded, so that no names evict others everywhere; who finds some costs them speed alone.
    hasher: RandomState,
    slots: Box<[Slot]>,
}

/// The record of one of the domains with this hash, each with its own lock.
type Slot = Mutex<Option<(Bytes, Arc<Plan>)>>;

impl RecordCache {
    const SLOTS: usize = 2048;
    const MAX_BYTES: usize = 1024;
    const MAX_DIRECTIVES: usize = 64;

    /// The plan for `record`, published at `domain`.
    pub(crate) fn plan(&self, domain: &DomainName, record: &Bytes) -> Result<Arc<Plan>, SyntaxError> {
        let Some(slot) = self.slot(domain).filter(|_| record.len() <= Self::MAX_BYTES) else {
            return Plan::read(record, false).map(Arc::new);
        };
        // Entries are complete even if the lock is poisoned.
        if let Some((text, plan)) = &*slot.lock().unwrap_or_else(PoisonError::into_inner) {
            if text == record {
                return Ok(plan.clone());
            }
        }
        let plan = Arc::new(Plan::read(record, true)?);
        if plan.directives.len() <= Self::MAX_DIRECTIVES {
            // A copy, so that the DNS message can be freed.
            let entry = (Bytes::copy_from_slice(record), plan.clone());
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(entry);
        }
        Ok(plan)
    }

    fn slot(&self, domain: &DomainName) -> Option<&Slot> {
        let Slots { hasher, slots } = &*self.0;
        slots.get(hasher.hash_one(domain) as usize % Self::SLOTS)
    }
}

impl Default for Slots {
    fn default() -> Self {
        let slots = (0..RecordCache::SLOTS).map(|_| Slot::default()).collect();
        Self { hasher: RandomState::default(), slots }
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(cache: &RecordCache, domain: &str, record: &Bytes) -> Arc<Plan> {
        cache.plan(&domain.parse().unwrap(), record).unwrap()
    }

    #[test]
    fn a_plan_is_used_again_for_the_same_text_at_the_same_domain_alone() {
        let cache = RecordCache::default();
        let old = Bytes::from_static(b"v=spf1 a:mail.example.org -all");
        let new = Bytes::from_static(b"v=spf1 a:mail.example.org ~all");
        let first = plan(&cache, "example.org", &old);
        assert!(Arc::ptr_eq(&first, &plan(&cache.clone(), "Example.org", &Bytes::copy_from_slice(&old))));
        let changed = plan(&cache, "example.org", &new);
        assert!(!Arc::ptr_eq(&first, &changed));
        assert!(Arc::ptr_eq(&changed, &plan(&cache, "example.org", &new)));
        assert!(!Arc::ptr_eq(&first, &plan(&cache, "example.org", &old)), "one text is remembered");
        assert!(!Arc::ptr_eq(&changed, &plan(&cache, "example.net", &new)));
    }

    #[test]
    fn what_is_large_or_wrong_is_not_kept() {
        let cache = RecordCache::default();
        let large = Bytes::from(format!("v=spf1 {}-all", "a ".repeat(510)));
        let many = Bytes::from(format!("v=spf1 {}-all", "a ".repeat(64)));
        let most = Bytes::from(format!("v=spf1 {}-all", "a ".repeat(63)));
        for (record, kept) in [(&large, false), (&many, false), (&most, true)] {
            let (one, other) = (plan(&cache, "example.org", record), plan(&cache, "example.org", record));
            assert_eq!(Arc::ptr_eq(&one, &other), kept, "{}", record.len());
        }
        let wrong = Bytes::from_static(b"v=spf1 moo");
        let error = || cache.plan(&"example.org".parse().unwrap(), &wrong).unwrap_err();
        assert_eq!((error().offset(), error()), (7, error()));
        // An error drives nothing out.
        let before = plan(&cache, "example.org", &most);
        assert!(Arc::ptr_eq(&before, &plan(&cache, "example.org", &most)));
    }
}
