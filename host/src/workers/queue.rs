//! Whose turn it is.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::task::Task;

/// The tasks that could go on, by their groups.
#[derive(Default)]
pub(super) struct Queue {
    ready: Mutex<Ready>,
    /// How many there are of all groups, for who looks in passing.
    count: AtomicUsize,
    more: Condvar,
}

#[derive(Default)]
struct Ready {
    /// Of groups that have any.
    tasks: HashMap<Arc<str>, Lines>,
    /// The groups that have any, the next one first.
    groups: VecDeque<Arc<str>>,
    closed: bool,
}

/// A group's ready tasks, in the order in which they came. Who was not interrupted when it had a core last, or had none yet,
/// may be done soon: of such a one and one that was interrupted, each is next in turn.
#[derive(Default)]
struct Lines {
    rested: VecDeque<Arc<Task>>,
    interrupted: VecDeque<Arc<Task>>,
    /// The last one had not been interrupted.
    was_rested: bool,
}

impl Lines {
    fn line(&mut self, turn: Turn) -> &mut VecDeque<Arc<Task>> {
        match turn {
            Turn::Rested => &mut self.rested,
            Turn::Interrupted => &mut self.interrupted,
        }
    }

    fn len(&self) -> usize {
        self.rested.len() + self.interrupted.len()
    }

    fn take(&mut self) -> Option<Arc<Task>> {
        let rested_first = !self.was_rested || self.interrupted.is_empty();
        self.was_rested = rested_first && !self.rested.is_empty();
        match self.was_rested {
            true => self.rested.pop_front(),
            false => self.interrupted.pop_front(),
        }
    }
}

/// How a task's last turn on a core ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It had none yet, or waited for something.
    Rested,
    /// It could go on.
    Interrupted,
}

impl Queue {
    /// The task comes after all others of its kind in its group. The group keeps its place, and a new one comes last.
    pub(super) fn push(&self, task: Arc<Task>, last: Turn) {
        let mut ready = self.ready();
        let Ready { tasks, groups, .. } = &mut *ready;
        let group = task.group();
        match tasks.get_mut(group) {
            Some(lines) => lines.line(last).push_back(task),
            None => {
                let group = Arc::clone(group);
                groups.push_back(Arc::clone(&group));
                let lines = tasks.entry(group).or_default();
                lines.line(last).push_back(task);
            }
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        drop(ready);
        self.more.notify_one();
    }

    /// Whether a group has so many ready tasks.
    pub(super) fn has(&self, group: &str, limit: usize) -> bool {
        self.count.load(Ordering::Relaxed) >= limit && self.ready().of(group) >= limit
    }

    /// Waits for the first task of the next group; none when the queue is closed.
    pub(super) fn next(&self) -> Option<Arc<Task>> {
        let mut ready = self.ready();
        loop {
            if ready.closed {
                return None;
            }
            if let Some(task) = ready.take() {
                self.count.fetch_sub(1, Ordering::Relaxed);
                return Some(task);
            }
            ready = self
                .more
                .wait(ready)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nobody waits any more.
    pub(super) fn close(&self) {
        self.ready().closed = true;
        self.more.notify_all();
    }

    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ready {
    fn of(&self, group: &str) -> usize {
        self.tasks.get(group).map_or(0, Lines::len)
    }

    fn take(&mut self) -> Option<Arc<Task>> {
        let group = self.groups.pop_front()?;
        let lines = self.tasks.get_mut(&group)?;
        let task = lines.take();
        if lines.len() == 0 {
            self.tasks.remove(&group);
        } else {
            self.groups.push_back(group);
        }
        task
    }
}
