//! RFC 8617, rule by rule: chains.

mod common;

use common::{
    Forge, MESSAGE, assert_cause, now, pass_on, passed_on, replaced, resolver, results, sealer, verify,
};
use std::time::Duration;
use waxseal_arc::{ArcField, ArcResult, Cause, ChainVerifier, Policy, SealError, Sealer};
use waxseal_crypto::Algorithm;
use waxseal_dkim::{
    BodyLengthPolicy, Canonicalization, Cause as SignatureCause, SignError, Signer, Verifier,
};
use waxseal_dns::{Answer, Dnssec, LookupError, Question};
use waxseal_header::Header;

#[test]
fn s4_1_1_the_instance_stands_first_in_the_results() {
    for results in
        [" forge.example; i=1; none", " i=1 forge.example; none", " I=1; none", " i=0; none", " i=; none"]
    {
        let forge = Forge { results: Some(results.into()), ..Forge::new(1, "none") };
        assert_cause!(verify(&forge.on(MESSAGE)), Cause::Instance(ArcField::AuthenticationResults));
    }
    let commented = Forge { results: Some(" (a) i (b;) = 1 (c) ; x".into()), ..Forge::new(1, "none") };
    let chain = verify(&commented.on(MESSAGE));
    assert!(chain.is_pass(), "{chain}");
    assert_eq!(chain.sets().first().unwrap().authentication_results_text(), b"x");
}

#[test]
fn s4_1_1_results_that_can_not_be_read_break_nothing() {
    let forge = Forge { results: Some(" i=1; \"unclosed".into()), ..Forge::new(1, "none") };
    let chain = verify(&forge.on(MESSAGE));
    assert!(chain.is_pass(), "{chain}");
    assert!(chain.sets().first().unwrap().authentication_results().is_err());
}

#[test]
fn s4_1_2_version_means_nothing_and_unknown_tags_are_passed_over() {
    let tags = "i=1; v=7; x_y=z; a=ed25519-sha256; c=relaxed/relaxed; d=forge.example; s=x; h=from; bh={bh}";
    let forge = Forge { message_signature: Some(tags.into()), ..Forge::new(1, "none") };
    let chain = verify(&forge.on(MESSAGE));
    assert!(chain.is_pass(), "{chain}");
}

#[test]
fn s4_1_2_a_message_signature_need_not_cover_from_but_then_nobody_may_trust_it() {
    for names in ["", "to", "to::subject"] {
        let tags =
            format!("i=1; a=ed25519-sha256; c=relaxed/relaxed; d=forge.example; s=x; h={names}; bh={{bh}}");
        let forge = Forge { message_signature: Some(tags), ..Forge::new(1, "none") };
        let chain = verify(&forge.on(MESSAGE));
        assert!(chain.is_pass(), "{chain}");
        assert!(!chain.trusted_by(|_| true));
    }
    assert!(verify(&Forge::new(1, "none").on(MESSAGE)).trusted_by(|_| true));
}

#[test]
fn s4_1_2_a_message_signature_never_covers_a_seal() {
    let tags = "i=1; a=ed25519-sha256; c=relaxed/relaxed; d=forge.example; s=x; h=from:Arc-Seal; bh={bh}";
    let forge = Forge { message_signature: Some(tags.into()), ..Forge::new(1, "none") };
    assert_cause!(verify(&forge.on(MESSAGE)), Cause::CoversSeal(1));
}

/// §4.1.2 forbids sealers to do so: they "MUST NOT be included in the list". What covers too much is checked all the same.
#[test]
fn s4_1_2_a_message_signature_over_the_other_arc_fields_is_checked_all_the_same() {
    let names = "from:arc-message-signature:arc-authentication-results";
    let tags = |i: u32| {
        Some(format!("i={i}; a=ed25519-sha256; c=relaxed/relaxed; d=f.example; s=x; h={names}; bh={{bh}}"))
    };
    let message = pass_on(MESSAGE, "a.example");
    let message = Forge { message_signature: tags(2), ..Forge::new(2, "pass") }.on(&message);
    let chain = verify(&message);
    assert!(chain.is_pass(), "{chain}");
    assert_eq!(chain.oldest_pass(), Some(0));
}

