//! Public keys as DNS delivers them: honest, odd and hostile.

#![cfg(test)]

mod common;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use common::{key_file, public_key, unhex};
use proptest::prelude::*;
use waxseal_crypto::{KeyType, PublicKey, PublicKeyError};

/// A DER value with this tag.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let mut out = match len {
        0..=0x7f => vec![tag, len as u8],
        0x80..=0xff => vec![tag, 0x81, len as u8],
        _ => vec![tag, 0x82, (len >> 8) as u8, len as u8],
    };
    out.extend_from_slice(content);
    out
}

/// RSAPublicKey with these contents of its two INTEGERs.
fn pkcs1(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    der(0x30, &[der(2, modulus), der(2, exponent)].concat())
}

fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    der(0x30, &[der(0x30, algorithm), der(3, &[&[0], key].concat())].concat())
}

const RSA_OID: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// A modulus of `bits` bits, all ones, with its sign byte.
fn modulus(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] = if bits % 8 == 0 { 0xff } else { (1 << (bits % 8)) - 1 };
    if bytes[0] >= 0x80 {
        bytes.insert(0, 0);
    }
    bytes
}

const MALFORMED: &str = "the RSA public key is not valid DER: ";
const SMALL_ORDER: &str = "the ed25519 public key is a point of small order, for which anyone can sign";
const NOT_PEM: &str = "no readable PEM block PUBLIC KEY or RSA PUBLIC KEY";

/// Reads a SubjectPublicKeyInfo in DER, which travels in PEM.
fn from_spki_der(der: &[u8]) -> Result<PublicKey, PublicKeyError> {
    let base64 = BASE64_STANDARD.encode(der);
    PublicKey::from_spki_pem(format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n"))
}

fn error(der: &[u8]) -> PublicKeyError {
    PublicKey::from_dns(KeyType::Rsa, der).expect_err("a broken key")
}

#[test]
fn openssl_files_are_read_in_both_wrappings() {
    let spki = PublicKey::from_spki_pem(key_file("rsa2048.spki.pem")).unwrap();
    let bare = PublicKey::from_spki_pem(key_file("rsa2048.rsapublickey.pem")).unwrap();
    assert_eq!(spki, bare);
    assert_eq!(
        (spki.key_type(), spki.bits(), spki.rsa_components().unwrap().1),
        (KeyType::Rsa, 2048, &[1, 0, 1][..])
    );
    assert_eq!(spki, public_key("rsa2048.pkcs8.pem"));
    let ed25519 = PublicKey::from_spki_pem(key_file("ed25519.spki.pem")).unwrap();
    assert_eq!((ed25519.key_type(), ed25519.bits(), ed25519.rsa_components()), (KeyType::Ed25519, 256, None));
}

#[test]
fn what_is_written_is_what_openssl_wrote() {
    for name in ["rsa2048.spki.pem", "ed25519.spki.pem"] {
        let pem = String::from_utf8(key_file(name)).unwrap();
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let key = PublicKey::from_spki_pem(pem.as_bytes()).unwrap();
        assert_eq!(BASE64_STANDARD.encode(key.to_spki_der()), base64, "{name}");
        assert_eq!(from_spki_der(&key.to_spki_der()), Ok(key.clone()));
        let p = BASE64_STANDARD.decode(key.dns_p()).unwrap();
        assert_eq!(PublicKey::from_dns(key.key_type(), &p), Ok(key));
    }
    let rsa = public_key("rsa2048.pkcs8.pem");
    assert_eq!(PublicKey::from_dns(KeyType::Rsa, rsa.rsa_pkcs1_der().unwrap()), Ok(rsa));
}

#[test]
fn components_are_found_whatever_the_exponent() {
    for exponent in
        [3_u32, 17, 127, 129, 255, 257, 32_769, 65_535, 65_537, 0x0080_0001, 0x8000_0001, u32::MAX]
    {
        for bits in [1, 7, 8, 9, 1023, 1024, 1025, 2047, 2048, 4096] {
            let modulus = modulus(bits);
            let key = PublicKey::from_rsa_components(&modulus, &exponent.to_be_bytes()).unwrap();
            let (_, found) = key.rsa_components().unwrap();
            let stripped =
                exponent.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
            assert_eq!((key.bits() as usize, found), (bits, stripped.as_slice()));
            let (found, e) = key.rsa_components().unwrap();
            assert_eq!(found, modulus.strip_prefix(&[0]).unwrap_or(&modulus));
            assert_ne!(e[0], 0);
            assert_eq!(e.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)), exponent);
        }
    }
}

