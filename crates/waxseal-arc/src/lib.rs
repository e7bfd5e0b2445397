#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod chain;
mod policy;
mod seal;
mod set;
mod verdict;
mod verify;

pub use chain::Chain;
pub use policy::Policy;
pub use seal::{SealError, SealedSet, Sealer, UnsealedSet, UnsignedSet, merged_results};
pub use set::{ArcField, InvalidSeal, Seal, Set};
pub use verdict::Cause;
pub use verify::{ArcCheck, ChainExamination, ChainVerification, ChainVerifier};
pub use waxseal_authres::ArcResult;
