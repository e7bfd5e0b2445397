//! Names of fields: equality, order and hash.

use std::{
    cmp::Ordering,
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};
use waxseal_header::Header;

/// Random for each process, so that nobody can prepare names that collide.
pub(super) fn seed() -> u64 {
    static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
    *SEED
}

/// The name of the field `number`, empty when there is none.
#[inline]
pub(super) fn name_of(header: &Header, number: usize) -> &[u8] {
    header.field(number).map(|field| field.name()).unwrap_or_default()
}

/// Usually the spelling is the same.
#[inline(always)]
pub(super) fn same_name(a: &[u8], b: &[u8]) -> bool {
    #[cfg(test)]
    steps::count();
    a == b || a.eq_ignore_ascii_case(b)
}

/// Compares names regardless of case, eight bytes at a time.
pub(super) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    #[cfg(test)]
    steps::count();
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        let order = lower_case(number(a)).cmp(&lower_case(number(b)));
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// Up to eight bytes as a number that sorts as they do.
fn number(piece: &[u8]) -> u64 {
    match piece.first_chunk() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => {
            piece.iter().zip([56, 48, 40, 32, 24, 16, 8]).fold(0, |n, (c, bits)| n | u64::from(*c) << bits)
        }
    }
}

/// Eight bytes with letters in lower case.
fn lower_case(bytes: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let ascii = bytes & (EACH * 0x7f);
    // The highest bit of each byte says whether it is at least A, or above Z.
    let (from_a, above_z) = (ascii + EACH * (0x80 - b'A' as u64), ascii + EACH * (0x7f - b'Z' as u64));
    let upper = (from_a ^ above_z) & !bytes & (EACH * 0x80);
    bytes | upper >> 2
}

/// Hashes the name in lower case with the [`seed`], eight bytes at a time.
pub(super) fn hash(seed: u64, name: &[u8]) -> u32 {
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, bytes: u64| {
        let product = u128::from(hash ^ lower_case(bytes)) * u128::from(PRIME);
        product as u64 ^ (product >> 64) as u64
    };
    let mut hash = seed ^ name.len() as u64;
    let mut rest = name;
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        hash = mix(hash, u64::from_le_bytes(*chunk));
        rest = after;
    }
    // The last eight bytes, overlapping; of a shorter name, the first four and the last four.
    let last = match (name.last_chunk::<8>(), rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        (Some(last), _, _) => u64::from_le_bytes(*last),
        (None, Some(a), Some(b)) => {
            u64::from(u32::from_le_bytes(*a)) | u64::from(u32::from_le_bytes(*b)) << 32
        }
        _ => rest.iter().fold(0, |bytes: u64, byte| bytes << 8 | u64::from(*byte)),
    };
    (mix(hash, last) >> 32) as u32
}

#[cfg(test)]
pub(super) mod steps {
    use std::cell::Cell;

    thread_local! {
        /// How often names were compared.
        static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn count() {
        STEPS.set(STEPS.get() + 1);
    }

    /// How often names were compared since it was last asked for.
    pub(in super::super) fn take() -> usize {
        STEPS.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_and_nothing_else_has_a_lower_case() {
        for byte in 0..=u8::MAX {
            let bytes = [byte, b'A', 0, byte, 0xff, b'z', byte, b'Z'];
            let lower = bytes.map(|c| c.to_ascii_lowercase());
            assert_eq!(lower_case(u64::from_be_bytes(bytes)), u64::from_be_bytes(lower), "{byte}");
        }
    }
}