#[test]
fn algorithm_parameters_may_be_null_or_absent_only() {
    let key = pkcs1(&modulus(1024), &[1, 0, 1]);
    let with =
        |parameters: &[u8]| PublicKey::from_dns(KeyType::Rsa, &spki(&[RSA_OID, parameters].concat(), &key));
    assert_eq!(with(&[5, 0]), with(&[]));
    assert!(with(&[]).is_ok());
    for bad in [&[5, 1, 0][..], &[5, 0, 0], &[5, 0, 5, 0], &[4, 0], &[0x30, 0], &[5]] {
        assert!(with(bad).unwrap_err().to_string().starts_with(MALFORMED), "{bad:?}");
    }
}

#[test]
fn keys_of_other_algorithms_are_named() {
    let ec = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    let pss = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
    for (algorithm, message) in [
        (&ec[..], "the public key is for elliptic curves (EC), not for RSA"),
        (&pss, "the public key is for RSASSA-PSS, not for RSA"),
        (&[0x06, 0x03, 0x2b, 0x65, 0x70], "the public key is for Ed25519, not for RSA"),
        (&[0x06, 0x01, 0x00], "the public key is for an unknown algorithm, not for RSA"),
    ] {
        assert_eq!(error(&spki(algorithm, &[0; 32])).to_string(), message);
    }
}

#[test]
fn der_is_strict() {
    let good = pkcs1(&modulus(1024), &[1, 0, 1]);
    let wrapped = spki(&[RSA_OID, &[5, 0]].concat(), &good);
    assert!(PublicKey::from_dns(KeyType::Rsa, &good).is_ok());
    assert!(PublicKey::from_dns(KeyType::Rsa, &wrapped).is_ok());
    let reason = |der: &[u8]| error(der).to_string().strip_prefix(MALFORMED).unwrap().to_owned();
    assert_eq!(reason(b""), "it ends too early");
    assert_eq!(reason(b"not DER"), "a SEQUENCE is missing");
    for der in [&good, &wrapped] {
        assert_eq!(reason(&[der, &b"\n"[..]].concat()), "bytes follow the end");
        assert_eq!(reason(&der[..der.len() - 1]), "a length passes the end");
    }
    let negative = pkcs1(&[0xff; 128], &[1, 0, 1]);
    assert_eq!(reason(&negative), "an INTEGER is negative");
    let padded = pkcs1(&[&[0], &modulus(1024)[..]].concat(), &[1, 0, 1]);
    assert_eq!(reason(&padded), "an INTEGER has redundant leading zeros");
    let third = der(0x30, &[der(2, &modulus(1024)), der(2, &[1, 0, 1]), der(2, &[1])].concat());
    assert_eq!(reason(&third), "bytes follow the end");
    assert_eq!(reason(&der(0x30, &der(2, &modulus(1024)))), "it ends too early");
    let mut unused_bits = wrapped.clone();
    let at = unused_bits.windows(2).rposition(|pair| pair == [0, 0x30]).unwrap();
    unused_bits[at] = 1;
    assert_eq!(reason(&unused_bits), "a BIT STRING is not whole bytes");
    let mut indefinite = good.clone();
    indefinite[1] = 0x80;
    assert_eq!(reason(&indefinite), "a length is indefinite");
}

/// Keys that would make the maths slow, wrong or endless end before any maths.
#[test]
fn odd_exponents_and_moduli_are_refused() {
    let big = modulus(2048);
    for (exponent, expected) in [
        (&[0][..], "the RSA exponent is not between 3 and 4294967295"),
        (&[1], "the RSA exponent is not between 3 and 4294967295"),
        (&[2], "the RSA exponent is not between 3 and 4294967295"),
        (&[4], "the RSA exponent is even"),
        (&[1, 0, 0], "the RSA exponent is even"),
        (&[1, 0, 0, 0, 1], "the RSA exponent is not between 3 and 4294967295"),
        (&[0x7f; 256], "the RSA exponent is not between 3 and 4294967295"),
    ] {
        assert_eq!(error(&pkcs1(&big, exponent)).to_string(), expected, "{exponent:?}");
    }
    let mut even = big.clone();
    *even.last_mut().unwrap() = 0xfe;
    assert_eq!(error(&pkcs1(&even, &[1, 0, 1])).to_string(), "the RSA modulus is even");
    assert_eq!(error(&pkcs1(&[0], &[1, 0, 1])).to_string(), "the RSA modulus has 0 bits, must be 1 to 16384");
}

/// CVE-2012-5671: Exim overflowed a buffer on an oversized key record.
#[test]
fn cve_2012_5671_oversized_key() {
    let bits = 16_384;
    assert_eq!(PublicKey::from_dns(KeyType::Rsa, &pkcs1(&modulus(bits), &[1, 0, 1])).unwrap().bits(), 16_384);
    for bits in [bits + 1, 65_536, 400_000] {
        let found = error(&pkcs1(&modulus(bits), &[1, 0, 1]));
        assert_eq!(found.to_string(), format!("the RSA modulus has {bits} bits, must be 1 to 16384"));
    }
    // As long as a TXT answer gets.
    let endless = [&[0x30, 0x82, 0xff, 0xfc][..], &[0; 65_532]].concat();
    assert!(error(&endless).to_string().starts_with(MALFORMED));
}

