//! A hash that costs next to nothing: what is measured with it is the work around the hash.

use waxseal_crypto::{
    Algorithm, Digest, HashAlgorithm, HashState, Hasher, KeyError, KeyMaterial, KeySpec, Provider, PublicKey,
    SigningKey, VerifyError, ring,
};

/// The provider of that hash. It has no keys.
pub static PROVIDER: &dyn Provider = &FreeHash;

const NAME: &str = "no hash";

#[derive(Debug)]
struct FreeHash;

/// Takes octets, and has the hash of none.
struct Sink;

impl HashState for Sink {
    fn update(&mut self, data: &[u8]) {
        std::hint::black_box(data);
    }

    fn digest(&self) -> Digest {
        ring::PROVIDER.hasher(HashAlgorithm::Sha256).finish()
    }

    fn finish(self: Box<Self>) -> Digest {
        self.digest()
    }
}

impl Provider for FreeHash {
    fn name(&self) -> &'static str {
        NAME
    }

    fn hasher(&self, _: HashAlgorithm) -> Hasher {
        Hasher::from_state(Box::new(Sink))
    }

    fn verify(&self, _: &PublicKey, algorithm: Algorithm, _: &[u8], _: &[u8]) -> Result<(), VerifyError> {
        Err(VerifyError::UnsupportedAlgorithm(algorithm, NAME))
    }

    fn load_private_key(&self, key: &KeyMaterial) -> Result<Box<dyn SigningKey>, KeyError> {
        Err(KeyError::unsupported(
            NAME,
            format_args!("it signs with no keys, such as one of {} bits", key.bits()),
        ))
    }

    fn generate(&self, spec: KeySpec) -> Result<KeyMaterial, KeyError> {
        Err(KeyError::unsupported(NAME, format_args!("it does not make keys, such as {spec:?}")))
    }
}
