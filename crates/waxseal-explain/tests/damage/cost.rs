//! How much is hashed and verified, counted.

use super::messages::{Shape, Wish, now, signed};
use waxseal_explain::{
    Explainer, Kind,
    waxseal::{Envelope, Verifier, dkim::Policy},
};
use waxseal_test::CountingProvider;

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
fn costs(size: usize, ed25519: bool) -> [(usize, usize); 2] {
    let (message, zone) = hopeless(size, ed25519);
    let once = CountingProvider::leaked();
    let verifier = Verifier::with_provider(Policy::default(), once);
    assert!(!verifier.verify_blocking(&message, now(), &zone).is_pass());
    let explaining = CountingProvider::leaked();
    let explainer = Explainer::with_provider(explaining);
    let explanation = explainer.explain_blocking(&Envelope::unknown(), &message, now(), &zone);
    let likely: Vec<Kind> = explanation.diagnoses().map(|diagnosis| diagnosis.kind()).collect();
    assert_eq!(likely, [Kind::LongLine, Kind::QuotedFrom, Kind::LinksRewritten], "{}", explanation.explain());
    assert!(explanation.diagnoses().all(|diagnosis| !diagnosis.is_proved()));
    let notes = explanation.signatures()[0].notes().join(" ");
    assert_eq!(notes.contains("larger than 5 MB"), size > 5_000_000, "{notes}");
    [once, explaining].map(|provider| (provider.hashed(), provider.verified()))
}

#[test]
fn the_body_is_hashed_at_most_forty_times() {
    for (size, ed25519) in [(100, true), (100_000, true), (100_000, false)] {
        let [(once, verified), (bytes, tried)] = costs(size, ed25519);
        assert!(once > 0 && verified == 1);
        assert!(tried <= 40 * verified, "{tried} signatures were verified");
        // The headers that are hashed are as long in a large message as in a small one.
        let headers = 200 * 2_000;
        assert!(bytes <= 40 * once + headers, "{bytes} bytes for {once}");
    }
}

#[test]
fn two_changes_are_not_tried_in_a_large_message() {
    let [(once, _), (bytes, _)] = costs(6_000_000, false);
    assert!(bytes <= 40 * once, "{bytes} bytes for {once}");
}