/// The size is that of the number, not of the bytes it travels in.
#[test]
fn bits_are_counted_on_the_true_modulus() {
    for bits in [1016, 1017, 1023, 1024] {
        let key = PublicKey::from_dns(KeyType::Rsa, &pkcs1(&modulus(bits), &[3])).unwrap();
        assert_eq!(key.bits() as usize, bits);
    }
}

#[test]
fn ed25519_keys_are_32_raw_bytes() {
    let raw = public_key("ed25519.pkcs8.pem").ed25519_bytes().copied().unwrap();
    assert!(PublicKey::from_dns(KeyType::Ed25519, &raw).is_ok());
    for len in [0, 31, 33, 64] {
        let error = PublicKey::from_dns(KeyType::Ed25519, &vec![9; len]).unwrap_err();
        let expected = format!(
            "the ed25519 public key has {len} bytes, must be the 32 raw bytes (RFC 8463 section 4.2)"
        );
        assert_eq!(error.to_string(), expected);
    }
    let wrapped = spki(&[0x06, 0x03, 0x2b, 0x65, 0x70], &raw);
    assert_eq!(
        PublicKey::from_dns(KeyType::Ed25519, &wrapped).unwrap_err().to_string(),
        "the ed25519 public key is a SubjectPublicKeyInfo, must be its last 32 bytes alone (RFC 8463 section 4.2)"
    );
    assert_eq!(from_spki_der(&wrapped), PublicKey::from_dns(KeyType::Ed25519, &raw));
}

/// For a point of small order a signature can be made that fits every eighth message, or every one.
#[test]
fn ed25519_keys_of_small_order_are_refused() {
    for y in [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        let mut raw = unhex(y);
        assert_eq!(PublicKey::from_dns(KeyType::Ed25519, &raw).unwrap_err().to_string(), SMALL_ORDER, "{y}");
        raw[31] |= 0x80;
        assert_eq!(PublicKey::from_dns(KeyType::Ed25519, &raw).unwrap_err().to_string(), SMALL_ORDER, "-{y}");
    }
}

/// RFC 8032 §5.1.3: decoding fails when y is not below 2^255 - 19.
#[test]
fn ed25519_keys_not_in_canonical_form_are_refused() {
    let mut raw = [0xff; 32];
    for sign in [0x7f, 0xff] {
        raw[31] = sign;
        for low in 0xed..=0xff {
            raw[0] = low;
            assert_eq!(
                PublicKey::from_dns(KeyType::Ed25519, &raw).unwrap_err().to_string(),
                "the ed25519 public key is not in canonical form (RFC 8032 section 5.1.3)",
                "{low:02x}"
            );
        }
        raw[0] = 0xeb;
        assert!(PublicKey::from_dns(KeyType::Ed25519, &raw).is_ok());
    }
}

#[test]
fn pem_without_a_public_key_is_refused() {
    for name in ["rsa2048.pkcs8.pem", "certificate.pem", "README.md"] {
        assert_eq!(PublicKey::from_spki_pem(key_file(name)).unwrap_err().to_string(), NOT_PEM, "{name}");
    }
    let damaged = b"-----BEGIN PUBLIC KEY-----\n!!!!\n-----END PUBLIC KEY-----\n";
    assert_eq!(PublicKey::from_spki_pem(damaged).unwrap_err().to_string(), NOT_PEM);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// mail-auth 0.3.x #17 panicked on a bad RSA key.
    #[test]
    fn mail_auth_0_3_17_random_der(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for key_type in [KeyType::Rsa, KeyType::Ed25519] {
            if let Ok(key) = PublicKey::from_dns(key_type, &bytes) {
                prop_assert_eq!(from_spki_der(&key.to_spki_der()), Ok(key));
            }
        }
        let _ = from_spki_der(&bytes);
        let _ = PublicKey::from_spki_pem(&bytes);
    }

    /// The same with real keys that were bent in one place: what is read is consistent.
    #[test]
    fn mail_auth_0_3_17_bent_der(at in any::<prop::sample::Index>(), value: u8, cut in any::<prop::sample::Index>()) {
        let mut bytes = public_key("rsa1024.pkcs8.pem").to_spki_der();
        let at = at.index(bytes.len());
        bytes[at] = value;
        if let Ok(key) = PublicKey::from_dns(KeyType::Rsa, &bytes) {
            prop_assert!(key.bits() <= 16_384);
            let (modulus, exponent) = key.rsa_components().unwrap();
            let again = PublicKey::from_rsa_components(modulus, exponent).unwrap();
            prop_assert_eq!(again, key);
        }
        prop_assert!(PublicKey::from_dns(KeyType::Rsa, &bytes[..cut.index(bytes.len())]).is_err());
    }
}
