//! What computations of one kind are like, as far as they have shown it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many computations in a row may turn out to be long only after they began in place…
const BURST: u32 = 16;

/// … and then one more in each such time, which is a tenth of a core at most.
const FORGIVEN: Duration = Duration::from_millis(200);

/// Who has waited so long to begin sees that the threads that serve are behind.
const BEHIND: Duration = Duration::from_millis(2);

/// What takes so long in place is better moved, if they are.
const NOTICEABLE: Duration = Duration::from_micros(300);

/// What is known of a computation before it begins.
#[derive(Debug, Clone, Copy)]
pub enum Expected {
    /// How long it has waited to, which tells whether the threads that serve are behind.
    Waited(Duration),
    /// That it has much to do.
    Long,
}

/// Why a computation does not stay where it is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    /// It takes a while, and others wait.
    InTheWay,
    /// It is expected to take long.
    Known,
    /// It took long.
    Surprising,
}

/// Whether computations of one kind, such as an agent's, usually take long. Who asks for one long computation after another
/// would otherwise have the first moments of each on the threads that serve.
#[derive(Debug, Default)]
pub struct Habit {
    is_long: AtomicBool,
    lately: Mutex<Lately>,
    /// What they took of a core on average, in microseconds; the newest counts for an eighth.
    usual_us: AtomicU32,
}

#[derive(Debug, Default)]
struct Lately {
    long: u32,
    forgiven_at: Option<Instant>,
}

impl Habit {
    /// Whether one that has waited so long to begin should not begin in place; `behind` if others wait, too.
    pub(super) fn sends_away(&self, waited: Duration, behind: bool) -> Option<Leaves> {
        if self.is_long.load(Ordering::Relaxed) {
            return Some(Leaves::Known);
        }
        let somebody_waits = behind || waited > BEHIND;
        let is_noticeable = || self.usual() > NOTICEABLE;
        (somebody_waits && is_noticeable()).then_some(Leaves::InTheWay)
    }

    /// What they took of a core on average.
    pub(super) fn usual(&self) -> Duration {
        Duration::from_micros(self.usual_us.load(Ordering::Relaxed).into())
    }

    /// One took so long in place.
    pub(super) fn took(&self, time: Duration) {
        let newest = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let before = self.usual_us.load(Ordering::Relaxed);
        let usual = before - before / 8 + newest / 8;
        // Two at once may count as one.
        self.usual_us.store(usual, Ordering::Relaxed);
    }

    /// One that began in place took long.
    pub(super) fn surprised(&self) {
        let now = Instant::now();
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now - *lately.forgiven_at.get_or_insert(now);
        let forgiven = since.div_duration_f32(FORGIVEN) as u32;
        if forgiven > 0 {
            lately.long = lately.long.saturating_sub(forgiven);
            lately.forgiven_at = Some(now);
        }
        lately.long += 1;
        if lately.long > BURST {
            lately.long = BURST;
            self.is_long.store(true, Ordering::Relaxed);
        }
    }

    /// One that did not begin in place was short.
    pub(super) fn was_short(&self) {
        self.is_long.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: Duration = Duration::ZERO;

    #[test]
    fn who_is_long_again_and_again_is_expected_to_be_until_it_is_short() {
        let habit = Habit::default();
        for _ in 0..BURST {
            habit.surprised();
            assert_eq!(habit.sends_away(AT_ONCE, false), None);
        }
        habit.surprised();
        assert_eq!(habit.sends_away(AT_ONCE, false), Some(Leaves::Known));
        habit.was_short();
        assert_eq!(habit.sends_away(AT_ONCE, false), None);
        habit.surprised();
        assert_eq!(
            habit.sends_away(AT_ONCE, false),
            Some(Leaves::Known),
            "nothing is forgiven so soon"
        );
    }

    #[test]
    fn what_is_not_quite_short_is_in_the_way_only_of_those_who_wait() {
        let (short, middling) = (Habit::default(), Habit::default());
        for _ in 0..50 {
            short.took(Duration::from_micros(50));
            middling.took(Duration::from_millis(5));
        }
        assert!(short.usual() < Duration::from_millis(1));
        assert!(middling.usual() > Duration::from_millis(4));
        let waited = 2 * BEHIND;
        assert_eq!(short.sends_away(waited, false), None);
        assert_eq!(middling.sends_away(AT_ONCE, false), None);
        for (waited, behind) in [(waited, false), (AT_ONCE, true)] {
            let away = middling.sends_away(waited, behind);
            assert_eq!(away, Some(Leaves::InTheWay));
        }
        assert_eq!(short.sends_away(AT_ONCE, true), None);
        for _ in 0..50 {
            middling.took(Duration::from_micros(50));
        }
        let away = middling.sends_away(waited, false);
        assert_eq!(away, None, "it is not any more");
    }
}
