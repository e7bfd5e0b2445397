//! `waxseal key`

use crate::lab::{Done, waxseal};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;
use waxseal_crypto::PrivateKey;
use waxseal_test::keys::{ED25519, RSA2048, RSA4096};

/// A folder with keys, a zone, and what the command says of them.
struct Keys {
    dir: TempDir,
}

impl Keys {
    fn new() -> Self {
        let keys = Self { dir: tempfile::tempdir().unwrap() };
        for (name, pem) in [("rsa", RSA2048), ("old", RSA4096), ("ed", ED25519)] {
            keys.file(&format!("{name}.private"), pem);
        }
        keys
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        path.display().to_string()
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// `key check` of the RSA key as s of example.org, where DNS has these records.
    fn check(&self, zone: &Value) -> Done {
        let zone = self.file("zone.json", zone.to_string());
        let key = self.path("rsa.private");
        waxseal(["key", "check", "-d", "example.org", "-s", "s", "--zone", &zone, &key])
    }

    fn tables(&self, keys: &str, signing: &str, zone: &Value) -> (Done, Value) {
        let keys = self.file("KeyTable", keys);
        let signing = format!("refile:{}", self.file("SigningTable", signing));
        let zone = self.file("zone.json", zone.to_string());
        let args = ["key", "check", "--key-table", &keys, "--signing-table", &signing, "--zone", &zone];
        let json = waxseal(args.iter().chain(&["--json"]));
        (waxseal(args), serde_json::from_str(&json.out).unwrap())
    }
}

fn p(pem: &[u8]) -> String {
    PrivateKey::from_bytes(pem).unwrap().public_key().dns_p()
}

fn record(pem: &[u8]) -> String {
    format!("v=DKIM1; k=rsa; p={}", p(pem))
}

#[test]
fn the_record_of_a_key_is_shown_in_every_form_and_the_key_is_not() {
    let keys = Keys::new();
    let key = keys.path("rsa.private");
    let show =
        |more: &[&str]| waxseal(["key", "show", "-d", "example.org", "-s", "2026a", &key].iter().chain(more));
    let all = show(&[]);
    assert_eq!((all.code, &*all.err), (Some(0), ""));
    assert!(all.out.lines().any(|line| line == record(RSA2048)), "{}", all.out);
    assert!(
        all.out.contains("2026a._domainkey\tIN\tTXT\t( \"v=DKIM1; k=rsa; \"\n\t  \"p=MII"),
        "{}",
        all.out
    );
    let line = show(&["--print", "line", "--test-mode"]);
    assert_eq!(line.out, format!("v=DKIM1; k=rsa; t=y; p={}\n", p(RSA2048)));
    let made: Value = serde_json::from_str(&show(&["--json"]).out).unwrap();
    assert_eq!((&made["name"], &made["bits"]), (&json!("2026a._domainkey.example.org"), &json!(2048)));
    assert_eq!(made["record"], record(RSA2048));
    let secret = String::from_utf8(RSA2048.into()).unwrap();
    let secret = secret.lines().nth(5).unwrap();
    assert!(!all.out.contains(secret) && !made.to_string().contains(secret));
}

#[test]
fn a_new_key_is_the_same_as_by_keygen() {
    let keys = Keys::new();
    let done = waxseal(["key", "new", "-d", "example.org", "-s", "n", "-a", "ed25519", "-o", &keys.path("")]);
    assert_eq!((done.code, &*done.err), (Some(0), ""), "{}", done.out);
    let again = waxseal(["key", "new", "-d", "example.org", "-s", "n", "-o", &keys.path("")]);
    assert_eq!(again.code, Some(2));
    assert!(again.err.contains("never overwritten"), "{}", again.err);
    let zone = keys.path("n.txt");
    let key = keys.path("n.private");
    let check =
        ["key", "check", "-d", "example.org", "-s", "n", "--origin", "example.org", "--zone", &zone, &key];
    let done = waxseal(check);
    assert_eq!((done.code, &*done.err), (Some(0), ""));
    assert!(
        done.out.ends_with("the published key is that of the private key: no problems found\n"),
        "{}",
        done.out
    );
}

#[test]
fn what_differs_is_said_in_words() {
    let keys = Keys::new();
    let (name, good, p) = ("s._domainkey.example.org", record(RSA2048), p(RSA2048));
    let txt = |name: &str, texts: &[&str]| json!({ name: { "TXT": texts } });
    let quoted = format!("\"{good}\"");
    let escaped = good.replace("; ", "\\; ");
    let cut = good.get(..255).unwrap();
    let typo = good.replace("k=rsa", "=rsa");
    let no_p = good.replace("p=", "");
    let (half, other_half) = good.split_at(200);
    let ed =
        format!("v=DKIM1; k=ed25519; p={}", PrivateKey::from_bytes(ED25519).unwrap().public_key().dns_p());
    for (zone, text) in [
        (txt(name, &[&record(RSA4096)]), "another key is published, p= ends in "),
        (txt(name, &[&ed]), "another key is published"),
        (txt(name, &[&quoted]), "it holds the right key, but verifiers can not read it"),
        (txt(name, &[&escaped]), "it holds the right key"),
        (txt(name, &[&typo]), "it holds the right key"),
        (txt(name, &[&no_p]), "p= is missing in front of the key"),
        (txt(name, &[cut]), "only the first 237 of 392 characters of the key are published"),
        (txt(name, &[half, other_half]), "the key was split into 2 TXT records"),
        (txt(name, &[other_half, half]), "the key was split into 2 TXT records"),
        (txt(name, &["v=DKIM1; p="]), "the private key exists, but its record says that it is revoked"),
        (txt(name, &[&good, &record(RSA4096)]), "2 key records: leave one"),
        (
            txt(name, &["s1.dkim.example.net."]),
            "is the name s1.dkim.example.net: publish it as CNAME, not as TXT",
        ),
        (
            json!({ name: { "CNAME": "s1.dkim.example.net" }, "s1.dkim.example.net": { "TXT": [record(RSA4096)] } }),
            "another key is published",
        ),
        (
            json!({ name: { "CNAME": "gone.dkim.example.net" } }),
            "if it is an alias (CNAME), nothing is published where it leads",
        ),
        (txt("s._domainkey.example.org.example.org", &[&good]), "enter s._domainkey as the name"),
        (txt("s._domainkey._domainkey.example.org", &[&good]), "the name has _domainkey twice"),
        (txt("s.example.org", &[&good]), "the name lacks _domainkey"),
        (txt("mail._domainkey.example.org", &[&good]), "sign with the selector mail"),
        (json!({}), "no key record is published here"),
    ] {
        let done = keys.check(&zone);
        assert_eq!((done.code, &*done.err), (Some(1), ""), "{text}: {}", done.out);
        assert!(done.out.contains(text) && done.out.contains("error: "), "{text}: {}", done.out);
        let is_there = done.out.ends_with("the published key is that of the private key\n");
        assert_eq!(is_there, text.starts_with("2 key records"), "{}", done.out);
    }
    assert!(p.len() > 255);
    let slow = keys.check(&json!({ name: { "ERROR": "TIMEOUT" } }));
    assert_eq!(slow.code, Some(75), "{}", slow.out);
    let alias =
        json!({ name: { "CNAME": "s1.dkim.example.net" }, "s1.dkim.example.net": { "TXT": [&good] } });
    for zone in [txt(name, &[&good]), alias] {
        let good = keys.check(&zone);
        assert_eq!(good.code, Some(0), "{}", good.out);
    }
}

#[test]
fn tables_are_compared_with_each_other_and_with_dns() {
    let keys = Keys::new();
    let folder = keys.path("");
    let key_table = format!(
        "good example.org:good:{folder}rsa.private\nlost example.org:lost:{folder}ed.private\nidle example.org:idle:{folder}rsa.private\n\
         gone example.org:gone:{folder}missing.private\nany %:s:{folder}%.private\n"
    );
    let signing = "*@example.org good\n*@lost.example lost\n*@x.example nobody\n*@*.example any\n";
    let zone = json!({
        "good._domainkey.example.org": { "TXT": [record(RSA2048)] },
        "idle._domainkey.example.org": { "TXT": [record(RSA2048)] },
    });
    let (done, json) = keys.tables(&key_table, signing, &zone);
    assert_eq!((done.code, &*done.err), (Some(1), ""));
    for text in [
        "signs with \"nobody\", which the KeyTable does not have",
        "published, but no entry of the SigningTable signs with it",
        "the SigningTable signs with it, but it is not published",
        "missing.private: No such file",
        "% stands for the domain of each author",
        "5 keys checked, 3 with problems",
    ] {
        assert!(done.out.contains(text), "{text}: {}", done.out);
    }
    let ids = |row: &Value| {
        let findings = row["findings"].as_array().unwrap().iter();
        findings.map(|finding| finding["problem"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let rows = json["keys"].as_array().unwrap();
    let all: Vec<_> =
        rows.iter().map(|row| (row["name"].as_str().unwrap(), row["published"] == true, ids(row))).collect();
    let some = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let expected = [
        ("good", true, vec![]),
        ("lost", false, some(&["no-record", "not-published"])),
        ("idle", true, some(&["not-signed-with"])),
        ("gone", false, some(&["key-file"])),
        ("any", false, some(&["any-domain"])),
    ];
    assert_eq!(all, expected);
    assert_eq!(ids(&json), ["unknown-key"]);
}

#[test]
fn odd_lines_of_tables_are_reported() {
    let keys = Keys::new();
    let folder = keys.path("");
    let zone = json!({ "s._domainkey.example.org": { "TXT": [record(RSA2048)] } });
    let key_table = format!("one example.org:s:{folder}rsa.private\ntwo example.org:s\n");
    let (done, _) = keys.tables(&key_table, "*@example.org one\n*@other.example\n", &zone);
    assert_eq!(done.code, Some(1));
    assert!(done.out.contains("KeyTable, line 2: the key \"two\" has no path"), "{}", done.out);
    assert!(done.out.contains("SigningTable, line 2: names no key"), "{}", done.out);
    let wrong = waxseal(["key", "check", "--key-table", "refiel:/x"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("is not a kind of data set"), "{}", wrong.err);
}
