//! A second Subject above an intact chain (RFC 6376 §8.15): the last sealer never saw it.

mod common;

use common::{Forge, MESSAGE, now, pass_on, replaced, resolver, verify};
use waxseal_arc::{ArcResult, Cause, ChainVerifier};
use waxseal_dkim::{Cause as SignatureCause, Policy, Verifier};

#[test]
fn a_further_field_of_which_one_is_allowed_is_told() {
    for name in ["Subject", "To", "From"] {
        let message = [format!("{name}: evil\r\n").as_bytes(), &Forge::new(1, "none").on(MESSAGE)].concat();
        let chain = verify(&message);
        assert!(chain.is_pass(), "{chain}");
        assert_eq!(chain.unsigned_additions(), [name]);
        assert_eq!(
            chain.entry().to_string(),
            format!("arc=pass (a further {name} is not signed) header.oldest-pass=0")
        );
        let told =
            format!("a further {name} is not signed (Policy::with_unsigned_additions_refused refuses that)");
        assert_eq!(chain.reason(), format!("1 set verified; {told}"));
        assert_eq!(chain.to_string(), format!("arc=pass i=1 d=forge.example (1 set verified; {told})"));

        let policy = Policy::default().with_unsigned_additions_refused(true);
        let strict =
            ChainVerifier::new(Default::default()).unwrap().with_signatures(Verifier::new(policy).unwrap());
        let refused = strict.verify_blocking(&message, now(), &resolver);
        assert_eq!(refused.result(), ArcResult::Fail);
        assert!(
            matches!(
                refused.cause(),
                Some(Cause::MessageSignature(1, SignatureCause::UnsignedAddition(field)))
                    if *field == name
            ),
            "{refused}"
        );
    }
}

#[test]
fn nothing_is_told_of_a_chain_that_covers_what_stands_there() {
    let message = pass_on(&Forge::new(1, "none").on(MESSAGE), "a.example");
    let traced = [b"Received: x\r\nReceived: y\r\n", &message[..]].concat();
    assert!(verify(&traced).is_pass() && verify(&traced).unsigned_additions().is_empty());
    // The newest message signature counts: what an older one did not cover, a sealer has seen since.
    let added = [b"Subject: evil\r\n", &Forge::new(1, "none").on(MESSAGE)[..]].concat();
    let sealed = pass_on(&added, "a.example");
    assert!(verify(&sealed).is_pass(), "{}", verify(&sealed));
    assert!(verify(&sealed).unsigned_additions().is_empty());
    let broken = verify(&replaced(&added, "Hi.", "Ho."));
    assert!(!broken.is_pass() && broken.unsigned_additions().is_empty());
}
