//! Signatures of other signers are verified, and nothing that they cover can be altered.

mod attacks;
mod coverage;
mod fixtures;
mod mutations;
mod oracles;
mod random;
mod stamps;
