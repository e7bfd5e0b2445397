//! RFC 8617, rule by rule: sealing.

mod common;

use common::{KEY, MESSAGE, RSA, assert_cause, now, pass_on, passed_on, replaced, results, sealer, verify};
use waxseal_arc::{ArcResult, Cause, Chain, SealError, Sealer, merged_results};
use waxseal_authres::AuthenticationResults;
use waxseal_crypto::Algorithm;
use waxseal_dkim::{Canonicalization, Cause as SignatureCause, SignError, Signer, SigningDomains};
use waxseal_header::Header;

#[test]
fn s4_1_1_one_field_combines_all_results_of_the_host() {
    let message = b"Authentication-Results: a.example; spf=pass smtp.mailfrom=\"b@c;d\"\r\n\
        Authentication-Results: evil.example; dmarc=pass\r\n\
        Authentication-Results: A.example; dkim=fail reason=\"x\" (2048-bit key)\r\n\
        From: joe@example.org\r\n\r\n";
    let (header, _) = Header::parse(message).unwrap();
    let results = merged_results(&header, header.len(), "a.example");
    let set = sealer("a.example").seal(message, &verify(message), &results, now()).unwrap();
    assert_eq!(
        set.authentication_results(),
        "ARC-Authentication-Results: i=1; a.example;\r\n\tspf=pass smtp.mailfrom=\"b@c;d\";\r\n\t\
         dkim=fail reason=\"x\" (2048-bit key)\r\n"
    );
    assert_eq!(merged_results(&header, 1, "a.example").entries().len(), 1);
    assert_eq!(merged_results(&header, header.len(), "c.example").to_string(), "c.example; none");
}

/// RFC 8617 §4.1.3: `d=` is that of DKIM, and so is who may seal: the rule is that of those who verify.
#[test]
fn domains_that_must_not_sign_do_not_seal() {
    let chain = verify(MESSAGE);
    let seal = |sealer: &Sealer| sealer.seal(MESSAGE, &chain, &results("a.example", &chain), now());
    let refused = |sealer: &Sealer| matches!(seal(sealer), Err(SealError::Sign(SignError::Domain(_))));
    assert!(refused(&sealer("localhost")));
    assert!(refused(&sealer("a-.example")));
    let none =
        |name: &str| sealer(name).with_signing_domains(SigningDomains::default().with_refused(|_| true));
    assert!(refused(&none("a.example")));
    let lab = SigningDomains::default().with_single_label(true);
    assert!(seal(&sealer("localhost").with_signing_domains(lab)).is_ok());
}

/// What a verifier would not read is not sealed.
#[test]
fn a_header_without_room_for_the_set_is_named() {
    let message =
        |octets: usize| format!("From: joe@example.org\r\nX: {}\r\n\r\nHi.\r\n", "x".repeat(octets));
    let seal = |message: &str| {
        let chain = verify(message.as_bytes());
        sealer("a.example").seal(message.as_bytes(), &chain, &results("a.example", &chain), now())
    };
    let error = seal(&message(262_144 - 600)).unwrap_err();
    assert!(matches!(error, SealError::Sign(SignError::NoRoom(..))), "{error}");
    let fits = message(262_144 - 2_500);
    let sealed = seal(&fits).unwrap().fields() + &fits;
    assert_eq!(verify(sealed.as_bytes()).result(), ArcResult::Pass);
}

#[test]
fn s4_1_2_a_sealer_signs_neither_results_nor_arc_fields() {
    let chain = verify(MESSAGE);
    for name in ["authentication-results", "ARC-Seal", "arc-message-signature", "ARC-Authentication-Results"]
    {
        for sealer in [
            sealer("a.example").with_fields(["To", name]),
            sealer("a.example").with_oversigned([name]),
            sealer("a.example").with_field_list(["From", name]),
            // What is set later does not make up for it.
            sealer("a.example").with_fields([name]).with_oversigned(["From"]),
        ] {
            let error = sealer.seal(MESSAGE, &chain, &results("a.example", &chain), now()).unwrap_err();
            assert!(matches!(error, SealError::Field(ref found) if found == name), "{error}");
        }
    }
    let message = pass_on(&pass_on(MESSAGE, "a.example"), "b.example");
    let chain = verify(&message);
    for set in chain.sets() {
        let names: Vec<_> =
            set.message_signature().unwrap().signed_fields().map(<[u8]>::to_ascii_lowercase).collect();
        assert!(names.iter().all(|name| !name.starts_with(b"arc-") && name != b"authentication-results"));
    }
}

