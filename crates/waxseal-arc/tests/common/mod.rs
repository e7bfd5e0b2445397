//! Chains made to order.
#![allow(dead_code, unused_imports, unused_macros, reason = "each test file uses some of these")]
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::{sync::LazyLock, time::SystemTime};
use waxseal_arc::{Chain, ChainVerifier, Sealer};
use waxseal_authres::{AuthenticationResults, DkimResult, Entry};
use waxseal_crypto::{KeySpec, PrivateKey, SigningInput, SigningKey, default_provider, rust_crypto};
use waxseal_dkim::{Canonicalization, KeyRecord, Signer, parts::BodyHasher};
use waxseal_dns::{Question, Reply, Zone};
use waxseal_header::Header;
pub(crate) use waxseal_test::replaced;
use waxseal_test::{at, keys};

pub(crate) const MESSAGE: &[u8] =
    b"From: joe@example.org\r\nTo: list@example.net\r\nSubject: lunch\r\n\r\nHi.\r\n";

pub(crate) static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::from_pem(keys::ED25519).unwrap());

pub(crate) static RSA: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::from_pem(keys::RSA2048).unwrap());

/// Answers for every key at selector `x` with the Ed25519 key, at `rsa` with the RSA key.
pub(crate) fn resolver(q: &Question) -> Reply {
    let name = q.name.as_str();
    let key = match name.split('.').next().unwrap() {
        "x" => &KEY,
        "rsa" => &RSA,
        _ => return Zone::new().lookup(q),
    };
    let record = KeyRecord::new(key.public_key().clone()).to_string();
    Zone::new().with_txt(name, record).unwrap().lookup(q)
}

pub(crate) fn now() -> SystemTime {
    at(1_700_000_000)
}

pub(crate) fn verify(message: &[u8]) -> Chain {
    ChainVerifier::new(Default::default()).unwrap().verify_blocking(message, now(), &resolver)
}

pub(crate) fn sealer(domain: &str) -> Sealer {
    Sealer::new(domain, "x", KEY.clone()).unwrap()
}

pub(crate) fn results(domain: &str, chain: &Chain) -> AuthenticationResults {
    let dkim = Entry::dkim(DkimResult::Pass).with_comment("good (signature)");
    AuthenticationResults::new(domain).with_entry(dkim).with_entry(chain.entry())
}

/// What a handler passes on that changes nothing: verified, then sealed.
pub(crate) fn pass_on(message: &[u8], domain: &str) -> Vec<u8> {
    let chain = verify(message);
    let set = sealer(domain).seal(message, &chain, &results(domain, &chain), now()).unwrap();
    [set.fields().as_bytes(), message].concat()
}

/// As many handlers, `a1.example` first.
pub(crate) fn passed_on(times: usize) -> Vec<u8> {
    (1..=times).fold(MESSAGE.to_vec(), |message, i| pass_on(&message, &format!("a{i}.example")))
}

/// A set made by hand, field by field as the RFC says it, so that it can break any rule and have good signatures.
pub(crate) struct Forge {
    pub(crate) instance: String,
    /// ` i=` and the rest, if not the usual.
    pub(crate) results: Option<String>,
    /// Tags before `b=` in ARC-Message-Signature in place of the usual.
    pub(crate) message_signature: Option<String>,
    /// Tags before `b=` in ARC-Seal.
    pub(crate) seal: String,
    /// Whether the seal covers the sets below.
    pub(crate) covers_chain: bool,
}

impl Forge {
    pub(crate) fn new(instance: u32, chain_validation: &str) -> Self {
        Self {
            instance: instance.to_string(),
            results: None,
            message_signature: None,
            seal: format!("i={instance}; a=ed25519-sha256; d=forge.example; s=x; cv={chain_validation}"),
            covers_chain: true,
        }
    }

