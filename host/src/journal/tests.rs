//! The journal on a real SQLite in a folder of its own.

mod answers;
mod compaction;
mod crash;
mod damage;
mod disk;
mod fixtures;
mod golden;
mod images;
mod order;
mod panics;
mod removal;
mod trimming;
