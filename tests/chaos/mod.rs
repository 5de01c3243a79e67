//! Faults while sessions work: a server killed at random and in chosen moments, disks that are full, torn or flip bits.
//!
//! Clients write down what they were told ([`history`]); a checker holds that against what the provider saw, what the
//! server shows afterwards, and its journal ([`checker`], [`afterwards`]). Chance comes from a seed that a failing test
//! prints; `KELLION_CHAOS_SEED` sets it.

mod afterwards;
mod callers;
mod checker;
mod cut_disk;
mod damage;
mod dice;
mod disk;
mod failing;
mod footprint;
mod forgetting;
mod history;
mod idle;
mod kills;
mod memory;
mod moments;
mod power;
mod sweep;
mod uploads;
mod windows;
