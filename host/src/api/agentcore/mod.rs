//! The AgentCore wire: what unmodified AWS SDKs send and expect, for both of its services.

pub(super) mod arn;
pub(super) mod card;
mod client_token;
pub(super) mod command;
mod configuration;
pub(super) mod data_plane;
pub(super) mod endpoints;
mod headers;
mod page;
pub(super) mod runtimes;
pub(super) mod stop;
pub(super) mod tags;