#[test]
fn s4_1_3_a_seal_with_h_fails() {
    let mut forge = Forge::new(1, "none");
    forge.seal.push_str("; h=from");
    assert_cause!(
        verify(&forge.on(MESSAGE)),
        Cause::MalformedSeal(1, error) if error.to_string() == "tag h= is forbidden"
    );
}

#[test]
fn s4_1_3_only_relaxed_is_used_for_seals() {
    let mut forge = Forge::new(1, "none");
    forge.seal.push_str("; c=simple/simple; bh=x; v=2");
    assert!(verify(&forge.on(MESSAGE)).is_pass());
    let sealed = pass_on(MESSAGE, "a.example");
    assert!(verify(&replaced(&sealed, "ARC-Seal: i=1;", "aRC-sEAL :\ti=1;\r\n ")).is_pass());
}

#[test]
fn s4_1_3_the_tags_of_a_seal_are_required() {
    let forge = Forge::new(1, "none");
    for (tag, name) in [("a=ed25519-sha256", "a"), ("d=forge.example", "d"), ("s=x", "s"), ("cv=none", "cv")]
    {
        let forge = Forge { seal: forge.seal.replace(tag, "y=y"), ..Forge::new(1, "none") };
        let missing = match name {
            "cv" => "cv= is missing or malformed".to_owned(),
            _ => format!("signature lacks the required tag {name}="),
        };
        assert_cause!(
            verify(&forge.on(MESSAGE)),
            Cause::MalformedSeal(1, error) if error.to_string() == missing
        );
    }
    let chain = verify(&replaced(&pass_on(MESSAGE, "a.example"), "ARC-Seal: i=1;", "ARC-Seal:"));
    assert_cause!(chain, Cause::Instance(ArcField::Seal));
}

#[test]
fn s4_2_1_instances_are_numbers_from_one() {
    let sealed = pass_on(MESSAGE, "a.example");
    for field in ArcField::ALL {
        for i in ["0", "", "a", "-1", "1.0", "0x1", "4294967297"] {
            let chain = verify(&replaced(&sealed, &format!("{field}: i=1;"), &format!("{field}: i={i};")));
            assert_cause!(chain, Cause::Instance(found) if *found == field);
        }
        let chain = verify(&replaced(&sealed, &format!("{field}: i=1;"), &format!("{field}: i=1; i=1;")));
        // In the results this is a payload that says nothing, but the seal covers it.
        assert_eq!(chain.result(), ArcResult::Fail);
    }
}

#[test]
fn s5_2_the_topmost_broken_field_is_the_cause_and_what_is_no_chain_has_no_sets() {
    let message =
        |fields: [&str; 2]| format!("{}: x\r\n{}: x\r\nFrom: a@b.example\r\n\r\n", fields[0], fields[1]);
    let chain = verify(message(["ARC-Seal", "ARC-Message-Signature"]).as_bytes());
    assert_cause!(chain, Cause::Instance(ArcField::Seal));
    let chain = verify(message(["ARC-Message-Signature", "ARC-Seal"]).as_bytes());
    assert_cause!(chain, Cause::Instance(ArcField::MessageSignature));
    let chain = verify(&Forge::new(3, "pass").on(&pass_on(MESSAGE, "a.example")));
    assert!(chain.sets().is_empty());
    assert_cause!(chain, Cause::Gap(2));
}

