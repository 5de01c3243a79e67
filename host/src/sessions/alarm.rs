//! A timer that is cheap to move later, as a session does with every turn.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::clock::{Clock, Timestamp};

/// Rings at a time that may be set anew before each wait.
///
/// Setting it later, the usual case, leaves the clock's timer as it is: when that rings early, another is made. So a busy
/// session makes one timer for each idle time that goes by, not two for each turn.
pub(super) struct Alarm {
    clock: Arc<dyn Clock>,
    timer: Option<(Timestamp, BoxFuture<'static, ()>)>,
}

impl Alarm {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, timer: None }
    }

    /// Returns at `at` or later; never, when there is no such moment. May be dropped and called again with another time.
    pub(super) async fn ring(&mut self, at: Option<Timestamp>) {
        let Some(at) = at else {
            return std::future::pending().await;
        };
        loop {
            let early_enough = self.timer.as_ref().is_some_and(|(set, _)| *set <= at);
            if !early_enough {
                self.timer = Some((at, self.clock.sleep_until(at)));
            }
            if let Some((set, timer)) = &mut self.timer {
                timer.await;
                let rang = *set;
                self.timer = None;
                if rang >= at {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;
    use crate::clock::ManualClock;

    const START: Timestamp = Timestamp::from_millis(0);

    fn seconds(seconds: u64) -> Option<Timestamp> {
        Some(START + Duration::from_secs(seconds))
    }

    #[test]
    fn it_rings_at_the_time_that_was_set_last() {
        let clock = ManualClock::new(START);
        let mut alarm = Alarm::new(Arc::new(clock.clone()));
        let mut rings = |at| alarm.ring(at).now_or_never().is_some();
        assert!(!rings(seconds(10)));
        assert!(!rings(seconds(20)), "set later");
        clock.advance(Duration::from_secs(15));
        assert!(
            !rings(seconds(20)),
            "the first timer rang, which is too early"
        );
        assert!(!rings(seconds(17)), "set earlier");
        clock.advance(Duration::from_secs(2));
        assert!(rings(seconds(17)));
        assert!(!rings(None));
    }
}
