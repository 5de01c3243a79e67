//! What one cell may use: memory summed over all its memories, and CPU time counted in ticks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use wasmtime::ResourceLimiter;

use super::engine::TICK;

/// Elements of one table; the pool has no room for more.
const TABLE_ELEMENTS: usize = 20_000;

/// Shows how much linear memory a cell has, wherever that is. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct MemoryGauge(Arc<AtomicUsize>);

impl MemoryGauge {
    /// Bytes of linear memory.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed) as u64
    }
}

/// Counts the memory of one store. (The engine's own limiter counts each memory by itself.)
#[derive(Debug)]
pub(super) struct MemoryLimit {
    limit: usize,
    used: MemoryGauge,
    refused: bool,
    /// The last growth was within every limit.
    granted: bool,
}

impl MemoryLimit {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: MemoryGauge::default(),
            refused: false,
            granted: false,
        }
    }

    /// Nothing more is granted above this; what is in use stays.
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// What shows how much is in use.
    pub(super) fn used(&self) -> &MemoryGauge {
        &self.used
    }

    /// Whether the guest was refused memory since the last call of this function.
    pub(super) fn take_refused(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }
}

/// A refusal is a matter of limits alone, so that a replay is refused the same.
impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used.0.load(Ordering::Relaxed);
        let used = used.saturating_add(desired.saturating_sub(current));
        self.refused |= used > self.limit;
        self.granted = used <= self.limit && within(desired, maximum);
        if self.granted {
            self.used.0.store(used, Ordering::Relaxed);
        }
        Ok(self.granted)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed(error)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.granted = desired <= TABLE_ELEMENTS && within(desired, maximum);
        Ok(self.granted)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed(error)
    }
}

impl MemoryLimit {
    /// When the machine cannot give what was granted, the guest must not live to see the difference.
    fn failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        if std::mem::take(&mut self.granted) {
            Err(error)
        } else {
            Ok(())
        }
    }
}

fn within(desired: usize, maximum: Option<usize>) -> bool {
    maximum.is_none_or(|maximum| desired <= maximum)
}

/// CPU time of the running turn, counted at ticks of [`TICK`].
#[derive(Debug)]
pub(super) struct CpuBudget {
    limit_ms: u64,
    used: Duration,
}

/// The turn has used up its CPU time.
#[derive(Debug, thiserror::Error)]
#[error("the CPU time of the turn is used up")]
pub(super) struct CpuTimeUsedUp;

impl CpuBudget {
    pub(super) fn new(limit_ms: u64) -> Self {
        Self {
            limit_ms,
            used: Duration::ZERO,
        }
    }

    /// A new turn begins, with so much.
    pub(super) fn reset(&mut self, limit_ms: u64) {
        *self = Self::new(limit_ms);
    }

    /// What the turn may use, in milliseconds.
    pub(super) fn limit_ms(&self) -> u64 {
        self.limit_ms
    }

    /// The guest was found running at a tick, and has computed for so long.
    pub(super) fn charge(&mut self, ran: Duration) -> Result<(), CpuTimeUsedUp> {
        self.used = self.used.saturating_add(ran);
        if self.used > Duration::max(TICK, Duration::from_millis(self.limit_ms)) {
            Err(CpuTimeUsedUp)
        } else {
            Ok(())
        }
    }
}
