//! Corpus, keys, floor and clock of the benches.

pub mod corpus;
pub mod floor;
pub mod free_hash;
pub mod jobs;
pub mod lab;
pub mod timing;

/// Whatever went wrong: a bench that can not run says so and ends.
pub type Error = Box<dyn std::error::Error>;
