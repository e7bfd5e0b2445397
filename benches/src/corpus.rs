//! Messages made up from a fixed seed: the same octets on every machine and in every run, and no files.

/// A header of 20 fields and about 1.2 KB, as a message has it after two hops, with its empty line.
pub const HEADER: &str = concat!(
    "Return-Path: <anna.lind@mail.example.org>\r\n",
    "Received: from mx2.example.net (mx2.example.net [192.0.2.25])\r\n",
    "\tby store.example.net (Postfix) with ESMTPS id 4XkQ1z0Jm9z2xQF\r\n",
    "\tfor <tom@example.net>; Tue, 14 Jul 2026 08:12:33 +0200 (CEST)\r\n",
    "Received: from out.mail.example.org (out.mail.example.org [198.51.100.7])\r\n",
    "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n",
    "\tby mx2.example.net (Postfix) with ESMTPS id 4XkQ1y3Rk1z1wB8\r\n",
    "\tfor <tom@example.net>; Tue, 14 Jul 2026 08:12:31 +0200 (CEST)\r\n",
    "From: Anna Lind <anna.lind@mail.example.org>\r\n",
    "Reply-To: Anna Lind <anna.lind@mail.example.org>\r\n",
    "To: Tom Berger <tom@example.net>\r\n",
    "Cc: planning@lists.example.net\r\n",
    "Subject: Re: The boat house, the invoice and\r\n",
    " what we said about the weekend\r\n",
    "Date: Tue, 14 Jul 2026 08:12:29 +0200\r\n",
    "Message-ID: <20260714061229.GA4711@mail.example.org>\r\n",
    "In-Reply-To: <CAF2c-9b1@mail.example.net>\r\n",
    "References: <2026071117.AA01@mail.example.org>\r\n",
    " <CAF2c-9b1@mail.example.net>\r\n",
    "MIME-Version: 1.0\r\n",
    "Content-Type: text/plain; charset=utf-8; format=flowed\r\n",
    "Content-Transfer-Encoding: 8bit\r\n",
    "Content-Language: en-GB\r\n",
    "User-Agent: Mutt/2.2.12 (2023-09-09)\r\n",
    "X-Priority: 3\r\n",
    "X-Spam-Status: No, score=-2.1\r\n",
    "X-Mailer-Id: 7f3a90\r\n",
    "\r\n",
);

/// A letter of 2 KB, header and body together.
pub fn letter() -> Vec<u8> {
    with_body(prose(2048 - HEADER.len()))
}

/// [`HEADER`] and this body.
pub fn with_body(body: Vec<u8>) -> Vec<u8> {
    let mut message = HEADER.as_bytes().to_vec();
    message.extend(body);
    message
}

/// The body of a message.
pub fn body(message: &[u8]) -> &[u8] {
    message
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .and_then(|at| message.get(at + 4..))
        .unwrap_or_default()
}

/// Exactly `octets` of English-looking prose: lines of at most 78 octets, two blanks after some full stops, blanks at
/// the end of one line in forty, quoted paragraphs, and an empty line between paragraphs.
pub fn prose(octets: usize) -> Vec<u8> {
    let mut writer = Writer::new(octets);
    while writer.wants_more() {
        writer.paragraph();
    }
    writer.finish()
}

/// Exactly `octets` of what messages with an attachment are made of: by size a third HTML with indentation, a sixth prose, and
/// a half attachments in base64, in lines of 76.
pub fn mixed(octets: usize) -> Vec<u8> {
    let mut writer = Writer::new(octets);
    while writer.wants_more() {
        writer.until(16 * 1024, Writer::paragraph);
        writer.line(b"--=_boundary_4711");
        writer.line(b"Content-Type: text/html; charset=utf-8");
        writer.line(b"");
        writer.until(32 * 1024, Writer::html);
        writer.line(b"--=_boundary_4711");
        writer.line(b"Content-Type: application/pdf; name=\"plan.pdf\"");
        writer.line(b"Content-Transfer-Encoding: base64");
        writer.line(b"");
        writer.until(48 * 1024, Writer::base64);
    }
    writer.finish()
}

/// Exactly `octets` of HTML as newsletters and receipts have it: tables in tables, each line indented by its depth.
pub fn html(octets: usize) -> Vec<u8> {
    let mut writer = Writer::new(octets);
    while writer.wants_more() {
        writer.html();
    }
    writer.finish()
}

/// A message of many parts, as most are: text, the same in HTML, and an attachment where there is room; `number` makes it
/// another one.
pub fn mime(number: usize, octets: usize) -> Vec<u8> {
    let mut writer = Writer { seed: number as u64, ..Writer::new(octets) };
    let text = octets / 12;
    writer.line(b"--=_alternative");
    writer.line(b"Content-Type: text/plain; charset=utf-8");
    writer.line(b"");
    writer.until(text, Writer::paragraph);
    writer.line(b"--=_alternative");
    writer.line(b"Content-Type: text/html; charset=utf-8");
    writer.line(b"");
    // Above that, a message is large for what is attached.
    writer.until(octets.min(72 * 1024).saturating_sub(text), Writer::html);
    writer.line(b"--=_attachment");
    writer.line(b"Content-Type: application/pdf");
    writer.line(b"Content-Transfer-Encoding: base64");
    writer.line(b"");
    while writer.wants_more() {
        writer.base64();
    }
    with_body(writer.finish())
}

