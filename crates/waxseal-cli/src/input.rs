//! Messages from files and standard input, in chunks, with the line ends of SMTP.

use crate::{
    exit::{Exit, Failure},
    terminal::{self, Progress},
};
use clap::ValueEnum;
use std::{
    fs::File,
    io::{self, ErrorKind, IsTerminal, Read, Seek},
    path::{Path, PathBuf},
};
use waxseal::header::line_ends::{ToCrlf, to_crlf};

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// What to do about line ends. Mail is transmitted with CRLF, and signatures cover that form; files on disk often have
/// LF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LineEnds {
    /// If the first line ends in a bare LF, read every bare LF as CRLF; otherwise keep the message as it is
    #[default]
    Auto,
    /// Keep the message as it is
    Keep,
    /// Read every bare CR and every bare LF as CRLF
    Repair,
}

impl LineEnds {
    /// For a message that is in memory.
    pub(crate) fn apply(self, message: Vec<u8>) -> Vec<u8> {
        match (self, memchr::memchr(b'\n', &message)) {
            (Self::Auto, Some(lf)) if lf == 0 || message.get(lf - 1) != Some(&b'\r') => {
                let mut out = Vec::with_capacity(message.len() + message.len() / 32);
                BareLf::default().push(&message, &mut out);
                out
            }
            (Self::Repair, _) => to_crlf(&message).into_owned(),
            _ => message,
        }
    }
}

/// Where a message comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// `-`
    Stdin,
    /// A file.
    File(PathBuf),
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Self::Stdin } else { Self::File(path) }
    }
}

impl Source {
    /// Does `job` for each of the files, and goes on with the next one when one cannot be read.
    pub(crate) fn each(
        files: &[PathBuf],
        mut job: impl FnMut(&Self) -> Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        let mut exit = Exit::Pass;
        for file in files {
            exit = exit.and(match job(&Self::from(file.clone())) {
                Err(Failure::Text(text)) => {
                    terminal::error(&text);
                    Exit::Failed
                }
                done => done?,
            });
        }
        Ok(exit)
    }

    /// The name for people.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin => "(standard input)".into(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// The name in JSON: the file name as given, `-` for standard input.
    pub(crate) fn id(&self) -> String {
        self.path().display().to_string()
    }

    /// It cannot be read.
    pub(crate) fn unreadable(&self, error: &io::Error) -> Failure {
        let name = match self {
            Self::Stdin => "standard input".into(),
            Self::File(path) => path.display().to_string(),
        };
        Failure::new(format!("cannot read {name}: {error}"))
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Stdin => Path::new("-"),
            Self::File(path) => path,
        }
    }

    /// It is empty.
    pub(crate) fn empty(&self) -> Failure {
        Failure::new(match self {
            Self::Stdin => "standard input is empty: a message is expected".into(),
            Self::File(path) => format!("{} is empty: a message is expected", path.display()),
        })
    }

    pub(crate) fn open(&self) -> Result<Input, Failure> {
        match self {
            Self::Stdin => {
                // Otherwise the command seems to hang.
                if io::stdin().is_terminal() {
                    terminal::note("reading standard input, a terminal: end it with Ctrl-D");
                }
                Ok(Input::Stdin(io::stdin()))
            }
            Self::File(path) => {
                let failed = |error| Failure::file("read", path, &error);
                let file = File::open(path).map_err(failed)?;
                let metadata = file.metadata().map_err(failed)?;
                if metadata.is_dir() {
                    let error: io::Error = ErrorKind::IsADirectory.into();
                    let hint = "check --maildir is for folders with new/ and cur/, --mbox for files of many messages";
                    return Err(Failure::new(format!("cannot read {}: {error}; {hint}", path.display())));
                }
                Ok(Input::File { length: metadata.is_file().then_some(metadata.len()), file })
            }
        }
    }
}

/// An open message.
pub(crate) enum Input {
    Stdin(io::Stdin),
    /// `length` is known of regular files only; pipes with a name have none and cannot be read twice.
    File {
        file: File,
        length: Option<u64>,
    },
}

impl Input {
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::Stdin(_) => None,
            Self::File { length, .. } => *length,
        }
    }

    /// Back to the start; only for files whose length is known.
    pub(crate) fn rewind(&mut self) -> io::Result<()> {
        match self {
            Self::Stdin(_) => Err(ErrorKind::NotSeekable.into()),
            Self::File { file, .. } => file.rewind(),
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stdin(stdin) => stdin.read(buffer),
            Self::File { file, .. } => file.read(buffer),
        }
    }
}

/// The bytes of a message, chunk by chunk, in constant memory.
pub(crate) struct Chunks<R> {
    reader: R,
    buffer: Vec<u8>,
    converted: Vec<u8>,
    convert: Convert,
    ended: bool,
    progress: Progress,
}

/// What is known about the line ends.
enum Convert {
    /// No line has ended yet; the last byte so far.
    Undecided(Option<u8>),
    No,
    BareLf(BareLf),
    Repair(ToCrlf),
}

