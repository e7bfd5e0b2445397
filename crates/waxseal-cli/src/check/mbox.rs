//! Messages out of an mbox file (RFC 4155), one after the other, in constant memory.
//!
//! A message begins behind a line that starts with `From `, at the beginning of the file or behind an empty line, and
//! that empty line belongs to the format.

use clap::ValueEnum;
use memchr::memmem;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};

/// How lines of a message that begin with `From ` are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Quoting {
    /// By one more > before "From ", ">From ", ">>From " and so on (mboxrd): one is removed
    #[default]
    Rd,
    /// By a > before "From " only (mboxo): it is removed from ">From "
    O,
    /// Not at all: nothing is removed
    None,
}

impl Quoting {
    /// Removes the marks from a whole message.
    pub(super) fn undo(self, message: Vec<u8>) -> Vec<u8> {
        let (mut out, mut done) = (Vec::new(), 0);
        for mark in memmem::find_iter(&message, b">From ") {
            let before = message.get(done..mark).unwrap_or_default();
            let further = before.iter().rev().take_while(|byte| **byte == b'>').count();
            let line = mark - further;
            let begins = line == 0 || message.get(line - 1) == Some(&b'\n');
            if begins && self.removes_one_of(further + 1) {
                out.extend_from_slice(message.get(done..line).unwrap_or_default());
                done = line + 1;
            }
        }
        if done == 0 {
            return message;
        }
        out.extend_from_slice(message.get(done..).unwrap_or_default());
        out
    }

    /// Whether one of this many marks is removed.
    fn removes_one_of(self, marks: usize) -> bool {
        match self {
            Self::Rd => marks > 0,
            Self::O => marks == 1,
            Self::None => false,
        }
    }
}

const FROM: &[u8] = b"From ";

/// Bytes of a line that are looked at in one piece.
const PIECE: u64 = 64 * 1024;

/// Bytes handed out at a time, more or less.
const BLOCK: usize = 64 * 1024;

/// Bytes read at a time: most messages end in the block that they begin in.
const BUFFER: usize = 1 << 20;

/// An mbox file. [`Mbox::next_message`] goes to a message; [`Mbox::take_buffered`] hands out a short one as it stands in the
/// file, `Read` any one without its marks, with the line ends of the file.
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
    /// Bytes of the message that are ready, from `given` on.
    ready: Vec<u8>,
    given: usize,
    /// Bytes of the file so far.
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
            input: BufReader::with_capacity(BUFFER, input),
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

    /// The message that [`Mbox::next_message`] went to, still with its marks, if its end was read already. One search finds the
    /// end: what costs time is left to others.
    pub(super) fn take_buffered(&mut self) -> io::Result<Option<Vec<u8>>> {
        let buffer = self.input.buffer();
        let Some((end, next)) = end_of_message(buffer) else { return Ok(None) };
        let message = buffer.get(..end).unwrap_or_default().to_vec();
        self.input.consume(next);
        self.read += next as u64;
        self.place = Place::Next;
        self.read_piece()?;
        self.skip_line()?;
        Ok(Some(message))
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
        let marks = self.piece.iter().take_while(|byte| **byte == b'>').count();
        let from = self.piece.get(marks..).is_some_and(|rest| rest.starts_with(FROM));
        from && self.quoting.removes_one_of(marks)
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

/// Where a message ends that begins with the first of these bytes, and where the `From ` line behind it begins.
fn end_of_message(bytes: &[u8]) -> Option<(usize, usize)> {
    memmem::find_iter(bytes, b"\nFrom ").find_map(|at| {
        let line = match bytes.get(..at)? {
            [.., b'\r'] => at - 1,
            _ => at,
        };
        // The line in front is empty, or the message has nothing else.
        let is_empty = line == 0 || bytes.get(line - 1) == Some(&b'\n');
        is_empty.then_some((line, at + 1))
    })
}

fn is_empty_line(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

/// The bytes of the message; at its end nothing, until [`Mbox::next_message`] goes on.
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

    /// As they are read in one go, which has to be as they are read in pieces.
    fn messages_of(file: &[u8], quoting: Quoting) -> Vec<String> {
        let (mut mbox, mut messages) = (Mbox::new(file, quoting), Vec::new());
        while mbox.next_message().unwrap() {
            let message = match mbox.take_buffered().unwrap() {
                Some(message) => quoting.undo(message),
                None => {
                    let mut message = Vec::new();
                    mbox.read_to_end(&mut message).unwrap();
                    message
                }
            };
            messages.push(String::from_utf8(message).unwrap());
        }
        assert_eq!(mbox.read, file.len() as u64);
        assert_eq!(messages, in_pieces(file, quoting));
        messages
    }

    fn in_pieces(file: &[u8], quoting: Quoting) -> Vec<String> {
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

    /// Whatever stands in a file, in any order.
    #[test]
    fn messages_in_one_go_are_those_in_pieces() {
        let parts = [&b"From "[..], b"\n", b"\r\n", b">", b"x", b"\r", b"\n\nFrom a\n", b">From b\n"];
        let mut state = 1u32;
        for _ in 0..3000 {
            let mut file = b"From a\n".to_vec();
            for _ in 0..24 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                file.extend_from_slice(parts[state as usize >> 16 & 7]);
            }
            for quoting in [Quoting::Rd, Quoting::O, Quoting::None] {
                messages_of(&file, quoting);
            }
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
