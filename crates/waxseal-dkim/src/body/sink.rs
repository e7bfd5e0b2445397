//! The destination of the canonical bytes of one form: one running hash for each algorithm, however many `l=` there
//! are.

use super::BodyHash;
use waxseal_crypto::{Digest, HashAlgorithm, Hasher, Provider};

#[derive(Debug, Default)]
pub(super) struct Sink {
    hashes: Vec<Running>,
    /// Canonical bytes so far.
    length: u64,
}

/// A buffer for short pieces, since a few long updates of a hash are faster than many short ones. It exists while a chunk
/// is processed: a message under way has none.
#[derive(Debug)]
pub(super) struct Gathered {
    bytes: [u8; GATHER + WINDOW],
    /// How many bytes of it are in use.
    filled: usize,
}

/// Bytes that are copied at once.
pub(super) const WINDOW: usize = 64;

impl Gathered {
    pub(super) fn new() -> Self {
        Self { bytes: [0; GATHER + WINDOW], filled: 0 }
    }
}

/// That many line ends, in pieces.
pub(super) fn line_ends(count: u64) -> impl Iterator<Item = &'static [u8]> {
    const LINE_ENDS: [[u8; 2]; 256] = [*b"\r\n"; 256];
    let mut left = count;
    std::iter::from_fn(move || {
        let now = left.min(LINE_ENDS.len() as u64);
        left -= now;
        LINE_ENDS.get(..now as usize).filter(|ends| !ends.is_empty()).map(<[_]>::as_flattened)
    })
}

/// Which hash of a [`Sink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    algorithm: usize,
    wanted: usize,
}

/// Size of the buffer: small enough that clearing it costs next to nothing.
const GATHER: usize = 1984 - WINDOW;

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

    /// Hashes the bytes in place.
    pub(super) fn hash(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.update(bytes);
    }

    pub(super) fn put(&mut self, bytes: &[u8], gathered: &mut Gathered) {
        self.length += bytes.len() as u64;
        let long = bytes.len() > LONG;
        if long || gathered.filled + bytes.len() > GATHER {
            self.flush(gathered);
        }
        if long {
            return self.update(bytes);
        }
        let end = gathered.filled + bytes.len();
        if let Some(room) = gathered.bytes.get_mut(gathered.filled..end) {
            room.copy_from_slice(bytes);
            gathered.filled = end;
        }
    }

    #[inline]
    pub(super) fn put_byte(&mut self, byte: u8, gathered: &mut Gathered) {
        self.length += 1;
        if gathered.filled >= GATHER {
            self.flush(gathered);
        }
        if let Some(room) = gathered.bytes.get_mut(gathered.filled) {
            *room = byte;
            gathered.filled += 1;
        }
    }

    /// Writes the first `count` bytes of a window: copying a fixed length is fastest.
    #[inline]
    pub(super) fn put_front(&mut self, window: &[u8; WINDOW], count: usize, gathered: &mut Gathered) {
        self.length += count as u64;
        if gathered.filled + count > GATHER {
            self.flush(gathered);
        }
        let room = gathered.bytes.get_mut(gathered.filled..).and_then(|room| room.first_chunk_mut());
        if let Some(room) = room {
            *room = *window;
            gathered.filled += count;
        }
    }

    /// Hashes the buffered bytes.
    pub(super) fn flush(&mut self, gathered: &mut Gathered) {
        self.update(gathered.bytes.get(..gathered.filled).unwrap_or_default());
        gathered.filled = 0;
    }

    fn update(&mut self, bytes: &[u8]) {
        self.hashes.iter_mut().for_each(|hash| hash.update(bytes));
    }

    pub(super) fn finish(self) -> Finished {
        let length = self.length;
        // `collect` would reuse the larger allocation and shrink it, which takes longer than a new one. So below.
        let mut hashes = Vec::with_capacity(self.hashes.len());
        hashes.extend(self.hashes.into_iter().map(|hash| hash.finish(length)));
        Finished { hashes }
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
        let mut hashes = Vec::with_capacity(self.wanted.len());
        hashes.extend(self.wanted.into_iter().map(hash));
        hashes
    }
}
