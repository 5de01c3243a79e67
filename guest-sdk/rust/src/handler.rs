//! What an agent is.

use crate::{Context, FromBody, IntoBody, Result};

/// An agent whose value is the session's memory.
///
/// One value lives as long as its session; what it keeps in its fields is there again in the next
/// turn, and no other session sees it. Turns of one session never overlap.
///
/// ```
/// use kellion_sdk::{Context, Handler, Result};
///
/// struct Counter {
///     turns: u64,
/// }
///
/// impl Handler for Counter {
///     type Payload = serde_json::Value;
///     type Answer = u64;
///
///     fn start() -> Self {
///         Self { turns: 0 }
///     }
///
///     fn invoke(&mut self, _: Self::Payload, _: &Context) -> Result<u64> {
///         self.turns += 1;
///         Ok(self.turns)
///     }
/// }
/// kellion_sdk::export!(Counter);
/// ```
pub trait Handler: Sized {
    /// What a caller sends: a type that serde reads from JSON, or [`Body`](crate::Body).
    type Payload: FromBody;

    /// What a caller gets: a type that serde writes as JSON, [`Body`](crate::Body), or
    /// [`Streamed`](crate::response::Streamed).
    type Answer: IntoBody;

    /// A session's memory at its beginning. Runs once, in the session's first turn.
    fn start() -> Self;

    /// One turn. An error fails the turn, not the session.
    fn invoke(&mut self, payload: Self::Payload, context: &Context) -> Result<Self::Answer>;
}
