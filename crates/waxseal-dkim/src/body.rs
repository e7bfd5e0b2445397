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

/// Octets looked at in one go, then hashed: few enough that the memory is read ahead while the hash is at work.
const STEP: usize = 4 * 1024;

/// Where the canonical octets of one form go.
#[derive(Debug, Default)]
struct Sink {
    jobs: Vec<Job>,
    /// Canonical octets so far.
    length: u64,
    /// Short pieces are gathered here, since a hash takes a few long ones faster than many short ones.
    gathered: Vec<u8>,
}

/// Octets gathered at the most.
const GATHER: usize = 4096;

/// A piece of this many octets is hashed where it lies.
const LONG: usize = 2048;

#[derive(Debug)]
struct Job {
    algorithm: HashAlgorithm,
    wanted: Option<u64>,
    left: u64,
    hasher: Hasher,
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
        if octets.len() >= LONG || self.gathered.len() + octets.len() > GATHER {
            self.flush();
        }
        self.length += octets.len() as u64;
        if octets.len() >= LONG {
            hash(&mut self.jobs, octets);
            return;
        }
        if self.gathered.capacity() == 0 {
            self.gathered.reserve_exact(GATHER);
        }
        self.gathered.extend_from_slice(octets);
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
        hash(&mut self.jobs, &self.gathered);
        self.gathered.clear();
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
        let mut start = 0;
        for block in text.chunks(BLOCK) {
            let end = start + block.len();
            // Attachments in base64 have no blanks at all; the octet in front may be one.
            let looked_at = text.get(start.saturating_sub(1)..end).unwrap_or_default();
            if memchr::memchr2(b' ', b'\t', looked_at).is_some() && may_change(text, start, end) {
                done = self.put_changes(text, done, start, end);
            }
            start = end;
        }
        self.sink.put(text.get(done..).unwrap_or_default());
    }

    /// Puts the text from `done` on up to the last blanks of the block that have to be changed; gives where it goes on.
    fn put_changes(&mut self, text: &[u8], done: usize, start: usize, end: usize) -> usize {
        let mut done = done;
        let mut marks = [0; BLOCK];
        mark_suspects(text, start, end, &mut marks);
        for mark in memchr::memchr_iter(MARK, &marks) {
            let at = start.max(1) + mark;
            if at >= done {
                done = self.put_blanks(text, done, at);
            }
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
const BLOCK: usize = 1024;

/// True when an octet below LF stands in the block, a TAB among them, or two octets side by side of which none is above SP
/// and one is SP: blanks in a row, and blanks before a line end, are among these. No branch, so that the compiler can use
/// vectors, and as few operations as will do: this is nearly all that is done for a body besides hashing it.
fn may_change(text: &[u8], start: usize, end: usize) -> bool {
    let (before, here) = neighbours(text, start, end);
    let mut lowest = u8::MAX;
    let mut pair = 0;
    for (b, h) in before.iter().zip(here) {
        lowest = lowest.min(*h);
        pair |= mask((*b).max(*h) == b' ');
    }
    lowest < b'\n' || pair != 0
}

/// Marks the TABs and the pairs of [`may_change`], from the first octet that has one before it.
fn mark_suspects(text: &[u8], start: usize, end: usize, marks: &mut [u8; BLOCK]) {
    let (before, here) = neighbours(text, start, end);
    for ((mark, b), h) in marks.iter_mut().zip(before).zip(here) {
        *mark = mask(*h == b'\t') | mask((*b).max(*h) == b' ');
    }
}

const MARK: u8 = u8::MAX;

/// All bits or none, as vector comparisons give them.
fn mask(yes: bool) -> u8 {
    if yes { MARK } else { 0 }
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