/// Bodies made to be slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hostile {
    /// Nothing but empty lines.
    EmptyLines,
    /// Empty lines, and a word at the end that makes them count.
    EmptyLinesThenText,
    /// Nothing but blanks, and a word at the end.
    Blanks,
    /// Nothing but tabs in one line.
    Tabs,
    /// A letter and a tab in turn.
    LettersAndTabs,
    /// Lines of one octet.
    ShortLines,
    /// Lines of a few words, each ending in blanks.
    BlanksAtLineEnds,
    /// Two blanks between all letters.
    DoubleBlanks,
    /// Nothing but CR.
    BareCr,
}

impl Hostile {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::EmptyLines,
        Self::EmptyLinesThenText,
        Self::Blanks,
        Self::Tabs,
        Self::LettersAndTabs,
        Self::ShortLines,
        Self::BlanksAtLineEnds,
        Self::DoubleBlanks,
        Self::BareCr,
    ];

    /// What it is, in a few words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EmptyLines => "empty lines",
            Self::EmptyLinesThenText => "empty lines, then text",
            Self::Blanks => "blanks, then text",
            Self::Tabs => "tabs",
            Self::LettersAndTabs => "letters and tabs in turn",
            Self::ShortLines => "lines of one octet",
            Self::BlanksAtLineEnds => "blanks at each line end",
            Self::DoubleBlanks => "two blanks between letters",
            Self::BareCr => "bare CR",
        }
    }

    /// A body of this kind.
    pub fn body(self, octets: usize) -> Vec<u8> {
        let (unit, end): (&[u8], &[u8]) = match self {
            Self::EmptyLines => (b"\r\n", b""),
            Self::EmptyLinesThenText => (b"\r\n", b"x\r\n"),
            Self::Blanks => (b" ", b"x\r\n"),
            Self::Tabs => (b"\t", b"\r\n"),
            Self::LettersAndTabs => (b"a\t", b"\r\n"),
            Self::ShortLines => (b"a\r\n", b""),
            Self::BlanksAtLineEnds => (b"some words of text   \r\n", b""),
            Self::DoubleBlanks => (b"a  ", b"\r\n"),
            Self::BareCr => (b"\r", b"x\r\n"),
        };
        let mut body: Vec<u8> = unit.iter().copied().cycle().take(octets.saturating_sub(end.len())).collect();
        body.extend_from_slice(end);
        body
    }
}

struct Writer {
    out: Vec<u8>,
    wanted: usize,
    seed: u64,
}

impl Writer {
    fn new(wanted: usize) -> Self {
        Self { out: Vec::with_capacity(wanted + 4096), wanted, seed: 0x5EED }
    }

    fn wants_more(&self) -> bool {
        self.out.len() < self.wanted
    }

