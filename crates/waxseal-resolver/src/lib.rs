#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "cache")]
mod cached;
mod exchange;
mod failure;
#[cfg(feature = "cache")]
mod flights;
#[cfg(feature = "hickory")]
mod hickory;
mod message;
mod server;
#[cfg(feature = "cache")]
mod shared_lookup;
mod stub;

#[cfg(feature = "cache")]
pub use cached::Cached;
#[cfg(feature = "hickory")]
pub use hickory::Hickory;
pub use server::{SetupError, parse_server};
pub use stub::Stub;
pub use waxseal_dns as dns;
