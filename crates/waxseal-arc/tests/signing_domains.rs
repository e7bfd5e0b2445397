//! `d=` and `s=` of ARC are "from [RFC6376], Section 3.5" (RFC 8617 §4.1.3): so is what may stand there.

mod common;

use common::{Forge, MESSAGE, assert_cause, now, resolver, verify};
use waxseal_arc::{Cause, Chain, ChainVerifier};
use waxseal_dkim::{Cause as SignatureCause, Policy, SigningDomains, UnacceptableDomain, Verifier};

fn sealed_by(names: &str) -> Vec<u8> {
    let mut forge = Forge::new(1, "none");
    forge.seal = forge.seal.replace("d=forge.example; s=x", names);
    forge.on(MESSAGE)
}

fn signed_by(names: &str) -> Vec<u8> {
    let mut forge = Forge::new(1, "none");
    forge.message_signature =
        Some(format!("i=1; a=ed25519-sha256; c=relaxed/relaxed; {names}; h=from:to:subject; bh={{bh}}"));
    forge.on(MESSAGE)
}

fn verify_under(policy: Policy, message: &[u8]) -> Chain {
    let provider = waxseal_crypto::ring::PROVIDER;
    let verifier = ChainVerifier::with_provider(Default::default(), provider);
    let verifier = verifier.with_signatures(Verifier::with_provider(policy, provider));
    verifier.verify_blocking(message, now(), &resolver)
}

#[test]
fn names_with_a_dot_or_hyphen_at_an_edge_do_not_seal() {
    assert!(verify(&sealed_by("d=foo_bar.example; s=x")).is_pass());
    assert!(verify(&signed_by("d=foo_bar.example; s=x")).is_pass());
    for (names, tag) in [
        ("d=forge.example.; s=x", "d"),
        ("d=-forge.example; s=x", "d"),
        ("d=forge.example-; s=x", "d"),
        ("d=forge.example; s=x.-y", "s"),
        ("d=forge.example; s=x.", "s"),
    ] {
        let not_a_name = format!("{tag}= is not a domain name");
        assert_cause!(
            verify(&sealed_by(names)),
            Cause::MalformedSeal(1, error) if error.to_string() == not_a_name
        );
        assert_cause!(
            verify(&signed_by(names)),
            Cause::MessageSignature(1, SignatureCause::Signature(error)) if error.to_string() == not_a_name
        );
    }
}

#[test]
fn a_top_level_domain_does_not_seal() {
    for message in [sealed_by("d=example; s=x"), signed_by("d=example; s=x")] {
        assert_cause!(
            verify(&message),
            Cause::Seal(_, SignatureCause::Domain(UnacceptableDomain::SingleLabel(_)))
                | Cause::MessageSignature(_, SignatureCause::Domain(UnacceptableDomain::SingleLabel(_)))
        );
        let lab = Policy::default().with_signing_domains(SigningDomains::default().with_single_label(true));
        assert!(verify_under(lab, &message).is_pass());
    }
}

#[test]
fn a_refused_domain_does_not_seal() {
    let policy = || {
        Policy::default().with_signing_domains(
            SigningDomains::default().with_refused(|domain| domain.as_str() == "co.example"),
        )
    };
    for message in [sealed_by("d=co.example; s=x"), signed_by("d=co.example; s=x")] {
        assert!(verify(&message).is_pass());
        let chain = verify_under(policy(), &message);
        let cause = chain.cause().and_then(Cause::signature_cause);
        assert!(matches!(cause, Some(SignatureCause::Domain(UnacceptableDomain::Refused(_)))), "{chain}");
    }
}
