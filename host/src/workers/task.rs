//! One long computation, and where it stands.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::future::BoxFuture;

use super::cpu;
use super::queue::Queue;

/// Goes on whenever it is woken, until it ends or is given up.
pub(super) struct Task {
    group: Arc<str>,
    queue: Arc<Queue>,
    stand: Mutex<Stand>,
}

enum Stand {
    /// Until it is woken.
    Waiting(BoxFuture<'static, ()>),
    /// In the queue; it had so much of a core since it began or last waited for something.
    Ready(BoxFuture<'static, ()>, Duration),
    /// A worker has it; it was woken meanwhile, or not.
    Running { woken: bool, had: Duration },
    /// It ended, or it was given up: a worker that has it drops it.
    Over,
}

impl Task {
    /// It is ready from the start; `had` is what it had of a core elsewhere, or is expected to take at least.
    pub(super) fn start(
        group: Arc<str>,
        queue: &Arc<Queue>,
        had: Duration,
        future: BoxFuture<'static, ()>,
    ) -> Arc<Self> {
        let task = Arc::new(Self {
            group,
            queue: Arc::clone(queue),
            stand: Mutex::new(Stand::Ready(future, had)),
        });
        queue.push(Arc::clone(&task), had);
        task
    }

    pub(super) fn group(&self) -> &Arc<str> {
        &self.group
    }

    /// Gives it up: it is dropped now, or as soon as its worker looks up from it.
    pub(super) fn give_up(&self) {
        let given_up = std::mem::replace(&mut *self.stand(), Stand::Over);
        // Behind the lock: what is dropped may wake others.
        drop(given_up);
    }

    /// Polls it once, and says what that took of a core.
    pub(super) fn go_on(self: Arc<Self>) -> Duration {
        let mut future = {
            let mut stand = self.stand();
            match std::mem::replace(&mut *stand, Stand::Over) {
                Stand::Ready(future, had) => {
                    *stand = Stand::Running { woken: false, had };
                    future
                }
                // Given up while it was in the queue.
                other => {
                    *stand = other;
                    return Duration::ZERO;
                }
            }
        };
        let waker = Waker::from(Arc::clone(&self));
        let mut context = Context::from_waker(&waker);
        let (polled, more) = cpu::taken(|| future.as_mut().poll(&mut context));
        let mut stand = self.stand();
        match (&*stand, polled) {
            (Stand::Running { woken: true, had }, Poll::Pending) => {
                let had = *had + more;
                *stand = Stand::Ready(future, had);
                drop(stand);
                self.queue.push(Arc::clone(&self), had);
            }
            (Stand::Running { woken: false, .. }, Poll::Pending) => *stand = Stand::Waiting(future),
            _ => {
                *stand = Stand::Over;
                drop(stand);
                drop(future);
            }
        }
        more
    }

    fn stand(&self) -> MutexGuard<'_, Stand> {
        self.stand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let mut stand = self.stand();
        match std::mem::replace(&mut *stand, Stand::Over) {
            Stand::Waiting(future) => {
                *stand = Stand::Ready(future, Duration::ZERO);
                drop(stand);
                self.queue.push(Arc::clone(&self), Duration::ZERO);
            }
            Stand::Running { had, .. } => *stand = Stand::Running { woken: true, had },
            other => *stand = other,
        }
    }
}
