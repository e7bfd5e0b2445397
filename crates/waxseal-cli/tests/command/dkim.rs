//! `waxseal dkim lint`

use crate::lab::{Done, Lab, waxseal, words};
use serde_json::{Value, json};
use std::sync::OnceLock;

const KEY: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

fn lint(args: &str) -> Done {
    static ZONE: OnceLock<String> = OnceLock::new();
    let zone = ZONE.get_or_init(|| {
        let typo = KEY.replace("ed25519", "ed25591");
        let zone = json!({
            "good._domainkey.example.org": { "TXT": [KEY] },
            "typo._domainkey.example.org": { "TXT": [typo] },
            "gone._domainkey.example.org": { "TXT": ["v=DKIM1; p="] },
            "two._domainkey.example.org": { "TXT": [KEY, "v=DKIM1; h=sha1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="] },
            "slow._domainkey.example.org": { "ERROR": "TIMEOUT" },
        });
        Lab::get().file("keys.json", zone.to_string())
    });
    waxseal(["dkim", "lint", "--zone", zone].into_iter().chain(words(args)))
}

#[test]
fn records_are_linted_without_dns() {
    let good = waxseal(["dkim", "lint", KEY]);
    let expected = format!("{KEY}\nno problems found\n");
    assert_eq!((good.code, &*good.out, &*good.err), (Some(0), &*expected, ""));
    let typo = waxseal(["dkim", "lint", &KEY.replace("ed25519", "ed25591")]);
    assert_eq!(typo.code, Some(1));
    assert!(
        typo.out.contains(
            "
           ^^^^^^^ error: "
        ) && typo.out.ends_with(
            ": write ed25519
"
        ),
        "{}",
        typo.out
    );
    let pasted = waxseal(["dkim", "lint", &format!("\"{KEY}\"")]);
    assert_eq!(pasted.code, Some(1));
    assert!(pasted.out.contains("error: ") && pasted.out.contains("quot"), "{}", pasted.out);
    let row: Value = serde_json::from_str(&waxseal(["dkim", "lint", "--json", "v=DKIM1; p="]).out).unwrap();
    let finding = &row["findings"][0];
    assert_eq!((&finding["problem"], &finding["span"]), (&json!("revoked"), &json!([11, 11])));
    assert!(row.get("name").is_none());
}

#[test]
fn selectors_are_looked_up() {
    let good = lint("good example.org");
    let expected = format!("good._domainkey.example.org\n{KEY}\nno problems found\n");
    assert_eq!((good.code, &*good.out, &*good.err), (Some(0), &*expected, ""));
    // A name as DNS tools want it.
    assert_eq!(lint("good._domainkey.example.org.").out, good.out);
    assert_eq!(lint("good._domainkey.example.org example.org").out, good.out);
    for (args, code, text) in [
        ("typo example.org", 1, "           ^^^^^^^ error: "),
        ("gone example.org", 0, "note: the key is revoked: p= is empty"),
        ("none example.org", 1, "error: none._domainkey.example.org: no key record is published here"),
        ("two example.org", 1, "error: two._domainkey.example.org: 2 key records: leave one"),
        ("slow example.org", 75, "error: slow._domainkey.example.org: lookup failed: DNS lookup timed out"),
    ] {
        let done = lint(args);
        assert_eq!((done.code, &*done.err), (Some(code), ""), "{args}: {}", done.out);
        assert!(done.out.contains(text), "{args}: {}", done.out);
    }
    // What is wrong stands under the record that has it.
    let two = lint("two example.org");
    assert!(
        two.out.contains(
            "h=sha1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n           ^^^^ error: h="
        ),
        "{}",
        two.out
    );
    let row: Value = serde_json::from_str(&lint("typo example.org --json").out).unwrap();
    assert_eq!(row["name"], "typo._domainkey.example.org");
    assert_eq!(
        (&row["findings"][0]["problem"], &row["findings"][0]["suggestion"]),
        (&json!("key-type"), &json!("ed25519"))
    );
    assert_eq!(row["records"][0].as_str().unwrap(), KEY.replace("ed25519", "ed25591"));
}

#[test]
fn what_is_missing_is_named() {
    for (args, text) in [
        ("2026a", "add its domain, as in waxseal dkim lint 2026a example.org"),
        ("2026a example..org", "example..org: "),
        ("2026a..x example.org", "2026a..x: "),
        ("a._domainkey.example.org example.net", "leave out example.net"),
        ("v=DKIM1; p=", "leave out p=, or put the whole record in quotes"),
    ] {
        let done = lint(args);
        assert_eq!((done.code, &*done.out), (Some(2), ""), "{args}");
        assert!(done.err.contains(text), "{args}: {}", done.err);
    }
    assert!(waxseal(["dkim", "lint", ""]).err.contains("the argument is empty"));
}
