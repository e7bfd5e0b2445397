//! Whole header blocks in which some reader may find another From field.

use crate::random::Random;

/// Names and separators that some reader may take for those of a From field.
const ALMOST_FROM: [&str; 32] = [
    "From:",
    "FROM:",
    "from:",
    "From :",
    "From\t:",
    " From:",
    "\tFrom:",
    ">From:",
    "> From:",
    "From\0:",
    "From\0x:",
    "\0From:",
    "Fr\0om:",
    "\x01From:",
    "From\x01:",
    "F\x7from:",
    "From\u{a0}:",
    "\u{a0}From:",
    "\u{feff}From:",
    "From\u{ff1a}",
    "From;",
    "From=",
    "From",
    "From\r:",
    "\rFrom:",
    "From\r\n :",
    "\x0bFrom:",
    "\x0cFrom:",
    "From(x):",
    "\"From\":",
    "From\x08:",
    "Resent-From:",
];
const OTHER: [&str; 15] = [
    "Subject: hello",
    "To: joe@example.net",
    "Date: Mon, 4 May 2026 10:00:00 +0000",
    "Message-ID: <1@evil.example>",
    "Sender: ceo@bank.example",
    "Reply-To: CEO <ceo@bank.example>",
    "Return-Path: <ceo@bank.example>",
    "X-From: ceo@bank.example",
    "Subject: From: ceo@bank.example",
    "Subject: x\r\n From: ceo@bank.example",
    "Subject: =?utf-8?q?x=0D=0AFrom:_ceo@bank.example?=",
    "Received: from bank.example by mx; Mon, 4 May 2026 10:00:00 +0000",
    "X: \u{85}From: ceo@bank.example",
    "Subject: \u{2028}From: ceo@bank.example",
    "Resent-From: ceo@bank.example",
];
/// What stands between a value and a From field that only some reader sees.
const BREAKS: [&str; 16] = [
    "\r", "\r", "\r\r", "\n", "\n\n", "\r\n\r", "\0", "\0\r", "\x0b", "\x0c", "\u{85}", "\u{2028}", "\x1c",
    "\r\0", "\r ", "\n\r",
];
/// Lines that are no fields, and that some reader takes for the end of the header, or for none.
const NO_FIELDS: [&str; 9] = [
    " ",
    "\t",
    "x",
    "From joe@bank.example Mon May  4 10:00:00 2026",
    ":",
    "\0",
    " \r\n ",
    "--b",
    "\u{feff}",
];

impl Random {
    /// A message: header, empty line and body.
    pub(crate) fn message(&mut self) -> Vec<u8> {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        let from = [b"From: ", &self.value_of_from()[..]].concat();
        lines.push(from);
        if self.one_in(4) {
            let odd = self.odd_line();
            let at = self.below(2);
            lines.insert(at, odd);
        }
        for _ in 0..self.below(3) {
            let at = self.below(lines.len() + 1);
            let other = self.pick(&OTHER).as_bytes().to_vec();
            lines.insert(at, other);
        }
        let mut message = lines.join(&b"\r\n"[..]);
        message.extend_from_slice(b"\r\n\r\nHi.\r\n");
        if self.one_in(16) {
            self.mutate(&mut message);
        }
        if self.one_in(5) { with_lf(&message) } else { message }
    }

    /// Another line of the header, which may be a From field for somebody.
    fn odd_line(&mut self) -> Vec<u8> {
        let value = self.pick(&["ceo@bank.example", "CEO <ceo@bank.example>", "u@evil.example"]);
        let name = self.pick(&ALMOST_FROM);
        match self.below(7) {
            0..4 => format!("{name} {value}").into_bytes(),
            4 => format!("X: a{}From: {value}", self.pick(&BREAKS)).into_bytes(),
            5 => format!("X: a{}{name} {value}", self.pick(&BREAKS)).into_bytes(),
            _ => self.pick(&NO_FIELDS).as_bytes().to_vec(),
        }
    }
}

/// As a file of Unix; a bare CR stays.
pub(crate) fn with_lf(message: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(message.len());
    for (at, octet) in message.iter().enumerate() {
        if *octet != b'\r' || message.get(at + 1) != Some(&b'\n') {
            text.push(*octet);
        }
    }
    text
}