impl<R: Read> Chunks<R> {
    pub(crate) fn new(reader: R, line_ends: LineEnds, progress: Progress) -> Self {
        let convert = match line_ends {
            LineEnds::Auto => Convert::Undecided(None),
            LineEnds::Keep => Convert::No,
            LineEnds::Repair => Convert::Repair(ToCrlf::default()),
        };
        Self { reader, buffer: vec![0; CHUNK], converted: Vec::new(), convert, ended: false, progress }
    }

    /// Whether the line ends were LF and are given out as CRLF.
    pub(crate) fn is_lf_file(&self) -> bool {
        matches!(self.convert, Convert::BareLf(_))
    }

    /// The next bytes; `None` at the end.
    pub(crate) fn next_chunk(&mut self) -> io::Result<Option<&[u8]>> {
        if self.ended {
            return Ok(None);
        }
        let length = read_some(&mut self.reader, &mut self.buffer)?;
        self.progress.add(length);
        self.ended = length == 0;
        self.converted.clear();
        let chunk = self.buffer.get(..length).unwrap_or_default();
        if let Convert::Undecided(last) = self.convert {
            self.convert = match memchr::memchr(b'\n', chunk) {
                None => Convert::Undecided(chunk.last().copied().or(last)),
                Some(lf) => match lf.checked_sub(1).map_or(last, |at| chunk.get(at).copied()) {
                    Some(b'\r') => Convert::No,
                    _ => Convert::BareLf(BareLf::default()),
                },
            };
        }
        match &mut self.convert {
            Convert::Undecided(_) | Convert::No => return Ok((length > 0).then_some(chunk)),
            Convert::BareLf(convert) => convert.push(chunk, &mut self.converted),
            Convert::Repair(convert) if self.ended => std::mem::take(convert).finish(&mut self.converted),
            Convert::Repair(convert) => convert.push(chunk, &mut self.converted),
        }
        let more = !self.ended || !self.converted.is_empty();
        Ok(more.then_some(self.converted.as_slice()))
    }
}

fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Text without the line end that it may have, as what a tool printed.
pub(crate) fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// Makes CRLF of every LF without CR in front, and leaves a bare CR alone: the way back from what mail servers do when
/// they store a message on Unix.
#[derive(Default)]
struct BareLf {
    after_cr: bool,
}

impl BareLf {
    fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let mut start = 0;
        for lf in memchr::memchr_iter(b'\n', chunk) {
            let line = chunk.get(start..lf).unwrap_or_default();
            out.extend_from_slice(line);
            let after_cr = if line.is_empty() { start == 0 && self.after_cr } else { line.ends_with(b"\r") };
            out.extend_from_slice(if after_cr { b"\n" } else { b"\r\n" });
            start = lf + 1;
        }
        let rest = chunk.get(start..).unwrap_or_default();
        out.extend_from_slice(rest);
        if let Some(last) = chunk.last() {
            self.after_cr = *last == b'\r';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out one or few bytes at a time.
    struct Drip<'t>(&'t [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let (head, rest) = self.0.split_at(self.1.min(self.0.len()));
            buffer[..head.len()].copy_from_slice(head);
            self.0 = rest;
            Ok(head.len())
        }
    }

    fn read(text: &[u8], step: usize, line_ends: LineEnds) -> (Vec<u8>, bool) {
        let mut chunks = Chunks::new(Drip(text, step), line_ends, Progress::new("reading", None));
        let mut out = Vec::new();
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            out.extend_from_slice(chunk);
        }
        (out, chunks.is_lf_file())
    }

    #[test]
    fn line_ends_do_not_depend_on_the_cut() {
        for text in [&b"a: 1\nb\r\n\n\nc\rd\n"[..], b"\nx", b"a\r\nb\nc\rd", b"x", b"", b"\r", b"\r\n\n"] {
            for line_ends in [LineEnds::Auto, LineEnds::Keep, LineEnds::Repair] {
                assert_eq!(
                    line_ends.apply(text.to_vec()),
                    read(text, 3, line_ends).0,
                    "{}",
                    text.escape_ascii()
                );
            }
        }
        for step in 1..8 {
            let auto = |text: &[u8]| read(text, step, LineEnds::Auto);
            assert_eq!(auto(b"a: 1\nb\r\n\n\nc\rd\n"), (b"a: 1\r\nb\r\n\r\n\r\nc\rd\r\n".to_vec(), true));
            assert_eq!(auto(b"\nx"), (b"\r\nx".to_vec(), true));
            assert_eq!(auto(b"x"), (b"x".to_vec(), false));
            assert_eq!(auto(b""), (b"".to_vec(), false));
            let keep = read(b"a: 1\nb\r", step, LineEnds::Keep);
            assert_eq!(keep, (b"a: 1\nb\r".to_vec(), false));
            let repair = read(b"a\nb\rc\r\nd\r", step, LineEnds::Repair);
            assert_eq!(repair, (b"a\r\nb\r\nc\r\nd\r\n".to_vec(), false));
        }
    }

    #[test]
    fn a_first_line_with_crlf_keeps_all_as_it_is() {
        for step in 1..8 {
            let text = b"a: 1\r\nb\nc";
            assert_eq!(read(text, step, LineEnds::Auto), (text.to_vec(), false), "{step}");
        }
    }
}
