//! Chains that are too long, broken or made to harm.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::{Forge, MESSAGE, now, passed_on, replaced, resolver, results, sealer, verify};
use std::sync::atomic::{AtomicUsize, Ordering};
use waxseal_arc::{ArcField, ArcResult, Cause, ChainVerifier, Policy, SealError};
use waxseal_crypto::default_provider;
use waxseal_dkim::parts::BodyHasher;
use waxseal_dns::Question;
use waxseal_header::{Header, HeaderError, HeaderLimits};

#[test]
fn fifty_sets_pass_and_fifty_one_fail() {
    let message = passed_on(50);
    let chain = verify(&message);
    assert_eq!(
        (chain.result(), chain.oldest_pass(), chain.sets().len()),
        (ArcResult::Pass, Some(0), 50),
        "{chain}"
    );
    let error = sealer("b.example").seal(&message, &chain, &results("b.example", &chain), now()).unwrap_err();
    assert!(matches!(error, SealError::TooManySets(50)), "{error}");

    let more = Forge::new(51, "pass").on(&message);
    let chain = verify(&more);
    assert!(matches!(chain.cause(), Some(Cause::TooManySets(50))), "{chain}");
    let error = sealer("b.example").seal(&more, &chain, &results("b.example", &chain), now()).unwrap_err();
    assert!(matches!(error, SealError::TooManySets(50)), "{error}");
}

#[test]
fn fewer_sets_may_be_allowed_but_not_more() {
    let message = passed_on(3);
    let verifier = |sets| ChainVerifier::new(Policy::default().with_max_sets(sets)).unwrap();
    assert!(verifier(3).verify_blocking(&message, now(), &resolver).is_pass());
    let chain = verifier(2).verify_blocking(&message, now(), &resolver);
    assert!(matches!(chain.cause(), Some(Cause::TooManySets(2))), "{chain}");
    let longer = Forge::new(51, "pass").on(&message);
    let chain = verifier(1000).verify_blocking(&longer, now(), &resolver);
    assert!(matches!(chain.cause(), Some(Cause::TooManySets(50))), "{chain}");
}

#[test]
fn instances_out_of_any_range() {
    let sealed = passed_on(1);
    for i in ["51", "99", "100", "999999999"] {
        for field in ArcField::ALL {
            let message = replaced(&sealed, &format!("{field}: i=1;"), &format!("{field}: i={i};"));
            let chain = verify(&message);
            assert!(matches!(chain.cause(), Some(Cause::TooManySets(50))), "{chain}");
            let results = results("b.example", &chain);
            let error = sealer("b.example").seal(&message, &chain, &results, now()).unwrap_err();
            assert!(matches!(error, SealError::TooManySets(50)), "{error}");
        }
    }
}

/// Step 1 comes before step 2, and no key is looked up for a chain that has failed already.
#[test]
fn too_many_sets_are_told_before_anything_else() {
    let ended = Forge::new(1, "fail").on(MESSAGE);
    let chain = verify(&Forge::new(51, "pass").on(&ended));
    assert!(matches!(chain.cause(), Some(Cause::TooManySets(50))) && !chain.has_ended(), "{chain}");
    let examination = |policy| {
        let (header, _) = Header::parse(&passed_on(3)).unwrap();
        ChainVerifier::new(policy).unwrap().examine(
            header,
            now(),
            &mut BodyHasher::new(default_provider().unwrap()),
        )
    };
    assert_eq!(examination(Policy::default()).questions().count(), 3);
    assert_eq!(examination(Policy::default().with_max_key_lookups(2)).questions().count(), 0);
}

#[test]
fn a_thousand_arc_fields_cost_no_lookup() {
    let lookups = AtomicUsize::new(0);
    let counting = |q: &Question| {
        lookups.fetch_add(1, Ordering::Relaxed);
        resolver(q)
    };
    for field in [
        "ARC-Seal: i=1; cv=none",
        "ARC-Seal: x",
        "ARC-Message-Signature: i=50; a=",
        "ARC-Authentication-Results: i=7;",
    ] {
        let message = [format!("{field}\r\n").repeat(990).as_bytes(), MESSAGE].concat();
        let chain =
            ChainVerifier::new(Default::default()).unwrap().verify_blocking(&message, now(), &counting);
        assert_eq!(chain.result(), ArcResult::Fail);
        assert!(chain.sets().is_empty());
    }
    assert_eq!(lookups.into_inner(), 0);
}

