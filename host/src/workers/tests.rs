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
    // More often than is forgiven.
    for _ in 0..30 {
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

#[test]
fn groups_take_turns_and_so_do_their_members() {
    let queue = Arc::new(Queue::default());
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for name in ["a1", "a2", "a3", "b1", "b2", "c1"] {
        let (order, rounds) = (Arc::clone(&order), AtomicUsize::new(0));
        let future = std::future::poll_fn(move |context: &mut std::task::Context<'_>| {
            order.lock().unwrap().push(name);
            if rounds.fetch_add(1, Ordering::Relaxed) == 1 {
                return std::task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        });
        tasks.push(Task::start(group(&name[..1]), &queue, MUCH, future.boxed()));
    }
    for _ in 0..12 {
        queue.next().unwrap().go_on();
    }
    let order = order.lock().unwrap().join(" ");
    assert_eq!(order, "a1 b1 c1 a2 b2 c1 a3 b1 a1 b2 a2 a3");
}

#[test]
fn who_has_had_least_and_the_others_take_turns() {
    let queue = Arc::new(Queue::default());
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let start = |name: &'static str, had, rounds: usize| {
        let (order, done) = (Arc::clone(&order), AtomicUsize::new(0));
        let future = std::future::poll_fn(move |context: &mut std::task::Context<'_>| {
            order.lock().unwrap().push(name);
            if done.fetch_add(1, Ordering::Relaxed) + 1 == rounds {
                return std::task::Poll::Ready(());
            }
            take(LONG);
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        });
        Task::start(group("a"), &queue, had, future.boxed())
    };
    let _long = ["l1", "l2", "l3"].map(|name| start(name, MUCH, 4));
    let _short = ["s1", "s2"].map(|name| start(name, Duration::ZERO, 1));
    let _middling = start("m1", LONG, 3);
    for _ in 0..17 {
        queue.next().unwrap().go_on();
    }
    let order = order.lock().unwrap().join(" ");
    assert_eq!(order, "s1 m1 s2 l1 m1 l2 m1 l3 l1 l2 l3 l1 l2 l3 l1 l2 l3");
}

#[test]
fn who_computes_on_is_soon_among_those_who_have_had_much() {
    let queue = Arc::new(Queue::default());
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let start = |name: &'static str, had, more| {
        let order = Arc::clone(&order);
        let future = std::future::poll_fn(move |context: &mut std::task::Context<'_>| {
            order.lock().unwrap().push(name);
            take(more);
            context.waker().wake_by_ref();
            std::task::Poll::<()>::Pending
        });
        Task::start(group("a"), &queue, had, future.boxed())
    };
    let _new = ["n1", "n2"].map(|name| start(name, Duration::ZERO, 2 * LONG));
    let _others = ["o1", "o2"].map(|name| start(name, LONG, Duration::ZERO));
    for _ in 0..5 {
        queue.next().unwrap().go_on();
    }
    let order = order.lock().unwrap().join(" ");
    assert_eq!(order, "n1 o1 n2 n1 o2");
}

#[test]
fn who_is_interrupted_before_it_had_much_has_still_had_little() {
    let queue = Arc::new(Queue::default());
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let start = |name: &'static str, had| {
        let order = Arc::clone(&order);
        let future = std::future::poll_fn(move |context: &mut std::task::Context<'_>| {
            order.lock().unwrap().push(name);
            context.waker().wake_by_ref();
            std::task::Poll::<()>::Pending
        });
        Task::start(group("a"), &queue, had, future.boxed())
    };
    let _others = ["a", "b", "c"].map(|name| start(name, LONG));
    let _little = start("little", Duration::ZERO);
    for _ in 0..6 {
        queue.next().unwrap().go_on();
    }
    let order = order.lock().unwrap().join(" ");
    assert_eq!(order, "little a little b little c");
}

#[test]
fn who_has_waited_has_had_nothing() {
    let queue = Arc::new(Queue::default());
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = Arc::new(Notify::new());
    let long = || {
        let order = Arc::clone(&order);
        let future = std::future::poll_fn(move |context: &mut std::task::Context<'_>| {
            order.lock().unwrap().push("long");
            context.waker().wake_by_ref();
            std::task::Poll::<()>::Pending
        });
        Task::start(group("a"), &queue, MUCH, future.boxed())
    };
    let (waiting, after) = (Arc::clone(&told), Arc::clone(&order));
    let waits = async move {
        waiting.notified().await;
        after.lock().unwrap().push("awake");
    };
    let _waits = Task::start(group("a"), &queue, MUCH, waits.boxed());
    queue.next().unwrap().go_on();
    let _long = [long(), long(), long()];
    told.notify_one();
    for _ in 0..2 {
        queue.next().unwrap().go_on();
    }
    assert!(order.lock().unwrap().contains(&"awake"));
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
    queue.next().unwrap().go_on();
    assert!(!queue.has("a", 2), "one that waits does not count");
}
