//! The provider where none is named.

use crate::{NoProvider, Provider};

/// The crypto provider where none is named: the first that was compiled in of ring, aws-lc-rs and rust-crypto.
///
/// Which one it is shows in speed alone: all of them verify and sign the same.
///
/// # Errors
/// [`NoProvider`] when none of the three features is on.
#[allow(unreachable_code, reason = "each feature ends the function for those behind it")]
pub fn default_provider() -> Result<&'static dyn Provider, NoProvider> {
    #[cfg(feature = "ring")]
    return Ok(crate::ring::PROVIDER);
    #[cfg(feature = "aws-lc-rs")]
    return Ok(crate::aws_lc_rs::PROVIDER);
    #[cfg(feature = "rust-crypto")]
    return Ok(crate::rust_crypto::PROVIDER);
    Err(NoProvider)
}
