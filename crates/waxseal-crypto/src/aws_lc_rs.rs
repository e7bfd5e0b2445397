//! The provider over [aws-lc-rs](https://docs.rs/aws-lc-rs): it verifies with prepared keys, in three quarters of
//! ring's time, and signs with RSA in half of ring's time on processors with AVX-512 IFMA (on others, in the same
//! time).
//!
//! | | |
//! |---|---|
//! | verify RSA | 1024 to 8192 bits, SHA-256 and SHA-1 |
//! | sign RSA | 2048 to 8192 bits |
//! | make RSA keys | 2048, 3072 and 4096 bits |
//! | Ed25519 | verify, sign, make keys |

mod prepared;

use ::aws_lc_rs::digest;
use ::aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use ::aws_lc_rs::rand::{self, SystemRandom};
use ::aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use ::aws_lc_rs::signature::{
    ED25519, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use zeroize::Zeroizing;

pub(crate) use prepared::Prepared;
use prepared::parameters;

use crate::hash::State;
use crate::key_error::KeyProblem;
use crate::provider::VerifyingKey;
use crate::{
    Algorithm, HashAlgorithm, Hasher, KeyError, KeyMaterial, KeySpec, PrivateParts, Provider, PublicKey,
    SignError, SigningInput, SigningKey, VerifyError,
};

/// The provider over aws-lc-rs.
pub static PROVIDER: &dyn Provider = &AwsLcRs;

const NAME: &str = "aws-lc-rs";

#[derive(Debug)]
struct AwsLcRs;

impl Provider for AwsLcRs {
    fn name(&self) -> &'static str {
        NAME
    }

    fn hasher(&self, algorithm: HashAlgorithm) -> Hasher {
        let algorithm = match algorithm {
            HashAlgorithm::Sha256 => &digest::SHA256,
            HashAlgorithm::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        };
        Hasher::new(State::AwsLcRs(digest::Context::new(algorithm)))
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
                let pkcs1 = key.rsa_pkcs1_der().unwrap_or_default();
                let prepared = key.prepared_for_aws_lc_rs().and_then(|prepared| prepared.get(pkcs1));
                match (algorithm.hash(), prepared) {
                    (HashAlgorithm::Sha256, Some(prepared)) => prepared.verify_sig(message, signature),
                    (hash, _) => RsaPublicKeyComponents { n: modulus, e: exponent }.verify(
                        parameters(hash),
                        message,
                        signature,
                    ),
                }
            }
            VerifyingKey::Ed25519(raw) => {
                let digest = digest::digest(&digest::SHA256, message);
                UnparsedPublicKey::new(&ED25519, raw).verify(digest.as_ref(), signature)
            }
        };
        verified.map_err(|_| VerifyError::BadSignature)
    }

    fn load_private_key(&self, key: &KeyMaterial) -> Result<Box<dyn SigningKey>, KeyError> {
        match (key.secret(), key.bits()) {
            (PrivateParts::Ed25519(seed), _) => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed)
                    .map_err(|error| KeyError::rejected(NAME, error))?;
                Ok(Box::new(Ed25519Key(pair)))
            }
            (PrivateParts::Rsa(pkcs1), 2048..=8192) => {
                let pair = RsaKeyPair::from_der(pkcs1).map_err(|error| KeyError::rejected(NAME, error))?;
                Ok(Box::new(RsaKey(pair)))
            }
            (PrivateParts::Rsa(_), bits) => {
                Err(KeyError(KeyProblem::SignKeySize { bits, provider: NAME, sizes: "2048 to 8192 bits" }))
            }
        }
    }

    fn generate(&self, spec: KeySpec) -> Result<KeyMaterial, KeyError> {
        let size = match spec {
            KeySpec::Rsa { bits: 2048 } => KeySize::Rsa2048,
            KeySpec::Rsa { bits: 3072 } => KeySize::Rsa3072,
            KeySpec::Rsa { bits: 4096 } => KeySize::Rsa4096,
            KeySpec::Rsa { bits } => {
                return Err(KeyError(KeyProblem::CannotGenerate { bits, provider: NAME }));
            }
            KeySpec::Ed25519 => {
                let mut seed = Zeroizing::new([0; 32]);
                rand::fill(seed.as_mut()).map_err(|_| KeyError(KeyProblem::NoRandomness))?;
                return Ok(KeyMaterial::from_ed25519_seed(&seed));
            }
        };
        let pair = RsaKeyPair::generate(size).map_err(|_| KeyError(KeyProblem::NoRandomness))?;
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|error| KeyError::rejected(NAME, error))?;
        KeyMaterial::from_der(pkcs8.as_ref())
    }
}

struct RsaKey(RsaKeyPair);

impl SigningKey for RsaKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RsaSha256
    }

    fn sign(&self, input: &SigningInput<'_>) -> Result<Vec<u8>, SignError> {
        let mut signature = vec![0; self.0.public_modulus_len()];
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
        let signature = self.0.try_sign(digest.as_ref()).map_err(|_| SignError::Provider(NAME))?;
        Ok(signature.as_ref().to_vec())
    }

    fn public_key(&self) -> Option<PublicKey> {
        PublicKey::from_ed25519(self.0.public_key().as_ref()).ok()
    }
}
