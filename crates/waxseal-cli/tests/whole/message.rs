//! Messages as people and programs write them, and a bit odder.

use crate::random::Random;
use crate::zone::DOMAINS;

impl Random {
    fn text(&mut self) -> String {
        let words = [
            "lunch",
            "the",
            "invoice",
            "a  b",
            "x\ty",
            "J\u{f6}rg",
            "=?utf-8?q?J=C3=B6rg?=",
            "1",
            "(c)",
            "\"q\"",
            "a;b=c",
            "--",
            ".",
            "b=",
            "from:",
        ];
        let blanks = [" ", " ", " ", "  ", "\r\n ", "\r\n\t", " \r\n  "];
        let mut text = String::new();
        for _ in 0..=self.below(6) {
            if !text.is_empty() {
                text += self.pick(&blanks);
            }
            text += self.pick(&words);
        }
        text
    }

    fn field(&mut self) -> String {
        let name = self.pick(&[
            "Subject",
            "To",
            "Cc",
            "Date",
            "Message-ID",
            "MIME-Version",
            "Content-Type",
            "Reply-To",
            "In-Reply-To",
            "References",
            "X-Mailer",
            "x-lower",
            "X-UPPER",
            "Received",
            "List-Id",
            "Comments",
            "Comments",
            "Resent-From",
            "List-Unsubscribe",
        ]);
        let gap = self.pick(&[" ", " ", " ", " ", "", "  ", "\t", "\r\n "]);
        match self.below(14) {
            0 => format!("{name}:\r\n"),
            1 => format!("{name}: \r\n"),
            _ => {
                let end = self.pick(&["", "", "", " ", "\t", "  "]);
                format!("{name}:{gap}{}{end}\r\n", self.text())
            }
        }
    }

    fn author(&mut self) -> String {
        let domain = self.pick(&DOMAINS);
        let name = self.pick(&["From", "From", "From", "from", "FROM"]);
        match self.below(5) {
            0 => format!("{name}: u@{domain}\r\n"),
            1 => format!("{name}: \"Doe, Joe\" <u@{domain}>\r\n"),
            2 => format!("{name}: Joe\r\n <u@{domain}>\r\n"),
            3 => format!("{name}:Joe  Doe\t<u@{domain}> \r\n"),
            _ => format!("{name}: Joe <u@{domain}>\r\n"),
        }
    }

    fn body(&mut self) -> String {
        let lines = [
            "Hi.",
            "",
            "",
            " ",
            "\t",
            "two  blanks",
            "end ",
            "end\t ",
            " begin",
            ".",
            "..",
            "From here",
            "-- ",
            "=3D",
            "J\u{f6}rg",
            "a\tb",
        ];
        let mut body = String::new();
        for _ in 0..self.below(8) {
            body += self.pick(&lines);
            body += "\r\n";
        }
        match self.below(8) {
            0 => body += "no line end",
            1 => body += "\r\n\r\n\r\n",
            2 => body += &"x".repeat(1 + self.below(2_000)),
            _ => {}
        }
        body
    }

    /// A message, and what it may be signed with: names of some of its fields.
    pub(crate) fn message(&mut self) -> Vec<u8> {
        let mut fields: Vec<_> = (0..self.below(8)).map(|_| self.field()).collect();
        let at = self.below(fields.len() + 1);
        let author = self.author();
        fields.insert(at, author);
        if self.one_in(25) {
            let (at, author) = (self.below(fields.len() + 1), self.author());
            fields.insert(at, author);
        }
        let separator = if self.one_in(60) { "" } else { "\r\n" };
        let body = if separator.is_empty() { String::new() } else { self.body() };
        format!("{}{separator}{body}", fields.concat()).into_bytes()
    }

    /// The fields to sign, in lower case; From is among them. Sometimes one is named twice or is not there.
    pub(crate) fn field_names(&mut self) -> Vec<String> {
        let names = [
            "subject",
            "to",
            "cc",
            "date",
            "message-id",
            "mime-version",
            "content-type",
            "x-mailer",
            "comments",
            "comments",
            "list-id",
        ];
        let mut picked: Vec<String> = vec!["from".to_owned()];
        for name in names {
            if self.one_in(2) {
                picked.push(name.to_owned());
            }
        }
        if self.one_in(3) {
            picked.push("from".to_owned());
        }
        picked
    }
}
