#![doc = include_str!("../README.md")]
//!
//! # Where to find a rule of the RFC
//!
//! | RFC 8617 | file |
//! |---|---|
//! | §3.9, §4.1 sets and their fields, §4.2 instances | `set.rs` |
//! | §4.4 Chain Validation Status | `chain.rs`, its causes `verdict.rs` |
//! | §5.1 sealing, §5.1.2 failed chains | `seal.rs` |
//! | §5.2 steps 1 to 3 | `chain.rs` |
//! | §5.2 steps 4 to 6, oldest-pass | `verify.rs`, `judge.rs` |
//! | what an operator decides | `policy.rs` |
//! | §10.1 the entry for Authentication-Results | `chain.rs` |
#![cfg_attr(docsrs, feature(doc_cfg))]

mod chain;
mod judge;
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
