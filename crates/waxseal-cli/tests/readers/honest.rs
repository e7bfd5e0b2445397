//! From values of honest mail, which have to pass: a lab in which everything is refused is no proof.

/// The author's domain, or the parent of it.
pub(crate) const DOMAIN: &str = "a.example";

/// Messages with one of the values each.
pub(crate) fn messages() -> Vec<Vec<u8>> {
    let values = include_str!("honest.txt").lines().filter(|line| !line.starts_with('#'));
    let message = |value: &str| {
        let value = value.replace("\\r", "\r").replace("\\n", "\n").replace("\\t", "\t");
        format!("From: {value}\r\nSubject: hello\r\n\r\nHi.\r\n").into_bytes()
    };
    values.map(message).collect()
}
