//! What a connection waits for, and until when.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use axum::http::Version;
use futures::task::AtomicWaker;
use tokio::time::Instant;

/// How long a connection is new: then it may be closed for others that wait, if it has asked for nothing.
const NEW: Duration = Duration::from_secs(1);

/// How long is waited for requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    /// For the rest of a head.
    pub(super) head: Duration,
    /// For a further request.
    pub(super) idle: Duration,
}

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It sends the head of a request; or will, having just come.
    Head { since: Instant },
    /// It has requests that are not answered yet.
    Busy { requests: NonZeroUsize },
    /// All is answered.
    Idle { since: Instant, kind: Kind },
}

/// What bytes of a connection without requests are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The beginning of a request, as with HTTP/1.1.
    Plain,
    /// Maybe about the connection itself, as with HTTP/2.
    Multiplexed,
}

impl Phase {
    fn received(self, now: Instant) -> Self {
        match self {
            Self::Idle {
                kind: Kind::Plain, ..
            } => Self::Head { since: now },
            Self::Idle { .. } | Self::Head { .. } | Self::Busy { .. } => self,
        }
    }

    fn requested(self) -> Self {
        let requests = match self {
            Self::Busy { requests } => requests.saturating_add(1),
            Self::Head { .. } | Self::Idle { .. } => NonZeroUsize::MIN,
        };
        Self::Busy { requests }
    }

    fn answered(self, kind: Kind, now: Instant) -> Self {
        let Self::Busy { requests } = self else {
            return self;
        };
        match NonZeroUsize::new(requests.get() - 1) {
            Some(requests) => Self::Busy { requests },
            None => Self::Idle { since: now, kind },
        }
    }

    fn deadline(self, waits: Waits) -> Option<Instant> {
        match self {
            Self::Head { since } => Some(since + waits.head),
            Self::Idle { since, .. } => Some(since + waits.idle),
            Self::Busy { .. } => None,
        }
    }

    fn is_spare(self, now: Instant) -> bool {
        match self {
            Self::Head { since } => now.duration_since(since) >= NEW,
            Self::Idle { .. } => true,
            Self::Busy { .. } => false,
        }
    }
}

/// The state of one connection, for all who serve it.
#[derive(Debug)]
pub(super) struct Meter {
    phase: Mutex<Phase>,
    /// Whether the last request was answered though its body had not come to its end.
    unread: AtomicBool,
    waits: Waits,
    connection: AtomicWaker,
}

impl Meter {
    pub(super) fn new(waits: Waits) -> Self {
        let since = Instant::now();
        Self {
            phase: Mutex::new(Phase::Head { since }),
            unread: AtomicBool::new(false),
            waits,
            connection: AtomicWaker::new(),
        }
    }

    /// The first head is waited for from now on.
    pub(super) fn begin(&self) {
        let since = Instant::now();
        *self.phase() = Phase::Head { since };
    }

    /// Bytes came.
    pub(super) fn received(&self) {
        let mut phase = self.phase();
        *phase = phase.received(Instant::now());
    }

    /// A request came; it counts until what this returns is dropped.
    pub(super) fn request(self: &Arc<Self>, version: Version) -> Request {
        let mut phase = self.phase();
        *phase = phase.requested();
        drop(phase);
        self.unread.store(false, Ordering::Relaxed);
        Request {
            meter: Arc::clone(self),
            kind: match version {
                Version::HTTP_2 => Kind::Multiplexed,
                _ => Kind::Plain,
            },
        }
    }

    /// Nobody reads the rest of a request's body.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// Whether the client may still be sending what nobody reads.
    pub(super) fn may_send(&self) -> bool {
        self.unread.load(Ordering::Relaxed) || !matches!(*self.phase(), Phase::Idle { .. })
    }

    /// When the connection is to be closed, unless something happens; never while it has requests.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.phase().deadline(self.waits)
    }

    /// Whether nothing is lost when the connection is closed for another.
    pub(super) fn is_spare(&self) -> bool {
        self.phase().is_spare(Instant::now())
    }

    /// Who is to look at the deadline when it changes elsewhere.
    pub(super) fn register(&self, connection: &Waker) {
        self.connection.register(connection);
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is not answered yet.
#[derive(Debug)]
pub(super) struct Request {
    meter: Arc<Meter>,
    kind: Kind,
}

impl Drop for Request {
    fn drop(&mut self) {
        let mut phase = self.meter.phase();
        *phase = phase.answered(self.kind, Instant::now());
        drop(phase);
        // With HTTP/1.1 it is the connection's own task that drops this, and it looks at the deadline anyway.
        if self.kind == Kind::Multiplexed {
            self.meter.connection.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITS: Waits = Waits {
        head: Duration::from_secs(10),
        idle: Duration::from_secs(75),
    };

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn a_head_is_waited_for_from_its_first_byte_on() {
        let start = Instant::now();
        let new = Phase::Head { since: start };
        let first = new.received(after(start, 3));
        assert_eq!(first.deadline(WAITS), Some(after(start, 10)));
        let idle = first.requested().answered(Kind::Plain, after(start, 5));
        assert_eq!(idle.deadline(WAITS), Some(after(start, 80)));
        let second = idle.received(after(start, 70)).received(after(start, 74));
        assert_eq!(
            second.deadline(WAITS),
            Some(after(start, 80)),
            "no further byte renews it"
        );
    }

    #[test]
    fn a_connection_with_requests_is_not_closed() {
        let start = Instant::now();
        let one = Phase::Head { since: start }.requested();
        let two = one.requested().received(after(start, 1));
        assert_eq!(two.deadline(WAITS), None);
        let one = two.answered(Kind::Multiplexed, after(start, 20));
        assert_eq!(one.deadline(WAITS), None);
        assert!(!one.is_spare(after(start, 99)));
        let idle = one.answered(Kind::Multiplexed, after(start, 30));
        assert_eq!(idle.deadline(WAITS), Some(after(start, 105)));
        assert_eq!(idle.received(after(start, 40)), idle, "it may be a ping");
        assert!(idle.is_spare(after(start, 31)));
    }

    #[test]
    fn a_connection_that_asks_for_nothing_is_new_for_a_second_only() {
        let start = Instant::now();
        let new = Phase::Head { since: start };
        assert!(!new.is_spare(start));
        assert!(new.is_spare(after(start, 1)));
    }
}
