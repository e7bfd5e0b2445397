//! Private keys: files as tools write them, files that are something else, and what each provider does with them.

#![cfg(test)]

mod common;

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use common::{hex, key_file, providers, public_key, unhex, vectors};
use proptest::prelude::*;
use waxseal_crypto::{
    Algorithm, KeyMaterial, KeySpec, KeyType, PrivateKey, Provider, PublicKey, SigningInput, SigningKey,
    VerifyError, default_provider,
};

const MISMATCH: &str = "the private key does not belong to the public key that its file states";

/// The key in this file, loaded; `None` for an RSA size that the provider does not sign with.
fn load(name: &str, provider: &'static dyn Provider) -> Option<PrivateKey> {
    match PrivateKey::from_material(KeyMaterial::from_bytes(key_file(name)).unwrap(), provider) {
        Ok(key) => Some(key),
        Err(error) if error.is_unsupported() => None,
        Err(error) => panic!("{} {name}: {error}", provider.name()),
    }
}

#[test]
fn files_of_every_tool_are_read() {
    for (name, key_type, bits) in [
        ("rsa2048.pkcs8.pem", KeyType::Rsa, 2048),
        ("rsa2048.pkcs8.der", KeyType::Rsa, 2048),
        ("rsa2048.pkcs1.pem", KeyType::Rsa, 2048),
        ("rsa2048.pkcs1.der", KeyType::Rsa, 2048),
        ("rsa2048.opendkim-genkey.pem", KeyType::Rsa, 2048),
        ("rsa2048.dkimpy.pem", KeyType::Rsa, 2048),
        ("rsa2048-e3.pkcs8.pem", KeyType::Rsa, 2048),
        ("rsa512.pkcs8.pem", KeyType::Rsa, 512),
        ("rsa4096.pkcs8.pem", KeyType::Rsa, 4096),
        ("ed25519.pkcs8.pem", KeyType::Ed25519, 256),
        ("ed25519.dkimpy.key", KeyType::Ed25519, 256),
    ] {
        let key = KeyMaterial::from_bytes(key_file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((key.key_type(), key.bits()), (key_type, bits), "{name}");
    }
    let keys = ["rsa2048.pkcs8.pem", "rsa2048.pkcs8.der", "rsa2048.pkcs1.pem", "rsa2048.pkcs1.der"];
    for name in keys {
        let key = KeyMaterial::from_bytes(key_file(name)).unwrap();
        assert_eq!(key.public_key(), Some(&public_key("rsa2048.pkcs8.pem")), "{name}");
    }
}

/// What is written is, byte for byte, what OpenSSL wrote.
#[test]
fn pem_is_written_as_openssl_writes_it() {
    for name in ["rsa1024.pkcs8.pem", "rsa2048.pkcs8.pem", "rsa2048-e3.pkcs8.pem", "ed25519.pkcs8.pem"] {
        let file = key_file(name);
        let key = KeyMaterial::from_pem(&file).unwrap();
        assert_eq!(key.to_pem().as_str().as_bytes(), file, "{name}");
    }
}

/// The public key that dkimpy wrote beside its seed.
#[test]
fn dkimpy_seed_has_the_public_key_that_dkimpy_published() {
    let record = String::from_utf8(key_file("ed25519.dkimpy.dns")).unwrap();
    for provider in providers() {
        let key = load("ed25519.dkimpy.key", provider).unwrap();
        assert_eq!(record, format!("v=DKIM1; k={}; p={}", key.key_type(), key.public_key().dns_p()));
    }
}

#[test]
fn text_around_the_block_does_not_matter() {
    let file = String::from_utf8(key_file("ed25519.pkcs8.pem")).unwrap();
    let expected = KeyMaterial::from_pem(file.as_bytes()).unwrap().to_pem();
    let certificate = String::from_utf8(key_file("certificate.pem")).unwrap();
    for (what, text) in [
        ("CRLF", file.replace('\n', "\r\n")),
        ("lone CR", file.replace('\n', "\r")),
        ("no last line end", file.trim_end().to_owned()),
        ("byte order mark", format!("\u{feff}{file}")),
        ("leading text", format!("Bag Attributes\n    localKeyID: 01\n{file}")),
        ("trailing text", format!("{file}\nthis is the key of example.org\n")),
        ("one line", file.replace('\n', " ")),
        ("no line ends at all", file.replace('\n', "")),
        ("blank lines and indentation", file.replace('\n', "\n\n  ")),
        ("certificate before", format!("{certificate}{file}")),
        ("certificate after", format!("{file}{certificate}")),
    ] {
        let key = KeyMaterial::from_pem(text.as_bytes()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(key.to_pem().as_str(), expected.as_str(), "{what}");
    }
}

/// What environment variables, secret stores, JSON and shells make of a key file, and of several at once.
#[test]
fn keys_from_environments_and_secret_stores_are_read() {
    let seed = key_file("ed25519.dkimpy.key");
    let files = ["ed25519.pkcs8.pem", "rsa2048.pkcs8.pem", "rsa2048.pkcs1.pem"].map(key_file);
    for file in files.into_iter().chain([seed]) {
        let file = String::from_utf8(file).unwrap();
        let expected = KeyMaterial::from_pem(file.as_bytes()).unwrap().to_pem();
        for (what, text) in forms(&file) {
            let key = KeyMaterial::from_bytes(&text).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(key.to_pem().as_str(), expected.as_str(), "{what}");
        }
    }
}

fn forms(file: &str) -> Vec<(&'static str, Vec<u8>)> {
    let (base64, escaped) = (|text: &[u8]| BASE64_STANDARD.encode(text), file.replace('\n', r"\n"));
    let wrapped = |text: String| {
        text.as_bytes().chunks(76).map(|line| [line, b"\n"].concat()).collect::<Vec<_>>().concat()
    };
    let utf16 = |order: fn(u16) -> [u8; 2]| {
        "\u{feff}".encode_utf16().chain(file.encode_utf16()).flat_map(order).collect::<Vec<u8>>()
    };
    vec![
        (r"\n", escaped.clone().into()),
        (r"\r\n", file.replace('\n', r"\r\n").into()),
        (r"\\n", file.replace('\n', r"\\n").into()),
        (r"\n before line ends", file.replace('\n', "\\n\n").into()),
        ("continued lines", file.replace('\n', "\\\n").into()),
        ("double quotes", format!("\"{escaped}\"\n").into()),
        ("single quotes", format!("'{escaped}'").into()),
        ("double quotes around lines", format!("\"{file}\"").into()),
        ("escaped quotes", format!(r#"\"{escaped}\""#).into()),
        ("each line quoted", file.lines().map(|line| format!("\"{line}\\n\"\n")).collect::<String>().into()),
        ("JSON escapes", escaped.replace('/', r"\/").replace('=', r"\u003d").replace('+', r"\u002B").into()),
        ("blanks for line ends", file.replace('\n', " ").into()),
        ("indentation", file.replace('\n', "\n    ").into()),
        ("no final line end", file.trim_end().into()),
        ("base64", base64(file.as_bytes()).into()),
        ("base64 in lines", wrapped(base64(file.as_bytes()))),
        ("base64 in quotes", format!("\"{}\"", base64(file.as_bytes())).into()),
        ("base64 of escaped text", base64(escaped.as_bytes()).into()),
        ("base64 of quoted text", base64(format!("\"{escaped}\"").as_bytes()).into()),
        ("base64 of base64", base64(base64(file.as_bytes()).as_bytes()).into()),
        ("UTF-16, little endian", utf16(u16::to_le_bytes)),
        ("UTF-16, big endian", utf16(u16::to_be_bytes)),
    ]
}

/// What was put around a key does not hide what it is, or that it is damaged.
#[test]
fn what_is_no_key_is_named_through_escapes_and_base64() {
    for (name, words) in [
        ("openssh.pem", "found an OpenSSH private key"),
        ("encrypted.pkcs8.pem", "found a private key under a passphrase"),
        ("encrypted.pkcs1.pem", "found a private key under a passphrase"),
        ("ec.sec1.pem", "found an elliptic curve (EC) private key"),
        ("certificate.pem", "found an X.509 certificate"),
        ("rsa2048.spki.pem", "found a public key"),
    ] {
        let file = String::from_utf8(key_file(name)).unwrap();
        for (what, text) in forms(&file) {
            let error = KeyMaterial::from_bytes(&text).unwrap_err();
            assert!(error.to_string().starts_with(words), "{name} {what}: {error}");
        }
    }
    let file = String::from_utf8(key_file("ed25519.pkcs8.pem")).unwrap();
    let cut = file.replace("-----END", "");
    let bent = file.replace("MC4C", "MC*C");
    for (text, words) in [
        (BASE64_STANDARD.encode(&cut), "found a PEM block without its END line"),
        (cut.replace('\n', r"\n"), "found a PEM block without its END line"),
        (bent.replace('\n', r"\n"), "the private key is damaged: its base64 is damaged"),
        (BASE64_STANDARD.encode("hello"), "found base64 of 5 bytes that are not a key"),
        (BASE64_STANDARD.encode("\n"), "found base64 of 1 bytes that are not a key"),
        (r"\n\n".to_owned(), "found nothing"),
        (r#""""#.to_owned(), "found nothing"),
    ] {
        let error = KeyMaterial::from_bytes(text.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with(words), "{text}: {error}");
    }
}

#[test]
fn other_formats_are_named() {
    let rest = "; readable are private keys as PKCS#8 (RSA, Ed25519) or PKCS#1 (RSA) in PEM or DER without a \
                passphrase, and a base64 Ed25519 seed";
    for (name, found) in [
        ("openssh.pem", "an OpenSSH private key (ssh-keygen -p -m PKCS8 converts RSA keys)"),
        ("encrypted.pkcs8.pem", "a private key under a passphrase (openssl pkey removes it)"),
        ("encrypted.pkcs8.der", "a private key under a passphrase (openssl pkey removes it)"),
        ("encrypted.pkcs1.pem", "a private key under a passphrase (openssl pkey removes it)"),
        ("ec.sec1.pem", "an elliptic curve (EC) private key, which DKIM does not know"),
        ("ec.sec1.der", "an elliptic curve (EC) private key, which DKIM does not know"),
        ("dsa.traditional.pem", "a DSA private key, which DKIM does not know"),
        ("certificate.pem", "an X.509 certificate"),
        ("certificate.der", "an X.509 certificate"),
        ("request.pem", "a certificate signing request"),
        ("rsa2048.spki.pem", "a public key"),
        ("rsa2048.rsapublickey.pem", "a public key"),
        ("ed25519.dkimpy.dns", "a public key"),
        ("bundle.p12", "a PKCS#12 bundle (openssl pkcs12 -nodes -nocerts takes the key out)"),
        ("README.md", "an unknown format"),
    ] {
        let error = KeyMaterial::from_bytes(key_file(name)).unwrap_err();
        assert_eq!(error.to_string(), format!("found {found}{rest}"), "{name}");
    }
    let der = BASE64_STANDARD.decode(public_key("rsa2048.pkcs8.pem").dns_p()).unwrap();
    let seed33 = BASE64_STANDARD.encode([1; 33]);
    for (content, found) in [
        (&b""[..], "nothing"),
        (b" \r\n", "nothing"),
        (b"\xef\xbb\xbf\n", "nothing"),
        (b"{\"kty\":\"RSA\"}", "JSON"),
        (b"PuTTY-User-Key-File-3: ssh-ed25519\r\n", "a PuTTY key file"),
        (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me@example.org", "a public key"),
        (
            b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n-----END PGP PRIVATE KEY BLOCK-----\n",
            "an OpenPGP key",
        ),
        (b"-----BEGIN X\r\x1b[31m-----AAAA-----END X\r\x1b[31m-----", "a PEM block X[31m"),
        (b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n", "a PEM block without its END line"),
        (&der, "a public key"),
        (seed33.as_bytes(), "base64 of 33 bytes that are not a key"),
        (b"\x00\xff\x00", "an unknown format"),
    ] {
        let error = KeyMaterial::from_bytes(content).unwrap_err();
        assert_eq!(error.to_string(), format!("found {found}{rest}"));
    }
    let text_only = KeyMaterial::from_pem(key_file("rsa2048.pkcs8.der")).unwrap_err();
    assert_eq!(text_only.to_string(), format!("found DER, not text{rest}"));
}

#[test]
fn pkcs8_of_other_algorithms_is_named() {
    for (name, algorithm) in [
        ("ec.pkcs8.pem", "elliptic curves (EC)"),
        ("dsa.pkcs8.pem", "DSA"),
        ("x25519.pkcs8.pem", "X25519"),
        ("rsa-pss.pkcs8.pem", "RSASSA-PSS"),
    ] {
        let error = KeyMaterial::from_pem(key_file(name)).unwrap_err();
        let expected = format!("the private key is for {algorithm}; DKIM signs with RSA or Ed25519");
        assert_eq!(error.to_string(), expected, "{name}");
    }
}

#[test]
fn damaged_files_say_what_is_damaged() {
    let damaged = |content: &[u8]| KeyMaterial::from_bytes(content).unwrap_err().to_string();
    let three = damaged(&key_file("rsa2048-3primes.pkcs8.pem"));
    assert_eq!(three, "the private key is damaged: it has more than two primes");
    let bad_base64 = b"-----BEGIN PRIVATE KEY-----\nMC4C!QAw\n-----END PRIVATE KEY-----\n";
    assert_eq!(damaged(bad_base64), "the private key is damaged: its base64 is damaged");
    let der = key_file("rsa2048.pkcs8.der");
    assert!(damaged(&der[..der.len() - 1]).starts_with("found DER that is cut off or damaged; readable are"));
    let longer = damaged(BASE64_STANDARD.encode([&der[..], &[0]].concat()).as_bytes());
    assert_eq!(longer, "the private key is damaged: bytes follow the end");
    let large = damaged(&vec![b'A'; 65_537]);
    assert_eq!(large, "the key file has 65537 bytes, more than the 65536 of any key");
}

/// RFC 8410 §10.3: the same key as v1 and as v2 with its public key and an attribute.
#[test]
fn rfc8410_section_10_3() {
    let v1 = "-----BEGIN PRIVATE KEY-----\n\
              MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
              -----END PRIVATE KEY-----\n";
    let v2 = "-----BEGIN PRIVATE KEY-----\n\
              MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
              oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB\n\
              Z9w7lshQhqowtrbLDFw4rXAxZuE=\n\
              -----END PRIVATE KEY-----\n";
    let public = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
    for provider in providers() {
        for pem in [v1, v2] {
            let key =
                PrivateKey::from_material(KeyMaterial::from_pem(pem.as_bytes()).unwrap(), provider).unwrap();
            assert_eq!(hex(key.public_key().ed25519_bytes().unwrap()), public);
            assert_eq!(key.to_pem().as_str(), v1);
        }
        let swapped = v2.replace("gSEAGb9ECWmEzf6F", "gSEAGb9ECWmEzf6G");
        let error = KeyMaterial::from_pem(&swapped)
            .and_then(|key| PrivateKey::from_material(key, provider))
            .unwrap_err();
        assert_eq!(error.to_string(), MISMATCH);
    }
}

/// libsodium's form, which rspamd writes: seed and public key in base64.
#[test]
fn seed_and_public_key_in_base64_are_read() {
    let (seed, public) = RFC8032[0];
    let text = BASE64_STANDARD.encode(unhex(&format!("{seed}{public}")));
    let wrong = BASE64_STANDARD.encode(unhex(&format!("{seed}{}", RFC8032[1].1)));
    for provider in providers() {
        let key =
            PrivateKey::from_material(KeyMaterial::from_pem(text.as_bytes()).unwrap(), provider).unwrap();
        assert_eq!(hex(key.public_key().ed25519_bytes().unwrap()), public);
        let error = KeyMaterial::from_pem(&wrong)
            .and_then(|key| PrivateKey::from_material(key, provider))
            .unwrap_err();
        assert_eq!(error.to_string(), MISMATCH);
    }
    let der = BASE64_STANDARD.encode(key_file("rsa2048.pkcs8.der"));
    assert_eq!(KeyMaterial::from_pem(der.as_bytes()).unwrap().bits(), 2048);
}

/// RFC 8032 §7.1: seeds and public keys of TEST 1, 2, 3 and 1024. (The signatures there are over the messages
/// themselves; RFC 8463 §3 signs their SHA-256.)
const RFC8032: [(&str, &str); 4] = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    ),
    (
        "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
        "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
    ),
];

#[test]
fn rfc8032_section_7_1_public_keys() {
    for provider in providers() {
        for (seed, public) in RFC8032 {
            let seed = unhex(seed).try_into().unwrap();
            let key = PrivateKey::from_material(KeyMaterial::from_ed25519_seed(&seed), provider).unwrap();
            assert_eq!(hex(key.public_key().ed25519_bytes().unwrap()), public);
        }
    }
}

/// Signatures are deterministic: every provider makes the bytes that OpenSSL made.
#[test]
fn signatures_are_those_of_openssl() {
    for provider in providers() {
        let mut made = 0;
        for vector in vectors().iter().filter(|vector| vector.name.contains("openssl-signature")) {
            let name = match vector.name.as_str() {
                "ed25519-openssl-signature" => "ed25519.pkcs8.pem".to_owned(),
                "openssl-signature-exponent-3" => "rsa2048-e3.pkcs8.pem".to_owned(),
                "openssl-signature-empty-message" => "rsa2048.pkcs8.pem".to_owned(),
                sized => format!("rsa{}.pkcs8.pem", sized.rsplit('-').next().unwrap()),
            };
            if vector.key.bits() < 1024 && vector.key.key_type() == KeyType::Rsa {
                continue;
            }
            let Some(key) = load(&name, provider) else { continue };
            assert_eq!(key.algorithm(), vector.algorithm);
            let signature = key.sign(&SigningInput::new(&vector.message, provider)).unwrap();
            assert_eq!(hex(&signature), hex(&vector.signature), "{} {}", provider.name(), vector.name);
            made += 1;
        }
        let expected = match provider.name() {
            "ring" => 5,
            "aws-lc-rs" => 8,
            _ => 9,
        };
        assert_eq!(made, expected, "{}", provider.name());
    }
}

#[test]
fn what_one_provider_signs_every_other_verifies() {
    for signer in providers() {
        for name in ["rsa1024.pkcs8.pem", "rsa2048.pkcs1.pem", "rsa3072.pkcs8.pem", "ed25519.pkcs8.pem"] {
            let Some(key) = load(name, signer) else { continue };
            let message = b"from:joe@example.org\r\n";
            let signature = key.sign(&SigningInput::new(message, signer)).unwrap();
            for verifier in providers() {
                let verify =
                    |message: &[u8]| verifier.verify(key.public_key(), key.algorithm(), message, &signature);
                assert_eq!(verify(message), Ok(()), "{} {} {name}", signer.name(), verifier.name());
                assert_eq!(verify(b"x"), Err(VerifyError::BadSignature));
            }
        }
    }
}

#[test]
fn sizes_that_a_provider_does_not_sign_with() {
    let message = |name: &str, provider: &'static dyn Provider| {
        PrivateKey::from_material(KeyMaterial::from_bytes(key_file(name)).unwrap(), provider)
            .err()
            .map(|error| error.to_string())
    };
    for provider in providers() {
        let expected = match provider.name() {
            "ring" => [
                Some(
                    "the RSA key has 1024 bits, the crypto provider ring signs with 2048, 3072 or 4096 bits; it works \
                     through the `rust-crypto` provider, with a warning; better make a 2048-bit key",
                ),
                Some(
                    "the RSA key has 2056 bits, the crypto provider ring signs with 2048, 3072 or 4096 bits; it works \
                     through the `aws-lc-rs` and `rust-crypto` providers; better make a 2048-bit key",
                ),
                Some(
                    "the RSA key has the exponent 3, the crypto provider ring signs with 65537 or more; it works \
                     through the `aws-lc-rs` and `rust-crypto` providers, with a warning; better make a new key",
                ),
            ],
            "aws-lc-rs" => [
                Some(
                    "the RSA key has 1024 bits, the crypto provider aws-lc-rs signs with 2048 to 8192 bits; it works \
                     through the `rust-crypto` provider, with a warning; better make a 2048-bit key",
                ),
                None,
                None,
            ],
            _ => [None, None, None],
        };
        let names = ["rsa1024.pkcs8.pem", "rsa2056.pkcs8.pem", "rsa2048-e3.pkcs8.pem"];
        let found = names.map(|name| message(name, provider));
        assert_eq!(found, expected.map(|text| text.map(str::to_owned)));
        for bits in [512, 768] {
            let found = message(&format!("rsa{bits}.pkcs8.pem"), provider).unwrap();
            let expected = format!(
                "the RSA key has {bits} bits; signing takes at least 1024 (RFC 8301 section 3.2), better 2048"
            );
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn keys_below_2048_bits_and_odd_exponents_carry_a_warning() {
    for provider in providers() {
        let warning = |name| load(name, provider).and_then(|key| key.warning());
        assert_eq!(warning("rsa2048.pkcs8.pem"), None);
        assert_eq!(warning("ed25519.pkcs8.pem"), None);
        if provider.name() == "rust-crypto" {
            let short = warning("rsa1024.pkcs8.pem").unwrap();
            assert_eq!(
                short.to_string(),
                "the RSA key has 1024 bits: 2048 are advised (RFC 8301 section 3.2)"
            );
            let odd = warning("rsa2048-e3.pkcs8.pem").unwrap();
            assert_eq!(odd.to_string(), "the RSA exponent is 3: some verifiers take 65537 only");
        }
    }
}

/// A file whose numbers do not fit together is refused when it is loaded, not when the first mail is signed.
#[test]
fn damaged_rsa_numbers_are_found_at_loading() {
    let der = key_file("rsa2048.pkcs1.der");
    for provider in providers() {
        let mut refused = 0;
        for at in (30..der.len()).step_by(97) {
            let mut bent = der.clone();
            bent[at] ^= 0x10;
            // A provider that computes the CRT numbers anew need not look at the stored ones.
            match KeyMaterial::from_bytes(&bent).and_then(|key| PrivateKey::from_material(key, provider)) {
                Err(_) => refused += 1,
                Ok(key) => {
                    let signature = key.sign(&SigningInput::new(b"x", provider)).unwrap();
                    let verdict = provider.verify(key.public_key(), Algorithm::RsaSha256, b"x", &signature);
                    assert_eq!(verdict, Ok(()), "{} byte {at}", provider.name());
                }
            }
        }
        assert!(refused >= 8, "{}: {refused}", provider.name());
    }
}

#[test]
fn new_keys_sign_and_survive_their_pem() {
    for provider in providers() {
        for spec in [KeySpec::Ed25519, KeySpec::Rsa { bits: 1024 }, KeySpec::Rsa { bits: 2048 }] {
            let made = PrivateKey::generate(spec, provider);
            let (KeySpec::Rsa { bits }, name) = (spec, provider.name()) else {
                let key = made.unwrap();
                assert_eq!(key.key_type(), KeyType::Ed25519);
                assert_eq!(reread(&key, provider), *key.public_key());
                continue;
            };
            if name == "rust-crypto" || (name == "aws-lc-rs" && bits == 2048) {
                let key = made.unwrap();
                assert_eq!(
                    (key.bits(), key.public_key().rsa_components().unwrap().1),
                    (bits, &[1, 0, 1][..])
                );
                assert_eq!(reread(&key, provider), *key.public_key());
            } else {
                let expected = format!(
                    "the crypto provider {name} does not make RSA keys of {bits} bits: the provider of the feature \
                     `aws-lc-rs` makes 2048, 3072 and 4096, that of `rust-crypto` 1024 as well"
                );
                assert_eq!(made.unwrap_err().to_string(), expected);
            }
        }
        for bits in [0, 512, 1023, 1536, 2047, 2049, 4104, 8192, u32::MAX] {
            let error = PrivateKey::generate(KeySpec::Rsa { bits }, provider).unwrap_err();
            let expected = format!("RSA keys are made with 1024, 2048, 3072 or 4096 bits, not with {bits}");
            assert_eq!((error.to_string(), error.is_unsupported()), (expected, false));
        }
        let twice = [(); 2].map(|()| PrivateKey::generate(KeySpec::Ed25519, provider).unwrap());
        assert_ne!(twice[0].public_key(), twice[1].public_key());
    }
}

/// Writes the key, reads it into every provider that takes it, and compares a signature.
fn reread(key: &PrivateKey, provider: &'static dyn Provider) -> PublicKey {
    let signature = key.sign(&SigningInput::new(b"new", provider)).unwrap();
    let pem = key.to_pem();
    for other in providers() {
        match PrivateKey::from_material(KeyMaterial::from_pem(pem.as_ref()).unwrap(), other) {
            Ok(again) => {
                assert_eq!(again.sign(&SigningInput::new(b"new", other)).unwrap(), signature);
                assert_eq!(again.public_key(), key.public_key());
            }
            Err(error) if error.is_unsupported() => {
                assert_eq!(key.bits(), 1024);
                assert_ne!(other.name(), provider.name());
            }
            Err(error) => panic!("{} to {}: {error}", provider.name(), other.name()),
        }
    }
    KeyMaterial::from_pem(pem.as_ref()).unwrap().public_key().unwrap_or(key.public_key()).clone()
}

#[test]
fn debug_shows_no_secret() {
    for provider in providers() {
        for name in ["rsa2048.pkcs8.pem", "ed25519.pkcs8.pem"] {
            let key = load(name, provider).unwrap();
            let shown =
                format!("{key:?} {:?} {:?} {:?}", key.material(), key.to_pem(), key.material().secret());
            let pem = key.to_pem();
            let secret: String = pem.as_str().lines().skip(1).take(20).collect();
            // PKCS#8 of RSA starts with public numbers; look at the second half.
            assert!(!shown.contains(&secret[secret.len() - 30..secret.len() - 4]), "{shown}");
            assert!(shown.len() < 1200, "{shown}");
        }
    }
}

/// Keys travel behind any pointer.
#[test]
fn pointers_to_keys_are_keys() {
    fn algorithm_of(key: impl SigningKey) -> (Algorithm, bool) {
        (key.algorithm(), key.public_key().is_some())
    }
    for provider in providers() {
        let key = load("ed25519.pkcs8.pem", provider).unwrap();
        let expected = (Algorithm::Ed25519Sha256, true);
        assert_eq!(algorithm_of(Box::new(key.clone()) as Box<dyn SigningKey>), expected);
        assert_eq!(
            algorithm_of(std::sync::Arc::new(key.clone()) as std::sync::Arc<dyn SigningKey>),
            expected
        );
    }
}

/// A public key that no verifier would take makes the private key useless.
#[test]
fn unusable_public_halves_are_explained() {
    let mut der = key_file("rsa2048.pkcs1.der");
    let at = der.windows(5).position(|window| window == [2, 3, 1, 0, 1]).unwrap();
    der[at + 4] = 2;
    let error = KeyMaterial::from_bytes(&der).unwrap_err();
    assert_eq!(error.to_string(), "the private key has an unusable public key");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the RSA exponent is even");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_files_never_panic(content in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = KeyMaterial::from_pem(&content);
        let _ = KeyMaterial::from_bytes(&content);
        let framed = [&b"-----BEGIN PRIVATE KEY-----"[..], &content, b"-----END PRIVATE KEY-----"].concat();
        let _ = KeyMaterial::from_bytes(&framed);
        let base64 = BASE64_STANDARD.encode(&content);
        let read = KeyMaterial::from_bytes(base64.as_bytes());
        prop_assert_eq!(read.is_ok(), content.len() == 32 || read.is_ok() && content.len() == 64);
    }

    #[test]
    fn bent_files_never_panic(at in any::<prop::sample::Index>(), value: u8, rsa: bool) {
        let mut der = key_file(if rsa { "rsa2048.pkcs8.der" } else { "encrypted.pkcs8.der" });
        let at = at.index(der.len().min(80));
        der[at] = value;
        if let Ok(key) = KeyMaterial::from_bytes(&der) {
            prop_assert_eq!(key.key_type(), KeyType::Rsa);
        }
    }
}

/// The error of a key file has its path, whether the file is missing, or no key, or too long for one.
#[test]
fn files_are_read_and_their_errors_have_the_path() {
    if providers().is_empty() {
        return;
    }
    let path = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name);
    let key = PrivateKey::from_pem_file(path("ed25519.pkcs8.pem")).unwrap();
    assert_eq!(key.public_key().dns_p(), PrivateKey::from_pem(key.to_pem()).unwrap().public_key().dns_p());

    let missing = path("missing.pem");
    let error = PrivateKey::from_pem_file(&missing).unwrap_err();
    let expected = format!("the key file {} could not be read: entity not found", missing.display());
    assert_eq!(error.to_string(), expected);

    let public = path("ed25519.spki.pem");
    let format = KeyMaterial::from_pem(key_file("ed25519.spki.pem")).unwrap_err();
    assert!(format.to_string().starts_with("found a public key; readable are"));
    let error = PrivateKey::from_pem_file(&public).unwrap_err();
    assert_eq!(error.to_string(), format!("the key file {}: {format}", public.display()));
}

/// Text, bytes and files of the same key are the same key.
#[test]
fn text_is_parsed_and_bytes_of_unknown_form_are_read() {
    let Ok(provider) = default_provider() else { return };
    let seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    let expected = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let parsed: PrivateKey = seed.parse().unwrap();
    let decoded = KeyMaterial::from_bytes(key_file("rsa2048.pkcs8.der")).map(|key| key.key_type());
    assert_eq!(parsed.public_key().dns_p(), expected);
    assert_eq!(PrivateKey::from_bytes(seed).unwrap().public_key().dns_p(), expected);
    assert_eq!(decoded.unwrap(), KeyType::Rsa);
    assert_eq!(
        "no key".parse::<PrivateKey>().unwrap_err().to_string(),
        KeyMaterial::from_pem("no key").unwrap_err().to_string()
    );
    assert_eq!(provider.name(), common::providers()[0].name());
}
