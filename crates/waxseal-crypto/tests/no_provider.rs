//! Without any provider, what needs one returns an error that names the features.

#![cfg(test)]
#![cfg(not(any(feature = "ring", feature = "aws-lc-rs", feature = "rust-crypto")))]

mod common;

use common::key_file;
use waxseal_crypto::{KeyError, NoProvider, PrivateKey, default_provider};

#[test]
fn the_error_names_the_features() {
    let error = default_provider().unwrap_err();
    assert_eq!(error, NoProvider);
    for feature in ["`ring`", "`aws-lc-rs`", "`rust-crypto`", "with_provider"] {
        assert!(error.to_string().contains(feature), "{error}");
    }
    for error in [
        PrivateKey::from_pem(key_file("rsa2048.pkcs8.pem")).unwrap_err(),
        PrivateKey::from_bytes(key_file("rsa2048.pkcs8.der")).unwrap_err(),
        PrivateKey::from_ed25519_seed(&[1; 32]).unwrap_err(),
    ] {
        assert_eq!(error, KeyError::from(NoProvider));
    }
}
