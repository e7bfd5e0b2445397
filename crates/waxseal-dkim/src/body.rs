//! Canonicalization and hashing of the body (RFC 6376 §3.4.3, §3.4.4, §3.7), in one pass and constant memory.

pub(crate) mod copy;
mod sink;

use crate::Canonicalization;
use sink::{Finished, Gathered, Place, Sink, WINDOW, line_ends};
use std::ops::Range;
use waxseal_crypto::{Digest, HashAlgorithm, Provider};
use wide::u8x16;

/// How a body hash is computed: signatures with the same form share one hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyForm {
    /// The part of `c=` behind the slash.
    pub canonicalization: Canonicalization,
    /// The hash of `a=`.
    pub hash: HashAlgorithm,
    /// `l=`: how many bytes of the canonical body are hashed; `None` for all.
    pub length: Option<u64>,
}

/// Hashes a body that arrives in chunks, once for every distinct pair of canonicalization and hash algorithm. Lengths
/// cost next to nothing: their digests are taken on the way.
///
/// Memory use does not depend on the size of the body: blank lines are counted, not stored.
///
/// ```
/// use waxseal_crypto::{HashAlgorithm, default_provider};
/// use waxseal_dkim::{Canonicalization, parts::{BodyForm, BodyHasher}};
/// let mut hasher = BodyHasher::new(default_provider()?);
/// let form =
///     BodyForm { canonicalization: Canonicalization::Relaxed, hash: HashAlgorithm::Sha256, length: None };
/// hasher.want(form);
/// hasher.push(b"a  b \r");
/// hasher.push(b"\n\r\n\r\n");
/// let hashes = hasher.finish();
/// assert_eq!(hashes.get(&form).map(|hash| hash.length()), Some("a b\r\n".len() as u64));
/// # Ok::<(), waxseal_crypto::NoProvider>(())
/// ```
#[derive(Debug)]
pub struct BodyHasher {
    provider: &'static dyn Provider,
    simple: Option<Simple>,
    relaxed: Option<Relaxed>,
    wanted: Vec<(BodyForm, Place)>,
}

/// The hashes of one body, by form. They can be collected from stored hashes, to reach a verdict again without the
/// body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BodyHashes(Vec<(BodyForm, BodyHash)>);

/// A finished hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyHash {
    digest: Digest,
    length: u64,
}

impl BodyHash {
    /// A hash that was computed and stored earlier: its digest, and the length of the whole canonical body in bytes.
    pub fn new(digest: Digest, length: u64) -> Self {
        Self { digest, length }
    }

    /// The digest of the canonical body, cut to the length that was asked for.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Length of the whole canonical body in bytes, even when less was hashed.
    pub fn length(&self) -> u64 {
        self.length
    }
}

impl BodyHashes {
    /// The hash of this form; `None` when it was not requested.
    pub fn get(&self, form: &BodyForm) -> Option<&BodyHash> {
        self.0.iter().find_map(|(known, hash)| (known == form).then_some(hash))
    }

    /// The hashes in the order in which they were requested.
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
    /// A hasher without any request yet.
    pub fn new(provider: &'static dyn Provider) -> Self {
        Self { provider, simple: None, relaxed: None, wanted: Vec::new() }
    }

    /// Requests a hash. Must be called before the first [`BodyHasher::push`].
    pub fn want(&mut self, form: BodyForm) {
        if self.wanted.iter().any(|(known, _)| *known == form) {
            return;
        }
        let sink = match form.canonicalization {
            Canonicalization::Simple => &mut self.simple.get_or_insert_default().sink,
            Canonicalization::Relaxed => &mut self.relaxed.get_or_insert_default().sink,
        };
        let place = sink.want(form.hash, form.length, self.provider);
        // Mostly there is one.
        self.wanted.reserve_exact(1);
        self.wanted.push((form, place));
    }

    /// The forms requested so far, each once.
    pub fn forms(&self) -> impl ExactSizeIterator<Item = BodyForm> {
        self.wanted.iter().map(|(form, _)| *form)
    }

