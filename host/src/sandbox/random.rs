//! The `wasi:random` interfaces: one stream of random numbers for each cell, which its seed decides.

use std::fmt;

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

use super::cell::State;

/// One call for random bytes; WASI lets a guest ask for any number.
const MAX_BYTES: u64 = 64 << 10;

/// What all the random numbers of a cell come from. A secret, as its owner's keys may have been made of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed that nobody can guess, from the operating system.
    pub fn random() -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the operating system has random bytes");
        Self(seed)
    }

    /// The seed that [`to_bytes`](Self::to_bytes) gave.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// To be kept where the session's memory is kept, and as safe.
    pub const fn to_bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// A stream of random numbers: the keystream of `ChaCha20`, which is the same on every machine and in every version.
pub(super) struct Chance(ChaCha20Rng);

impl Chance {
    pub(super) fn new(seed: &Seed) -> Self {
        Self(ChaCha20Rng::from_seed(seed.0))
    }

    /// All that there is to say of it: the seed, and how many words of the stream were taken.
    pub(super) fn state(&self) -> (Seed, u128) {
        (Seed(self.0.get_seed()), self.0.get_word_pos())
    }

    /// The stream of which [`state`](Self::state) said this.
    pub(super) fn at(seed: &Seed, position: u128) -> Self {
        let mut stream = Self::new(seed);
        stream.0.set_word_pos(position);
        stream
    }

    fn bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        if length > MAX_BYTES {
            wasmtime::bail!(
                "the agent asked for {length} random bytes at once; one call gives {MAX_BYTES} at most"
            );
        }
        let mut bytes = vec![0; length as usize];
        self.0.fill_bytes(&mut bytes);
        Ok(bytes)
    }

    fn word(&mut self) -> u64 {
        self.0.next_u64()
    }
}

impl random::Host for State {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(length)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_word()
    }
}

impl insecure::Host for State {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_word()
    }
}

impl insecure_seed::Host for State {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.random_word()?, self.random_word()?))
    }
}

impl State {
    fn random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.spending.carries(length.min(MAX_BYTES) as usize)?;
        self.chance.bytes(length)
    }

    fn random_word(&mut self) -> wasmtime::Result<u64> {
        self.spending.calls(1)?;
        Ok(self.chance.word())
    }
}
