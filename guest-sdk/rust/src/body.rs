//! What goes in and what comes out: JSON by itself, or bytes as they are.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::json;
use crate::{AgentError, Result};

/// Bytes and their content type: a payload that nobody has read yet, or an answer ready to go.
///
/// An agent that does not speak JSON takes or returns this.
///
/// ```
/// use kellion_sdk::{Body, Context, Result};
///
/// /// Sends back what it gets, whatever it is.
/// fn mirror(payload: Body, _: &Context) -> Result<Body> {
///     Ok(payload)
/// }
/// kellion_sdk::export!(fn mirror);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Body {
    /// Of a payload: what the caller said. Of an answer: what the caller is told, or
    /// `application/json` when nobody has said anything.
    pub content_type: Option<String>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Body {
    /// Bytes of a known type.
    pub fn new(content_type: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            content_type: Some(content_type.into()),
            bytes: bytes.into(),
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            content_type: None,
            bytes,
        }
    }
}

/// A payload's type: every deserializable type, read from JSON, or [`Body`].
pub trait FromBody: Sized {
    /// Reads the payload; [`AgentError::InvalidPayload`] when it is not one.
    fn from_body(body: Body) -> Result<Self>;
}

impl<T: DeserializeOwned> FromBody for T {
    fn from_body(body: Body) -> Result<Self> {
        json::decode(&body.bytes)
            .map_err(|misfit| AgentError::InvalidPayload(format!("payload {misfit}")))
    }
}

impl FromBody for Body {
    fn from_body(body: Body) -> Result<Self> {
        Ok(body)
    }
}

/// An answer's type: every serializable type, written as JSON, [`Body`], or
/// [`Streamed`](crate::response::Streamed).
pub trait IntoBody {
    /// Writes the answer.
    fn into_body(self) -> Result<Body>;
}

impl<T: Serialize> IntoBody for T {
    fn into_body(self) -> Result<Body> {
        Ok(serde_json::to_vec(&self)?.into())
    }
}

impl IntoBody for Body {
    fn into_body(self) -> Result<Body> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
