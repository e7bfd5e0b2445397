//! waxseal examples.
