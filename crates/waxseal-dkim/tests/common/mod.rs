//! What the tests share: throwaway keys, a zone that publishes them, and hand-made signatures.
#![allow(dead_code, unused_imports, reason = "each test file uses its own part of this one")]
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use base64::{Engine, prelude::BASE64_STANDARD};
use std::sync::LazyLock;
use waxseal_crypto::{HashAlgorithm, PrivateKey, SigningInput, SigningKey, default_provider};
use waxseal_dkim::{
    Canonicalization, Cause, Policy, Signer, Verdict, Verdicts, Verifier,
    parts::{BodyForm, BodyHasher, FieldIndex},
};
use waxseal_dns::Zone;
use waxseal_header::{Header, TagList};
use waxseal_test::keys;
pub(crate) use waxseal_test::{Counting, at};

/// The time of every test that does not say otherwise.
pub(crate) const NOW: u64 = 1_795_000_000;

/// A message without a signature.
pub(crate) const MESSAGE: &[u8] = b"Received: from a by b; Sun, 22 Nov 2026 04:00:00 +0000\r\n\
    From: Joe <joe@example.org>\r\nTo: Suzie <suzie@example.net>\r\nSubject: Is dinner  ready?\r\n\
    Date: Sun, 22 Nov 2026 04:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nHi.\r\n\r\nWe lost the  game. \r\n\r\nJoe.\r\n";

pub(crate) static ED25519: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::from_pem(keys::ED25519).unwrap());

pub(crate) static RSA: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::from_pem(keys::RSA2048).unwrap());

/// Signs for example.org with the Ed25519 key, whose selector is `ed`.
pub(crate) fn signer() -> Signer {
    Signer::new("example.org", "ed", ED25519.clone()).unwrap()
}

/// Signs for example.org with the RSA key, whose selector is `rsa`.
pub(crate) fn rsa_signer() -> Signer {
    Signer::new("example.org", "rsa", RSA.clone()).unwrap()
}

/// `v=DKIM1; k=ed25519; p=…` for the Ed25519 key.
pub(crate) fn ed_record() -> String {
    format!("v=DKIM1; k=ed25519; p={}", ED25519.public_key().dns_p())
}

/// A zone with both keys.
pub(crate) fn zone() -> Zone {
    let rsa = format!("v=DKIM1; k=rsa; p={}", RSA.public_key().dns_p());
    zone_with(ed_record()).with_txt("rsa._domainkey.example.org", rsa).unwrap()
}

/// A zone with `record` where the Ed25519 key stands otherwise.
pub(crate) fn zone_with(record: impl AsRef<[u8]>) -> Zone {
    Zone::new().with_txt("ed._domainkey.example.org", record).unwrap()
}

/// The message with the signature on top.
pub(crate) fn signed(signer: &Signer, message: &[u8]) -> Vec<u8> {
    [signer.sign(message, at(NOW)).unwrap().as_bytes(), message].concat()
}

pub(crate) fn verify(message: &[u8]) -> Verdicts {
    verify_with(Policy::default(), message, &zone())
}

pub(crate) fn verify_with(policy: Policy, message: &[u8], zone: &Zone) -> Verdicts {
    Verifier::new(policy).unwrap().verify_blocking(message, at(NOW), zone)
}

/// The verdict about a message with one signature.
pub(crate) fn verdict(message: &[u8]) -> Verdict {
    only(verify(message))
}

/// The verdict about a good signature when its key record is this.
pub(crate) fn verdict_with_record(record: impl AsRef<[u8]>) -> Verdict {
    only(verify_with(Policy::default(), &signed(&signer(), MESSAGE), &zone_with(record)))
}

pub(crate) fn only(verdicts: Verdicts) -> Verdict {
    assert_eq!(verdicts.as_slice().len(), 1, "{verdicts:?}");
    verdicts.into_iter().next().unwrap()
}

