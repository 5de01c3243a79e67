//! From a scripted answer to an HTTP response, with all its faults.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::answer::{Answer, End, Message, What};
use super::{Operation, Shared, frames};

/// The pieces of a body.
type Pieces = BoxStream<'static, io::Result<Bytes>>;

/// The response of an operation. Waits for ever when the answer holds.
pub(super) async fn response(
    shared: Arc<Shared>,
    operation: Operation,
    request: &Value,
    answer: Answer,
) -> Response {
    let closes = shared.closes.load(Ordering::Relaxed);
    let mut watched = Watched {
        shared,
        whole: false,
    };
    if answer.hold {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(answer.takes).await;
    let mut head = Response::builder();
    if closes {
        head = head.header(CONNECTION, "close");
    }
    for (name, value) in &answer.headers {
        head = head.header(name, value);
    }
    let (head, pieces): (_, Pieces) = match answer.what {
        What::Error {
            status,
            code,
            message,
        } => {
            let body = Bytes::from(json!({ "message": message }).to_string());
            (
                head.status(status)
                    .header("x-amzn-errortype", code)
                    .header(CONTENT_TYPE, "application/json"),
                one(body),
            )
        }
        What::Raw {
            status,
            content_type,
            body,
        } => (
            head.status(status).header(CONTENT_TYPE, content_type),
            one(body),
        ),
        What::Repeated {
            content_type,
            begin,
            piece,
            times,
        } => {
            let pieces = stream::iter(std::iter::repeat_n(piece, times).map(Ok));
            (
                head.header(CONTENT_TYPE, content_type),
                one(begin).chain(pieces).boxed(),
            )
        }
        What::Message(message) if operation == Operation::ConverseStream => {
            let pieces = streamed(&message, answer.end, answer.pace, answer.takes);
            (
                head.header(CONTENT_TYPE, "application/vnd.amazon.eventstream"),
                pieces,
            )
        }
        What::Message(message) => {
            let body = Bytes::from(whole(operation, request, message).to_string());
            (
                head.header(CONTENT_TYPE, "application/json"),
                ended(body, &answer.end),
            )
        }
    };
    let pieces = match answer.trickles {
        None => pieces,
        Some(pause) => trickled(pieces, pause),
    };
    // The guard goes with the body: if the body is dropped before its last piece, the caller has hung up.
    let pieces = pieces
        .map(Some)
        .chain(stream::iter([None]))
        .filter_map(move |piece| {
            watched.see(piece.as_ref());
            std::future::ready(piece)
        });
    head.body(Body::from_stream(pieces))
        .unwrap_or_else(|error| {
            let mut response = Response::new(Body::from(format!(
                "the test's answer makes no response: {error}"
            )));
            *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
            response
        })
}

/// Counts a cut when it is dropped before its answer is complete.
struct Watched {
    shared: Arc<Shared>,
    whole: bool,
}

impl Watched {
    /// Takes note of a piece: after the last one, or a break that the test wanted, nobody has hung up.
    fn see(&mut self, piece: Option<&io::Result<Bytes>>) {
        self.whole |= matches!(piece, None | Some(Err(_)));
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.whole {
            self.shared.cut.send_modify(|cut| *cut += 1);
        }
    }
}

/// The JSON of an answer that is not a stream.
fn whole(operation: Operation, request: &Value, message: Message) -> Value {
    match operation {
        Operation::Converse | Operation::ConverseStream => {
            let mut answer = json!({
                "output": { "message": { "role": "assistant", "content": message.content } },
                "stopReason": message.stop_reason,
                "usage": message.usage,
                "metrics": { "latencyMs": 7 },
            });
            if let Some(extra) = message.extra {
                answer["additionalModelResponseFields"] = extra;
            }
            answer
        }
        Operation::CountTokens => json!({ "inputTokens": message.usage["inputTokens"] }),
        Operation::Invoke => json!({ "echo": request }),
    }
}

fn one(body: Bytes) -> Pieces {
    stream::iter([Ok(body)]).boxed()
}

/// Byte by byte.
fn trickled(pieces: Pieces, pause: Duration) -> Pieces {
    let bytes = pieces.flat_map(|piece| {
        let bytes = piece.unwrap_or_default();
        stream::iter((0..bytes.len()).map(move |at| Ok(bytes.slice(at..=at))))
    });
    bytes
        .then(move |byte| async move {
            tokio::time::sleep(pause).await;
            byte
        })
        .boxed()
}

/// A whole body, or half of one with the end that the test wants.
fn ended(body: Bytes, end: &End) -> Pieces {
    let half = body.slice(..body.len() / 2);
    match end {
        End::Whole | End::Exception { .. } => one(body),
        End::Stop { .. } => one(half),
        End::Hang { .. } => one(half).chain(stream::pending()).boxed(),
        End::Break { .. } => one(half).chain(broken()).boxed(),
    }
}

/// The piece that breaks the connection. It lets the server send off first what came before it.
fn broken() -> Pieces {
    let broken = async {
        tokio::task::yield_now().await;
        Err(io::Error::new(
            io::ErrorKind::ConnectionReset,
            "the test breaks the connection here",
        ))
    };
    stream::once(broken).boxed()
}

fn streamed(message: &Message, end: End, pace: Option<Arc<Semaphore>>, takes: Duration) -> Pieces {
    let frames: Vec<Bytes> = frames::events(message)
        .iter()
        .map(|(kind, payload)| frames::event_frame(kind, payload))
        .collect();
    let frames = stream::iter(frames).then(move |frame| {
        let pace = pace.clone();
        async move {
            tokio::time::sleep(takes).await;
            if let Some(pace) = pace {
                pace.acquire()
                    .await
                    .expect("a test's semaphore stays open")
                    .forget();
            }
            Ok(frame)
        }
    });
    match end {
        End::Whole => frames.boxed(),
        End::Stop { after } => frames.take(after).boxed(),
        End::Hang { after } => frames.take(after).chain(stream::pending()).boxed(),
        End::Break { after } => frames.take(after).chain(broken()).boxed(),
        End::Exception {
            after,
            code,
            message,
        } => frames
            .take(after)
            .chain(stream::iter([Ok(frames::exception_frame(&code, &message))]))
            .boxed(),
    }
}
