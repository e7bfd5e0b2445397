//! `waxseal check --envelope-from-header` and `--now received`: messages that were stored.

use crate::{
    lab::{Lab, feed, rows, waxseal},
    post::{Post, letter},
};
use serde_json::{Value, json};
use std::fs;

const DATE: &str = "Tue, 14 Nov 2023 22:13:20 +0000";

/// A hop of example.org's client, and one below it that a stranger wrote.
fn traced(hops: &[&str], message: &str) -> String {
    let hops: String = hops.iter().map(|hop| format!("Received: {hop}; {DATE}\r\n")).collect();
    format!("Return-Path: <joe@example.org>\r\n{hops}{message}")
}

fn row(args: &[&str], message: &str) -> Value {
    let args = Post::get().stored(&[&["--envelope-from-header", "--json"], args].concat());
    serde_json::from_str(&feed(args, message.as_bytes()).out).unwrap()
}

const OUTSIDE: &str =
    "from mx.example.org (mx.example.org [192.0.2.1]) by mx.example.net (Postfix) with ESMTPS id 4X";

#[test]
fn the_own_mail_store_is_not_the_client() {
    let unsigned = letter("From: joe@example.org\r\n");
    let lmtp = "from mx.example.net ([172.22.1.253])\r\n\tby store.example.net with LMTP\r\n\tid 8E";
    let row = row(&[], &traced(&[lmtp, OUTSIDE], &unsigned));
    assert_eq!((&row["spf"]["result"], &row["dmarc"]["result"]), (&json!("pass"), &json!("pass")));
    let done =
        feed(Post::get().stored(&["--envelope-from-header"]), traced(&[lmtp, OUTSIDE], &unsigned).as_bytes());
    assert_eq!(done.code, Some(0));
    assert!(done.out.contains("\nclient 192.0.2.1, HELO mx.example.org, "), "{}", done.out);
}

#[test]
fn private_addresses_are_stepped_over_when_told() {
    let unsigned = letter("From: joe@example.org\r\n");
    let relayed = traced(&["from mx.example.net ([10.0.0.7]) by store with ESMTP", OUTSIDE], &unsigned);
    let none = row(&[], &relayed);
    let why =
        "no envelope: the client 10.0.0.7 has a private address (--relay private skips your own relays)";
    assert_eq!((&none["spf"]["result"], &none["spf"]["reason"]), (&Value::Null, &json!(why)));
    assert_eq!(none["disposition"], "quarantine");
    for relay in ["private", "10.0.0.0/8", "10.0.0.7"] {
        let args = ["--relay", "2001:db8::/32", "--relay", relay];
        assert_eq!(row(&args, &relayed)["spf"]["result"], "pass", "{relay}");
    }
    // What the relay handed on with a Received of its own making is not believed.
    let forged = traced(&["from pc ([10.0.0.7]) by mx.example.net with ESMTP", OUTSIDE], &unsigned);
    let forged = row(&["--relay", "private"], &forged);
    let why = "no envelope: the Received below the hop from pc is by mx.example.net";
    assert_eq!((&forged["spf"]["reason"], &forged["dmarc"]["result"]), (&json!(why), &json!("fail")));
}

#[test]
fn clients_that_authenticated_themselves_have_no_spf() {
    let hop = "from pc (dsl.example [203.0.113.6]) by mx.example.org with ESMTPSA id 1";
    let message = traced(&[hop], &Post::get().letter());
    let row = row(&[], &message);
    let why = "no envelope: the client authenticated itself (with ESMTPSA), so SPF does not apply to it";
    assert_eq!((&row["spf"]["result"], &row["spf"]["reason"]), (&Value::Null, &json!(why)));
    assert_eq!(row["dmarc"]["result"], "pass");
    let done = feed(Post::get().stored(&["--envelope-from-header"]), message.as_bytes());
    assert!(
        done.out.contains(" (no envelope: the client authenticated itself (with ESMTPSA)"),
        "{}",
        done.out
    );
}

#[test]
fn what_the_client_said_is_not_believed() {
    let unsigned = letter("From: joe@example.org\r\n");
    let helo = "from mx.example.org (mx.example.org [192.0.2.1]) (unknown [203.0.113.6]) by mx with ESMTP";
    let row = row(&[], &traced(&[helo], &unsigned));
    assert_eq!((&row["spf"]["result"], &row["disposition"]), (&json!("fail"), &json!("quarantine")));
    let args = Post::get().stored(&["--envelope-from-header"]);
    let odd = traced(&["from x\u{202e} by mx with LMTP", "by \u{9b}31m"], &unsigned);
    let done = feed(args, odd.as_bytes());
    assert!(done.out.contains(" (no envelope: the Received below the hop from x"), "{}", done.out);
    assert!(!done.out.contains(['\u{202e}', '\u{9b}']), "{}", done.out);
}

