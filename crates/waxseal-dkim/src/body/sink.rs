//! The destination of the canonical bytes of one form: one running hash for each algorithm, however many `l=` there
//! are.

use super::BodyHash;
use waxseal_crypto::{Digest, HashAlgorithm, Hasher, Provider};

#[derive(Debug, Default)]
pub(super) struct Sink {
    hashes: Vec<Running>,
    /// Canonical bytes so far.
    length: u64,
    /// A buffer for short pieces, since a few long updates of a hash are faster than many short ones. Empty until
    /// needed.
    gathered: Vec<u8>,
    /// How many bytes of it are in use.
    filled: usize,
}

/// Bytes that are copied at once.
pub(super) const WINDOW: usize = 64;

/// Which hash of a [`Sink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    algorithm: usize,
    wanted: usize,
}

/// Size of the buffer: small, since every message under way has one.
const GATHER: usize = 1024 - WINDOW;

/// A longer piece is hashed in place.
const LONG: usize = GATHER / 2;

impl Sink {
    pub(super) fn want(
        &mut self,
        algorithm: HashAlgorithm,
        length: Option<u64>,
        provider: &dyn Provider,
    ) -> Place {
        let known = self.hashes.iter().position(|hash| hash.algorithm == algorithm);
        let place = known.unwrap_or_else(|| {
            // Mostly there is one, and it is large.
            self.hashes.reserve_exact(1);
            self.hashes.push(Running::new(algorithm, provider.hasher(algorithm)));
            self.hashes.len() - 1
        });
        let wanted = self.hashes.get_mut(place).map_or(0, |hash| hash.want(length));
        Place { algorithm: place, wanted }
    }

    /// Passes everything to `hasher`.
    pub(super) fn copy_to(&mut self, hasher: Hasher) {
        let whole = Running { whole: true, ..Running::new(HashAlgorithm::Sha256, hasher) };
        self.hashes.push(whole);
    }

    /// Canonical bytes so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let long = bytes.len() > LONG;
        if long || self.filled + bytes.len() > GATHER {
            self.flush();
        }
        if long {
            return self.hashes.iter_mut().for_each(|hash| hash.update(bytes));
        }
        self.make_room();
        let end = self.filled + bytes.len();
        if let Some(room) = self.gathered.get_mut(self.filled..end) {
            room.copy_from_slice(bytes);
            self.filled = end;
        }
    }

    #[inline]
    pub(super) fn put_byte(&mut self, byte: u8) {
        self.length += 1;
        if self.filled >= GATHER {
            self.flush();
        }
        self.make_room();
        if let Some(room) = self.gathered.get_mut(self.filled) {
            *room = byte;
            self.filled += 1;
        }
    }

    /// Writes the first `count` bytes of a window: copying a fixed length is fastest.
    #[inline]
    pub(super) fn put_front(&mut self, window: &[u8; WINDOW], count: usize) {
        self.length += count as u64;
        if self.filled + count > GATHER {
            self.flush();
        }
        self.make_room();
        let room = self.gathered.get_mut(self.filled..).and_then(|room| room.first_chunk_mut());
        if let Some(room) = room {
            *room = *window;
            self.filled += count;
        }
    }

    #[inline]
    fn make_room(&mut self) {
        if self.gathered.is_empty() {
            self.gathered = vec![0; GATHER + WINDOW];
        }
    }

    pub(super) fn put_line_ends(&mut self, count: u64) {
        const LINE_ENDS: [[u8; 2]; 256] = [*b"\r\n"; 256];
        let mut left = count;
        while left > 0 {
            let now = left.min(LINE_ENDS.len() as u64);
            self.put(LINE_ENDS.get(..now as usize).unwrap_or_default().as_flattened());
            left -= now;
        }
    }

    fn flush(&mut self) {
        let gathered = self.gathered.get(..self.filled).unwrap_or_default();
        self.hashes.iter_mut().for_each(|hash| hash.update(gathered));
        self.filled = 0;
    }

    pub(super) fn finish(mut self) -> Finished {
        self.flush();
        let length = self.length;
        Finished { hashes: self.hashes.into_iter().map(|hash| hash.finish(length)).collect() }
    }
}

/// The hashes of a finished [`Sink`].
#[derive(Debug, Default)]
pub(super) struct Finished {
    hashes: Vec<Vec<BodyHash>>,
}

impl Finished {
    pub(super) fn get(&self, place: Place) -> Option<BodyHash> {
        self.hashes.get(place.algorithm)?.get(place.wanted).copied()
    }
}

/// A running hash of the body.
#[derive(Debug)]
struct Running {
    algorithm: HashAlgorithm,
    hasher: Hasher,
    /// Bytes hashed so far.
    octets: u64,
    wanted: Vec<Wanted>,
    /// The smallest length that has not been reached.
    next: Option<u64>,
    /// Whether the whole body is wanted.
    whole: bool,
}

#[derive(Debug)]
struct Wanted {
    length: Option<u64>,
    /// The digest at that length, once reached.
    digest: Option<Digest>,
}

impl Running {
    fn new(algorithm: HashAlgorithm, hasher: Hasher) -> Self {
        Self { algorithm, hasher, octets: 0, wanted: Vec::with_capacity(1), next: None, whole: false }
    }

    /// Adds a length, or the whole body; returns its number.
    fn want(&mut self, length: Option<u64>) -> usize {
        if let Some(known) = self.wanted.iter().position(|wanted| wanted.length == length) {
            return known;
        }
        self.wanted.push(Wanted { length, digest: None });
        match length {
            Some(length) => self.next = Some(self.next.map_or(length, |next| next.min(length))),
            None => self.whole = true,
        }
        self.wanted.len() - 1
    }

    /// §3.7: the body is canonicalized "and then truncated to the length specified in the "l=" tag".
    fn update(&mut self, octets: &[u8]) {
        let mut rest = octets;
        while let Some((front, back)) = self.next.and_then(|next| self.split(rest, next)) {
            self.hasher.update(front);
            self.octets += front.len() as u64;
            self.reach(self.octets);
            rest = back;
        }
        if !rest.is_empty() && (self.whole || self.next.is_some()) {
            self.hasher.update(rest);
            self.octets += rest.len() as u64;
        }
    }

    /// The bytes up to the length `next` and those after it, when it is reached.
    fn split<'o>(&self, octets: &'o [u8], next: u64) -> Option<(&'o [u8], &'o [u8])> {
        usize::try_from(next - self.octets).ok().and_then(|front| octets.split_at_checked(front))
    }

    fn reach(&mut self, length: u64) {
        let digest = self.hasher.digest();
        self.next = None;
        for wanted in &mut self.wanted {
            match wanted.length {
                Some(at) if at == length => wanted.digest = Some(digest),
                Some(at) if at > length => self.next = Some(self.next.map_or(at, |next| next.min(at))),
                _ => {}
            }
        }
    }

    /// A length that was not reached is larger than the body: it covers all of it.
    fn finish(self, length: u64) -> Vec<BodyHash> {
        let whole = self.hasher.finish();
        let hash = |wanted: Wanted| BodyHash { digest: wanted.digest.unwrap_or(whole), length };
        self.wanted.into_iter().map(hash).collect()
    }
}
