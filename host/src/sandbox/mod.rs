//! Cells: one Wasm store for each session, with its own memory and its own limits.
//!
//! This folder is the only place that knows wasmtime. It never compiles in the serving process ([`compile`] is for the
//! compile child), knows no tenant and no session, and reaches nothing outside but what [`Capabilities`] and [`LogSink`]
//! offer. What a cell does is decided by its program, its [`Birth`], and what its turns were told: two cells that share
//! all of these are the same to the last byte of memory, on any day and on any machine. Between two
//! turns a cell can be captured as an [`Image`], from which any process makes it again. A cell that trapped, or whose call
//! was dropped, is poisoned: throw it away.

mod capabilities;
mod cell;
mod clocks;
mod compatibility;
mod compile;
mod cpu;
mod engine;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod handles;
mod image;
mod instrument;
mod limits;
mod log;
mod model;
mod poll;
mod random;
mod response;
mod room;
mod scan;
mod session;
mod spending;
mod stdio;
mod streams;
mod world;

pub use capabilities::{Capabilities, LogSink};
pub use cell::{Birth, Cell, Fault};
pub use compile::{CompileError, EDITION, Inspection, compile, inspect};
pub use engine::{Config, Error, Program, Sandbox};
pub use image::{Damaged, Image, NotImageable, NotRestored};
pub use limits::Limit;
pub use random::Seed;
pub use room::{Group, MemoryGauge, available, resident};
pub use scan::{Refused, scan};

#[cfg(test)]
pub(crate) mod tests;