/// A message of 2023 with a signature that was good for a day.
fn expired() -> String {
    let lab = Lab::get();
    let sign = lab.sign("ed", &["--timestamp", "1700000000", "--expire", "86400"]);
    let signed = feed(sign, letter("From: joe@example.org\r\n").as_bytes()).out;
    traced(&[OUTSIDE], &signed)
}

fn check(more: &[&str]) -> Vec<String> {
    let zone = Lab::get().arg("zone");
    ["check", "--zone", &zone].iter().chain(more).map(|arg| (*arg).to_owned()).collect()
}

fn mbox(messages: &[&str]) -> String {
    messages
        .iter()
        .map(|message| format!("From x Tue Nov 14 22:13:25 2023\n{}\n", message.replace('\r', "")))
        .collect()
}

#[test]
fn archives_are_judged_by_their_own_clock() {
    let dateless = expired().replace(DATE, "yesterday");
    let file = mbox(&[&expired(), &dateless]);
    let dkim = |args: &[&str]| {
        let done = feed(check(args), file.as_bytes());
        assert_eq!(done.code, Some(0), "{done:?}");
        rows(&done.out).remove(0)["dkim"][0]["result"].clone()
    };
    assert_eq!(dkim(&["--mbox", "-", "--json", "--envelope-from-header"]), "pass");
    assert_eq!(dkim(&["--mbox", "-", "--json", "--now", "received"]), "pass");
    assert_eq!(dkim(&["--mbox", "-", "--json", "--now", "1700000100"]), "pass");
    assert_eq!(dkim(&["--mbox", "-", "--json"]), "fail");
    let advice =
        "note: signatures had expired by now: --now received judges each message as of its arrival\n";
    assert_eq!(feed(check(&["--mbox", "-"]), file.as_bytes()).err, advice);
    assert_eq!(feed(check(&["--mbox", "-", "--now", "received"]), file.as_bytes()).err, "");
    assert_eq!(dkim(&["--mbox", "-", "--json", "--envelope-from-header", "--now", "clock"]), "fail");
    // A date that cannot be read is told, and the time is now.
    let rows = rows(&feed(check(&["--mbox", "-", "--json", "--envelope-from-header"]), file.as_bytes()).out);
    assert_eq!(rows[0]["received"], json!({ "time": 1_700_000_000 }));
    assert_eq!((&rows[1]["received"]["time"], &rows[1]["dkim"][0]["result"]), (&Value::Null, &json!("fail")));
    let why = rows[1]["received"]["reason"].as_str().unwrap();
    assert!(
        why.starts_with("Received has no readable date: a comma after the day of the week is missing"),
        "{why}"
    );
    let text = feed(check(&["--mbox", "-", "--envelope-from-header"]), file.as_bytes()).out;
    assert!(text.lines().nth(1).unwrap().contains("(as of now: Received has no readable date: "), "{text}");
}

#[test]
fn a_maildir_and_a_single_message_have_the_same_clock() {
    let dir = Lab::get().path("Archive");
    fs::create_dir_all(dir.join("new")).unwrap();
    fs::create_dir_all(dir.join("cur")).unwrap();
    fs::write(dir.join("cur/1"), expired()).unwrap();
    let maildir = waxseal(check(&["--maildir", dir.to_str().unwrap(), "--json", "--envelope-from-header"]));
    assert_eq!(rows(&maildir.out)[0]["dkim"][0]["result"], "pass");
    let single = |args: &[&str]| feed(check(args), expired().as_bytes());
    assert!(single(&["--now", "received"]).out.contains("\ndkim=pass "));
    // One message alone is as of now, unless told.
    assert!(single(&["--envelope-from-header"]).out.contains("\ndkim=fail "));
    let dateless = feed(check(&["--now", "received"]), expired().replace(DATE, "").as_bytes());
    let why =
        " (as of now: Received has no readable date: the day of the month is missing at offset 1 of the date";
    assert!(dateless.out.contains(why), "{}", dateless.out);
    let line = json!({ "eml_b64": base64_of(&expired()) });
    let done = feed(check(&["--jsonl", "--now", "received"]), line.to_string().as_bytes());
    assert_eq!(rows(&done.out)[0]["dkim"][0]["result"], "pass");
}

fn base64_of(message: &str) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(message)
}

#[test]
fn wrong_usage_names_what_is_wanted() {
    for (args, text) in [
        (&["--now", "yesterday"][..], "give seconds, or one of: received, clock"),
        (&["--relay", "private"], "--envelope-from-header"),
        (
            &["--envelope-from-header", "--relay", "mx"],
            "\"mx\" is not an address, a network such as 192.0.2.0/24",
        ),
        (&["--envelope-from-header", "--relay", "10.0.0.0/40"], "not a number from 0 to 32"),
        (
            &["--ip", "192.0.2.1:25", "--helo", "x", "--mail-from", "y"],
            "write it as 192.0.2.1 or 2001:db8::1",
        ),
    ] {
        let done = feed(check(args), b"");
        assert_eq!(done.code, Some(2), "{args:?}");
        assert!(done.err.contains(text), "{args:?}: {}", done.err);
    }
}

