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
    let field = "Authentication-Results: mx.example.net;\n\tspf=pass smtp.mailfrom=example.org\n";
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
        ("--ip 192.0.2.1", "--mail-from <ADDRESS>|--helo <NAME>"),
        ("--ip 192.0.2 --helo a", "--ip"),
        ("--jsonl --ip 192.0.2.1", "--jsonl"),
        ("--ip 192.0.2.1 --helo a file", "--jsonl"),
    ] {
        let done = check(args);
        assert_eq!(done.code, Some(2), "{args}");
        assert!(done.err.contains(words), "{args}: {}", done.err);
    }
}

const PUBLISHER: &str = "$ORIGIN example.org.\n$TTL 300\n\
    @ TXT \"v=spf1 mx include:_spf.example.net exists:%{i}._ok.example.org ?all\"\n\
    @ MX 10 mail\n\
    mail A 192.0.2.128\n\
    _spf.example.net. TXT \"v=spf1 ip4:192.0.2.129 ip6:2001:db8::/32 ~all\"\n\
    good TXT \"v=spf1 ip4:192.0.2.0/24 -all\"\n\
    two TXT \"v=spf1 -all\"\n\
    two TXT \"v=spf1 +all\"\n";

/// `spf VERB` for a domain of [`PUBLISHER`].
fn publisher(args: &str) -> Done {
    static ZONES: OnceLock<[String; 2]> = OnceLock::new();
    let [zone, slow] = ZONES.get_or_init(|| {
        let slow = r#"{"slow.example.org": {"ERROR": "TIMEOUT"}}"#;
        [Lab::get().file("publisher.zone", PUBLISHER), Lab::get().file("publisher.json", slow)]
    });
    let zones = ["--zone", zone, "--zone", slow];
    waxseal(["spf"].into_iter().chain(words(args)).chain(zones))
}

#[test]
fn records_are_linted_without_dns() {
    let lint = |record: &str| waxseal(["spf", "lint", record]);
    let good = lint("v=spf1 ip4:192.0.2.0/24 -all");
    assert_eq!(
        (good.code, &*good.out, &*good.err),
        (Some(0), "v=spf1 ip4:192.0.2.0/24 -all\nno problems found\n", "")
    );
    let weak = lint("v=spf1 ip4:192.0.2.1/24 ?all");
    assert_eq!(weak.code, Some(1));
    assert!(
        weak.out.contains("write ip4:192.0.2.0/24")
            && weak.out.contains("\n                        ^^^^ warning: "),
        "{}",
        weak.out
    );
    let broken = lint("v=spf1 ip4:192.0.2.0/24 moo -all");
    assert_eq!(broken.code, Some(1));
    assert!(
        broken.out.contains("moo -all\n                        ^^^ error: every receiver returns permerror"),
        "{}",
        broken.out
    );
    let row: Value = serde_json::from_str(&waxseal(["spf", "lint", "--json", "v=spf1 moo"]).out).unwrap();
    assert_eq!(
        (&row["findings"][0]["problem"], &row["findings"][0]["offset"]),
        (&json!("syntax"), &json!(7))
    );
    let foreign = lint("v=spf1 exists:%{l}._ok.example.org -all");
    assert_eq!(foreign.code, Some(0), "notes are no reason to fail: {}", foreign.out);
    assert!(foreign.out.contains("\n       ^^^^^^^^^^^^^^^^^^^^^^^^^^^ note: "), "{}", foreign.out);
}

/// The publisher sees a record in DNS, and has to be told why nobody else does.
#[test]
fn texts_that_are_nearly_records_are_shown() {
    for (text, shown, advice) in [
        ("v=spf1; ip4:192.0.2.1; -all", "v=spf1; ip4:192.0.2.1; -all", "put a space behind v=spf1"),
        (" v=spf1 ip4:192.0.2.1 -all", " v=spf1 ip4:192.0.2.1 -all", "remove the blank in front"),
        ("\"v=spf1 ip4:192.0.2.1 -all\"", "\\\"v=spf1 ip4:192.0.2.1 -all\\\"", "remove the quotes"),
        ("v=spf1\tip4:192.0.2.1 -all", "v=spf1\\tip4:192.0.2.1 -all", "put a space, not a tab,"),
        ("v=spf 1 -all", "v=spf 1 -all", "begin it with v=spf1 and a space"),
        ("spf1 -all", "spf1 -all", "begin it with v=spf1 and a space"),
        ("v=spf10 -all", "v=spf10 -all", "begin it with v=spf1 and a space; there is no other version"),
    ] {
        let zone = Lab::get().file("nearly.json", json!({ "example.org": { "TXT": [text] } }).to_string());
        let done = waxseal(["spf", "lint", "--zone", &zone, "example.org"]);
        assert_eq!(done.code, Some(1), "{text}");
        let line = format!("warning: example.org: not an SPF record, receivers ignore it: {shown}: {advice}");
        assert!(done.out.contains(&line), "{text}: {}", done.out);
        assert!(
            done.out.contains("error: example.org: no SPF record is published\n"),
            "{text}: {}",
            done.out
        );
        let envelope = ["--ip", "192.0.2.1", "--mail-from", "joe@example.org"];
        let check = waxseal([&["spf", "check", "--zone", &*zone][..], &envelope].concat());
        assert_eq!(check.code, Some(1));
        let told = check.out.contains("no SPF record at example.org, but ") && check.out.contains(advice);
        assert!(told && check.out.starts_with("none: "), "{text}: {}", check.out);
    }
    let upper = waxseal(["spf", "lint", "V=SPF1 ip4:192.0.2.1 -ALL"]);
    assert_eq!(upper.code, Some(0), "{}", upper.out);
}

