//! Canonicalization and hashing of the body (RFC 6376 §3.4.3, §3.4.4, §3.7), in one pass and constant memory.

use crate::Canonicalization;
use waxseal_crypto::{Digest, HashAlgorithm, Hasher, Provider};

/// Hashes a body that arrives in chunks, once for every distinct (canonicalization, hash, length) that is asked for.
///
/// Memory does not depend on the body: blank lines are counted, not kept.
///
/// ```
/// use waxseal_crypto::{HashAlgorithm, default_provider};
/// use waxseal_dkim::{BodyHasher, Canonicalization};
/// let mut hasher = BodyHasher::new(default_provider());
/// let id = hasher.want(Canonicalization::Relaxed, HashAlgorithm::Sha256, None);
/// hasher.push(b"a  b \r");
/// hasher.push(b"\n\r\n\r\n");
/// let hashes = hasher.finish();
/// assert_eq!(hashes.get(id).map(|hash| hash.length()), Some("a b\r\n".len() as u64));
/// ```
#[derive(Debug)]
pub struct BodyHasher {
    provider: &'static dyn Provider,
    simple: Option<Simple>,
    relaxed: Option<Relaxed>,
    ids: Vec<(Canonicalization, usize)>,
}

/// Names one hash of a [`BodyHasher`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyHashId(usize);

/// The finished hashes of a [`BodyHasher`].
#[derive(Debug, Clone, Default)]
pub struct BodyHashes {
    hashes: Vec<BodyHash>,
}

/// One finished hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyHash {
    digest: Digest,
    length: u64,
}

impl BodyHash {
    /// The digest of the canonical body, cut to the length that was asked for.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Octets of the whole canonical body, also when less was hashed.
    pub fn length(&self) -> u64 {
        self.length
    }
}

impl BodyHashes {
    /// The hash `id`; `None` when `id` is not of the same [`BodyHasher`].
    pub fn get(&self, id: BodyHashId) -> Option<&BodyHash> {
        self.hashes.get(id.0)
    }
}

impl BodyHasher {
    /// A hasher that nothing is asked of yet.
    pub fn new(provider: &'static dyn Provider) -> Self {
        Self { provider, simple: None, relaxed: None, ids: Vec::new() }
    }

    /// Asks for a hash, of the first `length` octets of the canonical body when that is given. Has to be called before
    /// the first [`BodyHasher::push`].
    pub fn want(&mut self, form: Canonicalization, hash: HashAlgorithm, length: Option<u64>) -> BodyHashId {
        let sink = match form {
            Canonicalization::Simple => &mut self.simple.get_or_insert_default().sink,
            Canonicalization::Relaxed => &mut self.relaxed.get_or_insert_default().sink,
        };
        let key = (form, sink.want(hash, length, self.provider));
        let known = self.ids.iter().position(|id| *id == key);
        BodyHashId(known.unwrap_or_else(|| {
            self.ids.push(key);
            self.ids.len() - 1
        }))
    }

    /// Takes the next chunk of the body.
    pub fn push(&mut self, chunk: &[u8]) {
        // Pieces that stay in the cache while each canonicalization looks at them.
        for piece in chunk.chunks(STEP) {
            if let Some(simple) = &mut self.simple {
                simple.push(piece);
            }
            if let Some(relaxed) = &mut self.relaxed {
                relaxed.push(piece);
            }
        }
    }

    /// Ends the body.
    pub fn finish(self) -> BodyHashes {
        let simple = self.simple.map(Simple::finish).unwrap_or_default();
        let relaxed = self.relaxed.map(Relaxed::finish).unwrap_or_default();
        let hash = |&(form, at): &(Canonicalization, usize)| match form {
            Canonicalization::Simple => simple.get(at).copied(),
            Canonicalization::Relaxed => relaxed.get(at).copied(),
        };
        BodyHashes { hashes: self.ids.iter().filter_map(hash).collect() }
    }
}

/// Octets looked at in one go.
const STEP: usize = 16 * 1024;

/// Where the canonical octets of one form go.
#[derive(Debug)]
struct Sink {
    jobs: Vec<Job>,
    /// Canonical octets so far.
    length: u64,
    /// Short pieces are gathered here, since a hash takes a few long ones faster than many short ones.
    gathered: [u8; GATHER],
    used: usize,
}

const GATHER: usize = 1024;

#[derive(Debug)]
struct Job {
    algorithm: HashAlgorithm,
    wanted: Option<u64>,
    left: u64,
    hasher: Hasher,
}

impl Default for Sink {
    fn default() -> Self {
        Self { jobs: Vec::with_capacity(1), length: 0, gathered: [0; GATHER], used: 0 }
    }
}

impl Sink {
    fn want(&mut self, algorithm: HashAlgorithm, wanted: Option<u64>, provider: &dyn Provider) -> usize {
        let known = self.jobs.iter().position(|job| job.algorithm == algorithm && job.wanted == wanted);
        known.unwrap_or_else(|| {
            let (left, hasher) = (wanted.unwrap_or(u64::MAX), provider.hasher(algorithm));
            self.jobs.push(Job { algorithm, wanted, left, hasher });
            self.jobs.len() - 1
        })
    }

