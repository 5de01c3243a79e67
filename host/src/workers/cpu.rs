//! Whether a guest computes for long, told by the thread that it runs on.

use std::cell::Cell;
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

thread_local! {
    /// How often what is polled now was found running.
    static TICKS: Cell<u32> = const { Cell::new(0) };
}

/// A guest was found running at a tick.
pub(crate) fn found_running() {
    TICKS.set(TICKS.get().saturating_add(1));
}

/// Runs something, and says how often guests were found running meanwhile.
pub(super) fn ticks<T>(poll: impl FnOnce() -> T) -> (T, u32) {
    TICKS.set(0);
    let result = poll();
    (result, TICKS.get())
}

/// The CPU time of this thread. Who is interrupted by others takes no longer by it.
pub(super) fn time() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ThreadCPUTime);
    // It is never negative.
    Duration::new(tv_sec as u64, tv_nsec as u32)
}
