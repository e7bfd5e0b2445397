//! waxseal benches.
