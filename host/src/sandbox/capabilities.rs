//! What a turn may reach outside its cell: the sandbox calls these traits, and the session implements them.

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::contract::EventStream;
use crate::contract::log::Level;
use crate::contract::model::{Error, Request, Response};
use crate::contract::session::Budget;

/// The outside of one turn. Made for the turn, dropped with it.
///
/// The asynchronous ones may wait, and are cancelled by dropping their futures.
pub trait Capabilities: Send {
    /// A model's answer, whole.
    fn converse(&mut self, request: Request) -> BoxFuture<'_, Result<Response, Error>>;

    /// A model's answer, as it is made.
    fn converse_stream(&mut self, request: Request) -> BoxFuture<'_, Result<EventStream, Error>>;

    /// Input tokens that the request would cost.
    fn count_tokens(&mut self, request: Request) -> BoxFuture<'_, Result<u64, Error>>;

    /// A model's own API.
    fn invoke_model(
        &mut self,
        model: String,
        body: Vec<u8>,
    ) -> BoxFuture<'_, Result<Vec<u8>, Error>>;

    /// The content type of the answer. Without effect after the first [`write`](Self::write).
    fn set_content_type(&mut self, value: String);

    /// Sends a piece of the answer. Waits while the caller is slow; false when the caller is gone.
    fn write(&mut self, chunk: Bytes) -> BoxFuture<'_, bool>;

    /// A value of the agent's configuration.
    fn config(&self, name: &str) -> Option<String>;

    /// What may still be spent on models.
    fn remaining(&self) -> Budget;
}

/// Where a cell's log entries and prints go, from its start to its end.
pub trait LogSink: Send + Sync {
    /// Appends one entry. Bounded by whoever keeps the log; never blocks for long.
    fn write(&self, level: Level, message: &str);
}