#[test]
fn s5_1_1_a_seal_covers_all_sets_in_their_order() {
    let message = passed_on(2);
    let forged = Forge::new(3, "pass").on(&message);
    let chain = verify(&forged);
    assert!(chain.is_pass(), "{chain}");
    let alone = Forge { covers_chain: false, ..Forge::new(3, "pass") }.on(&message);
    assert_cause!(verify(&alone), Cause::Seal(3, SignatureCause::HeaderSignature { .. }));
    // Where the fields stand does not matter.
    let (header, body) = Header::parse(&forged).unwrap();
    let mut fields: Vec<_> = header.fields().map(|field| field.raw()).collect();
    fields.reverse();
    let chain = verify(&[&fields.concat(), &b"\r\n"[..], body].concat());
    assert!(chain.is_pass(), "{chain}");
}

#[test]
fn s5_2_step_1_no_chain() {
    let chain = verify(MESSAGE);
    assert_eq!((chain.result(), chain.oldest_pass(), chain.sets().len()), (ArcResult::None, None, 0));
    assert!(chain.cause().is_none() && !chain.is_pass() && !chain.trusted_by(|_| true));
}

#[test]
fn s5_2_step_2_the_newest_seal_says_fail() {
    let cut = replaced(&Forge::new(2, "fail").on(&passed_on(1)), "ARC-Authentication-Results: i=1", "X: i=1");
    assert_cause!(verify(&cut), Cause::Failed(2));
    assert_cause!(verify(&Forge::new(1, "FAIL").on(MESSAGE)), Cause::Failed(1));
}

#[test]
fn s5_2_step_3a_each_field_once() {
    let sealed = passed_on(2);
    for field in ArcField::ALL {
        for i in [1, 2] {
            let name = format!("{field}: i={i};");
            let chain = verify(&replaced(&sealed, &name, &format!("X-{name}")));
            assert_cause!(chain, Cause::Missing(found, instance) if *found == field && *instance == i);
            let (header, body) = Header::parse(&sealed).unwrap();
            let twin = header.fields().find(|f| f.raw().starts_with(name.as_bytes())).unwrap();
            for message in [
                [twin.raw(), header.as_bytes(), b"\r\n", body].concat(),
                [header.as_bytes(), twin.raw(), b"\r\n", body].concat(),
            ] {
                let chain = verify(&message);
                assert_cause!(chain, Cause::Duplicate(found, instance) if *found == field && *instance == i);
            }
        }
    }
}

#[test]
fn s5_2_step_3b_no_gaps() {
    let sealed = passed_on(1);
    assert_cause!(verify(&Forge::new(3, "pass").on(&sealed)), Cause::Gap(2));
    assert_cause!(verify(&Forge::new(2, "pass").on(MESSAGE)), Cause::Gap(1));
    assert_cause!(verify(&Forge::new(50, "pass").on(&sealed)), Cause::Gap(2));
}

#[test]
fn s5_2_step_3c_none_stands_first_and_pass_behind_it() {
    for (sets, word) in [(0, "pass"), (1, "none"), (2, "none")] {
        let chain = verify(&Forge::new(sets as u32 + 1, word).on(&passed_on(sets)));
        assert_cause!(chain, Cause::ChainValidation(instance, found) if *instance == sets as u32 + 1 && found.as_str() == word);
    }
    let below = Forge::new(2, "pass").on(&Forge::new(1, "fail").on(MESSAGE));
    assert_cause!(verify(&below), Cause::ChainValidation(1, ArcResult::Fail));
    for word in ["", "maybe", "pass pass", "pa ss"] {
        let chain = verify(&Forge::new(2, word).on(&passed_on(1)));
        assert_cause!(chain, Cause::MalformedSeal(2, error) if error.to_string() == "cv= is missing or malformed");
    }
}

#[test]
fn s5_2_step_4_the_newest_message_signature_has_to_verify() {
    let sealed = passed_on(3);
    assert_cause!(
        verify(&replaced(&sealed, "Hi.", "Bye.")),
        Cause::MessageSignature(3, SignatureCause::BodyHash { header_intact: true, .. })
    );
    assert_cause!(
        verify(&replaced(&sealed, "lunch", "dinner")),
        Cause::MessageSignature(3, SignatureCause::HeaderSignature { .. })
    );
    // Oversigned: no second From.
    assert_cause!(
        verify(&[b"From: eve@example.com\r\n", &sealed[..]].concat()),
        Cause::MessageSignature(3, SignatureCause::HeaderSignature { .. })
    );
}

