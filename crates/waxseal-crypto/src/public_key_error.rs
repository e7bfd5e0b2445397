use crate::der::DerError;

/// Why bytes are not a public key that can verify mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct PublicKeyError(pub(crate) PublicKeyProblem);

impl From<DerError> for PublicKeyError {
    fn from(DerError(reason): DerError) -> Self {
        Self(PublicKeyProblem::Malformed { reason })
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PublicKeyProblem {
    /// The bytes are not the DER of an RSA public key.
    #[error("the RSA public key is not valid DER: {reason}")]
    Malformed { reason: &'static str },
    /// The DER holds a key of another algorithm.
    #[error("the public key is for {found}, not for RSA")]
    WrongAlgorithm { found: &'static str },
    /// The modulus of an RSA key is zero or has more than [`MAX_RSA_BITS`](crate::MAX_RSA_BITS) bits.
    #[error("the RSA modulus has {bits} bits, must be 1 to 16384")]
    ModulusSize { bits: u64 },
    /// The modulus of an RSA key is even, so it is not a product of two odd primes.
    #[error("the RSA modulus is even")]
    EvenModulus,
    /// The exponent of an RSA key is even.
    #[error("the RSA exponent is even")]
    EvenExponent,
    /// The exponent of an RSA key is below 3 or above 2^32-1.
    #[error("the RSA exponent is not between 3 and 4294967295")]
    ExponentRange,
    /// An Ed25519 key is not 32 bytes long.
    #[error("the ed25519 public key has {found} bytes, must be the 32 raw bytes (RFC 8463 section 4.2)")]
    Ed25519Length { found: usize },
    /// An Ed25519 key is wrapped as SubjectPublicKeyInfo.
    #[error(
        "the ed25519 public key is a SubjectPublicKeyInfo, must be its last 32 bytes alone (RFC 8463 section 4.2)"
    )]
    Ed25519Spki,
    /// The y coordinate of an Ed25519 key is not below the field prime (RFC 8032 §5.1.3).
    #[error("the ed25519 public key is not in canonical form (RFC 8032 section 5.1.3)")]
    NotCanonical,
    /// An Ed25519 key is one of the points of small order: anyone can sign for it.
    #[error("the ed25519 public key is a point of small order, for which anyone can sign")]
    SmallOrder,
    /// The text holds no readable PEM block `PUBLIC KEY` or `RSA PUBLIC KEY`.
    #[error("no readable PEM block PUBLIC KEY or RSA PUBLIC KEY")]
    NotPem,
}
