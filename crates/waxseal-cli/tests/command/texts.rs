//! Help and errors, word for word. `SNAPSHOTS=overwrite cargo test -p waxseal-cli --all-features --test command texts` writes the files
//! anew; what then differs is read as a change of the interface.

use crate::lab::{Lab, command, feed, words};
use snapbox::{Assert, Data, assert::DEFAULT_ACTION_ENV};
use std::path::{Path, PathBuf};

/// Every sub-command, groups included.
const COMMANDS: &[&str] = &[
    "check",
    "key",
    "key new",
    "key show",
    "key check",
    "key rotate",
    "keygen",
    "sign",
    "verify",
    "dkim",
    "dkim lint",
    "spf",
    "spf check",
    "spf lint",
    "spf flatten",
    "dmarc",
    "dmarc check",
    "dmarc lint",
    "authres",
    "authres parse",
    "audit",
    "bounce",
    "why",
    "demo",
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command/texts").join(name)
}

fn is(name: &str, text: String) {
    Assert::new().action_env(DEFAULT_ACTION_ENV).eq(text, Data::read_from(&file(name), None));
}

#[test]
fn help_is_as_it_was_read() {
    let mut all = COMMANDS.to_vec();
    if cfg!(all(feature = "explain", feature = "generate")) {
        all.extend(["", "explain", "completions", "man"]);
    }
    for verb in all {
        let help = command(words(verb).into_iter().chain(["--help"])).env("COLUMNS", "100").output().unwrap();
        assert_eq!((help.status.code(), help.stderr.len()), (Some(0), 0), "{verb}");
        let name = if verb.is_empty() { "waxseal".to_owned() } else { verb.replace(' ', "-") };
        is(&format!("{name}.txt"), String::from_utf8(help.stdout).unwrap());
    }
}

/// Command lines that go wrong; `@` is the folder of the laboratory, `%` is an empty argument, `<` comes before what is on standard input.
const WRONG: &[&str] = &[
    "check --ip 192.0.2.1 @message.eml",
    "check --ip mail.example.org --helo a --mail-from b@example.org @message.eml",
    "check @missing.eml",
    "check @",
    "check @empty.eml",
    "check < ",
    "check --mbox @missing",
    "check --maildir @",
    "check --maildir @message.eml",
    "check --save-evidence - @message.eml",
    "check --save-evidence @message.eml --zone @zone @message.eml",
    "check --save-evidence @new.json --mbox @message.eml",
    "check --save-evidence @new.json @message.eml @message.eml",
    "check --helo a.example @message.eml",
    "check @maildir",
    "check --replay @message.eml @message.eml",
    "check --relay 192.0.2.0/33 @message.eml",
    "check --authserv-id= @message.eml",
    "check --zone @message.eml @message.eml",
    "check --zone @missing @message.eml",
    "check --server mail.example.org @message.eml",
    "check --timeout 0 @message.eml",
    "check --now yesterday @message.eml",
    "key",
    "key new -d example.org",
    "key show -d example.org -s s @missing.private",
    "key show -d example.org -s s @message.eml",
    "key show -d example.org -s s._domainkey @rsa.private",
    "key show -d s._domainkey.example.org -s s @rsa.private",
    "key show -d example.org. -s s @rsa.private",
    "key check",
    "key check @rsa.private",
    "key check -d example.org -s s @missing.private",
    "key check --key-table refiel:/x",
    "key check --key-table @missing",
    "key check --key-table @message.eml --signing-table dsn:mysql",
    "key check --config @missing.conf",
    "key check --config @message.eml",
    "key rotate -d example.org",
    "key rotate -d example.org --keys @missing",
    "key rotate -d example.org --keys @ --cname s1=a.example",
    "key rotate -d example.org --keys @ --cname s1",
    "key rotate -d example.org --keys @ --every month",
    "key rotate -d example.org --keys @ --tsig @missing",
    "key rotate -d example.org --link @missing",
    "keygen -d example.org -s s -b 512",
    "keygen -d example.org -s s -a ed25519 -b 2048",
    "keygen -d example.org -s rsa -o @",
    "keygen -d example.org -s s -o @missing/",
    "keygen -d example.org -s s -o @missing",
    "keygen -d example.org -s s -o @missing.txt",
    "keygen -d example.org -s _domainkey.example.org",
    "keygen -d example..org -s s",
    "keygen -d EXAMPLE -s aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "sign -d example.org -s rsa @message.eml",
    "sign -d example.org -s rsa -k @missing.private @message.eml",
    "sign -d example.org -s rsa -k @message.eml @message.eml",
    "sign -d example.org -s rsa -k @rsa.private @missing.eml",
    "sign -d example.org -s rsa -k @rsa.private @empty.eml",
    "sign -d example.org -s rsa -k @rsa.private --with nonsense @message.eml",
    "sign -d example.org -s rsa -k @rsa.private --fields From:,To @message.eml",
    "sign -d example.org -s rsa -k @rsa.private --canonicalization odd @message.eml",
    "sign -d example.org -s rsa -k @rsa.private @two-authors.eml",
    "sign -d example.org -s rsa -k @rsa.private @no-author.eml",
    "sign -d example.org -s rsa -k @rsa.private @mixed.eml",
    "sign -d org -s rsa -k @rsa.private @message.eml",
    "sign -d example.net -s rsa -k @rsa.private --strict @message.eml",
    "verify @missing.eml",
    "verify @",
    "verify @empty.eml",
    "verify < ",
    "verify --zone @message.eml @message.eml",
    "verify --now 99999999999999999999 @message.eml",
    "dkim lint",
    "dkim lint s",
    "dkim lint s._domainkey.example.org example.net --zone @zone",
    "dkim lint %",
    "dkim lint p= example.org",
    "spf lint %",
    "dmarc lint %",
    "dkim lint a..b example.org",
    "dkim lint s a..b",
    "spf check",
    "spf check --helo a.example",
    "spf check --ip nonsense --helo a.example",
    "spf check --ip 192.0.2.1 --helo a.example @message.eml",
    "spf lint a..b",
    "spf lint --zone @zone ",
    "spf flatten a..b",
    "dmarc check",
    "dmarc check example.org --mode rfc1",
    "dmarc lint a..b",
    "authres parse @missing.eml",
    "authres parse @",
    "audit",
    "audit a..b",
    "audit --ip nonsense example.org",
    "bounce < ",
    "bounce @",
    "why nonsense",
    "why 192.0.2.1",
    "why joe@a..b",
    "nonsense",
    "keygne",
    "--nonsense",
    "opendkim-genkey -s rsa -D @",
    "opendkim-genkey -D @missing",
    "opendkim-genkey -b many",
    "opendkim-genkey --bogus",
    "opendkim-testkey -x @missing.conf",
    "opendkim-testkey -x @empty.eml -q",
    "opendkim-testkey -x @empty.eml -d example.org -s s -k @missing",
    "opendkim-testmsg -d example.org",
    "opendkim-testmsg -d example.org -s s -k @missing",
    "opendkim-genzone -x @empty.eml @missing",
    "opendkim-genzone -x @empty.eml -t soon @missing",
];

