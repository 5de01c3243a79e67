//! A computation, where it is awaited.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use super::habit::Leaves;
use super::task::Task;
use super::{Crew, Expected, Habit, LONG, Workers, cpu};

/// Gives what the future inside gives, and panics if that does. See [`Workers::compute`].
#[must_use = "futures do nothing unless polled"]
pub struct Computation<T> {
    workers: Arc<Workers>,
    group: Arc<str>,
    habit: Arc<Habit>,
    place: Place<T>,
}

enum Place<T> {
    /// With who awaits it, where it took so much of a core.
    Here {
        future: BoxFuture<'static, T>,
        took: Duration,
        /// Before it is polled first.
        fresh: Option<Expected>,
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
        habit: &Arc<Habit>,
        expected: Expected,
        future: BoxFuture<'static, T>,
    ) -> Self {
        Self {
            workers,
            group: Arc::clone(group),
            habit: Arc::clone(habit),
            place: Place::Here {
                future,
                took: Duration::ZERO,
                fresh: Some(expected),
            },
        }
    }

    /// To the others that take long.
    fn leave(&mut self, why: Leaves) {
        let Place::Here { future, took, .. } = &mut self.place else {
            return;
        };
        let left = std::future::pending().boxed();
        let mut future = std::mem::replace(future, left);
        let had = match why {
            Leaves::InTheWay => self.habit.usual(),
            Leaves::Known => LONG,
            Leaves::Surprising => *took,
        };
        if let Leaves::Surprising = why {
            self.habit.surprised();
        } else {
            future = observed(future, Arc::clone(&self.habit)).boxed();
        }
        let away = Away::start(&self.workers.crew, &self.group, had, future);
        self.place = Place::Away(away);
    }
}

impl<T: Send + 'static> Future for Computation<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = self.get_mut();
        if let Place::Here {
            future,
            took,
            fresh,
        } = &mut this.place
        {
            let sent_away = match fresh.take() {
                Some(Expected::Long) => Some(Leaves::Known),
                Some(Expected::Waited(waited)) => {
                    let behind = this.workers.lag.is_behind();
                    this.habit.sends_away(waited, behind)
                }
                None => None,
            };
            if sent_away.is_none() {
                let (polled, more) = cpu::taken(|| future.as_mut().poll(context));
                *took += more;
                if polled.is_pending() && *took < LONG {
                    return Poll::Pending;
                }
                this.habit.took(*took);
                if polled.is_ready() {
                    return polled;
                }
            }
            this.leave(sent_away.unwrap_or(Leaves::Surprising));
        }
        match &mut this.place {
            Place::Here { .. } => Poll::Pending,
            Place::Away(away) => away.poll(context),
        }
    }
}

/// Tells the habit when it was wrong.
async fn observed<T>(mut future: BoxFuture<'static, T>, habit: Arc<Habit>) -> T {
    let mut took = Duration::ZERO;
    let result = poll_fn(|context| {
        let (polled, more) = cpu::taken(|| future.as_mut().poll(context));
        took += more;
        polled
    });
    let result = result.await;
    if took < LONG {
        habit.was_short();
        habit.took(took);
    }
    result
}

impl<T: Send + 'static> Away<T> {
    fn start(crew: &Crew, group: &Arc<str>, had: Duration, future: BoxFuture<'static, T>) -> Self {
        let (sender, result) = oneshot::channel();
        let future = async move {
            let result = AssertUnwindSafe(future).catch_unwind().await;
            // Who does not wait any more has given it up.
            drop(sender.send(result));
        };
        let task = Task::start(Arc::clone(group), &crew.queue, had, future.boxed());
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
