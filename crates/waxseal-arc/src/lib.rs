#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod chain;
mod policy;
mod seal;
#[cfg(feature = "serde")]
mod serialize;
mod set;
mod verdict;
mod verify;

pub use waxseal_authres as authres;
pub use waxseal_dkim as dkim;

pub use chain::Chain;
pub use policy::Policy;
pub use seal::{SealError, SealedSet, Sealer, UnsealedSet, UnsignedSet, merged_results};
pub use set::{ArcField, InvalidSeal, Seal, Set};
pub use verdict::Cause;
pub use verify::{ArcCheck, ChainExamination, ChainVerification, ChainVerifier};
pub use waxseal_authres::ArcResult;
