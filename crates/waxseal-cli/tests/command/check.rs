//! `waxseal check`

use crate::{
    lab::{Lab, batch, command, feed, waxseal},
    post::{Post, letter},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::UdpSocket,
    process::Stdio,
    time::Duration,
};

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
    let relayed = post.twice_relayed();
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

#[test]
fn evidence_is_judged_again_with_the_same_words() {
    let post = Post::get();
    let relayed = post.twice_relayed();
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
    let (_, rows) = batch("check --jsonl", &[line]);
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
