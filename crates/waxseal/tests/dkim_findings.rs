//! What the report tells of signatures beside pass and fail: fields that nobody signed, text at the name of a key that is no
//! key record, and which signature an entry is about.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use waxseal::{arc, dkim::Signer, dns::Zone};

const MESSAGE: &[u8] = b"From: joe@bank.example\r\nSubject: lunch\r\n\r\nHi.\r\n";

/// The bank signs each field once.
fn open_signer() -> Signer {
    signer("bank.example").with_oversigned([""; 0])
}

fn bank_signed() -> Vec<u8> {
    [open_signer().sign(MESSAGE, now()).unwrap().as_bytes(), MESSAGE].concat()
}

#[test]
fn a_second_subject_is_told_wherever_the_verdict_is() {
    let message = [b"Subject: evil\r\n", &bank_signed()[..]].concat();
    let report = check(&evil(), &message, &dns());
    assert_eq!(dmarc(&report).0, "pass");
    let told = "dkim=pass header.d=bank.example header.s=s (signature and body hash match; a further Subject is \
                not signed (Policy::with_unsigned_additions_refused refuses that))";
    assert!(report.explain().lines().any(|line| line == told), "{}", report.explain());
    let results = report.authentication_results().to_string();
    assert!(
        results.contains("dkim=pass (256-bit key; a further Subject is not signed) header.d="),
        "{results}"
    );
    assert!(!check(&evil(), &bank_signed(), &dns()).explain().contains("further"));
}

#[test]
fn a_second_subject_above_a_sealed_message_is_told_too() {
    let sealer =
        arc::Sealer::new(name("lists.example"), "s", key("lists.example")).unwrap().with_oversigned([""; 0]);
    let zone = publish(dns(), "lists.example", EVIL_IP, "v=DMARC1; p=none");
    let authenticator = authenticator().with_arc(arc::Policy::default()).with_sealer(sealer);
    let set = check_by(&authenticator, &evil(), MESSAGE, &zone).seal().unwrap();
    let message = [b"Subject: evil\r\n", set.fields().as_bytes(), MESSAGE].concat();
    let report = check_by(&authenticator, &evil(), &message, &zone);
    assert!(report.arc().unwrap().is_pass());
    assert!(report.explain().contains("a further Subject is not signed"), "{}", report.explain());
    let results = report.authentication_results().to_string();
    assert!(results.contains("arc=pass (a further Subject is not signed)"), "{results}");
}

#[test]
fn text_beside_a_key_is_told_and_does_not_count() {
    let with = |zone: Zone, text: &str| zone.with_txt("s._domainkey.bank.example", text).unwrap();
    let report = check(&evil(), &bank_signed(), &with(dns(), "some-verification=1"));
    assert_eq!(dmarc(&report).0, "pass");
    let told = "dkim=pass header.d=bank.example header.s=s (signature and body hash match; other TXT records at \
                the name of the key were ignored (1): key record: the text is not a key record: it begins with \
                some-verification=1)";
    assert!(report.explain().lines().any(|line| line == told), "{}", report.explain());
    let report = check(&evil(), &bank_signed(), &with(dns(), "v=DKIM1; p="));
    assert!(
        report
            .explain()
            .contains("dkim=permerror header.d=bank.example header.s=s (2 key records instead of one)")
    );
}

/// RFC 6008 §4: an agent that sees unequal results "about the same signature" ignores them all.
#[test]
fn a_copied_signature_does_not_make_the_good_result_doubtful() {
    let message = String::from_utf8(bank_signed()).unwrap();
    let (field, rest) = message.split_at(message.find("From: joe").unwrap());
    let copy = field.replacen("h=From", "h=X-Forged:From", 1);
    assert_ne!(field, copy);
    // More than the field tells of, so that some are left out.
    for copies in [1, 30] {
        let copies = copy.repeat(copies);
        for message in [format!("{field}{copies}{rest}"), format!("{}{field}{rest}", copy.repeat(2))] {
            let report = check(&evil(), message.as_bytes(), &dns());
            let results = report.authentication_results();
            let with_b =
                results.entries().iter().map(ToString::to_string).filter(|e| e.contains("header.b="));
            assert!(with_b.clone().all(|entry| entry.starts_with("dkim=pass")), "{results}");
            assert_eq!(with_b.count(), 1, "{results}");
            assert!(results.to_string().contains("b= is that of another signature"), "{results}");
        }
    }
}
