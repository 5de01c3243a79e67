#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

#[doc(hidden)]
pub mod bindings;
mod host;
mod json;

mod body;
mod context;
mod error;
#[doc(hidden)]
pub mod export;
mod handler;

pub mod agent;
pub mod log;
pub mod model;
pub mod response;
pub mod session;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod tool;

pub use agent::Agent;
#[doc(inline)]
pub use bindings::kellion::agent::types::{Context, Header};
pub use body::{Body, FromBody, IntoBody};
pub use error::{AgentError, Result};
pub use handler::Handler;
