//! `waxseal keygen`

use crate::lab::{Done, command, names, waxseal, words};
use serde_json::Value;
use std::{fs, path::Path};
use waxseal_crypto::{KeyType, PrivateKey};
use waxseal_dkim::KeyRecord;
use waxseal_dns::{Question, Record, Zone};

fn keygen(out: &Path, args: &str) -> Done {
    command(words("keygen -d example.org")).args(words(args)).arg("--out").arg(out).output().unwrap().into()
}

#[test]
fn the_record_publishes_the_key_in_every_form() {
    let dir = tempfile::tempdir().unwrap();
    let options = "-s a.2026 -a ed25519 --test-mode --no-subdomains --hash sha256 --note hello --json";
    let done = keygen(dir.path(), options);
    assert_eq!((done.code, &*done.err), (Some(0), ""));
    assert_eq!(names(dir.path()), ["a.2026.private", "a.2026.txt"]);
    let made: Value = serde_json::from_str(&done.out).unwrap();

    let pem = fs::read(dir.path().join("a.2026.private")).unwrap();
    assert!(pem.starts_with(b"-----BEGIN PRIVATE KEY-----\n"));
    let key = PrivateKey::from_pem(&pem).unwrap();
    let record = made["record"].as_str().unwrap();
    let read = KeyRecord::parse(record.as_bytes()).unwrap();
    assert_eq!(read.public_key(), Some(key.public_key()));
    assert!(read.is_testing() && read.has_strict_identity());
    assert_eq!(read.notes(), Some(&b"hello"[..]));
    assert!(record.starts_with("v=DKIM1; h=sha256; k=ed25519;"), "{record}");

    let strings: Vec<&str> =
        made["strings"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    assert_eq!(strings.concat(), record);
    assert_eq!(made["name"], "a.2026._domainkey.example.org");
    assert_eq!(made["bits"], 256);

    let file = fs::read(dir.path().join("a.2026.txt")).unwrap();
    let zone = Zone::from_zone_file(file, Some(&"example.org".parse().unwrap())).unwrap();
    let answer = zone.lookup(&Question::txt("a.2026._domainkey.example.org".parse().unwrap())).unwrap();
    assert_eq!(&*answer.records, &[Record::Txt(record.to_owned().into())]);
}

#[test]
fn an_rsa_key_is_printed_whole_and_split() {
    let dir = tempfile::tempdir().unwrap();
    let done = keygen(dir.path(), "-s a");
    assert_eq!((done.code, &*done.err), (Some(0), ""));
    let key = PrivateKey::from_pem(fs::read(dir.path().join("a.private")).unwrap()).unwrap();
    assert_eq!((key.key_type(), key.bits()), (KeyType::Rsa, 2048));
    let whole = format!("v=DKIM1; k=rsa; p={}", key.public_key().dns_p());
    assert_eq!(done.out.lines().filter(|line| *line == whole).count(), 1, "{}", done.out);
    let split = done.out.lines().find(|line| line.starts_with("\"v=DKIM1")).unwrap();
    assert_eq!(split.split('"').skip(1).step_by(2).collect::<String>(), whole);
    assert!(split.split('"').all(|string| string.len() <= 255));
    assert!(done.out.contains(&fs::read_to_string(dir.path().join("a.txt")).unwrap()));
    let next = format!(
        "dig +short TXT a._domainkey.example.org\nwaxseal sign -d example.org -s a -k {} message.eml | waxseal verify\n",
        dir.path().join("a.private").display()
    );
    assert!(done.out.ends_with(&next), "{}", done.out);
}

#[test]
fn one_form_alone() {
    let dir = tempfile::tempdir().unwrap();
    let bind = keygen(dir.path(), "-s a -a ed25519 --print bind");
    assert_eq!(bind.out, fs::read_to_string(dir.path().join("a.txt")).unwrap());
    let line = keygen(dir.path(), "-s b -a ed25519 --print line");
    assert!(KeyRecord::parse(line.out.trim_end().as_bytes()).is_ok(), "{line:?}");
    let split = keygen(dir.path(), "-s c -a ed25519 --print split");
    assert!(split.out.starts_with("\"v=DKIM1; k=ed25519; \" \"p="), "{split:?}");
}

#[test]
#[cfg(unix)]
fn the_key_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(keygen(dir.path(), "-s a -a ed25519").code, Some(0));
    let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("a.private"), 0o600);
    assert_eq!(mode("a.txt") & 0o133, 0, "the record is no secret, but nobody else may change it");
}

