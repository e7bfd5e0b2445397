//! Verdicts in JSON: the object that `waxseal check --json` prints.
#![cfg(feature = "json")]
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use serde_json::{Value, json};
use waxseal_dmarc::Identifiers;

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_verdict_is_the_object_of_the_command() {
    let dns = zone(&[("bank.example", "v=DMARC1; p=reject; t=y")]);
    let verdict = judge(author("news.bank.example").dkim("bank.example"), &dns);
    let expected = json!({
        "result": "pass", "policy": "reject", "evaluated_policy": "quarantine", "disposition": "none",
        "org_domain": "bank.example", "record_at": "bank.example", "spf_aligned": false, "dkim_aligned": true,
        "reason": "dkim identifier bank.example is aligned",
    });
    assert_eq!(read(&verdict.to_json()), expected);
    // One author is the same without what the message has.
    let mut author = expected;
    author.as_object_mut().unwrap().remove("disposition");
    assert_eq!(serde_json::to_value(&verdict.authors()[0]).unwrap(), author);
}

#[test]
fn whom_readers_show_stands_there_when_there_is_somebody() {
    let dns = zone(&[("bank.example", "v=DMARC1; p=reject")]);
    let unclear = judge(Identifiers::from_value(b"ceo @bank.example <u@evil.example>"), &dns);
    let object = read(&unclear.to_json());
    assert_eq!(
        object["shown"][0],
        json!({ "domain": "bank.example", "policy": "reject", "evaluated_policy": "reject" })
    );
    assert_eq!(
        (&object["policy"], &object["record_at"], &object["result"]),
        (&Value::Null, &Value::Null, &json!("permerror"))
    );
    assert!(object.get("domains_in_names").is_none());
    let named = judge(Identifiers::from_value(b"\"ceo@bank.example\" <u@evil.example>"), &dns);
    let object = read(&named.to_json());
    assert_eq!((&object["domains_in_names"], object.get("shown")), (&json!(["bank.example"]), None));
}
