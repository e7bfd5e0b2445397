//! `waxseal spf check`

use crate::lab::{Done, Lab, waxseal, words};
use serde_json::{Value, json};
use std::sync::OnceLock;

fn check(args: &str) -> Done {
    static ZONES: OnceLock<[String; 2]> = OnceLock::new();
    let [zone, slow] = ZONES.get_or_init(|| {
        let zone = "$ORIGIN example.org.\n\
                    @ TXT \"v=spf1 include:_spf.example.org ?exists:slow.example.org -all\"\n\
                    _spf TXT \"v=spf1 ip6:2001:db8::/32 ip4:192.0.2.1 -all\"\n";
        let slow = r#"{"slow.example.net": {"ERROR": "SERVFAIL"}}"#;
        [Lab::get().file("spf.zone", zone), Lab::get().file("spf.json", slow)]
    });
    waxseal(["spf", "check", "--zone", zone, "--zone", slow].into_iter().chain(words(args)))
}

#[test]
fn results_and_exit_codes() {
    for (args, code, word) in [
        (
            "--ip 192.0.2.1 --mail-from joe@example.org --helo mx.example.org",
            0,
            "pass: MAIL FROM example.org",
        ),
        ("--ip 192.0.2.2 --mail-from joe@example.org", 1, "fail: MAIL FROM example.org"),
        ("--ip 2001:db8::1 --helo example.org", 0, "pass: HELO example.org"),
        ("--ip 192.0.2.2 --mail-from joe@example.net", 1, "none: MAIL FROM example.net"),
        ("--ip 192.0.2.2 --mail-from joe@slow.example.net", 75, "temperror: MAIL FROM slow.example.net"),
    ] {
        let done = check(args);
        assert_eq!((done.code, &*done.err), (Some(code), ""), "{args}");
        assert!(done.out.starts_with(word), "{args}: {}", done.out);
    }
}

#[test]
fn the_reason_names_the_term() {
    let done = check("--ip 192.0.2.1 --mail-from joe@example.org --authserv-id mx.example.net");
    let reason = "matched include:_spf.example.org of example.org by ip4:192.0.2.1 of _spf.example.org";
    assert!(done.out.contains(reason), "{}", done.out);
    assert!(done.out.contains("1 of 10 terms with lookups"), "{}", done.out);
    let field = "Authentication-Results: mx.example.net;\n\tspf=pass smtp.mailfrom=joe@example.org\n";
    assert!(done.out.ends_with(field), "{}", done.out);
}

#[test]
fn the_trace_shows_every_term() {
    let done = check("--ip 192.0.2.2 --mail-from joe@example.org --trace");
    for text in ["ip4:192.0.2.1 - no match", "-all - match: fail", "_spf.example.org TXT = "] {
        assert!(done.out.contains(text), "{text}: {}", done.out);
    }
    let done = check("--ip 192.0.2.2 --mail-from joe@example.org --trace --json");
    let row: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((&row["result"], &row["mechanism"]), (&json!("fail"), &json!("-all")));
    assert_eq!(row["trace"]["domain"], "example.org");
    assert!(row.get("id").is_none());
}

#[test]
fn what_is_missing_is_named() {
    for (args, words) in [
        ("--mail-from a@example.org", "--ip"),
        ("--ip 192.0.2.1", "--helo"),
        ("--ip 192.0.2 --helo a", "--ip"),
        ("--jsonl --ip 192.0.2.1", "--jsonl"),
        ("--ip 192.0.2.1 --helo a file", "--jsonl"),
    ] {
        let done = check(args);
        assert_eq!(done.code, Some(2), "{args}");
        assert!(done.err.contains(words), "{args}: {}", done.err);
    }
}
