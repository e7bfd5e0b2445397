//! `waxseal check`

use crate::{
    lab::{Lab, batch, command, feed, rows, waxseal},
    post::{NOW, Post, letter},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::UdpSocket,
    process::Stdio,
    time::Duration,
};

const JSONL: &str = "check --jsonl";

/// Through two lists.
fn twice_relayed(post: &Post) -> String {
    post.relayed(
        "second.example",
        "list.example",
        &post.relayed("list.example", "example.org", &post.letter()),
    )
}

#[test]
fn a_message_from_its_author() {
    let post = Post::get();
    let done = feed(post.check("example.org", &["--received-spf"]), post.letter().as_bytes());
    assert_eq!((done.code, &*done.err), (Some(0), ""), "{done:?}");
    let verdict = "(standard input)  deliver     spf pass · dkim pass example.org · dmarc pass\n\nclient ";
    assert!(done.out.starts_with(verdict), "{}", done.out);
    for text in [
        "\n\nAuthentication-Results: localhost;\n\tspf=pass",
        "\tdmarc=pass (p=reject dis=none) header.from=example.org",
        "\nReceived-SPF: pass ",
        "\nclient 192.0.2.1, HELO mx.example.org, MAIL FROM <joe@example.org>\niprev=pass policy.iprev=192.0.2.1 (mx.example.org)\n",
        "\n  _dmarc.example.org: v=DMARC1; p=reject\n",
        "\ndkim=pass header.d=example.org header.s=s (",
    ] {
        assert!(done.out.contains(text), "{text}: {}", done.out);
    }
}

