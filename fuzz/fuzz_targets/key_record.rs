//! Key records and the keys in them: what is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxseal_crypto::{Algorithm, KeyType, PublicKey, default_provider};
use waxseal_dkim::KeyRecord;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (record, key) = input;
    if let Ok(record) = KeyRecord::parse(record) {
        let written = record.to_string();
        let again = KeyRecord::parse(written.as_bytes()).expect("what was written is a record");
        assert_eq!(again.to_string(), written);
        assert_eq!(again.public_key(), record.public_key());
        assert_eq!((again.is_testing(), again.is_for_email()), (record.is_testing(), record.is_for_email()));
    }
    for key_type in [KeyType::Rsa, KeyType::Ed25519] {
        let Ok(public) = PublicKey::from_dns(key_type, key) else { continue };
        assert_eq!(public.key_type(), key_type);
        let written = KeyRecord::new(public.clone()).to_string();
        let again = KeyRecord::parse(written.as_bytes()).expect("what was written is a record");
        assert_eq!(again.public_key(), Some(&public));
        let algorithm = match key_type {
            KeyType::Rsa => Algorithm::RsaSha256,
            KeyType::Ed25519 => Algorithm::Ed25519Sha256,
        };
        // Nothing here was signed with the other half.
        assert!(
            default_provider().expect("a provider").verify(&public, algorithm, b"message", record).is_err()
        );
    }
});
