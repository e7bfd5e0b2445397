//! `waxseal sign`

use crate::lab::{Lab, MESSAGE, command, feed, waxseal};
use std::{
    fs,
    io::{Read, Write},
    process::Stdio,
};
use waxseal_dkim::Signature;

/// The tags of the first signature.
fn signature(field: &str) -> Signature {
    let value = field.strip_prefix("DKIM-Signature:").unwrap();
    Signature::parse(value.split_inclusive("\r\n").take_while(|l| !l.starts_with("From")).collect::<String>())
        .unwrap()
}

#[test]
fn files_and_pipes_give_the_same() {
    let lab = Lab::get();
    let file = lab.file("same.eml", MESSAGE);
    let from_file = waxseal(lab.sign("ed", &["--timestamp", "1700000000", &file]));
    let from_pipe = feed(lab.sign("ed", &["--timestamp", "1700000000"]), MESSAGE.as_bytes());
    assert_eq!((from_file.code, &*from_file.err), (Some(0), ""));
    assert_eq!(from_file.out, from_pipe.out);
    assert!(from_file.out.starts_with("DKIM-Signature: v=1; a=ed25519-sha256; "));
    assert!(from_file.out.ends_with(MESSAGE));
    let field = waxseal(lab.sign("ed", &["--timestamp", "1700000000", "--field-only", &file]));
    assert_eq!(field.out + MESSAGE, from_pipe.out);
}

#[test]
fn a_pipe_larger_than_memory_is_kept_on_disk() {
    let lab = Lab::get();
    let message = format!("{MESSAGE}{}", "0123456789abcdef 0123456789ABCDEF.\r\n".repeat(100_000));
    let signed = feed(lab.sign("ed", &[]), message.as_bytes());
    assert_eq!((signed.code, &*signed.err), (Some(0), ""));
    assert!(signed.out.ends_with(&message));
    assert_eq!(feed(lab.verify(&[]), signed.out.as_bytes()).code, Some(0));
}

#[test]
fn every_tag_can_be_set() {
    let lab = Lab::get();
    let options = [
        "-c",
        "simple/relaxed",
        "--identity",
        "joe@lists.example.org",
        "--expire",
        "604800",
        "--timestamp",
        "1700000000",
        "--length",
        "--copy-fields",
        "--exact-fields",
        "From,Subject,Subject",
    ];
    let done = feed(lab.sign("rsa", &options), MESSAGE.as_bytes());
    assert_eq!((done.code, &*done.err), (Some(0), ""));
    let signature = signature(&done.out);
    assert_eq!(signature.header_canonicalization().to_string(), "simple");
    assert_eq!(signature.body_canonicalization().to_string(), "relaxed");
    assert_eq!(signature.identity(), Some(&b"joe@lists.example.org"[..]));
    assert_eq!((signature.timestamp(), signature.expiration()), (Some(1_700_000_000), Some(1_700_604_800)));
    assert_eq!(signature.body_length(), Some("Hi.\r\n\r\nJoe\r\n".len() as u64));
    assert_eq!(signature.copied_fields().len(), 2);
    let fields: Vec<_> = signature.signed_fields().collect();
    assert_eq!(fields, [&b"From"[..], b"Subject", b"Subject"]);
    assert_eq!(feed(lab.verify(&["--now", "1700000000"]), done.out.as_bytes()).code, Some(0));
    assert_eq!(feed(lab.verify(&["--now", "1800000000"]), done.out.as_bytes()).code, Some(1));
}

#[test]
fn fields_and_the_time_can_be_left_out() {
    let lab = Lab::get();
    let done = feed(
        lab.sign("ed", &["--fields", "X-Mailer", "--oversign", "", "--timestamp", "none", "-c", "relaxed"]),
        MESSAGE.as_bytes(),
    );
    let signature = signature(&done.out);
    assert_eq!(signature.signed_fields().collect::<Vec<_>>(), [&b"From"[..], b"X-Mailer"]);
    assert_eq!((signature.timestamp(), signature.expiration()), (None, None));
    // RFC 6376 §3.5: one name is for the header alone.
    assert_eq!(signature.body_canonicalization().to_string(), "simple");
    assert_eq!(feed(lab.verify(&[]), done.out.as_bytes()).code, Some(0));
}