#[test]
fn equals_signs_of_mechanisms_are_errors() {
    for (record, write) in [
        ("v=spf1 ip4=192.0.2.1 -all", "write ip4:192.0.2.1"),
        ("v=spf1 include=_spf.example.net -all", "write include:_spf.example.net"),
        ("v=spf1 MX=mail.example.org -all", "write mx:mail.example.org"),
    ] {
        let done = waxseal(["spf", "lint", record]);
        assert_eq!(done.code, Some(1), "{record}");
        assert!(done.out.contains("^ error: ") && done.out.contains(write), "{record}: {}", done.out);
    }
}

#[test]
fn domains_are_linted_with_all_they_lead_to() {
    let done = publisher("lint example.org");
    assert_eq!(done.code, Some(1));
    for text in [
        "_spf.example.net\nv=spf1 ip4:192.0.2.129",
        "3 of 10 terms with lookups",
        "0 for IPv4 clients, 1 for IPv6",
        "\n                                                               ^^^^ warning: ",
    ] {
        assert!(done.out.contains(text), "{text}: {}", done.out);
    }
    assert_eq!(publisher("lint good.example.org").code, Some(0));
    assert_eq!(publisher("lint two.example.org").code, Some(1));
    assert_eq!(publisher("lint none.example.org").code, Some(1));
    let slow = publisher("lint slow.example.org");
    assert_eq!(slow.code, Some(75));
    assert!(slow.out.contains("slow.example.org TXT failed (DNS lookup timed out)"), "{}", slow.out);
    assert_eq!(publisher("lint example..org").code, Some(2));

    let row: Value = serde_json::from_str(&publisher("lint example.org --json").out).unwrap();
    assert_eq!((&row["domain"], &row["lookups"]), (&json!("example.org"), &json!(3)));
    assert_eq!((&row["void_lookups_ip4"], &row["void_lookups_ip6"]), (&json!(0), &json!(1)));
    assert_eq!(row["records"].as_array().unwrap().len(), 2);
    let finding = &row["findings"][0];
    assert_eq!((&finding["severity"], &finding["problem"]), (&json!("warning"), &json!("neutral-all")));
    assert_eq!((&finding["term"], &finding["offset"]), (&json!("?all"), &json!(63)));
}

#[test]
fn a_flat_record_gives_the_same_results() {
    let done = publisher("flatten example.org");
    assert_eq!(done.code, Some(0), "{done:?}");
    let record = "v=spf1 ip4:192.0.2.128/31 ip6:2001:db8::/32 exists:%{i}._ok.example.org ?all";
    assert_eq!(done.out, format!("example.org.\tIN\tTXT\t\"{record}\"\n"));
    assert!(done.err.contains("valid for 300 seconds (lowest TTL)"), "{}", done.err);
    let row: Value = serde_json::from_str(&publisher("flatten example.org --json").out).unwrap();
    let records = json!([{ "name": "example.org", "record": record }]);
    assert_eq!(row, json!({ "records": records, "lookups": 1, "ttl": 300 }));

    let none = publisher("flatten none.example.org");
    assert_eq!((none.code, &*none.out), (Some(1), ""));
    assert!(none.err.contains("no SPF record"), "{}", none.err);
    assert_eq!(publisher("flatten slow.example.org").code, Some(75));
}

#[test]
fn long_records_are_cut_into_several() {
    let networks: String = (0..60).map(|n| format!(" ip4:192.0.{n}.1")).collect();
    let zone = Lab::get().file(
        "long.json",
        json!({ "example.org": { "TXT": [format!("v=spf1{networks} -all")] } }).to_string(),
    );
    let done = waxseal(["spf", "flatten", "--zone", &zone, "--label", "_s", "example.org"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    // What was printed is a zone file; every address passes still.
    let flat = Lab::get().file("flat.zone", &done.out);
    assert!(done.out.lines().count() > 1 && done.out.contains("\n_s1.example.org.\t"), "{}", done.out);
    assert!(done.out.split('"').all(|string| string.len() <= 255), "{}", done.out);
    for (ip, code) in [("192.0.0.1", 0), ("192.0.59.1", 0), ("192.0.60.1", 1)] {
        let done = waxseal(["spf", "check", "--zone", &flat, "--ip", ip, "--mail-from", "a@example.org"]);
        assert_eq!(done.code, Some(code), "{ip}: {}", done.out);
    }
}
