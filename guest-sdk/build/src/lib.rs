//! Makes components of agents written in Rust, Python, TypeScript, Go or C.
//!
//! An author has a [`Project`]: a folder, or one file of it. [`build`] unpacks the SDK of its language beside it, finds or
//! installs the toolchain, runs it, and leaves a component. [`create`] begins a new project from a template. Everything but
//! the toolchains is in this crate, so nothing is fetched that an author's own package manager would not fetch.

mod adapter;
mod c;
mod command;
mod error;
mod go;
mod job;
mod language;
mod manifest;
mod pack;
mod project;
mod python;
mod rust;
mod template;
mod tools;
mod typescript;

pub use error::Error;
pub use job::{Built, Options, Watch, build};
pub use language::Language;
pub use manifest::SECTION;
pub use pack::edition;
pub use project::Project;
pub use template::create;

/// What this crate's functions give.
pub type Result<T, E = Error> = std::result::Result<T, E>;