#[test]
fn a_message_that_went_through_lists() {
    let post = Post::get();
    let relayed = twice_relayed(post);
    let check = |more: &[&str]| feed(post.check("second.example", more), relayed.as_bytes());
    let trusted = ["--trust-sealer", "list.example", "--trust-sealer", "second.example"];
    for (more, code, disposition) in [
        (&[][..], 1, "quarantine"),
        (&["--reject-on-reject"], 1, "reject    "),
        (&["--trust-sealer", "list.example"], 1, "quarantine"),
        (&trusted, 0, "deliver   "),
        (&[&trusted[..], &["--reject-on-reject"]].concat(), 0, "deliver   "),
    ] {
        let done = check(more);
        assert_eq!((done.code, &*done.err), (Some(code), ""), "{more:?} {done:?}");
        let verdict = format!(
            "(standard input)  {disposition}  spf pass · dkim fail example.org · arc pass · dmarc fail\n"
        );
        assert!(done.out.starts_with(&verdict), "{more:?} {}", done.out);
        assert!(
            done.out.contains("\narc=pass i=1 d=list.example i=2 d=second.example (2 sets verified)\n"),
            "{}",
            done.out
        );
        assert!(done.out.contains("\ndmarc=fail "), "{}", done.out);
    }
    assert!(
        check(&trusted).out.contains("a trusted forwarder saw DMARC pass (arc=pass i=1 d=list.example)\n")
    );
    // One letter changed after the last seal.
    let changed = relayed.replace("Hi.", "Ho.");
    let done = feed(post.check("second.example", &trusted), changed.as_bytes());
    assert_eq!(done.code, Some(1));
    assert!(
        done.out.contains("\narc=fail ") && done.out.starts_with("(standard input)  quarantine  "),
        "{}",
        done.out
    );
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn every_key_is_there() {
    let post = Post::get();
    let lines = [
        post.line("direct", "example.org", post.letter()),
        post.line("relayed", "second.example", twice_relayed(post)),
        post.line("nobody", "evil.example", letter("From: joe@nowhere.example\r\n")),
    ];
    let (code, rows) = batch(JSONL, &lines);
    assert_eq!(code, Some(0));
    for row in &rows {
        let expected = [
            "arc",
            "authentication_results",
            "disposition",
            "dkim",
            "dmarc",
            "id",
            "iprev",
            "spf",
            "spf_helo",
        ];
        assert_eq!(keys(row), expected, "{row}");
        let spf = ["domain", "identity", "lookups", "reason", "result", "void_lookups"];
        assert_eq!((keys(&row["spf"]), keys(&row["spf_helo"])), (spf.to_vec(), spf.to_vec()));
        assert_eq!(keys(&row["arc"]), ["oldest_pass", "reason", "result", "sets"]);
        assert_eq!(keys(&row["iprev"]), ["name", "reason", "result"]);
        assert!(row["spf"]["lookups"].is_u64() && row["spf"]["void_lookups"].is_u64());
        assert!(row["dmarc"]["spf_aligned"].is_boolean() && row["dmarc"]["dkim_aligned"].is_boolean());
        for signature in row["dkim"].as_array().unwrap() {
            assert_eq!(keys(signature), ["a", "d", "i", "reason", "result", "s"]);
        }
        for text in ["/dmarc/reason", "/dmarc/org_domain", "/spf/reason", "/arc/reason", "/iprev/result"] {
            assert!(row.pointer(text).unwrap().is_string(), "{text}: {row}");
        }
        let field = row["authentication_results"].as_str().unwrap();
        assert!(field.starts_with("localhost; spf=") && !field.contains(['\r', '\n', '\t']), "{field}");
    }
    let [direct, relayed, nobody] = &*rows else { panic!() };
    assert_eq!(
        direct["dmarc"],
        json!({ "result": "pass", "policy": "reject", "evaluated_policy": "reject", "disposition": "none",
                "org_domain": "example.org", "record_at": "example.org", "spf_aligned": true, "dkim_aligned": true,
                "reason": "dkim identifier example.org is aligned" })
    );
    assert_eq!(
        direct["spf"],
        json!({ "result": "pass", "identity": "mailfrom", "domain": "example.org",
                "reason": "matched ip4:192.0.2.1 of example.org", "lookups": 0, "void_lookups": 0 })
    );
    assert_eq!(direct["iprev"], json!({ "result": "pass", "name": "mx.example.org", "reason": null }));
    assert_eq!(
        direct["arc"],
        json!({ "result": "none", "reason": "no ARC set", "oldest_pass": null, "sets": 0 })
    );
    assert_eq!(
        relayed["arc"],
        json!({ "result": "pass", "reason": "2 sets verified", "oldest_pass": 2, "sets": 2 })
    );
    assert_eq!(
        (&relayed["dmarc"]["result"], &relayed["disposition"]),
        (&json!("fail"), &json!("quarantine"))
    );
    assert_eq!(relayed["dkim"][0]["result"], "fail");
    assert_eq!(nobody["dmarc"]["org_domain"], "nowhere.example");
    assert_eq!((&nobody["dmarc"]["result"], &nobody["dkim"]), (&json!("none"), &json!([])));
    // A single message gives the same row.
    let one = feed(post.check("second.example", &["--json"]), twice_relayed(post).as_bytes());
    let one: Value = serde_json::from_str(&one.out).unwrap();
    assert_eq!((&one["id"], &one["dmarc"], &one["spf"]), (&json!("-"), &relayed["dmarc"], &relayed["spf"]));
}

#[test]
fn options_hold_for_lines_too() {
    let post = Post::get();
    let line = post.line(1, "second.example", twice_relayed(post));
    let row = |options: &str| batch(&format!("{JSONL} {options}"), std::slice::from_ref(&line)).1.remove(0);
    assert_eq!(row("--reject-on-reject")["disposition"], "reject");
    assert!(
        row("--authserv-id mx.test")["authentication_results"].as_str().unwrap().starts_with("mx.test; ")
    );
    let trusting = row("--trust-sealer list.example --trust-sealer second.example");
    assert_eq!(trusting["trusted_forwarder"], "arc=pass i=1 d=list.example");
    assert_eq!(
        (&trusting["disposition"], &trusting["dmarc"]["disposition"]),
        (&json!("none"), &json!("quarantine"))
    );
    // The walk finds the record between the author and the Organizational Domain of the list, which has none.
    let mut old = post.line(2, "example.org", letter("From: joe@a.b.example.com\r\n"));
    old["zone"]["_dmarc.b.example.com"] = json!({ "TXT": ["v=DMARC1; p=none"] });
    let record_at = |options: &str| {
        batch(&format!("{JSONL} {options}"), std::slice::from_ref(&old)).1[0]["dmarc"]["record_at"].clone()
    };
    assert_eq!((record_at(""), record_at("--mode rfc7489")), (json!("b.example.com"), Value::Null));
}

#[test]
fn order_is_kept() {
    let post = Post::get();
    let letter = post.letter();
    let long = letter.clone() + &"x\r\n".repeat(50_000);
    let lines: Vec<Value> = (0..1000)
        .map(|id| match id % 50 {
            0 => post.line(id, "example.org", &long),
            n if n % 3 == 0 => post.line(id, "evil.example", letter.replace("Hi.", "Ho.")),
            _ => post.line(id, "example.org", &letter),
        })
        .collect();
    let (code, two) = batch("check --jsonl --jobs 2", &lines);
    assert_eq!(code, Some(0));
    for (id, row) in two.iter().enumerate() {
        assert_eq!(row["id"], id);
        let forged = id % 50 != 0 && id % 50 % 3 == 0;
        let expected = if forged { ("fail", "quarantine") } else { ("pass", "none") };
        assert_eq!((&row["dmarc"]["result"], &row["disposition"]), (&json!(expected.0), &json!(expected.1)));
        assert_eq!(row["dkim"][0]["result"] == "fail", forged || id % 50 == 0, "{row}");
    }
    assert_eq!(batch("check --jsonl --jobs 1", &lines).1, two);
}

#[test]
fn hostile_lines_are_answered_too() {
    let post = Post::get();
    let line = |change: &[(&str, Value)]| {
        let mut line = post.line(7, "example.org", letter("From: joe@example.org\r\n"));
        change.iter().for_each(|(key, value)| line[*key] = value.clone());
        line.to_string()
    };
    let hex = "\u{0}\r\n;()\"\\\u{e4}\u{202e}".to_owned() + &"x".repeat(10_000);
    let bad = [
        "not json".to_owned(),
        "[]".to_owned(),
        "7".to_owned(),
        json!({ "id": 4, "ip": "192.0.2.1" }).to_string(),
        line(&[("ip", json!("192.0.2"))]),
        line(&[("ip", json!(""))]),
        line(&[("ip", json!(7))]),
        line(&[("eml_b64", json!("!"))]),
        line(&[("zone", json!({ "a": 1 }))]),
        line(&[("zone", json!("a IN A 1.2.3"))]),
        line(&[("now", json!("today"))]),
        line(&[("now", json!(-1))]),
        line(&[("now", json!(1e300))]),
        "[".repeat(100_000),
        "{\"id\":".repeat(100_000),
    ];
    let odd = [
        line(&[("helo", json!(hex)), ("mail_from", json!(hex))]),
        line(&[("mail_from", json!("<>"))]),
        line(&[("mail_from", json!(format!("{hex}@{hex}@example.org")))]),
        line(&[("eml_b64", json!(""))]),
        line(&[("eml_b64", json!("AAAA"))]),
        line(&[("zone", json!({}))]),
        line(&[("ip", json!("::ffff:192.0.2.1"))]),
    ];
    let text = bad.iter().chain(&odd).map(|line| format!("{line}\n")).collect::<String>();
    let done = feed(["check", "--jsonl"], text.as_bytes());
    assert_eq!((done.code, &*done.err), (Some(2), ""));
    let rows = rows(&done.out);
    assert_eq!(rows.len(), bad.len() + odd.len());
    let (bad_rows, odd_rows) = rows.split_at(bad.len());
    for (number, row) in bad_rows.iter().enumerate() {
        assert_eq!(keys(row), ["error", "id", "line"], "{row}");
        assert_eq!(row["line"], number + 1);
    }
    assert_eq!(
        bad_rows[4]["error"],
        "ip: not an IP address: write it as 192.0.2.1 or 2001:db8::1, without a port or a prefix"
    );
    for row in odd_rows {
        let field = row["authentication_results"].as_str().unwrap();
        assert!(field.bytes().all(|octet| (b' '..=b'~').contains(&octet)) && field.len() < 25_000, "{row}");
        assert_eq!(row["id"], 7);
    }
}

#[test]
fn thousands_of_signatures_are_bounded() {
    let post = Post::get();
    let letter = letter("From: joe@example.org\r\n");
    let signature = |n: usize| {
        format!(
            "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s{n}; h=from; bh={}; b=AAAA\r\n",
            "A".repeat(43) + "="
        )
    };
    let many = |count: usize| (0..count).map(signature).collect::<String>() + &letter;
    let lines = [5000, 900].map(|count| post.line(count, "evil.example", many(count)));
    let (code, rows) = batch(JSONL, &lines);
    assert_eq!(code, Some(0));
    for row in &rows {
        assert!(row.to_string().len() < 400_000);
        assert!(row["authentication_results"].as_str().unwrap().len() < 8_000, "{row}");
        assert_eq!(row["disposition"], "quarantine");
    }
    // 5,000 fields are over the limit of a header; with fewer the first ten are tried.
    assert_eq!(
        (&rows[0]["dkim"][0]["result"], &rows[0]["dmarc"]["result"]),
        (&json!("permerror"), &json!("permerror"))
    );
    let results = rows[1]["dkim"].as_array().unwrap();
    assert_eq!(results.iter().filter(|row| row["result"] == "policy").count(), 890, "{}", rows[1]);
}

/// What a reader may take for joe@example.org, and what evil.example can sign and send: none of it passes.
#[test]
fn composition_kills() {
    let post = Post::get();
    let evil = "joe@evil.example";
    let from = [
        ("two From fields", format!("From: {evil}\r\nFrom: joe@example.org\r\n")),
        ("two From fields, the other way", format!("From: joe@example.org\r\nFrom: {evil}\r\n")),
        ("two addresses", format!("From: {evil}, joe@example.org\r\n")),
        ("two addresses, the other way", format!("From: joe@example.org, {evil}\r\n")),
        ("a group", format!("From: friends: {evil}, joe@example.org;\r\n")),
        ("an empty group", "From: joe@example.org:;\r\n".into()),
        ("an encoded word", "From: =?utf-8?q?joe=40example.org?=\r\n".into()),
        (
            "an encoded word with a comma",
            "From: =?utf-8?q?=22joe=40example.org=22=2C?= <joe@example.org>, <joe@evil.example>\r\n".into(),
        ),
        ("NUL", format!("From: joe@example.org\0, {evil}\r\n")),
        ("NUL in the domain", "From: joe@example.org\0.evil.example\r\n".into()),
        ("space before the colon", format!("From : joe@example.org\r\nFrom: {evil}\r\n")),
        ("a folded name", format!("From\r\n : joe@example.org\r\nFrom: {evil}\r\n")),
        ("a route", "From: <@evil.example:joe@example.org>\r\n".into()),
        ("a route, the other way", "From: <@example.org:joe@evil.example>\r\n".into()),
        ("comments", "From: joe@(x)example.org(@evil.example)\r\n".into()),
        ("an unclosed comment", format!("From: joe@example.org (<{evil}>\r\n")),
        ("an unclosed quote", format!("From: \"joe@example.org <{evil}>\r\n")),
        ("unicode dots", "From: joe@example\u{3002}org\r\n".into()),
        ("two at signs", "From: joe@example.org@evil.example\r\n".into()),
        ("two at signs, the other way", "From: joe@evil.example@example.org\r\n".into()),
        ("a quoted local part", "From: \"joe@evil.example,\"@example.org\r\n".into()),
        ("no domain", "From: joe\r\n".into()),
        ("no address", "From: \r\n".into()),
        ("no From field", String::new()),
        ("bare CR", format!("From: joe@example.org\rFrom: {evil}\r\n")),
        ("no colon", format!("From joe@example.org\r\nFrom: {evil}, joe@example.org\r\n")),
    ];
    // Signed by the attacker, unless no signer takes it.
    let lines = from.iter().map(|(name, from)| {
        let plain = letter(from);
        post.line(*name, "evil.example", post.try_signed("evil.example", &plain).unwrap_or(plain))
    });
    let (code, rows) = batch(JSONL, &lines.collect::<Vec<_>>());
    assert_eq!(code, Some(0));
    for row in rows {
        assert_eq!(row["spf"]["result"], "pass", "evil.example may send: {row}");
        assert!(matches!(row["dmarc"]["result"].as_str(), Some("permerror" | "fail")), "{row}");
        assert_eq!(row["disposition"], "quarantine", "{row}");
        assert!(!row["dmarc"]["reason"].as_str().unwrap().is_empty(), "{row}");
    }
}

#[test]
fn helo_never_stands_in_for_mail_from() {
    let post = Post::get();
    let mut line = post.line(1, "evil.example", letter("From: joe@example.org\r\n"));
    // HELO of the victim passes, MAIL FROM has no SPF.
    line["helo"] = json!("helo.example.org");
    line["zone"]["helo.example.org"] = json!({ "TXT": ["v=spf1 +all"] });
    line["mail_from"] = json!("joe@nospf.example");
    let (_, rows) = batch(JSONL, &[line.clone()]);
    assert_eq!((&rows[0]["spf_helo"]["result"], &rows[0]["spf"]["result"]), (&json!("pass"), &json!("none")));
    assert_eq!(
        (&rows[0]["dmarc"]["result"], &rows[0]["dmarc"]["spf_aligned"]),
        (&json!("fail"), &json!(false))
    );
    // The null reverse-path is the one case in which HELO is the identity (RFC 7208 §2.4).
    line["mail_from"] = json!("");
    let (_, rows) = batch(JSONL, &[line]);
    assert_eq!((&rows[0]["spf_helo"], &rows[0]["spf"]["domain"]), (&json!(null), &json!("helo.example.org")));
}

#[test]
fn two_signatures_are_never_merged() {
    let post = Post::get();
    let letter = letter("From: joe@example.org\r\n");
    let evil = post.signed("evil.example", &letter);
    let broken = "DKIM-Signature: v=1; a=ed25519-sha256; d=example.org; s=s; h=from; bh=AAAA; b=AAAA\r\n";
    let (own, rest) = evil.split_at(evil.find("From: ").unwrap());
    for message in [format!("{broken}{own}{rest}"), format!("{own}{broken}{rest}")] {
        let (_, rows) = batch(JSONL, &[post.line(1, "evil.example", message)]);
        let pass = rows[0]["dkim"].as_array().unwrap().iter().find(|row| row["result"] == "pass").unwrap();
        assert_eq!(pass["d"], "evil.example");
        assert_eq!(rows[0]["dkim"].as_array().unwrap().len(), 2);
        assert_eq!(
            (&rows[0]["dmarc"]["result"], &rows[0]["disposition"]),
            (&json!("fail"), &json!("quarantine"))
        );
    }
}

#[test]
fn evidence_is_judged_again_with_the_same_words() {
    let post = Post::get();
    let relayed = twice_relayed(post);
    let file = Lab::get().arg("evidence.json");
    let options =
        ["--authserv-id", "mx.test", "--trust-sealer", "list.example", "--trust-sealer", "second.example"];
    let save = ["--received-spf", "--save-evidence", &file];
    let first = feed(post.check("second.example", &[&options[..], &save].concat()), relayed.as_bytes());
    assert_eq!(first.code, Some(0), "{first:?}");
    let replay = waxseal([&["check", "--replay", &file][..], &options].concat());
    assert_eq!((replay.code, &*replay.err), (Some(0), ""));
    let received = first.out.lines().position(|line| line.starts_with("Received-SPF")).unwrap();
    let named = |out: &str| out.replacen("(standard input)", &file, 1);
    let without: String = first.out.lines().take(received).map(|line| line.to_owned() + "\n").collect();
    assert_eq!(replay.out, named(&without));
    let replay = waxseal([&["check", "--received-spf", "--replay", &file][..], &options].concat());
    assert_eq!((replay.code, replay.out), (Some(0), named(&first.out)));
    // Under other settings other words come out, without asking anybody.
    let stricter = waxseal(["check", "--replay", &file, "--reject-on-reject"]);
    assert_eq!(stricter.code, Some(1));
    assert!(stricter.out.starts_with(&format!("{file}  reject ")), "{}", stricter.out);
    // Without an envelope as well.
    fs::remove_file(&file).unwrap();
    let plain = feed(post.stored(&["--save-evidence", &file]), post.letter().as_bytes());
    assert_eq!(waxseal(["check", "--replay", &file]).out, named(&plain.out));
    let piped = feed(["check", "--replay", "-"], &fs::read(&file).unwrap());
    assert_eq!((piped.code, piped.out), (plain.code, plain.out));
    let unnamed = feed(post.stored(&["--save-evidence", "-"]), post.letter().as_bytes());
    assert_eq!(unnamed.code, Some(2));
    assert!(unnamed.err.contains("name a file"), "{}", unnamed.err);
    fs::write(&file, "{}").unwrap();
    let bad = waxseal(["check", "--replay", &file]);
    assert_eq!(bad.code, Some(2));
    assert!(bad.err.contains("evidence.json"), "{}", bad.err);
}

#[test]
fn without_an_envelope_nothing_is_guessed() {
    let post = Post::get();
    let done = feed(post.stored(&[]), post.letter().as_bytes());
    assert_eq!((done.code, &*done.err), (Some(0), ""));
    assert!(done.out.contains("\nno envelope: SPF and iprev were not checked\n"), "{}", done.out);
    assert!(!done.out.contains("spf=") && !done.out.contains("iprev="), "{}", done.out);
    let mut line = post.line(1, "example.org", post.letter());
    line["ip"] = Value::Null;
    let (_, rows) = batch(JSONL, &[line]);
    assert_eq!(
        rows[0]["spf"],
        json!({ "result": null, "identity": null, "domain": null, "reason": "no envelope", "lookups": 0,
                "void_lookups": 0 })
    );
    assert_eq!(rows[0]["iprev"], json!({ "result": null, "name": null, "reason": "no envelope" }));
    assert_eq!(rows[0]["dmarc"]["result"], "pass");
    // Unless told to, it does not believe trace fields.
    let traced = "Return-Path: <joe@example.org>\r\nReceived: from mx.example.org (mx.example.org [192.0.2.1])\r\n by mx.example.net; now\r\n".to_owned()
        + &post.letter();
    assert!(feed(post.stored(&[]), traced.as_bytes()).out.contains("\nno envelope: "));
    let done = feed(post.stored(&["--envelope-from-header", "--received-spf"]), traced.as_bytes());
    let client = "\nclient 192.0.2.1, HELO mx.example.org, MAIL FROM <joe@example.org>\n";
    assert!(done.out.contains(client) && done.out.contains("\nReceived-SPF: pass"), "{}", done.out);
    // Told to, it says why there is none.
    let (_, pathless) = traced.split_once("\r\n").unwrap();
    for (message, why) in [
        (pathless.to_owned(), "no Return-Path or X-Envelope-From"),
        (traced.replace("[192.0.2.1]", ""), "the topmost Received names no client"),
        (post.letter(), "no Received"),
        (
            "X: y\r\n".repeat(5000) + &traced,
            "the header cannot be read: header block has more than 1000 fields",
        ),
    ] {
        let check = |more: &[&str]| {
            feed(post.stored(&[&["--envelope-from-header"], more].concat()), message.as_bytes()).out
        };
        assert!(check(&[]).contains(&format!(" (no envelope: {why})\n")), "{why}: {}", check(&[]));
        let row: Value = serde_json::from_str(&check(&["--json"])).unwrap();
        let reason = format!("no envelope: {why}");
        assert_eq!((&row["spf"]["result"], &row["spf"]["reason"]), (&json!(null), &json!(reason)));
        assert_eq!((&row["iprev"]["result"], &row["iprev"]["reason"]), (&json!(null), &json!(reason)));
    }
}

#[test]
fn wrong_usage() {
    for args in [
        "check --ip 192.0.2.1",
        "check --ip 192.0.2.1 --helo x",
        "check --helo x",
        "check --ip localhost --helo x --mail-from y",
        "check --ip 192.0.2.1 --helo x --mail-from y --envelope-from-header",
        "check --received-spf",
        "check --jsonl --ip 192.0.2.1 --helo x --mail-from y",
        "check --jsonl --json",
        "check --jobs 0 --jsonl",
        "check --jobs 1025 --jsonl",
        "check --replay x message",
        "check --replay x --now 7",
        "check --replay x --timeout 7",
        "check --only fail message",
        "check --only fail --jsonl",
        "check --authres --json",
        "check --color=blue message",
        "check --mbox x --maildir y",
        "check --mbox x message",
        "check --quoting o message",
        "check --quoting o",
        "check --quoting o --maildir x",
        "check --jobs 2 message",
        "check --jobs 2 --replay x",
        "check --jobs 2",
        "verify --jobs 2 message",
        "authres parse --jobs 2 message",
        "dmarc check --jobs 2 example.org",
        "spf check --jobs 2 --ip 192.0.2.1 --helo x",
        "check --replay x --envelope-from-header",
        "check --jsonl --mbox x",
        "check --authserv-id=",
        "verify --authserv-id=",
        "spf check --ip 192.0.2.1 --helo x --authserv-id=",
        "dmarc check example.org --authserv-id=",
        "check --trust-sealer a..b",
        "check --zone x --dns 127.0.0.1",
        "check --mode rfc1",
        "check --mbox /nonexistent --zone /dev/null",
        "check --maildir /nonexistent --zone /dev/null",
        "check --zone /dev/null /nonexistent",
    ] {
        let done = feed(crate::lab::words(args), b"");
        assert_eq!((done.code, &*done.out), (Some(2), ""), "{args}");
        // Usage is checked before files are looked for.
        assert_eq!(done.err.contains("'--help'"), !args.contains("/nonexistent"), "{args}: {}", done.err);
    }
}

#[test]
fn who_speaks_has_a_name() {
    let post = Post::get();
    let check = |id: &str| feed(post.stored(&["--authserv-id", id]), post.letter().as_bytes());
    for id in ["", " ", "mx\r\nX: y", "mx\t", "mx\u{85}"] {
        let done = check(id);
        assert_eq!((done.code, &*done.out), (Some(2), ""), "{id:?}");
        assert!(done.err.contains("--authserv-id"), "{}", done.err);
    }
    for (id, shown) in [("m\u{fc}ller.example", "xn--mller-kva.example"), ("MX.example", "MX.example")] {
        let field = format!("\nAuthentication-Results: {shown};\n");
        assert!(check(id).out.contains(&field), "{id}");
    }
}

#[test]
fn dns_without_an_answer_is_temporary() {
    let slow = Lab::get().file("check-slow.json", r#"{"_dmarc.example.org": {"ERROR": "TIMEOUT"}}"#);
    let done = feed(["check", "--zone", &slow], letter("From: joe@example.org\r\n").as_bytes());
    assert_eq!(done.code, Some(75), "{done:?}");
    assert!(
        done.out.starts_with("(standard input)  try again later  ") && done.out.contains("dmarc=temperror"),
        "{}",
        done.out
    );
    let check = |more: &[&str]| {
        let args = ["check", "--zone", &slow].into_iter().chain(more.iter().copied());
        feed(args, letter("From: joe@example.org\r\n").as_bytes())
    };
    let row: Value = serde_json::from_str(&check(&["--json"]).out).unwrap();
    assert_eq!((&row["disposition"], &row["dmarc"]["disposition"]), (&json!("defer"), &json!("defer")));
    for (undeferrable, code, verdict) in [
        ("quarantine", 1, "quarantine"),
        ("reject", 1, "reject"),
        ("none", 75, "deliver"),
        ("defer", 75, "try again later"),
    ] {
        let done = check(&["--undeferrable", undeferrable]);
        assert_eq!((done.code, &*done.err), (Some(code), ""), "{done:?}");
        assert!(done.out.starts_with(&format!("(standard input)  {verdict} ")), "{}", done.out);
    }
}

#[test]
fn several_messages_end_with_the_worst() {
    let (post, lab) = (Post::get(), Lab::get());
    let good = lab.file("check-good.eml", post.letter().replace("\r\n", "\n"));
    let bad = lab.file("check-bad.eml", letter("From: joe@example.org\r\n"));
    let done = waxseal(post.stored(&[&good, &bad, &good]));
    assert_eq!((done.code, &*done.err), (Some(1), ""), "{done:?}");
    assert_eq!(
        (
            done.out.matches("check-good.eml  deliver ").count(),
            done.out.matches("check-bad.eml  quarantine ").count()
        ),
        (2, 1)
    );
    let done = waxseal(post.stored(&["/nonexistent", &good]));
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("/nonexistent") && done.out.contains("check-good.eml  deliver "), "{done:?}");
    // Signatures of LF files that fail may do so because of that.
    let broken = lab.file("check-broken.eml", post.letter().replace("\r\n", "\n").replace("Hi.", "Ho."));
    assert!(waxseal(post.stored(&[&broken])).err.contains("LF line ends"));
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_depend_on_the_size_of_the_message() {
    let post = Post::get();
    for (args, from) in [
        (post.check("example.org", &[]), ""),
        (post.stored(&["--mbox", "-"]), "From joe Thu Jan  1 00:00:00 1970\n"),
    ] {
        let mut child = command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all((from.to_owned() + &post.letter()).as_bytes()).unwrap();
        let block = "lorem ipsum\r\n".repeat(80_000);
        (0..64).for_each(|_| stdin.write_all(block.as_bytes()).unwrap());
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kib: u64 = peak.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        // Most of it is the program itself; the message has 64 MB.
        assert!(kib < 24 * 1024, "{kib} KiB");
        drop(stdin);
        let mut out = String::new();
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        child.wait().unwrap();
        assert!(out.contains("body hash does not match"), "{out}");
        assert!(out.contains("dkim fail"), "{out}");
    }
}

#[test]
fn dns_is_asked_while_the_body_is_read() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let address = server.local_addr().unwrap().to_string();
    let mut child =
        command(["check", "--dns", &address]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(letter("From: joe@example.org\r\n").as_bytes()).unwrap();
    let mut query = [0; 512];
    let (length, _) = server.recv_from(&mut query).unwrap();
    assert!(query[..length].windows(8).any(|octets| octets.eq_ignore_ascii_case(b"\x06_dmarc\x07")));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_time_of_a_line_counts() {
    let post = Post::get();
    let mut line = post.line(1, "example.org", post.letter());
    line["now"] = json!(NOW - 10_000_000);
    let (_, rows) = batch(JSONL, &[line]);
    assert_eq!(rows[0]["dkim"][0]["result"], "policy", "signed in the future: {}", rows[0]);
}

#[test]
fn a_time_that_makes_no_sense_is_not_taken_for_now() {
    let post = Post::get();
    let times = ["-5", "-0.5", "1e30", "1e300"];
    let line = |now: &&str| {
        let mut line = post.line(*now, "example.org", post.letter());
        line["now"] = serde_json::from_str(now).unwrap();
        line
    };
    for args in [JSONL, "verify --jsonl"] {
        let (code, rows) = batch(args, &times.iter().map(line).collect::<Vec<_>>());
        assert_eq!(code, Some(2), "{args}");
        for (now, row) in times.iter().zip(rows) {
            assert_eq!(row["id"], *now);
            assert!(row["error"].as_str().unwrap().starts_with("now: "), "{args}: {row}");
        }
    }
    let message = Lab::get().file("far.eml", post.letter());
    for args in
        ["check --now", "verify --now", "check --jsonl --now", "sign -d a.example -s s -k k --timestamp"]
    {
        for now in ["18446744073709551615", "-5", "1e3"] {
            let option = format!("{}={now}", args.rsplit(' ').next().unwrap());
            let done = waxseal(
                args.split(' ')
                    .filter(|arg| !matches!(*arg, "--now" | "--timestamp"))
                    .chain([&*option, &*message]),
            );
            assert_eq!((done.code, &*done.out), (Some(2), ""), "{args} {now}");
            assert!(done.err.contains(&option[..option.find('=').unwrap()]), "{args} {now}: {}", done.err);
        }
    }
}

/// A name that moves the cursor, and one that forges a line.
#[test]
#[cfg(unix)]
fn names_of_files_are_made_visible() {
    let (post, lab) = (Post::get(), Lab::get());
    let name = "odd\u{1b}[2J\nforged: pass\u{202e}.eml";
    let (file, missing) = (lab.file(name, post.letter()), lab.arg(&format!("no-{name}")));
    let mbox = lab.file(&format!("{name}.mbox"), format!("From x\n{}", post.letter().replace("\r\n", "\n")));
    let dir = lab.path(&format!("{name}.dir"));
    for folder in ["new", "cur"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    fs::write(dir.join("new").join(name), post.letter()).unwrap();
    let dir = dir.to_str().unwrap();
    let verify = |file: &str| waxseal(["verify", "--zone", "/dev/null", file]);
    for done in [
        waxseal(post.stored(&[&file, &file])),
        waxseal(post.stored(&[&missing])),
        waxseal(post.stored(&["--mbox", &mbox])),
        waxseal(post.stored(&["--mbox", &file])),
        waxseal(post.stored(&["--maildir", dir])),
        verify(&file),
        verify(&missing),
        waxseal(["authres", "parse", &file]),
        waxseal(["authres", "parse", &missing]),
        waxseal(["dmarc", "lint", &name.replace(": ", "")]),
    ] {
        let all = done.out.clone() + &done.err;
        assert!(all.contains("odd<U+001B>[2J<U+000A>forged"), "{done:?}");
        assert!(!all.contains(['\u{1b}', '\u{202e}']) && !all.contains("\nforged"), "{done:?}");
    }
    // JSON has the name as it is.
    let row: Value = serde_json::from_str(&waxseal(post.stored(&["--json", &file])).out).unwrap();
    assert_eq!(row["id"], file);
}

#[test]
fn colours_are_as_asked_for() {
    let post = Post::get();
    let check = |more: &[&str]| feed(post.stored(more), post.letter().as_bytes()).out;
    assert!(!check(&[]).contains('\u{1b}') && !check(&["--color", "never"]).contains('\u{1b}'));
    let always = check(&["--color=always"]);
    assert!(
        always.contains("\u{1b}[1m\u{1b}[32mdeliver\u{1b}[0m")
            && always.contains("pass\u{1b}[0m example.org"),
        "{always:?}"
    );
}

#[test]
fn the_field_alone_is_for_programs() {
    let post = Post::get();
    let done = feed(post.check("example.org", &["--authres", "--received-spf"]), post.letter().as_bytes());
    assert_eq!((done.code, &*done.err), (Some(0), ""), "{done:?}");
    assert!(done.out.starts_with("Authentication-Results: localhost;\n\tspf=pass"), "{}", done.out);
    let starts = done.out.lines().filter(|line| !line.starts_with('\t'));
    assert_eq!(
        starts.filter_map(|line| line.split(':').next()).collect::<Vec<_>>(),
        ["Authentication-Results", "Received-SPF"]
    );
}
