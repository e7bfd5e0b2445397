//! Canonicalization and hashing of the body (RFC 6376 §3.4.3, §3.4.4, §3.7), in one pass and constant memory.

mod sink;

use crate::Canonicalization;
use sink::{Finished, Place, Sink};
use waxseal_crypto::{Digest, HashAlgorithm, Provider};

/// What a body hash is a hash of: two signatures of the same form share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyForm {
    /// The part of `c=` behind the slash.
    pub canonicalization: Canonicalization,
    /// The hash of `a=`.
    pub hash: HashAlgorithm,
    /// `l=`: how many bytes of the canonical body are hashed; `None` for all.
    pub length: Option<u64>,
}

/// Hashes a body that arrives in chunks, once for every distinct (canonicalization, hash) that is asked for. Lengths cost
/// next to nothing: they are digests taken on the way.
///
/// Memory does not depend on the body: blank lines are counted, not kept.
///
/// ```
/// use waxseal_crypto::{HashAlgorithm, default_provider};
/// use waxseal_dkim::{BodyForm, BodyHasher, Canonicalization};
/// let mut hasher = BodyHasher::new(default_provider());
/// let form =
///     BodyForm { canonicalization: Canonicalization::Relaxed, hash: HashAlgorithm::Sha256, length: None };
/// hasher.want(form);
/// hasher.push(b"a  b \r");
/// hasher.push(b"\n\r\n\r\n");
/// let hashes = hasher.finish();
/// assert_eq!(hashes.get(&form).map(|hash| hash.length()), Some("a b\r\n".len() as u64));
/// ```
#[derive(Debug)]
pub struct BodyHasher {
    provider: &'static dyn Provider,
    simple: Option<Simple>,
    relaxed: Option<Relaxed>,
    wanted: Vec<(BodyForm, Place)>,
}

/// The hashes of one body, by their form. Collected from kept hashes, they let a verdict be reached again when the body is
/// gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BodyHashes(Vec<(BodyForm, BodyHash)>);

/// One finished hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyHash {
    digest: Digest,
    length: u64,
}

impl BodyHash {
    /// A hash that was made and kept earlier: its digest, and the bytes of the whole canonical body.
    pub fn new(digest: Digest, length: u64) -> Self {
        Self { digest, length }
    }

    /// The digest of the canonical body, cut to the length that was asked for.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Bytes of the whole canonical body, also when less was hashed.
    pub fn length(&self) -> u64 {
        self.length
    }
}

impl BodyHashes {
    /// The hash of this form; `None` when it was not asked for.
    pub fn get(&self, form: &BodyForm) -> Option<&BodyHash> {
        self.0.iter().find_map(|(known, hash)| (known == form).then_some(hash))
    }

    /// The hashes in the order in which they were asked for.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &(BodyForm, BodyHash)> {
        self.0.iter()
    }
}

impl FromIterator<(BodyForm, BodyHash)> for BodyHashes {
    fn from_iter<I: IntoIterator<Item = (BodyForm, BodyHash)>>(hashes: I) -> Self {
        Self(hashes.into_iter().collect())
    }
}

impl BodyHasher {
    /// A hasher that nothing is asked of yet.
    pub fn new(provider: &'static dyn Provider) -> Self {
        Self { provider, simple: None, relaxed: None, wanted: Vec::new() }
    }

    /// Asks for a hash. Has to be called before the first [`BodyHasher::push`].
    pub fn want(&mut self, form: BodyForm) {
        if self.wanted.iter().any(|(known, _)| *known == form) {
            return;
        }
        let sink = match form.canonicalization {
            Canonicalization::Simple => &mut self.simple.get_or_insert_default().sink,
            Canonicalization::Relaxed => &mut self.relaxed.get_or_insert_default().sink,
        };
        let place = sink.want(form.hash, form.length, self.provider);
        self.wanted.push((form, place));
    }

    /// What was asked for so far, each form once.
    pub fn forms(&self) -> impl ExactSizeIterator<Item = BodyForm> {
        self.wanted.iter().map(|(form, _)| *form)
    }

    /// Feeds the next chunk of the body.
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
        let hash = |(form, place): (BodyForm, Place)| {
            let finished = match form.canonicalization {
                Canonicalization::Simple => &simple,
                Canonicalization::Relaxed => &relaxed,
            };
            Some((form, finished.get(place)?))
        };
        BodyHashes(self.wanted.into_iter().filter_map(hash).collect())
    }
}

