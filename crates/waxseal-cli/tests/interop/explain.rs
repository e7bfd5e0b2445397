//! What Postfix breaks, `waxseal-explain` names, and proves.

use crate::lab::Lab;
use crate::relay::{Author, Postfix};
use crate::wanted;
use std::time::SystemTime;
use waxseal_explain::{Explainer, Explanation, Kind, waxseal::Envelope};

const HEAD: &str = "From: Bob <bob@alpha.example>\r\nTo: alice@beta.example\r\nSubject: Dinner\r\n\
     Date: Thu, 01 Jan 2026 12:00:00 +0000\r\nMessage-ID: <1@alpha.example>\r\nMIME-Version: 1.0\r\n";

const TEXT: &str = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n";

/// What became of the signed message behind this Postfix.
fn relayed(author: &Author, postfix: &Postfix, message: &str) -> Explanation {
    let relayed = postfix.relay(&author.signed(message));
    let explainer = Explainer::new().unwrap();
    let why = explainer.explain_blocking(&Envelope::unknown(), &relayed, SystemTime::now(), &author.zone);
    assert!(
        !why.report().dkim().is_pass(),
        "Postfix has changed nothing: {}",
        String::from_utf8_lossy(&relayed)
    );
    why
}

fn assert_proved(why: &Explanation, kind: Kind, what: &str) {
    let found: Vec<_> = why.diagnoses().map(|diagnosis| (diagnosis.kind(), diagnosis.is_proved())).collect();
    assert_eq!(found, [(kind, true)], "{what}: {}", why.explain());
}

#[test]
fn what_postfix_did_is_proved() {
    if !wanted() {
        return;
    }
    let (lab, author) = (Lab::start(), Author::new());
    let postfix = Postfix::with_settings(&lab, "breaks-lines", "");
    for length in [999, 1_200, 2_500] {
        let words = "many words ".repeat(length / 11 + 1);
        let message = format!("{HEAD}{TEXT}\r\nHello,\r\n{}\r\nBob\r\n", &words[..length]);
        assert_proved(&relayed(&author, &postfix, &message), Kind::LongLine, &format!("a line of {length}"));
    }
    // As a next server that announces neither 8BITMIME nor what implies it would have it.
    let postfix =
        Postfix::with_settings(&lab, "converts", "smtp_discard_ehlo_keywords = 8bitmime, smtputf8\n");
    let japanese = "こんにちは。\r\n\r\n昼食は十二時からです。\r\nまた明日、駅の前で会いましょう。\r\n";
    let part = |text: &str| format!("--b\r\n{TEXT}\r\n{text}--b--\r\n");
    for (what, message) in [
        ("Umlauts", format!("{HEAD}{TEXT}\r\nGrüße aus Köln\r\n")),
        ("Japanese", format!("{HEAD}{TEXT}\r\n{japanese}")),
        ("a long line of Umlauts", format!("{HEAD}{TEXT}\r\n{}\r\n", "äöü = ".repeat(60))),
        (
            "a part",
            format!(
                "{HEAD}Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}",
                part(japanese)
            ),
        ),
    ] {
        assert_proved(&relayed(&author, &postfix, &message), Kind::QuotedPrintable, what);
    }
    println!("7 messages that Postfix broke were explained");
}
