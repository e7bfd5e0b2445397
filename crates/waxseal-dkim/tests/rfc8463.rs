//! RFC 8463: Ed25519, a test for each rule.

mod common;

use base64::{Engine, prelude::BASE64_STANDARD};
use common::*;
use waxseal_authres::DkimResult;
use waxseal_crypto::{PrivateKey, SigningInput, SigningKey, default_provider};
use waxseal_dkim::{Cause, KeyRecord, Policy, Signature, sign_all};
use waxseal_dns::Zone;
use waxseal_header::Header;

/// Appendix A.3.
const SIGNED: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n\
     \x20d=football.example.com; i=@football.example.com;\r\n\
     \x20q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n\
     \x20subject : date : message-id : from : subject : date;\r\n\
     \x20bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n\
     \x20b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n\
     \x20Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n\
     DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n\
     \x20d=football.example.com; i=@football.example.com;\r\n\
     \x20q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n\
     \x20date : message-id : from : subject : date;\r\n\
     \x20bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n\
     \x20b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n\
     \x20DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n\
     \x20dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n\
     From: Joe SixPack <joe@football.example.com>\r\n\
     To: Suzie Q <suzie@shopping.example.net>\r\n\
     Subject: Is dinner ready?\r\n\
     Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
     Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
     \r\n\
     Hi.\r\n\
     \r\n\
     We lost the game.  Are you hungry yet?\r\n\
     \r\n\
     Joe.\r\n";

/// Appendix A.2.
const ED25519_RECORD: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// Appendix A.2.
const RSA_RECORD: &str = "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR\
     iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC\
     DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3\
     Ip3G+2kryOTIKT+l/K4w3QIDAQAB";

/// Appendix A.1, the seed in base64; printed in the RFC.
const PRINTED_KEY: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

#[test]
fn appendix_a_verifies() {
    let zone = Zone::new()
        .with_txt("brisbane._domainkey.football.example.com", ED25519_RECORD)
        .and_then(|zone| zone.with_txt("test._domainkey.football.example.com", RSA_RECORD))
        .unwrap();
    let verdicts = verify_with(Policy::default(), SIGNED.as_bytes(), &zone);
    let found: Vec<_> = verdicts.iter().map(|verdict| (verdict.is_pass(), verdict.key_bits())).collect();
    assert_eq!(found, [(true, Some(256)), (true, Some(1024))]);
    let changed = SIGNED.replace("hungry", "angry");
    assert!(!verify_with(Policy::default(), changed.as_bytes(), &zone).is_pass());
}

/// Ed25519 is deterministic: the printed key makes the printed signature.
#[test]
fn appendix_a_signature_is_made_again() {
    let (header, _) = Header::parse(SIGNED.as_bytes()).unwrap();
    let value = header.field(0).unwrap().value();
    let signature = Signature::parse(value).unwrap();
    let field = [b"DKIM-Signature:", &value[..signature.signature_range().start], b"\r\n"].concat();
    let input = signing_input(&field, SIGNED.as_bytes());
    let key = PrivateKey::from_bytes(PRINTED_KEY.as_bytes()).unwrap();
    assert_eq!(
        key.sign(&SigningInput::new(&input, default_provider().unwrap())).unwrap(),
        signature.signature()
    );
    assert_eq!(KeyRecord::new(key.public_key().clone()).to_string(), ED25519_RECORD);
}

/// §4.2: "Since the key is 256 bits long, the base64 text is 44 octets long": the bare key, not a
/// SubjectPublicKeyInfo as for RSA.
#[test]
fn the_key_is_32_raw_octets() {
    let raw = BASE64_STANDARD.decode(ED25519.public_key().dns_p()).unwrap();
    let spki = ED25519.public_key().to_spki_der();
    assert_eq!((raw.len(), spki.len()), (32, 44));
    let longer = [&raw[..], &[0]].concat();
    for octets in [&raw[..31], &longer, &spki] {
        let verdict =
            verdict_with_record(format!("v=DKIM1; k=ed25519; p={}", BASE64_STANDARD.encode(octets)));
        let found = verdict.cause();
        assert!(matches!(found, Some(Cause::KeyRecord(_))), "{verdict}");
        assert!(verdict.reason().starts_with("key record: the ed25519 public key "), "{verdict}");
        assert_eq!(verdict.result(), DkimResult::PermError);
    }
    let verdict = verdict_with_record(format!("v=DKIM1; k=ed25519; p={}", BASE64_STANDARD.encode(&spki)));
    let found = verdict.cause();
    let Some(Cause::KeyRecord(error)) = found else { panic!("{found:?}") };
    assert!(error.to_string().starts_with("the ed25519 public key is a SubjectPublicKeyInfo"), "{error}");
}

/// §4.2: k= is "ed25519"; RFC 6376 §3.6.1: the default is "rsa", so it may not be left out.
#[test]
fn the_key_type_is_stated() {
    let verdict = verdict_with_record(ed_record().replace("k=ed25519; ", ""));
    assert!(verdict.reason().starts_with("key record: the RSA public key "), "{verdict}");
}

/// §3 and RFC 8032 §5.1.6: a signature has 64 octets.
#[test]
fn signatures_of_other_lengths_fail() {
    let message = String::from_utf8(signed(&signer(), MESSAGE)).unwrap();
    let start = message.find("b=").map(|_| message.find("\tb=").unwrap() + 3).unwrap();
    let end = message.find("\r\nReceived").unwrap();
    for octets in [1, 32, 63, 65, 256] {
        let other = BASE64_STANDARD.encode(vec![7; octets]);
        let changed = format!("{}{other}{}", &message[..start], &message[end..]);
        assert!(matches!(cause(changed.as_bytes()), Cause::HeaderSignature { .. }), "{octets}");
    }
}

/// §3: the algorithm is "ed25519-sha256", and a key of one type never verifies the other's signatures.
#[test]
fn algorithms_do_not_mix() {
    let message = String::from_utf8(signed(&signer(), MESSAGE)).unwrap();
    let as_rsa = message.replace("a=ed25519-sha256", "a=rsa-sha256");
    assert!(matches!(cause(as_rsa.as_bytes()), Cause::KeyType(..)));
    let other_key = message.replace("s=ed;", "s=rsa;");
    assert!(matches!(cause(other_key.as_bytes()), Cause::KeyType(..)));
    let unknown = message.replace("a=ed25519-sha256", "a=ed25519-sha512");
    assert_eq!(verdict(unknown.as_bytes()).result(), DkimResult::PermError);
}

/// §6: "For backward compatibility, signers can add multiple signatures that use old and new signing algorithms."
#[test]
fn both_algorithms_sign_in_one_pass() {
    let fields = sign_all([&rsa_signer(), &signer()], MESSAGE, at(NOW)).unwrap();
    let message = [fields.as_bytes(), MESSAGE].concat();
    let algorithms: Vec<_> = verify(&message).iter().map(|v| v.algorithm().unwrap().as_str()).collect();
    assert_eq!(algorithms, ["rsa-sha256", "ed25519-sha256"]);
    assert!(verify(&message).iter().all(|verdict| verdict.is_pass()));
    // Each counts on its own: here one lacks its key.
    let half = zone_with(ed_record());
    let words: Vec<_> =
        verify_with(Policy::default(), &message, &half).iter().map(|verdict| verdict.result()).collect();
    assert_eq!(words, [DkimResult::PermError, DkimResult::Pass]);
}
