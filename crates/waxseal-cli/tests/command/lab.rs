//! Runs the command, in a scratch folder with keys.

use serde_json::Value;
use std::{
    ffi::OsStr,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};
use tempfile::TempDir;

/// A small message with CRLF line ends.
pub(crate) const MESSAGE: &str = "From: Joe <joe@example.org>\r\nSubject: lunch\r\nDate: Sun, 22 Nov 2026 04:00:00 +0000\r\n\
     Message-ID: <1@example.org>\r\nX-Mailer: none\r\n\r\nHi.\r\n\r\nJoe\r\n";

/// What the command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |octets| String::from_utf8(octets).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

pub(crate) fn command(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waxseal"));
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs the command with these arguments.
pub(crate) fn waxseal(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Done {
    command(args).output().unwrap().into()
}

/// Runs the command with `input` on its standard input.
pub(crate) fn feed(args: impl IntoIterator<Item = impl AsRef<OsStr>>, input: &[u8]) -> Done {
    let mut child =
        command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // The command may answer before it has read all, or not read all.
        scope.spawn(move || stdin.write_all(input).ok());
        child.wait_with_output().unwrap().into()
    })
}

/// Words of a command line.
pub(crate) fn words(line: &str) -> Vec<&str> {
    line.split_ascii_whitespace().collect()
}

/// Keys `rsa` and `ed` of example.org, made once, and the zone that publishes them.
pub(crate) struct Lab {
    dir: TempDir,
}

impl Lab {
    pub(crate) fn get() -> &'static Self {
        static LAB: OnceLock<Lab> = OnceLock::new();
        LAB.get_or_init(|| {
            let lab = Self { dir: tempfile::tempdir().unwrap() };
            let mut zone = String::from("$ORIGIN example.org.\n");
            for (selector, algorithm) in [("rsa", "rsa"), ("ed", "ed25519")] {
                let mut keygen = command(["keygen", "-d", "example.org", "-s", selector, "-a", algorithm]);
                let done = keygen.arg("--out").arg(lab.dir.path()).output().unwrap();
                assert!(done.status.success(), "{done:?}");
                zone.push_str(&fs::read_to_string(lab.path(&format!("{selector}.txt"))).unwrap());
            }
            fs::write(lab.path("zone"), zone).unwrap();
            lab
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The path as an argument.
    pub(crate) fn arg(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A file of this content; each test names its own.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), content).unwrap();
        self.arg(name)
    }

    /// `sign` with one of the keys, then these arguments.
    pub(crate) fn sign<'a>(&self, selector: &'a str, more: &[&'a str]) -> Vec<String> {
        let key = self.arg(&format!("{selector}.private"));
        let args = ["sign", "-d", "example.org", "-s", selector, "-k", &key];
        args.iter().chain(more).map(|arg| (*arg).to_owned()).collect()
    }

    /// `verify` with the zone, then these arguments.
    pub(crate) fn verify(&self, more: &[&str]) -> Vec<String> {
        let zone = self.arg("zone");
        ["verify", "--zone", &zone].iter().chain(more).map(|arg| (*arg).to_owned()).collect()
    }

    /// [`MESSAGE`] with a signature of this key.
    pub(crate) fn signed(&self, selector: &str) -> String {
        let done = feed(self.sign(selector, &[]), MESSAGE.as_bytes());
        assert_eq!(done.code, Some(0), "{done:?}");
        done.out
    }
}

/// What `--jsonl` printed.
pub(crate) fn rows(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Feeds these lines to the command and gives its exit code and what it printed, a row for each line.
pub(crate) fn batch(args: &str, lines: &[Value]) -> (Option<i32>, Vec<Value>) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let done = feed(words(args), text.as_bytes());
    assert_eq!(done.err, "");
    let rows = rows(&done.out);
    assert_eq!(rows.len(), lines.len());
    (done.code, rows)
}

/// A file of the conformance suites, from the folder `WAXSEAL_CONFORMANCE`; says so when it is not there.
pub(crate) fn suite(file: &str) -> Option<Value> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    let folder = std::env::var_os("WAXSEAL_CONFORMANCE").map_or(default, PathBuf::from);
    let Ok(text) = fs::read_to_string(folder.join(file)) else {
        println!("1 suite skipped: no {file}");
        assert_ne!(std::env::var("WAXSEAL_REQUIRE_CONFORMANCE").as_deref(), Ok("1"), "no {file}");
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

/// The names of the files in a folder.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(dir).unwrap().map(name).collect();
    names.sort();
    names
}