#[test]
fn key_lookups_are_bounded() {
    let message = passed_on(4);
    let lookups = AtomicUsize::new(0);
    let counting = |q: &Question| {
        lookups.fetch_add(1, Ordering::Relaxed);
        resolver(q)
    };
    let verifier = |keys| ChainVerifier::new(Policy::default().with_max_key_lookups(keys)).unwrap();
    assert!(verifier(4).verify_blocking(&message, now(), &counting).is_pass());
    assert_eq!(lookups.swap(0, Ordering::Relaxed), 4);
    let chain = verifier(3).verify_blocking(&message, now(), &counting);
    assert!(matches!(chain.cause(), Some(Cause::TooManyKeyLookups(3))), "{chain}");
    assert_eq!(lookups.swap(0, Ordering::Relaxed), 0);

    // Keys of older message signatures alone do not fail the chain.
    let tags = "i=1; a=ed25519-sha256; c=relaxed/relaxed; d=other.example; s=x; h=from; bh={bh}";
    let first = Forge { message_signature: Some(tags.into()), ..Forge::new(1, "none") }.on(MESSAGE);
    let second = Forge::new(2, "pass").on(&first);
    let chain = verifier(1).verify_blocking(&second, now(), &counting);
    assert_eq!((chain.result(), chain.oldest_pass()), (ArcResult::Pass, Some(2)), "{chain}");
    assert_eq!(lookups.swap(0, Ordering::Relaxed), 1);
    assert_eq!(verify(&second).oldest_pass(), Some(0));
}

/// A message signature with its own `l=`, or without `c=`, so that it can be read in two ways.
fn forged(sets: u32, tags: impl Fn(u32) -> String) -> Vec<u8> {
    (1..=sets).fold(MESSAGE.to_vec(), |message, i| {
        let tags = format!("i={i}; a=ed25519-sha256; d=forge.example; s=x; h=from; bh={{bh}}{}", tags(i));
        let word = if i == 1 { "none" } else { "pass" };
        Forge { message_signature: Some(tags), ..Forge::new(i, word) }.on(&message)
    })
}

/// How many hashes of the body a chain asks for.
fn wanted(policy: Policy, message: &[u8]) -> usize {
    let (header, _) = Header::parse(message).unwrap();
    let mut hasher = BodyHasher::new(default_provider().unwrap());
    ChainVerifier::new(policy).unwrap().examine(header, now(), &mut hasher);
    hasher.forms().count()
}

fn oldest_pass_by(policy: Policy, message: &[u8]) -> Option<u32> {
    let chain = ChainVerifier::new(policy).unwrap().verify_blocking(message, now(), &resolver);
    assert!(chain.is_pass(), "{chain}");
    chain.oldest_pass()
}

#[test]
fn body_hashes_of_a_chain_of_junk_are_bounded() {
    let junk = forged(50, |i| format!("; l={i}"));
    assert_eq!(wanted(Policy::default(), &junk), 8);
    assert_eq!(wanted(Policy::default().with_max_body_hashes(100), &junk), 50 * 2);
    assert_eq!(wanted(Policy::default().with_oldest_pass(false), &junk), 2);
    // Forms in turn, newest first: the search ends, it does not go on with those that are known.
    let in_turn = forged(50, |i| {
        if i % 2 == 0 { "; c=relaxed/relaxed".into() } else { format!("; c=relaxed/relaxed; l={i}") }
    });
    assert_eq!(wanted(Policy::default(), &in_turn), 8);
}

