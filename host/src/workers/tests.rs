use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ThreadId;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{Notify, oneshot};
use tokio::task::yield_now;

use super::task::Task;
use super::*;

/// As one who computes for long.
const MUCH: Duration = Duration::from_secs(1);

const NOW: Expected = Expected::Waited(Duration::ZERO);

fn group(name: &str) -> Arc<str> {
    Arc::from(name)
}

/// A guest that is interrupted so often, each time when it has taken half of what is long.
async fn run(times: u32) -> ThreadId {
    for _ in 0..times {
        take(LONG / 2);
        yield_now().await;
    }
    thread::current().id()
}

/// So often it turns out to be long.
const OFTEN: u32 = 2;

#[tokio::test]
async fn a_short_computation_stays_and_a_long_one_leaves() {
    let workers = Arc::new(Workers::start().unwrap());
    let here = thread::current().id();
    let group = group("a");
    assert_eq!(
        workers.compute(&group, &Arc::default(), NOW, run(0)).await,
        here
    );
    assert_eq!(
        workers
            .compute(&group, &Arc::default(), NOW, run(OFTEN - 1))
            .await,
        here
    );
    assert_ne!(
        workers
            .compute(&group, &Arc::default(), NOW, run(OFTEN))
            .await,
        here
    );
    assert_ne!(
        workers
            .compute(&group, &Arc::default(), NOW, run(3 * OFTEN))
            .await,
        here
    );
}

#[tokio::test]
async fn who_is_interrupted_often_and_takes_next_to_nothing_stays() {
    let workers = Arc::new(Workers::start().unwrap());
    let computation = workers.compute(&group("a"), &Arc::default(), NOW, async {
        for _ in 0..50 {
            yield_now().await;
        }
        thread::current().id()
    });
    assert_eq!(computation.await, thread::current().id());
}

#[tokio::test]
async fn what_waits_in_a_long_computation_wakes_it() {
    let workers = Arc::new(Workers::start().unwrap());
    let told = Arc::new(Notify::new());
    let (sender, receiver) = oneshot::channel();
    let waiting = Arc::clone(&told);
    let computation = workers.compute(&group("a"), &Arc::default(), NOW, async move {
        run(OFTEN).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        sender.send(()).unwrap();
        waiting.notified().await;
        run(3).await;
        "done"
    });
    let telling = async {
        receiver.await.unwrap();
        told.notify_one();
    };
    assert_eq!(tokio::join!(computation, telling).0, "done");
}

#[tokio::test]
async fn who_usually_takes_long_leaves_at_once_until_it_does_not() {
    let workers = Arc::new(Workers::start().unwrap());
    let (here, group, habit) = (thread::current().id(), group("a"), Arc::default());
    // More often than is forgiven, also on a machine that has much else to do.
    for _ in 0..60 {
        assert_ne!(workers.compute(&group, &habit, NOW, run(OFTEN)).await, here);
    }
    assert_ne!(workers.compute(&group, &habit, NOW, run(0)).await, here);
    assert_eq!(workers.compute(&group, &habit, NOW, run(0)).await, here);
}

#[tokio::test]
async fn what_is_known_to_be_long_leaves_at_once() {
    let workers = Arc::new(Workers::start().unwrap());
    let habit = Arc::default();
    let known = workers.compute(&group("a"), &habit, Expected::Long, run(0));
    assert_ne!(known.await, thread::current().id());
    let next = workers.compute(&group("a"), &habit, NOW, run(0));
    assert_eq!(
        next.await,
        thread::current().id(),
        "it says nothing of others"
    );
}

struct Guard(Option<oneshot::Sender<()>>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.take().unwrap().send(());
    }
}

#[tokio::test]
async fn a_computation_that_nobody_awaits_is_given_up() {
    let workers = Arc::new(Workers::start().unwrap());
    let (gone, is_gone) = oneshot::channel();
    let (away, is_away) = oneshot::channel();
    let guard = Guard(Some(gone));
    let computation = workers.compute(&group("a"), &Arc::default(), NOW, async move {
        let _guard = guard;
        run(OFTEN).await;
        away.send(()).unwrap();
        loop {
            run(1).await;
        }
    });
    let mut computation = Box::pin(computation);
    tokio::select! {
        () = &mut computation => {}
        left = is_away => left.unwrap(),
    }
    drop(computation);
    is_gone.await.unwrap();
}

#[tokio::test]
async fn a_panic_is_that_of_who_awaits() {
    let workers = Arc::new(Workers::start().unwrap());
    let computation = workers.compute(&group("a"), &Arc::default(), NOW, async {
        run(OFTEN).await;
        panic!("asked to");
    });
    let computation: Computation<()> = computation;
    let panic = std::panic::AssertUnwindSafe(computation)
        .catch_unwind()
        .await;
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"asked to"));
    let after = workers.compute(&group("a"), &Arc::default(), NOW, async {
        run(OFTEN).await;
        1
    });
    assert_eq!(after.await, 1, "the threads are still there");
}

