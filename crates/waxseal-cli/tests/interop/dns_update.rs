//! `waxseal key rotate` beside Debian's Knot: updates (RFC 2136) with TSIG (RFC 8945).

use crate::lab::free_port;
use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const SECRET: &str = "VGhpcyBpcyBhIHRlc3Qga2V5IGFsb25lLCBubyBzZWNyZXQ=";

/// A primary server of example.org.
struct Knot {
    dir: TempDir,
    port: u16,
    child: Child,
}

impl Drop for Knot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Knot {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (port, path) = (free_port(), dir.path().display());
        let conf = format!(
            "server:\n  listen: 127.0.0.1@{port}\n  rundir: \"{path}\"\ndatabase:\n  storage: \"{path}\"\n\
             key:\n  - id: update\n    algorithm: hmac-sha256\n    secret: {SECRET}\n  - id: useless\n    algorithm: hmac-sha256\n    secret: {SECRET}\n\
             acl:\n  - id: updates\n    key: update\n    action: update\n\
             zone:\n  - domain: example.org\n    storage: \"{path}\"\n    file: zone\n    acl: updates\n"
        );
        fs::write(dir.path().join("knot.conf"), conf).unwrap();
        let zone = "$ORIGIN example.org.\n$TTL 60\n@ SOA ns hostmaster 1 3600 900 604800 60\n@ NS ns\nns A 127.0.0.1\ntaken._domainkey TXT \"x\"\n\
                    s1._domainkey.c CNAME s1.dkim\ns2._domainkey.c CNAME s2.dkim\n";
        fs::write(dir.path().join("zone"), zone).unwrap();
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let child = Command::new("/usr/sbin/knotd")
            .arg("-c")
            .arg(dir.path().join("knot.conf"))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let knot = Self { dir, port, child };
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if knot
                .waxseal(&["spf", "check", "--ip", "192.0.2.1", "--helo", "ns.example.org", "--json"])
                .1
                .contains("\"none\"")
            {
                return knot;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("knotd does not answer: {}", fs::read_to_string(knot.dir.path().join("log")).unwrap());
    }

    /// Asks this server alone.
    fn waxseal(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let server = format!("127.0.0.1:{}", self.port);
        let done = Command::new(env!("CARGO_BIN_EXE_waxseal"))
            .args(args)
            .args(["--server", &server])
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (done.status.code(), text(done.stdout), text(done.stderr))
    }

    /// Rotates the key of `domain` by updates that this key signs.
    fn rotate(&self, domain: &str, keys: &Path, tsig: &str, more: &[&str]) -> (Option<i32>, String, String) {
        let file = self.dir.path().join("tsig");
        fs::write(&file, tsig).unwrap();
        let (server, keys, file) =
            (format!("127.0.0.1:{}", self.port), keys.display().to_string(), file.display().to_string());
        let args = ["key", "rotate", "-d", domain, "--keys", &keys, "--update", &server, "--tsig", &file];
        self.waxseal(&[&args[..], more].concat())
    }
}

fn tsig(name: &str, secret: &str) -> String {
    format!("key \"{name}\" {{\n\talgorithm hmac-sha256;\n\tsecret \"{secret}\";\n}};\n")
}

