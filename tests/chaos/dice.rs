//! Chance that can be repeated.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Numbers that all follow from one.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// The dice of one test, by the seed of this run. Tests are shown what they printed when they fail.
    pub(super) fn of(test: &str) -> Self {
        let seed = match std::env::var("KELLION_CHAOS_SEED") {
            Ok(seed) => seed.parse().expect("KELLION_CHAOS_SEED is a number"),
            Err(_) => RandomState::new().hash_one(()),
        };
        println!("{test}: repeat this with KELLION_CHAOS_SEED={seed}");
        let salt = test.bytes().fold(0_u64, |salt, byte| {
            salt.wrapping_mul(131).wrapping_add(u64::from(byte))
        });
        Self(seed ^ salt)
    }

    /// Dice of their own for a part of the test, so that parts that run beside each other do not take turns by chance.
    pub(super) fn split(&mut self) -> Self {
        Self(self.next())
    }

    /// The generator is SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `limit - 1`.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// An index of something so long.
    pub(super) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("it is less than a length")
    }

    /// Puts them in any order.
    pub(super) fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.index(last + 1));
        }
    }

    /// True so many times in a hundred.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Up to so long.
    pub(super) fn moment(&mut self, longest: Duration) -> Duration {
        let micros = u64::try_from(longest.as_micros()).expect("a test is shorter");
        Duration::from_micros(self.below(micros.max(1)))
    }
}