#[test]
fn s5_2_step_5_the_oldest_pass() {
    assert_eq!(verify(&passed_on(1)).oldest_pass(), Some(0));
    assert_eq!(verify(&passed_on(3)).oldest_pass(), Some(0));
    for changed_after in [1, 2, 3] {
        let mut message = MESSAGE.to_vec();
        for hop in 1..=4 {
            let chain = verify(&message);
            if hop == changed_after + 1 {
                message = replaced(&message, "Hi.", "Hi.\r\n-- \r\nA footer.");
            }
            let set =
                sealer("a.example").seal(&message, &chain, &results("a.example", &chain), now()).unwrap();
            message = [set.fields().as_bytes(), &message].concat();
        }
        let chain = verify(&message);
        assert_eq!(
            (chain.result(), chain.oldest_pass()),
            (ArcResult::Pass, Some(changed_after + 1)),
            "{chain}"
        );
        let sparing = ChainVerifier::new(Policy::default().with_oldest_pass(false)).unwrap();
        let chain = sparing.verify_blocking(&message, now(), &resolver);
        assert_eq!((chain.result(), chain.oldest_pass()), (ArcResult::Pass, None));
    }
}

#[test]
fn s5_2_step_5_an_older_message_signature_may_be_anything() {
    for tags in ["i=1; nothing=else", "i=1; a=rsa-sha1; d=a.example; s=x; h=from; bh={bh}", "i=1; a=what"] {
        let first = Forge { message_signature: Some(tags.into()), ..Forge::new(1, "none") }.on(MESSAGE);
        let chain = verify(&Forge::new(2, "pass").on(&first));
        assert_eq!((chain.result(), chain.oldest_pass()), (ArcResult::Pass, Some(2)), "{chain}");
        assert_eq!(verify(&first).result(), ArcResult::Fail);
    }
    // But for i=, by which it belongs to a set.
    let first = Forge { message_signature: Some("i=1; i".into()), ..Forge::new(1, "none") }.on(MESSAGE);
    assert_cause!(verify(&Forge::new(2, "pass").on(&first)), Cause::Instance(ArcField::MessageSignature));
}

#[test]
fn s5_2_step_5_without_the_key_of_an_older_message_signature() {
    let message = passed_on(3);
    let deaf = |q: &Question| match q.name.as_str() {
        "x._domainkey.a2.example" => Err(LookupError::Timeout),
        _ => resolver(q),
    };
    // a2.example has also sealed, and a seal without a key is a failure.
    let chain = ChainVerifier::new(Default::default()).unwrap().verify_blocking(&message, now(), &deaf);
    assert_cause!(&chain, Cause::Seal(2, SignatureCause::Lookup(LookupError::Timeout)));
    let tags = "i=1; a=ed25519-sha256; c=relaxed/relaxed; d=a2.example; s=x; h=from; bh={bh}";
    let first = Forge { message_signature: Some(tags.into()), ..Forge::new(1, "none") }.on(MESSAGE);
    let message = pass_on(&first, "a3.example");
    let chain = ChainVerifier::new(Default::default()).unwrap().verify_blocking(&message, now(), &deaf);
    assert_eq!((chain.result(), chain.oldest_pass()), (ArcResult::Pass, Some(2)), "{chain}");
}

