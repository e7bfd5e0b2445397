//! `waxseal dmarc`

use crate::lab::{Done, Lab, batch, feed, rows, suite, waxseal, words};
use serde_json::{Value, json};
use std::sync::OnceLock;

const ZONE: &str = "$ORIGIN example.org.\n\
    _dmarc TXT \"v=DMARC1; p=reject; sp=quarantine; np=reject; rua=mailto:d@example.org\"\n\
    news A 192.0.2.1\n\
    _dmarc.low TXT \"v=DMARC1; p=quarantine; t=y\"\n\
    _dmarc.two TXT \"v=DMARC1; p=none\"\n\
    _dmarc.two TXT \"v=DMARC1; p=reject\"\n\
    _dmarc.case TXT \"v=dmarc1; p=reject\"\n\
    _dmarc.case TXT \"v=spf1 -all\"\n\
    _dmarc.typo TXT \"v=DMARC1;  p=reject; adkim=\\195\\164; rua=mailto:d@typo.example.org\"\n\
    _dmarc.good.example. TXT \"v=DMARC1; p=reject; rua=mailto:d@good.example\"\n\
    _dmarc.out.example. TXT \"v=DMARC1; p=reject; rua=mailto:a@one.example,mailto:b@two.example; ruf=mailto:c@three.example,mailto:e@four.example\"\n\
    out.example._report._dmarc.one.example. TXT \"v=DMARC1\"\n\
    out.example._report._dmarc.three.example. TXT \"v=DMARC1; rua=mailto:a@five.example; ruf=mailto:new@three.example\"\n\
    out.example._report._dmarc.four.example. TXT \"v=DMARC1; ruf=mailto:victim@five.example\"\n";

/// `dmarc VERB` with DNS answers from [`ZONE`].
fn dmarc<'a>(args: &'a str, more: &[&'a str]) -> Done {
    static ZONES: OnceLock<[String; 2]> = OnceLock::new();
    let [zone, slow] = ZONES.get_or_init(|| {
        let slow = r#"{"_dmarc.slow.example": {"ERROR": "SERVFAIL"}}"#;
        [Lab::get().file("dmarc.zone", ZONE), Lab::get().file("dmarc.json", slow)]
    });
    let zones = ["--zone", zone, "--zone", slow];
    waxseal(["dmarc"].into_iter().chain(words(args)).chain(zones).chain(more.iter().copied()))
}

#[test]
fn results_and_exit_codes() {
    for (args, code, first) in [
        (
            "check news.example.org --dkim-pass example.org",
            0,
            "pass (dkim identifier example.org is aligned), disposition none",
        ),
        (
            "check news.example.org --spf-pass bounce.example.org",
            0,
            "pass (spf identifier bounce.example.org",
        ),
        (
            "check news.example.org --dkim-pass example.net",
            1,
            "fail (no authenticated identifier is aligned with news.example.org), disposition quarantine",
        ),
        ("check example.org", 1, "fail (no authenticated identifier), disposition quarantine"),
        ("check example.org --reject-on-reject", 1, "fail (no authenticated identifier), disposition reject"),
        ("check low.example.org", 1, "fail (no authenticated identifier), disposition none"),
        ("check nothing.example", 1, "none (no DMARC record for nothing.example), disposition none"),
        ("check a@b@c", 1, "permerror (no clear author: "),
        (
            "check slow.example",
            75,
            "temperror (lookup of _dmarc.slow.example TXT failed: DNS server failure), disposition defer",
        ),
        (
            "check slow.example --undeferrable quarantine",
            75,
            "temperror (lookup of _dmarc.slow.example TXT failed: DNS server failure), disposition quarantine",
        ),
    ] {
        let done = dmarc(args, &[]);
        assert_eq!((done.code, &*done.err), (Some(code), ""), "{args}");
        let disposition = verdict_of(&done.out);
        assert!(done.out.contains(&format!("\n\ndmarc={first}")), "{args}: {}", done.out);
        assert!(done.out.contains(&format!("), disposition {disposition}\n")), "{args}: {}", done.out);
    }
}

