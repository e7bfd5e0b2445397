//! What the tests share: every provider that was built in, key files and stored signatures.

#![allow(dead_code, reason = "each test file uses its own part of this one")]

use std::path::Path;

use waxseal_crypto::{Algorithm, KeyMaterial, KeyType, Provider, PublicKey, VerifyError};

/// Every provider of this build.
pub(crate) fn providers() -> Vec<&'static dyn Provider> {
    vec![
        #[cfg(feature = "ring")]
        waxseal_crypto::ring::PROVIDER,
        #[cfg(feature = "aws-lc-rs")]
        waxseal_crypto::aws_lc_rs::PROVIDER,
        #[cfg(feature = "rust-crypto")]
        waxseal_crypto::rust_crypto::PROVIDER,
    ]
}

/// A file of `tests/keys`.
pub(crate) fn key_file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).expect("a hex digit")).unwrap();
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One line of `vectors/signatures.txt`.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) key: PublicKey,
    pub(crate) algorithm: Algorithm,
    pub(crate) message: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) good: bool,
}

impl Vector {
    pub(crate) fn verify(&self, provider: &dyn Provider) -> Result<(), VerifyError> {
        provider.verify(&self.key, self.algorithm, &self.message, &self.signature)
    }
}

pub(crate) fn vectors() -> Vec<Vector> {
    let lines = include_str!("../vectors/signatures.txt").lines();
    lines.filter(|line| !line.starts_with('#')).map(read_vector).collect()
}

fn read_vector(line: &str) -> Vector {
    let [name, key, algorithm, message, signature, verdict] =
        line.split('|').collect::<Vec<_>>().try_into().expect("six columns");
    Vector {
        name: name.to_owned(),
        key: public_key(key),
        algorithm: Algorithm::from_name(algorithm.as_bytes()).unwrap(),
        message: unhex(message),
        signature: unhex(signature),
        good: match verdict {
            "ok" => true,
            "bad" => false,
            other => panic!("verdict {other}"),
        },
    }
}

/// The public half of a key file, or raw Ed25519 bytes.
pub(crate) fn public_key(key: &str) -> PublicKey {
    if let Some(raw) = key.strip_prefix("raw:") {
        return PublicKey::from_dns(KeyType::Ed25519, &unhex(raw)).unwrap();
    }
    if key == "ed25519.pkcs8.pem" {
        return PublicKey::from_spki_pem(key_file("ed25519.spki.pem")).unwrap();
    }
    KeyMaterial::from_pem(key_file(key)).unwrap().public_key().unwrap().clone()
}