#[test]
fn s5_2_step_6_every_seal_has_to_verify() {
    let sealed = passed_on(3);
    for i in 1..=3 {
        let chain =
            verify(&replaced(&sealed, &format!("i={i}; a{i}.example;"), &format!("i={i}; evil.example;")));
        // Every seal from the changed set on covers it, and they are looked at from the newest to the oldest.
        assert_cause!(chain, Cause::Seal(3, SignatureCause::HeaderSignature { .. }));
    }
    // A set 1 that another message once had.
    let other = pass_on(b"From: bank@example.com\r\n\r\nPay.\r\n", "a1.example");
    let (header, _) = Header::parse(&other).unwrap();
    let fields: Vec<_> = header.fields().take(3).map(|field| field.raw()).collect();
    let spliced = [&fields.concat(), MESSAGE].concat();
    let chain = verify(&Forge::new(2, "pass").on(&spliced));
    assert_eq!((chain.result(), chain.oldest_pass()), (ArcResult::Pass, Some(2)), "{chain}");
    assert!(!chain.trusted_by(|sealer| sealer.as_str() == "a1.example"));
    assert!(chain.trusted_sets(|sealer| sealer.as_str() == "a1.example").is_empty());
}

#[test]
fn s5_2_1_all_failures_are_permanent() {
    let message = passed_on(2);
    for (error, name) in [(LookupError::Timeout, "DNS lookup timed out"), (LookupError::ServerFailure, "DNS")]
    {
        let deaf = |_: &Question| Err(error.clone());
        let chain = ChainVerifier::new(Default::default()).unwrap().verify_blocking(&message, now(), &deaf);
        assert_cause!(&chain, Cause::MessageSignature(2, SignatureCause::Lookup(_)));
        assert!(chain.cause().unwrap().is_temporary());
        assert!(chain.reason().contains(name), "{}", chain.reason());
    }
    let empty = |_: &Question| Ok(Answer::nxdomain());
    let chain = ChainVerifier::new(Default::default()).unwrap().verify_blocking(&message, now(), &empty);
    assert_cause!(&chain, Cause::MessageSignature(2, SignatureCause::NoKey));
    assert!(!chain.cause().unwrap().is_temporary());
    let bogus = |q: &Question| resolver(q).map(|answer| answer.with_dnssec(Dnssec::Bogus));
    let chain = ChainVerifier::new(Default::default()).unwrap().verify_blocking(&message, now(), &bogus);
    assert_cause!(chain, Cause::MessageSignature(2, SignatureCause::BogusKey));
}

#[test]
fn s7_2_entries_for_authentication_results() {
    let client = "192.0.2.1".parse().unwrap();
    assert_eq!(verify(MESSAGE).entry_from(client).to_string(), "arc=none smtp.remote-ip=192.0.2.1");
    let chain = verify(&passed_on(2));
    assert_eq!(chain.entry().to_string(), "arc=pass header.oldest-pass=0");
    assert_eq!(
        chain.entry_from(client).to_string(),
        "arc=pass header.oldest-pass=0 smtp.remote-ip=192.0.2.1"
    );
    let chain = verify(&replaced(&passed_on(1), "ARC-Seal: i=1", "X: i=1"));
    assert_eq!(chain.entry().to_string(), "arc=fail reason=\"no ARC-Seal in set 1\"");
    let chain = verify(&replaced(&passed_on(1), "d=a1.example;", "d=a..example;"));
    assert_eq!(
        chain.entry().to_string(),
        "arc=fail reason=\"ARC-Seal of set 1 is malformed: d= is not a domain name: domain name has an empty label\""
    );
    let six = chain.entry_from("2001:db8::1".parse().unwrap()).to_string();
    assert!(six.ends_with(" smtp.remote-ip=\"2001:db8::1\""), "{six}");
}

#[test]
fn s9_an_intact_chain_counts_for_nothing_unless_its_sealers_are_trusted() {
    let chain = verify(&passed_on(3));
    let trust = |names: &'static [&'static str]| {
        let trusted = chain.trusted_sets(|sealer| names.contains(&sealer.as_str()));
        let whole = chain.trusted_by(|sealer| names.contains(&sealer.as_str()));
        (trusted.iter().map(|set| set.instance()).collect::<Vec<_>>(), whole)
    };
    assert_eq!(trust(&["a1.example", "a2.example", "a3.example"]), (vec![1, 2, 3], true));
    assert_eq!(trust(&["a2.example", "a3.example"]), (vec![2, 3], false));
    assert_eq!(trust(&["a1.example", "a3.example"]), (vec![3], false));
    assert_eq!(trust(&["a1.example", "a2.example"]), (vec![], false));
    let first = chain.sets().first().unwrap().authentication_results().unwrap();
    assert_eq!(first.authserv_id(), Some("a1.example"));
    assert_eq!(first.entries().first().unwrap().comment(), Some("good (signature)"));
}

