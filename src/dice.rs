//! A small random source for tests, so that a seed tells everything.

/// Xorshift, from a state that is not 0.
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Dice of which seeds that differ little give sequences that differ much from the first number on.
    pub(crate) fn stirred(seed: u64) -> Self {
        let mut dice = Self::new(seed);
        for _ in 0..4 {
            dice.below(2);
        }
        dice
    }

    /// Dice that belong to some place, such as a time.
    pub(crate) fn at(&self, place: u64) -> Self {
        Self::stirred(self.0 ^ place.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    /// A number below `bound`; 0 if there is none.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound.max(1)
    }

    /// One of these.
    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }
}