/// The newest message signature decides whether the chain passes, so it is never over the limit.
#[test]
fn body_hashes_are_bounded_for_the_oldest_pass_alone() {
    // `l=5` is the whole body, and every signature is good.
    let same = forged(50, |_| "; c=relaxed/relaxed; l=5".into());
    assert_eq!((wanted(Policy::default(), &same), oldest_pass_by(Policy::default(), &same)), (1, Some(0)));

    let two_ways = forged(3, |i| if i == 2 { String::new() } else { "; c=relaxed/relaxed".into() });
    for (limit, hashes, oldest_pass) in [(8, 2, 0), (2, 2, 0), (1, 1, 3), (0, 1, 3)] {
        let policy = Policy::default().with_max_body_hashes(limit);
        assert_eq!(wanted(policy.clone(), &two_ways), hashes, "{limit}");
        assert_eq!(oldest_pass_by(policy, &two_ways), Some(oldest_pass), "{limit}");
    }
    let newest_two_ways = forged(2, |i| if i == 2 { String::new() } else { "; c=relaxed/relaxed".into() });
    for limit in [0, 1, 2] {
        let policy = Policy::default().with_max_body_hashes(limit);
        assert_eq!(wanted(policy.clone(), &newest_two_ways), 2);
        // The older one needs none that is not there.
        assert_eq!(oldest_pass_by(policy, &newest_two_ways), Some(0));
    }
}

/// Fifty handlers that sign alike are one hash.
#[test]
fn fifty_sets_of_one_form_are_one_body_hash() {
    let message = passed_on(50);
    assert_eq!(wanted(Policy::default(), &message), 1);
    assert_eq!(oldest_pass_by(Policy::default().with_max_body_hashes(1), &message), Some(0));
}

#[test]
fn a_header_over_a_limit() {
    let verifier =
        ChainVerifier::new(Policy::default().with_header_limits(HeaderLimits::default().with_max_fields(2)))
            .unwrap();
    let chain = verifier.verify_blocking(MESSAGE, now(), &resolver);
    assert!(matches!(chain.cause(), Some(Cause::Header(HeaderError::TooManyFields(2)))), "{chain}");
    assert_eq!(chain.result(), ArcResult::Fail);
}

#[test]
fn opendmarc_236_a_seal_that_says_nothing() {
    for seal in [
        "ARC-Seal: x",
        "ARC-Seal:",
        "ARC-Seal: ;",
        "ARC-Seal: i",
        "ARC-Seal: i=",
        "ARC-Seal: =",
        "ARC-Seal: i=1",
    ] {
        for field in [
            seal.to_owned(),
            seal.replace("Seal", "Message-Signature"),
            seal.replace("Seal", "Authentication-Results"),
        ] {
            let message = [format!("{field}\r\n").as_bytes(), MESSAGE].concat();
            let chain = verify(&message);
            assert_eq!(chain.result(), ArcResult::Fail, "{field}");
            assert!(chain.to_string().is_ascii() && !chain.to_string().contains(['\r', '\n', '"']));
        }
    }
}

#[test]
fn comments_in_results_may_be_as_deep_as_they_like() {
    let deep = format!(" {}{} i=1; x", "(".repeat(60_000), ")".repeat(60_000));
    let forge = Forge { results: Some(deep), ..Forge::new(1, "none") };
    assert!(verify(&forge.on(MESSAGE)).is_pass());
    let open = format!(" {} i=1; x", "(".repeat(60_000));
    let forge = Forge { results: Some(open), ..Forge::new(1, "none") };
    let chain = verify(&forge.on(MESSAGE));
    assert!(matches!(chain.cause(), Some(Cause::Instance(ArcField::AuthenticationResults))), "{chain}");
}

#[test]
fn a_chain_that_failed_stays_failed() {
    let failed = replaced(&passed_on(2), "Hi.", "Bye.");
    let ended = common::pass_on(&failed, "b.example");
    // Nobody may go on behind it, not even with good signatures.
    for word in ["pass", "none"] {
        let chain = verify(&Forge::new(4, word).on(&ended));
        assert_eq!(chain.result(), ArcResult::Fail, "{chain}");
    }
    // Nor cut it short: the newest set that is left does not fit the message.
    let text = String::from_utf8(ended).unwrap();
    let cut = text.get(text.find("ARC-Seal: i=2").unwrap()..).unwrap();
    assert_eq!(verify(cut.as_bytes()).result(), ArcResult::Fail);
}