    /// ARC-Seal, ARC-Message-Signature and ARC-Authentication-Results.
    pub(crate) fn fields(&self, message: &[u8]) -> [String; 3] {
        let (header, body) = Header::parse(message).unwrap();
        let i = &self.instance;
        let usual = format!(" i={i}; forge.example; none");
        let results = format!("ARC-Authentication-Results:{}\r\n", self.results.as_ref().unwrap_or(&usual));
        let usual = format!(
            "i={i}; a=ed25519-sha256; c=relaxed/relaxed; d=forge.example; s=x; h=from:to:subject; bh={}",
            body_hash(body)
        );
        let tags = self.message_signature.as_ref().unwrap_or(&usual).replace("{bh}", &body_hash(body));
        let names = tags.split(';').find_map(|tag| tag.trim().strip_prefix("h=")).unwrap_or("").to_owned();
        let mut covered = Vec::new();
        let mut left: Vec<_> = header.fields().collect();
        for name in names.split(':') {
            if let Some(at) = left.iter().rposition(|field| field.is(name.trim())) {
                Canonicalization::Relaxed.header_field(left.remove(at), &mut covered);
            }
        }
        let message_signature = signed("ARC-Message-Signature", &tags, covered);
        let mut covered = Vec::new();
        if self.covers_chain {
            covered = chain_of(&header);
        }
        for field in [&results, &message_signature] {
            let (field, _) = Header::parse(field.as_bytes()).unwrap();
            Canonicalization::Relaxed.header_field(field.field(0).unwrap(), &mut covered);
        }
        [signed("ARC-Seal", &self.seal, covered), message_signature, results]
    }

    pub(crate) fn on(&self, message: &[u8]) -> Vec<u8> {
        [self.fields(message).concat().as_bytes(), message].concat()
    }
}

/// The canonical fields of the sets of a header, in the order of their instances.
pub(crate) fn chain_of(header: &Header) -> Vec<u8> {
    let mut octets = Vec::new();
    for i in 1..=50 {
        for name in ["ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal"] {
            let is_due = |field: &waxseal_header::Field<'_>| {
                let value = String::from_utf8(field.value().to_vec()).unwrap();
                field.is(name) && value.split(';').any(|tag| tag.trim() == format!("i={i}"))
            };
            if let Some(field) = header.fields().find(is_due) {
                Canonicalization::Relaxed.header_field(field, &mut octets);
            }
        }
    }
    octets
}

pub(crate) fn body_hash(body: &[u8]) -> String {
    let signer = Signer::new("example.org", "x", KEY.clone()).unwrap();
    let mut hasher = BodyHasher::new(default_provider().unwrap());
    hasher.want(signer.body_form());
    hasher.push(body);
    base64(hasher.finish().get(&signer.body_form()).unwrap().digest().as_ref())
}

/// The field with its signature over `covered` and itself.
pub(crate) fn signed(name: &str, tags: &str, mut covered: Vec<u8>) -> String {
    let field = format!("{name}: {tags}; b=");
    let (own, _) = Header::parse(field.as_bytes()).unwrap();
    let own = own.field(0).unwrap();
    let end = own.value().len();
    waxseal_dkim::parts::signature_field(Canonicalization::Relaxed, own, end..end, &mut covered);
    let signature = KEY.sign(&SigningInput::new(&covered, default_provider().unwrap())).unwrap();
    format!("{field}{}\r\n", base64(&signature))
}

pub(crate) fn base64(octets: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(octets)
}

/// A new RSA key, for the tests that cannot use a stored one.
pub(crate) fn new_rsa_key(bits: u32) -> PrivateKey {
    PrivateKey::generate(KeySpec::Rsa { bits }, rust_crypto::PROVIDER).unwrap()
}

/// Asserts that a chain fails for this cause.
macro_rules! assert_cause {
    ($chain:expr, $pattern:pat $(if $guard:expr)?) => {{
        let chain = $chain;
        assert_eq!(chain.result(), waxseal_arc::ArcResult::Fail, "{chain}");
        assert!(matches!(chain.cause().unwrap(), $pattern $(if $guard)?), "{chain}: {:?}", chain.cause());
        assert_eq!(chain.oldest_pass(), None);
        assert!(!chain.trusted_by(|_| true) && chain.trusted_sets(|_| true).is_empty());
    }};
}
pub(crate) use assert_cause;
