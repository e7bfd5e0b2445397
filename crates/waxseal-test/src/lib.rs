//! What the tests of several crates share: suites of others, zones, throwaway keys, a provider that counts, and numbers that are random enough.
//!
//! It is not published, and `cargo package` leaves a dependency on it out: the integration tests in `tests/`, which are not
//! packed either, may use it; unit tests, which are packed, may not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of tests are tests"
)]

#[cfg(feature = "crypto")]
mod crypto;
mod dns;
/// PEM files of throwaway keys. They were made for tests alone and protect nothing.
pub mod keys;
mod ledger;
mod random;
mod skip;

#[cfg(feature = "crypto")]
pub use crypto::CountingProvider;
pub use dns::{Counting, at, zone};
pub use ledger::Ledger;
pub use random::Random;
pub use skip::{suite, tool_is_missing};

/// `message` with the first `from` in it replaced, which has to be there.
#[track_caller]
pub fn replaced(message: &[u8], from: &str, to: &str) -> Vec<u8> {
    let start = message.windows(from.len()).position(|window| window == from.as_bytes());
    let start = start.unwrap_or_else(|| panic!("{from:?} is not in {}", message.escape_ascii()));
    [&message[..start], to.as_bytes(), &message[start + from.len()..]].concat()
}