    /// A number below `limit`.
    fn random(&mut self, limit: usize) -> usize {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) as usize % limit
    }

    fn pick<'w>(&mut self, words: &[&'w str]) -> &'w str {
        let number = self.random(words.len());
        words.get(number).copied().unwrap_or_default()
    }

    fn line(&mut self, line: &[u8]) {
        self.out.extend_from_slice(line);
        self.out.extend_from_slice(b"\r\n");
    }

    fn until(&mut self, octets: usize, mut part: impl FnMut(&mut Self)) {
        let end = self.out.len() + octets;
        while self.out.len() < end && self.wants_more() {
            part(self);
        }
    }

    fn sentence(&mut self) -> String {
        let mut sentence = String::new();
        let words = 5 + self.random(13);
        for number in 0..words {
            let word = self.pick(&WORDS);
            match number {
                0 => {
                    sentence.push_str(word.get(..1).unwrap_or_default().to_ascii_uppercase().as_str());
                    sentence.push_str(word.get(1..).unwrap_or_default());
                }
                _ => {
                    sentence.push_str(if self.random(12) == 0 { ", " } else { " " });
                    sentence.push_str(word);
                }
            }
        }
        sentence.push_str(if self.random(9) == 0 { "?" } else { "." });
        sentence
    }

    fn paragraph(&mut self) {
        let quote = if self.random(6) == 0 { "> " } else { "" };
        let mut text = String::new();
        for _ in 0..3 + self.random(5) {
            text.push_str(&self.sentence());
            text.push_str(if self.random(5) == 0 { "  " } else { " " });
        }
        let mut line = quote.to_owned();
        for word in text.trim_end().split_inclusive(' ') {
            if line.len() + word.trim_end().len() > 78 {
                self.prose_line(&line);
                line = quote.to_owned();
            }
            line.push_str(word);
        }
        self.prose_line(&line);
        self.line(quote.trim_end().as_bytes());
    }

    fn prose_line(&mut self, line: &str) {
        let blanks = if self.random(40) == 0 { "  " } else { "" };
        self.line(format!("{}{blanks}", line.trim_end()).as_bytes());
    }

    /// A row of a table.
    fn html(&mut self) {
        let depth = 2 + self.random(7);
        for (deeper, text) in [(0, "<tr>"), (1, "<td align=\"left\" style=\"padding:0 12px;color:#333333\">")]
        {
            self.line(format!("{}{text}", "  ".repeat(depth + deeper)).as_bytes());
        }
        for _ in 0..1 + self.random(3) {
            let line = format!("{}<p class=\"text\">{}</p>", "  ".repeat(depth + 2), self.sentence());
            self.line(line.as_bytes());
        }
        for (deeper, text) in [(1, "</td>"), (0, "</tr>")] {
            self.line(format!("{}{text}", "  ".repeat(depth + deeper)).as_bytes());
        }
    }

    fn base64(&mut self) {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let line: Vec<u8> = (0..76).filter_map(|_| ALPHABET.get(self.random(64)).copied()).collect();
        self.line(&line);
    }

    /// Cuts to the size that was asked for, with a CRLF at the end.
    fn finish(mut self) -> Vec<u8> {
        self.out.truncate(self.wanted.saturating_sub(2));
        while matches!(self.out.last(), Some(b'\r' | b'\n' | b' ')) {
            self.out.pop();
        }
        self.out.resize(self.wanted.saturating_sub(2), b'.');
        self.out.extend_from_slice(b"\r\n");
        self.out
    }
}

const WORDS: [&str; 96] = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "that",
    "is",
    "was",
    "it",
    "for",
    "with",
    "as",
    "his",
    "on",
    "be",
    "at",
    "by",
    "had",
    "not",
    "are",
    "but",
    "from",
    "or",
    "have",
    "an",
    "they",
    "which",
    "one",
    "you",
    "were",
    "all",
    "her",
    "she",
    "there",
    "would",
    "their",
    "we",
    "him",
    "been",
    "has",
    "when",
    "who",
    "will",
    "no",
    "more",
    "if",
    "out",
    "so",
    "up",
    "said",
    "what",
    "its",
    "about",
    "than",
    "into",
    "them",
    "can",
    "only",
    "other",
    "time",
    "new",
    "some",
    "could",
    "these",
    "two",
    "may",
    "first",
    "then",
    "do",
    "message",
    "server",
    "letter",
    "garden",
    "meeting",
    "tomorrow",
    "invoice",
    "delivery",
    "weather",
    "evening",
    "question",
    "answer",
    "journey",
    "harbour",
    "mountain",
    "breakfast",
    "afternoon",
    "available",
    "agreement",
    "attachment",
    "conversation",
    "understand",
    "remember",
    "important",
    "different",
    "department",
    "neighbourhood",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact_and_lines_are_lines() {
        assert_eq!(letter().len(), 2048);
        for body in [prose(100_000), mixed(300_000), html(100_000)] {
            assert!(body.len() == 100_000 || body.len() == 300_000);
            assert!(body.ends_with(b"\r\n"));
            let long = body.split(|c| *c == b'\n').map(<[u8]>::len).max();
            assert!(long.is_some_and(|long| (70..=190).contains(&long)), "{long:?}");
        }
        for hostile in Hostile::ALL {
            assert_eq!(hostile.body(1000).len(), 1000, "{}", hostile.name());
        }
    }

    #[test]
    fn prose_is_mostly_clean() {
        let body = prose(100_000);
        let double = body.windows(2).filter(|two| two == b"  ").count();
        let single = body.iter().filter(|c| **c == b' ').count();
        assert!(double > 50 && double * 10 < single, "{double} of {single}");
        assert!(body.windows(2).any(|two| two == b" \r") && body.windows(3).any(|three| three == b"\n> "));
    }

    #[test]
    fn html_is_indented_and_large_mail_is_mostly_attached() {
        let lines = |body: &[u8], indented: bool| {
            body.split(|c| *c == b'\n').filter(|line| line.starts_with(b"    ") == indented).count()
        };
        assert!(lines(&html(100_000), true) > 900 && lines(&html(100_000), false) < 5);
        let large = mime(1, 500_000);
        assert!(large.len() == 500_000 + HEADER.len() && lines(&large, false) > 4 * lines(&large, true));
    }

    #[test]
    fn every_run_makes_the_same() {
        assert_eq!(prose(5000), prose(5000));
        assert_eq!(mixed(50_000), mixed(50_000));
        assert_eq!(html(50_000), html(50_000));
        assert_eq!(mime(7, 50_000), mime(7, 50_000));
        assert_ne!(mime(7, 50_000), mime(8, 50_000));
    }
}
