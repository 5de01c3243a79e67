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

use super::queue::Turn;
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
    /// With who awaits it, found running so often.
    Here {
        future: BoxFuture<'static, T>,
        ticks: u32,
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
                ticks: 0,
                fresh: Some(expected),
            },
        }
    }

    /// To the others that take long; `known` to be one.
    fn leave(&mut self, known: bool) {
        let Place::Here { future, .. } = &mut self.place else {
            return;
        };
        let left = std::future::pending().boxed();
        let mut future = std::mem::replace(future, left);
        if known {
            future = observed(future, Arc::clone(&self.habit)).boxed();
        } else {
            self.habit.surprised();
        }
        let last = match known {
            true => Turn::Rested,
            false => Turn::Interrupted,
        };
        let away = Away::start(&self.workers.crew, &self.group, last, future);
        self.place = Place::Away(away);
    }
}

impl<T: Send + 'static> Future for Computation<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = self.get_mut();
        if let Place::Here {
            future,
            ticks,
            fresh,
        } = &mut this.place
        {
            let fresh = fresh.take();
            let is_long = fresh.is_some_and(|expected| match expected {
                Expected::Waited(waited) => {
                    let behind = this.workers.lag.is_behind();
                    this.habit.is_in_the_way(waited, behind)
                }
                Expected::Long => true,
            });
            if !is_long {
                let began = fresh.is_some().then(cpu::time);
                let (polled, more) = cpu::ticks(|| future.as_mut().poll(context));
                if let Some(began) = began {
                    this.habit.took(cpu::time().saturating_sub(began));
                }
                if polled.is_ready() {
                    return polled;
                }
                *ticks = ticks.saturating_add(more);
                if *ticks < LONG {
                    return Poll::Pending;
                }
            }
            this.leave(is_long);
        }
        match &mut this.place {
            Place::Here { .. } => Poll::Pending,
            Place::Away(away) => away.poll(context),
        }
    }
}

/// Tells the habit when it was wrong.
async fn observed<T>(mut future: BoxFuture<'static, T>, habit: Arc<Habit>) -> T {
    let mut ticks = 0_u32;
    let mut took = Duration::ZERO;
    let result = poll_fn(|context| {
        let began = cpu::time();
        let (polled, more) = cpu::ticks(|| future.as_mut().poll(context));
        took += cpu::time().saturating_sub(began);
        ticks = ticks.saturating_add(more);
        polled
    });
    let result = result.await;
    if ticks < LONG {
        habit.was_short();
        habit.took(took);
    }
    result
}

impl<T: Send + 'static> Away<T> {
    fn start(crew: &Crew, group: &Arc<str>, last: Turn, future: BoxFuture<'static, T>) -> Self {
        let (sender, result) = oneshot::channel();
        let future = async move {
            let result = AssertUnwindSafe(future).catch_unwind().await;
            // Who does not wait any more has given it up.
            drop(sender.send(result));
        };
        let task = Task::start(Arc::clone(group), &crew.queue, last, future.boxed());
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
