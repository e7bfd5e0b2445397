//! The DKIM-Signature field: raw octets, and tags in the place of those of a good one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxseal_dkim::Signature;
use waxseal_dns::DomainName;

const GOOD: [(&str, &str); 7] = [
    ("v", "1"),
    ("a", "rsa-sha256"),
    ("d", "example.org"),
    ("s", "sel"),
    ("h", "from"),
    ("bh", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
    ("b", "Yg=="),
];

fuzz_target!(|input: (&[u8], Vec<(u8, &[u8])>)| {
    let (raw, changes) = input;
    check(raw);
    let names = b"vadshbBilqtxczZ";
    let mut tags: Vec<(String, Vec<u8>)> =
        GOOD.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    for (name, value) in changes {
        let name = match names[usize::from(name) % names.len()] {
            b'B' => "bh".to_owned(),
            other => char::from(other).to_string(),
        };
        tags.retain(|(known, _)| *known != name);
        tags.push((name, value.to_vec()));
    }
    let list: Vec<Vec<u8>> =
        tags.iter().map(|(name, value)| [name.as_bytes(), b"=", value].concat()).collect();
    check(&list.join(&b';'));
});

fn check(value: &[u8]) {
    let Ok(signature) = Signature::parse(value) else { return };
    assert!(signature.signed_fields().any(|name| name.eq_ignore_ascii_case(b"from")));
    assert!(signature.signed_fields().all(|name| !name.is_empty() && name.iter().all(u8::is_ascii_graphic)));
    assert!(signature.key_name().is_within(signature.domain()));
    assert_eq!(signature.body_hash().len(), signature.algorithm().hash().output_len());
    assert!(!signature.signature().is_empty());
    if let (Some(t), Some(x)) = (signature.timestamp(), signature.expiration()) {
        assert!(t < x);
    }
    if let Some(identity) = signature.identity() {
        let identity = std::str::from_utf8(identity).expect("i= is UTF-8");
        assert!(!identity.contains(|c: char| c.is_ascii_control()));
        let (_, host) = identity.rsplit_once('@').expect("i= has an at sign");
        assert!(DomainName::new(host).is_ok_and(|host| host.is_within(signature.domain())));
    }
    let range = signature.signature_range();
    assert!(value.get(range).is_some());
    assert!(!signature.replay_key().contains(['\r', '\n']));
    assert!(signature.copied_fields().iter().all(|(name, _)| !name.contains(&b':')));
}
