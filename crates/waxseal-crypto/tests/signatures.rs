//! Signatures that others made, good and forged: every provider says the same.

#![cfg(test)]

mod common;

use common::{hex, providers, public_key, unhex, vectors};
use proptest::prelude::*;
use waxseal_crypto::{Algorithm, HashAlgorithm, KeyType, Provider, PublicKey, VerifyError};

fn for_every_provider(check: impl Fn(&'static dyn Provider)) {
    let providers = providers();
    println!("{} providers", providers.len());
    providers.into_iter().for_each(check);
}

#[test]
fn known_answers() {
    for_every_provider(|provider| {
        let mut tried = 0;
        for vector in vectors() {
            let verdict = vector.verify(provider);
            let too_small = vector.key.key_type() == KeyType::Rsa && vector.key.bits() < 1024;
            if too_small {
                let expected = VerifyError::UnsupportedKeySize(vector.key.bits());
                assert_eq!(verdict, Err(expected), "{}", vector.name);
                continue;
            }
            let expected = if vector.good { Ok(()) } else { Err(VerifyError::BadSignature) };
            assert_eq!(verdict, expected, "{}: {}", provider.name(), vector.name);
            tried += 1;
        }
        assert!(tried >= 75, "only {tried} vectors");
    });
}

/// CERT VU#268267 (2012): 512-bit DKIM keys were factored. The size is told truly, and no provider verifies such signatures.
#[test]
fn vu_268267_512_bit_keys() {
    let key = public_key("rsa512.pkcs8.pem");
    assert_eq!(key.bits(), 512);
    for_every_provider(|provider| {
        let verdict = provider.verify(&key, Algorithm::RsaSha256, b"", &[0; 64]);
        let message = verdict.unwrap_err().to_string();
        assert_eq!(message, "the RSA key has 512 bits: RSA keys of 1024 to 8192 bits are verified");
    });
}

/// Keys that are legal DER but beyond any provider end before any maths.
#[test]
fn keys_of_16384_bits_and_tiny_keys_are_not_computed_with() {
    let mut modulus = vec![0xff; 2048];
    let huge = PublicKey::from_rsa_components(&modulus, &[1, 0, 1]).unwrap();
    modulus.truncate(1024);
    modulus.insert(0, 1);
    let above = PublicKey::from_rsa_components(&modulus, &[1, 0, 1]).unwrap();
    let tiny = PublicKey::from_rsa_components(&[15], &[3]).unwrap();
    for_every_provider(|provider| {
        for (key, bits) in [(&huge, 16_384), (&above, 8193), (&tiny, 4)] {
            match provider.verify(key, Algorithm::RsaSha256, b"x", &[1; 256]) {
                Err(VerifyError::UnsupportedKeySize(found)) => assert_eq!(found, bits),
                other => panic!("{}: {other:?}", provider.name()),
            }
        }
    });
}

#[test]
fn a_key_of_the_other_type_is_named() {
    let (rsa, ed25519) = (public_key("rsa2048.pkcs8.pem"), public_key("ed25519.pkcs8.pem"));
    for_every_provider(|provider| {
        for (key, algorithm, message) in [
            (&rsa, Algorithm::Ed25519Sha256, "the algorithm ed25519-sha256 does not match a key of type rsa"),
            (&ed25519, Algorithm::RsaSha256, "the algorithm rsa-sha256 does not match a key of type ed25519"),
            (&ed25519, Algorithm::RsaSha1, "the algorithm rsa-sha1 does not match a key of type ed25519"),
        ] {
            let error = provider.verify(key, algorithm, b"", b"").unwrap_err();
            assert_eq!(error, VerifyError::KeyMismatch(key.key_type(), algorithm));
            assert_eq!(error.to_string(), message);
        }
    });
}

/// FIPS 180-4 examples and the million a's, in pieces of every size up to two blocks.
#[test]
fn hashes() {
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d";
    let million_256 = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    let million_1 = "34aa973cd4c4daa4f61eeb2bdbad27316534016f";
    for_every_provider(|provider| {
        let hash = |algorithm, pieces: &mut dyn Iterator<Item = &[u8]>| {
            let mut hasher = provider.hasher(algorithm);
            pieces.for_each(|piece| hasher.update(piece));
            let digest = hasher.finish();
            assert_eq!(digest.as_ref().len(), algorithm.output_len());
            hex(digest.as_ref())
        };
        assert_eq!(hash(HashAlgorithm::Sha256, &mut [&b"abc"[..]].into_iter()), sha256);
        assert_eq!(hash(HashAlgorithm::Sha1, &mut [&b"abc"[..]].into_iter()), sha1);
        let million = vec![b'a'; 1_000_000];
        for size in [1, 63, 64, 65, 127, 4096] {
            assert_eq!(hash(HashAlgorithm::Sha256, &mut million.chunks(size)), million_256);
            assert_eq!(hash(HashAlgorithm::Sha1, &mut million.chunks(size)), million_1);
        }
    });
}

/// RFC 8463 appendix A.3: the example's signature over its canonical header fields (RFC 6376 §3.7).
#[test]
fn rfc8463_appendix_a() {
    let key = PublicKey::from_dns(KeyType::Ed25519, &unhex(RFC8463_PUBLIC)).unwrap();
    assert_eq!(key.dns_p(), "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    let signature = unhex(RFC8463_SIGNATURE);
    for_every_provider(|provider| {
        let verify =
            |message: &str| provider.verify(&key, Algorithm::Ed25519Sha256, message.as_bytes(), &signature);
        assert_eq!(verify(RFC8463_INPUT), Ok(()));
        assert_eq!(verify(&RFC8463_INPUT.replace("dinner", "lunch")), Err(VerifyError::BadSignature));
    });
}

const RFC8463_PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const RFC8463_SIGNATURE: &str = "fe00ab8a7a5c40ea087ee1cd4086eae29821f64c882b701051db7d39da907a14\
     b084422e8380f5d41bac15addb4f7158e4eb14ed96e72842eaf9e5dda754350f";
const RFC8463_INPUT: &str = "from:Joe SixPack <joe@football.example.com>\r\n\
     to:Suzie Q <suzie@shopping.example.net>\r\n\
     subject:Is dinner ready?\r\n\
     date:Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
     message-id:<20030712040037.46341.5F8J@football.example.com>\r\n\
     dkim-signature:v=1; a=ed25519-sha256; c=relaxed/relaxed; \
     d=football.example.com; i=@football.example.com; q=dns/txt; s=brisbane; t=1528637909; \
     h=from : to : subject : date : message-id : from : subject : date; \
     bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; b=";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Whatever byte of a signature or message changes, every provider refuses.
    #[test]
    fn a_changed_byte_is_refused(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0_u32..8, in_message: bool) {
        let good: Vec<_> = vectors().into_iter().filter(|vector| vector.good && vector.key.bits() <= 3072).collect();
        let vector = which.get(&good);
        let (mut message, mut signature) = (vector.message.clone(), vector.signature.clone());
        let target = if in_message && !message.is_empty() { &mut message } else { &mut signature };
        let at = at.index(target.len());
        target[at] ^= 1_u8 << bit;
        for provider in providers() {
            let verdict = provider.verify(&vector.key, vector.algorithm, &message, &signature);
            prop_assert!(verdict.is_err(), "{} {} byte {at} bit {bit}", provider.name(), vector.name);
        }
    }

    /// Providers agree on arbitrary Ed25519 keys and signatures, mostly garbage.
    #[test]
    fn providers_agree_on_random_ed25519(raw: [u8; 32], signature in prop::collection::vec(any::<u8>(), 0..70)) {
        let Ok(key) = PublicKey::from_dns(KeyType::Ed25519, &raw) else { return Ok(()) };
        for provider in providers() {
            let verdict = provider.verify(&key, Algorithm::Ed25519Sha256, b"message", &signature);
            prop_assert_eq!(verdict, Err(VerifyError::BadSignature));
        }
    }

    /// Odd garbage as modulus and exponent: no provider panics or accepts.
    #[test]
    fn providers_refuse_random_rsa(mut modulus in prop::collection::vec(any::<u8>(), 128..=256), exponent in 1_u32.., signature in prop::collection::vec(any::<u8>(), 0..260)) {
        *modulus.last_mut().unwrap() |= 1;
        modulus[0] |= 1;
        let key = PublicKey::from_rsa_components(&modulus, &(exponent | 3).to_be_bytes()).unwrap();
        for provider in providers() {
            for signature in [&signature[..], &modulus] {
                let verdict = provider.verify(&key, Algorithm::RsaSha256, b"message", signature);
                prop_assert!(verdict.is_err());
            }
        }
    }
}

/// The digest of a beginning is that of a hash of its own, and the rest goes on as if none had been taken.
#[test]
fn a_digest_on_the_way_disturbs_nothing() {
    for provider in providers() {
        for algorithm in [HashAlgorithm::Sha1, HashAlgorithm::Sha256] {
            let of = |data: &[u8]| {
                let mut hasher = provider.hasher(algorithm);
                hasher.update(data);
                hasher.finish()
            };
            let data = [b'x'; 200];
            let mut hasher = provider.hasher(algorithm);
            for end in 0..data.len() {
                assert_eq!(hasher.digest(), of(&data[..end]), "{} {algorithm:?} {end}", provider.name());
                hasher.update(&data[end..=end]);
            }
            assert_eq!(hasher.finish(), of(&data));
        }
    }
}
