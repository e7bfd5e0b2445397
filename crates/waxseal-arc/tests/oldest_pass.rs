//! What the oldest pass costs, and when.

mod common;

use common::{MESSAGE, now, pass_on, passed_on, replaced, resolver, verify};
use waxseal_arc::{ChainVerifier, Policy};
use waxseal_test::CountingProvider;

/// The oldest pass, and how many signatures are verified before it is asked for, and with it.
fn cost(message: &[u8]) -> (Option<u32>, usize, usize) {
    let provider = CountingProvider::leaked();
    let count = || provider.verified();
    let chain =
        ChainVerifier::with_provider(Policy::default(), provider).verify_blocking(message, now(), &resolver);
    assert!(chain.is_pass(), "{chain}");
    let before = count();
    let oldest_pass = chain.oldest_pass();
    let with = count();
    // It is remembered, also by clones.
    let again = chain.clone();
    assert_eq!((again.oldest_pass(), chain.entry(), count()), (oldest_pass, again.entry(), with));
    (oldest_pass, before, with)
}

/// Whether a chain passes depends on its seals and on the newest message signature; the others wait until somebody asks.
#[test]
fn s5_2_step_5_older_message_signatures_are_verified_when_somebody_asks() {
    for sets in [1, 2, 3, 10] {
        assert_eq!(cost(&passed_on(sets)), (Some(0), sets + 1, 2 * sets), "{sets}");
    }
}

/// A body hash that does not hold is seen without the key.
#[test]
fn s5_2_step_5_a_changed_body_costs_no_signature() {
    let changed = replaced(&passed_on(3), "Hi.", "Hi.\r\n-- \r\nA footer.");
    // Sealed by a mailing list, which verified the message before it changed it.
    let chain = verify(&passed_on(3));
    let set = common::sealer("list.example")
        .seal(&changed, &chain, &common::results("list.example", &chain), now())
        .unwrap();
    let message = [set.fields().as_bytes(), &changed].concat();
    assert_eq!(cost(&message), (Some(4), 5, 5));
    let message = pass_on(&message, "a5.example");
    assert_eq!(cost(&message), (Some(4), 6, 7));
}

/// Chains are equal when they come from the same sets and have the same verdict.
#[test]
fn chains_are_compared_with_their_oldest_pass() {
    let message = passed_on(2);
    let chain = verify(&message);
    assert_eq!(chain, verify(&message));
    assert_ne!(chain, verify(&passed_on(3)));
    assert_eq!(verify(MESSAGE), verify(b"To: list@example.net\r\n\r\n"));
    let sparing = ChainVerifier::new(Policy::default().with_oldest_pass(false)).unwrap();
    assert_ne!(chain, sparing.verify_blocking(&message, now(), &resolver));
    let forged = replaced(&message, "Subject: lunch", "Subject: dinner");
    assert_ne!(chain, verify(&forged));
    assert_eq!(verify(&forged), verify(&forged));
}
