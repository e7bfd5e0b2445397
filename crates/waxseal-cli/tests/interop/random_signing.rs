//! Random odd messages, signed with random options: dkimpy verifies every one.
//!
//! `WAXSEAL_RANDOM_SIGNINGS` says how many (default 100).

use std::fs;
use std::time::{Duration, SystemTime};

use crate::lab::Lab;
use crate::{ours, peers, wanted};

/// What looks like tags, folds and encoded octets to whoever looks for them.
const PIECES: [&str; 18] = [
    "b=",
    " b=",
    "b=c;",
    ";b=3D",
    "|",
    ";",
    "=",
    "=3D",
    "\r\n b=",
    "\r\n\t",
    " ",
    "\t",
    "\u{e9}",
    "x",
    "word word",
    "\"",
    "bh=",
    "DKIM-Signature: b=",
];

const NAMES: [&str; 9] = ["Subject", "To", "X", "x", "b", "Date", "List-Id", "Content-Type", "Reply-To"];

/// A generator of numbers that are random enough to choose with (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    fn text(&mut self, pieces: usize) -> String {
        let count = self.below(pieces);
        (0..count).map(|_| PIECES[self.below(PIECES.len())]).collect()
    }

    fn message(&mut self) -> String {
        let mut fields: Vec<String> = (0..self.below(12))
            .map(|_| {
                let (name, value) = (NAMES[self.below(NAMES.len())], self.text(60));
                // A line of blanks alone is obsolete syntax, and ends the header for some.
                let lines = value.split("\r\n").filter(|line| !line.trim().is_empty());
                format!("{name}: v{}\r\n", lines.collect::<Vec<_>>().join("\r\n"))
            })
            .collect();
        let at = self.below(fields.len() + 1);
        fields.insert(at, "From: Bob <bob@alpha.example>\r\n".into());
        format!("{}\r\n{}\r\n", fields.concat(), self.text(60).replace("\r\n\r\n", "\r\n"))
    }
}

#[test]
fn dkimpy_verifies_whatever_is_signed() {
    if !wanted() {
        return;
    }
    let count = std::env::var("WAXSEAL_RANDOM_SIGNINGS").ok().map_or(100, |count| count.parse().unwrap());
    let lab = Lab::start();
    let folder = lab.folder("random");
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut files = Vec::new();
    for number in 0..count {
        let message = dice.message();
        let canon = ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"][dice.below(4)];
        let mut signer = ours::signer(&lab, ["rsa", "ed"][dice.below(2)], canon)
            .with_body_length(dice.coin())
            .with_copied_fields(dice.coin())
            .with_query_method(dice.coin());
        if dice.coin() {
            let names: Vec<_> = (0..dice.below(30)).map(|_| NAMES[dice.below(NAMES.len())]).collect();
            signer = if dice.coin() {
                signer.with_field_list(names.into_iter().chain(["From"]))
            } else {
                signer.with_fields(names)
            };
        }
        if dice.coin() {
            signer = signer
                .with_identity("b= ;b=|x@lists.alpha.example")
                .with_lifetime(Duration::from_secs(86_400));
        }
        let field =
            signer.sign(message.as_bytes(), SystemTime::now()).unwrap_or_else(|e| panic!("{e}: {message}"));
        let file = folder.join(format!("{number}.eml"));
        fs::write(&file, field + &message).unwrap();
        files.push(file);
    }
    let words = peers::dkimpy_verify(&lab, &files).unwrap();
    let refused = files.iter().zip(words).filter(|(_, words)| *words != ["pass"]);
    let refused: Vec<_> = refused.map(|(file, words)| format!("{}: {words:?}", file.display())).collect();
    assert!(refused.is_empty(), "{} of {count}:\n{}", refused.len(), refused.join("\n"));
    println!("dkimpy verified {count} random messages");
}