/// A queue that this thread serves, and whom it served.
#[derive(Default)]
struct Shift {
    queue: Arc<Queue>,
    served: Arc<std::sync::Mutex<Vec<&'static str>>>,
    tasks: Vec<Arc<Task>>,
}

impl Shift {
    /// A task, in the group that its first letter names. It has had so much of a core, and takes so much at each of so many
    /// turns.
    fn add(&mut self, name: &'static str, had: Duration, takes: Duration, turns: usize) {
        let (served, done) = (Arc::clone(&self.served), AtomicUsize::new(0));
        let future = std::future::poll_fn(move |context: &mut std::task::Context<'_>| {
            served.lock().unwrap().push(name);
            take(takes);
            if done.fetch_add(1, Ordering::Relaxed) + 1 == turns {
                return std::task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        });
        let group = group(&name[..1]);
        let task = Task::start(group, &self.queue, had, future.boxed());
        self.tasks.push(task);
    }

    fn serve(&self, turns: usize) -> String {
        for _ in 0..turns {
            assert!(self.queue.serve());
        }
        self.served.lock().unwrap().join(" ")
    }

    /// How many turns those had whose names begin so.
    fn turns(&self, start: &str) -> usize {
        let served = self.served.lock().unwrap();
        served.iter().filter(|name| name.starts_with(start)).count()
    }
}

/// Who goes on for ever.
const ENDLESS: usize = usize::MAX;

/// One that takes nothing.
const NOTHING: Duration = Duration::ZERO;

/// A short while, as one that computes takes it.
const SLICE: Duration = Duration::from_millis(4);

#[test]
fn groups_have_the_same_time_however_many_their_members() {
    let mut shift = Shift::default();
    for name in ["a1", "a2", "a3", "b1", "b2", "c1"] {
        shift.add(name, MUCH, SLICE, ENDLESS);
    }
    // This one needs four times as many turns for as much.
    shift.add("d1", MUCH, SLICE / 4, ENDLESS);
    shift.serve(28);
    for group in ["a", "b", "c"] {
        let turns = shift.turns(group);
        assert!((3..=5).contains(&turns), "{group} had {turns}");
    }
    let turns = shift.turns("d");
    assert!((13..=19).contains(&turns), "d had {turns}");
    assert_eq!([shift.turns("a1"), shift.turns("b1")], [2, 2]);
}

#[test]
fn a_group_that_comes_anew_is_owed_nothing() {
    let mut shift = Shift::default();
    shift.add("a1", MUCH, SLICE, ENDLESS);
    shift.serve(20);
    shift.add("b1", MUCH, SLICE, ENDLESS);
    shift.serve(10);
    let turns = shift.turns("b");
    assert!((4..=6).contains(&turns), "b had {turns}");
}

#[test]
fn who_computes_on_has_had_more() {
    let mut shift = Shift::default();
    shift.add("gone on", NOTHING, LONG, ENDLESS);
    shift.serve(1);
    shift.add("gnew", LONG / 2, NOTHING, 1);
    assert_eq!(shift.serve(1), "gone on gnew");
}

#[test]
fn who_is_interrupted_before_it_had_much_has_still_had_little() {
    let mut shift = Shift::default();
    for name in ["ga", "gb", "gc"] {
        shift.add(name, LONG, SLICE, ENDLESS);
    }
    shift.add("glittle", NOTHING, NOTHING, ENDLESS);
    shift.serve(20);
    let turns = shift.turns("glittle");
    assert!(turns > 10, "it had {turns}");
}

#[test]
fn who_has_waited_has_had_nothing() {
    let mut shift = Shift::default();
    let (told, awake) = (Arc::new(Notify::new()), Arc::clone(&shift.served));
    let waiting = Arc::clone(&told);
    let waits = async move {
        waiting.notified().await;
        awake.lock().unwrap().push("gawake");
    };
    let task = Task::start(group("g"), &shift.queue, MUCH, waits.boxed());
    shift.tasks.push(task);
    shift.serve(1);
    for name in ["g1", "g2", "g3"] {
        shift.add(name, MUCH, NOTHING, ENDLESS);
    }
    told.notify_one();
    assert_eq!(shift.serve(1), "gawake");
}

#[test]
fn a_group_is_behind_when_it_has_as_many_as_it_may() {
    let queue = Arc::new(Queue::default());
    let start = |name| {
        let task = std::future::pending().boxed();
        Task::start(group(name), &queue, Duration::ZERO, task)
    };
    let _tasks = ["a", "a", "b"].map(start);
    assert!(queue.has("a", 2));
    assert!(!queue.has("a", 3));
    assert!(!queue.has("b", 2), "others do not count");
    assert!(queue.serve());
    assert!(!queue.has("a", 2), "one that waits does not count");
}
