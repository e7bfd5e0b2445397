//! Values of From that a forger may write: the bank in every place that somebody may take for the author's.

use crate::random::Random;

/// The forger's domain, for which everything passes.
pub(crate) const OWN: &str = "evil.example";
/// The domain that no reader may show.
pub(crate) const BANK: &str = "bank.example";

const GAPS: [&str; 18] = [
    "\r\n",
    " ",
    " ",
    " ",
    "\t",
    "\r\n ",
    "\r\n\t",
    "(x)",
    " (x) ",
    "(a (b) c)",
    "(x\r\n y)",
    "\r\n \r\n ",
    "\0",
    "\r",
    "\x0b",
    "\u{a0}",
    "\u{200b}",
    "\u{3000}",
];
const WORDS: [&str; 22] = [
    "Joe",
    "CEO",
    "J.",
    "Doe",
    "the",
    "[list]",
    "Ann-Marie",
    "O'Neil",
    "R&D",
    "50%",
    "*",
    "team/ops",
    "=?",
    "?=",
    "|",
    "via",
    "Jörg",
    "日本",
    "Ивано\u{432}",
    "\u{202e}",
    "Dr.",
    "=?utf-8?q?J=C3=B6rg?=",
];
const DOTS: [&str; 6] = [".", ".", ".", "\u{3002}", "\u{ff0e}", "\u{2024}"];

impl Random {
    /// An address of the forger's.
    fn own(&mut self) -> String {
        let local = self.pick(&["u", "u", "u", "u.v", "u+x", "U", "\"u v\"", "u'x", "=u="]);
        let domain =
            self.pick(&[OWN, OWN, OWN, OWN, OWN, "EVIL.example", "sub.evil.example", "evil.example."]);
        format!("{local}@{domain}")
    }

    /// An address of the bank's.
    fn bank(&mut self) -> String {
        let local = self.pick(&["ceo", "ceo", "ceo", "c.e.o", "\"ceo\"", "ceo+x", ""]);
        format!("{local}@{BANK}")
    }

