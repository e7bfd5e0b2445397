//! The policy of a chain verifier.

use waxseal_header::HeaderLimits;

/// Which chains a [`ChainVerifier`](crate::ChainVerifier) accepts. Keys and signatures (size of RSA keys, `l=`, `x=`)
/// are subject to the [policy of DKIM](waxseal_dkim::Policy), except that rsa-sha1 is never accepted, and a `t=` in the
/// future is ignored.
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
    /// 50 sets, 50 key lookups, 8 body hashes, and the oldest pass is available.
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
    /// [`Cause::TooManyKeyLookups`](crate::Cause::TooManyKeyLookups). When only older message signatures do, they count
    /// as broken, see [`Chain::oldest_pass`](crate::Chain::oldest_pass).
    #[must_use]
    pub fn with_max_key_lookups(self, max_key_lookups: usize) -> Self {
        Self { max_key_lookups, ..self }
    }

    /// How many different body hashes are computed for one chain (default 8): message signatures can differ in the
    /// canonicalization of the body, the hash algorithm and `l=`. Each canonicalization and algorithm costs one more
    /// pass over the body, each `l=` one more digest, before any signature is verified.
    ///
    /// The newest message signature always gets its hash (two when it lacks `c=`). An older one that needs a hash over
    /// the limit ends the search for [`Chain::oldest_pass`](crate::Chain::oldest_pass) as if it were broken; the
    /// verdict on the chain does not depend on it. Hashes that others request from the same
    /// [`BodyHasher`](waxseal_dkim::parts::BodyHasher) do not count.
    #[must_use]
    pub fn with_max_body_hashes(self, max_body_hashes: usize) -> Self {
        Self { max_body_hashes, ..self }
    }

    /// Whether [`Chain::oldest_pass`](crate::Chain::oldest_pass), which RFC 8617 §5.2 makes optional, is available
    /// (default: yes). Without it, the keys of older message signatures are not looked up and their body hashes not
    /// computed.
    #[must_use]
    pub fn with_oldest_pass(self, oldest_pass: bool) -> Self {
        Self { oldest_pass, ..self }
    }
}
