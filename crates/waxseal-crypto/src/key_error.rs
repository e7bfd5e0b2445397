//! Errors of private keys, and the specification of a new one.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::der::DerError;
use crate::key_format::KeyFormat;
use crate::{KeyType, MAX_KEY_FILE, NoProvider, PublicKeyError};

/// Why a private key could not be read, loaded or made. `Display` names what was found, where and what to do.
///
/// ```
/// use waxseal_crypto::KeyMaterial;
/// let error = KeyMaterial::from_bytes("-----BEGIN EC PRIVATE KEY-----\n-----END EC PRIVATE KEY-----").unwrap_err();
/// assert!(error.to_string().starts_with("found an elliptic curve (EC) private key, which DKIM does not know; readable are"));
/// assert!(!error.is_unsupported());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct KeyError(#[from] pub(crate) KeyProblem);

impl KeyError {
    /// For implementations of [`Provider`](crate::Provider): the key is inconsistent.
    pub fn rejected(provider: &'static str, reason: impl fmt::Display) -> Self {
        Self(KeyProblem::Rejected { provider, reason: reason.to_string() })
    }

    /// For implementations of [`Provider`](crate::Provider): keys of this type or size cannot be loaded or made.
    pub fn unsupported(provider: &'static str, reason: impl fmt::Display) -> Self {
        Self(KeyProblem::Unsupported { provider, reason: reason.to_string() })
    }

    /// True when this provider does not load or make keys of this size, exponent or type, but another one may.
    pub fn is_unsupported(&self) -> bool {
        match &self.0 {
            KeyProblem::SignKeySize { .. }
            | KeyProblem::SignExponent { .. }
            | KeyProblem::CannotGenerate { .. }
            | KeyProblem::Unsupported { .. } => true,
            KeyProblem::InFile { error, .. } => error.is_unsupported(),
            _ => false,
        }
    }
}

impl From<DerError> for KeyError {
    fn from(DerError(reason): DerError) -> Self {
        Self(KeyProblem::Malformed { reason })
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(
    not(all(feature = "ring", feature = "aws-lc-rs", feature = "rust-crypto")),
    allow(dead_code, reason = "each provider makes some of them")
)]
pub(crate) enum KeyProblem {
    /// The content is not a private key in a supported format.
    #[error(
        "found {found}; readable are private keys as PKCS#8 (RSA, Ed25519) or PKCS#1 (RSA) in PEM or DER \
         without a passphrase, and a base64 Ed25519 seed"
    )]
    Format { found: KeyFormat },
    /// The private key is of an algorithm that DKIM does not use.
    #[error("the private key is for {found}; DKIM signs with RSA or Ed25519")]
    Algorithm { found: &'static str },
    /// The format is supported, but the content is damaged.
    #[error("the private key is damaged: {reason}")]
    Malformed { reason: &'static str },
    /// The content is longer than [`MAX_KEY_FILE`].
    #[error("the key file has {len} bytes, more than the {MAX_KEY_FILE} of any key")]
    TooLarge { len: usize },
    /// The public half cannot be used; see the source.
    #[error("the private key has an unusable public key")]
    PublicKey(#[from] PublicKeyError),
    /// The file states a public key that does not belong to the private key.
    #[error("the private key does not belong to the public key that its file states")]
    PublicKeyMismatch,
    /// RFC 8301 §3.2 forbids signing with RSA keys below 1024 bits.
    #[error("the RSA key has {bits} bits; signing takes at least 1024 (RFC 8301 section 3.2), better 2048")]
    TooShort { bits: u32 },
    /// The provider does not sign with RSA keys of this size.
    #[error("{}", UnsupportedSize { bits: *bits, provider, sizes })]
    SignKeySize { bits: u32, provider: &'static str, sizes: &'static str },
    /// The provider does not sign with RSA keys of this exponent.
    #[error(
        "the RSA key has the exponent {exponent}, the crypto provider {provider} signs with 65537 or more; it works \
         through the `aws-lc-rs` and `rust-crypto` providers, with a warning; better make a new key"
    )]
    SignExponent { exponent: u32, provider: &'static str },
    /// A signature made with the key does not verify with its own public half.
    #[error("the private key is damaged: its signatures do not verify with its own public key")]
    Inconsistent,
    /// An external provider, with its reason.
    #[error("the crypto provider {provider} cannot use the private key: {reason}")]
    Unsupported { provider: &'static str, reason: String },
    /// For the provider, the key is inconsistent.
    #[error("the crypto provider {provider} rejects the private key: {reason}")]
    Rejected { provider: &'static str, reason: String },
    /// Keys of this size are not made.
    #[error("RSA keys are made with 1024, 2048, 3072 or 4096 bits, not with {bits}")]
    GenerateSize { bits: u32 },
    /// The provider cannot make such a key.
    #[error(
        "the crypto provider {provider} does not make RSA keys of {bits} bits: the provider of the feature \
         `aws-lc-rs` makes 2048, 3072 and 4096, that of `rust-crypto` 1024 as well"
    )]
    CannotGenerate { bits: u32, provider: &'static str },
    /// The system has no random numbers.
    #[error("this system offers no random numbers: make the key elsewhere")]
    NoRandomness,
    /// The key file could not be read.
    #[error("the key file {} could not be read: {reason}", path.display())]
    File { path: PathBuf, reason: io::ErrorKind },
    /// The key file was read, but holds no usable key.
    #[error("the key file {}: {error}", path.display())]
    InFile { path: PathBuf, error: Box<KeyError> },
    /// No provider was compiled in.
    #[error(transparent)]
    NoProvider(#[from] NoProvider),
}

/// The message of [`KeyProblem::SignKeySize`], which depends on the size.
struct UnsupportedSize<'a> {
    bits: u32,
    provider: &'a str,
    sizes: &'a str,
}

impl fmt::Display for UnsupportedSize<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bits, provider, sizes } = self;
        write!(f, "the RSA key has {bits} bits, the crypto provider {provider} signs with {sizes}; ")?;
        f.write_str(match bits {
            0..2048 => {
                "it works through the `rust-crypto` provider, with a warning; better make a 2048-bit key"
            }
            2048..=8192 => {
                "it works through the `aws-lc-rs` and `rust-crypto` providers; better make a 2048-bit key"
            }
            _ => "make a 2048-bit key, which every verifier accepts",
        })
    }
}

/// The specification of a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeySpec {
    /// An RSA key with exponent 65537.
    Rsa {
        /// The size of the modulus: 1024, 2048, 3072 or 4096 bits, the sizes that every provider can load (ring loads
        /// no others; 1024 needs `rust-crypto`). Choose 2048, which every verifier accepts.
        bits: u32,
    },
    /// An Ed25519 key.
    Ed25519,
}

impl KeySpec {
    /// The type of the key.
    pub const fn key_type(self) -> KeyType {
        match self {
            Self::Rsa { .. } => KeyType::Rsa,
            Self::Ed25519 => KeyType::Ed25519,
        }
    }

    pub(crate) fn check(self) -> Result<(), KeyError> {
        match self {
            Self::Rsa { bits: 1024 | 2048 | 3072 | 4096 } | Self::Ed25519 => Ok(()),
            Self::Rsa { bits } => Err(KeyError(KeyProblem::GenerateSize { bits })),
        }
    }
}