    /// Hashes the next chunk of the body.
    pub fn push(&mut self, chunk: &[u8]) {
        let mut gathered = Gathered::new();
        for piece in pieces(chunk) {
            if let Some(simple) = &mut self.simple {
                simple.push(piece);
            }
            if let Some(relaxed) = &mut self.relaxed {
                relaxed.push(piece, &mut gathered);
            }
        }
        if let Some(relaxed) = &mut self.relaxed {
            relaxed.sink.flush(&mut gathered);
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

/// How many bytes are scanned before they are hashed: few enough to stay in the cache, and for the processor to
/// prefetch the next ones while the hash runs.
const STEP: usize = 4 * 1024;

/// Pieces of at most [`STEP`] bytes. Those of a long chunk end at page boundaries, where processors stop prefetching.
pub(crate) fn pieces(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    let front = if chunk.len() > 2 * STEP { chunk.as_ptr().align_offset(STEP) } else { 0 };
    let (front, rest) = chunk.split_at_checked(front).unwrap_or((chunk, &[]));
    front.chunks(STEP).chain(rest.chunks(STEP))
}

/// RFC 6376 §3.4.3: "ignores all empty lines at the end of the message body". A line end is held back until something
/// other than a line end follows.
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
        line_ends(std::mem::take(&mut self.line_ends)).for_each(|ends| self.sink.hash(ends));
        self.sink.hash(text);
    }

    fn finish(mut self) -> Finished {
        if self.after_cr {
            self.put(b"\r");
        }
        // §3.4.3: "If there is no body or no trailing CRLF on the message body, a CRLF is added."
        self.sink.hash(b"\r\n");
        self.sink.finish()
    }
}

/// The text, the number of CRLFs after it, and whether a CR comes last.
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
/// Held back until something other than blanks and line ends follows: line ends, then a blank, then a CR.
#[derive(Debug, Default)]
struct Relaxed {
    sink: Sink,
    line_ends: u64,
    blank: bool,
    after_cr: bool,
}

impl Relaxed {
    fn push(&mut self, chunk: &[u8], gathered: &mut Gathered) {
        let front = chunk.iter().position(|c| !is_white(*c)).unwrap_or(chunk.len());
        let (front, rest) = chunk.split_at_checked(front).unwrap_or((chunk, &[]));
        self.push_whites(front, gathered);
        if rest.is_empty() {
            return;
        }
        let back = rest.iter().rposition(|c| !is_white(*c)).map_or(0, |last| last + 1);
        let (text, back) = rest.split_at_checked(back).unwrap_or((rest, &[]));
        self.release(gathered);
        self.put_text(text, gathered);
        self.push_whites(back, gathered);
    }

    /// Takes blanks, CRs and LFs.
    fn push_whites(&mut self, white: &[u8], gathered: &mut Gathered) {
        let mut rest = white;
        while let [c, after @ ..] = rest {
            // A CR followed by another one is data, and so is everything held back.
            if let (b'\r', [b'\r', ..]) = (*c, after) {
                let more = after.iter().position(|c| *c != b'\r').unwrap_or(after.len());
                let (data, last) = rest.split_at_checked(more).unwrap_or((rest, &[]));
                self.release(gathered);
                self.sink.put(data, gathered);
                rest = last;
            } else {
                self.push_white(*c, gathered);
                rest = after;
            }
        }
    }

    /// Takes a blank, a CR or an LF.
    fn push_white(&mut self, c: u8, gathered: &mut Gathered) {
        if self.after_cr && c != b'\n' {
            self.release(gathered);
        }
        match c {
            b'\r' => self.after_cr = true,
            b'\n' if self.after_cr => {
                (self.after_cr, self.blank) = (false, false);
                self.line_ends += 1;
            }
            b'\n' => {
                self.release(gathered);
                self.sink.put_byte(b'\n', gathered);
            }
            _ => self.blank = true,
        }
    }

    /// Writes what was held back.
    fn release(&mut self, gathered: &mut Gathered) {
        if self.line_ends > 0 {
            line_ends(std::mem::take(&mut self.line_ends)).for_each(|ends| self.sink.put(ends, gathered));
        }
        if std::mem::take(&mut self.blank) {
            self.sink.put_byte(b' ', gathered);
        }
        if std::mem::take(&mut self.after_cr) {
            self.sink.put_byte(b'\r', gathered);
        }
    }

    /// Takes text that neither begins nor ends with a blank, CR or LF. It is passed on unchanged, except for runs of
    /// blanks.
    fn put_text(&mut self, text: &[u8], gathered: &mut Gathered) {
        // Attachments in base64 have no blanks at all.
        if memchr::memchr2(b' ', b'\t', text).is_none() {
            return self.sink.put(text, gathered);
        }
        let (mut done, mut at, mut rest, mut tidy) = (0, 0, text, true);
        while let Some(lane) = rest.first_chunk() {
            // When one lane has to be changed, the next usually has, too, and is not tested first.
            if !(tidy && is_clean(lane)) {
                (done, tidy) = self.put_lane(text, (done, at), lane, gathered);
            }
            at += LANE;
            rest = rest.get(LANE..).unwrap_or_default();
        }
        let mut lane = [b'.'; LANE + 1];
        lane.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        (done, _) = self.put_lane(text, (done, at), &lane, gathered);
        self.sink.put(text.get(done..).unwrap_or_default(), gathered);
    }