/// The word and the cause in one line.
pub(crate) fn told(verdict: &Verdict) -> String {
    format!("{}: {}", verdict.result(), verdict.reason())
}

pub(crate) fn cause(message: &[u8]) -> Cause {
    verdict(message).cause().cloned().unwrap()
}

/// The message with a DKIM-Signature of this value on top, signed whatever it says. `BH` in it becomes the body hash that
/// goes with `c=` and `l=`, and `B` the signature; the key is the one of the algorithm.
pub(crate) fn craft(value: &str, message: &[u8]) -> Vec<u8> {
    craft_named("DKIM-Signature:", value, message)
}

/// [`craft`] with another spelling of the name and the colon.
pub(crate) fn craft_named(name: &str, value: &str, message: &[u8]) -> Vec<u8> {
    let value = value.replace("bh=BH", &format!("bh={}", BASE64_STANDARD.encode(body_hash(value, message))));
    let (front, back) = value.split_once("b=B").unwrap_or((value.as_str(), ""));
    let field = format!("{name} {front}b={back}\r\n");
    let input = signing_input(field.as_bytes(), message);
    let key: &PrivateKey = if value.contains("a=rsa") { &RSA } else { &ED25519 };
    let signature = key.sign(&SigningInput::new(&input, default_provider().unwrap())).unwrap();
    let signature = BASE64_STANDARD.encode(signature);
    [format!("{name} {front}b={signature}{back}\r\n").as_bytes(), message].concat()
}

/// What a signature field without `b=` covers (RFC 6376 §3.7).
pub(crate) fn signing_input(field: &[u8], message: &[u8]) -> Vec<u8> {
    let (own, _) = Header::parse(field).unwrap();
    let own = own.field(0).unwrap();
    let (form, _) = forms(own.value());
    let (header, _) = Header::parse(message).unwrap();
    let index = FieldIndex::new(&header);
    let mut picker = index.picker(&header);
    let mut input = Vec::new();
    for name in tag(own.value(), "h").unwrap_or_default().split(|c| *c == b':') {
        if let Some(field) = picker.pick(name.trim_ascii()) {
            form.header_field(field, &mut input);
        }
    }
    let end = own.value().len();
    waxseal_dkim::parts::signature_field(form, own, end..end, &mut input);
    input
}

fn body_hash(value: &str, message: &[u8]) -> Vec<u8> {
    let (_, body) = Header::parse(message).unwrap();
    let mut hasher = BodyHasher::new(default_provider().unwrap());
    let length = tag(value.as_bytes(), "l").and_then(|l| std::str::from_utf8(l).ok()?.parse().ok());
    let form = BodyForm { canonicalization: forms(value.as_bytes()).1, hash: HashAlgorithm::Sha256, length };
    hasher.want(form);
    hasher.push(body);
    hasher.finish().get(&form).unwrap().digest().as_ref().to_vec()
}

fn tag<'v>(value: &'v [u8], name: &str) -> Option<&'v [u8]> {
    let spec = value
        .split(|c| *c == b';')
        .find(|spec| spec.trim_ascii_start().starts_with(format!("{name}=").as_bytes()))?;
    Some(spec.splitn(2, |c| *c == b'=').nth(1)?.trim_ascii())
}

fn forms(value: &[u8]) -> (Canonicalization, Canonicalization) {
    let mut parts = tag(value, "c").unwrap_or(b"simple").split(|c| *c == b'/');
    let mut next =
        || parts.next().and_then(|name| Canonicalization::from_name(name.trim_ascii())).unwrap_or_default();
    (next(), next())
}

/// The value of one tag of the first field, blanks removed.
pub(crate) fn tag_of(field: &str, name: &str) -> Option<String> {
    let value = field.split_once(':').unwrap().1.to_owned();
    let tags = TagList::parse(value.trim_end().as_bytes()).unwrap();
    let text = tags.get(name).map(|value| String::from_utf8(value.to_vec()).unwrap())?;
    Some(text.split_ascii_whitespace().collect())
}
