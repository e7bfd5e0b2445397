#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod body_search;
mod body_undo;
mod charset;
mod diagnosis;
mod difference;
mod examine;
mod explainer;
mod explanation;
mod head;
mod header_search;
mod header_undo;
mod keys;
mod mime;
mod page;
mod replace;
mod rsa;
#[cfg(feature = "serde")]
mod serialize;

pub use diagnosis::{Diagnosis, Kind, Place};
pub use difference::{Difference, Row};
pub use explainer::{ExplainCheck, Explainer};
pub use explanation::{ExplainedSignature, Explanation, Hashes};
pub use waxseal;
