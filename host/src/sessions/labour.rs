//! The computing that is done for one session.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::Shared;
use crate::agents::{Deployment, Habits};
use crate::ids::TenantId;
use crate::workers::{Computation, Expected, Workers};

/// Copying so many bytes takes longer than a short turn.
const MUCH: u64 = 4 << 20;

/// What is computed for a session, with what is known of it before.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    /// It starts.
    Start,
    /// An image is taken of its cell, or becomes one again, with so many bytes.
    Copy(u64),
    /// A turn, that has waited so long and begins by copying so many bytes.
    Turn { waited: Duration, bytes: u64 },
}

/// Where the guest of a session computes, and whether it still does.
pub(super) struct Labour {
    workers: Arc<Workers>,
    /// Sessions of one tenant take turns with each other before they do with those of others.
    group: Arc<str>,
    /// Sessions of one agent are alike.
    habits: Habits,
    under_way: TaskTracker,
}

impl Labour {
    pub(super) fn of(shared: &Shared, deployment: &Deployment, tenant: &TenantId) -> Self {
        let under_way = TaskTracker::new();
        under_way.close();
        Self {
            workers: Arc::clone(shared.sandbox.workers()),
            group: Arc::from(tenant.as_str()),
            habits: deployment.habits.clone(),
            under_way,
        }
    }

    /// Computes, out of everybody's way if it takes long. When it is dropped, the future inside may be there for another
    /// moment.
    pub(super) fn compute<T, F>(&self, work: Work, future: F) -> Computation<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (habit, waited, bytes) = match work {
            Work::Start => (&self.habits.starts, Duration::ZERO, 0),
            Work::Copy(bytes) => (&self.habits.copies, Duration::ZERO, bytes),
            Work::Turn { waited, bytes } => (&self.habits.turns, waited, bytes),
        };
        let expected = match bytes {
            MUCH.. => Expected::Long,
            _ => Expected::Waited(waited),
        };
        let future = self.under_way.track_future(future);
        self.workers.compute(&self.group, habit, expected, future)
    }

    /// Returns when nothing is there any more of what was given up.
    pub(super) async fn is_over(&self) {
        self.under_way.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;
    use std::thread;

    use super::*;
    use crate::workers::take;

    const SHORT: Work = Work::Turn {
        waited: Duration::ZERO,
        bytes: 0,
    };

    fn labour() -> Labour {
        Labour {
            workers: Arc::new(Workers::start().unwrap()),
            group: Arc::from("somebody"),
            habits: Habits::default(),
            under_way: TaskTracker::new(),
        }
    }

    /// Where it is computed first.
    async fn place(labour: &Labour, work: Work) -> thread::ThreadId {
        let computation = labour.compute(work, async { thread::current().id() });
        computation.await
    }

    async fn long_turn(labour: &Labour) {
        let mut polls = 0;
        let turn = poll_fn(move |context| {
            take(Duration::from_millis(2));
            polls += 1;
            context.waker().wake_by_ref();
            match polls {
                6 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        });
        labour.compute(SHORT, turn).await;
    }

    #[tokio::test]
    async fn sessions_that_start_in_no_time_do_not_tell_that_their_turns_are_short() {
        let labour = labour();
        let here = thread::current().id();
        // More often than is forgiven, also on a machine that has much else to do.
        for _ in 0..60 {
            long_turn(&labour).await;
        }
        for work in [Work::Start, Work::Copy(1_000)] {
            assert_eq!(place(&labour, work).await, here, "{work:?}");
        }
        assert_ne!(place(&labour, Work::Copy(MUCH)).await, here);
        assert_ne!(place(&labour, SHORT).await, here);
        assert_eq!(place(&labour, SHORT).await, here, "one was short");
    }
}
