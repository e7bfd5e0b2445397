//! Messages whose author is not clear, and those whose display name misleads.

use crate::lab::{feed, rows};
use serde_json::{Value, json};

/// The verdict on a message that passed for evil.example, under these options.
fn dmarc(from: &str, options: &[&str]) -> Value {
    let zone = json!({
        "_dmarc.evil.example": { "TXT": ["v=DMARC1; p=none"] },
        "_dmarc.bank.example": { "TXT": ["v=DMARC1; p=reject"] },
    });
    let line = json!({ "id": 1, "from": from, "dkim_pass": ["evil.example"], "zone": zone }).to_string();
    let done = feed([&["dmarc", "check", "--jsonl"], options].concat(), format!("{line}\n").as_bytes());
    assert_eq!((done.code, &*done.err), (Some(0), ""), "{done:?}");
    rows(&done.out).remove(0)["dmarc"].clone()
}

#[test]
fn the_strictest_of_those_who_are_shown_decides() {
    let from = "ceo @bank.example <u@evil.example>";
    for (options, disposition) in
        [(&[][..], "quarantine"), (&["--reject-on-reject", "--invalid-from", "none"], "reject")]
    {
        let dmarc = dmarc(from, options);
        assert_eq!(
            (&dmarc["result"], &dmarc["disposition"]),
            (&json!("permerror"), &json!(disposition)),
            "{dmarc}"
        );
        let bank = json!({ "domain": "bank.example", "policy": "reject", "evaluated_policy": "reject" });
        assert!(dmarc["shown"].as_array().unwrap().contains(&bank), "{dmarc}");
    }
}

#[test]
fn invalid_from_says_what_becomes_of_mail_that_nobody_is_shown_for() {
    for (options, disposition) in [
        (&[][..], "quarantine"),
        (&["--invalid-from", "none"], "none"),
        (&["--invalid-from", "quarantine"], "quarantine"),
        (&["--invalid-from", "reject"], "reject"),
    ] {
        let dmarc = dmarc("undisclosed:;", options);
        assert_eq!(
            (&dmarc["result"], &dmarc["disposition"]),
            (&json!("permerror"), &json!(disposition)),
            "{dmarc}"
        );
        assert!(dmarc.get("shown").is_none(), "{dmarc}");
    }
    let done = feed(["dmarc", "check", "--invalid-from", "defer", "x.example"], b"");
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("none, quarantine or reject"), "{}", done.err);
}

#[test]
fn a_misleading_name_is_told_and_on_request_refused() {
    let from = "\"ceo@bank.example via List\" <u@evil.example>";
    let told = dmarc(from, &[]);
    assert_eq!((&told["result"], &told["domains_in_names"]), (&json!("pass"), &json!(["bank.example"])));
    let refused = dmarc(from, &["--refuse-misleading-names"]);
    assert_eq!((&refused["result"], &refused["disposition"]), (&json!("permerror"), &json!("quarantine")));
    assert_eq!(refused["reason"], "no clear author: a display name shows an address of bank.example");
    let plain = dmarc("CEO <u@evil.example>", &["--refuse-misleading-names"]);
    assert_eq!((&plain["result"], plain.get("domains_in_names")), (&json!("pass"), None));
}
