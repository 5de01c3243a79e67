//! Whether the threads that serve are behind: what is ready there waits.
//!
//! What waits has often not even been read, so that nobody knows of it. But a timer that rang waits as well.

use std::sync::Weak;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::Workers;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Who waits for longer than this waits for somebody's computation. Timers ring a millisecond late by themselves.
const BEHIND: Duration = Duration::from_millis(4);

/// For so many looks after the last one that saw it, they count as behind: what comes in waves is not found anew each time.
const STAYS: u32 = 40;

/// For how many looks more they count as behind.
#[derive(Debug, Default)]
pub(super) struct Lag(AtomicU32);

impl Lag {
    pub(super) fn is_behind(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    fn saw(&self, late: Duration) {
        let before = self.0.load(Ordering::Relaxed);
        let now = match late > BEHIND {
            true => STAYS,
            false => before.saturating_sub(1),
        };
        if now != before {
            self.0.store(now, Ordering::Relaxed);
        }
    }
}

/// Sets the alarm over and over, and sees how late it comes.
pub(super) async fn watch(workers: Weak<Workers>) {
    loop {
        let due = Instant::now() + LOOK;
        tokio::time::sleep_until(due).await;
        let Some(workers) = workers.upgrade() else {
            return;
        };
        workers.lag.saw(due.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_late_once_counts_as_late_for_a_while() {
        let lag = Lag::default();
        lag.saw(BEHIND);
        assert!(!lag.is_behind());
        lag.saw(2 * BEHIND);
        for _ in 1..STAYS {
            assert!(lag.is_behind());
            lag.saw(Duration::ZERO);
        }
        assert!(lag.is_behind());
        lag.saw(Duration::ZERO);
        assert!(!lag.is_behind());
    }
}