#[test]
fn nothing_is_overwritten() {
    for taken in ["a.private", "a.txt"] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(taken), "precious").unwrap();
        let done = keygen(dir.path(), "-s a -a ed25519");
        assert_eq!((done.code, &*done.out), (Some(2), ""));
        assert!(done.err.contains(taken) && done.err.contains("never overwritten"), "{}", done.err);
        assert_eq!(names(dir.path()), [taken]);
        assert_eq!(fs::read_to_string(dir.path().join(taken)).unwrap(), "precious");
    }
}

/// CVE-2020-35766: OpenDKIM's tests wrote to a predictable name in /tmp, through whatever link stood there.
#[test]
#[cfg(unix)]
fn cve_2020_35766_no_link_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(dir.path().join("victim"), dir.path().join("a.private")).unwrap();
    let done = keygen(dir.path(), "-s a -a ed25519");
    assert_eq!(done.code, Some(2), "{done:?}");
    assert_eq!(names(dir.path()), ["a.private"]);
}

#[test]
fn a_file_name_of_ones_own() {
    let dir = tempfile::tempdir().unwrap();
    let done = keygen(&dir.path().join("mail.pem"), "-s a -a ed25519");
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(names(dir.path()), ["mail.pem", "mail.txt"]);
    let done = keygen(&dir.path().join("other.txt"), "-s a -a ed25519");
    assert_eq!(done.code, Some(2), "{done:?}");
    let done = keygen(&dir.path().join("no/such/folder/key.pem"), "-s a -a ed25519");
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("cannot create") && done.err.contains("create it first"), "{}", done.err);
    let done = keygen(&dir.path().join("kj"), "-s a -a ed25519");
    assert_eq!(done.code, Some(2), "a private key called kj is not what was meant");
    assert!(done.err.contains("create it first, or give") && done.err.contains("kj.private"), "{}", done.err);
    let done = keygen(&dir.path().join("missing/"), "-s a -a ed25519");
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("/missing/, create it first"), "{}", done.err);
    assert_eq!(names(dir.path()), ["mail.pem", "mail.txt"]);
}

#[test]
fn small_keys_come_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let done = keygen(dir.path(), "-s a -b 1024 --print line");
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.err.contains("1024 bits: 2048 are advised"), "{}", done.err);
}

#[test]
fn what_is_no_key_is_named() {
    let dir = tempfile::tempdir().unwrap();
    for (options, words) in [
        ("-s a -b 512", "RSA keys are made with 1024, 2048, 3072 or 4096 bits"),
        ("-s a -b 8192", "RSA keys are made with 1024, 2048, 3072 or 4096 bits"),
        ("-s a -b 2047", "RSA keys are made with 1024, 2048, 3072 or 4096 bits"),
        ("-s a -a ed25519 -b 2048", "--bits"),
        ("-s a..b", "--selector"),
        ("-s k3._domainkey", "give only k3: "),
        ("-s k4._domainkey.example.org", "give --selector k4 --domain example.org"),
        ("-s a -a dsa", "dsa"),
    ] {
        let done = keygen(dir.path(), options);
        assert_eq!(done.code, Some(2), "{options}");
        assert!(done.err.contains(words), "{options}: {}", done.err);
    }
    let doubled = waxseal(["keygen", "-d", "_domainkey.example.org", "-s", "k5"]);
    assert_eq!(doubled.code, Some(2));
    assert!(doubled.err.contains("give only example.org: "), "{}", doubled.err);
    assert_eq!(waxseal(["keygen", "-s", "a"]).code, Some(2));
    assert!(names(dir.path()).is_empty());
}