    /// Writes the text from `done` up to the last blank that is dropped or replaced in the lane at `at`. Returns where
    /// the unwritten text begins, and whether nothing in the lane had to be changed.
    fn put_lane(
        &mut self,
        text: &[u8],
        (done, at): (usize, usize),
        lane: &[u8; LANE + 1],
        gathered: &mut Gathered,
    ) -> (usize, bool) {
        let Blanks { dropped, replaced } = Blanks::of(lane, |bit| text.get(at + bit + 2) == Some(&b'\n'));
        let mut done = done;
        if replaced != 0 {
            return (self.put_replacing(text, (done, at), (dropped, replaced), gathered), false);
        }
        let mut left = dropped;
        while left != 0 {
            let start = left.trailing_zeros();
            let end = start + (left >> start).trailing_ones();
            self.put_up_to(text, done..at + start as usize, gathered);
            done = at + end as usize;
            left &= u64::MAX.checked_shl(end).unwrap_or(0);
        }
        (done, dropped == 0)
    }

    /// The same for a lane with TABs, which become SP; one blank at a time.
    fn put_replacing(
        &mut self,
        text: &[u8],
        (done, at): (usize, usize),
        (dropped, replaced): (u64, u64),
        gathered: &mut Gathered,
    ) -> usize {
        let (mut done, mut left) = (done, dropped | replaced);
        while left != 0 {
            let bit = left.trailing_zeros();
            self.put_up_to(text, done..at + bit as usize, gathered);
            if replaced >> bit & 1 == 1 {
                self.sink.put_byte(b' ', gathered);
            }
            done = at + bit as usize + 1;
            left &= left - 1;
        }
        done
    }

    #[inline]
    fn put_up_to(&mut self, text: &[u8], part: Range<usize>, gathered: &mut Gathered) {
        match text.get(part.start..).and_then(|rest| rest.first_chunk()) {
            Some(window) if part.len() <= WINDOW => self.sink.put_front(window, part.len(), gathered),
            _ => self.sink.put(text.get(part).unwrap_or_default(), gathered),
        }
    }
}

impl Relaxed {
    fn finish(mut self) -> Finished {
        if self.after_cr {
            let mut gathered = Gathered::new();
            self.release(&mut gathered);
            self.sink.flush(&mut gathered);
        }
        // §3.4.4: "If the body is non-empty but does not end with a CRLF, a CRLF is added."
        if self.sink.length() > 0 {
            self.sink.hash(b"\r\n");
        }
        self.sink.finish()
    }
}

/// Bytes that are scanned together: as many as a word has bits.
const LANE: usize = 64;

/// Bytes of a vector.
const VECTOR: usize = 16;

/// The bytes of a lane from `at` on.
#[inline(always)]
fn vector(lane: &[u8; LANE + 1], at: usize) -> u8x16 {
    u8x16::new(lane.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default())
}

fn all(byte: u8) -> u8x16 {
    u8x16::new([byte; VECTOR])
}

/// Whether no blank of the lane has to be changed: it has no TAB, no two blanks in a row and no blank before a line end
/// (a pair in which one byte is SP and neither is above SP). For most bodies, this is nearly all the work besides
/// hashing.
#[inline(always)]
fn is_clean(lane: &[u8; LANE + 1]) -> bool {
    let mut any = u8x16::default();
    for at in (0..LANE).step_by(VECTOR) {
        let (here, next) = (vector(lane, at), vector(lane, at + 1));
        any |= here.cmp_eq(all(b'\t')) | here.max(next).cmp_eq(all(b' '));
    }
    !any.any()
}

/// A bit for each byte of a lane except the last; the lowest bit is the first byte.
struct Blanks {
    /// A blank or a line end follows.
    dropped: u64,
    /// A TAB that becomes SP.
    replaced: u64,
}

impl Blanks {
    /// The last byte of the lane is also the first of the next one. `is_line_end`: whether an LF follows the CR after a
    /// blank.
    #[inline(always)]
    fn of(lane: &[u8; LANE + 1], is_line_end: impl Fn(usize) -> bool) -> Self {
        let (mut blanks, mut tabs, mut white) = (0, 0, 0);
        for at in (0..LANE).step_by(VECTOR) {
            let here = vector(lane, at);
            let bits = |which: u8x16| u64::from(which.move_mask() as u16) << at;
            let tab = here.cmp_eq(all(b'\t'));
            let blank = tab | here.cmp_eq(all(b' '));
            tabs |= bits(tab);
            blanks |= bits(blank);
            white |= bits(blank | here.cmp_eq(all(b'\r')));
        }
        let last = lane.last().copied().unwrap_or_default();
        let next = |mask: u64, last: bool| mask >> 1 | u64::from(last) << 63;
        let mut dropped = blanks & next(blanks, last == b' ' || last == b'\t');
        let mut before_cr = blanks & next(white, last == b'\r') & !dropped;
        while before_cr != 0 {
            let bit = before_cr.trailing_zeros();
            dropped |= u64::from(is_line_end(bit as usize)) << bit;
            before_cr &= before_cr - 1;
        }
        Self { dropped, replaced: tabs & !dropped }
    }
}

fn is_white(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests;
