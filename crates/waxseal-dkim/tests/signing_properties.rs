//! `sign` writes no signature that does not verify: odd messages, every option, sizes up to the limits.

mod common;

use common::*;
use proptest::{collection::vec, prelude::*, sample::Index};
use std::time::Duration;
use waxseal_dkim::{Canonicalization, SignError, Signer, Signing, sign_all};
use waxseal_header::{HeaderError, line_ends::to_crlf};

/// Words that look like tags, folds and encoded octets to whoever looks for them.
fn odd_value() -> impl Strategy<Value = String> {
    const PIECES: [&str; 16] = [
        "b=", " b=", "b=c;", ";b=3D", "|", ";", "=", "=3D", "\r\n b=", "\r\n\t", " ", "é", "x", "word", "\"",
        "h=from",
    ];
    vec(proptest::sample::select(&PIECES[..]), 0..60).prop_map(|pieces| {
        let text = pieces.concat();
        // A line of blanks alone is obsolete syntax, and ends the header for some.
        text.split("\r\n").filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\r\n")
    })
}

fn header() -> impl Strategy<Value = String> {
    const NAMES: [&str; 9] = ["Subject", "To", "X", "x", "b", "b=", "Date", "List-Id", "Content-Type "];
    let field = (proptest::sample::select(&NAMES[..]), odd_value());
    (vec(field, 0..12), any::<Index>()).prop_map(|(fields, at)| {
        let mut lines: Vec<_> =
            fields.into_iter().map(|(name, value)| format!("{name}: v{value}\r\n")).collect();
        lines.insert(at.index(lines.len() + 1), "From: Joe <joe@example.org>\r\n".into());
        lines.concat()
    })
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let body = vec(proptest::sample::select(&["\r\n", " ", "\t", ".", "word", "\0", "é"][..]), 0..40);
    (header(), proptest::option::of(body)).prop_map(|(header, body)| match body {
        Some(body) => [header.as_bytes(), b"\r\n", &to_crlf(body.concat().as_bytes())].concat(),
        None => header.into_bytes(),
    })
}

/// What may be asked of a signer: canonicalizations, lists, optional tags.
fn dressed() -> impl Strategy<Value = Signer> {
    let form = || prop_oneof![Just(Canonicalization::Simple), Just(Canonicalization::Relaxed)];
    let names = proptest::sample::select(&["To", "Subject", "X", "b", "b=", "nope", "Content-Type"][..]);
    let identity = proptest::option::of("[a-z=;| ]{0,20}@(lists\\.)?example\\.org");
    (form(), form(), any::<[bool; 7]>(), vec(names, 0..20), identity).prop_map(
        |(header, body, [rsa, length, copies, query, oversign, exact, expires], names, identity)| {
            let mut signer = if rsa { rsa_signer() } else { signer() }
                .with_canonicalization(header, body)
                .with_body_length(length)
                .with_copied_fields(copies)
                .with_query_method(query);
            if exact {
                signer = signer.with_field_list(names.iter().copied().chain(["From"]));
            } else if oversign {
                signer = signer.with_oversigned(names.iter().copied());
            } else if !names.is_empty() {
                signer = signer.with_fields(names);
            }
            if expires {
                signer = signer.with_lifetime(Duration::from_secs(86_400));
            }
            if let Some(identity) = identity { signer.with_identity(&identity) } else { signer }
        },
    )
}

