//! What a chain verifier accepts.

use waxseal_header::HeaderLimits;

/// What a [`ChainVerifier`](crate::ChainVerifier) accepts of chains. What it accepts of keys and signatures (bits of RSA
/// keys, `l=`, `x=`) is the [policy of DKIM](waxseal_dkim::Policy), except that rsa-sha1 is never accepted, and that a `t=`
/// in the future does not matter.
///
/// ```
/// use waxseal_arc::{ChainVerifier, Policy};
/// let verifier = ChainVerifier::new(Policy::default().with_max_sets(20).with_oldest_pass(false))?;
/// # let _ = verifier;
/// # Ok::<(), waxseal_crypto::NoProvider>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub(crate) header_limits: HeaderLimits,
    pub(crate) max_sets: usize,
    pub(crate) max_key_lookups: usize,
    pub(crate) max_body_hashes: usize,
    pub(crate) oldest_pass: bool,
}

impl Default for Policy {
    /// 50 sets, 50 key lookups, 8 body hashes, and the oldest pass can be asked for.
    fn default() -> Self {
        Self {
            header_limits: HeaderLimits::default(),
            max_sets: Self::MAX_SETS,
            max_key_lookups: 50,
            max_body_hashes: 8,
            oldest_pass: true,
        }
    }
}

impl Policy {
    /// RFC 8617 §5.2: "The maximum number of ARC Sets that can be attached to a message is 50."
    pub const MAX_SETS: usize = 50;

    /// How large a header block may be (default: 262,144 bytes, 1,000 fields). Over it:
    /// [`Cause::Header`](crate::Cause::Header).
    #[must_use]
    pub fn with_header_limits(self, header_limits: HeaderLimits) -> Self {
        Self { header_limits, ..self }
    }

    /// How many sets a chain may have (default and maximum [`Policy::MAX_SETS`]; more counts as that). Over it:
    /// [`Cause::TooManySets`](crate::Cause::TooManySets).
    #[must_use]
    pub fn with_max_sets(self, max_sets: usize) -> Self {
        Self { max_sets: max_sets.min(Self::MAX_SETS), ..self }
    }

    /// How many different keys are looked up (default 50). When the seals and the newest message signature need more:
    /// [`Cause::TooManyKeyLookups`](crate::Cause::TooManyKeyLookups). When only older message signatures do, they count as
    /// changed, see [`Chain::oldest_pass`](crate::Chain::oldest_pass).
    #[must_use]
    pub fn with_max_key_lookups(self, max_key_lookups: usize) -> Self {
        Self { max_key_lookups, ..self }
    }

    /// How many different hashes of the body are made for one chain (default 8): message signatures differ in the
    /// canonicalization of the body, the hash algorithm and `l=`. Each canonicalization and algorithm is one more pass over
    /// the body, each `l=` one more digest, whoever wrote the set. Their signatures are not verified by then.
    ///
    /// The newest message signature has its one hash (two when it leaves `c=` out) whatever the limit. An older one that
    /// needs a hash over the limit ends the search for [`Chain::oldest_pass`](crate::Chain::oldest_pass): it counts as
    /// changed. Whether the chain passes does not depend on it. Hashes that others ask of the same
    /// [`BodyHasher`](waxseal_dkim::parts::BodyHasher) do not count.
    #[must_use]
    pub fn with_max_body_hashes(self, max_body_hashes: usize) -> Self {
        Self { max_body_hashes, ..self }
    }

    /// Whether [`Chain::oldest_pass`](crate::Chain::oldest_pass) can be asked for (default: yes), which RFC 8617 §5.2 leaves
    /// open. Without it neither the keys of older message signatures are looked up nor their body hashes made.
    #[must_use]
    pub fn with_oldest_pass(self, oldest_pass: bool) -> Self {
        Self { oldest_pass, ..self }
    }
}
