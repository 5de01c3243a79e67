//! Where long computations go: threads of a low priority, one for each core, which everything else may interrupt.
//!
//! What serves must never wait for what computes. So a computation is polled where it is awaited only as long as it is
//! short: one that is interrupted when it has had a core for [`LONG`] is handed over. There it is the kernel that keeps the
//! cores free for short work, at once and not at the end of somebody's slice. Among themselves the long ones share
//! the time: each group has as much as any other, however many tasks it has; and within a group who has had little does not
//! wait until all who have had much had more.

mod computation;
mod cpu;
mod habit;
mod lag;
mod lines;
mod priority;
mod queue;
mod task;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{self, Handle, Runtime};

pub use computation::Computation;
#[cfg(test)]
pub(crate) use cpu::take;
pub use habit::{Expected, Habit};
pub(crate) use priority::{step_back, step_forward};

use lag::Lag;
use queue::Queue;

/// A computation that takes this much of a core is long. What it waited for others to leave the core does not count: beside
/// many threads the shortest is found unfinished again and again.
const LONG: Duration = Duration::from_millis(10);

/// The threads. They end when this is dropped.
pub struct Workers {
    crew: Crew,
    lag: Arc<Lag>,
}

struct Crew {
    queue: Arc<Queue>,
    /// What is opened in a long computation, such as a connection or a timer, is driven here: threads of this runtime may
    /// inherit the priority of those that need them, which the runtime that serves must not.
    drivers: Option<Runtime>,
}

impl Workers {
    /// Starts the threads now: a machine that gives none says so before anybody waits for one.
    pub fn start() -> io::Result<Self> {
        Ok(Self {
            crew: Crew::start()?,
            lag: Arc::default(),
        })
    }

    /// Computes for a member of a group, in place at first. Nothing is done until it is polled; when it is dropped, it is
    /// given up before it goes on.
    ///
    /// What is long, or in the habit of taking long, is not in place at first, either; nor what takes a while, when it has waited so
    /// long to begin that the threads that serve must be behind.
    pub fn compute<T, F>(
        self: &Arc<Self>,
        group: &Arc<str>,
        habit: &Arc<Habit>,
        expected: Expected,
        future: F,
    ) -> Computation<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        Computation::new(Arc::clone(self), group, habit, expected, Box::pin(future))
    }

    /// From outside of the runtime, at each tick of the clock that interrupts guests.
    pub(crate) fn tick(&self) {
        self.lag.tick();
    }

    /// Looks whether the threads of the runtime that this is called in are behind, as long as the workers live.
    pub fn watch_lag(&self) {
        tokio::spawn(lag::watch(Arc::clone(&self.lag)));
    }

    /// Whether so many long computations of a group want a core at this moment.
    pub fn are_behind(&self, group: &str, limit: u32) -> bool {
        self.crew.queue.has(group, limit as usize)
    }
}

impl Crew {
    fn start() -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let drivers = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("long-io")
            .enable_all()
            .build()?;
        let crew = Self {
            queue: Arc::clone(&queue),
            drivers: Some(drivers),
        };
        let handle = crew.drivers.as_ref().map(Runtime::handle);
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            let (queue, handle) = (Arc::clone(&queue), handle.cloned());
            thread::Builder::new()
                .name("long-turns".to_owned())
                .spawn(move || work(&queue, handle.as_ref()))?;
        }
        Ok(crew)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.lag.close();
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(drivers) = self.drivers.take() {
            // Whoever drops this may be a task, which must not wait.
            drivers.shutdown_background();
        }
    }
}

fn work(queue: &Queue, drivers: Option<&Handle>) {
    if let Err(error) = step_back() {
        tracing::warn!(%error, "long turns run at the priority of short ones, which may have to wait for them");
    }
    let _driven = drivers.map(Handle::enter);
    while queue.serve() {}
}
