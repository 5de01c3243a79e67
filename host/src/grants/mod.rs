//! Grants: what an agent may use of models, memory, time, configuration and hosts.
//!
//! An artifact asks for it in its [`Manifest`], the tenant's [`Policy`] bounds that, and the [`Grant`] of a version is what
//! is left. Both sides speak in the same [`Terms`]. This room only says what is granted; who runs the agent holds it to it.

mod difference;
mod grant;
mod manifest;
mod section;
mod terms;
mod words;

pub use difference::Difference;
pub use grant::{Denied, Grant, Refusal};
pub use manifest::{Invalid, MANIFEST_BYTES, Manifest};
pub use section::SECTION;
pub use terms::{Policy, Terms};
pub use words::{HostName, InvalidWord, ModelPattern, Name, Words};

#[cfg(test)]
mod tests;
