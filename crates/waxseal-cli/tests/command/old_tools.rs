//! The tools under OpenDKIM's names.

use crate::lab::{Done, feed, waxseal};
use serde_json::json;
use std::fs;
use tempfile::TempDir;
use waxseal_crypto::PrivateKey;
use waxseal_test::keys::{ED25519, RSA2048, RSA4096};

fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let record = |pem: &[u8], kind: &str| {
        let key = PrivateKey::from_bytes(pem).unwrap();
        format!("v=DKIM1; k={kind}; p={}", key.public_key().dns_p())
    };
    let zone = json!({
        "default._domainkey.example.org": { "TXT": [record(RSA2048, "rsa")] },
        "ed._domainkey.example.org": { "TXT": [record(ED25519, "ed25519")] },
        "other._domainkey.example.org": { "TXT": [record(RSA4096, "rsa")] },
        "revoked._domainkey.example.org": { "TXT": ["v=DKIM1; p="] },
        "bad._domainkey.example.org": { "TXT": ["v=DKIM1; =rsa; p=MII"] },
        "two._domainkey.example.org": { "TXT": ["v=DKIM1; p=", "v=DKIM1; p="] },
        "slow._domainkey.example.org": { "ERROR": "TIMEOUT" },
    });
    let path = |name: &str| dir.path().join(name);
    fs::write(path("zone.json"), zone.to_string()).unwrap();
    for (name, pem) in [("rsa.private", RSA2048), ("ed.private", ED25519)] {
        fs::write(path(name), pem).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
    fs::write(path("empty.conf"), "# nothing\n").unwrap();
    dir
}

/// Runs the tool with the paths of the folder in place of `@`.
fn run(dir: &TempDir, tool: &str, args: &str, input: Option<&[u8]>) -> Done {
    let args: Vec<String> = args
        .split_ascii_whitespace()
        .map(|arg| arg.replace('@', &format!("{}/", dir.path().display())))
        .collect();
    let args = [tool.to_owned()].into_iter().chain(args);
    match input {
        Some(input) => feed(args, input),
        None => waxseal(args),
    }
}

#[test]
fn testkey_says_what_it_always_said_and_ends_with_the_truth() {
    let dir = folder();
    let test = |args: &str| {
        run(
            &dir,
            "opendkim-testkey",
            &format!("-x @empty.conf --zone @zone.json -d example.org {args}"),
            None,
        )
    };
    let good = test("-s default -k @rsa.private -vvv");
    let last =
        |text: &str| text.lines().rfind(|line| line.starts_with("opendkim-testkey: ")).map(str::to_owned);
    assert_eq!((good.code, &*good.out), (Some(0), "opendkim-testkey: key OK\n"), "{good:?}");
    assert!(
        good.err.contains("opendkim-testkey: checking key 'default._domainkey.example.org'\n"),
        "{}",
        good.err
    );
    assert!(
        good.err.contains("opendkim-testkey: key loaded from ") && good.err.ends_with("key not secure\n"),
        "{}",
        good.err
    );
    assert_eq!((test("-s default").code, test("-sdefault").out), (Some(0), String::new()));
    assert_eq!(test("-s ed -k @ed.private").code, Some(0), "OpenDKIM can not test such a key");
    for (args, code, says) in [
        ("-s none -k @rsa.private", 69, "opendkim-testkey: 'none._domainkey.example.org' record not found"),
        ("-s revoked", 69, "opendkim-testkey: Revoked key"),
        ("-s two", 69, "opendkim-testkey: multiple DNS replies for 'two._domainkey.example.org'"),
        ("-s slow", 69, "opendkim-testkey: 'slow._domainkey.example.org' query timed out"),
        ("-s default -k @missing", 71, "missing: stat(): No such file or directory"),
        ("-s default -k @", 71, "/: stat(): not a regular file"),
    ] {
        let done = test(args);
        assert_eq!((done.code, &*done.out), (Some(code), ""), "{args}: {done:?}");
        assert!(last(&done.err).is_some_and(|line| line.ends_with(says)), "{args}: {}", done.err);
    }
    let other = test("-s other -k @rsa.private");
    assert_eq!(
        (other.code, &*other.out, &*other.err),
        (Some(65), "opendkim-testkey: keys do not match\n", ""),
        "as the old tool prints it"
    );
    let bad = test("-s bad");
    assert!(
        bad.code == Some(69) && bad.err.starts_with("opendkim-testkey: syntax error in key data: "),
        "{bad:?}"
    );
    let usage = test("-q");
    assert_eq!(usage.code, Some(78));
    assert!(
        usage.err.contains(
            "invalid option -- 'q'\nopendkim-testkey: usage: opendkim-testkey [options]\n\t-d domain"
        )
    );
}

#[test]
fn testkey_fails_when_a_key_of_the_table_fails() {
    let dir = folder();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let rsa = path("rsa.private");
    let good = format!("a example.org:default:{rsa}\n");
    for (table, code, count) in [
        (good.clone(), 0, "1 key checked; 1 pass, 0 fail"),
        (
            format!("{good}b example.org:other:{rsa}\nc example.org:default:{}\n", path("gone")),
            65,
            "3 keys checked; 1 pass, 2 fail",
        ),
    ] {
        fs::write(path("KeyTable"), &table).unwrap();
        for prefix in ["", "refile:"] {
            fs::write(path("conf"), format!("KeyTable\t{prefix}{} # keys\n", path("KeyTable"))).unwrap();
            let done = run(&dir, "opendkim-testkey", "-x @conf -v --zone @zone.json", None);
            assert_eq!(
                (done.code, done.out),
                (Some(code), format!("opendkim-testkey: {count}\n")),
                "{}",
                done.err
            );
        }
    }
}

