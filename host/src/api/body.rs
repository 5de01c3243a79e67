//! Bodies of requests, read to their end within a bound.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use super::error::ApiError;

/// The largest payload of an invocation, in bytes, as the service model has it.
pub(super) const MAX_PAYLOAD: usize = 100_000_000;

/// The largest body of any other request that is held in memory, in bytes. AgentCore's largest documents have some 300 KB.
pub(super) const MAX_DOCUMENT: usize = 2 << 20;

/// The whole body. One that is too large is still read for a while: a client that is cut off in the middle of sending
/// never gets to see the answer.
pub(super) async fn read(body: Body, max: usize) -> Result<Bytes, ApiError> {
    let mut chunks = body.into_data_stream();
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut size = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| ApiError::invalid("payload", "the payload broke off"))?;
        size += chunk.len();
        if size > 2 * max {
            break;
        }
        if size > max {
            (first, whole) = (Bytes::new(), BytesMut::new());
        } else if first.is_empty() && whole.is_empty() {
            first = chunk;
        } else {
            // Most bodies are one chunk, which is then never copied.
            if whole.is_empty() {
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&chunk);
        }
    }
    if size > max {
        let message = format!("the payload has more than {max} bytes");
        return Err(ApiError::invalid("payload", message));
    }
    Ok(if whole.is_empty() {
        first
    } else {
        whole.freeze()
    })
}
