//! Signature algorithms and keys of DKIM and ARC over pluggable crypto providers.
//!
//! # Choosing a provider
//!
//! The feature `ring` is on by default and its provider is the [default](default_provider).

#[cfg(not(feature = "ring"))]
mod absent;
mod algorithm;
#[cfg(feature = "aws-lc-rs")]
pub mod aws_lc_rs;
mod der;
mod hash;
mod key_error;
mod key_format;
mod key_material;
mod pem;
mod private_key;
mod provider;
mod public_key;
#[cfg(feature = "ring")]
pub mod ring;
#[cfg(feature = "rust-crypto")]
pub mod rust_crypto;
mod sign;

pub use algorithm::{Algorithm, HashAlgorithm, KeyType};
pub use hash::{Digest, HashState, Hasher};
pub use key_error::{KeyError, KeySpec, KeyWarning};
pub use key_format::KeyFormat;
pub use key_material::{KeyMaterial, MAX_KEY_FILE, PrivateParts, SecretText};
pub use private_key::PrivateKey;
pub use provider::{NoProvider, Provider, VerifyError, default_provider};
pub use public_key::{MAX_RSA_BITS, PublicKey, PublicKeyError};
pub use sign::{SignError, SigningInput, SigningKey};
