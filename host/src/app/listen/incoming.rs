//! The body of a request, which has to come at a minimal rate.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::meter::Meter;

/// How quickly bodies must come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// In bytes a second.
    pub(super) rate: u32,
    /// How far a body may lag behind.
    pub(super) grace: Duration,
}

impl Pace {
    /// What is left of the grace after a wait.
    fn waited(left: Duration, wait: Duration) -> Duration {
        left.saturating_sub(wait)
    }

    /// What is left of it when so many bytes have come.
    fn came(self, left: Duration, bytes: usize) -> Duration {
        let nanos = u64::try_from(bytes)
            .unwrap_or(u64::MAX)
            .saturating_mul(1_000_000_000 / u64::from(self.rate));
        left.saturating_add(Duration::from_nanos(nanos))
            .min(self.grace)
    }
}

/// Whether a body was given up.
#[derive(Debug, Clone, Default)]
pub(super) struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a body ends before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken<E> {
    /// It came too slowly.
    #[error("the body came too slowly")]
    Slow,
    /// The connection broke.
    #[error(transparent)]
    Other(E),
}

/// A body that is given up when it comes too slowly. Only the time that somebody waits for it counts: the server's own
/// slowness is not the client's.
pub(super) struct Paced<B> {
    body: B,
    pace: Pace,
    left: Duration,
    waits_since: Option<Instant>,
    end: Option<Pin<Box<Sleep>>>,
    given_up: GivenUp,
    /// None once all has come.
    unread: Option<Arc<Meter>>,
}

impl<B: Body<Data = Bytes>> Paced<B> {
    pub(super) fn new(body: B, pace: Pace, given_up: GivenUp, meter: &Arc<Meter>) -> Self {
        let unread = (!body.is_end_stream()).then(|| Arc::clone(meter));
        Self {
            body,
            unread,
            pace,
            left: pace.grace,
            waits_since: None,
            end: None,
            given_up,
        }
    }
}

impl<B> Paced<B> {
    /// Pending, or ready when the wait was too long.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let begins = self.waits_since.is_none();
        let until = *self.waits_since.get_or_insert_with(Instant::now) + self.left;
        let end = match &mut self.end {
            Some(end) => {
                if begins {
                    end.as_mut().reset(until);
                }
                end
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(until))),
        };
        end.as_mut().poll(cx)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Paced<B> {
    type Data = Bytes;
    type Error = Broken<B::Error>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            ready!(self.wait(cx));
            self.given_up.0.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(Broken::Slow)));
        };
        if let Some(since) = self.waits_since.take() {
            self.left = Pace::waited(self.left, since.elapsed());
        }
        if let Some(Ok(frame)) = &frame
            && let Some(bytes) = frame.data_ref()
        {
            self.left = self.pace.came(self.left, bytes.len());
        }
        if frame.is_none() || self.body.is_end_stream() {
            self.unread = None;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Broken::Other)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Paced<B> {
    fn drop(&mut self) {
        if let Some(meter) = &self.unread {
            meter.leave_unread();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_lag_behind_its_rate_for_the_grace_and_no_longer() {
        let pace = Pace {
            rate: 1_000,
            grace: Duration::from_secs(20),
        };
        let second = Duration::from_secs(1);
        let left = Pace::waited(pace.grace, 5 * second);
        assert_eq!(left, 15 * second);
        assert_eq!(pace.came(left, 1_000), 16 * second);
        assert_eq!(
            pace.came(left, usize::MAX),
            pace.grace,
            "what came early is no credit"
        );
        let mut left = pace.grace;
        for _ in 0..1_000 {
            left = pace.came(Pace::waited(left, second), 1_000);
        }
        assert_eq!(
            left,
            19 * second + second,
            "at the rate it goes on for ever"
        );
        for _ in 0..21 {
            left = pace.came(Pace::waited(left, second), 1);
        }
        assert!(left < second, "{left:?}");
    }
}