#[test]
#[cfg(target_os = "linux")]
fn errors_name_what_is_wrong_and_what_to_do() {
    let lab = Lab::get();
    let folder = format!("{}/", lab.path("").display());
    lab.file("message.eml", crate::lab::MESSAGE);
    lab.file("empty.eml", "");
    lab.file("no-author.eml", "Subject: x\r\n\r\nx\r\n");
    lab.file("mixed.eml", "From: joe@example.org\r\nSubject: x\n\r\nx\r\n");
    lab.file("two-authors.eml", "From: joe@example.org\r\nFrom: ann@example.org\r\n\r\nx\r\n");
    for folder in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(lab.path("maildir").join(folder)).unwrap();
    }
    let mut text = String::new();
    for line in WRONG {
        let (args, input) = line.split_once(" < ").map_or((*line, None), |(args, input)| (args, Some(input)));
        let args = args
            .replace('@', "\u{1}")
            .replace("joe\u{1}a", "joe@a")
            .replace("b\u{1}example", "b@example")
            .replace('\u{1}', &folder);
        let args = words(&args).into_iter().map(|word| if word == "%" { "" } else { word });
        let done = feed(args, input.unwrap_or_default().as_bytes());
        assert!(done.code.is_some_and(|code| code != 0), "{line}: {done:?}");
        let said = done.err.replace(&folder, "@").replace(folder.trim_end_matches('/'), "@");
        text += &format!("$ waxseal {line}\n{said}[{}]\n\n", done.code.unwrap());
    }
    is("errors.txt", text);
}

/// What a command line in a file can not have.
#[test]
#[cfg(unix)]
fn odd_arguments_and_surroundings_are_named() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let lab = Lab::get();
    let message = lab.file("odd-message.eml", crate::lab::MESSAGE);
    let fails = |mut command: std::process::Command, says: &str| {
        let done: crate::lab::Done = command.output().unwrap().into();
        assert!(done.code == Some(2) && done.err.contains(says), "{says}: {done:?}");
    };
    fails(
        command([OsStr::new("dmarc"), OsStr::new("check"), OsStr::from_bytes(b"a\xff@example.org")]),
        "error: FROM is not UTF-8",
    );
    fails(command(["check", "--authserv-id", "a\tb", &message]), "it contains control characters");
    let single = command(["keygen", "-d", "example", "-s", "s", "-a", "ed25519", "-o", &lab.arg("")])
        .output()
        .unwrap();
    let said = String::from_utf8(single.stderr).unwrap();
    assert!(
        single.status.success() && said.ends_with("so verifiers refuse signatures with this key\n"),
        "{said}"
    );
    // Long messages from a pipe are kept in a file.
    let long = format!("{}{}", crate::lab::MESSAGE, "long line\r\n".repeat(400_000));
    let pipe = lab.file("long.eml", long);
    let mut sign = command(lab.sign("rsa", &[]));
    let mut cat =
        std::process::Command::new("cat").arg(&pipe).stdout(std::process::Stdio::piped()).spawn().unwrap();
    sign.stdin(cat.stdout.take().unwrap()).env("TMPDIR", lab.path("no-such-folder"));
    fails(sign, "error: cannot keep the message in a temporary file (TMPDIR): ");
    cat.wait().unwrap();
    let many: Vec<String> = (0..1_001).map(|number| format!("d{number}.example")).collect();
    let line = serde_json::json!({ "id": 1, "from": "a@example.org", "dkim_pass": many, "zone": {} });
    let done = feed(words("dmarc check --jsonl"), format!("{line}\n").as_bytes());
    assert!(done.out.contains("dkim_pass and spf_pass name more than 1000 domains"), "{done:?}");
}
