/// Numbers that are the same in each run: a generator of Marsaglia's xorshift family.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Begins with this seed, or with another one for each value of `WAXSEAL_SEED`, a number: for new ground, by hand.
    #[track_caller]
    pub fn new(seed: u64) -> Self {
        let other: u64 = std::env::var("WAXSEAL_SEED").map_or(0, |text| text.parse().unwrap());
        // 0 would stay 0 for ever.
        Self((seed ^ other.wrapping_mul(0x9e37_79b9_7f4a_7c15)).max(1))
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // The low bits are the poor ones.
        ((self.0 >> 11) % end as u64) as usize
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of several.
    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}
