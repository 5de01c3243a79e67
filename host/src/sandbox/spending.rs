//! What a turn asks of the host, counted: calls, and bytes of its answer.
//!
//! A turn is told again after a crash, on another machine, at another pace. So nothing here looks at a clock: what is counted
//! is what the guest does, and a turn that meets a bound meets it at the same call whenever it is told again. The time that the
//! calls take is CPU time of the turn as any other: a guest that does nothing but call is found running at the ticks, because
//! it runs between the calls.

use super::engine::Config;

/// Bytes that a call carries for the price of one call more: about as long as it takes to call at all.
const BYTES_PER_UNIT: usize = 1 << 10;

/// The price of a call that the journal records, in plain calls: a model call, a count of tokens, a look at the budget. So
/// the records of one turn are bounded by its calls as well, 10,000 by default, answered or refused.
pub(super) const RECORDED: u64 = 1_000;

/// What a piece of an answer costs beside its bytes: small ones take more room than they carry.
const PIECE_OVERHEAD: usize = 64;

/// What the running turn may still ask for. Plain numbers: they are looked at in every call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spending {
    calls: u64,
    output: u64,
}

/// The turn has made as many calls as it may.
#[derive(Debug, thiserror::Error)]
#[error("the host calls of the turn are used up")]
pub(super) struct CallsUsedUp;

/// The turn has sent as much as it may.
#[derive(Debug, thiserror::Error)]
#[error("the turn has sent as much as it may")]
pub(super) struct OutputUsedUp;

impl Spending {
    /// For the host's own use of a cell, and for turns that ended well when they were recorded.
    pub(super) const UNBOUNDED: Self = Self {
        calls: u64::MAX,
        output: u64::MAX,
    };

    /// What a turn begins with.
    pub(super) fn of(limits: &Config) -> Self {
        Self {
            calls: limits.turn_host_calls,
            output: u64::from(limits.turn_output_mib) << 20,
        }
    }

    /// A call that costs as much as so many plain ones.
    pub(super) fn calls(&mut self, plain: u64) -> Result<(), CallsUsedUp> {
        self.calls = self.calls.checked_sub(plain).ok_or(CallsUsedUp)?;
        Ok(())
    }

    /// A call that carries so many bytes, in whichever direction.
    pub(super) fn carries(&mut self, bytes: usize) -> Result<(), CallsUsedUp> {
        self.calls(1 + (bytes / BYTES_PER_UNIT) as u64)
    }

    /// A piece of the answer of so many bytes.
    pub(super) fn sends(&mut self, bytes: usize) -> Result<(), OutputUsedUp> {
        let cost = bytes.saturating_add(PIECE_OVERHEAD) as u64;
        self.output = self.output.checked_sub(cost).ok_or(OutputUsedUp)?;
        Ok(())
    }
}

/// What one turn may log; what it logs beyond that is counted and not kept.
#[derive(Debug)]
pub(super) struct LogBudget {
    limit_kib: u32,
    left: usize,
    dropped: u64,
}

impl LogBudget {
    /// No log keeps more of one entry than this.
    const LONGEST_ENTRY: usize = 16 << 10;

    /// What an entry costs beside its text.
    const ENTRY_OVERHEAD: usize = 64;

    pub(super) fn new(limit_kib: u32) -> Self {
        Self {
            limit_kib,
            left: (limit_kib as usize) << 10,
            dropped: 0,
        }
    }

    /// Whether an entry of so many bytes is kept. After the first that is not, none is: a log with gaps would mislead.
    pub(super) fn takes(&mut self, bytes: usize) -> bool {
        let cost = bytes.min(Self::LONGEST_ENTRY) + Self::ENTRY_OVERHEAD;
        match self.left.checked_sub(cost) {
            Some(left) if self.dropped == 0 => {
                self.left = left;
                true
            }
            _ => {
                self.dropped += 1;
                false
            }
        }
    }

    /// Begins anew; says what was dropped until now, if anything was.
    pub(super) fn renew(&mut self) -> Option<String> {
        let before = std::mem::replace(self, Self::new(self.limit_kib));
        let (dropped, limit) = (before.dropped, before.limit_kib);
        let lines = if dropped == 1 {
            "line was"
        } else {
            "lines were"
        };
        (dropped > 0).then(|| {
            format!(
                "{dropped} more {lines} dropped: one turn may log {limit} KiB, see turn_log_kib in [sandbox]"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_cost_by_what_they_carry() {
        let mut spending = Spending {
            calls: 10,
            output: 0,
        };
        assert!(spending.carries(0).is_ok(), "9 are left");
        assert!(spending.carries(1_023).is_ok(), "8 are left");
        assert!(spending.carries(6 << 10).is_ok(), "1 is left");
        assert!(spending.carries(1_024).is_err(), "it would take two");
        assert!(spending.carries(1).is_ok(), "none is left");
        assert!(spending.carries(0).is_err());
    }

    #[test]
    fn many_small_pieces_find_the_same_end_as_few_large_ones() {
        let limits = Config {
            turn_output_mib: 1,
            ..Config::default()
        };
        let pieces = |bytes| {
            let mut spending = Spending::of(&limits);
            (0..).take_while(|_| spending.sends(bytes).is_ok()).count()
        };
        assert_eq!(pieces(1), (1 << 20) / 65);
        assert_eq!(pieces((1 << 20) - 64), 1);
        assert_eq!(pieces(1 << 20), 0);
        assert_eq!(pieces(usize::MAX), 0);
    }

    #[test]
    fn what_is_not_logged_is_counted_until_the_next_turn() {
        let mut budget = LogBudget::new(1);
        assert_eq!(budget.renew(), None);
        assert!(budget.takes(900));
        assert!(!budget.takes(900));
        assert!(!budget.takes(0), "there is room, but it comes later");
        let said = budget.renew().unwrap();
        assert!(said.starts_with("2 more lines were dropped"), "{said}");
        assert!(budget.takes(0));
        assert_eq!(budget.renew(), None);
    }

    #[test]
    fn an_entry_costs_no_more_than_what_is_kept_of_it() {
        let mut budget = LogBudget::new(64);
        let kept = (0..10).filter(|_| budget.takes(10 << 20)).count();
        assert_eq!(kept, 3);
    }
}
