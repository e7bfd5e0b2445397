//! A second Subject above a good signature (RFC 6376 §8.15): most programs show that one, and nobody signed it.

mod common;

use common::*;
use waxseal_authres::DkimResult;
use waxseal_dkim::{Cause, Policy};

/// Signs each field once, so that a further one does not break the signature.
const TAGS: &str =
    "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=ed; h=from:to:subject:date; bh=BH; b=B";

/// RFC 5322 §3.6 and RFC 2045 §3: what may stand once.
const ONCE: [&str; 16] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-ID",
    "Content-Description",
];

fn with(name: &str, message: &[u8]) -> Vec<u8> {
    [format!("{name}: evil\r\n").as_bytes(), message].concat()
}

#[test]
fn a_further_field_of_which_one_is_allowed_is_told() {
    for name in ONCE {
        let message = with(name, &craft(TAGS, &with(name, MESSAGE)));
        for spelling in [name.to_owned(), name.to_uppercase(), format!("{name} ")] {
            let message = [spelling.as_bytes(), &message[name.len()..]].concat();
            let verdict = verdict(&message);
            assert!(verdict.is_pass(), "{name}: {verdict}");
            assert_eq!(verdict.unsigned_additions(), [name]);
            let told = format!("a further {name} is not signed");
            assert!(
                verdict.entry().to_string().contains(&format!("(256-bit key; {told})")),
                "{}",
                verdict.entry()
            );
            for line in [verdict.reason(), verdict.to_string()] {
                let policy = format!("{told} (Policy::with_unsigned_additions_refused refuses that)");
                assert!(line.trim_end_matches(')').ends_with(policy.trim_end_matches(')')), "{line}");
            }
            let strict = Policy::default().with_unsigned_additions_refused(true);
            let refused = only(verify_with(strict, &message, &zone()));
            assert!(
                matches!(refused.cause(), Some(Cause::UnsignedAddition(field)) if *field == name),
                "{refused}"
            );
            assert_eq!(refused.result(), DkimResult::Policy);
        }
    }
}

#[test]
fn several_further_fields_are_told_in_one_order() {
    let added = |names: &[&str]| {
        let message = names.iter().fold(craft(TAGS, MESSAGE), |message, name| with(name, &message));
        verdict(&message).unsigned_additions().to_vec()
    };
    assert_eq!(added(&["Date", "Subject", "From"]), ["From", "Subject", "Date"]);
    assert_eq!(added(&["From", "Subject", "Date", "Subject"]), ["From", "Subject", "Date"]);
}

#[test]
fn nothing_is_told_of_fields_that_may_stand_often_or_are_signed() {
    let signed = craft(TAGS, MESSAGE);
    for name in ["Received", "Comments", "Keywords", "X-Subject", "Resent-From", "List-Id", "DKIM-Signature"]
    {
        let top = verify(&with(name, &with(name, &signed))).into_iter().last();
        assert_eq!(
            top.map(|verdict| verdict.to_string()).as_deref(),
            Some("dkim=pass header.d=example.org header.s=ed (signature and body hash match)"),
            "{name}"
        );
    }
    let twice = craft(&TAGS.replace("subject", "subject:subject"), &with("Subject", MESSAGE));
    assert_eq!(
        verdict(&twice).to_string(),
        "dkim=pass header.d=example.org header.s=ed (signature and body hash match)"
    );
}

#[test]
fn what_does_not_pass_tells_of_no_addition() {
    let mut message = with("Subject", &craft(TAGS, MESSAGE));
    message.extend_from_slice(b"more\r\n");
    let verdict = verdict(&message);
    assert!(matches!(verdict.cause(), Some(Cause::BodyHash { .. })));
    assert!(!verdict.entry().to_string().contains("further"), "{}", verdict.entry());
}

/// §6.1.1: "if the signature does not sign header fields that the Verifier views to be essential". A field that the message
/// does not have cannot show a reader anything.
#[test]
fn required_fields_have_to_be_signed_where_they_stand() {
    let message = craft(TAGS, MESSAGE);
    let required = |name: &str| {
        let policy = Policy::default().with_required_fields([name]);
        only(verify_with(policy, &message, &zone()))
    };
    for name in ["Subject", "SUBJECT", "from"] {
        assert!(required(name).is_pass(), "{name}: signed");
    }
    for name in ["Cc", "Content-Type", "X"] {
        assert!(required(name).is_pass(), "{name}: the message has none");
    }
    for name in ["Message-ID", "message-id", "Received"] {
        let verdict = required(name);
        assert!(matches!(verdict.cause(), Some(Cause::FieldNotSigned(field)) if field == name), "{verdict}");
        assert_eq!(verdict.result(), DkimResult::Policy);
    }
}
