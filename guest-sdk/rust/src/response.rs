//! Answering before the turn ends.
//!
//! An agent that streams sends [`Events`] and then returns [`Streamed`].
//!
//! ```
//! use kellion_sdk::response::{Events, Streamed};
//! use kellion_sdk::{Context, Result};
//!
//! fn countdown(from: u32, _: &Context) -> Result<Streamed> {
//!     let mut events = Events::open();
//!     events.send_all((0..=from).rev())?;
//!     Ok(events.end())
//! }
//! kellion_sdk::export!(fn countdown);
//! ```

use serde::Serialize;

#[doc(inline)]
pub use crate::bindings::kellion::agent::response::Framing;
use crate::model::{self, Response};
use crate::{Body, IntoBody, Result, host};

/// Says what the bytes are, before the first [`write()`]; otherwise `application/json`.
pub fn set_content_type(value: &str) {
    host::set_content_type(value);
}

/// Sends a piece to the caller now; what the turn returns comes after it. Waits while the caller
/// is slow, and says whether the caller is still there.
pub fn write(chunk: &[u8]) -> bool {
    host::write(chunk)
}

/// An answer in server-sent events: each item one frame, `data: <JSON>` and an empty line.
///
/// A string is a JSON string, so a line break inside it does not break its frame.
pub struct Events {
    has_reader: bool,
}

impl Events {
    /// Begins the answer, of the content type `text/event-stream`.
    pub fn open() -> Self {
        host::set_content_type("text/event-stream");
        Self { has_reader: true }
    }

    /// Sends one item. Fails only when the item cannot be written as JSON.
    pub fn send<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<()> {
        self.has_reader = host::write(&frame(item)?);
        Ok(())
    }

    /// Sends one item after the other, and takes no more of them once the caller has gone.
    pub fn send_all<T: Serialize>(&mut self, items: impl IntoIterator<Item = T>) -> Result<()> {
        for item in items {
            self.send(&item)?;
            if !self.has_reader {
                break;
            }
        }
        Ok(())
    }

    /// Sends a model's text, each piece one item, and returns the whole response.
    ///
    /// The host does it alone: a piece costs the agent nothing.
    pub fn forward(&mut self, stream: model::Stream) -> model::Result<Response> {
        stream.forward(Framing::Sse)
    }

    /// False once the caller has gone: whatever is sent from then on reaches nobody.
    pub fn has_reader(&self) -> bool {
        self.has_reader
    }

    /// The end of the answer, for the turn to return.
    pub fn end(self) -> Streamed {
        Streamed(())
    }
}

/// An answer that has been sent already. Comes from [`Events::end`].
#[derive(Debug)]
pub struct Streamed(());

impl IntoBody for Streamed {
    fn into_body(self) -> Result<Body> {
        Ok(Body::default())
    }
}

fn frame<T: Serialize + ?Sized>(item: &T) -> Result<Vec<u8>> {
    let mut frame = b"data: ".to_vec();
    serde_json::to_writer(&mut frame, item)?;
    frame.extend_from_slice(b"\n\n");
    Ok(frame)
}

#[cfg(test)]
mod tests;
