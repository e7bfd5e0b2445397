//! Digests and incremental hashers.

use std::fmt;

/// The longest digest of DKIM, in bytes: SHA-256.
const MAX_LEN: usize = 32;

/// A finished hash of at most 32 bytes, kept inline.
///
/// Digests are public values here (they travel in `bh=`), so the comparison need not take constant time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest {
    bytes: [u8; MAX_LEN],
    len: u8,
}

impl Digest {
    /// A digest with these bytes; `None` when there are more than 32.
    pub fn new(digest: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_LEN];
        bytes.get_mut(..digest.len())?.copy_from_slice(digest);
        Some(Self { bytes, len: u8::try_from(digest.len()).ok()? })
    }

    /// The digest of a provider that cannot hash: empty, and unequal to every real digest.
    pub(crate) const fn none() -> Self {
        Self { bytes: [0; MAX_LEN], len: 0 }
    }

    /// The bytes of the digest: 32 for SHA-256, 20 for SHA-1.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&self.bytes)
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(")?;
        for byte in self.as_bytes() {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

/// A running hash of a provider that is not part of this crate.
pub trait HashState: Send + Sync {
    /// Takes the next bytes.
    fn update(&mut self, data: &[u8]);
    /// The digest of the bytes so far; more may follow.
    fn digest(&self) -> Digest;
    /// Ends the hash.
    fn finish(self: Box<Self>) -> Digest;
}

/// An incremental hash; [`Provider::hasher`](crate::Provider::hasher) starts one.
///
/// The hashers of this crate's providers live inline, without allocation.
///
/// ```
/// # #[cfg(feature = "ring")] {
/// use waxseal_crypto::{HashAlgorithm, default_provider};
///
/// let mut hasher = default_provider()?.hasher(HashAlgorithm::Sha256);
/// hasher.update(b"a");
/// hasher.update(b"bc");
/// assert_eq!(hasher.finish().as_ref()[..4], [0xba, 0x78, 0x16, 0xbf]);
/// # }
/// # Ok::<(), waxseal_crypto::NoProvider>(())
/// ```
#[derive(Debug)]
pub struct Hasher {
    state: State,
}

/// The states of the built-in providers, inline, so that no hash needs a box.
#[allow(clippy::large_enum_variant, reason = "a box for the large states is what this enum saves")]
pub(crate) enum State {
    #[cfg(feature = "ring")]
    Ring(::ring::digest::Context),
    #[cfg(feature = "aws-lc-rs")]
    AwsLcRs(::aws_lc_rs::digest::Context),
    #[cfg(feature = "rust-crypto")]
    Sha256(sha2::Sha256),
    #[cfg(feature = "rust-crypto")]
    Sha1(sha1::Sha1),
    Other(Box<dyn HashState>),
}

impl Hasher {
    /// A hasher over the state of a foreign provider.
    pub fn from_state(state: Box<dyn HashState>) -> Self {
        Self { state: State::Other(state) }
    }

    #[cfg(any(feature = "ring", feature = "aws-lc-rs", feature = "rust-crypto"))]
    pub(crate) const fn new(state: State) -> Self {
        Self { state }
    }

    /// Takes the next bytes.
    #[inline]
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.state {
            #[cfg(feature = "ring")]
            State::Ring(context) => context.update(data),
            #[cfg(feature = "aws-lc-rs")]
            State::AwsLcRs(context) => context.update(data),
            #[cfg(feature = "rust-crypto")]
            State::Sha256(state) => sha2::Digest::update(state, data),
            #[cfg(feature = "rust-crypto")]
            State::Sha1(state) => sha1::Digest::update(state, data),
            State::Other(state) => state.update(data),
        }
    }

    /// The digest of the bytes so far; more may follow. Thus the prefixes of a text are hashed in one pass.
    ///
    /// ```
    /// # #[cfg(feature = "ring")] {
    /// use waxseal_crypto::{HashAlgorithm, default_provider};
    ///
    /// let mut hasher = default_provider()?.hasher(HashAlgorithm::Sha256);
    /// hasher.update(b"abc");
    /// let abc = hasher.digest();
    /// hasher.update(b"d");
    /// assert_eq!(abc.as_ref()[..4], [0xba, 0x78, 0x16, 0xbf]);
    /// assert_eq!(hasher.finish().as_ref()[..4], [0x88, 0xd4, 0x26, 0x6f]);
    /// # }
    /// # Ok::<(), waxseal_crypto::NoProvider>(())
    /// ```
    pub fn digest(&self) -> Digest {
        let digest = match &self.state {
            #[cfg(feature = "ring")]
            State::Ring(context) => Digest::new(context.clone().finish().as_ref()),
            #[cfg(feature = "aws-lc-rs")]
            State::AwsLcRs(context) => Digest::new(context.clone().finish().as_ref()),
            #[cfg(feature = "rust-crypto")]
            State::Sha256(state) => Digest::new(&sha2::Digest::finalize(state.clone())),
            #[cfg(feature = "rust-crypto")]
            State::Sha1(state) => Digest::new(&sha1::Digest::finalize(state.clone())),
            State::Other(state) => Some(state.digest()),
        };
        digest.unwrap_or(Digest::none())
    }

    /// Ends the hash.
    pub fn finish(self) -> Digest {
        let digest = match self.state {
            #[cfg(feature = "ring")]
            State::Ring(context) => Digest::new(context.finish().as_ref()),
            #[cfg(feature = "aws-lc-rs")]
            State::AwsLcRs(context) => Digest::new(context.finish().as_ref()),
            #[cfg(feature = "rust-crypto")]
            State::Sha256(state) => Digest::new(&sha2::Digest::finalize(state)),
            #[cfg(feature = "rust-crypto")]
            State::Sha1(state) => Digest::new(&sha1::Digest::finalize(state)),
            State::Other(state) => Some(state.finish()),
        };
        digest.unwrap_or(Digest::none())
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_holds_at_most_32_bytes() {
        assert_eq!(Digest::new(&[7; 20]).unwrap().as_bytes(), [7; 20]);
        assert_eq!(Digest::new(&[7; 32]).unwrap().as_bytes(), [7; 32]);
        assert_eq!(Digest::new(&[7; 33]), None);
    }

    #[test]
    fn digests_of_different_length_differ() {
        assert_ne!(Digest::new(&[0; 20]), Digest::new(&[0; 32]));
        assert_ne!(Some(Digest::none()), Digest::new(&[0; 32]));
        assert_eq!(format!("{:?}", Digest::new(&[0xab, 1]).unwrap()), "Digest(ab01)");
    }

    #[test]
    fn a_foreign_state_is_driven() {
        struct Length(u8);
        impl HashState for Length {
            fn update(&mut self, data: &[u8]) {
                self.0 += u8::try_from(data.len()).unwrap();
            }
            fn digest(&self) -> Digest {
                Digest::new(&[self.0]).unwrap()
            }
            fn finish(self: Box<Self>) -> Digest {
                self.digest()
            }
        }
        let mut hasher = Hasher::from_state(Box::new(Length(0)));
        hasher.update(b"ab");
        assert_eq!(hasher.digest().as_bytes(), [2]);
        hasher.update(b"cde");
        assert_eq!(hasher.finish().as_bytes(), [5]);
    }
}
