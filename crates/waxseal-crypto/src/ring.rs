//! The provider over [ring](https://docs.rs/ring): the default.
//!
//! | | |
//! |---|---|
//! | verify RSA | 1024 to 8192 bits, SHA-256 and SHA-1 |
//! | sign RSA | 2048, 3072 or 4096 bits, exponent 65537 or more |
//! | make RSA keys | no |
//! | Ed25519 | verify, sign, make keys |

use ::ring::digest;
use ::ring::rand::{SecureRandom as _, SystemRandom};
use ::ring::rsa;
use ::ring::signature::{
    ED25519, Ed25519KeyPair, RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_SHA256, UnparsedPublicKey,
};
use zeroize::Zeroizing;

use crate::hash::State;
use crate::key_error::KeyProblem;
use crate::provider::VerifyingKey;
use crate::{
    Algorithm, HashAlgorithm, Hasher, KeyError, KeyMaterial, KeySpec, PrivateParts, Provider, PublicKey,
    SignError, SigningInput, SigningKey, VerifyError,
};

/// The provider over ring.
pub static PROVIDER: &dyn Provider = &Ring;

const NAME: &str = "ring";

#[derive(Debug)]
struct Ring;

impl Provider for Ring {
    fn name(&self) -> &'static str {
        NAME
    }

    fn hasher(&self, algorithm: HashAlgorithm) -> Hasher {
        let algorithm = match algorithm {
            HashAlgorithm::Sha256 => &digest::SHA256,
            HashAlgorithm::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        };
        Hasher::new(State::Ring(digest::Context::new(algorithm)))
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
                let parameters = match algorithm.hash() {
                    HashAlgorithm::Sha256 => &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
                    HashAlgorithm::Sha1 => &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
                };
                rsa::PublicKeyComponents { n: modulus, e: exponent }.verify(parameters, message, signature)
            }
            VerifyingKey::Ed25519(raw) => {
                let digest = digest::digest(&digest::SHA256, message);
                UnparsedPublicKey::new(&ED25519, raw).verify(digest.as_ref(), signature)
            }
        };
        verified.map_err(|_| VerifyError::BadSignature)
    }

    fn load_private_key(&self, key: &KeyMaterial) -> Result<Box<dyn SigningKey>, KeyError> {
        match key.secret() {
            PrivateParts::Ed25519(seed) => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed)
                    .map_err(|error| KeyError::rejected(NAME, error))?;
                Ok(Box::new(Ed25519Key(pair)))
            }
            PrivateParts::Rsa(pkcs1) => {
                check_rsa(key)?;
                let pair = rsa::KeyPair::from_der(pkcs1).map_err(|error| KeyError::rejected(NAME, error))?;
                Ok(Box::new(RsaKey(pair)))
            }
        }
    }

    fn generate(&self, spec: KeySpec) -> Result<KeyMaterial, KeyError> {
        match spec {
            KeySpec::Rsa { bits } => Err(KeyError(KeyProblem::CannotGenerate { bits, provider: NAME })),
            KeySpec::Ed25519 => {
                let mut seed = Zeroizing::new([0; 32]);
                SystemRandom::new().fill(seed.as_mut()).map_err(|_| KeyError(KeyProblem::NoRandomness))?;
                Ok(KeyMaterial::from_ed25519_seed(&seed))
            }
        }
    }
}

struct RsaKey(rsa::KeyPair);

impl SigningKey for RsaKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RsaSha256
    }

    fn sign(&self, input: &SigningInput<'_>) -> Result<Vec<u8>, SignError> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.bytes(), &mut signature)
            .map_err(|_| SignError::Provider(NAME))?;
        Ok(signature)
    }
}

struct Ed25519Key(Ed25519KeyPair);

impl SigningKey for Ed25519Key {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Ed25519Sha256
    }

    fn sign(&self, input: &SigningInput<'_>) -> Result<Vec<u8>, SignError> {
        let digest = digest::digest(&digest::SHA256, input.bytes());
        Ok(self.0.sign(digest.as_ref()).as_ref().to_vec())
    }

    fn public_key(&self) -> Option<PublicKey> {
        use ::ring::signature::KeyPair as _;
        PublicKey::from_ed25519(self.0.public_key().as_ref()).ok()
    }
}

/// Explains beforehand what ring would reject.
fn check_rsa(key: &KeyMaterial) -> Result<(), KeyError> {
    let bits = key.bits();
    if !matches!(bits, 2048 | 3072 | 4096) {
        return Err(KeyError(KeyProblem::SignKeySize {
            bits,
            provider: NAME,
            sizes: "2048, 3072 or 4096 bits",
        }));
    }
    match key.public_key().and_then(PublicKey::rsa_exponent) {
        Some(exponent @ 0..65_537) => Err(KeyError(KeyProblem::SignExponent { exponent, provider: NAME })),
        _ => Ok(()),
    }
}
