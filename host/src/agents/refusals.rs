//! Components that were refused: who deploys the same again is told the same, and nothing is compiled for it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::ids::Digest;

/// How many are remembered. A reason has at most a page, so that they take 16 MiB at the worst.
const MOST: usize = 4_096;

/// How long a refusal stands that another time could change: the machine may have been busy.
const PASSING: Duration = Duration::from_secs(600);

/// Whether asking again later makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    /// The bytes are at fault, and stay so.
    Always,
    /// It took too long, or ended without a word.
    AWhile,
}

/// Why components were refused, by their digests; for one memory limit and one edition of the compiler, those of this
/// process.
pub(super) struct Refusals {
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    reasons: HashMap<Digest, Refusal>,
    /// The oldest first.
    order: VecDeque<Digest>,
}

struct Refusal {
    reason: String,
    until: Option<Timestamp>,
}

impl Refusals {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            known: Mutex::default(),
        }
    }

    /// Why these bytes were refused, if they were.
    pub(super) fn reason(&self, digest: &Digest) -> Option<String> {
        let now = self.clock.now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let refusal = known.reasons.get(digest)?;
        let stands = refusal.until.is_none_or(|until| now < until);
        stands.then(|| refusal.reason.clone())
    }

    /// From now on these bytes are refused with these words.
    pub(super) fn remember(&self, digest: &Digest, reason: String, stands: Stands) {
        let until = match stands {
            Stands::Always => None,
            Stands::AWhile => Some(self.clock.now() + PASSING),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let refusal = Refusal { reason, until };
        if known.reasons.insert(digest.clone(), refusal).is_some() {
            known.order.retain(|other| other != digest);
        }
        known.order.push_back(digest.clone());
        if known.order.len() > MOST
            && let Some(oldest) = known.order.pop_front()
        {
            known.reasons.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn refusals() -> (Refusals, ManualClock) {
        let clock = ManualClock::new(Timestamp::from_millis(1_800_000_000_000));
        (Refusals::new(Arc::new(clock.clone())), clock)
    }

    fn digest(number: usize) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    #[test]
    fn a_fault_of_the_bytes_stands_and_a_busy_machine_passes() {
        let (refusals, clock) = refusals();
        refusals.remember(&digest(1), "no component".to_owned(), Stands::Always);
        refusals.remember(&digest(2), "too long".to_owned(), Stands::AWhile);
        assert_eq!(refusals.reason(&digest(3)), None);
        clock.advance(PASSING - Duration::from_millis(1));
        assert_eq!(refusals.reason(&digest(1)).as_deref(), Some("no component"));
        assert_eq!(refusals.reason(&digest(2)).as_deref(), Some("too long"));
        clock.advance(Duration::from_millis(1));
        assert_eq!(refusals.reason(&digest(2)), None);
        clock.advance(PASSING * 1_000);
        assert_eq!(refusals.reason(&digest(1)).as_deref(), Some("no component"));
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let (refusals, _) = refusals();
        for number in 0..MOST {
            refusals.remember(&digest(number), number.to_string(), Stands::Always);
        }
        // Refused again, it is the newest.
        refusals.remember(&digest(0), "again".to_owned(), Stands::Always);
        refusals.remember(&digest(MOST), "one more".to_owned(), Stands::Always);
        assert_eq!(refusals.reason(&digest(0)).as_deref(), Some("again"));
        assert_eq!(refusals.reason(&digest(1)), None);
        assert_eq!(refusals.reason(&digest(2)).as_deref(), Some("2"));
        let known = refusals.known.lock().unwrap();
        assert_eq!((known.reasons.len(), known.order.len()), (MOST, MOST));
    }
}
