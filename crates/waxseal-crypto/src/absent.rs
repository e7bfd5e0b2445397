//! A provider that fails, for constructors that do not yet return [`NoProvider`].

use crate::{
    Algorithm, Digest, HashAlgorithm, HashState, Hasher, KeyError, KeyMaterial, KeySpec, NoProvider,
    Provider, PublicKey, SigningKey, VerifyError,
};

/// [`default_provider`](crate::default_provider), or one that fails.
pub fn provider_or_absent() -> &'static dyn Provider {
    crate::default_provider().unwrap_or(&Absent)
}

#[derive(Debug)]
pub(crate) struct Absent;

impl Provider for Absent {
    fn name(&self) -> &'static str {
        "none"
    }

    fn hasher(&self, _: HashAlgorithm) -> Hasher {
        Hasher::from_state(Box::new(Nothing))
    }

    fn verify(&self, _: &PublicKey, algorithm: Algorithm, _: &[u8], _: &[u8]) -> Result<(), VerifyError> {
        Err(VerifyError::UnsupportedAlgorithm { algorithm, provider: "none" })
    }

    fn load_private_key(&self, _: &KeyMaterial) -> Result<Box<dyn SigningKey>, KeyError> {
        Err(KeyError::NoProvider(NoProvider))
    }

    fn generate(&self, _: KeySpec) -> Result<KeyMaterial, KeyError> {
        Err(KeyError::NoProvider(NoProvider))
    }
}

/// Hashes nothing to the empty digest.
struct Nothing;

impl HashState for Nothing {
    fn update(&mut self, _: &[u8]) {}

    fn digest(&self) -> Digest {
        Digest::none()
    }

    fn finish(self: Box<Self>) -> Digest {
        Digest::none()
    }
}
