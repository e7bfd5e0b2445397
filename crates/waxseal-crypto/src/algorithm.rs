//! Names of signature algorithms, key types and hash functions as DKIM writes them.

use std::fmt;

/// A signature algorithm of DKIM and ARC: the value of the tag `a=` (RFC 6376 §3.3, RFC 8463 §3).
///
/// ```
/// use waxseal_crypto::{Algorithm, KeyType};
///
/// let algorithm = Algorithm::from_name(b"RSA-SHA256").ok_or("unknown algorithm")?;
/// assert_eq!(algorithm, Algorithm::RsaSha256);
/// assert_eq!(algorithm.as_str(), "rsa-sha256");
/// assert_eq!(algorithm.key_type(), KeyType::Rsa);
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// `rsa-sha256`: RSASSA-PKCS1-v1_5 over SHA-256 (RFC 6376 §3.3.2).
    RsaSha256,
    /// `rsa-sha1`: historic. RFC 8301 §3.1 forbids signing with it and verifying it; the providers can still
    /// verify it, so that a caller may check old corpora. Nothing in this crate signs with it.
    RsaSha1,
    /// `ed25519-sha256`: PureEdDSA over the SHA-256 of the message (RFC 8463 §3).
    Ed25519Sha256,
}

impl Algorithm {
    /// Every algorithm, in the order of their declaration.
    pub(crate) const ALL: [Self; 3] = [Self::RsaSha256, Self::RsaSha1, Self::Ed25519Sha256];

    /// The value of `a=`, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa-sha256",
            Self::RsaSha1 => "rsa-sha1",
            Self::Ed25519Sha256 => "ed25519-sha256",
        }
    }

    /// The algorithm of this name, in any case; `None` for a name this crate does not know.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The type of key that signs with this algorithm.
    pub const fn key_type(self) -> KeyType {
        match self {
            Self::RsaSha256 | Self::RsaSha1 => KeyType::Rsa,
            Self::Ed25519Sha256 => KeyType::Ed25519,
        }
    }

    /// The hash function of this algorithm: it makes the body hash and enters the signature.
    pub const fn hash(self) -> HashAlgorithm {
        match self {
            Self::RsaSha256 | Self::Ed25519Sha256 => HashAlgorithm::Sha256,
            Self::RsaSha1 => HashAlgorithm::Sha1,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The type of a key: the value of the tag `k=` in a key record (RFC 6376 §3.6.1, RFC 8463 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyType {
    /// `rsa`
    Rsa,
    /// `ed25519`
    Ed25519,
}

impl KeyType {
    /// Every key type, in the order of their declaration.
    pub(crate) const ALL: [Self; 2] = [Self::Rsa, Self::Ed25519];

    /// The value of `k=`, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
        }
    }

    /// The key type of this name, in any case; `None` for a name this crate does not know.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str().as_bytes().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A hash function of DKIM: the values of the tag `h=` in a key record (RFC 6376 §3.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashAlgorithm {
    /// `sha256`
    Sha256,
    /// `sha1`: historic (RFC 8301 §3.1).
    Sha1,
}

impl HashAlgorithm {
    /// Every hash function, in the order of their declaration.
    pub(crate) const ALL: [Self; 2] = [Self::Sha256, Self::Sha1];

    /// The name in `h=`, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha1 => "sha1",
        }
    }

    /// The hash function of this name, in any case; `None` for a name this crate does not know.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The length of a digest, in bytes: 32 or 20.
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha1 => 20,
        }
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_in_any_case() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.as_str().as_bytes()), Some(algorithm));
            let upper = algorithm.as_str().to_ascii_uppercase();
            assert_eq!(Algorithm::from_name(upper.as_bytes()), Some(algorithm));
            let parts = format!("{}-{}", algorithm.key_type(), algorithm.hash());
            assert_eq!(parts, algorithm.as_str());
        }
        for key_type in KeyType::ALL {
            assert_eq!(KeyType::from_name(key_type.as_str().as_bytes()), Some(key_type));
        }
        for hash in HashAlgorithm::ALL {
            assert_eq!(HashAlgorithm::from_name(hash.as_str().as_bytes()), Some(hash));
        }
    }

    #[test]
    fn unknown_names_are_none() {
        for name in ["", "rsa", "rsa-sha512", "rsa-sha256 ", "ed25519"] {
            assert_eq!(Algorithm::from_name(name.as_bytes()), None, "{name}");
        }
        assert_eq!(KeyType::from_name(b"dsa"), None);
        assert_eq!(HashAlgorithm::from_name(b"sha-256"), None);
    }
}
