//! The seam to the libraries that do the maths.

use core::fmt;

use crate::{Algorithm, HashAlgorithm, Hasher, KeyError, KeyMaterial, KeySpec, PublicKey, SigningKey};

/// A library that hashes, verifies, signs and makes keys.
///
/// Providers are values: pass `&'static dyn Provider` where you want another than [`default_provider`].
/// A provider must refuse what it cannot do with an error that says who can; it must never panic.
pub trait Provider: fmt::Debug + Send + Sync {
    /// The name of the provider, as its feature is called.
    fn name(&self) -> &'static str;

    /// Starts a hash.
    fn hasher(&self, algorithm: HashAlgorithm) -> Hasher;

    /// Verifies `signature` over `message`, the canonical header bytes of DKIM or ARC.
    ///
    /// RSA is RSASSA-PKCS1-v1_5 with a strict DigestInfo (RFC 8017 §8.2.2). Ed25519 is PureEdDSA over the
    /// SHA-256 of `message` (RFC 8463 §3) with the checks of RFC 8032 §5.1.7.
    ///
    /// # Errors
    /// [`VerifyError`]: the signature is wrong, or the key is of a type or size that cannot be used.
    fn verify(
        &self,
        key: &PublicKey,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError>;

    /// Prepares a private key for signing.
    ///
    /// # Errors
    /// [`KeyError`] when the key is inconsistent or of a size that this provider does not sign with.
    fn load_private_key(&self, key: &KeyMaterial) -> Result<Box<dyn SigningKey>, KeyError>;

    /// Makes a new private key with the random numbers of the operating system.
    ///
    /// # Errors
    /// [`KeyError`] when the provider cannot make such keys, or there is no randomness.
    fn generate(&self, spec: KeySpec) -> Result<KeyMaterial, KeyError>;

    /// Whether the provider works at all: only the stand-in without any feature says no.
    ///
    /// # Errors
    /// [`NoProvider`], with what to do about it.
    fn ready(&self) -> Result<(), NoProvider> {
        Ok(())
    }
}

/// The provider used where none is named: `ring::PROVIDER` with the feature `ring` (on by default).
///
/// Without that feature it is a stand-in whose operations fail with [`NoProvider`] (its hashes are empty):
/// another feature never becomes the default by itself, because a feature must not change behaviour.
#[must_use]
pub fn default_provider() -> &'static dyn Provider {
    #[cfg(feature = "ring")]
    {
        crate::ring::PROVIDER
    }
    #[cfg(not(feature = "ring"))]
    {
        &crate::absent::Absent
    }
}

/// No provider was named and the feature `ring` is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no crypto provider: enable the feature `ring` of waxseal-crypto, or name a provider")]
pub struct NoProvider;

/// Why a signature was not verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The signature does not fit the key and the message.
    #[error("the signature does not verify")]
    BadSignature,
    /// The provider does not verify RSA keys of this size.
    #[error("the RSA key has {bits} bits; the crypto provider {provider} verifies {min} to {max}")]
    UnsupportedKeySize {
        /// The size of the key, in bits.
        bits: u32,
        /// The smallest size that the provider verifies, in bits.
        min: u32,
        /// The largest size that the provider verifies, in bits.
        max: u32,
        /// The provider's name.
        provider: &'static str,
    },
    /// The provider does not know the algorithm.
    #[error("the crypto provider {provider} does not verify {algorithm}")]
    UnsupportedAlgorithm {
        /// The algorithm of the signature.
        algorithm: Algorithm,
        /// The provider's name.
        provider: &'static str,
    },
    /// The key is of another type than the algorithm of the signature needs.
    #[error("the algorithm {algorithm} does not go with a key of type {key}", key = key_type)]
    KeyMismatch {
        /// The type of the key.
        key_type: crate::KeyType,
        /// The algorithm of the signature.
        algorithm: Algorithm,
    },
    /// There is no provider.
    #[error(transparent)]
    NoProvider(#[from] NoProvider),
}

/// A public key in the shape that the verifying code of a provider wants.
#[cfg(any(feature = "ring", feature = "aws-lc-rs", feature = "rust-crypto"))]
pub(crate) enum VerifyingKey<'a> {
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa {
        modulus: &'a [u8],
        exponent: &'a [u8],
    },
    Ed25519(&'a [u8; 32]),
}

#[cfg(any(feature = "ring", feature = "aws-lc-rs", feature = "rust-crypto"))]
impl<'a> VerifyingKey<'a> {
    /// Checks that the key's type fits the algorithm and its size the provider.
    pub(crate) fn new(
        key: &'a PublicKey,
        algorithm: Algorithm,
        sizes: core::ops::RangeInclusive<u32>,
        provider: &'static str,
    ) -> Result<Self, VerifyError> {
        if key.key_type() != algorithm.key_type() {
            return Err(VerifyError::KeyMismatch { key_type: key.key_type(), algorithm });
        }
        let bits = key.bits();
        match (key.ed25519_bytes(), key.rsa_components()) {
            (Some(raw), _) => Ok(Self::Ed25519(raw)),
            (None, Some((modulus, exponent))) if sizes.contains(&bits) => Ok(Self::Rsa { modulus, exponent }),
            _ => {
                let (min, max) = sizes.into_inner();
                Err(VerifyError::UnsupportedKeySize { bits, min, max, provider })
            }
        }
    }
}
