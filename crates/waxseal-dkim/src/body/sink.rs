//! Where the canonical octets of one form go: into one running hash for each algorithm, however many `l=` there are.

use super::BodyHash;
use waxseal_crypto::{Digest, HashAlgorithm, Hasher, Provider};

#[derive(Debug, Default)]
pub(super) struct Sink {
    hashes: Vec<Running>,
    /// Canonical octets so far.
    length: u64,
    /// Short pieces are gathered here, since a hash takes a few long ones faster than many short ones.
    gathered: Vec<u8>,
}

/// Which hash of a [`Sink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    algorithm: usize,
    wanted: usize,
}

/// Octets gathered at most.
const GATHER: usize = 4096;

/// A piece of this many octets is hashed where it lies.
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

    /// Canonical octets so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn put(&mut self, octets: &[u8]) {
        self.length += octets.len() as u64;
        if octets.len() >= LONG || self.gathered.len() + octets.len() > GATHER {
            self.flush();
        }
        if octets.len() >= LONG {
            self.hashes.iter_mut().for_each(|hash| hash.update(octets));
        } else {
            self.gathered.extend_from_slice(octets);
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
        self.hashes.iter_mut().for_each(|hash| hash.update(&self.gathered));
        self.gathered.clear();
    }

    pub(super) fn finish(mut self) -> Finished {
        self.flush();
        let length = self.length;
        Finished { hashes: self.hashes.into_iter().map(|hash| hash.finish(length)).collect() }
    }
}

/// The hashes of a [`Sink`] that has ended.
#[derive(Debug, Default)]
pub(super) struct Finished {
    hashes: Vec<Vec<BodyHash>>,
}

impl Finished {
    pub(super) fn get(&self, place: Place) -> Option<BodyHash> {
        self.hashes.get(place.algorithm)?.get(place.wanted).copied()
    }
}

/// One hash on its way through the body.
#[derive(Debug)]
struct Running {
    algorithm: HashAlgorithm,
    hasher: Hasher,
    /// Octets hashed so far.
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
    /// The digest at that length, once it was reached.
    digest: Option<Digest>,
}

impl Running {
    fn new(algorithm: HashAlgorithm, hasher: Hasher) -> Self {
        Self { algorithm, hasher, octets: 0, wanted: Vec::with_capacity(1), next: None, whole: false }
    }

    /// Notes a length, or the whole body; gives its number.
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

    /// The octets up to the length `next` and those behind it, when it is reached.
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

    /// A length that was not reached is longer than the body, which it then covers whole.
    fn finish(self, length: u64) -> Vec<BodyHash> {
        let whole = self.hasher.finish();
        let hash = |wanted: Wanted| BodyHash { digest: wanted.digest.unwrap_or(whole), length };
        self.wanted.into_iter().map(hash).collect()
    }
}
