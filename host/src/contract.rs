//! The contract between host and agents, `wit/`, as Rust types and traits.
//!
//! These types are also the server's own vocabulary for model conversations: what a guest asks is what a provider is
//! asked, with no second set of types between them. Nothing here is written by hand but [`ResponseStream`].

#![expect(
    missing_docs,
    reason = "generated from wit/, which carries the documentation"
)]

use futures::stream::BoxStream;

/// A model's answer as it is made: events in order, `done` last; after an error nothing follows.
///
/// Dropping the stream cancels the call.
pub type EventStream = BoxStream<'static, Result<model::Event, model::Error>>;

/// What stands behind a guest's `response-stream` handle.
pub struct ResponseStream(pub EventStream);

wasmtime::component::bindgen!({
    path: "../wit",
    world: "agent",
    imports: {
        // Only what may have to wait is asynchronous: a synchronous import costs a fifth of an asynchronous one.
        // What is charged can end the turn.
        default: trappable,
        "kellion:agent/model.converse": async | trappable,
        "kellion:agent/model.converse-stream": async | trappable,
        "kellion:agent/model.count-tokens": async | trappable,
        "kellion:agent/model.invoke-model": async | trappable,
        "kellion:agent/model.[method]response-stream.next": async | trappable,
        "kellion:agent/response.write": async | trappable,
        "kellion:agent/response.forward": async | trappable,
    },
    exports: { default: async },
    with: { "kellion:agent/model.response-stream": ResponseStream },
    additional_derives: [Clone, PartialEq, serde::Serialize, serde::Deserialize],
});

pub use kellion::agent::{log, model, response, session, types};
