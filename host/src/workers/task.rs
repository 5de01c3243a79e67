//! One long computation, and where it stands.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures::future::BoxFuture;

use super::queue::{Queue, Turn};

/// Goes on whenever it is woken, until it ends or is given up.
pub(super) struct Task {
    group: Arc<str>,
    queue: Arc<Queue>,
    stand: Mutex<Stand>,
}

enum Stand {
    /// Until it is woken.
    Waiting(BoxFuture<'static, ()>),
    /// In the queue.
    Ready(BoxFuture<'static, ()>),
    /// A worker has it; it was woken meanwhile, or not.
    Running { woken: bool },
    /// It ended, or it was given up: a worker that has it drops it.
    Over,
}

impl Task {
    /// It is ready from the start; `last` is what it had of a core elsewhere.
    pub(super) fn start(
        group: Arc<str>,
        queue: &Arc<Queue>,
        last: Turn,
        future: BoxFuture<'static, ()>,
    ) -> Arc<Self> {
        let task = Arc::new(Self {
            group,
            queue: Arc::clone(queue),
            stand: Mutex::new(Stand::Ready(future)),
        });
        queue.push(Arc::clone(&task), last);
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

    /// Polls it once.
    pub(super) fn go_on(self: Arc<Self>) {
        let mut future = {
            let mut stand = self.stand();
            match std::mem::replace(&mut *stand, Stand::Over) {
                Stand::Ready(future) => {
                    *stand = Stand::Running { woken: false };
                    future
                }
                // Given up while it was in the queue.
                other => {
                    *stand = other;
                    return;
                }
            }
        };
        let waker = Waker::from(Arc::clone(&self));
        let mut context = Context::from_waker(&waker);
        let polled = future.as_mut().poll(&mut context);
        let mut stand = self.stand();
        match (&*stand, polled) {
            (Stand::Running { woken: true }, Poll::Pending) => {
                *stand = Stand::Ready(future);
                drop(stand);
                self.queue.push(Arc::clone(&self), Turn::Interrupted);
            }
            (Stand::Running { woken: false }, Poll::Pending) => *stand = Stand::Waiting(future),
            _ => {
                *stand = Stand::Over;
                drop(stand);
                drop(future);
            }
        }
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
                *stand = Stand::Ready(future);
                drop(stand);
                self.queue.push(Arc::clone(&self), Turn::Rested);
            }
            Stand::Running { .. } => *stand = Stand::Running { woken: true },
            other => *stand = other,
        }
    }
}
