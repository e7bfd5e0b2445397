//! Oddities of a file that should be a message, noticed while it is read.

use crate::input::{Input, Source};
use std::io::{self, Read};

/// A reader that remembers how the text began, and where lines ended in CR or LF alone.
pub(crate) struct Watched<R> {
    reader: R,
    start: Vec<u8>,
    line_ends: LineEndings,
}

/// The first lines, counted from 1, that do not end in CRLF.
#[derive(Debug, Default)]
struct LineEndings {
    lines: u64,
    after_cr: bool,
    bare_lf: Option<u64>,
    bare_cr: Option<u64>,
}

impl<R: Read> Watched<R> {
    const START: usize = 8;

    pub(crate) fn new(reader: R) -> Self {
        Self { reader, start: Vec::new(), line_ends: LineEndings::default() }
    }

    /// Remarks on how the text begins, for the message of this name.
    pub(crate) fn remark(&self, name: &str) -> Option<String> {
        let what = match &*self.start {
            [] => "is empty: a message is expected",
            [0xEF, 0xBB, 0xBF, ..] => {
                "begins with a byte order mark (EF BB BF), so its first line is not a header field: remove the mark"
            }
            [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] => {
                "begins with the byte order mark of UTF-16, and no message is that: save it as it came"
            }
            [b'\n', ..] | [b'\r', b'\n', ..] => {
                "begins with an empty line, so its header is empty and all that follows is body, DKIM-Signature and From \
                 too: remove the line"
            }
            [b'F', b'r', b'o', b'm', b' ', ..] => {
                "begins as an mbox file does and was read as one message: check --mbox checks every message in it"
            }
            _ => return None,
        };
        Some(format!("{name} {what}"))
    }

    /// The first line that is read as another one with `--line-ends repair`, and how it ends. In a file whose lines end in LF,
    /// every LF was read as CRLF already.
    pub(crate) fn bare_line_end(&self, is_lf_file: bool) -> Option<String> {
        let lf = self.line_ends.bare_lf.filter(|_| !is_lf_file).map(|line| (line, "LF"));
        let cr = self.line_ends.bare_cr().map(|line| (line, "CR"));
        let (line, octet) = lf.into_iter().chain(cr).min()?;
        Some(format!("line {line} ends in {octet} alone"))
    }
}

/// The file once more, if it can be read twice: a pipe cannot.
pub(crate) fn again(source: &Source) -> Option<Input> {
    match source {
        Source::Stdin => None,
        Source::File(_) => source.open().ok().filter(|input| input.length().is_some()),
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        let chunk = buffer.get(..length).unwrap_or_default();
        let missing = Self::START - self.start.len();
        self.start.extend_from_slice(chunk.get(..missing).unwrap_or(chunk));
        self.line_ends.push(chunk);
        Ok(length)
    }
}

impl LineEndings {
    fn push(&mut self, chunk: &[u8]) {
        let mut from = 0;
        for at in memchr::memchr2_iter(b'\r', b'\n', chunk) {
            let pending = std::mem::take(&mut self.after_cr);
            let is_lf = chunk.get(at) == Some(&b'\n');
            let pair = pending && is_lf && at == from;
            if pending && !pair {
                self.end_in_cr();
            }
            match is_lf {
                true if pair => self.lines += 1,
                true => {
                    self.lines += 1;
                    self.bare_lf.get_or_insert(self.lines);
                }
                false => self.after_cr = true,
            }
            from = at + 1;
        }
        if self.after_cr && from < chunk.len() {
            self.after_cr = false;
            self.end_in_cr();
        }
    }

    fn end_in_cr(&mut self) {
        self.lines += 1;
        self.bare_cr.get_or_insert(self.lines);
    }

    /// A CR at the very end is bare as well.
    fn bare_cr(&self) -> Option<u64> {
        self.bare_cr.or(self.after_cr.then_some(self.lines + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First bare LF and first bare CR.
    fn bare(text: &[u8], step: usize) -> (Option<u64>, Option<u64>) {
        let mut line_ends = LineEndings::default();
        text.chunks(step).for_each(|chunk| line_ends.push(chunk));
        (line_ends.bare_lf, line_ends.bare_cr())
    }

    #[test]
    fn lines_that_end_otherwise_are_counted_at_any_cut() {
        for (text, expected) in [
            (&b""[..], (None, None)),
            (b"a\r\nb\r\n\r\n", (None, None)),
            (b"a\r\nb\nc\r\n", (Some(2), None)),
            (b"\n", (Some(1), None)),
            (b"a\r\nb\rc\r\nd\n", (Some(4), Some(2))),
            (b"a\r\r\nb", (None, Some(1))),
            (b"a\r\n\rb\n", (Some(3), Some(2))),
            (b"a\r\nb\r", (None, Some(2))),
            (b"\r\r", (None, Some(1))),
        ] {
            for step in 1..8 {
                assert_eq!(bare(text, step), expected, "{} by {step}", text.escape_ascii());
            }
        }
    }

    fn remark(text: &[u8]) -> Option<String> {
        let mut watched = Watched::new(text);
        io::copy(&mut watched, &mut io::sink()).unwrap();
        watched.remark("x.eml")
    }

    #[test]
    fn what_a_file_begins_with_is_named() {
        for (text, what) in [
            (&b"\xEF\xBB\xBFFrom: a\r\n"[..], "a byte order mark (EF BB BF)"),
            (b"\xFF\xFEF\0r\0", "the byte order mark of UTF-16"),
            (b"\xFE\xFF\0F\0r", "the byte order mark of UTF-16"),
            (b"\r\nFrom: a\r\n", "an empty line"),
            (b"\nFrom: a\n", "an empty line"),
        ] {
            let remark = remark(text).unwrap_or_default();
            assert!(remark.starts_with(&format!("x.eml begins with {what}")), "{remark}");
        }
        assert!(remark(b"From a Thu Jan  1").is_some_and(|remark| remark.contains("as an mbox file does")));
        for text in [&b"From: a\r\n"[..], b"\rFrom: a", b"\xEF\xBB", b"Fro"] {
            assert_eq!(remark(text), None, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn in_a_file_with_lf_only_cr_is_left_to_repair() {
        let watched = |text: &'static [u8]| {
            let mut watched = Watched::new(text);
            io::copy(&mut watched, &mut io::sink()).unwrap();
            (watched.bare_line_end(true), watched.bare_line_end(false))
        };
        let line = |text: &str| Some(text.to_owned());
        assert_eq!(watched(b"a\nb\n"), (None, line("line 1 ends in LF alone")));
        assert_eq!(watched(b"a\nb\rc\n"), (line("line 2 ends in CR alone"), line("line 1 ends in LF alone")));
        assert_eq!(watched(b"a\r\nb\r\n"), (None, None));
    }
}
