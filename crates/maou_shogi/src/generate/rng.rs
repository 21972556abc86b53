//! Pseudorandom numbers that are the same on every machine: integers only.

/// xoshiro256++ (Blackman and Vigna, public domain), seeded by SplitMix64.
#[derive(Clone, Debug)]
pub(super) struct Rng([u64; 4]);

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(GOLDEN_GAMMA);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Rng {
    /// The numbers of one stream of a seed; streams do not depend on each other.
    pub fn new(seed: u64, stream: u64) -> Rng {
        let mut state = seed;
        let mut state = split_mix(&mut state) ^ stream.wrapping_mul(GOLDEN_GAMMA);
        Rng(std::array::from_fn(|_| split_mix(&mut state)))
    }

    /// 64 random bits.
    pub fn next(&mut self) -> u64 {
        let [s0, s1, s2, s3] = &mut self.0;
        let result = s0.wrapping_add(*s3).rotate_left(23).wrapping_add(*s0);
        let shifted = *s1 << 17;
        *s2 ^= *s0;
        *s3 ^= *s1;
        *s1 ^= *s2;
        *s0 ^= *s3;
        *s2 ^= shifted;
        *s3 = s3.rotate_left(45);
        result
    }

    /// 32 random bits.
    pub fn bits(&mut self) -> u32 {
        (self.next() >> 32) as u32
    }

    /// A number below `n`, which is not 0; its bias of at most n / 2^32 does not matter here.
    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.bits()) * u64::from(n)) >> 32) as u32
    }

    /// A number in `low..=high`.
    pub fn within(&mut self, low: i32, high: i32) -> i32 {
        low + self.below((high - low + 1) as u32) as i32
    }

    /// A number in `-radius..=radius`, near 0 more often.
    pub fn noise(&mut self, radius: i32) -> i32 {
        let half = radius / 2;
        self.within(-half, half) + self.within(half - radius, radius - half)
    }

    /// True `n` times out of a thousand.
    pub fn permille(&mut self, n: u32) -> bool {
        self.below(1000) < n
    }

    /// One of the items, of which there is at least one.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u32) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn numbers_are_pinned() {
        let mut rng = Rng::new(1, 0);
        assert_eq!(
            [rng.next(), rng.next(), rng.next()],
            [8_089_978_747_140_965_633, 5_687_923_198_772_495_674, 15_915_821_081_677_751_511]
        );
        assert_eq!(Rng::new(u64::MAX, u64::MAX).next(), 6_552_569_439_030_381_154);
    }

    #[test]
    fn ranges_are_kept_and_filled() {
        let mut rng = Rng::new(7, 0);
        let mut seen = [0u32; 6];
        for _ in 0..6000 {
            seen[rng.below(6) as usize] += 1;
            assert!((-5..=5).contains(&rng.noise(5)));
            assert!((3..=9).contains(&rng.within(3, 9)));
        }
        assert!(seen.iter().all(|n| (850..1150).contains(n)), "{seen:?}");
    }
}
