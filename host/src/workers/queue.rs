//! Whose turn it is.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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

/// A group's ready tasks, by what they have had of a core since they began or last waited for something, or are expected to
/// take; those of a kind in the order in which they came. Of those who have had least, and of the others, each are next in
/// turn: who may soon be done does not wait until all who compute for long had more, and none of those waits for ever.
#[derive(Default)]
struct Lines {
    lines: [VecDeque<Arc<Task>>; KINDS],
    /// The last one was of those who have had least.
    was_least: bool,
    /// The kind that comes next among the others.
    next: usize,
}

/// Those of the first kind have had less than this, those of the next up to twice as much, and so on…
const LEAST: Duration = Duration::from_millis(1);

/// … and those of the last a quarter of a second or more.
const KINDS: usize = 10;

impl Lines {
    fn push(&mut self, task: Arc<Task>, had: Duration) {
        self.lines[kind(had)].push_back(task);
    }

    fn len(&self) -> usize {
        self.lines.iter().map(VecDeque::len).sum()
    }

    fn take(&mut self) -> Option<Arc<Task>> {
        let has_any = |kind: &usize| !self.lines[*kind].is_empty();
        let least = (0..KINDS).find(has_any)?;
        let mut others = (self.next..KINDS).chain(0..self.next);
        let other = others.find(|kind| *kind != least && has_any(kind));
        let kind = match other {
            Some(other) if self.was_least => {
                self.next = (other + 1) % KINDS;
                other
            }
            _ => least,
        };
        self.was_least = kind == least;
        self.lines[kind].pop_front()
    }
}

/// Of a task that has had so much of a core.
fn kind(had: Duration) -> usize {
    let times = had.as_micros() / LEAST.as_micros();
    let doublings = u128::BITS - times.leading_zeros();
    (doublings as usize).min(KINDS - 1)
}

impl Queue {
    /// The task comes after all others of its kind in its group. The group keeps its place, and a new one comes last.
    pub(super) fn push(&self, task: Arc<Task>, had: Duration) {
        let mut ready = self.ready();
        let Ready { tasks, groups, .. } = &mut *ready;
        let group = task.group();
        match tasks.get_mut(group) {
            Some(lines) => lines.push(task, had),
            None => {
                let group = Arc::clone(group);
                groups.push_back(Arc::clone(&group));
                let lines = tasks.entry(group).or_default();
                lines.push(task, had);
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
