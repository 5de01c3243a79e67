//! Models, reached through the host: the agent holds no key, and every call is checked against its
//! grant and its budget.
//!
//! The meaning is that of the Bedrock Converse API, and so are the types: JSON travels as text.
//!
//! ```no_run
//! use kellion_sdk::model::{self, Request};
//!
//! # fn main() -> kellion_sdk::Result<()> {
//! let request = Request::new("us.anthropic.claude-sonnet-4-20250514-v1:0")
//!     .system("Answer in one sentence.")
//!     .user("Why is the sky blue?")
//!     .max_tokens(200);
//!
//! let response = model::converse(&request)?;
//! println!("{} ({} tokens)", response.text(), response.usage.output_tokens);
//!
//! let response = model::converse_stream(&request)?.for_each_text(|piece| print!("{piece}"))?;
//! # Ok(())
//! # }
//! ```
//!
//! An [`Agent`](crate::Agent) does this and runs tools besides.

mod broker;
mod error;
mod message;
mod request;
mod response;
mod stream;

#[doc(inline)]
pub use crate::bindings::kellion::agent::model::{
    BlockStart, Content, Delta, Document, ErrorKind, Event, Guardrail, Inference, Json, Media,
    Message, Reasoning, Request, Response, Role, StopReason, Tool, ToolChoice, ToolOutput,
    ToolResult, ToolUse, ToolUseStart, Usage,
};
pub use broker::{Broker, Delivery, Model};
pub use error::Error;
pub(crate) use message::{or_placeholder, storable};
pub use stream::Stream;

use crate::bindings::kellion::agent::model as host;

/// What a model call returns.
pub type Result<T> = std::result::Result<T, Error>;

/// One answer, whole. Waits for the provider.
pub fn converse(request: &Request) -> Result<Response> {
    Ok(host::converse(request)?)
}

/// One answer, as it is made. An error here means that nothing was said; later ones come from the
/// stream.
pub fn converse_stream(request: &Request) -> Result<Stream> {
    Ok(Stream::new(host::converse_stream(request)?))
}

/// The input tokens that a request would cost.
pub fn count_tokens(request: &Request) -> Result<u64> {
    Ok(host::count_tokens(request)?)
}

/// A model's own API, for what Converse does not cover, such as embeddings. Needs a grant of its
/// own.
pub fn invoke_model(model: &str, body: &[u8]) -> Result<Vec<u8>> {
    Ok(host::invoke_model(model, body)?)
}
