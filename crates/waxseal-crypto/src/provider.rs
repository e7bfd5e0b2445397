//! The interface to the libraries that do the maths.

use std::fmt;

use crate::{Algorithm, HashAlgorithm, Hasher, KeyError, KeyMaterial, KeySpec, PublicKey, SigningKey};
use base64::{Engine, prelude::BASE64_STANDARD};

/// A library that hashes, verifies, signs and makes keys.
///
/// Providers are values: pass a `&'static dyn Provider` to use another one than
/// [`default_provider`](crate::default_provider). All of them accept and refuse the same signatures and keys. For what
/// it cannot do, a provider must return an error that names one that can; it must never panic.
pub trait Provider: fmt::Debug + Send + Sync {
    /// The name of the provider, which is that of its feature.
    fn name(&self) -> &'static str;

    /// Starts a hash.
    fn hasher(&self, algorithm: HashAlgorithm) -> Hasher;

    /// Verifies `signature` over `message`, the canonical header bytes of DKIM or ARC.
    ///
    /// RSA is RSASSA-PKCS1-v1_5 with a strict DigestInfo (RFC 8017 §8.2.2). Ed25519 is PureEdDSA over the
    /// SHA-256 of `message` (RFC 8463 §3) with the checks of RFC 8032 §5.1.7. RSA keys have 1024 to 8192 bits (RFC 8301 §3.2
    /// asks for 1024 to 4096 at least).
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

    /// Makes a new private key with the operating system's random numbers.
    ///
    /// # Errors
    /// [`KeyError`] when the provider cannot make such keys, or there is no randomness.
    fn generate(&self, spec: KeySpec) -> Result<KeyMaterial, KeyError>;

    /// `sha256:` and the base64 of SHA-256 over [the SubjectPublicKeyInfo](PublicKey::to_spki_der) of a key: names it in files and logs.
    ///
    /// ```
    /// use waxseal_crypto::{PrivateKey, default_provider};
    ///
    /// let key = PrivateKey::from_ed25519_seed(&[7; 32])?; // example only: use a secret seed
    /// let fingerprint = default_provider()?.fingerprint(key.public_key());
    /// assert!(fingerprint.starts_with("sha256:") && fingerprint.len() == 51);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn fingerprint(&self, key: &PublicKey) -> String {
        let mut hasher = self.hasher(HashAlgorithm::Sha256);
        hasher.update(&key.to_spki_der());
        format!("sha256:{}", BASE64_STANDARD.encode(hasher.finish().as_bytes()))
    }
}

/// The sizes of RSA keys that every provider of this crate verifies, in bits. RFC 8301 section 3.2: "Verifiers MUST NOT consider
/// signatures using RSA keys of less than 1024 bits as valid signatures."
const MIN_VERIFY_BITS: u32 = 1024;
const MAX_VERIFY_BITS: u32 = 8192;

/// Why a signature was not verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The signature does not match the key and the message.
    #[error("the signature does not verify")]
    BadSignature,
    /// No provider verifies with RSA keys of this size, in bits.
    #[error("the RSA key has {0} bits: RSA keys of {MIN_VERIFY_BITS} to {MAX_VERIFY_BITS} bits are verified")]
    UnsupportedKeySize(u32),
    /// The provider of this name does not know the algorithm.
    #[error("the crypto provider {1} does not verify {0}")]
    UnsupportedAlgorithm(Algorithm, &'static str),
    /// The type of the key does not match the algorithm of the signature.
    #[error("the algorithm {1} does not match a key of type {0}")]
    KeyMismatch(crate::KeyType, Algorithm),
}

/// A public key in the form that a provider needs for verifying.
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
    /// Checks that the key's type fits the algorithm, and its size.
    pub(crate) fn new(key: &'a PublicKey, algorithm: Algorithm) -> Result<Self, VerifyError> {
        if key.key_type() != algorithm.key_type() {
            return Err(VerifyError::KeyMismatch(key.key_type(), algorithm));
        }
        let bits = key.bits();
        match (key.ed25519_bytes(), key.rsa_components()) {
            (Some(raw), _) => Ok(Self::Ed25519(raw)),
            (None, Some((modulus, exponent))) if (MIN_VERIFY_BITS..=MAX_VERIFY_BITS).contains(&bits) => {
                Ok(Self::Rsa { modulus, exponent })
            }
            _ => Err(VerifyError::UnsupportedKeySize(bits)),
        }
    }
}
