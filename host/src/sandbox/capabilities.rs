//! What a turn may reach outside its cell: the sandbox calls these traits, and the session implements them.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::clock::Timestamp;
use crate::contract::EventStream;
use crate::contract::log::Level;
use crate::contract::model::{Error, Request, Response};
use crate::contract::session::Budget;

/// The outside of one turn. Made for the turn, dropped with it.
///
/// The asynchronous ones may wait, and are cancelled by dropping their futures.
///
/// What these calls return, and [`now`](Self::now) after them, is all that a guest can learn from outside: a second cell
/// of the same birth that is told the same does the same, byte for byte. So an implementation that notes down what it
/// returned, and one that returns what was noted down, are all that recording and replaying take.
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

    /// When the last asynchronous call, or the last event of a stream, came back. Asked right after each of them: the
    /// guest's clock moves there, and stands still until the next. A time in the past leaves the clock as it is.
    fn now(&self) -> Timestamp;

    /// Waits in the place of the guest, which sleeps. Its clock then shows the end of its sleep, not [`now`](Self::now),
    /// whenever this returns; so a replay need not wait.
    fn sleep(&mut self, duration: Duration) -> BoxFuture<'_, ()>;
}

/// Where a cell's log entries and prints go, from its start to its end.
pub trait LogSink: Send + Sync {
    /// Appends one entry. Bounded by whoever keeps the log; never blocks for long.
    fn write(&self, level: Level, message: &str);
}
