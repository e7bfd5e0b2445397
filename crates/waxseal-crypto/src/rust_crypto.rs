//! The provider over the crates of [RustCrypto](https://github.com/RustCrypto) and dalek: pure Rust, so it builds for
//! wasm32 and without a C compiler; the slowest.
//!
//! | | |
//! |---|---|
//! | verify RSA | 1024 to 8192 bits, SHA-256 and SHA-1 |
//! | sign RSA | 1024 to 8192 bits |
//! | make RSA keys | 1024, 2048, 3072 and 4096 bits |
//! | Ed25519 | verify, sign, make keys |
//!
//! The crate `rsa` 0.9 does not run in constant time (RUSTSEC-2023-0071). Signing here is blinded: the number that is
//! raised to the secret exponent is unknown to an observer, so timing it tells little. The blinding factor comes from a
//! generator seeded with the private key, the message and, where the system has any, fresh randomness. On
//! wasm32-unknown-unknown, which has none, signing still works, but no keys can be made. Blinding does not affect the
//! signature. Where an attacker can time signatures precisely, use another provider.

use ed25519_dalek::{Signature, Signer as _, Verifier as _, VerifyingKey as DalekVerifyingKey};
use rsa::rand_core::{CryptoRng, Error as RandError, RngCore};
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use rsa::{BigUint, Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::der::{self, Reader};
use crate::hash::State;
use crate::key_error::KeyProblem;
use crate::provider::VerifyingKey;
use crate::{
    Algorithm, HashAlgorithm, Hasher, KeyError, KeyMaterial, KeySpec, PrivateParts, Provider, PublicKey,
    SignError, SigningInput, SigningKey, VerifyError,
};

/// The provider over the crates `rsa`, `ed25519-dalek`, `sha2` and `sha1`.
pub static PROVIDER: &dyn Provider = &RustCrypto;

const NAME: &str = "rust-crypto";

#[derive(Debug)]
struct RustCrypto;

impl Provider for RustCrypto {
    fn name(&self) -> &'static str {
        NAME
    }

    fn hasher(&self, algorithm: HashAlgorithm) -> Hasher {
        Hasher::new(match algorithm {
            HashAlgorithm::Sha256 => State::Sha256(Sha256::new()),
            HashAlgorithm::Sha1 => State::Sha1(Sha1::new()),
        })
    }

    fn verify(
        &self,
        key: &PublicKey,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        let verified = match VerifyingKey::new(key, algorithm)? {
            VerifyingKey::Rsa { modulus, exponent } => {
                let (modulus, exponent) = (BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent));
                // PublicKey has made stricter checks than those omitted here.
                let key = RsaPublicKey::new_unchecked(modulus, exponent);
                let digest: &[u8] = match algorithm.hash() {
                    HashAlgorithm::Sha256 => &Sha256::digest(message),
                    HashAlgorithm::Sha1 => &Sha1::digest(message),
                };
                key.verify(padding(algorithm.hash()), digest, signature).is_ok()
            }
            VerifyingKey::Ed25519(raw) => verify_ed25519(raw, &Sha256::digest(message), signature),
        };
        if verified { Ok(()) } else { Err(VerifyError::BadSignature) }
    }

    fn load_private_key(&self, key: &KeyMaterial) -> Result<Box<dyn SigningKey>, KeyError> {
        match (key.secret(), key.bits()) {
            (PrivateParts::Ed25519(seed), _) => {
                Ok(Box::new(Ed25519Key(ed25519_dalek::SigningKey::from_bytes(seed))))
            }
            (PrivateParts::Rsa(pkcs1), 1024..=8192) => Ok(Box::new(RsaKey(read_rsa(pkcs1)?))),
            (PrivateParts::Rsa(_), bits) => {
                Err(KeyError(KeyProblem::SignKeySize { bits, provider: NAME, sizes: "1024 to 8192 bits" }))
            }
        }
    }

    fn generate(&self, spec: KeySpec) -> Result<KeyMaterial, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        fill_with_randomness(&mut seed).ok_or(KeyError(KeyProblem::NoRandomness))?;
        match spec {
            KeySpec::Ed25519 => Ok(KeyMaterial::from_ed25519_seed(&seed)),
            KeySpec::Rsa { bits } => {
                let key = RsaPrivateKey::new(&mut Generator::new(seed), bits as usize)
                    .map_err(|error| KeyError::rejected(NAME, error))?;
                write_rsa(&key)
            }
        }
    }
}

struct RsaKey(RsaPrivateKey);

impl SigningKey for RsaKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RsaSha256
    }

    fn sign(&self, input: &SigningInput<'_>) -> Result<Vec<u8>, SignError> {
        let digest = Sha256::digest(input.bytes());
        let mut fresh = Zeroizing::new([0; 32]);
        // Without randomness, only the private key keeps the seed secret.
        let _ = fill_with_randomness(&mut fresh);
        let mut blinding = Generator::new(blinding_seed(&self.0, &digest, &fresh));
        self.0
            .sign_with_rng(&mut blinding, padding(HashAlgorithm::Sha256), &digest)
            .map_err(|_| SignError::Provider(NAME))
    }
}

struct Ed25519Key(ed25519_dalek::SigningKey);

impl SigningKey for Ed25519Key {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Ed25519Sha256
    }

    fn sign(&self, input: &SigningInput<'_>) -> Result<Vec<u8>, SignError> {
        let signature = self.0.try_sign(&Sha256::digest(input.bytes()));
        signature.map(|signature| signature.to_bytes().to_vec()).map_err(|_| SignError::Provider(NAME))
    }

    fn public_key(&self) -> Option<PublicKey> {
        PublicKey::from_ed25519(self.0.verifying_key().as_bytes()).ok()
    }
}

