//! Why a chain did not pass.

use crate::{ArcField, InvalidSeal};
use waxseal_authres::{ArcResult, DkimResult};
use waxseal_header::HeaderError;

/// Why a chain did not pass (RFC 8617 §5.2). [`Cause::result`] returns the result that goes with it.
///
/// `Display` is one line of ASCII without quotes, fit for `reason=` in Authentication-Results. Underlying errors are
/// its `source()`, and part of [`Chain::reason`](crate::Chain::reason).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The header block exceeded a limit; no field was read.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// §5.2 step 1: more sets than [`Policy::with_max_sets`](crate::Policy::with_max_sets) allows, or one has a larger
    /// `i=`.
    #[error("more than {0} ARC sets")]
    TooManySets(usize),
    /// The signatures need more keys than [`Policy::with_max_key_lookups`](crate::Policy::with_max_key_lookups) allows.
    #[error("more than {0} key lookups")]
    TooManyKeyLookups(usize),
    /// §5.2 step 2: according to the newest seal, the chain had failed before.
    #[error("seal of set {0} says that the chain failed")]
    Failed(u32),
    /// §4.2.1: `i=` is missing or not a number from 1, or the field cannot be read.
    #[error("{0} without a legible i=")]
    Instance(ArcField),
    /// §5.2 step 3A: the set has two of these fields.
    #[error("second {0} in set {1}")]
    Duplicate(ArcField, u32),
    /// §5.2 step 3A: the set lacks this field.
    #[error("no {0} in set {1}")]
    Missing(ArcField, u32),
    /// §5.2 step 3B: a set below the newest one is missing.
    #[error("no set {0}")]
    Gap(u32),
    /// The ARC-Seal of this set is malformed.
    #[error("ARC-Seal of set {0} is malformed")]
    MalformedSeal(u32, #[source] InvalidSeal),
    /// §5.2 step 3C: `cv=` must be none in set 1 and pass in all others.
    #[error("seal of set {0} says cv={1}")]
    ChainValidation(u32, ArcResult),
    /// §4.1.2: the ARC-Message-Signature of the newest set claims to cover ARC-Seal, which is made after it.
    #[error("ARC-Message-Signature of set {0} covers ARC-Seal")]
    CoversSeal(u32),
    /// §5.2 step 4: the ARC-Message-Signature of the newest set, which is this one, does not verify.
    #[error("ARC-Message-Signature of set {0} does not verify")]
    MessageSignature(u32, #[source] waxseal_dkim::Cause),
    /// §5.2 step 6: the ARC-Seal of this set does not verify.
    #[error("ARC-Seal of set {0} does not verify")]
    Seal(u32, #[source] waxseal_dkim::Cause),
}

impl Cause {
    /// The result that goes with the cause: always fail. §5.2.1: "All errors, including DNS failures, become unrecoverable
    /// and are considered permanent." [`Cause::is_temporary`] still distinguishes those.
    pub const fn result(&self) -> ArcResult {
        match self {
            // Nothing is known about the chain, and §5.2.1 has no other word for that.
            Self::Header(_) => ArcResult::Fail,
            // §5.2 step 1: "If more than the maximum number exist, the Chain Validation Status is "fail"".
            Self::TooManySets(..) | Self::TooManyKeyLookups(..) => ArcResult::Fail,
            // Step 2: "If the Chain Validation Status of the highest instance value ARC Set is "fail", then the Chain
            // Validation Status is "fail"".
            Self::Failed(..) => ArcResult::Fail,
            // Step 3: "If any of these conditions are not met, the Chain Validation Status is "fail"".
            Self::Instance(..)
            | Self::Duplicate(..)
            | Self::Missing(..)
            | Self::Gap(..)
            | Self::MalformedSeal(..)
            | Self::ChainValidation(..) => ArcResult::Fail,
            // Step 4: "If validation fails, then the Chain Validation Status is "fail"".
            Self::CoversSeal(..) | Self::MessageSignature(..) => ArcResult::Fail,
            // Step 6: "If any AS fails to validate, the Chain Validation Status is "fail"".
            Self::Seal(..) => ArcResult::Fail,
        }
    }

    /// True when a key could not be looked up, or the program has no crypto provider, so that another attempt may pass.
    /// For RFC 8617 it is a failure nevertheless; a forwarder that seals `cv=fail` ends the chain for good, and should
    /// rather defer the message (a 4xx reply).
    pub fn is_temporary(&self) -> bool {
        self.signature_cause().is_some_and(|cause| cause.result() == DkimResult::TempError)
    }

    /// Why a message signature or a seal did not verify.
    pub fn signature_cause(&self) -> Option<&waxseal_dkim::Cause> {
        match self {
            Self::MessageSignature(_, cause) | Self::Seal(_, cause) => Some(cause),
            _ => None,
        }
    }

    /// The set that caused the failure, if a single one did.
    pub const fn instance(&self) -> Option<u32> {
        match self {
            Self::Failed(instance)
            | Self::Duplicate(_, instance)
            | Self::Missing(_, instance)
            | Self::Gap(instance)
            | Self::MalformedSeal(instance, _)
            | Self::ChainValidation(instance, _)
            | Self::CoversSeal(instance)
            | Self::MessageSignature(instance, _)
            | Self::Seal(instance, _) => Some(*instance),
            Self::Header(_) | Self::TooManySets(..) | Self::TooManyKeyLookups(..) | Self::Instance(..) => {
                None
            }
        }
    }
}