/// The disposition that the first line names.
fn verdict_of(out: &str) -> &'static str {
    let verdict = out.split("  ").next().unwrap();
    match verdict {
        "deliver" => "none",
        "quarantine" => "quarantine",
        "try again later" => "defer",
        "reject" => "reject",
        other => panic!("{other}: {out}"),
    }
}

#[test]
fn the_explanation_names_everything() {
    let done = dmarc(
        "check news.example.org --dkim-pass example.net --dkim-pass a(b --spf-pass bounce.example.org",
        &["--authserv-id", "mx.example.net"],
    );
    for text in [
        "_dmarc.news.example.org: NXDOMAIN",
        "_dmarc.example.org: v=DMARC1; p=reject; sp=quarantine; np=reject; rua=mailto:d@example.org",
        "Organizational Domain of news.example.org is example.org: the record with the fewest labels",
        "policy quarantine by sp= of example.org",
        "dkim=pass example.net: not aligned, ",
        "dkim=pass a(b: not aligned, no domain name: ",
        "spf=pass bounce.example.org: aligned, Organizational Domain example.org",
        "Authentication-Results: mx.example.net;\n\tdmarc=pass (p=quarantine dis=none) header.from=news.example.org",
    ] {
        assert!(done.out.contains(text), "{text}: {}", done.out);
    }
}

#[test]
fn the_author_may_be_a_whole_field() {
    let result = |from: &str| {
        let done = dmarc("check --json --dkim-pass example.org", &["--", from]);
        let row: Value = serde_json::from_str(&done.out).unwrap();
        (row["dmarc"]["result"].clone(), row["author"].clone())
    };
    for from in ["joe@news.example.org", "\"Joe, jr\" <joe@news.example.org>", "From: joe@news.example.org"] {
        assert_eq!(result(from), (json!("pass"), json!("news.example.org")), "{from}");
    }
    for from in ["", "Joe", "Joe Johnson", "From: joe@example.org\r\nFrom: eve@example.net"] {
        assert_ne!(result(from).0, json!("pass"), "{from}");
    }
    // The worst author decides, and all are told.
    let done =
        dmarc("check --json --dkim-pass example.org", &["joe@example.org, eve@good.example, d@example.net"]);
    let row: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((done.code, &row["author"]), (Some(1), &json!("good.example")));
    let results: Vec<_> =
        row["authors"].as_array().unwrap().iter().map(|author| author["result"].clone()).collect();
    assert_eq!(results, ["pass", "fail", "none"]);
    assert_eq!(row["authors"][0]["org_domain"], "example.org");
    assert!(row["authors"][0].get("disposition").is_none());
}

#[test]
fn what_is_missing_is_named() {
    for (args, text) in [
        ("check", "FROM"),
        ("check example.org --jsonl --dkim-pass example.org", "--jsonl"),
        ("check example.org --mode rfc822", "rfc9989"),
        ("check --json --jsonl", "--jsonl"),
        ("check --jsonl /nonexistent", "cannot read"),
        ("lint", "RECORD|DOMAIN"),
        ("lint example..org", "example..org"),
        ("lint BLANK", "the argument is empty"),
    ] {
        let (args, more) = args.strip_suffix(" BLANK").map_or((args, &[][..]), |args| (args, &[" "]));
        let done = dmarc(args, more);
        assert_eq!((done.code, &*done.out), (Some(2), ""), "{args}");
        assert!(done.err.contains(text), "{args}: {}", done.err);
    }
}

#[test]
fn a_file_is_not_taken_for_a_domain_silently() {
    let file = Lab::get().file("author.eml", "From: joe@good.example\n\nHi.\n");
    let done = dmarc("check", &[&file]);
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains("author.eml is taken for a domain"), "{}", done.err);
    assert_eq!(dmarc("check", &["good.example"]).err, "");
}

