//! Signing, with keys in memory and keys held elsewhere.

use std::error::Error;
use std::sync::Arc;

use crate::{Algorithm, Digest, HashAlgorithm, Provider, PublicKey};

/// The input of a signature: the canonical header bytes, and their SHA-256 for keys that sign digests.
#[derive(Debug, Clone, Copy)]
pub struct SigningInput<'a> {
    bytes: &'a [u8],
    provider: &'a dyn Provider,
}

impl<'a> SigningInput<'a> {
    /// The input `bytes`, hashed by `provider` when the digest is needed.
    pub fn new(bytes: &'a [u8], provider: &'a dyn Provider) -> Self {
        Self { bytes, provider }
    }

    /// The bytes to sign, for RSA functions that hash themselves.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The SHA-256 of the bytes, computed at each call: the input of Ed25519 (RFC 8463 §3), and of hardware and cloud
    /// keys for RSA.
    pub fn sha256(&self) -> Digest {
        let mut hasher = self.provider.hasher(HashAlgorithm::Sha256);
        hasher.update(self.bytes);
        hasher.finish()
    }
}

/// A key that can sign: a [`PrivateKey`](crate::PrivateKey), or your own type in front of an HSM or an agent.
///
/// ```
/// use waxseal_crypto::{Algorithm, SignError, SigningInput, SigningKey};
///
/// /// A key in a token that signs SHA-256 digests with RSASSA-PKCS1-v1_5.
/// struct Token;
/// # impl Token { fn sign_digest(&self, digest: &[u8]) -> std::io::Result<Vec<u8>> { Ok(digest.to_vec()) } }
///
/// impl SigningKey for Token {
///     fn algorithm(&self) -> Algorithm {
///         Algorithm::RsaSha256
///     }
///     fn sign(&self, input: &SigningInput<'_>) -> Result<Vec<u8>, SignError> {
///         self.sign_digest(input.sha256().as_ref()).map_err(SignError::other)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a signing key",
    label = "not a `SigningKey`",
    note = "read a key with `PrivateKey`, or implement `algorithm` and `sign` for a key that is elsewhere"
)]
pub trait SigningKey: Send + Sync {
    /// The algorithm of the signatures, for `a=`.
    fn algorithm(&self) -> Algorithm;

    /// Signs: RSASSA-PKCS1-v1_5 over SHA-256 of the bytes, or PureEdDSA over the SHA-256 (RFC 8463 §3).
    ///
    /// # Errors
    /// [`SignError`] when the provider or the place where the key is held fails.
    fn sign(&self, input: &SigningInput<'_>) -> Result<Vec<u8>, SignError>;

    /// The public half, if known: for comparing with the published record and for writing it.
    fn public_key(&self) -> Option<PublicKey> {
        None
    }
}

macro_rules! delegate {
    ($($pointer:ty),*) => {$(
        impl<T: SigningKey + ?Sized> SigningKey for $pointer {
            fn algorithm(&self) -> Algorithm {
                (**self).algorithm()
            }
            fn sign(&self, input: &SigningInput<'_>) -> Result<Vec<u8>, SignError> {
                (**self).sign(input)
            }
            fn public_key(&self) -> Option<PublicKey> {
                (**self).public_key()
            }
        }
    )*};
}
delegate!(Box<T>, Arc<T>);

/// Why signing failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The provider of this name refused to sign; with a loaded key this should not happen.
    #[error("the crypto provider {0} could not sign")]
    Provider(&'static str),
    /// A key held elsewhere failed; see the source.
    #[error("the key's holder could not sign")]
    Other(#[source] Arc<dyn Error + Send + Sync>),
}

impl SignError {
    /// Wraps the error of a key held elsewhere.
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(Arc::from(error.into()))
    }
}

/// Errors with the same text are equal, since the error of a key held elsewhere cannot be compared otherwise.
impl PartialEq for SignError {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Provider(a), Self::Provider(b)) => a == b,
            (Self::Other(a), Self::Other(b)) => Arc::ptr_eq(a, b) || a.to_string() == b.to_string(),
            _ => false,
        }
    }
}

impl Eq for SignError {}
