//! A computation, where it is awaited.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use super::task::Task;
use super::{Crew, LONG, Workers, cpu};

/// Gives what the future inside gives, and panics if that does. See [`Workers::compute`].
#[must_use = "futures do nothing unless polled"]
pub struct Computation<T> {
    workers: Arc<Workers>,
    group: Arc<str>,
    place: Place<T>,
}

enum Place<T> {
    /// With who awaits it, found running so often.
    Here {
        future: BoxFuture<'static, T>,
        ticks: u32,
    },
    /// Among the long ones.
    Away(Away<T>),
}

struct Away<T> {
    task: Arc<Task>,
    result: oneshot::Receiver<thread::Result<T>>,
}

impl<T: Send + 'static> Computation<T> {
    pub(super) fn new(
        workers: Arc<Workers>,
        group: &Arc<str>,
        future: BoxFuture<'static, T>,
    ) -> Self {
        Self {
            workers,
            group: Arc::clone(group),
            place: Place::Here { future, ticks: 0 },
        }
    }
}

impl<T: Send + 'static> Future for Computation<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = self.get_mut();
        if let Place::Here { future, ticks } = &mut this.place {
            let (polled, more) = cpu::ticks(|| future.as_mut().poll(context));
            if polled.is_ready() {
                return polled;
            }
            *ticks = ticks.saturating_add(more);
            if *ticks < LONG {
                return Poll::Pending;
            }
            let Some(crew) = this.workers.crew() else {
                return Poll::Pending;
            };
            let gone = std::future::pending().boxed();
            let future = std::mem::replace(future, gone);
            this.place = Place::Away(Away::start(crew, &this.group, future));
        }
        match &mut this.place {
            Place::Here { .. } => Poll::Pending,
            Place::Away(away) => away.poll(context),
        }
    }
}

impl<T: Send + 'static> Away<T> {
    fn start(crew: &Crew, group: &Arc<str>, future: BoxFuture<'static, T>) -> Self {
        let (sender, result) = oneshot::channel();
        let future = async move {
            let result = AssertUnwindSafe(future).catch_unwind().await;
            // Who does not wait any more has given it up.
            drop(sender.send(result));
        };
        let task = Task::start(Arc::clone(group), &crew.queue, future.boxed());
        Self { task, result }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<T> {
        match ready!(self.result.poll_unpin(context)) {
            Ok(Ok(result)) => Poll::Ready(result),
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_) => unreachable!("the workers live as long as what they are given"),
        }
    }
}

impl<T> Drop for Away<T> {
    fn drop(&mut self) {
        self.task.give_up();
    }
}