#[test]
fn help_tells_the_format() {
    let help = |verbs: &[&str]| {
        let done = waxseal(verbs.iter().chain(&["--help"]));
        assert_eq!(done.code, Some(0));
        done.out
    };
    let check = help(&["dmarc", "check"]);
    for text in ["dkim_pass", "spf_pass", "org_domain", "rfc7489", "Exit codes", "--reject-on-reject"] {
        assert!(check.contains(text), "{text}: {check}");
    }
    assert!(help(&["dmarc", "lint"]).contains("Exit codes") && help(&["dmarc"]).contains("lint"));
    assert!(help(&[]).contains("dmarc") && help(&[]).contains("authres"));
}

fn zone() -> Value {
    json!({ "_dmarc.example.org": { "TXT": ["v=DMARC1; p=reject; sp=quarantine; np=reject"] },
            "news.example.org": { "A": ["192.0.2.1"] } })
}

#[test]
fn lines() {
    let lines = [
        json!({ "id": 1, "from": "news.example.org", "dkim_pass": ["example.net"],
                "spf_pass": ["bounce.example.org"], "zone": zone(), "mode": "rfc9989" }),
        json!({ "id": "b", "from": "Joe <joe@example.org>", "zone": zone() }),
        json!({ "from": "joe@example.org", "dkim_pass": null, "spf_pass": ["a.example", "x..y", "example.org"],
                "zone": "_dmarc.example.org. TXT \"v=DMARC1; p=none; aspf=s\"" }),
    ];
    let (code, rows) = batch("dmarc check --jsonl", &lines);
    assert_eq!(code, Some(0));
    let record = "v=DMARC1; p=reject; sp=quarantine; np=reject";
    let walk = json!([{ "name": "_dmarc.bounce.example.org", "found": "nxdomain" },
                      { "name": "_dmarc.example.org", "found": "record", "record": record },
                      { "name": "_dmarc.org", "found": "nxdomain" }]);
    assert_eq!(
        rows[0],
        json!({
            "id": 1,
            "dmarc": { "result": "pass", "policy": "quarantine", "evaluated_policy": "quarantine",
                       "disposition": "none", "org_domain": "example.org", "record_at": "example.org",
                       "spf_aligned": true, "dkim_aligned": false,
                       "reason": "spf identifier bounce.example.org is aligned" },
            "author": "news.example.org",
            "path": [{ "name": "_dmarc.news.example.org", "found": "nxdomain" },
                     { "name": "_dmarc.example.org", "found": "record", "record": record },
                     { "name": "_dmarc.org", "found": "nxdomain" }],
            "record": record,
            "org_rule": "the record with the fewest labels",
            "policy_tag": "sp",
            "exists": true,
            "identifiers": [
                { "method": "dkim", "domain": "example.net", "aligned": false,
                  "reason": "not aligned, not even the last label is the same" },
                { "method": "spf", "domain": "bounce.example.org", "aligned": true,
                  "reason": "aligned, Organizational Domain example.org", "path": walk },
            ],
        })
    );
    let (id, dmarc) = (&rows[1]["id"], &rows[1]["dmarc"]);
    assert_eq!((id, &dmarc["result"], &dmarc["policy"]), (&json!("b"), &json!("fail"), &json!("reject")));
    assert_eq!((&dmarc["disposition"], &dmarc["org_domain"]), (&json!("quarantine"), &json!("example.org")));
    assert_eq!((&rows[2]["id"], &rows[2]["dmarc"]["spf_aligned"]), (&json!(null), &json!(true)));
    let aligned = |n: usize| rows[2]["identifiers"][n]["aligned"].clone();
    assert_eq!([aligned(0), aligned(1), aligned(2)], [json!(false), json!(false), json!(true)]);
    assert!(rows[2]["identifiers"][1]["reason"].as_str().unwrap().contains("no domain name"));
}

