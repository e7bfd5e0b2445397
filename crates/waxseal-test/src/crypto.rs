use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use waxseal_crypto::{
    Algorithm, Digest, HashAlgorithm, HashState, Hasher, KeyError, KeyMaterial, KeySpec, Provider, PublicKey,
    SigningKey, VerifyError, default_provider,
};

/// The default crypto provider, and how much was asked of it.
#[derive(Debug, Default)]
pub struct CountingProvider {
    hashers: AtomicUsize,
    hashed: Arc<AtomicUsize>,
    verified: AtomicUsize,
    verified_bytes: AtomicUsize,
}

impl CountingProvider {
    /// One that lives as long as providers have to.
    pub fn leaked() -> &'static Self {
        Box::leak(Box::default())
    }

    /// How many hashes were begun.
    pub fn hashers(&self) -> usize {
        self.hashers.load(Relaxed)
    }

    /// How many bytes were hashed, those inside of signatures aside.
    pub fn hashed(&self) -> usize {
        self.hashed.load(Relaxed)
    }

    /// How many signatures were verified.
    pub fn verified(&self) -> usize {
        self.verified.load(Relaxed)
    }

    /// How many bytes the signatures were verified over.
    pub fn verified_bytes(&self) -> usize {
        self.verified_bytes.load(Relaxed)
    }
}

/// A hash that counts the bytes it takes.
struct CountedHash(Hasher, Arc<AtomicUsize>);

impl HashState for CountedHash {
    fn update(&mut self, data: &[u8]) {
        self.1.fetch_add(data.len(), Relaxed);
        self.0.update(data);
    }

    fn digest(&self) -> Digest {
        self.0.digest()
    }

    fn finish(self: Box<Self>) -> Digest {
        self.0.finish()
    }
}

impl Provider for CountingProvider {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn hasher(&self, algorithm: HashAlgorithm) -> Hasher {
        self.hashers.fetch_add(1, Relaxed);
        let hasher = default_provider().unwrap().hasher(algorithm);
        Hasher::from_state(Box::new(CountedHash(hasher, self.hashed.clone())))
    }

    fn verify(
        &self,
        key: &PublicKey,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        self.verified.fetch_add(1, Relaxed);
        self.verified_bytes.fetch_add(message.len(), Relaxed);
        default_provider().unwrap().verify(key, algorithm, message, signature)
    }

    fn load_private_key(&self, key: &KeyMaterial) -> Result<Box<dyn SigningKey>, KeyError> {
        default_provider().unwrap().load_private_key(key)
    }

    fn generate(&self, spec: KeySpec) -> Result<KeyMaterial, KeyError> {
        default_provider().unwrap().generate(spec)
    }
}
