//! Whose turn it is.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::LONG;
use super::lines::{Line, Lines};
use super::task::Task;

/// The tasks that could go on, by their groups. The next turn is that of the group that has had least of the cores.
#[derive(Default)]
pub(super) struct Queue {
    ready: Mutex<Ready>,
    /// How many there are of all groups, for who looks in passing.
    count: AtomicUsize,
    more: Condvar,
}

#[derive(Default)]
struct Ready {
    /// Those with tasks that are ready or have a core.
    groups: HashMap<Arc<str>, Group>,
    /// Those with tasks that are ready, by what they have had.
    order: BTreeSet<(Duration, Arc<str>)>,
    /// What the group had that was the next one last. Who comes anew begins there: it is owed nothing for its absence.
    reached: Duration,
    closed: bool,
}

#[derive(Default)]
struct Group {
    lines: Lines<Arc<Task>>,
    /// What it has had of the cores, counted as long as it has tasks here.
    had: Duration,
    /// How many of its tasks have a core.
    running: usize,
}

/// A task whose turn it is.
struct Turn {
    task: Arc<Task>,
    line: Line,
}

impl Queue {
    /// The task comes after all others of its kind in its group; it has had so much.
    pub(super) fn push(&self, task: Arc<Task>, had: Duration) {
        let mut ready = self.ready();
        ready.push(task, had);
        self.count.fetch_add(1, Ordering::Relaxed);
        drop(ready);
        self.more.notify_one();
    }

    /// Whether a group has so many ready tasks.
    pub(super) fn has(&self, group: &str, limit: usize) -> bool {
        self.count.load(Ordering::Relaxed) >= limit && self.ready().of(group) >= limit
    }

    /// Waits for the next task, and polls it once. False when the queue is closed.
    pub(super) fn serve(&self) -> bool {
        let Some(Turn { task, line }) = self.next() else {
            return false;
        };
        let group = Arc::clone(task.group());
        let took = task.go_on();
        self.ready().had(&group, line, took);
        true
    }

    fn next(&self) -> Option<Turn> {
        let mut ready = self.ready();
        loop {
            if ready.closed {
                return None;
            }
            if let Some(turn) = ready.take() {
                self.count.fetch_sub(1, Ordering::Relaxed);
                return Some(turn);
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
    fn push(&mut self, task: Arc<Task>, had: Duration) {
        let name = Arc::clone(task.group());
        let reached = self.reached;
        let group = self.groups.entry(Arc::clone(&name));
        let group = group.or_insert_with(|| Group {
            had: reached,
            ..Group::default()
        });
        group.lines.push(task, had);
        self.order.insert((group.had, name));
    }

    fn of(&self, group: &str) -> usize {
        self.groups.get(group).map_or(0, |group| group.lines.len())
    }

    fn take(&mut self) -> Option<Turn> {
        let (had, name) = self.order.pop_first()?;
        self.reached = had;
        let group = self.groups.get_mut(&name)?;
        let (task, line) = group.lines.take()?;
        group.running += 1;
        // As much as a turn may be, until it is known: others choose meanwhile.
        group.had += LONG;
        if group.lines.len() > 0 {
            self.order.insert((group.had, name));
        }
        Some(Turn { task, line })
    }

    /// A turn of the group is over.
    fn had(&mut self, name: &Arc<str>, line: Line, took: Duration) {
        let Some(group) = self.groups.get_mut(name) else {
            return;
        };
        let before = (group.had, Arc::clone(name));
        group.running -= 1;
        group.had = (group.had + took).saturating_sub(LONG);
        group.lines.had(line, took);
        if self.order.remove(&before) {
            self.order.insert((group.had, before.1));
        } else if group.running == 0 {
            self.groups.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn a_group_is_remembered_as_long_as_any_of_it_is_here() {
        let queue = Arc::new(Queue::default());
        let group = Arc::from("a");
        let start = |()| {
            let task = std::future::pending().boxed();
            Task::start(Arc::clone(&group), &queue, Duration::ZERO, task)
        };
        let _tasks = [(); 2].map(start);
        let mut ready = queue.ready();
        let turns = [(); 2].map(|()| ready.take().unwrap());
        for (turn, had) in turns.iter().zip([Some(2 * LONG), None]) {
            ready.had(&group, turn.line, LONG);
            assert_eq!(ready.groups.get(&group).map(|group| group.had), had);
        }
    }
}