#[test]
fn options_hold_for_every_line() {
    let zone = json!({ "_dmarc.example.org": { "TXT": ["v=DMARC1; p=reject; np=none; t=y"] } });
    let line = |mode: Option<&str>| json!({ "from": "a@x.example.org", "zone": zone, "mode": mode });
    let lines = [line(None), line(Some("rfc9989")), line(Some("rfc7489"))];
    let judged = |args: &str| {
        let (code, rows) = batch(args, &lines);
        assert_eq!(code, Some(0));
        let shown = |row: &Value| {
            let word = |key: &str| row["dmarc"][key].as_str().unwrap_or("-").to_owned();
            format!("{} {} {}", word("policy"), word("disposition"), word("org_domain"))
        };
        rows.iter().map(shown).collect::<Vec<_>>()
    };
    // np and t are unknown to RFC 7489.
    let [new, old] = ["none none example.org", "reject quarantine example.org"];
    assert_eq!(judged("dmarc check --jsonl"), [new, new, old]);
    assert_eq!(judged("dmarc check --jsonl --mode rfc7489"), [old, new, old]);
    let strict = judged("dmarc check --jsonl --reject-on-reject");
    assert_eq!(strict, [new, new, "reject reject example.org"]);
}

/// RFC 9989 §4.10 knows no public suffixes but by `psd=`, RFC 7489 no others than those of its list.
#[test]
fn the_organizational_domain_is_always_told() {
    let cases = [
        ("a.b.example.co.uk", json!({}), "a.b.example.co.uk", "example.co.uk"),
        (
            "a.example.co.uk",
            json!({ "_dmarc.co.uk": { "TXT": ["v=DMARC1; p=none; psd=y"] } }),
            "example.co.uk",
            "example.co.uk",
        ),
        (
            "a.example.com",
            json!({ "_dmarc.a.example.com": { "TXT": ["v=DMARC1; p=reject"] },
                    "_dmarc.example.com": { "TXT": ["v=DMARC1; p=none"] } }),
            "example.com",
            "example.com",
        ),
        (
            "a.example.com",
            json!({ "_dmarc.a.example.com": { "TXT": ["v=DMARC1"] } }),
            "a.example.com",
            "example.com",
        ),
    ];
    for (from, zone, by_walk, by_list) in cases {
        for (mode, expected) in [("rfc9989", by_walk), ("rfc7489", by_list)] {
            let line = json!({ "from": from, "dkim_pass": [from], "zone": zone, "mode": mode });
            let (_, rows) = batch("dmarc check --jsonl", &[line]);
            assert_eq!(rows[0]["dmarc"]["org_domain"], expected, "{mode} {}", rows[0]);
        }
    }
}

#[test]
fn every_line_is_answered_in_order() {
    let line = |id: usize| {
        let dkim: Vec<_> = (0..id % 7).map(|n| format!("{n}.example.org")).collect();
        json!({ "id": id, "from": "example.org", "dkim_pass": dkim, "zone": zone() })
    };
    let lines: Vec<_> = (0..2000).map(line).collect();
    let (code, rows) = batch("dmarc check --jsonl", &lines);
    assert_eq!(code, Some(0));
    for (id, row) in rows.iter().enumerate() {
        let expected = if id % 7 == 0 { "fail" } else { "pass" };
        assert_eq!((&row["id"], &row["dmarc"]["result"]), (&json!(id), &json!(expected)), "{row}");
    }
}

