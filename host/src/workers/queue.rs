//! Whose turn it is.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::task::Task;

/// The tasks that could go on, by their groups.
#[derive(Default)]
pub(super) struct Queue {
    ready: Mutex<Ready>,
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
        drop(ready);
        self.more.notify_one();
    }

    /// Waits for the first task of the next group; none when the queue is closed.
    pub(super) fn next(&self) -> Option<Arc<Task>> {
        let mut ready = self.ready();
        loop {
            if ready.closed {
                return None;
            }
            if let Some(task) = ready.take() {
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
