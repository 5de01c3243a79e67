//! How long a guest has computed, told by the thread that it runs on.

use std::cell::Cell;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

thread_local! {
    /// How often what is polled now was found running.
    static TICKS: Cell<u32> = const { Cell::new(0) };
    /// On a thread that is interrupted by others: its own time when it was last charged.
    static CHARGED: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// A guest was found running at a tick. Says for how long it is charged: `tick` on a thread that serves, which nobody keeps
/// waiting; on one that everybody may interrupt, the time that it really had since it was last charged.
pub(crate) fn found_running(tick: Duration) -> Duration {
    TICKS.set(TICKS.get().saturating_add(1));
    match CHARGED.get() {
        None => tick,
        Some(charged) => {
            let now = own_time();
            CHARGED.set(Some(now));
            now.saturating_sub(charged)
        }
    }
}

/// Runs something on a thread that serves, and says how often guests were found running meanwhile.
pub(super) fn ticks<T>(poll: impl FnOnce() -> T) -> (T, u32) {
    TICKS.set(0);
    let result = poll();
    (result, TICKS.get())
}

/// Runs something on a thread that others interrupt. What it computed and was not charged for yet is carried on from one
/// time to the next.
pub(super) fn metered<T>(carried: &mut Duration, poll: impl FnOnce() -> T) -> T {
    CHARGED.set(Some(own_time().saturating_sub(*carried)));
    let result = poll();
    if let Some(charged) = CHARGED.take() {
        *carried = own_time().saturating_sub(charged);
    }
    result
}

/// The CPU time of this thread.
fn own_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