#[test]
fn testmsg_signs_and_verifies() {
    let dir = folder();
    let message = b"From: joe@example.org\r\nSubject: x\r\n\r\nhi\r\n";
    let signed = run(&dir, "opendkim-testmsg", "-C -d example.org -s default -k @rsa.private", Some(message));
    assert_eq!(signed.code, Some(0), "{signed:?}");
    assert!(
        signed.out.starts_with("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=example.org;"),
        "{}",
        signed.out
    );
    let verify = |message: &str| run(&dir, "opendkim-testmsg", "--zone @zone.json", Some(message.as_bytes()));
    let good = verify(&signed.out);
    assert_eq!((good.code, &*good.out, &*good.err), (Some(0), "", ""));
    assert_eq!(verify(&signed.out.replace('\r', "")).code, Some(0));
    let bad = verify(&signed.out.replace("hi", "ho"));
    assert!(
        bad.code == Some(70) && bad.err.starts_with("opendkim-testmsg: dkim_eom(): Bad signature"),
        "{bad:?}"
    );
    let none = run(&dir, "opendkim-testmsg", "", Some(message));
    assert_eq!((none.code, &*none.err), (Some(70), "opendkim-testmsg: dkim_chunk(): No signature\n"));
    let usage = run(&dir, "opendkim-testmsg", "-d example.org", Some(message));
    assert!(usage.code == Some(78) && usage.err.starts_with("opendkim-testmsg: usage: "), "{usage:?}");
    let missing = run(&dir, "opendkim-testmsg", "-d a.example -s s -k @gone", Some(message));
    assert!(
        missing.code == Some(71) && missing.err.ends_with("gone: open(): No such file or directory\n"),
        "{missing:?}"
    );
}

#[test]
#[cfg(unix)]
fn a_link_of_the_old_name_is_the_tool() {
    let dir = folder();
    let link = dir.path().join("opendkim-genkey");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_waxseal"), &link).unwrap();
    let mut command = std::process::Command::new(link);
    let done: Done =
        command.args(["-D", dir.path().to_str().unwrap(), "-d", "example.org"]).output().unwrap().into();
    assert_eq!((done.code, &*done.out, &*done.err), (Some(0), "", ""));
    let text = fs::read_to_string(dir.path().join("default.txt")).unwrap();
    assert!(
        text.starts_with("default._domainkey\tIN\tTXT\t( \"v=DKIM1; h=sha256; k=rsa; \"\n\t  \"p=MII"),
        "{text}"
    );
    assert!(text.ends_with("\" )  ; ----- DKIM key default for example.org\n"), "{text}");
}

fn folder_with_key_table() -> TempDir {
    let dir = folder();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let table =
        format!("a example.org:r:{}\nb sub.example.org:e:{}\n", path("rsa.private"), path("ed.private"));
    fs::write(path("KeyTable"), table).unwrap();
    dir
}

#[test]
fn genzone_writes_a_zone_that_publishes_the_keys() {
    let dir = folder_with_key_table();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let zone =
        run(&dir, "opendkim-genzone", "-x @empty.conf -F -S -N ns.example.org. -o @zone @KeyTable", None);
    assert_eq!((zone.code, &*zone.out, &*zone.err), (Some(0), "", ""));
    for (selector, domain, key) in [("r", "example.org", "rsa"), ("e", "sub.example.org", "ed")] {
        let done = waxseal([
            "key",
            "check",
            "-d",
            domain,
            "-s",
            selector,
            "--origin",
            "example.org",
            "--zone",
            &path("zone"),
            &path(&format!("{key}.private")),
        ]);
        assert_eq!((done.code, &*done.err), (Some(0), ""), "{}", done.out);
    }
    let updates =
        run(&dir, "opendkim-genzone", "-x @empty.conf -u -F -N ns.example.org -t 60 @KeyTable", None);
    let lines: Vec<_> = updates.out.lines().map(|line| line.split(" TXT").next().unwrap()).collect();
    let expected = [
        "server ns.example.org",
        "zone example.org",
        "update add r._domainkey.example.org. 60",
        "send",
        "answer",
        "zone sub.example.org",
        "update add e._domainkey.sub.example.org. 60",
        "send",
        "answer",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn genzone_says_what_it_cannot_do() {
    let dir = folder_with_key_table();
    for (args, code, says) in [
        ("-x @empty.conf", 64, "opendkim-genzone: usage: opendkim-genzone [opts] [dataset]\n\t-C user@host"),
        ("-x @empty.conf -t x @KeyTable", 64, "opendkim-genzone: invalid TTL value\n"),
        ("-x @gone.conf @KeyTable", 78, "opendkim-genzone: "),
        (
            "-x @empty.conf refiel:@KeyTable",
            1,
            "opendkim-genzone: dkimf_db_open(): \"refiel:\" is not a kind of data set",
        ),
        ("-x @empty.conf @gone", 1, "opendkim-genzone: dkimf_db_open(): "),
        ("-x @empty.conf -o @missing/zone @KeyTable", 1, "opendkim-genzone: "),
    ] {
        let done = run(&dir, "opendkim-genzone", args, None);
        assert_eq!((done.code, &*done.out), (Some(code), ""), "{args}");
        assert!(done.err.starts_with(says), "{args}: {}", done.err);
    }
    fs::write(dir.path().join("KeyTable"), "a example.org:r:/gone\n").unwrap();
    let lost = run(&dir, "opendkim-genzone", "-x @empty.conf @KeyTable", None);
    assert_eq!((lost.code, &*lost.out), (Some(1), ""));
    assert!(
        lost.err.starts_with("opendkim-genzone: key for 'a' load failed: cannot read /gone"),
        "{}",
        lost.err
    );
}
