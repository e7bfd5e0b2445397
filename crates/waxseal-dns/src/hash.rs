//! A quick 64-bit hash, eight octets at a time. It only rejects unequal names early and spreads the names of a
//! trusted [`Zone`](crate::Zone); nothing relies on it against an adversary.

use std::hash::{BuildHasherDefault, Hasher};

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const FACTOR: u64 = 0xd6e8_feb8_6659_fd93;

/// Hashes `bytes` on top of `state`.
pub(crate) fn quick(state: u64, bytes: &[u8]) -> u64 {
    let mut chunks = bytes.chunks_exact(8);
    let mut hash = state ^ SEED ^ (bytes.len() as u64);
    for chunk in &mut chunks {
        if let Ok(chunk) = <[u8; 8]>::try_from(chunk) {
            hash = fold(hash ^ u64::from_le_bytes(chunk));
        }
    }
    let rest = chunks.remainder().iter().fold(0, |word: u64, &octet| (word << 8) | u64::from(octet));
    fold(hash ^ rest)
}

/// The two halves of a 128-bit product, so that every input bit reaches every output bit.
fn fold(word: u64) -> u64 {
    let product = u128::from(word ^ SEED) * u128::from(FACTOR);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Builds the hasher of the zone's map.
pub(crate) type QuickHash = BuildHasherDefault<QuickHasher>;

/// [`quick`] as a [`Hasher`].
#[derive(Default)]
pub(crate) struct QuickHasher(u64);

impl Hasher for QuickHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = quick(self.0, bytes);
    }
    fn write_u8(&mut self, octet: u8) {
        self.0 ^= u64::from(octet);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::quick;
    use std::collections::HashSet;

    #[test]
    fn similar_names_differ() {
        let names: Vec<String> = (0..20_000).map(|n| format!("s{n}._domainkey.example.org")).collect();
        let hashes: HashSet<u64> = names.iter().map(|n| quick(0, n.as_bytes())).collect();
        assert_eq!(hashes.len(), names.len());
        let low_bits: HashSet<u64> = hashes.iter().map(|h| h & 0xff).collect();
        assert_eq!(low_bits.len(), 256);
    }

    #[test]
    fn leading_zero_octets_count() {
        assert_ne!(quick(0, b"\0"), quick(0, b"\0\0"));
        assert_ne!(quick(0, b"a"), quick(0, b"\0a"));
    }
}