/// Octets looked at in one go, then hashed: few enough that the memory is read ahead while the hash is at work.
const STEP: usize = 4 * 1024;

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

    fn finish(mut self) -> Finished {
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
        // Attachments in base64 have no blanks at all.
        if memchr::memchr2(b' ', b'\t', text).is_none() {
            return self.sink.put(text);
        }
        // The first octet is no blank, so it only has to be the one before the first lane.
        let (mut done, mut at, mut rest) = (0, 1, text);
        while let Some(lane) = rest.first_chunk() {
            if let Some(suspects) = suspects(lane) {
                done = self.put_changes(text, done, at, suspects);
            }
            at += LANE;
            rest = rest.get(LANE..).unwrap_or_default();
        }
        let mut lane = [b'.'; LANE + 1];
        lane.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        if let Some(suspects) = suspects(&lane) {
            done = self.put_changes(text, done, at, suspects);
        }
        self.sink.put(text.get(done..).unwrap_or_default());
    }

    /// Puts the text from `done` on up to the last blanks at `suspects` that have to be changed; gives where it goes on. The
    /// lowest bit of `suspects` stands for the octet `at`.
    fn put_changes(&mut self, text: &[u8], done: usize, at: usize, suspects: u64) -> usize {
        let behind = |done: usize| u64::MAX.checked_shl(done.saturating_sub(at) as u32).unwrap_or(0);
        let (mut done, mut left) = (done, suspects & behind(done));
        while left != 0 {
            let run = Run::at(text, done, at + left.trailing_zeros() as usize);
            left &= left - 1;
            if run.has_to_change(text) {
                done = self.put_changed(text, done, &run);
                left &= behind(done);
            }
        }
        done
    }

    /// Puts the text from `done` and the run, changed; gives where the text goes on.
    fn put_changed(&mut self, text: &[u8], done: usize, run: &Run) -> usize {
        match text.get(run.start) {
            // The blank that stays is part of the slice.
            Some(b' ') if !run.at_line_end => {
                self.sink.put(text.get(done..run.start + 1).unwrap_or_default())
            }
            _ => {
                self.sink.put(text.get(done..run.start).unwrap_or_default());
                if !run.at_line_end {
                    self.sink.put(b" ");
                }
            }
        }
        run.end
    }
}

/// A run of blanks, maybe empty.
struct Run {
    start: usize,
    end: usize,
    at_line_end: bool,
}

impl Run {
    /// The run around the first suspect behind `done`: it begins there or one octet before.
    fn at(text: &[u8], done: usize, suspect: usize) -> Self {
        let is_blank = |at: usize| matches!(text.get(at), Some(b' ' | b'\t'));
        let start = if suspect > done && is_blank(suspect - 1) { suspect - 1 } else { suspect };
        let mut end = suspect;
        // Indentation, eight SP at a time.
        while let Some(eight) = text.get(end..).and_then(<[u8]>::first_chunk::<8>) {
            let blanks = (u64::from_le_bytes(*eight) ^ SPACES).trailing_zeros() as usize / 8;
            end += blanks;
            if blanks < 8 {
                break;
            }
        }
        while is_blank(end) {
            end += 1;
        }
        let at_line_end = matches!(text.get(end..), Some([b'\r', b'\n', ..]));
        Self { start, end, at_line_end }
    }

    fn has_to_change(&self, text: &[u8]) -> bool {
        match self.end - self.start {
            0 => false,
            1 => self.at_line_end || text.get(self.start) == Some(&b'\t'),
            _ => true,
        }
    }
}

impl Relaxed {
    fn finish(mut self) -> Finished {
        if self.after_cr {
            self.release();
        }
        // §3.4.4: "If the body is non-empty but does not end with a CRLF, a CRLF is added."
        if self.sink.length() > 0 {
            self.sink.put(b"\r\n");
        }
        self.sink.finish()
    }
}

/// Octets of which one look says whether anything has to be changed: as many as a word has bits.
const LANE: usize = 64;

/// Eight SP.
const SPACES: u64 = u64::from_le_bytes([b' '; 8]);

/// A bit for each octet but the first, the lowest for the second: set when it is TAB, or makes a pair with the one before it
/// of which none is above SP and one is SP. Blanks in a row, and blanks before a line end, are among these. `None` when no
/// bit is set.
///
/// No branch before that is known, so that the compiler can use vectors: this is nearly all that is done for a body besides
/// hashing it.
fn suspects(lane: &[u8; LANE + 1]) -> Option<u64> {
    let mut marks = [0; LANE];
    let mut any = 0;
    for ((mark, b), h) in marks.iter_mut().zip(lane).zip(lane.iter().skip(1)) {
        *mark = mask(*h == b'\t') | mask((*b).max(*h) == b' ');
        any |= *mark;
    }
    let bits = |eight: &[u8]| low_bits(eight.try_into().unwrap_or_default());
    (any != 0).then(|| marks.chunks_exact(8).rev().fold(0, |word, eight| word << 8 | bits(eight)))
}

/// All bits or none, as vector comparisons give them.
fn mask(yes: bool) -> u8 {
    if yes { u8::MAX } else { 0 }
}

/// The lowest bit of each octet, that of the first octet lowest: the factor brings them together in the highest octet.
fn low_bits(octets: [u8; 8]) -> u64 {
    (u64::from_le_bytes(octets) & u64::from_le_bytes([1; 8])).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

fn is_white(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests;
