//! Programs that run once for many messages.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::{Command, Stdio};

/// Runs a program that answers each line of its input with one line.
///
/// # Panics
/// If it cannot be started, ends early or ends with another exit code than 0.
pub(crate) fn ask(command: &mut Command, lines: &[String]) -> Vec<String> {
    let name = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut input = BufWriter::new(child.stdin.take().unwrap());
    let output = BufReader::new(child.stdout.take().unwrap());
    let answers: Vec<String> = std::thread::scope(|scope| {
        // A program that ends early breaks the pipe; the count of its answers tells.
        scope.spawn(move || lines.iter().try_for_each(|line| writeln!(input, "{line}")));
        output.lines().map(|line| line.unwrap()).collect()
    });
    let status = child.wait().unwrap();
    assert!(status.success(), "{name} ended with {status}");
    assert_eq!(answers.len(), lines.len(), "{name} did not answer each line");
    answers
}

/// Whether a program can be started and ends well when it is asked nothing.
pub(crate) fn is_there(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