    fn put(&mut self, octets: &[u8]) {
        self.length += octets.len() as u64;
        match self.gathered.get_mut(self.used..self.used + octets.len()) {
            Some(room) if octets.len() < GATHER / 4 => {
                room.copy_from_slice(octets);
                self.used += octets.len();
            }
            _ => {
                self.flush();
                if octets.len() < GATHER / 4 {
                    self.gather_first(octets);
                } else {
                    hash(&mut self.jobs, octets);
                }
            }
        }
    }

    /// Gathers into the empty buffer.
    fn gather_first(&mut self, octets: &[u8]) {
        if let Some(room) = self.gathered.get_mut(..octets.len()) {
            room.copy_from_slice(octets);
            self.used = octets.len();
        }
    }

    fn put_line_ends(&mut self, count: u64) {
        const LINE_ENDS: [[u8; 2]; 256] = [*b"\r\n"; 256];
        let mut left = count;
        while left > 0 {
            let now = left.min(LINE_ENDS.len() as u64);
            self.put(LINE_ENDS.get(..now as usize).unwrap_or_default().as_flattened());
            left -= now;
        }
    }

    fn flush(&mut self) {
        let used = std::mem::take(&mut self.used);
        hash(&mut self.jobs, self.gathered.get(..used).unwrap_or_default());
    }

    fn finish(mut self) -> Vec<BodyHash> {
        self.flush();
        let length = self.length;
        self.jobs.into_iter().map(|job| BodyHash { digest: job.hasher.finish(), length }).collect()
    }
}

fn hash(jobs: &mut [Job], octets: &[u8]) {
    for job in jobs.iter_mut().filter(|job| job.left > 0) {
        // §3.4.5: the body is cut to l= octets after canonicalization.
        let now = octets.len().min(usize::try_from(job.left).unwrap_or(usize::MAX));
        job.hasher.update(octets.get(..now).unwrap_or_default());
        job.left -= now as u64;
    }
}

/// RFC 6376 §3.4.3: "ignores all empty lines at the end of the message body". A line end is held back until something
/// other than line ends comes.
#[derive(Debug, Default)]
struct Simple {
    sink: Sink,
    line_ends: u64,
    after_cr: bool,
}

impl Simple {
    fn push(&mut self, chunk: &[u8]) {
        let mut chunk = chunk;
        if self.after_cr && !chunk.is_empty() {
            self.after_cr = false;
            match chunk.strip_prefix(b"\n") {
                Some(rest) => {
                    self.line_ends += 1;
                    chunk = rest;
                }
                None => self.put(b"\r"),
            }
        }
        let (text, line_ends, after_cr) = split_line_ends(chunk);
        if !text.is_empty() {
            self.put(text);
        }
        self.line_ends += line_ends;
        self.after_cr |= after_cr;
    }

    fn put(&mut self, text: &[u8]) {
        self.sink.put_line_ends(std::mem::take(&mut self.line_ends));
        self.sink.put(text);
    }

    fn finish(mut self) -> Vec<BodyHash> {
        if self.after_cr {
            self.put(b"\r");
        }
        // §3.4.3: "If there is no body or no trailing CRLF on the message body, a CRLF is added."
        self.sink.put(b"\r\n");
        self.sink.finish()
    }
}

/// Text, the number of CRLF behind it, and whether a CR is last.
fn split_line_ends(chunk: &[u8]) -> (&[u8], u64, bool) {
    let (mut text, after_cr) = match chunk {
        [text @ .., b'\r'] => (text, true),
        _ => (chunk, false),
    };
    let mut line_ends = 0;
    while let [front @ .., b'\r', b'\n'] = text {
        text = front;
        line_ends += 1;
    }
    (text, line_ends, after_cr)
}

/// RFC 6376 §3.4.4: "Ignore all whitespace at the end of lines", "Reduce all sequences of WSP within a line to a single
/// SP character", "Ignore all empty lines at the end of the message body".
///
/// What is held back until something other than blanks and line ends comes: line ends, then a blank, then a CR.
#[derive(Debug, Default)]
struct Relaxed {
    sink: Sink,
    line_ends: u64,
    blank: bool,
    after_cr: bool,
}

impl Relaxed {
    fn push(&mut self, chunk: &[u8]) {
        let front = chunk.iter().position(|c| !is_white(*c)).unwrap_or(chunk.len());
        let (front, rest) = chunk.split_at_checked(front).unwrap_or((chunk, &[]));
        front.iter().for_each(|c| self.push_white(*c));
        if rest.is_empty() {
            return;
        }
        let back = rest.iter().rposition(|c| !is_white(*c)).map_or(0, |last| last + 1);
        let (text, back) = rest.split_at_checked(back).unwrap_or((rest, &[]));
        self.release();
        self.put_text(text);
        back.iter().for_each(|c| self.push_white(*c));
    }

