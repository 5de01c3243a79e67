//! The body of an answer, and the streams of HTTP/2 that nobody reads.
//!
//! With HTTP/1.1 a client that takes nothing is seen at its socket. With HTTP/2 it can take all there is of the connection and
//! let one stream starve. So there a body leaves in small pieces, and how long it is not asked for the next one is measured.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body as AxumBody, Bytes};
use hyper::body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use tokio::time::Instant;

use super::meter::Request;
use super::places::Place;

/// The largest piece of a multiplexed answer, in bytes.
const PIECE: usize = 64 * 1024;

tokio::task_local! {
    /// The stream whose task this is; there is none with HTTP/1.1.
    static STREAM: Arc<Offer>;
}

/// A piece that was handed out, while no further one is asked for.
#[derive(Debug, Default)]
pub(super) struct Offer(Mutex<Option<Instant>>);

impl Offer {
    /// That of the stream whose task this is.
    pub(super) fn of_stream() -> Option<Arc<Self>> {
        STREAM.try_with(Arc::clone).ok()
    }

    fn made(&self) {
        self.set(Some(Instant::now()));
    }

    fn taken(&self) {
        self.set(None);
    }

    fn set(&self, since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Returns when one was not taken for so long, or a quarter longer.
    async fn ignored(&self, patience: Duration) {
        loop {
            tokio::time::sleep(patience / 4).await;
            let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if since.is_some_and(|since| since.elapsed() >= patience) {
                return;
            }
        }
    }
}

/// Runs the streams of HTTP/2, each until its client takes nothing for too long; then the stream is reset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Streams {
    pub(super) patience: Duration,
}

impl<F> Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let patience = self.patience;
        let offer = Arc::new(Offer::default());
        tokio::spawn(STREAM.scope(Arc::clone(&offer), async move {
            tokio::select! {
                _ = stream => {}
                () = offer.ignored(patience) => {}
            }
        }));
    }
}

/// The body of an answer, whose request is open, and has its place, as long as it is there.
pub(super) struct Outgoing {
    body: AxumBody,
    /// What of a piece that was too large has not left yet.
    rest: Bytes,
    offer: Option<Arc<Offer>>,
    _request: Request,
    _place: Option<Place>,
}

impl Outgoing {
    pub(super) fn new(body: AxumBody, request: Request, place: Option<Place>) -> Self {
        let offer = Offer::of_stream();
        // A client that takes nothing from the beginning does not even let the first piece be asked for.
        if let Some(offer) = &offer {
            offer.made();
        }
        Self {
            body,
            rest: Bytes::new(),
            offer,
            _request: request,
            _place: place,
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(offer) = self.offer.clone() else {
            return Pin::new(&mut self.body).poll_frame(cx);
        };
        offer.taken();
        if self.rest.is_empty() {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                end => return Poll::Ready(end),
            };
            match frame.into_data() {
                Ok(bytes) => self.rest = bytes,
                Err(frame) => return Poll::Ready(Some(Ok(frame))),
            }
        }
        let size = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(size);
        offer.made();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let mut hint = self.body.size_hint();
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}