#[test]
fn addresses_are_read_as_smtp_writes_them() {
    for ip in
        ["192.0.2.1", "[192.0.2.1]", "::ffff:192.0.2.1", "IPv6:::ffff:192.0.2.1", "[ipv6:::ffff:192.0.2.1]"]
    {
        let args = ["--ip", ip, "--helo", "mx.example.org", "--mail-from", "joe@example.org"];
        let done = feed(Post::get().stored(&args), letter("From: joe@example.org\r\n").as_bytes());
        assert!(done.out.contains("\nclient 192.0.2.1, "), "{ip}: {}", done.out);
        let mut line = Post::get().line(1, "example.org", Post::get().letter());
        line["ip"] = json!(ip);
        let done = feed(["check", "--jsonl"], line.to_string().as_bytes());
        assert_eq!(rows(&done.out)[0]["spf"]["result"], "pass", "{ip}");
    }
    let zone = Lab::get().file("literal", "$ORIGIN example.org.\n@ TXT \"v=spf1 ip6:2001:db8::1 -all\"\n");
    let spf = [
        "spf",
        "check",
        "--zone",
        &zone,
        "--ip",
        "[IPv6:2001:db8::1]",
        "--helo",
        "x",
        "--mail-from",
        "a@example.org",
    ];
    assert_eq!(waxseal(spf).code, Some(0));
}

/// A file of that name may be a key.
#[test]
fn evidence_never_overwrites_and_is_for_its_owner() {
    let (post, lab) = (Post::get(), Lab::get());
    let save = |file: &str| feed(post.stored(&["--save-evidence", file]), post.letter().as_bytes());
    let key = lab.file("evidence.private", "a key");
    let done = save(&key);
    assert_eq!((done.code, fs::read_to_string(&key).unwrap()), (Some(2), "a key".into()));
    assert!(done.err.contains(&format!("{key} already exists")), "{}", done.err);
    let file = lab.arg("evidence.new");
    assert_eq!(save(&file).code, Some(0));
    assert_eq!(waxseal(["check", "--replay", &file]).code, Some(0));
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        // Whatever the umask gives away.
        let mode = |file: &str| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        for (target, link) in
            [(key.clone(), "evidence.link"), (lab.arg("evidence.nowhere"), "evidence.dangling")]
        {
            let link = lab.arg(link);
            symlink(&target, &link).unwrap();
            assert_eq!(save(&link).code, Some(2), "{link}");
        }
        assert_eq!(fs::read_to_string(&key).unwrap(), "a key");
        assert!(!lab.path("evidence.nowhere").exists());
    }
}

/// What is valid JSON may still turn a terminal around.
#[test]
fn json_has_no_controls_and_no_marks_of_direction() {
    let odd = "x\u{202e}\u{2066}\u{9b}\u{7f}\u{61c}\u{200f}\u{2028}";
    let post = Post::get();
    let field = format!("Authentication-Results: mx.example.net; x=pass (a{odd}) reason=\"{odd}\"\r\n");
    let message = field + &post.letter();
    let envelope = ["--ip", "192.0.2.1", "--helo", odd, "--mail-from", odd];
    let file = Lab::get().file(odd, &message);
    let line = post.line(odd, "example.org", &message).to_string();
    let outputs = [
        feed(["authres", "parse", "--json"], message.as_bytes()).out,
        feed(post.stored(&[&envelope[..], &["--json"]].concat()), message.as_bytes()).out,
        waxseal(post.stored(&["--json", &file])).out,
        waxseal(["verify", "--json", &file]).out,
        feed(["check", "--jsonl"], line.as_bytes()).out,
        waxseal(post.stored(&["--json", "--mbox", &Lab::get().file(&format!("{odd}m"), mbox(&[&message]))]))
            .out,
        waxseal(["spf", "lint", "--json", &format!("v=spf1 x={odd} -all")]).out,
        waxseal(["dmarc", "lint", "--json", &format!("v=DMARC1; p=none; x={odd}")]).out,
    ];
    for out in outputs {
        assert!(out.starts_with('{'), "{out}");
        let acts =
            |c: char| c.is_control() && c != '\n' || "\u{202e}\u{2066}\u{61c}\u{200f}\u{2028}".contains(c);
        assert!(!out.contains(acts), "{}", out.escape_debug());
    }
    let lines = feed(["check", "--jsonl"], line.as_bytes()).out;
    assert_eq!(rows(&lines)[0]["id"], odd);
}

#[test]
fn a_message_without_a_header_is_judged() {
    let done = feed(Post::get().stored(&["--mbox", "-", "--envelope-from-header", "--now", "received"]), b"");
    assert_eq!(done.code, Some(0));
    let done = feed(Post::get().stored(&["--envelope-from-header"]), b"");
    assert!(done.out.contains(" (no envelope: no Received)\n"), "{}", done.out);
}