#[test]
fn rfc8301_s3_1_sha1_is_refused_whatever_dkim_accepts() {
    let policy = waxseal_dkim::Policy::default().with_rsa_sha1(true);
    let verifier =
        ChainVerifier::new(Default::default()).unwrap().with_signatures(Verifier::new(policy).unwrap());
    let sealed = passed_on(1);
    for (field, is_seal) in [(ArcField::Seal, true), (ArcField::MessageSignature, false)] {
        let text = String::from_utf8(sealed.clone()).unwrap();
        let (before, after) = text.split_once(&format!("{field}: ")).unwrap();
        let message = format!("{before}{field}: {}", after.replacen("ed25519-sha256", "rsa-sha1", 1));
        let message = match is_seal {
            true => message,
            // bh= has to have the length of SHA-1.
            false => {
                replaced(message.as_bytes(), &common::body_hash(b"Hi.\r\n"), "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
                    .into_iter()
                    .map(char::from)
                    .collect()
            }
        };
        let chain = verifier.verify_blocking(message.as_bytes(), now(), &resolver);
        match chain.cause() {
            Some(Cause::Seal(1, SignatureCause::RsaSha1)) if is_seal => {}
            Some(Cause::MessageSignature(1, SignatureCause::RsaSha1)) if !is_seal => {}
            other => panic!("{other:?}"),
        }
    }
    let sealer = Sealer::from_signer(Signer::remote("a.example", "x", Algorithm::RsaSha1).unwrap());
    let chain = verify(MESSAGE);
    let error = sealer.seal(MESSAGE, &chain, &results("a.example", &chain), now()).unwrap_err();
    assert!(matches!(error, SealError::Sign(SignError::RsaSha1)), "{error}");
}

#[test]
fn rfc8301_s3_2_small_keys_are_refused() {
    let small = common::new_rsa_key(1024);
    let record = waxseal_dkim::KeyRecord::new(small.public_key().clone()).to_string();
    let lookup =
        |q: &Question| waxseal_dns::Zone::new().with_txt(q.name.as_str(), &record).unwrap().lookup(q);
    let chain = verify(MESSAGE);
    let set = Sealer::new("a.example", "x", small)
        .unwrap()
        .seal(MESSAGE, &chain, &results("a.example", &chain), now())
        .unwrap();
    let message = [set.fields().as_bytes(), MESSAGE].concat();
    let verifier = ChainVerifier::new(Default::default()).unwrap();
    assert!(verifier.verify_blocking(&message, now(), &lookup).is_pass());
    let strict = verifier
        .with_signatures(Verifier::new(waxseal_dkim::Policy::default().with_min_rsa_bits(2048)).unwrap());
    assert_cause!(
        strict.verify_blocking(&message, now(), &lookup),
        Cause::MessageSignature(1, SignatureCause::KeyTooSmall(1024, 2048))
    );
}

#[test]
fn times_of_message_signatures() {
    let chain = verify(MESSAGE);
    let seal = |sealer: &Sealer, at| {
        let set = sealer.seal(MESSAGE, &chain, &results("a.example", &chain), at).unwrap();
        [set.fields().as_bytes(), MESSAGE].concat()
    };
    let day = Duration::from_secs(86_400);
    // A clock that is ahead ends no chain.
    assert!(verify(&seal(&sealer("a.example"), now() + 100 * day)).is_pass());
    let short = sealer("a.example").with_lifetime(day);
    assert!(verify(&seal(&short, now())).is_pass());
    assert_cause!(
        verify(&seal(&short, now() - 2 * day)),
        Cause::MessageSignature(1, SignatureCause::Expired(..))
    );
    let without = String::from_utf8(seal(&sealer("a.example").with_timestamp(false), now())).unwrap();
    assert!(!without.contains(" t="));
    assert!(verify(without.as_bytes()).is_pass());
}

#[test]
fn a_body_length_is_treated_as_in_dkim() {
    let tags = "i=1; a=ed25519-sha256; c=relaxed/relaxed; d=forge.example; s=x; h=from; l=5; bh={bh}";
    let message = Forge { message_signature: Some(tags.into()), ..Forge::new(1, "none") }.on(MESSAGE);
    assert!(verify(&message).is_pass());
    let longer = [&message[..], b"Buy!\r\n"].concat();
    assert_cause!(
        verify(&longer),
        Cause::MessageSignature(1, SignatureCause::BodyAdditions { signed: 5, added: 6 })
    );
    let refusing = waxseal_dkim::Policy::default().with_body_length(BodyLengthPolicy::Refuse);
    let refusing =
        ChainVerifier::new(Default::default()).unwrap().with_signatures(Verifier::new(refusing).unwrap());
    assert_cause!(
        refusing.verify_blocking(&message, now(), &resolver),
        Cause::MessageSignature(1, SignatureCause::BodyLength)
    );
}

#[test]
fn without_c_a_signature_may_be_simple_or_relaxed() {
    let relaxed = "i=1; a=ed25519-sha256; d=forge.example; s=x; h=from:to:subject; bh={bh}";
    let message = Forge { message_signature: Some(relaxed.into()), ..Forge::new(1, "none") }.on(MESSAGE);
    assert!(verify(&message).is_pass());
    // Simple/simple, of which the tag is then taken away: the forge makes the seal, which covers what it finds.
    let sealed =
        sealer("a.example").with_canonicalization(Canonicalization::Simple, Canonicalization::Simple);
    let chain = verify(MESSAGE);
    let set = sealed.seal(MESSAGE, &chain, &results("a.example", &chain), now()).unwrap();
    assert!(verify(&[set.fields().as_bytes(), MESSAGE].concat()).is_pass());
    assert_cause!(
        verify(&replaced(&message, "Subject: lunch", "Subject: dinner")),
        Cause::MessageSignature(1, SignatureCause::HeaderSignature { .. })
    );
}

#[test]
fn a_page_shows_each_set() {
    let chain = verify(&Forge::new(1, "none").on(MESSAGE));
    let page = chain.explain();
    let sealed = "\n  set 1: sealed by forge.example (";
    assert!(page.starts_with("arc=pass\n  1 set verified\n") && page.contains(sealed), "{page}");
    assert!(page.ends_with("  the message is as the first sealer sent it\n"), "{page}");
    let folded = " i=1; forge.example;\r\n\tspf=pass smtp.mailfrom=a.example;\r\n\tdkim=none";
    let chain = verify(&Forge { results: Some(folded.into()), ..Forge::new(1, "none") }.on(MESSAGE));
    let page = chain.explain();
    assert!(
        page.contains("; results: forge.example; spf=pass smtp.mailfrom=a.example; dkim=none\n"),
        "{page}"
    );
    let none = verify(MESSAGE);
    assert_eq!(
        (none.to_string(), none.explain()),
        ("arc=none (no ARC set)".into(), "arc=none\n  no ARC set\n".into())
    );
}

#[cfg(feature = "json")]
#[test]
fn a_chain_is_the_object_of_the_command() {
    let chain = verify(&Forge::new(1, "none").on(MESSAGE));
    let json: serde_json::Value = serde_json::from_str(&chain.to_json()).unwrap();
    let expected =
        serde_json::json!({"result": "pass", "reason": "1 set verified", "oldest_pass": 0, "sets": 1});
    assert_eq!(json, expected);
}
