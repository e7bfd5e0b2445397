//! The provider that stands in when the feature `ring` is off and none is named.

use crate::{
    Algorithm, Digest, HashAlgorithm, HashState, Hasher, KeyError, KeyMaterial, KeySpec, NoProvider,
    Provider, PublicKey, SigningKey, VerifyError,
};

/// The stand-in without the feature `ring`.
#[derive(Debug)]
pub(crate) struct Absent;

impl Provider for Absent {
    fn name(&self) -> &'static str {
        "none"
    }

    fn hasher(&self, _: HashAlgorithm) -> Hasher {
        Hasher::from_state(Box::new(Nothing))
    }

    fn verify(&self, _: &PublicKey, _: Algorithm, _: &[u8], _: &[u8]) -> Result<(), VerifyError> {
        Err(NoProvider.into())
    }

    fn load_private_key(&self, _: &KeyMaterial) -> Result<Box<dyn SigningKey>, KeyError> {
        Err(NoProvider.into())
    }

    fn generate(&self, _: KeySpec) -> Result<KeyMaterial, KeyError> {
        Err(NoProvider.into())
    }

    fn ready(&self) -> Result<(), NoProvider> {
        Err(NoProvider)
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
