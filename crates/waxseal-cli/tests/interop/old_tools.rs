//! The tools under OpenDKIM's names beside Debian's, line by line.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

fn run(program: &str, first: &[&str], dir: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output: Output = Command::new(program).args(first).args(args).current_dir(dir).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn ours(tool: &str, dir: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    run(env!("CARGO_BIN_EXE_waxseal"), &[tool], dir, args)
}

fn theirs(tool: &str, dir: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    run(tool, &[], dir, args)
}

/// Every character of the key is x.
fn without_key(record: &str) -> String {
    let (tags, key) = record.split_once("\"p=").unwrap();
    let (key, comment) = key.rsplit_once("\" ) ").unwrap();
    let key: String =
        key.chars().map(|c| if c.is_ascii_alphanumeric() || "+/=".contains(c) { 'x' } else { c }).collect();
    format!("{tags}\"p={key}\" ) {comment}")
}

#[test]
fn genkey_writes_the_files_of_debian_byte_for_byte() {
    if std::env::var_os("WAXSEAL_INTEROP").is_none() {
        return;
    }
    for args in [
        &["-d", "example.org"][..],
        &["-D", ".", "-d", "example.org", "-s", "s1", "-b", "1024", "-v"],
        &["-d", "example.org", "-s", "20200308", "-v", "-a", "-t", "-S"],
        &["-dexample.org", "-ss.20250701", "-rt", "-b1024"],
        &[
            "--domain",
            "example.org",
            "--subdomains",
            "--testmode",
            "--restrict",
            "--append-domain",
            "--verbose",
        ],
        &["--directory=.", "--selector=x", "--hash-alg", "sha1", "-n", "a \"b\""],
        &[
            "--domain=example.org",
            "--sel",
            "n",
            "--note=hello; world",
            "--hash-algorithms",
            "sha256:sha1",
            "--nosub",
            "--bits",
            "4096",
        ],
    ] {
        let (our_dir, their_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ours = ours("opendkim-genkey", our_dir.path(), args);
        assert_eq!(ours.0, Some(0), "{args:?}: {ours:?}");
        assert_eq!(ours, theirs("opendkim-genkey", their_dir.path(), args), "{args:?}");
        let names = |dir: &Path| {
            let mut names: Vec<_> =
                fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(our_dir.path()), names(their_dir.path()), "{args:?}");
        for name in names(our_dir.path()) {
            use std::os::unix::fs::PermissionsExt;
            let mode = |dir: &Path| fs::metadata(dir.join(&name)).unwrap().permissions().mode();
            assert_eq!(mode(our_dir.path()), mode(their_dir.path()), "{name:?}");
            let text = |dir: &Path| fs::read_to_string(dir.join(&name)).unwrap();
            if name.to_str().unwrap().ends_with(".txt") {
                assert_eq!(
                    without_key(&text(our_dir.path())),
                    without_key(&text(their_dir.path())),
                    "{args:?}"
                );
            } else {
                let line = |text: String| text.lines().next().unwrap().to_owned();
                assert_eq!(line(text(our_dir.path())), line(text(their_dir.path())));
            }
        }
    }
}

/// Differences that are wanted: nothing is overwritten, no line number of a script in an error, no size that nobody verifies.
#[test]
fn genkey_differs_where_debian_loses_a_key() {
    if std::env::var_os("WAXSEAL_INTEROP").is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (args, theirs_is, ours_is, ours_says) in [
        (&["-s", "a"][..], 0, 0, ""),
        (&["-s", "a"], 0, 1, "opendkim-genkey: "),
        (&["-D", "missing"], 2, 2, "opendkim-genkey: missing: chdir(): No such file or directory\n"),
        (
            &["-b", "512", "-s", "b"],
            0,
            1,
            "opendkim-genkey: WARNING: RFC6376 advises minimum 1024-bit keys\n",
        ),
        (
            &["--bogus"],
            1,
            1,
            "unrecognized option '--bogus'\nopendkim-genkey: usage: opendkim-genkey [options]\n\t--append",
        ),
    ] {
        let ours = ours("opendkim-genkey", dir.path(), args);
        assert_eq!(ours.0, Some(ours_is), "{args:?}: {ours:?}");
        assert!(ours.2.starts_with(ours_says), "{args:?}: {ours:?}");
        let other = tempfile::tempdir().unwrap();
        assert_eq!(theirs("opendkim-genkey", other.path(), args).0, Some(theirs_is), "{args:?}");
    }
    let help = |said: (Option<i32>, String, String)| (said.0, said.2);
    let ours = help(ours("opendkim-genkey", dir.path(), &["--help"]));
    assert_eq!(ours, help(theirs("opendkim-genkey", dir.path(), &["--help"])));
}

/// What needs no name server; the rest is said in the words that were seen of it, in the tests of the command.
#[test]
fn testkey_and_testmsg_end_alike_before_they_ask_dns() {
    if std::env::var_os("WAXSEAL_INTEROP").is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("conf"), "").unwrap();
    for (tool, args) in [
        ("opendkim-testkey", &["-x", "conf"][..]),
        ("opendkim-testkey", &["-x", "conf", "-q"]),
        ("opendkim-testkey", &["-x", "conf", "-d", "a.example", "-s", "b", "-k", "gone"]),
        ("opendkim-testkey", &["-x", "conf", "-d", "a.example", "-s", "b", "-k", "."]),
        ("opendkim-testmsg", &["-q"]),
        ("opendkim-testmsg", &["-d", "a.example"]),
        ("opendkim-testmsg", &["-d", "a.example", "-s", "b", "-k", "gone"]),
    ] {
        assert_eq!(ours(tool, dir.path(), args), theirs(tool, dir.path(), args), "{tool} {args:?}");
    }
}

/// Times apart: ours is of UTC.
#[test]
fn genzone_writes_what_debian_writes() {
    if std::env::var_os("WAXSEAL_INTEROP").is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("conf"), "").unwrap();
    for (selector, bits) in [("s1", "2048"), ("s2", "1024")] {
        assert_eq!(theirs("opendkim-genkey", dir.path(), &["-s", selector, "-b", bits]).0, Some(0));
    }
    let path = |name: &str| dir.path().join(name).display().to_string();
    let table =
        format!("a example.org:s1:{}\nb mail.example.net:s2:{}\n", path("s1.private"), path("s2.private"));
    fs::write(dir.path().join("table"), table).unwrap();
    let table = path("table");
    for args in [
        &[][..],
        &["-D", "-t", "60", "-M", "-v"],
        &["-F", "-N", "ns1.example.org,ns2.example.org", "-vv"],
        &["-S", "-C", "admin@example.org", "-N", "ns1.example.org", "-T", "300", "-E", "9"],
        &["-d", "example.net", "-s", "-D"],
        &["-d", "example.net", "-D"],
        &["-u", "-F", "-N", "ns1.example.org", "-d", "example.org"],
        &["-u", "-t", "5", "-M", "-N", "ns1.example.org", "-d", "example.net", "-s"],
        &["-S", "-C", "a@b.example", "-r", "1", "-R", "2", "-E", "3", "-T", "4"],
        &["-o", "out", "-D"],
        &["-F", "-D", "-d", "EXAMPLE.ORG"],
        &["-t", "x"],
        &["-T", "x"],
        &["-E", "x"],
        &["-r", "x"],
        &["-R", "x"],
        &["-q"],
    ] {
        let args = [&["-x", "conf"], args, &[table.as_str()]].concat();
        let without_time = |(code, out, err): (Option<i32>, String, String)| {
            let lines =
                out.lines().filter(|line| !line.contains("auto-generated by") && !line.contains("; Serial"));
            // A note on the short key is ours alone, and wanted.
            let said = err.lines().filter(|line| !line.starts_with("note: "));
            (code, lines.map(str::to_owned).collect::<Vec<_>>(), said.map(str::to_owned).collect::<Vec<_>>())
        };
        let ours = without_time(ours("opendkim-genzone", dir.path(), &args));
        assert_eq!(ours, without_time(theirs("opendkim-genzone", dir.path(), &args)), "{args:?}");
    }
}