#[test]
fn s4_1_2_a_sealer_covers_dkim_signatures() {
    let signer = Signer::new("example.org", "x", KEY.clone()).unwrap();
    let message = [signer.sign(MESSAGE, now()).unwrap().as_bytes(), MESSAGE].concat();
    let sealed = pass_on(&message, "a.example");
    let chain = verify(&sealed);
    let covered = chain.sets().first().unwrap().message_signature().unwrap().signed_fields();
    assert!(covered.into_iter().any(|name| name == b"DKIM-Signature"));
    assert_cause!(
        verify(&replaced(&sealed, "DKIM-Signature: v=1", "DKIM-Signature: v=2")),
        Cause::MessageSignature(1, SignatureCause::HeaderSignature { .. })
    );
}

#[test]
fn s5_1_step_2_a_chain_that_has_ended_is_not_sealed_again() {
    let failed = replaced(&passed_on(2), "Hi.", "Bye.");
    let message = pass_on(&failed, "b.example");
    let chain = verify(&message);
    assert_cause!(&chain, Cause::Failed(3));
    assert!(chain.has_ended());
    let error = sealer("c.example").seal(&message, &chain, &results("c.example", &chain), now()).unwrap_err();
    assert!(matches!(error, SealError::Ended), "{error}");
}

#[test]
fn s5_1_step_3_sets_are_numbered() {
    let message = passed_on(3);
    let chain = verify(&message);
    assert_eq!(chain.result(), ArcResult::Pass, "{chain}");
    assert_eq!(chain.sets().iter().map(|set| set.instance()).collect::<Vec<_>>(), [1, 2, 3]);
    let said: Vec<_> = chain.sets().iter().map(|set| set.seal().unwrap().chain_validation()).collect();
    assert_eq!(said, [ArcResult::None, ArcResult::Pass, ArcResult::Pass]);
    let text = String::from_utf8(message).unwrap();
    let order: Vec<_> =
        text.lines().filter_map(|line| line.split_once(": i=")).map(|(name, _)| name).collect();
    let set = ["ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results"];
    assert_eq!(order, [set, set, set].concat());
}

#[test]
fn s5_1_a_chain_is_sealed_as_it_was_verified() {
    let (one, two) = (passed_on(1), passed_on(2));
    let other = pass_on(MESSAGE, "other.example");
    for (verified, sealed) in [(&one, &two), (&two, &one), (&one, &other), (&one, &MESSAGE.to_vec())] {
        let chain = verify(verified);
        let error =
            sealer("b.example").seal(sealed, &chain, &results("b.example", &chain), now()).unwrap_err();
        assert!(matches!(error, SealError::OtherChain), "{error}");
    }
    // Fields above the chain and changes below it are what forwarders are for.
    let changed = [b"List-Id: <l.example>\r\n", &replaced(&one, "lunch", "[l] lunch")[..]].concat();
    let chain = verify(&one);
    let set = sealer("b.example").seal(&changed, &chain, &results("b.example", &chain), now()).unwrap();
    let chain = verify(&[set.fields().as_bytes(), &changed].concat());
    assert_eq!((chain.result(), chain.oldest_pass()), (ArcResult::Pass, Some(2)), "{chain}");
}