#[test]
fn several_signatures_stand_in_the_order_given() {
    let lab = Lab::get();
    let with = format!("example.org:ed:{}", lab.arg("ed.private"));
    let done = feed(lab.sign("rsa", &["--with", &with]), MESSAGE.as_bytes());
    let rsa = done.out.find("s=rsa;").unwrap();
    let ed = done.out.find("s=ed;").unwrap();
    assert!(rsa < ed);
    let verified = feed(lab.verify(&["--json"]), done.out.as_bytes());
    assert_eq!(verified.out.matches("\"result\":\"pass\"").count(), 2, "{verified:?}");
    let alone = feed(["sign", "--with", &with], MESSAGE.as_bytes());
    assert_eq!(alone.out.matches("DKIM-Signature").count(), 1, "{alone:?}");
    for wrong in ["example.org:ed", "example.org", "exa mple.org:ed:x", "example.org:a..b:x"] {
        assert_eq!(feed(["sign", "--with", wrong], b"").code, Some(2), "{wrong}");
    }
}

#[test]
fn lf_files_are_signed_as_they_will_travel() {
    let lab = Lab::get();
    let lf = MESSAGE.replace("\r\n", "\n");
    let done = feed(lab.sign("ed", &["--timestamp", "1"]), lf.as_bytes());
    assert_eq!(done.code, Some(0));
    assert!(done.err.contains("has LF line ends: signed with CRLF"), "{}", done.err);
    assert_eq!(done.out, feed(lab.sign("ed", &["--timestamp", "1"]), MESSAGE.as_bytes()).out);

    let as_lf = feed(lab.sign("ed", &["--timestamp", "1", "--lf-out"]), lf.as_bytes());
    assert_eq!((as_lf.code, &*as_lf.err), (Some(0), ""));
    assert_eq!(as_lf.out, done.out.replace("\r\n", "\n"));
    assert_eq!(feed(lab.verify(&["--line-ends", "keep"]), as_lf.out.as_bytes()).code, Some(1));
    assert_eq!(feed(lab.verify(&[]), as_lf.out.as_bytes()).code, Some(0));
}

#[test]
fn bare_line_ends_are_refused_or_repaired() {
    let lab = Lab::get();
    let mixed = format!("{MESSAGE}one\ntwo\rthree\r\n");
    let done = feed(lab.sign("ed", &[]), mixed.as_bytes());
    assert_eq!((done.code, &*done.out), (Some(2), ""));
    let offset = MESSAGE.len() + 3;
    assert!(done.err.contains(&format!("offset {offset} ")), "{}", done.err);
    assert!(done.err.contains("--line-ends repair"), "{}", done.err);
    let repaired = feed(lab.sign("ed", &["--line-ends", "repair"]), mixed.as_bytes());
    assert_eq!(repaired.code, Some(0));
    assert!(repaired.out.ends_with("Joe\r\none\r\ntwo\r\nthree\r\n"));
    assert_eq!(feed(lab.verify(&["--line-ends", "keep"]), repaired.out.as_bytes()).code, Some(0));
}

#[test]
fn what_cannot_be_signed_is_named() {
    let lab = Lab::get();
    for (message, words) in [
        ("Subject: x\r\n\r\n", "no From field"),
        ("From joe@example.org Mon Jun  1\r\nFrom: joe@example.org\r\n\r\n", "field 1"),
        ("From: joe@example.org\r\n\rx\r\n\r\n", "bare CR or LF"),
        ("From: joe@example.org\r\nFrom: ann@example.org\r\n\r\n", "2 From fields, and may have one"),
    ] {
        let done = feed(lab.sign("ed", &[]), message.as_bytes());
        assert_eq!((done.code, &*done.out), (Some(2), ""), "{message}");
        assert!(
            done.err.starts_with("error: (standard input): ") && done.err.contains(words),
            "{}",
            done.err
        );
    }
    let foreign = feed(lab.sign("ed", &["--identity", "joe@example.com"]), MESSAGE.as_bytes());
    assert_eq!(foreign.code, Some(2));
    assert!(foreign.err.contains("i=") && foreign.err.contains("example.org"), "{}", foreign.err);
    let unlisted = feed(lab.sign("ed", &["--exact-fields", "To"]), MESSAGE.as_bytes());
    assert_eq!((unlisted.code, &*unlisted.out), (Some(2), ""));
    assert!(unlisted.err.contains("the list of the fields to sign lacks From"), "{}", unlisted.err);
    let endless = feed(lab.sign("ed", &["--expire", "18446744073709551615"]), MESSAGE.as_bytes());
    assert_eq!((endless.code, &*endless.out), (Some(2), ""));
    assert!(endless.err.contains("x= has more than 12 digits"), "{}", endless.err);
    let long = MESSAGE.replace("lunch", &["x;x|x;x|"; 9000].join("\r\n "));
    let copies = feed(lab.sign("ed", &["--copy-fields"]), long.as_bytes());
    assert_eq!((copies.code, &*copies.out), (Some(2), ""));
    assert!(copies.err.contains("the copies of the signed fields (z=) have"), "{}", copies.err);
    let missing = waxseal(lab.sign("ed", &[&lab.arg("no-such.eml")]));
    assert_eq!(missing.code, Some(2));
    assert!(missing.err.contains("no-such.eml"), "{}", missing.err);
    let folder = waxseal(lab.sign("ed", &[&lab.arg(".")]));
    assert_eq!(folder.code, Some(2));
    assert!(folder.err.contains("directory"), "{}", folder.err);
}