#[test]
fn a_key_is_published_and_revoked_by_updates() {
    if std::env::var_os("WAXSEAL_INTEROP").is_none() {
        return;
    }
    let knot = Knot::start();
    let dir = tempfile::tempdir().unwrap();
    let good = tsig("update", SECRET);
    let (code, out, err) =
        knot.rotate("example.org", dir.path(), &good, &["--selector", "a", "--wait", "20"]);
    assert_eq!((code, &*err), (Some(0), ""), "{out}");
    assert!(out.contains("done: sent the record of a._domainkey.example.org to the name server\n"), "{out}");
    let key = dir.path().join("a.private").display().to_string();
    let (code, out, _) = knot.waxseal(&["key", "check", "-d", "example.org", "-s", "a", &key]);
    assert_eq!(code, Some(0), "{out}");
    // The next one, and the end of the first.
    let (code, out, err) = knot.rotate(
        "example.org",
        dir.path(),
        &good,
        &["--selector", "b", "--wait", "20", "--force", "--json"],
    );
    assert_eq!((code, &*err), (Some(0), ""), "{out}");
    let (code, out, err) =
        knot.rotate("example.org", dir.path(), &good, &["--wait", "20", "--retire", "0", "--json"]);
    assert_eq!((code, &*err), (Some(0), ""), "{out}");
    let row: Value = serde_json::from_str(&out).unwrap();
    let states: Vec<_> = row["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| (key["selector"].as_str(), key["state"].as_str()))
        .collect();
    assert_eq!(states, [(Some("a"), Some("revoked")), (Some("b"), Some("active"))], "{out}");
    let (code, out, _) = knot.waxseal(&["key", "check", "-d", "example.org", "-s", "a", &key]);
    assert!(code == Some(1) && out.contains("its record says that it is revoked"), "{out}");
}

/// The customer publishes two aliases once; the keys behind them change by updates of a zone of ours.
#[test]
fn two_names_take_turns_by_updates() {
    if std::env::var_os("WAXSEAL_INTEROP").is_none() {
        return;
    }
    let knot = Knot::start();
    let dir = tempfile::tempdir().unwrap();
    let turn = |more: &[&str]| {
        let aliases = ["--cname", "s1=s1.dkim.example.org", "--cname", "s2=s2.dkim.example.org"];
        let more = [&aliases[..], &["--ttl", "0", "--wait", "20", "-a", "ed25519", "--json"], more].concat();
        let (code, out, err) = knot.rotate("c.example.org", dir.path(), &tsig("update", SECRET), &more);
        assert_eq!((code, &*err), (Some(0), ""), "{out}");
        let row: Value = serde_json::from_str(&out).unwrap();
        let state =
            |key: &Value| format!("{} {}", key["selector"].as_str().unwrap(), key["state"].as_str().unwrap());
        row["keys"].as_array().unwrap().iter().map(state).collect::<Vec<_>>()
    };
    assert_eq!(turn(&[]), ["s1 active"]);
    assert_eq!(turn(&["--force"]), ["s1 retired", "s2 active"]);
    assert_eq!(turn(&["--force", "--retire", "0"]), ["s1 revoked", "s2 retired", "s1 active"]);
    let check = |selector: &str| knot.waxseal(&["dkim", "lint", selector, "c.example.org"]).1;
    assert!(check("s1").contains("no problems found"), "{}", check("s1"));
    assert_eq!(turn(&["--retire", "0"]), ["s1 revoked", "s2 revoked", "s1 active"]);
    assert!(check("s2").contains("p= is empty"), "{}", check("s2"));
}

#[test]
fn a_refused_update_says_why_and_the_key_stays() {
    if std::env::var_os("WAXSEAL_INTEROP").is_none() {
        return;
    }
    let knot = Knot::start();
    let (org, good) = ("example.org", tsig("update", SECRET));
    for (number, (domain, tsig, more, says)) in [
        (org, tsig("update", "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmc="), &[][..], "the TSIG key is not accepted"),
        (org, tsig("unknown", SECRET), &[], "the TSIG key is not accepted"),
        (org, tsig("useless", SECRET), &[], "which must allow this update"),
        (
            org,
            good.clone(),
            &["--selector", "taken"],
            "a TXT record already exists there: remove it, or give another --selector",
        ),
        ("example.net", good, &[], "does not serve a zone with "),
    ]
    .into_iter()
    .enumerate()
    {
        let dir = tempfile::tempdir().unwrap();
        let more = [more, &["-a", "ed25519"]].concat();
        let (code, out, err) = knot.rotate(domain, dir.path(), &tsig, &more);
        assert_eq!(code, Some(2), "{number}: {out}{err}");
        assert!(err.contains(says) && !err.contains(SECRET), "{number}: {err}");
        let states = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let state: Vec<_> =
            states.filter(|path| path.extension().is_some_and(|extension| extension == "state")).collect();
        assert!(fs::read_to_string(&state[0]).unwrap().starts_with("state=pending\n"), "{number}");
    }
}