    /// Takes a blank, a CR or an LF.
    fn push_white(&mut self, c: u8) {
        if self.after_cr && c != b'\n' {
            self.release();
        }
        match c {
            b'\r' => self.after_cr = true,
            b'\n' if self.after_cr => {
                (self.after_cr, self.blank) = (false, false);
                self.line_ends += 1;
            }
            b'\n' => {
                self.release();
                self.sink.put(b"\n");
            }
            _ => self.blank = true,
        }
    }

    /// Lets out what was held back.
    fn release(&mut self) {
        self.sink.put_line_ends(std::mem::take(&mut self.line_ends));
        if std::mem::take(&mut self.blank) {
            self.sink.put(b" ");
        }
        if std::mem::take(&mut self.after_cr) {
            self.sink.put(b"\r");
        }
    }

    /// Takes text that neither begins nor ends in a blank, CR or LF. It goes on as it stands but for the runs of blanks
    /// that have to be changed.
    fn put_text(&mut self, text: &[u8]) {
        let mut done = 0;
        let mut block = 0;
        while block < text.len() {
            let end = (block + BLOCK).min(text.len());
            if may_change(text, block, end) {
                done = self.put_changes(text, done, block..end);
            }
            block = end;
        }
        self.sink.put(text.get(done..).unwrap_or_default());
    }

    /// Puts the text from `done` on up to the last blanks in `block` that have to be changed; gives where it goes on.
    fn put_changes(&mut self, text: &[u8], done: usize, block: std::ops::Range<usize>) -> usize {
        let mut done = done;
        let mut start = block.start;
        while start < block.end {
            let end = (start + LANES).min(block.end);
            let mut suspects = suspects(text, start, end);
            while suspects != 0 {
                let at = start.max(1) + suspects.trailing_zeros() as usize;
                suspects &= suspects - 1;
                if at >= done {
                    done = self.put_blanks(text, done, at);
                }
            }
            start = end;
        }
        done
    }

    /// `at` may be in a run of blanks that has to be changed. Puts the text from `done` and the changed run.
    fn put_blanks(&mut self, text: &[u8], done: usize, at: usize) -> usize {
        let is_blank = |at: usize| matches!(text.get(at), Some(b' ' | b'\t'));
        let mut run = at;
        while run > done && is_blank(run - 1) {
            run -= 1;
        }
        let mut after = at;
        while is_blank(after) {
            after += 1;
        }
        let at_line_end = matches!(text.get(after..), Some([b'\r', b'\n', ..]));
        if after == run || (!at_line_end && text.get(run..after) == Some(b" ")) {
            return done;
        }
        self.sink.put(text.get(done..run).unwrap_or_default());
        if !at_line_end {
            self.sink.put(b" ");
        }
        after
    }
}

impl Relaxed {
    fn finish(mut self) -> Vec<BodyHash> {
        if self.after_cr {
            self.release();
        }
        // §3.4.4: "If the body is non-empty but does not end with a CRLF, a CRLF is added."
        if self.sink.length > 0 {
            self.sink.put(b"\r\n");
        }
        self.sink.finish()
    }
}

/// Octets of which one look says whether anything has to be changed.
const BLOCK: usize = 512;

/// Octets that one word of suspects stands for.
const LANES: usize = 64;

/// True when a TAB stands in the block, or two octets side by side of which none is above SP and one is SP: blanks in a
/// row, and blanks before a line end, are among these. No branch, so that the compiler can use vectors.
fn may_change(text: &[u8], start: usize, end: usize) -> bool {
    let (before, here) = neighbours(text, start, end);
    before.iter().zip(here).fold(0, |any, (b, h)| any | suspect(*b, *h)) != 0
}

/// The octets for which [`may_change`] is true, a bit each, from the first that has one before it.
fn suspects(text: &[u8], start: usize, end: usize) -> u64 {
    let (before, here) = neighbours(text, start, end);
    let mut flags = [0_u8; LANES];
    for ((flag, b), h) in flags.iter_mut().zip(before).zip(here) {
        *flag = suspect(*b, *h);
    }
    let bits = |eight: &[u8]| {
        let word = eight.iter().rev().fold(0, |word: u64, flag| word << 8 | u64::from(*flag));
        // Moves the lowest bit of each octet into the top octet.
        word.wrapping_mul(0x0102_0408_1020_4080) >> 56
    };
    flags.chunks_exact(8).rev().fold(0, |word, eight| word << 8 | bits(eight))
}

fn suspect(before: u8, here: u8) -> u8 {
    u8::from(here == b'\t') | u8::from(before.max(here) == b' ')
}

/// The octets of the range, and for each the one before it. The first octet of the text has none and is no blank.
fn neighbours(text: &[u8], start: usize, end: usize) -> (&[u8], &[u8]) {
    let start = start.max(1).min(end);
    (text.get(start - 1..end - 1).unwrap_or_default(), text.get(start..end).unwrap_or_default())
}

fn is_white(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests;
