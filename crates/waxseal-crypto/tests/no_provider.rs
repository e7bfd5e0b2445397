//! Without the feature `ring` nothing becomes the default by itself: every operation says what to do.

#![cfg(test)]
#![cfg(not(feature = "ring"))]

mod common;

use common::{key_file, public_key};
use waxseal_crypto::{
    Algorithm, HashAlgorithm, KeyError, KeySpec, NoProvider, PrivateKey, VerifyError, default_provider,
};

const MESSAGE: &str = "no crypto provider: enable the feature `ring` of waxseal-crypto, or name a provider";

#[test]
fn the_stand_in_does_nothing_and_says_why() {
    let provider = default_provider();
    assert_eq!(provider.name(), "none");
    assert_eq!(provider.ready(), Err(NoProvider));
    let key = public_key("rsa2048.pkcs8.pem");
    let error = key.verify(provider, Algorithm::RsaSha256, b"", b"").unwrap_err();
    assert_eq!(error, VerifyError::NoProvider(NoProvider));
    assert_eq!(error.to_string(), MESSAGE);
    for error in [
        PrivateKey::from_pem(&key_file("rsa2048.pkcs8.pem")).unwrap_err(),
        PrivateKey::from_ed25519_seed(&[1; 32]).unwrap_err(),
        PrivateKey::generate(KeySpec::Ed25519, provider).unwrap_err(),
    ] {
        assert_eq!(error, KeyError::NoProvider(NoProvider));
        assert_eq!(error.to_string(), MESSAGE);
    }
}

/// An empty digest equals no real one, so nothing verifies by accident.
#[test]
fn its_hashes_are_empty() {
    for algorithm in HashAlgorithm::ALL {
        let mut hasher = default_provider().hasher(algorithm);
        hasher.update(b"abc");
        assert_eq!(hasher.finish().as_ref(), b"");
    }
}

/// Providers that are named work all the same.
#[test]
fn named_providers_work() {
    for provider in common::providers() {
        assert_eq!(provider.ready(), Ok(()));
        let key = PrivateKey::from_pem_with(&key_file("rsa2048.pkcs8.pem"), provider).unwrap();
        assert_eq!(key.bits(), 2048);
    }
}
