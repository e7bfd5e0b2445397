//! How much is hashed and verified, counted by a crypto provider of our own.

use super::messages::{Shape, Wish, now, signed};
use std::sync::atomic::{AtomicU64, Ordering};
use waxseal_explain::{
    Explainer, Kind,
    waxseal::{
        Envelope, Verifier,
        crypto::{
            Algorithm, Digest, HashAlgorithm, HashState, Hasher, KeyError, KeyMaterial, KeySpec, Provider,
            PublicKey, SigningKey, VerifyError, default_provider,
        },
        dkim::Policy,
    },
};

/// Counts what is asked of the default provider. One for each test.
#[derive(Debug, Default)]
struct Counting {
    bytes: AtomicU64,
    verified: AtomicU64,
}

static SMALL: Counting = Counting { bytes: AtomicU64::new(0), verified: AtomicU64::new(0) };
static LARGE: Counting = Counting { bytes: AtomicU64::new(0), verified: AtomicU64::new(0) };

impl Counting {
    fn take(&self) -> (u64, u64) {
        (self.bytes.swap(0, Ordering::Relaxed), self.verified.swap(0, Ordering::Relaxed))
    }
}

struct State(Hasher, &'static AtomicU64);

impl HashState for State {
    fn update(&mut self, data: &[u8]) {
        self.1.fetch_add(data.len() as u64, Ordering::Relaxed);
        self.0.update(data);
    }

    fn digest(&self) -> Digest {
        self.0.digest()
    }

    fn finish(self: Box<Self>) -> Digest {
        self.0.finish()
    }
}

impl Provider for &'static Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn hasher(&self, algorithm: HashAlgorithm) -> Hasher {
        let inner = default_provider().unwrap().hasher(algorithm);
        Hasher::from_state(Box::new(State(inner, &self.bytes)))
    }

    fn verify(
        &self,
        key: &PublicKey,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        self.verified.fetch_add(1, Ordering::Relaxed);
        default_provider().unwrap().verify(key, algorithm, message, signature)
    }

    fn load_private_key(&self, key: &KeyMaterial) -> Result<Box<dyn SigningKey>, KeyError> {
        default_provider().unwrap().load_private_key(key)
    }

    fn generate(&self, spec: KeySpec) -> Result<KeyMaterial, KeyError> {
        default_provider().unwrap().generate(spec)
    }
}

/// A message with the sign of nearly every kind, and damage that is none of them.
fn hopeless(size: usize, ed25519: bool) -> (Vec<u8>, waxseal_explain::waxseal::Zone) {
    let long = "x".repeat(998);
    let signs = format!(
        ".a\n..b\n>From c\n>From d \ne=20\n--\n{long}\n {long}\nhttps://a.safelinks.protection.outlook.com/?url=https%3A%2F%2Fe.example\n\u{feff}ü\n"
    );
    let extra = signs + &"Words, words and more words, of which there are many.\n".repeat(size / 54);
    let wish = Wish { extra, simple: true, ed25519, ..Wish::default() };
    let (message, zone) = signed(Shape::Multipart, &wish);
    let text = String::from_utf8(message).unwrap();
    (text.replace("noon", "midnight").replace("From: Joe", "From: Jim").into_bytes(), zone)
}

/// What one verification and what the explanation hash and verify.
fn costs(counting: &'static &'static Counting, size: usize, ed25519: bool) -> [(u64, u64); 2] {
    let (message, zone) = hopeless(size, ed25519);
    counting.take();
    let verifier = Verifier::with_provider(Policy::default(), counting);
    assert!(!verifier.verify_blocking(&message, now(), &zone).is_pass());
    let once = counting.take();
    let explainer = Explainer::with_provider(counting);
    let explanation = explainer.explain_blocking(&Envelope::unknown(), &message, now(), &zone);
    let likely: Vec<Kind> = explanation.diagnoses().map(|diagnosis| diagnosis.kind()).collect();
    assert_eq!(likely, [Kind::LongLine, Kind::QuotedFrom, Kind::LinksRewritten], "{}", explanation.explain());
    assert!(explanation.diagnoses().all(|diagnosis| !diagnosis.is_proved()));
    let notes = explanation.signatures()[0].notes().join(" ");
    assert_eq!(notes.contains("larger than 5 MB"), size > 5_000_000, "{notes}");
    [once, counting.take()]
}

#[test]
fn the_body_is_hashed_at_most_forty_times() {
    static COUNTING: &Counting = &SMALL;
    for (size, ed25519) in [(100, true), (100_000, true), (100_000, false)] {
        let [(once, verified), (bytes, tried)] = costs(&COUNTING, size, ed25519);
        assert!(once > 0 && verified == 1);
        assert!(tried <= 40 * verified, "{tried} signatures were verified");
        // The headers that are hashed are as long in a large message as in a small one.
        let headers = 200 * 2_000;
        assert!(bytes <= 40 * once + headers, "{bytes} bytes for {once}");
    }
}

#[test]
fn two_changes_are_not_tried_in_a_large_message() {
    static COUNTING: &Counting = &LARGE;
    let [(once, _), (bytes, _)] = costs(&COUNTING, 6_000_000, false);
    assert!(bytes <= 40 * once, "{bytes} bytes for {once}");
}
