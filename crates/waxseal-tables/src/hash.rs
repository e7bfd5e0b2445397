//! A hash of a text from its end to its start: one run makes those of all its ends.

/// FNV-1a, backwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hash {
    state: u64,
    folds: bool,
}

/// Of the text that the parts make.
pub(crate) fn hash(folds: bool, parts: &[&str]) -> u64 {
    parts.iter().rev().fold(Hash::new(folds), |hash, part| hash.with(part)).finish()
}

impl Hash {
    pub(crate) fn new(folds: bool) -> Self {
        Self { state: 0xcbf2_9ce4_8422_2325, folds }
    }

    pub(crate) fn push(&mut self, byte: u8) {
        let byte = if self.folds { byte.to_ascii_lowercase() } else { byte };
        self.state = (self.state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    /// With `text` before what was hashed.
    pub(crate) fn with(mut self, text: &str) -> Self {
        text.bytes().rev().for_each(|byte| self.push(byte));
        self
    }

    pub(crate) fn finish(self) -> u64 {
        self.state
    }
}

/// A hash that was made here, as the hash of a map. The keys of a table are its owner's: nobody else can make them collide.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hashed(u64);

impl std::hash::Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
