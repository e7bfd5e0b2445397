//! `waxseal check --jsonl`

use crate::{
    lab::{Lab, batch, feed, rows, waxseal},
    post::{NOW, Post, letter},
};
use serde_json::{Value, json};

const JSONL: &str = "check --jsonl";

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// From its author, through two lists, and by nobody.
fn three_rows() -> [Value; 3] {
    let post = Post::get();
    let lines = [
        post.line("direct", "example.org", post.letter()),
        post.line("relayed", "second.example", post.twice_relayed()),
        post.line("nobody", "evil.example", letter("From: joe@nowhere.example\r\n")),
    ];
    let (code, rows) = batch(JSONL, &lines);
    assert_eq!(code, Some(0));
    rows.try_into().unwrap()
}

#[test]
fn every_key_is_there() {
    for row in &three_rows() {
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
}

#[test]
fn keys_have_what_was_found() {
    let (post, [direct, relayed, nobody]) = (Post::get(), three_rows());
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
    let one = feed(post.check("second.example", &["--json"]), post.twice_relayed().as_bytes());
    let one: Value = serde_json::from_str(&one.out).unwrap();
    assert_eq!((&one["id"], &one["dmarc"], &one["spf"]), (&json!("-"), &relayed["dmarc"], &relayed["spf"]));
}

#[test]
fn options_hold_for_lines_too() {
    let post = Post::get();
    let line = post.line(1, "second.example", post.twice_relayed());
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