    fn gap(&mut self) -> &'static str {
        self.pick(&GAPS)
    }

    /// The address with gaps beside its specials.
    fn spaced(&mut self, address: &str) -> String {
        let mut spaced = String::new();
        for c in address.chars() {
            let special = matches!(c, '@' | '.');
            if special && self.one_in(3) {
                spaced += self.gap();
            }
            spaced.push(c);
            if special && self.one_in(3) {
                spaced += self.gap();
            }
        }
        spaced
    }

    /// The address of the bank where it is text for display, or nearly so.
    fn disguised(&mut self) -> String {
        let bank = self.bank();
        let angle = format!("<{bank}>");
        let inner =
            self.pick(&[&bank[..], &angle, "ceo @bank.example", "ceo\r\n @bank.example", "CEO"]).to_owned();
        let gap = self.gap();
        match self.below(36) {
            0..3 => format!("\"{inner}\""),
            3 => format!("\"CEO{gap}{inner}\""),
            4 => format!("\"{inner}{gap}\" x"),
            5 => format!("\"CEO\\\" {inner}\""),
            6 | 7 => format!("({inner})"),
            8 => format!("(CEO{gap}{inner})"),
            9 => format!("(a (b) {inner})"),
            10 | 11 => encoded(&inner),
            12 => format!("=?{inner}"),
            13 => format!("{inner}?="),
            14 => format!("=?utf-8?q?{inner}?="),
            15 => format!("=?utf-8?q?{inner}"),
            16 => format!("\"{}\"", encoded(&inner)),
            17 => self.spaced(&bank),
            18 => bank,
            19 => format!("[{inner}]"),
            20 => {
                inner.replace('@', self.pick(&["@ ", " @", "(at)", "\u{ff20}", "@@", "\\@", "\"@\"", "=40"]))
            }
            21 => inner.replace('.', self.pick(&DOTS)),
            22 => format!("{inner}:"),
            23 => format!("\"{inner}"),
            24 => format!("{inner}\""),
            25 => format!("({inner}"),
            26 => format!("'{inner}'"),
            27 => format!("@{BANK}"),
            28 => format!("CEO;{gap}{inner}"),
            29 => format!("\"\\\"{inner}\\\"\""),
            30 => format!("(({inner}) x)"),
            31 => format!("ceo%{BANK}"),
            32 => format!("\"CEO\"{gap}\"{inner}\""),
            33 => format!("{}{}", encoded("CEO "), encoded(&inner)),
            34 => format!("=?utf-8?q?CEO?= {inner}"),
            _ => format!("<{inner}"),
        }
    }

    /// A display name without an address in it.
    fn plain_name(&mut self) -> String {
        let words: Vec<_> = (0..self.below(4)).map(|_| self.pick(&WORDS)).collect();
        let name = words.join(self.pick(&[" ", " ", "  ", "\r\n ", "."]));
        match self.below(8) {
            0 => format!("\"{name}\""),
            1 => format!("{name} (home)"),
            2 => format!("{}, Inc.", name),
            3 => encoded(&name),
            4 => format!("\"{name}, x; <y> [z]\""),
            _ => name,
        }
    }

    fn display(&mut self) -> String {
        match self.below(5) {
            0 | 1 => self.plain_name(),
            2 => self.disguised(),
            3 => format!("{} {}", self.plain_name(), self.disguised()),
            _ => format!("{}{}{}", self.disguised(), self.gap(), self.plain_name()),
        }
    }

    /// What may stand in angle brackets.
    fn angle(&mut self) -> String {
        let own = self.own();
        match self.below(24) {
            0 => format!("@{BANK}:{own}"),
            1 => format!("@{OWN},@{BANK}:{own}"),
            2 => self.quoted_local_part(),
            3 => self.spaced(&own),
            4 => format!("{own}{}", self.disguised()),
            5 => format!("{}{own}", self.disguised()),
            6 => format!("{own},{}", self.bank()),
            7 => format!("{} ", own),
            8 => format!("ceo@{BANK}.{OWN}"),
            _ => own,
        }
    }

    /// RFC 5322 §3.2.4 lets a quoted local part hold anything.
    fn quoted_local_part(&mut self) -> String {
        let bank = self.bank().replace('"', "");
        let inner = match self.below(8) {
            0 => format!("<{bank}>"),
            1 => format!("x <{bank}>"),
            2 => format!("{bank} x"),
            3 => format!("x\r\n {bank}"),
            4 => format!("{bank}>"),
            5 => format!("{bank}, x"),
            6 => format!("x\\\" <{bank}>"),
            _ => bank,
        };
        format!("\"{inner}\"@{OWN}")
    }

    /// One element of the list of authors.
    fn mailbox(&mut self) -> String {
        match self.below(17) {
            0 => self.own(),
            12 => format!("<{}> <{}>", self.bank(), self.own()),
            13 => format!("<{}> <{}>", self.own(), self.bank()),
            14 => format!("<<{}>{}>", self.bank(), self.own()),
            15 => format!("{} <{}> {}", self.plain_name(), self.own(), self.bank()),
            16 => format!("\"{}\"@{OWN}", encoded(&self.bank())),
            1 => format!("{} {}", self.own(), self.disguised()),
            2 => format!("{} {}", self.disguised(), self.own()),
            3 => self.quoted_local_part(),
            4 => self.disguised(),
            5 => {
                let own = self.own();
                self.spaced(&own)
            }
            6 => format!("<{}> {}", self.angle(), self.disguised()),
            _ => {
                let gap = self.pick(&[" ", " ", " ", "", "\r\n "]);
                format!("{}{gap}<{}>", self.display(), self.angle())
            }
        }
    }

    /// A value that the grammar makes, in which the bank stands in harmless places at most, as far as the grammar is
    /// concerned.
    fn calm(&mut self) -> String {
        let name = self.plain_name();
        let own = self.own();
        let inner =
            self.pick(&["ceo@bank.example", "<ceo@bank.example>", "CEO of bank.example", "x"]).to_owned();
        match self.below(10) {
            0 => own,
            1 => format!("{own} ({inner})"),
            2 | 3 => format!("\"{inner}\" <{own}>"),
            4 => format!("{} <{own}>", encoded(&inner)),
            5 => format!("{name} <{own}> ({inner})"),
            6 => format!("{own}, {name} <{own}>"),
            7 => format!("{name}: {own};"),
            _ => format!("{name} <{own}>"),
        }
    }

    fn list(&mut self) -> String {
        let first = self.mailbox();
        match self.below(10) {
            0 => format!("{first}, {}", self.mailbox()),
            1 => format!("{first},{}{}", self.gap(), self.mailbox()),
            2 => format!("{first};{}", self.mailbox()),
            3 => format!("{}: {first};", self.display()),
            4 => format!("{}: {first}; {}", self.plain_name(), self.mailbox()),
            5 => format!(", {first},"),
            // A line that is no field: there are readers that take it for a part of the one above.
            6 => format!("{first}\r\n, {}", self.mailbox()),
            _ => first,
        }
    }

    /// The value of one From field.
    pub(crate) fn value_of_from(&mut self) -> Vec<u8> {
        let calm = self.below(9) < 5;
        let value = if calm { self.calm() } else { self.list() };
        let mut value = value.into_bytes();
        let mutations = if calm { [0, 0, 0, 0, 0, 1, 2] } else { [0, 0, 0, 1, 1, 2, 3] };
        for _ in 0..mutations[self.below(7)] {
            self.mutate(&mut value);
        }
        value
    }

    /// Changes one place of the octets.
    pub(crate) fn mutate(&mut self, text: &mut Vec<u8>) {
        const SPECIALS: &[u8] =
            b"<>()[]:;@\\,.\"\"\"<>@@,,;:()=?'`| \t\r\n\0\x01\x08\x0b\x0c\x1f\x7f\x80\xa0\xc0\xff";
        let at = self.below(text.len().max(1));
        match self.below(6) {
            0..3 => text.insert(at.min(text.len()), SPECIALS[self.below(SPECIALS.len())]),
            3 if at < text.len() => drop(text.remove(at)),
            4 if at < text.len() => text[at] = SPECIALS[self.below(SPECIALS.len())],
            _ => {
                // A part moves to another place.
                let end = (at + 1 + self.below(12)).min(text.len());
                let part: Vec<u8> = text.get(at..end).unwrap_or_default().to_vec();
                let to = self.below(text.len() + 1);
                text.splice(to..to, part);
            }
        }
    }
}

/// An encoded word (RFC 2047 §4.1).
pub(crate) fn encoded(text: &str) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    format!("=?utf-8?b?{}?=", BASE64_STANDARD.encode(text))
}
