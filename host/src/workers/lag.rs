//! Whether the threads that serve are behind: what is ready there waits.
//!
//! What waits has often not even been read, so that nobody knows of it. So a task is woken at each tick from outside of the
//! runtime, and must answer soon. Timers would not do: a busy runtime looks at them after some dozens of tasks only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Who waits for longer than this waits for somebody's computation.
const BEHIND: Duration = Duration::from_millis(4);

/// For so many ticks after the last one that saw it, they count as behind: what comes in waves is not found anew each time.
/// Each time that it was found anew soon afterwards, for twice as many, up to [`LONGEST`].
const STAYS: u32 = 20;

/// Ten seconds.
const LONGEST: u32 = 1_000;

/// What is asked at each tick, and how it was answered.
#[derive(Debug)]
pub(super) struct Lag {
    asked: Notify,
    /// When, in microseconds since this was made; 0 when it is answered.
    since: AtomicU64,
    made: Instant,
    /// Whether there is anybody to answer.
    watched: AtomicBool,
    /// For how many ticks more they count as behind.
    behind: AtomicU32,
    /// For how many they do when they are found to be.
    stays: AtomicU32,
    /// For how many ticks they have not been behind.
    fine: AtomicU32,
}

impl Default for Lag {
    fn default() -> Self {
        Self {
            asked: Notify::new(),
            since: AtomicU64::new(0),
            made: Instant::now(),
            watched: AtomicBool::new(false),
            behind: AtomicU32::new(0),
            stays: AtomicU32::new(STAYS),
            fine: AtomicU32::new(LONGEST),
        }
    }
}

impl Lag {
    pub(super) fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed) > 0
    }

    /// Asks, and judges by the silence if what was asked before is not answered yet.
    pub(super) fn tick(&self) {
        self.tick_at(self.now());
    }

    /// Nobody asks any more.
    pub(super) fn close(&self) {
        self.watched.store(false, Ordering::Relaxed);
        self.asked.notify_one();
    }

    fn tick_at(&self, now: u64) {
        if !self.watched.load(Ordering::Relaxed) {
            return;
        }
        match self.since.load(Ordering::Relaxed) {
            0 => {
                self.passes();
                self.since.store(now, Ordering::Relaxed);
                self.asked.notify_one();
            }
            since => self.waited(now - since),
        }
    }

    fn answer_at(&self, now: u64) {
        let since = self.since.swap(0, Ordering::Relaxed);
        if since > 0 {
            self.waited(now - since);
        }
    }

    /// One more tick, at which nobody waits.
    fn passes(&self) {
        match self.behind.load(Ordering::Relaxed) {
            0 => {
                let fine = self.fine.load(Ordering::Relaxed);
                self.fine.store(fine.saturating_add(1), Ordering::Relaxed);
            }
            left => self.behind.store(left - 1, Ordering::Relaxed),
        }
    }

    fn waited(&self, micros: u64) {
        if Duration::from_micros(micros) <= BEHIND {
            return;
        }
        let before = self.stays.load(Ordering::Relaxed);
        let stays = match (self.is_behind(), self.fine.load(Ordering::Relaxed)) {
            (true, _) => before,
            (false, fine) if fine < before => (2 * before).min(LONGEST),
            (false, _) => STAYS,
        };
        self.stays.store(stays, Ordering::Relaxed);
        self.behind.store(stays, Ordering::Relaxed);
        self.fine.store(0, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Answers, as soon as the runtime lets it.
pub(super) async fn watch(lag: Arc<Lag>) {
    lag.watched.store(true, Ordering::Relaxed);
    loop {
        lag.asked.notified().await;
        if !lag.watched.load(Ordering::Relaxed) {
            return;
        }
        lag.answer_at(lag.now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: u64 = 100;
    const LATE: u64 = 2 * BEHIND.as_micros() as u64;

    /// Ticks that are answered at once, until they are not behind any more.
    fn recovers(lag: &Lag) -> u32 {
        let mut ticks = 0;
        while lag.is_behind() {
            ticks += 1;
            lag.tick_at(1);
            lag.answer_at(1 + SOON);
        }
        ticks
    }

    fn is_late(lag: &Lag) {
        lag.tick_at(1);
        lag.answer_at(1 + LATE);
        assert!(lag.is_behind());
    }

    #[test]
    fn who_answers_late_is_behind_and_stays_so_for_a_while() {
        let lag = Lag::default();
        lag.watched.store(true, Ordering::Relaxed);
        lag.tick_at(1);
        lag.answer_at(1 + SOON);
        assert!(!lag.is_behind());
        is_late(&lag);
        assert_eq!(recovers(&lag), STAYS);
        // Again and again.
        for times in [2, 4, 8, 16, 32] {
            is_late(&lag);
            assert_eq!(recovers(&lag), times * STAYS);
        }
        for _ in 0..2 {
            is_late(&lag);
            assert_eq!(recovers(&lag), LONGEST);
        }
        for _ in 0..LONGEST {
            lag.tick_at(1);
            lag.answer_at(1 + SOON);
        }
        is_late(&lag);
        assert_eq!(recovers(&lag), STAYS);
    }

    #[test]
    fn who_has_not_answered_by_the_next_tick_is_behind() {
        let lag = Lag::default();
        lag.tick_at(1);
        lag.tick_at(1 + LATE);
        assert!(!lag.is_behind(), "nobody is there to answer");
        lag.watched.store(true, Ordering::Relaxed);
        lag.tick_at(1);
        lag.tick_at(1 + LATE);
        assert!(lag.is_behind());
    }
}