/// Verifies as ring does: S below the group order, no cofactor, R compared as bytes.
fn verify_ed25519(raw: &[u8; 32], digest: &[u8], signature: &[u8]) -> bool {
    match (DalekVerifyingKey::from_bytes(raw), Signature::from_slice(signature)) {
        (Ok(key), Ok(signature)) => key.verify(digest, &signature).is_ok(),
        _ => false,
    }
}

/// EMSA-PKCS1-v1_5 with the DigestInfo of RFC 8017 §9.2 note 1.
fn padding(hash: HashAlgorithm) -> Pkcs1v15Sign {
    let prefix: &[u8] = match hash {
        HashAlgorithm::Sha256 => &[
            0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
            0x00, 0x04, 0x20,
        ],
        HashAlgorithm::Sha1 => {
            &[0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14]
        }
    };
    Pkcs1v15Sign { hash_len: Some(hash.output_len()), prefix: prefix.into() }
}

/// RSAPrivateKey (RFC 8017 appendix A.1.2); the CRT numbers are recomputed.
fn read_rsa(der: &[u8]) -> Result<RsaPrivateKey, KeyError> {
    let mut body = Reader::new(der).enter(der::SEQUENCE)?;
    body.unsigned()?;
    let mut next = || body.unsigned().map(BigUint::from_bytes_be);
    let (modulus, exponent, private) = (next()?, next()?, next()?);
    let primes = vec![next()?, next()?];
    RsaPrivateKey::from_components(modulus, exponent, private, primes)
        .map_err(|error| KeyError::rejected(NAME, error))
}

fn write_rsa(key: &RsaPrivateKey) -> Result<KeyMaterial, KeyError> {
    let incomplete = || KeyError::rejected(NAME, "the new key lacks its CRT numbers");
    let [p, q] = key.primes() else { return Err(incomplete()) };
    let (Some(dp), Some(dq), Some(coefficient)) = (key.dp(), key.dq(), key.crt_coefficient()) else {
        return Err(incomplete());
    };
    let coefficient = Zeroizing::new(coefficient);
    // Capacity for nine numbers of at most the modulus' length, so that no copy of a secret is left behind.
    let mut body = Zeroizing::new(Vec::with_capacity(9 * (key.size() + 8)));
    der::write_unsigned(&mut body, &[]);
    for number in [key.n(), key.e(), key.d(), p, q, dp, dq, &coefficient] {
        der::write_unsigned(&mut body, &Zeroizing::new(number.to_bytes_be()));
    }
    let mut pkcs1 = Zeroizing::new(Vec::with_capacity(body.len() + 8));
    der::write(&mut pkcs1, der::SEQUENCE, &[&body]);
    KeyMaterial::from_der(&pkcs1)
}

/// A seed that nobody without the private key can guess, whether `fresh` is random or all zeros.
fn blinding_seed(key: &RsaPrivateKey, digest: &[u8], fresh: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    let secret = Zeroizing::new(key.d().to_bytes_be());
    let hash = Sha256::new_with_prefix(b"waxseal RSA blinding").chain_update(fresh);
    Zeroizing::new(hash.chain_update(secret.as_slice()).chain_update(digest).finalize().into())
}

/// `None` when the system has no randomness.
#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
fn fill_with_randomness(bytes: &mut [u8; 32]) -> Option<()> {
    getrandom::getrandom(bytes).ok()
}

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
fn fill_with_randomness(_: &mut [u8; 32]) -> Option<()> {
    None
}

/// An endless stream of pseudo-random bytes: SHA-256 over a secret seed and a counter.
struct Generator {
    seed: Zeroizing<[u8; 32]>,
    counter: u64,
}

impl Generator {
    fn new(seed: Zeroizing<[u8; 32]>) -> Self {
        Self { seed, counter: 0 }
    }
}

impl RngCore for Generator {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let hash = Sha256::new_with_prefix(self.seed.as_slice()).chain_update(self.counter.to_le_bytes());
            let block = Zeroizing::new(<[u8; 32]>::from(hash.finalize()));
            self.counter = self.counter.wrapping_add(1);
            for (to, from) in chunk.iter_mut().zip(block.iter()) {
                *to = *from;
            }
        }
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), RandError> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl CryptoRng for Generator {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_a_function_of_its_seed_and_does_not_repeat() {
        let stream = |seed: u8| {
            let mut bytes = [0; 100];
            Generator::new(Zeroizing::new([seed; 32])).fill_bytes(&mut bytes);
            bytes
        };
        assert_eq!(stream(1), stream(1));
        assert_ne!(stream(1), stream(2));
        let bytes = stream(1);
        assert_ne!(bytes[..32], bytes[32..64]);
        let mut generator = Generator::new(Zeroizing::new([1; 32]));
        assert_ne!(generator.next_u64(), generator.next_u64());
    }

    /// Without fresh randomness, the seed still depends on the message and on the private key.
    #[test]
    fn blinding_needs_no_randomness() {
        let [first, second] = [(1_000_003u32, 1_000_037u32), (1_000_039, 1_000_081)]
            .map(|(p, q)| RsaPrivateKey::from_p_q(p.into(), q.into(), 65_537u32.into()).unwrap());
        let none = [0; 32];
        let seed = blinding_seed(&first, b"a", &none);
        assert_ne!(seed, blinding_seed(&first, b"b", &none));
        assert_ne!(seed, blinding_seed(&second, b"a", &none));
        assert_ne!(seed, blinding_seed(&first, b"a", &[1; 32]));
        assert_eq!(seed, blinding_seed(&first, b"a", &none));
    }
}