#[test]
fn what_is_no_key_is_named() {
    let lab = Lab::get();
    let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    for (name, content, words) in [
        ("public.pem", public, "public key"),
        ("noise.pem", "hello\n", "readable are private keys"),
        ("empty.pem", "", "readable are private keys"),
    ] {
        let key = lab.file(name, content);
        let done = feed(["sign", "-d", "example.org", "-s", "a", "-k", &key], MESSAGE.as_bytes());
        assert_eq!((done.code, &*done.out), (Some(2), ""), "{name}");
        assert!(done.err.contains(name) && done.err.contains(words), "{}", done.err);
    }
    let done = feed(["sign", "-d", "example.org", "-s", "a", "-k", "/no/such/key"], MESSAGE.as_bytes());
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("cannot read /no/such/key"), "{}", done.err);
    assert_eq!(feed(["sign", "-d", "example.org"], b"").code, Some(2));
    assert_eq!(feed(["sign"], b"").code, Some(2));
}

#[test]
#[cfg(unix)]
fn a_key_that_others_can_read_is_remarked() {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::get();
    let key = lab.file("open.private", fs::read(lab.path("ed.private")).unwrap());
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let done = feed(["sign", "-d", "example.org", "-s", "ed", "-k", &key], MESSAGE.as_bytes());
    assert_eq!(done.code, Some(0));
    assert!(done.err.contains("everyone on this machine can read"), "{}", done.err);
    for (mode, words) in [
        (0o640, "the group of the file can read"),
        (0o620, "the group of the file can read or write"),
        (0o602, "everyone on this machine can read or write"),
    ] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let done = feed(["sign", "-d", "example.org", "-s", "ed", "-k", &key], MESSAGE.as_bytes());
        assert_eq!(done.code, Some(0));
        assert!(done.err.starts_with("note: ") && done.err.contains(words), "{mode:o}: {}", done.err);
        assert!(done.err.contains("chmod g"), "{}", done.err);
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
    let done = feed(["sign", "-d", "example.org", "-s", "ed", "-k", &key], MESSAGE.as_bytes());
    assert_eq!((done.code, &*done.err), (Some(0), ""));
}

/// What breaks signatures on the way is told, and refused on request.
#[test]
fn what_will_break_the_signature_is_told() {
    let lab = Lab::get();
    let with = |from: &str, to: &str| MESSAGE.replacen(from, to, 1);
    for (message, words) in [
        (with("Hi.", &"x".repeat(2400)), "line 1 of the body (offset 131) has 2400 bytes, and servers break"),
        (with("none", &"x".repeat(1200)), "line 5 of the header (offset 113) has 1210 bytes"),
        (
            with("Hi.", "gr\u{fc}\u{df}"),
            "line 1 of the body (offset 131) has bytes above 127 in a part without Con",
        ),
        (
            with("joe@example.org", "joe@other.example"),
            "the author is in other.example, and the signature is of",
        ),
        (with("Date: ", "X-Date: "), "no Date field"),
        (with("Message-ID: ", "X-Message-ID: "), "no Message-ID field"),
        (
            feed(lab.sign("ed", &[]), MESSAGE.as_bytes()).out,
            "field 1 of the header is a signature with the same d=",
        ),
    ] {
        let file = lab.file("told.eml", &message);
        let done = waxseal(lab.sign("ed", &[&file]));
        assert_eq!(done.code, Some(0), "{words}");
        assert!(done.out.ends_with(&message), "{words}");
        assert_eq!(done.err.lines().count(), 1, "{}", done.err);
        assert!(done.err.starts_with("warning: ") && done.err.contains(words), "{words}: {}", done.err);
        let strict = feed(lab.sign("ed", &["--strict"]), message.as_bytes());
        assert_eq!((strict.code, &*strict.out), (Some(2), ""), "{words}");
        assert!(
            strict.err.starts_with("error: (standard input): ") && strict.err.contains(words),
            "{}",
            strict.err
        );
        assert!(strict.err.contains("(standard input): not signed, since --strict"), "{}", strict.err);
    }
    let latin = [b"X: \xfc\r\n", MESSAGE.as_bytes()].concat();
    let done = feed(lab.sign("ed", &["--field-only"]), &latin);
    assert_eq!(done.code, Some(0));
    assert!(
        done.err.contains("field 1 of the header (X) has bytes above 127 that are not UTF-8"),
        "{}",
        done.err
    );
    let fine = feed(lab.sign("ed", &["--strict"]), MESSAGE.as_bytes());
    assert_eq!((fine.code, &*fine.err), (Some(0), ""));
}

