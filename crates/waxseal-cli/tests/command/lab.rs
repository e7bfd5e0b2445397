//! Runs the command, in a scratch folder with keys.

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
pub(crate) const MESSAGE: &str =
    "From: Joe <joe@example.org>\r\nSubject: lunch\r\nX-Mailer: none\r\n\r\nHi.\r\n\r\nJoe\r\n";

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

/// The names of the files in a folder.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(dir).unwrap().map(name).collect();
    names.sort();
    names
}