proptest! {
    /// What is signed verifies, whoever else signs in the same pass; and no blank stands before what looks like `b=`, which
    /// dkimpy would take for the signature.
    #[test]
    fn what_is_signed_verifies(message in message(), signers in vec(dressed(), 1..4)) {
        let fields = sign_all(&signers, &message, at(NOW)).unwrap();
        let verdicts = verify(&[fields.as_bytes(), &message].concat());
        prop_assert_eq!(verdicts.as_slice().len(), signers.len());
        prop_assert!(verdicts.iter().all(|verdict| verdict.is_pass()), "{:?}\n{}", verdicts, fields);
        let marks = fields.match_indices("b=").filter(|(at, _)| fields[..*at].ends_with([' ', '\t', ';', '\n']));
        prop_assert_eq!(marks.count(), signers.len(), "{}", fields);
    }

    /// At whatever size of the header: verified, or refused by a name.
    #[test]
    fn near_the_limits_a_signature_verifies_or_is_refused(octets in 20_000usize..270_000, copies: bool) {
        let line = "x;x|x;x|".repeat(8);
        let subject = vec![line.as_str(); octets / (line.len() + 3)].join("\r\n ");
        let message = format!("From: joe@example.org\r\nSubject: {subject}\r\n\r\nHi.\r\n");
        match signer().with_copied_fields(copies).sign(message.as_bytes(), at(NOW)) {
            Ok(field) => prop_assert!(verdict((field + &message).as_bytes()).is_pass()),
            Err(SignError::CopiedFields(bytes)) => prop_assert!(copies && bytes > 65_536),
            Err(SignError::NoRoom(HeaderError::TooLong(_))) => prop_assert!(octets > 257_000),
            Err(SignError::Header(HeaderError::TooLong(_))) => prop_assert!(octets > 260_000),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}

/// The copies of a long field are refused by name; before, the signature was written and covered less than it said.
#[test]
fn copies_over_the_limit_are_refused() {
    let message = |lines: usize| {
        let subject = vec!["x;x|x;x|".repeat(8); lines].join("\r\n ");
        format!("From: joe@example.org\r\nSubject: {subject}\r\n\r\nHi.\r\n")
    };
    let signer = signer().with_copied_fields(true);
    let error = signer.sign(message(2_200).as_bytes(), at(NOW)).unwrap_err();
    assert!(matches!(error, SignError::CopiedFields(65_537..)), "{error}");
    let field = signer.sign(message(200).as_bytes(), at(NOW)).unwrap();
    assert!(verdict((field + &message(200)).as_bytes()).is_pass());
}

/// No field is longer than what was reckoned with before it was signed.
#[test]
fn a_field_has_the_room_that_was_reckoned() {
    for signer in [signer(), rsa_signer()] {
        let mut signing = Signing::new([&signer], at(NOW));
        signing.push(MESSAGE).unwrap();
        let unsigned = signing.finish().unwrap().remove(0);
        let reckoned = unsigned.max_bytes();
        let field = unsigned.sign().unwrap();
        assert!((field.len()..field.len() + 20).contains(&reckoned), "{reckoned} for {}", field.len());
    }
}

/// A header that a verifier reads without the signature, but not with it: in octets and in fields.
#[test]
fn a_header_without_room_for_the_signature_is_refused() {
    let long = format!("From: joe@example.org\r\nX: {}\r\n\r\n", "x".repeat(262_144 - 30));
    let error = signer().sign(long.as_bytes(), at(NOW)).unwrap_err();
    assert!(matches!(error, SignError::NoRoom(HeaderError::TooLong(_))), "{error}");
    let many = |fields: usize| format!("From: joe@example.org\r\n{}\r\n", "X: x\r\n".repeat(fields - 1));
    let both = [&signer(), &rsa_signer()];
    assert!(sign_all(both, many(998).as_bytes(), at(NOW)).is_ok());
    let error = sign_all(both, many(999).as_bytes(), at(NOW)).unwrap_err();
    assert!(matches!(error, SignError::NoRoom(HeaderError::TooManyFields(_))), "{error}");
}

/// Listed more often than the message has it, DKIM-Signature would be the new one, or that of another signer.
#[test]
fn a_signature_does_not_sign_itself() {
    let greedy = || signer().with_field_list(["From", "DKIM-Signature"]);
    assert!(matches!(greedy().sign(MESSAGE, at(NOW)).unwrap_err(), SignError::OwnField));
    let below = signed(&rsa_signer(), MESSAGE);
    let twice = signed(&greedy(), &below);
    assert!(verify(&twice).iter().all(|verdict| verdict.is_pass()));
    let oversigned = rsa_signer().with_fields(["DKIM-Signature"]).with_oversigned(["DKIM-Signature"]);
    assert!(matches!(oversigned.sign(&below, at(NOW)).unwrap_err(), SignError::OwnField));
}

/// A time of more than 12 digits makes a signature malformed.
#[test]
fn times_that_no_verifier_reads_are_refused() {
    for lifetime in [Duration::MAX, Duration::from_secs(999_999_999_999)] {
        let error = signer().with_lifetime(lifetime).sign(MESSAGE, at(NOW)).unwrap_err();
        assert!(matches!(error, SignError::Time("x")), "{error}");
    }
    let error = signer().sign(MESSAGE, at(1_000_000_000_000)).unwrap_err();
    assert!(matches!(error, SignError::Time("t")), "{error}");
    assert!(signer().with_timestamp(false).sign(MESSAGE, at(1_000_000_000_000)).is_ok());
    let long = signer().with_lifetime(Duration::from_secs(999_999_999_999 - NOW));
    assert!(verdict(&signed(&long, MESSAGE)).is_pass());
}
