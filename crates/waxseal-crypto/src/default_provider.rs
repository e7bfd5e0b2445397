//! The provider where none is named.

use crate::{NoProvider, Provider};

/// The crypto provider where none is named: the first that was compiled in of ring, aws-lc-rs and rust-crypto.
///
/// Which one it is shows in speed alone: all of them verify and sign the same.
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
