//! `waxseal check --mbox` and `--maildir`

use crate::{
    lab::{Lab, command, feed, rows, waxseal},
    post::{Post, letter},
};
use serde_json::{Value, json};
use std::{
    fs,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

/// As it stands in an mbox file.
fn quoted(message: &str) -> String {
    let lf = message.replace("\r\n", "\n");
    let line = |line: &str| match line.trim_start_matches('>').starts_with("From ") {
        true => format!(">{line}"),
        false => line.to_owned(),
    };
    format!(
        "From joe@example.org Thu Jan  1 00:00:00 1970\n{}\n",
        lf.split_inclusive('\n').map(line).collect::<String>()
    )
}

fn with_from_lines(post: &Post) -> String {
    let text = letter("From: joe@example.org\r\n") + "\r\nFrom here\r\n>From there\r\n";
    post.signed("example.org", &text)
}

#[test]
fn an_mbox_file() {
    let post = Post::get();
    let long = post.signed(
        "example.org",
        &(letter("From: joe@example.org\r\n") + &"0123456789abcdef\r\n".repeat(100_000)),
    );
    let forged = letter("From: joe@example.org\r\n");
    let messages = [&*with_from_lines(post), &forged, &long, &post.letter()];
    let text: String = messages.iter().map(|message| quoted(message)).collect();
    let file = Lab::get().file("inbox", &text);
    let done = waxseal(post.stored(&["--mbox", &file, "--jobs", "2"]));
    assert_eq!((done.code, &*done.err), (Some(0), ""), "{done:?}");
    let lines: Vec<_> = done.out.lines().collect();
    let pass = "deliver     dkim pass example.org · dmarc pass";
    let fail = format!("{file}#2  quarantine  dkim none · dmarc fail example.org");
    assert_eq!(lines[0], format!("{file}#1  {pass}"));
    assert_eq!(lines[1], fail);
    assert_eq!((lines[2], lines[3]), (&*format!("{file}#3  {pass}"), &*format!("{file}#4  {pass}")));
    let only = waxseal(post.stored(&["--mbox", &file, "--only", "fail"]));
    assert_eq!(only.code, Some(0), "{only:?}");
    assert!(only.out.starts_with(&format!("{fail}\n\n4 messages in ")), "{}", only.out);
    for text in [
        "\n4 messages in ",
        "\ndisposition  none 3, quarantine 1\n",
        "\ndmarc        fail 1, pass 3\n",
        "\ndkim         none 1, pass 3\n",
        "        1  dmarc=fail: no authenticated identifier\n",
        "\nslowest\n",
    ] {
        assert!(done.out.contains(text), "{text}: {}", done.out);
    }
    // From standard input, with CRLF, as JSON.
    let done = feed(post.stored(&["--mbox", "-", "--json"]), text.replace('\n', "\r\n").as_bytes());
    let rows = rows(&done.out);
    assert_eq!(rows.len(), 5);
    let results: Vec<_> = rows.iter().map(|row| row["dmarc"]["result"].clone()).collect();
    assert_eq!(results, [json!("pass"), json!("fail"), json!("pass"), json!("pass"), Value::Null]);
    assert_eq!(rows[1]["id"], "-#2");
    let summary = &rows[4]["summary"];
    assert_eq!((&summary["messages"], &summary["unreadable"]), (&json!(4), &json!(0)));
    assert_eq!(summary["results"]["dmarc"], json!({ "fail": 1, "pass": 3 }));
    assert_eq!(summary["reasons"][0]["count"], 1);
}

#[test]
fn quoting_is_what_the_writer_did() {
    let post = Post::get();
    let message = with_from_lines(post);
    // Only "From " itself is marked in mboxo.
    let mboxo = quoted(&message).replace(">>From there", ">From there");
    for (file, quoting, result) in
        [(quoted(&message), "rd", "pass"), (quoted(&message), "none", "fail"), (mboxo.clone(), "rd", "fail")]
    {
        let file = Lab::get().file("quoting", file);
        let done = waxseal(post.stored(&["--mbox", &file, "--quoting", quoting, "--json"]));
        assert_eq!(rows(&done.out)[0]["dkim"][0]["result"], result, "{quoting}");
    }
    let plain = post
        .signed("example.org", &(letter("From: joe@example.org\r\n") + "\r\nFrom here\r\n>>From there\r\n"));
    let mboxo = quoted(&plain).replace(">>>From", ">>From");
    let done = feed(post.stored(&["--mbox", "-", "--quoting", "o", "--json"]), mboxo.as_bytes());
    assert_eq!(rows(&done.out)[0]["dkim"][0]["result"], "pass");
}

/// The first message of a mailbox alone would be a wrong answer that looks like a right one.
#[test]
fn a_mailbox_that_was_given_as_a_message_is_noticed() {
    let post = Post::get();
    let mbox =
        format!("From joe@example.org Thu Jan  1 00:00:00 1970\n{}", letter("From: joe@example.org\r\n"));
    let done = feed(post.stored(&[]), mbox.as_bytes());
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains("begins as an mbox file does") && done.err.contains("--mbox"), "{}", done.err);
    let dir = Lab::get().path("GivenAsMessage");
    fs::create_dir_all(dir.join("cur")).unwrap();
    let done = waxseal(post.stored(&[dir.to_str().unwrap()]));
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("it is a Maildir, --maildir"), "{}", done.err);
}

