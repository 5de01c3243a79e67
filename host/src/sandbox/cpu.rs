//! CPU time of the call that runs in a cell.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

use super::engine::TICK;

/// Counts the CPU time of one call after another, each with a budget of its own.
///
/// Only while the call is polled does it run. What the host does in its name, such as reading an argument, is its time,
/// too. A call that ends at its first poll, as most do, is measured by the cheapest clock there is; one that goes on, by
/// the clock of its thread, which stands still while others have the processor. So where a guest runs on at the end of its
/// first poll, that poll counts two ticks at most: a busy machine must not cost it its budget.
#[derive(Debug, Clone)]
pub(super) struct Cpu(Arc<Count>);

/// Touched by one thread at a time: a cell makes one call at a time.
#[derive(Debug, Default)]
struct Count {
    /// All in nanoseconds.
    limit: AtomicU64,
    /// Of the polls that are over.
    used: AtomicU64,
    /// When the running poll began.
    began: AtomicU64,
    /// By which clock.
    by_thread: AtomicBool,
    /// The guest was found running in it.
    ticked: AtomicBool,
}

/// The call has used up its CPU time.
#[derive(Debug, thiserror::Error)]
#[error("the CPU time is used up")]
pub(super) struct CpuTimeUsedUp;

impl Cpu {
    /// With a budget of so many milliseconds.
    pub(super) fn new(limit_ms: u64) -> Self {
        let this = Self(Arc::default());
        this.reset(limit_ms);
        this
    }

    /// A new call begins, with so much.
    pub(super) fn reset(&self, limit_ms: u64) {
        // Less than a tick cannot be watched.
        let limit = Duration::from_millis(limit_ms).max(TICK);
        set(&self.0.limit, nanoseconds(limit));
        set(&self.0.used, 0);
        self.begin(false);
    }

    /// What the call may use, in milliseconds.
    pub(super) fn limit_ms(&self) -> u64 {
        get(&self.0.limit) / 1_000_000
    }

    /// What the last call used.
    pub(super) fn used(&self) -> Duration {
        Duration::from_nanos(get(&self.0.used))
    }

    /// The guest was found running at a tick.
    pub(super) fn charge(&self) -> Result<(), CpuTimeUsedUp> {
        self.0.ticked.store(true, Ordering::Relaxed);
        let used = get(&self.0.used).saturating_add(self.running());
        if used > get(&self.0.limit) {
            Err(CpuTimeUsedUp)
        } else {
            Ok(())
        }
    }

    /// Counts what runs in this future, which makes a call into the guest.
    pub(super) async fn count<F: Future>(&self, call: F) -> F::Output {
        let mut call = pin!(call);
        let mut is_first = true;
        poll_fn(|context| {
            self.begin(!is_first);
            is_first = false;
            let polled = call.as_mut().poll(context);
            let used = get(&self.0.used).saturating_add(self.running());
            set(&self.0.used, used);
            polled
        })
        .await
    }

    fn begin(&self, by_thread: bool) {
        self.0.by_thread.store(by_thread, Ordering::Relaxed);
        self.0.ticked.store(false, Ordering::Relaxed);
        set(&self.0.began, now(by_thread));
    }

    /// Of the running poll, so far.
    fn running(&self) -> u64 {
        let by_thread = self.0.by_thread.load(Ordering::Relaxed);
        let running = now(by_thread).saturating_sub(get(&self.0.began));
        if !by_thread && self.0.ticked.load(Ordering::Relaxed) {
            running.min(2 * nanoseconds(TICK))
        } else {
            running
        }
    }
}

fn get(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

fn set(number: &AtomicU64, value: u64) {
    number.store(value, Ordering::Relaxed);
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds since some moment.
fn now(by_thread: bool) -> u64 {
    let clock = if by_thread {
        ClockId::ThreadCPUTime
    } else {
        ClockId::Monotonic
    };
    let Timespec { tv_sec, tv_nsec } = clock_gettime(clock);
    // Neither clock is ever negative.
    (tv_sec as u64).saturating_mul(1_000_000_000) + tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    /// Keeps the processor for so long.
    fn work(milliseconds: u64) {
        let until = now(true) + milliseconds * 1_000_000;
        while now(true) < until {}
    }

    #[tokio::test]
    async fn every_poll_counts() {
        let cpu = Cpu::new(60_000);
        let mut polls = 0;
        let call = poll_fn(|context| {
            polls += 1;
            work(5);
            if polls == 4 {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        });
        cpu.count(call).await;
        assert!(cpu.used() >= Duration::from_millis(20), "{cpu:?}");
        cpu.reset(60_000);
        assert_eq!(cpu.used(), Duration::ZERO);
    }

    #[tokio::test]
    async fn who_is_found_running_is_stopped_when_the_budget_is_spent() {
        let cpu = Cpu::new(100);
        let mut charged = Vec::new();
        let call = poll_fn(|context| {
            work(30);
            charged.push(cpu.charge().is_ok());
            context.waker().wake_by_ref();
            if charged.len() == 5 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        cpu.count(call).await;
        // The first counts two ticks of 10 ms, the others 30 ms each.
        assert_eq!(charged, [true, true, true, false, false]);
    }
}