/// Differences that are wanted: no update of two zones in one message, which name servers refuse; patterns are read; the contact of a
/// zone is its hostmaster (RFC 2142), not whoever runs the tool.
#[test]
fn genzone_differs_where_debian_writes_what_nobody_can_use() {
    if std::env::var_os("WAXSEAL_INTEROP").is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("conf"), "").unwrap();
    assert_eq!(theirs("opendkim-genkey", dir.path(), &["-s", "s1", "-b", "1024"]).0, Some(0));
    let key = dir.path().join("s1.private").display().to_string();
    fs::write(dir.path().join("table"), format!("a example.org:s1:{key}\nb example.net:s1:{key}\n")).unwrap();
    let table = dir.path().join("table").display().to_string();
    let args = ["-x", "conf", "-u", "-F", "-N", "ns1.example.org", &table];
    let (ours, theirs) =
        (ours("opendkim-genzone", dir.path(), &args), theirs("opendkim-genzone", dir.path(), &args));
    let sends = |out: &str| out.lines().filter(|line| *line == "send").count();
    assert_eq!((ours.0, sends(&ours.1), sends(&theirs.1)), (Some(0), 2, 1));
    let without = |out: &str| {
        out.lines().filter(|line| !["send", "answer"].contains(line)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without(&ours.1), without(&theirs.1));
    let contact = |said: (Option<i32>, String, String)| {
        said.1.lines().find(|line| line.contains("SOA")).map(str::to_owned).unwrap()
    };
    let args = ["-x", "conf", "-S", table.as_str()];
    assert!(contact(self::ours("opendkim-genzone", dir.path(), &args)).contains("\thostmaster."));
    assert!(!contact(self::theirs("opendkim-genzone", dir.path(), &args)).contains("\thostmaster."));
    let patterns = format!("refile:{table}");
    let args = ["-x", "conf", patterns.as_str()];
    assert_eq!(theirs_code(dir.path(), &args), Some(1));
    assert_eq!(self::ours("opendkim-genzone", dir.path(), &args).0, Some(0));
}

fn theirs_code(dir: &Path, args: &[&str]) -> Option<i32> {
    theirs("opendkim-genzone", dir, args).0
}
