//! The default provider.

use crate::{NoProvider, Provider};

/// The default crypto provider: the first one compiled in of ring, aws-lc-rs and rust-crypto.
///
/// The choice affects only speed: all of them verify and sign the same.
///
/// # Errors
/// [`NoProvider`] when none of the three features is on.
pub fn default_provider() -> Result<&'static dyn Provider, NoProvider> {
    COMPILED_IN.first().copied().ok_or(NoProvider)
}

const COMPILED_IN: &[&dyn Provider] = &[
    #[cfg(feature = "ring")]
    crate::ring::PROVIDER,
    #[cfg(feature = "aws-lc-rs")]
    crate::aws_lc_rs::PROVIDER,
    #[cfg(feature = "rust-crypto")]
    crate::rust_crypto::PROVIDER,
];
