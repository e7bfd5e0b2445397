//! The process that dkimpy and pyspf run in.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub(crate) struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// # Panics
    /// If Debian's packages are missing.
    pub(crate) fn start(setup: &Value) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole/peers.py");
        // Debian's packages are for Debian's interpreter.
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut peer = Self { child, input, output };
        writeln!(peer.input, "{setup}").unwrap();
        peer
    }

    pub(crate) fn ask(&mut self, task: &Value) -> Value {
        writeln!(self.input, "{task}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "missing: python3-dkim python3-spf python3-authres python3-nacl");
        serde_json::from_str(&line).unwrap()
    }

    /// The octets that a task makes; `None` when it was refused.
    pub(crate) fn make(&mut self, task: &Value) -> Option<Vec<u8>> {
        let made = BASE64_STANDARD.decode(self.ask(task).as_str()?).unwrap();
        (!made.is_empty()).then_some(made)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
