//! What a computation takes of a core.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Runs something, and says what it took. Who is interrupted by other threads takes no longer by it.
pub(super) fn taken<T>(poll: impl FnOnce() -> T) -> (T, Duration) {
    let began = time();
    let result = poll();
    (result, time().saturating_sub(began))
}

/// The CPU time of this thread.
fn time() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ThreadCPUTime);
    // It is never negative.
    Duration::new(tv_sec as u64, tv_nsec as u32)
}

/// Takes so much of a core.
#[cfg(test)]
pub(crate) fn take(much: Duration) {
    let until = time() + much;
    while time() < until {}
}