#[test]
fn s5_1_2_a_seal_that_says_fail_covers_its_own_set_alone() {
    let failed = replaced(&passed_on(2), "Hi.", "Bye.");
    let chain = verify(&failed);
    let set = sealer("forge.example").seal(&failed, &chain, &results("a.example", &chain), now()).unwrap();
    assert!(set.seal().contains("i=3;") && set.seal().contains("cv=fail;"), "{}", set.seal());
    // The same set with another number is a chain of its own; its seal verifies when nothing else is covered.
    let (header, _) = Header::parse(set.fields().as_bytes()).unwrap();
    let mut input = Vec::new();
    for place in [2, 1] {
        Canonicalization::Relaxed.header_field(header.field(place).unwrap(), &mut input);
    }
    let seal = header.field(0).unwrap();
    let parsed = waxseal_arc::Seal::parse(seal.value()).unwrap();
    waxseal_dkim::parts::signature_field(
        Canonicalization::Relaxed,
        seal,
        parsed.signature_range(),
        &mut input,
    );
    let provider = waxseal_crypto::default_provider().unwrap();
    provider.verify(KEY.public_key(), Algorithm::Ed25519Sha256, &input, parsed.signature()).unwrap();
}

#[test]
fn every_canonicalization_and_both_algorithms() {
    use Canonicalization::{Relaxed, Simple};
    for (header, body) in [(Simple, Simple), (Simple, Relaxed), (Relaxed, Simple), (Relaxed, Relaxed)] {
        for (selector, key) in [("x", &KEY), ("rsa", &RSA)] {
            let sealer = Sealer::new("a.example", selector, (*key).clone())
                .unwrap()
                .with_canonicalization(header, body);
            let mut message = MESSAGE.to_vec();
            for _ in 0..2 {
                let chain = verify(&message);
                let set = sealer.seal(&message, &chain, &results("a.example", &chain), now()).unwrap();
                message = [set.fields().as_bytes(), &message].concat();
            }
            let chain = verify(&message);
            assert_eq!((chain.result(), chain.oldest_pass()), (ArcResult::Pass, Some(0)), "{chain}");
        }
    }
}

#[test]
fn a_key_held_elsewhere_makes_the_same_set() {
    use waxseal_crypto::SigningKey;
    let message = passed_on(1);
    let chain = verify(&message);
    let (header, body) = Header::parse(&message).unwrap();
    let remote = Sealer::from_signer(Signer::remote("a.example", "x", Algorithm::Ed25519Sha256).unwrap());
    let mut hasher = waxseal_dkim::parts::BodyHasher::new(waxseal_crypto::default_provider().unwrap());
    hasher.want(remote.body_form());
    hasher.push(body);
    let hashes = hasher.finish();
    let results = results("a.example", &chain);
    let unsigned = remote.unsigned(&header, &hashes, &chain, &results, now()).unwrap();
    assert_eq!(unsigned.algorithm(), Algorithm::Ed25519Sha256);
    assert!(matches!(unsigned.clone().sign(), Err(SealError::Sign(SignError::NoKey))));
    let signature = KEY.sign(&unsigned.input()).unwrap();
    let unsealed = unsigned.attach(&signature);
    let signature = KEY.sign(&unsealed.input()).unwrap();
    let set = unsealed.attach(&signature);
    assert_eq!(set, sealer("a.example").seal(&message, &chain, &results, now()).unwrap());
}

#[test]
fn what_can_not_be_sealed() {
    let chain = verify(MESSAGE);
    let results = AuthenticationResults::new("a.example");
    let error =
        |message: &[u8]| sealer("a.example").seal(message, &chain, &results, now()).unwrap_err().to_string();
    assert!(error(b"From: a@b.example\r\n\r\nHi.\n").contains("bare CR or LF"));
    assert!(error(b"From: a@b.example\nTo: c\r\n\r\nHi.\r\n").contains("bare CR or LF"));
    assert!(error(b"To: a@b.example\r\n\r\nHi.\r\n").contains("no From field"));
    let too_long = Chain::refused(waxseal_header::HeaderError::TooLong(1));
    assert_eq!(too_long.result(), ArcResult::Fail);
}
