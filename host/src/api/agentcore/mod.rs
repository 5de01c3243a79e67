//! The AgentCore wire: what unmodified AWS SDKs send and expect, for both of its services.

pub(super) mod arn;
mod caller;
pub(super) mod card;
pub(super) mod challenge;
mod client_token;
pub(super) mod command;
mod configuration;
pub(super) mod data_plane;
pub(super) mod endpoints;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod headers;
pub(super) mod model;
mod page;
pub(super) mod runtimes;
pub(super) mod stop;
pub(super) mod tags;
