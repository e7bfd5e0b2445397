//! RFC 8301: algorithms and key sizes, a test for each rule.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use std::time::SystemTime;
use waxseal_authres::DkimResult;
use waxseal_crypto::{Algorithm, KeyMaterial, PrivateKey, PublicKey, rust_crypto};
use waxseal_dkim::{Cause, KeyRecord, Policy, SignError, Signer, Verdict, sign_all};
use waxseal_dns::Zone;
use waxseal_test::keys;

/// §3.1: "Signers MUST sign using rsa-sha256. Verifiers MUST be able to verify using rsa-sha256."
#[test]
fn rsa_sha256_signs_and_verifies() {
    let message = signed(&rsa_signer(), MESSAGE);
    assert!(message.starts_with(b"DKIM-Signature: v=1; a=rsa-sha256; "));
    assert!(verdict(&message).is_pass());
}

/// §3.1: "rsa-sha1 MUST NOT be used for signing or verifying."
#[test]
fn rsa_sha1_is_not_verified() {
    let value = "DKIM-Signature: v=1; a=rsa-sha1; d=example.org; s=rsa; h=from; bh=AAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=AAAA\r\n";
    let message = [value.as_bytes(), MESSAGE].concat();
    let dns = Counting::new(zone());
    let verdicts =
        waxseal_dkim::Verifier::new(Default::default()).unwrap().verify_blocking(&message, at(NOW), &dns);
    assert!(matches!(verdicts.as_slice()[0].cause(), Some(Cause::RsaSha1)), "{verdicts:?}");
    assert_eq!(verdicts.as_slice()[0].result(), DkimResult::Policy);
    assert_eq!(dns.count(), 0, "no key is looked up for it");
    // The switch for old archives: then the signature counts, and is wrong.
    let old = only(verify_with(Policy::default().with_rsa_sha1(true), &message, &zone()));
    assert!(matches!(old.cause(), Some(Cause::BodyHash { computed, .. }) if computed.len() == 20), "{old}");
}

/// §3.1: "rsa-sha1 MUST NOT be used for signing or verifying."
#[test]
fn rsa_sha1_does_not_sign() {
    let signer = Signer::remote("example.org", "rsa", Algorithm::RsaSha1).unwrap();
    assert!(matches!(signer.sign(MESSAGE, SystemTime::now()), Err(SignError::RsaSha1)));
    let both = sign_all([&rsa_signer(), &signer], MESSAGE, SystemTime::now());
    assert!(matches!(both, Err(SignError::RsaSha1)));
}

/// A good signature by the 2048-bit key, verified against a record with a modulus of `bits` bits that never signed it.
fn with_modulus(bits: u32, policy: Policy) -> Verdict {
    let mut modulus = vec![0xff; bits.div_ceil(8) as usize - 1];
    modulus.insert(0, 0xff >> ((8 - bits % 8) % 8));
    let key = PublicKey::from_rsa_components(&modulus, &[1, 0, 1]).unwrap();
    assert_eq!(key.bits(), bits);
    let zone = Zone::new().with_txt("rsa._domainkey.example.org", KeyRecord::new(key).to_string()).unwrap();
    only(verify_with(policy, &signed(&rsa_signer(), MESSAGE), &zone))
}

/// §3.2: "Verifiers MUST NOT consider signatures using RSA keys of less than 1024 bits as valid signatures." The size is
/// that of the true modulus: 1023 bits also fill 128 octets.
#[test]
fn short_keys_are_refused() {
    for bits in [512, 768, 1016, 1023] {
        let verdict = with_modulus(bits, Policy::default());
        assert!(matches!(verdict.cause(), Some(Cause::KeyTooSmall(b, 1024)) if *b == bits), "{verdict}");
        assert_eq!(verdict.result(), DkimResult::Policy);
        assert_eq!(verdict.key_bits(), Some(bits));
    }
    assert!(matches!(with_modulus(1024, Policy::default()).cause(), Some(Cause::HeaderSignature { .. })));
    let strict = Policy::default().with_min_rsa_bits(2048);
    assert!(matches!(with_modulus(2047, strict).cause(), Some(Cause::KeyTooSmall(2047, 2048))));
}

/// §3.2: "Verifiers MUST be able to validate signatures with keys ranging from 1024 bits to 4096 bits, and they MAY be able
/// to validate signatures with larger keys." Ours do when told to.
#[test]
fn long_keys_are_refused_until_allowed() {
    for bits in [4097, 8192] {
        let verdict = with_modulus(bits, Policy::default());
        assert!(matches!(verdict.cause(), Some(Cause::KeyTooLarge(b, 4096)) if *b == bits), "{verdict}");
        assert_eq!(verdict.result(), DkimResult::Policy);
        let allowed = with_modulus(bits, Policy::default().with_max_rsa_bits(8192));
        assert!(matches!(allowed.cause(), Some(Cause::HeaderSignature { .. })), "{allowed}");
    }
    // What no provider can do is an error with its name, not a wrong signature.
    let verdict = with_modulus(8200, Policy::default().with_max_rsa_bits(16384));
    assert!(matches!(verdict.cause(), Some(Cause::Crypto(_))), "{verdict}");
    assert_eq!(verdict.result(), DkimResult::PermError);
}

/// §3.2, both ends of the range that verifiers must know.
#[test]
fn the_whole_range_verifies() {
    for (pem, bits) in [(keys::RSA1024, 1024), (keys::RSA4096, 4096)] {
        let key =
            PrivateKey::from_material(KeyMaterial::from_pem(pem).unwrap(), rust_crypto::PROVIDER).unwrap();
        let record = KeyRecord::new(key.public_key().clone()).to_string();
        let zone = Zone::new().with_txt("k._domainkey.example.org", record).unwrap();
        let signer = Signer::new("example.org", "k", key).unwrap();
        let verdict = only(verify_with(Policy::default(), &signed(&signer, MESSAGE), &zone));
        assert!(verdict.is_pass() && verdict.key_bits() == Some(bits), "{verdict}");
    }
}

/// §3.2: "Signers MUST use RSA keys of at least 1024 bits for all keys. Signers SHOULD use RSA keys of at least 2048 bits."
#[test]
fn signing_keys_have_1024_bits() {
    let key = PrivateKey::from_material(KeyMaterial::from_pem(keys::RSA1024).unwrap(), rust_crypto::PROVIDER)
        .unwrap();
    assert!(key.warning().unwrap().to_string().contains("2048"), "{:?}", key.warning());
    assert_eq!(RSA.warning(), None);
    let short =
        PrivateKey::from_material(KeyMaterial::from_pem(keys::RSA512).unwrap(), rust_crypto::PROVIDER);
    let short = short.unwrap_err().to_string();
    assert!(short.starts_with("the RSA key has 512 bits; signing takes at least 1024"), "{short}");
}
