//! Bodies of requests, read to their end within a bound.

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt;

use super::error::ApiError;
use super::payloads::Share;

/// The largest payload of an invocation, in bytes, as the service model has it.
pub(super) const MAX_PAYLOAD: usize = 100_000_000;

/// The largest body of any other request that is held in memory, in bytes. AgentCore's largest documents have some 300 KB.
pub(super) const MAX_DOCUMENT: usize = 2 << 20;

/// The whole body. One that is too large, or for which there is no room, is still read for a while: a client that is cut off
/// in the middle of sending never gets to see the answer.
///
/// Most bodies are one piece, which is then never copied, and no larger than what a connection may have buffered anyway.
pub(super) async fn read(body: Body, max: usize, mut share: Share) -> Result<Bytes, ApiError> {
    let mut pieces = body.into_data_stream();
    let mut first = Bytes::new();
    let mut whole = Vec::new();
    let mut size = 0;
    let mut refused = None;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| ApiError::invalid("payload", "the payload broke off"))?;
        size += piece.len();
        if size > 2 * max {
            break;
        }
        if size > max {
            let message = format!("the payload has more than {max} bytes");
            refused = Some(ApiError::invalid("payload", message));
        }
        if refused.is_some() {
            (first, whole) = (Bytes::new(), Vec::new());
            share.give_back();
        } else if first.is_empty() && whole.is_empty() {
            first = piece;
        } else {
            let begun = std::mem::take(&mut first);
            let added = share
                .add(&mut whole, &begun)
                .and_then(|()| share.add(&mut whole, &piece));
            refused = added.err();
        }
    }
    match refused {
        Some(refused) => Err(refused),
        None if whole.is_empty() => Ok(first),
        None => Ok(share.keep(whole)),
    }
}