#[test]
fn hostile_lines_are_answered_too() {
    let many: Vec<_> = (0..1001).map(|n| format!("{n}.example")).collect();
    let bad = [
        "{".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        r#"{"id": 4}"#.to_owned(),
        r#"{"id": 5, "from": 5}"#.to_owned(),
        r#"{"id": 6, "from": "a.example", "dkim_pass": "a.example", "zone": {}}"#.to_owned(),
        r#"{"id": 7, "from": "a.example", "zone": {}, "mode": "rfc822"}"#.to_owned(),
        r#"{"id": 8, "from": "a.example", "zone": {"a.example": 1}}"#.to_owned(),
        json!({ "id": 9, "from": "a.example", "spf_pass": many, "zone": {} }).to_string(),
        "{\"id\": 10, \"from\": \"\0\"}".to_owned(),
    ];
    let unclear = [
        "a@b.example\0".to_owned(),
        "a@b.example\r\nFrom: c@d.example".to_owned(),
        "x".repeat(1 << 20),
        format!("{}@{}.org", "x".repeat(1 << 20), "y".repeat(1 << 10)),
        "a@example.org, ".repeat(1 << 16),
        format!("From: {}", "a@b.example,\r\n ".repeat(80_000)),
        (0..5).map(|n| format!("a@{n}.example,")).collect(),
    ];
    let good = unclear.map(|from| json!({ "id": "u", "from": from, "zone": zone() }).to_string());
    let text = bad.iter().chain(&good).map(|line| format!("{line}\n")).collect::<String>();
    let done = feed(["dmarc", "check", "--jsonl"], text.as_bytes());
    assert_eq!((done.code, &*done.err), (Some(2), ""));
    let rows = rows(&done.out);
    assert_eq!(rows.len(), bad.len() + good.len());
    let (errors, verdicts) = rows.split_at(bad.len());
    for (number, row) in (1..).zip(errors) {
        assert_eq!(row["line"], json!(number), "{row}");
        assert!(row["error"].is_string() && row.get("dmarc").is_none(), "{row}");
    }
    assert_eq!((&errors[3]["id"], &errors[8]["id"]), (&json!(4), &json!(9)));
    for row in verdicts {
        let dmarc = &row["dmarc"];
        // Only where all who are shown ask for nothing it is let through; control bytes may hide another who asks for more.
        let may_hide = dmarc["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("control character") || reason.contains("more than 4"));
        let asks = dmarc.get("shown").is_none_or(|shown| shown.to_string().contains("\"reject\""));
        let lax = !may_hide && !asks;
        let disposition = if lax { "none" } else { "quarantine" };
        assert_eq!(
            (&dmarc["result"], &dmarc["disposition"]),
            (&json!("permerror"), &json!(disposition)),
            "{dmarc}"
        );
        assert_eq!((&row["author"], &row["path"]), (&json!(null), &json!([])), "{row}");
    }
}

#[test]
fn stalwart_suite() {
    let Some(suite) = suite("dmarc-cases/stalwart.json") else { return };
    let cases: Vec<&Value> =
        ["alignment", "discovery"].iter().flat_map(|table| suite[*table].as_array().unwrap()).collect();
    assert_eq!(cases.len(), 12);
    let passed = |case: &Value, domain: &str, result: &str| -> Vec<Value> {
        (case[result] == "pass").then(|| case[domain].clone()).into_iter().collect()
    };
    let line = |case: &&Value| {
        json!({ "from": case["from"], "dkim_pass": passed(case, "dkim_d", "dkim_result"),
                "spf_pass": passed(case, "mail_from_domain", "spf_result"), "zone": case["zone"] })
    };
    let (code, rows) = batch("dmarc check --jsonl", &cases.iter().map(line).collect::<Vec<_>>());
    assert_eq!(code, Some(0));
    for (case, row) in cases.iter().zip(&rows) {
        for (key, expected) in case["expect"].as_object().unwrap() {
            let agrees = match key.as_str() {
                "record" => row["record"] == *expected,
                "policy" => row["dmarc"]["policy"] == *expected,
                key => row["dmarc"][key] == json!(expected == "pass"),
            };
            assert!(agrees, "{key} of {case}: {row}");
        }
    }
}

/// Where waxseal differs, `crates/waxseal-dmarc/tests/expected_failures.txt` says why.
#[test]
fn opendmarc_suite() {
    let Some(suite) = suite("dmarc-cases/opendmarc.json") else { return };
    let alignment = suite["alignment"].as_array().unwrap();
    let line = |case: &Value| {
        let [a, b, mode] = ["a", "b", "mode"].map(|key| case[key].as_str().unwrap());
        let record = format!("v=DMARC1; p=reject; adkim={}", if mode == "strict" { "s" } else { "r" });
        let zone =
            json!({ format!("_dmarc.{}", a.trim_matches('.').replace("...", ".")): { "TXT": [record] } });
        json!({ "from": a, "dkim_pass": [b], "zone": zone, "mode": "rfc7489" })
    };
    let (code, rows) = batch("dmarc check --jsonl", &alignment.iter().map(line).collect::<Vec<_>>());
    assert_eq!(code, Some(0));
    for (number, (case, row)) in alignment.iter().zip(&rows).enumerate() {
        let differs = matches!(number, 4 | 5);
        assert_eq!(row["dmarc"]["dkim_aligned"] == case["aligned"], !differs, "{number} {case}: {row}");
    }
    let from_domain = suite["from_domain"].as_array().unwrap();
    let line = |case: &Value| json!({ "from": case["raw"], "zone": {} });
    let (code, rows) = batch("dmarc check --jsonl", &from_domain.iter().map(line).collect::<Vec<_>>());
    assert_eq!(code, Some(0));
    for (number, (case, row)) in from_domain.iter().zip(&rows).enumerate() {
        match number {
            11 => assert_eq!(row["dmarc"]["result"], "permerror", "{number} {case}: {row}"),
            6 | 7 => assert_eq!(row["authors"][0]["author"], case["domain"], "{number} {case}: {row}"),
            _ => assert_eq!(row["author"], case["domain"], "{number} {case}: {row}"),
        }
    }
    assert_eq!((alignment.len(), from_domain.len()), (10, 13));
}

#[test]
fn records_are_linted_without_dns() {
    let lint = |record: &str| waxseal(["dmarc", "lint", record]);
    let good = lint("v=DMARC1; p=reject; rua=mailto:d@example.org");
    assert_eq!(
        (good.code, &*good.out, &*good.err),
        (Some(0), "v=DMARC1; p=reject; rua=mailto:d@example.org\nno problems found\n", "")
    );
    let note = lint("v=DMARC1; p=none; rua=mailto:d@example.org");
    assert_eq!(note.code, Some(0), "notes are no reason to fail: {}", note.out);
    assert!(note.out.contains("^ note: "), "{}", note.out);
    let weak = lint("v=DMARC1; p=reject; rua=d@example.org");
    assert_eq!(weak.code, Some(1));
    let record = "v=DMARC1; p=reject; rua=d@example.org\n                        ^^^^^^^^^^^^^ ";
    let told = "warning: address is not a URI, mailto: is missing, and no reports are sent there";
    assert!(weak.out.starts_with(&format!("{record}{told}")), "{}", weak.out);
    let broken = lint("v=DMARC1 p=reject");
    assert_eq!(broken.code, Some(1));
    assert!(broken.out.contains("error: not a DMARC record"), "{}", broken.out);
    let done = waxseal(["dmarc", "lint", "--json", "v=DMARC1; p=reject; rua=d@example.org"]);
    let row: Value = serde_json::from_str(&done.out).unwrap();
    let finding = &row["findings"][0];
    assert_eq!((&finding["severity"], &finding["offset"]), (&json!("warning"), &json!(24)));
    assert!(row.get("domain").is_none());
}

#[test]
fn domains_are_linted_with_the_path_to_their_record() {
    let lint = |domain: &str| dmarc("lint", &[domain]);
    let good = lint("good.example");
    assert_eq!(good.code, Some(0), "{}", good.out);
    for text in [
        "_dmarc.good.example v=DMARC1; p=reject",
        "_dmarc.example NXDOMAIN",
        "policy for mail from good.example: reject, by p= of good.example",
        "rua=mailto:d@good.example: internal",
        "no problems found",
    ] {
        assert!(good.out.contains(text), "{text}: {}", good.out);
    }
    // A name as DNS tools want it.
    assert_eq!(lint("_dmarc.good.example").out, good.out);
    let walked = ["a.typo.nothing.example", "--mode", "rfc7489"];
    assert!(dmarc("lint", &walked).out.contains("publish one at _dmarc.nothing.example\n"));
    assert!(lint(walked[0]).out.contains("publish one at _dmarc.a.typo.nothing.example\n"));
    let inherited = lint("news.example.org");
    assert!(inherited.out.contains("quarantine, by sp= of example.org"), "{}", inherited.out);
    for (domain, code, text) in [
        ("two.example.org", 1, "error: _dmarc.two.example.org: 2 DMARC records"),
        (
            "case.example.org",
            1,
            "error: _dmarc.case.example.org: not a DMARC record, receivers ignore it: write",
        ),
        (
            "nothing.example",
            1,
            "error: nothing.example: no DMARC record applies: publish one at _dmarc.nothing",
        ),
        ("slow.example", 75, "error: _dmarc.slow.example: lookup failed: DNS server failure"),
    ] {
        let done = lint(domain);
        assert_eq!((done.code, &*done.err), (Some(code), ""), "{domain}: {}", done.out);
        assert!(done.out.contains(text), "{text}: {}", done.out);
    }
    assert_eq!(lint("case.example.org").out.matches("not a DMARC record").count(), 1);
    // Records are shown as they are published.
    let typo = lint("typo.example.org");
    let record = "v=DMARC1;  p=reject; adkim=\\195\\164; rua=mailto:d@typo.example.org\n";
    assert!(typo.out.starts_with(&format!("_dmarc.typo.example.org {record}")), "{}", typo.out);
    assert!(
        typo.out.contains("\n                                                   ^^^^^^^^ warning: value of adkim= is not valid"),
        "{}",
        typo.out
    );
    let row: Value = serde_json::from_str(&dmarc("lint --json", &["typo.example.org"]).out).unwrap();
    assert_eq!((&row["record"], &row["path"][0]["record"]), (&json!(record.trim()), &json!(record.trim())));
    assert!(row["path"][1]["record"].as_str().unwrap().starts_with("v=DMARC1; p=reject; sp="), "{row}");
    assert!(
        lint("case.example.org").out.starts_with(
            "_dmarc.case.example.org no DMARC record\n    v=dmarc1; p=reject\n_dmarc.example.org v=DMARC1"
        ),
        "{}",
        lint("case.example.org").out
    );
}

/// What a zone of its own says about a domain.
fn lint_by(zone: &str, domain: &str) -> Done {
    let file = format!("dmarc-lint-{domain}.zone");
    waxseal(["dmarc", "lint", domain, "--zone", &Lab::get().file(&file, zone)])
}

/// RFC 9989 §11.8: nobody tells the owner but us.
#[test]
fn a_domain_for_which_all_below_its_registry_can_pass_is_an_error() {
    let zone = "_dmarc.com. TXT \"v=DMARC1; p=none; rua=mailto:d@com\"\n\
                _dmarc.example.com. TXT \"v=DMARC1; p=reject; rua=mailto:d@example.com\"\n\
                _dmarc.example.co.uk. TXT \"v=DMARC1; p=reject; rua=mailto:d@example.co.uk\"\n\
                _dmarc.co.uk. TXT \"v=DMARC1; p=none; rua=mailto:d@co.uk\"\n\
                _dmarc.news.example.org. TXT \"v=DMARC1; p=reject; sp=reject; rua=mailto:d@example.org\"\n\
                _dmarc.example.org. TXT \"v=DMARC1; p=none; rua=mailto:d@example.org\"\n";
    for (domain, code, text) in [
        (
            "example.com",
            1,
            "error: _dmarc.example.com: the Organizational Domain is com, so any domain below com can pass",
        ),
        (
            "example.co.uk",
            1,
            "the Organizational Domain is co.uk, so any domain below co.uk can pass as example.co.uk: add psd=n",
        ),
        ("news.example.org", 0, "note: _dmarc.news.example.org: sp= and np= are ignored here"),
        ("news.example.org", 0, "so any domain below example.org can pass as news.example.org: add psd=n if"),
    ] {
        let done = lint_by(zone, domain);
        assert_eq!(done.code, Some(code), "{}", done.out);
        assert!(done.out.contains(text), "{text}: {}", done.out);
    }
}

#[test]
fn failure_reports_of_a_registry_are_asked_of_nobody() {
    let zone =
        "_dmarc.bank. TXT \"v=DMARC1; p=reject; psd=y; rua=mailto:a@bank; ruf=mailto:f@elsewhere.example\"\n";
    let done = lint_by(zone, "bank");
    assert_eq!(done.code, Some(1));
    assert!(done.out.contains("ruf=mailto:f@elsewhere.example: ignored\n"), "{}", done.out);
    assert!(
        done.out
            .contains("\n                                                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: does not count beside psd=y"),
        "{}",
        done.out
    );
    assert!(!done.out.contains("_report"), "{}", done.out);
}

/// A bad np= disarms p=reject: whoever asks why sees the text.
#[test]
fn a_record_that_a_bad_tag_disarms_is_shown_as_it_was_published() {
    let lab = Lab::get();
    let text = "v=DMARC1; p=reject; np=rejct";
    let zone = lab.file("dmarc-disarmed.zone", format!("_dmarc.example.org. TXT \"{text}\"\n"));
    let check = waxseal(["dmarc", "check", "example.org", "--zone", &zone]);
    assert_eq!(check.code, Some(1));
    let reason =
        "dmarc=none (no valid np= and no valid rua= in the record of example.org), disposition none\n";
    assert!(check.out.starts_with(&format!("deliver     dmarc none\n\n{reason}")), "{}", check.out);
    assert!(check.out.contains(&format!("  _dmarc.example.org: {text}\n")), "{}", check.out);
    let json = waxseal(["dmarc", "check", "--json", "example.org", "--zone", &zone]);
    let row: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&row["record"], &row["path"][0]["record"]), (&json!(text), &json!(text)));
    let lint = waxseal(["dmarc", "lint", "example.org", "--zone", &zone]);
    assert!(lint.out.starts_with(&format!("_dmarc.example.org {text}\n")), "{}", lint.out);
    let error = "error: value of np= is not valid, so receivers act as if p=none, and without \
                 a valid rua= ignore the record: use none, quarantine or reject: write reject\n";
    let under = " ".repeat("_dmarc.example.org v=DMARC1; p=reject; np=".len());
    assert!(lint.out.contains(&format!("\n{under}^^^^^ {error}")), "{}", lint.out);
    let message = "From: joe@example.org\r\n\r\nHi.\r\n";
    let whole = feed(["check", "--zone", &zone], message.as_bytes());
    assert!(whole.out.contains(&format!("  _dmarc.example.org: {text}\n")), "{}", whole.out);
}

#[test]
fn hosts_outside_are_asked_whether_they_take_reports() {
    let done = dmarc("lint --json", &["out.example"]);
    assert_eq!(done.code, Some(1));
    let row: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((&row["record_at"], &row["policy"]), (&json!("out.example"), &json!("reject")));
    let reports: Vec<_> = row["reports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| ["tag", "uri", "authorization"].map(|key| row[key].as_str().unwrap()))
        .collect();
    assert_eq!(
        reports,
        [
            ["rua", "mailto:a@one.example", "granted"],
            ["rua", "mailto:b@two.example", "refused"],
            ["ruf", "mailto:c@three.example", "redirected"],
            ["ruf", "mailto:e@four.example", "foreign-redirect"],
        ]
    );
    let texts: Vec<_> =
        row["findings"].as_array().unwrap().iter().map(|row| row["text"].as_str().unwrap()).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[0].contains("as TXT at out.example._report._dmarc.two.example"), "{texts:?}");
    assert!(texts[2].contains("sent to mailto:new@three.example"), "{texts:?}");
}