/// RFC 6376 §3.5, §6.1.1: who verifies refuses these domains, so nothing is signed for them.
#[test]
fn domains_that_verifiers_refuse_sign_nothing() {
    let lab = Lab::get();
    let key = lab.arg("ed.private");
    for (domain, selector, words) in [
        ("com", "ed", "d=com has a single label"),
        ("example.org.", "ed", "ends in a dot: leave it out"),
        ("example-.org", "ed", "begins or ends in a hyphen"),
        ("example.org", "k-", "begins or ends in a hyphen"),
    ] {
        let done = feed(["sign", "-d", domain, "-s", selector, "-k", &key], MESSAGE.as_bytes());
        assert_eq!((done.code, &*done.out), (Some(2), ""), "{domain}");
        assert!(done.err.contains(words), "{domain}: {}", done.err);
    }
    let sign = |domain: &str, option: &str| {
        let message = MESSAGE.replace("joe@example.org", &format!("joe@{domain}"));
        feed(["sign", "-d", domain, "-s", "ed", "-k", &key, option], message.as_bytes())
    };
    assert_eq!(sign("localhost", "--single-label-domains").code, Some(0));
    let suffix = sign("co.uk", "--strict");
    assert_eq!((suffix.code, &*suffix.out), (Some(2), ""));
    assert!(suffix.err.contains("d=co.uk is a domain that must not sign"), "{}", suffix.err);
    assert_eq!(sign("example.co.uk", "--strict").code, Some(0));
}

/// Names that were pasted from another place get advice.
#[test]
fn pasted_lists_and_record_names_get_advice() {
    let lab = Lab::get();
    let key = lab.arg("ed.private");
    for (option, value, words) in [
        ("--fields", "From:To:Subject", "commas between them"),
        ("--exact-fields", "From To", "commas between them"),
        ("--oversign", "J\u{f6}rg", "not a field name"),
    ] {
        let done = feed(lab.sign("ed", &[option, value]), MESSAGE.as_bytes());
        assert_eq!((done.code, &*done.out), (Some(2), ""), "{value}");
        assert!(done.err.contains(value) && done.err.contains(words), "{}", done.err);
    }
    for (domain, selector, words) in [
        ("example.org", "k3._domainkey", "give only k3: "),
        ("example.org", "k4._DomainKey.example.org.", "--selector k4 --domain example.org"),
        ("example.org", "_domainkey", "before _domainkey"),
        ("_domainkey.example.org", "k5", "give only example.org: "),
        ("k6._domainkey.example.org", "k6", "--selector k6 --domain example.org"),
    ] {
        let done = feed(["sign", "-d", domain, "-s", selector, "-k", &key], MESSAGE.as_bytes());
        assert_eq!((done.code, &*done.out), (Some(2), ""), "{domain} {selector}");
        assert!(done.err.contains(words), "{}", done.err);
        let done = feed(["sign", "--with", &format!("{domain}:{selector}:{key}")], MESSAGE.as_bytes());
        assert_eq!(done.code, Some(2), "{domain} {selector}");
        assert!(done.err.contains(words), "{}", done.err);
    }
}

#[test]
fn whoever_stops_reading_causes_no_panic() {
    let lab = Lab::get();
    let message = format!("{MESSAGE}{}", "0123456789abcdef\r\n".repeat(50_000));
    let file = lab.file("long.eml", &message);
    let mut child =
        command(lab.sign("ed", &[&file])).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut start = [0; 14];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    assert_eq!(&start, b"DKIM-Signature");
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert_eq!((child.wait().unwrap().code(), &*error), (Some(141), ""));
}

#[test]
fn a_closed_standard_error_is_no_reason_to_stop() {
    let lab = Lab::get();
    let lf = MESSAGE.replace("\r\n", "\n");
    let mut child = command(lab.sign("ed", &[]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    child.stdin.take().unwrap().write_all(lf.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.ends_with(MESSAGE.as_bytes()));
}
