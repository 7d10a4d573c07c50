//! Numbers that look random, the same ones in each run (xorshift64*, Vigna 2016). Used by tests that
//! alter bytes or choose moments. Must never be used where a number must not be guessed.

/// A source of numbers.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// The numbers of a seed, which is not 0.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`, or 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        usize::try_from(number).unwrap_or(0) % bound.max(1)
    }
}
