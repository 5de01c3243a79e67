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
    /// Of groups that have any, in the order in which they came.
    tasks: HashMap<Arc<str>, VecDeque<Arc<Task>>>,
    /// The groups that have any, the next one first.
    groups: VecDeque<Arc<str>>,
    closed: bool,
}

impl Queue {
    /// The task comes after all others of its group. The group keeps its place, and a new one comes last.
    pub(super) fn push(&self, task: Arc<Task>) {
        let mut ready = self.ready();
        let Ready { tasks, groups, .. } = &mut *ready;
        let group = task.group();
        match tasks.get_mut(group) {
            Some(tasks) => tasks.push_back(task),
            None => {
                let group = Arc::clone(group);
                groups.push_back(Arc::clone(&group));
                tasks.insert(group, VecDeque::from([task]));
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
        self.tasks.get(group).map_or(0, VecDeque::len)
    }

    fn take(&mut self) -> Option<Arc<Task>> {
        let group = self.groups.pop_front()?;
        let tasks = self.tasks.get_mut(&group)?;
        let task = tasks.pop_front();
        if tasks.is_empty() {
            self.tasks.remove(&group);
        } else {
            self.groups.push_back(group);
        }
        task
    }
}
