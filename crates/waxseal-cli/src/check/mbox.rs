//! Messages out of an mbox file (RFC 4155), one after the other, in constant memory.
//!
//! A message begins behind a line that starts with `From `, at the beginning of the file or behind an empty line, and
//! that empty line belongs to the format.

use clap::ValueEnum;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};

/// How lines of a message that begin with `From ` are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Quoting {
    /// By one more > in front of "From ", ">From ", ">>From " and so on (mboxrd): one is taken away
    #[default]
    Rd,
    /// By a > in front of "From " alone (mboxo): it is taken away from ">From "
    O,
    /// Not at all: nothing is taken away
    None,
}

const FROM: &[u8] = b"From ";

/// Octets of a line that are looked at in one piece.
const PIECE: u64 = 64 * 1024;

/// Octets given out at a time, more or less.
const BLOCK: usize = 64 * 1024;

/// An mbox file. [`Mbox::next_message`] goes to a message, `Read` gives out its octets with the line ends of the file.
pub(super) struct Mbox<R> {
    input: BufReader<R>,
    quoting: Quoting,
    /// The piece that was read last.
    piece: Vec<u8>,
    /// What comes next begins a line.
    at_line_start: bool,
    place: Place,
    /// An empty line that belongs to the message if no `From ` line follows.
    held: Vec<u8>,
    /// Octets of the message that are ready, from `given` on.
    ready: Vec<u8>,
    given: usize,
    /// Octets of the file so far.
    pub(super) read: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// No message has begun.
    Start,
    /// In a message.
    Message,
    /// Behind the `From ` line of the next one.
    Next,
    /// At the end of the file.
    End,
}

impl<R: Read> Mbox<R> {
    pub(super) fn new(input: R, quoting: Quoting) -> Self {
        Self {
            input: BufReader::with_capacity(BLOCK, input),
            quoting,
            piece: Vec::new(),
            at_line_start: true,
            place: Place::Start,
            held: Vec::new(),
            ready: Vec::new(),
            given: 0,
            read: 0,
        }
    }

    /// Goes to the next message, over what is left of this one. False at the end.
    pub(super) fn next_message(&mut self) -> io::Result<bool> {
        if self.place == Place::Start {
            self.begin()?;
        }
        while self.place == Place::Message {
            self.ready.clear();
            self.advance()?;
        }
        self.ready.clear();
        self.given = 0;
        let there_is = self.place == Place::Next;
        if there_is {
            self.place = Place::Message;
        }
        Ok(there_is)
    }

    /// Reads up to the first message.
    fn begin(&mut self) -> io::Result<()> {
        loop {
            if !self.read_piece()? {
                self.place = Place::End;
                return Ok(());
            }
            if self.piece.starts_with(FROM) {
                self.place = Place::Next;
                return self.skip_line();
            }
            if !is_empty_line(&self.piece) {
                let text = "not an mbox file: it does not begin with a line that starts with \"From \"";
                return Err(io::Error::new(ErrorKind::InvalidData, text));
            }
        }
    }

    /// Takes the next piece of the message.
    fn advance(&mut self) -> io::Result<()> {
        let at_line_start = self.at_line_start;
        if !self.read_piece()? {
            self.held.clear();
            self.place = Place::End;
            return Ok(());
        }
        if at_line_start && !self.held.is_empty() && self.piece.starts_with(FROM) {
            self.held.clear();
            self.place = Place::Next;
            return self.skip_line();
        }
        self.ready.append(&mut self.held);
        if at_line_start && is_empty_line(&self.piece) {
            std::mem::swap(&mut self.held, &mut self.piece);
            return Ok(());
        }
        let quoted = at_line_start && self.is_quoted();
        self.ready.extend_from_slice(self.piece.get(usize::from(quoted)..).unwrap_or_default());
        Ok(())
    }

    fn is_quoted(&self) -> bool {
        let marks = self.piece.iter().take_while(|octet| **octet == b'>').count();
        let from = self.piece.get(marks..).is_some_and(|rest| rest.starts_with(FROM));
        from && match self.quoting {
            Quoting::Rd => marks > 0,
            Quoting::O => marks == 1,
            Quoting::None => false,
        }
    }

