//! The default provider.

use crate::{NoProvider, Provider};

/// The default crypto provider: the first one compiled in of aws-lc-rs, ring and rust-crypto. (ring comes with the default
/// features; aws-lc-rs is there because somebody asked for it.)
///
/// The choice affects only speed: all of them verify and sign the same.
///
/// # Errors
/// [`NoProvider`] when none of the three features is on.
pub fn default_provider() -> Result<&'static dyn Provider, NoProvider> {
    COMPILED_IN.first().copied().ok_or(NoProvider)
}

const COMPILED_IN: &[&dyn Provider] = &[
    #[cfg(feature = "aws-lc-rs")]
    crate::aws_lc_rs::PROVIDER,
    #[cfg(feature = "ring")]
    crate::ring::PROVIDER,
    #[cfg(feature = "rust-crypto")]
    crate::rust_crypto::PROVIDER,
];
