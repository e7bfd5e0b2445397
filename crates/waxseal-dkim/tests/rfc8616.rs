//! RFC 8616: internationalized mail, a test for each rule.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use waxseal_authres::{AuthenticationResults, DkimResult};
use waxseal_crypto::PrivateKey;
use waxseal_dkim::{Policy, Signer, Verdict};
use waxseal_dns::Zone;

const MESSAGE_8BIT: &str = "From: Jörg <jörg@bücher.example>\r\nTo: 用户@例え.jp\r\nSubject: Grüße  aus München\r\n\r\nSchöne Grüße.\r\n";

fn eai_zone() -> Zone {
    Zone::new().with_txt("xn--schlssel-95a._domainkey.xn--bcher-kva.example", ed_record()).unwrap()
}

fn eai_verdict(tags: &str) -> Verdict {
    let value = format!("v=1; a=ed25519-sha256; c=relaxed/relaxed; {tags}; h=from:to:subject; bh=BH; b=B");
    only(verify_with(Policy::default(), &craft(&value, MESSAGE_8BIT.as_bytes()), &eai_zone()))
}

/// §5: the names in d= and s= may be U-labels; §3: in the DNS they are A-labels.
#[test]
fn domains_may_be_u_labels() {
    for tags in [
        "d=bücher.example; s=schlüssel",
        "d=xn--bcher-kva.example; s=schlüssel",
        "d=bücher.example; s=xn--schlssel-95a",
        "d=BÜCHER.example; s=Schlüssel",
    ] {
        let verdict = eai_verdict(tags);
        assert!(verdict.is_pass(), "{tags}: {verdict}");
        assert_eq!(verdict.domain().unwrap().as_str(), "xn--bcher-kva.example");
        assert_eq!(verdict.selector().unwrap().as_str(), "xn--schlssel-95a");
    }
}

/// §5: i= may have a local part in UTF-8 and U-labels; it is within d= whichever form each has.
#[test]
fn identity_may_be_utf8() {
    for identity in
        ["jörg@bücher.example", "jörg@xn--bcher-kva.example", "@verlag.bücher.example", "用户@bücher.example"]
    {
        for domain in ["bücher.example", "xn--bcher-kva.example"] {
            let verdict = eai_verdict(&format!("d={domain}; s=schlüssel; i={identity}"));
            assert!(verdict.is_pass(), "{identity} {domain}: {verdict}");
            assert_eq!(verdict.identity().as_deref(), Some(identity));
        }
    }
    let other = eai_verdict("d=bücher.example; s=schlüssel; i=jörg@bucher.example");
    assert_eq!(other.reason(), "domain of i= is not within d=", "{other}");
}

/// RFC 6376 §3.6.1 with both forms: t=s compares names, not spellings.
#[test]
fn strict_identity_compares_names() {
    let strict = Zone::new()
        .with_txt("xn--schlssel-95a._domainkey.xn--bcher-kva.example", format!("{}; t=s", ed_record()))
        .unwrap();
    let value =
        "v=1; a=ed25519-sha256; d=bücher.example; s=schlüssel; i=x@XN--BCHER-KVA.example; h=from; bh=BH; b=B";
    let verdict = only(verify_with(Policy::default(), &craft(value, MESSAGE_8BIT.as_bytes()), &strict));
    assert!(verdict.is_pass(), "{verdict}");
}

/// §3 admits UTF-8 and nothing else that is not ASCII.
#[test]
fn other_octets_are_no_utf8() {
    for value in [&b"v=1; i=j\xf6rg@example.org"[..], b"v=1; d=b\xfccher.example", b"v=1; zz=\xff"] {
        let message = [b"DKIM-Signature: ", value, b"\r\n", MESSAGE].concat();
        assert_eq!(verdict(&message).result(), DkimResult::PermError);
    }
    for domain in ["bü\u{200d}cher..example", "xn--.example", "b\u{fc}\u{0}cher.example", "\u{fe0f}.example"]
    {
        let message = format!(
            "DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s=s; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AA==\r\n"
        );
        let message = [message.as_bytes(), MESSAGE].concat();
        assert_eq!(verdict(&message).result(), DkimResult::PermError, "{domain}");
    }
}

/// §5 and RFC 6532: the header is hashed as the octets it has; blanks are those of ASCII alone.
#[test]
fn headers_in_utf8_are_octets() {
    let value = "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=ed; h=from:subject; bh=BH; b=B";
    let message = MESSAGE_8BIT.replace("München", "M\u{a0}ü\u{3000}nchen\u{85}");
    let signed = String::from_utf8(craft(value, message.as_bytes())).unwrap();
    assert!(verdict(signed.as_bytes()).is_pass());
    assert!(!verdict(signed.replace('\u{3000}', " ").as_bytes()).is_pass());
    assert!(!verdict(signed.replace("ü", "u\u{308}").as_bytes()).is_pass());
    assert!(verdict(signed.replace("Grüße  aus", "Grüße aus").as_bytes()).is_pass());
}

/// What we sign: names as A-labels, which every verifier reads; i= as it was given.
#[test]
fn signatures_of_ours() {
    let key: &PrivateKey = &ED25519;
    let signer = Signer::new("Bücher.example", "schlüssel", key.clone()).unwrap();
    let field = signer.sign(MESSAGE_8BIT.as_bytes(), at(NOW)).unwrap();
    assert!(field.is_ascii());
    assert_eq!(tag_of(&field, "d").as_deref(), Some("xn--bcher-kva.example"));
    let field = signer.with_identity("jörg@bücher.example").sign(MESSAGE_8BIT.as_bytes(), at(NOW)).unwrap();
    assert_eq!(tag_of(&field, "i").as_deref(), Some("jörg@bücher.example"));
    let message = format!("{field}{MESSAGE_8BIT}");
    let verdict = only(verify_with(Policy::default(), message.as_bytes(), &eai_zone()));
    assert!(verdict.is_pass(), "{verdict}");
}

/// RFC 8601 §1.5.2: an Authentication-Results field is UTF-8 where the message is internationalized, ASCII elsewhere.
#[test]
fn results_in_ascii_and_utf8() {
    let verdict = eai_verdict("d=bücher.example; s=schlüssel; i=jörg@bücher.example");
    let results = AuthenticationResults::new("mx.example.net").with_entry(verdict.entry());
    let ascii = results.to_field();
    assert!(ascii.is_ascii() && ascii.contains("header.d=xn--bcher-kva.example"), "{ascii}");
    assert!(results.with_utf8(true).to_field().contains("jörg@bücher.example"));
}