    /// A line with its end, or as much of a long one as fits. False at the end.
    fn read_piece(&mut self) -> io::Result<bool> {
        self.piece.clear();
        let length = self.input.by_ref().take(PIECE).read_until(b'\n', &mut self.piece)?;
        self.read += length as u64;
        self.at_line_start = self.piece.ends_with(b"\n");
        Ok(length > 0)
    }

    /// Over the rest of a `From ` line.
    fn skip_line(&mut self) -> io::Result<()> {
        while !self.at_line_start && self.read_piece()? {}
        self.at_line_start = true;
        Ok(())
    }
}

fn is_empty_line(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

/// The octets of the message; at its end nothing, until [`Mbox::next_message`] goes on.
impl<R: Read> Read for Mbox<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.ready.len() {
            self.ready.clear();
            self.given = 0;
            while self.place == Place::Message && self.ready.len() < BLOCK {
                self.advance()?;
            }
        }
        let mut rest = self.ready.get(self.given..).unwrap_or_default();
        let length = rest.read(buffer)?;
        self.given += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages_of(file: &[u8], quoting: Quoting) -> Vec<String> {
        let mut mbox = Mbox::new(file, quoting);
        let mut messages = Vec::new();
        while mbox.next_message().unwrap() {
            let mut text = String::new();
            mbox.read_to_string(&mut text).unwrap();
            messages.push(text);
        }
        assert_eq!(mbox.read, file.len() as u64);
        messages
    }

    #[test]
    fn messages_and_the_lines_between_them() {
        let file =
            b"From a Thu Jan  1 00:00:00 1970\nA: 1\n\nx\nFrom here on\n\n\nFrom b\nB: 2\n\n\nFrom c\nC: 3\n";
        assert_eq!(messages_of(file, Quoting::Rd), ["A: 1\n\nx\nFrom here on\n\n", "B: 2\n\n", "C: 3\n"]);
        let crlf = String::from_utf8_lossy(file).replace('\n', "\r\n");
        let expected = ["A: 1\r\n\r\nx\r\nFrom here on\r\n\r\n", "B: 2\r\n\r\n", "C: 3\r\n"];
        assert_eq!(messages_of(crlf.as_bytes(), Quoting::Rd), expected);
        for (file, count) in [(&b""[..], 0), (b"\n\n", 0), (b"From a", 1), (b"From a\n\nFrom b\n\n", 2)] {
            assert_eq!(messages_of(file, Quoting::Rd), vec![""; count], "{}", file.escape_ascii());
        }
    }

    #[test]
    fn quoting() {
        let file = b"From a\nA: 1\n\n>From x\n>>From y\n> From z\n>Fromage\n\n>From w";
        let text = |quoting| messages_of(file, quoting).concat();
        assert_eq!(text(Quoting::Rd), "A: 1\n\nFrom x\n>From y\n> From z\n>Fromage\n\nFrom w");
        assert_eq!(text(Quoting::O), "A: 1\n\nFrom x\n>>From y\n> From z\n>Fromage\n\nFrom w");
        assert_eq!(text(Quoting::None), "A: 1\n\n>From x\n>>From y\n> From z\n>Fromage\n\n>From w");
    }

    #[test]
    fn long_lines_are_cut_nowhere_else() {
        let long = "x".repeat(PIECE as usize) + "From y\n";
        let file = format!("From {long}A: {long}\n{long}\n>From {long}\nFrom b\n{long}");
        let messages = messages_of(file.as_bytes(), Quoting::Rd);
        assert_eq!(messages, [format!("A: {long}\n{long}\nFrom {long}"), long]);
    }

    #[test]
    fn a_message_that_is_not_read_to_its_end_is_passed_over() {
        let file = format!("From a\n{}\nFrom b\nB: 2\n", "x\n".repeat(100_000));
        let mut mbox = Mbox::new(file.as_bytes(), Quoting::Rd);
        assert!(mbox.next_message().unwrap());
        mbox.read_exact(&mut [0; 10]).unwrap();
        assert!(mbox.next_message().unwrap());
        let mut rest = String::new();
        mbox.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "B: 2\n");
    }

    #[test]
    fn what_is_no_mbox_is_refused() {
        let error = Mbox::new(&b"Received: x\n\nFrom a\n"[..], Quoting::Rd).next_message().unwrap_err();
        assert!(error.to_string().starts_with("not an mbox file"), "{error}");
    }
}