#[test]
fn what_is_no_mbox_is_said_so() {
    let done = feed(Post::get().stored(&["--mbox", "-"]), b"Subject: x\n\nHi.\n");
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("cannot read (standard input): not an mbox file"), "{}", done.err);
    let done = feed(Post::get().stored(&["--mbox", "-"]), b"");
    assert_eq!(done.code, Some(0));
    assert!(done.out.contains("0 messages in ") && !done.out.contains("disposition"), "{}", done.out);
}

#[test]
fn a_maildir() {
    let post = Post::get();
    let dir = Lab::get().path("Maildir");
    for folder in ["new", "cur", "tmp"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    let traced = "Return-Path: <joe@example.org>\nReceived: from mx.example.org (mx.example.org [192.0.2.1]) by mx; now\n";
    let good = traced.to_owned() + &post.letter().replace("\r\n", "\n");
    for (name, content) in [
        ("cur/1700000001.a.host:2,S", &*good),
        ("cur/1700000003.c.host:2,S", &letter("From: joe@example.org\r\n")),
        ("new/1700000002.b.host", &post.letter()),
        ("new/.index", "not a message"),
        ("tmp/1700000004.d.host", "not delivered"),
    ] {
        fs::write(dir.join(name), content).unwrap();
    }
    let arg = dir.to_str().unwrap();
    let done = waxseal(post.stored(&["--maildir", arg, "--envelope-from-header", "--json"]));
    assert_eq!((done.code, &*done.err), (Some(0), ""), "{done:?}");
    let rows = rows(&done.out);
    assert_eq!(rows.len(), 4);
    let row =
        |n: usize| (rows[n]["id"].as_str().unwrap(), &rows[n]["spf"]["result"], &rows[n]["disposition"]);
    assert_eq!(row(0), (&*format!("{arg}/cur/1700000001.a.host:2,S"), &json!("pass"), &json!("none")));
    assert_eq!(row(1), (&*format!("{arg}/new/1700000002.b.host"), &Value::Null, &json!("none")));
    assert_eq!(row(2), (&*format!("{arg}/cur/1700000003.c.host:2,S"), &Value::Null, &json!("quarantine")));
    assert_eq!(rows[3]["summary"]["dispositions"], json!({ "none": 2, "quarantine": 1 }));
    let text = waxseal(post.stored(&["--maildir", arg, "--envelope-from-header"])).out;
    assert!(text.contains(" · dmarc pass (no envelope: no Received)\n"), "{text}");
    // One that is gone when its turn comes does not end it.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/nonexistent", dir.join("new/1600000000.gone")).unwrap();
        let done = waxseal(post.stored(&["--maildir", arg]));
        assert_eq!(done.code, Some(2));
        assert!(
            done.out.starts_with(&format!("{arg}/new/1600000000.gone  cannot be read: ")),
            "{}",
            done.out
        );
        assert!(
            done.out.contains("3 messages in ") && done.out.contains("1 could not be read"),
            "{}",
            done.out
        );
    }
}

#[test]
fn a_folder_that_is_no_maildir() {
    let dir = Lab::get().path("NoMaildir");
    let arg = dir.to_str().unwrap();
    let check = || waxseal(["check", "--maildir", arg]);
    let missing = check();
    assert_eq!(missing.code, Some(2));
    assert!(missing.err.contains(&format!("cannot read {arg}: No such file")), "{}", missing.err);
    fs::create_dir_all(dir.join("cur")).unwrap();
    let empty = check();
    assert_eq!(empty.code, Some(2));
    assert!(empty.err.contains(&format!("not a Maildir: it has no folder {arg}/new;")), "{}", empty.err);
}

/// Reading a pipe that nobody writes to never ends.
#[test]
#[cfg(unix)]
fn pipes_in_a_maildir_are_passed_over() {
    let post = Post::get();
    let dir = Lab::get().path("Maildir-pipe");
    for folder in ["new", "cur", "new/folder"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    let made = std::process::Command::new("mkfifo").arg(dir.join("new/1.pipe")).status().unwrap();
    assert!(made.success());
    for (target, link) in [("1.pipe", "2.to-pipe"), ("folder", "3.to-folder"), ("../cur/4", "5.to-file")] {
        std::os::unix::fs::symlink(target, dir.join("new").join(link)).unwrap();
    }
    fs::write(dir.join("cur/4"), post.letter()).unwrap();
    let args = post.stored(&["--maildir", dir.to_str().unwrap(), "--json"]);
    let mut child = command(args).stdout(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("it waits for the pipe");
        }
        thread::sleep(Duration::from_millis(20));
    }
    let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let rows = rows(&out);
    let ids: Vec<_> = rows.iter().filter_map(|row| row["id"].as_str()?.rsplit('/').next()).collect();
    assert_eq!((ids, &rows[2]["summary"]["messages"]), (vec!["4", "5.to-file"], &json!(2)));
}

/// Ctrl-C ends the archive, not what was found out until then.
#[test]
#[cfg(unix)]
fn an_interrupt_leaves_a_summary() {
    use std::io::{BufRead, BufReader, Read, Write};
    let post = Post::get();
    let mut child = command(post.stored(&["--mbox", "-", "--jobs", "1"]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let message = quoted(&post.letter());
    stdin.write_all(message.as_bytes()).unwrap();
    stdin.write_all(message.as_bytes()).unwrap();
    stdin.flush().unwrap();
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    assert!(first.starts_with("(standard input)#1  deliver "), "{first}");
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    // It may have waited for more of the second one, or have ended already.
    _ = stdin.write_all(message.as_bytes());
    drop(stdin);
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(rest.contains(" messages in ") && rest.contains("\ndkim         pass "), "{rest}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
