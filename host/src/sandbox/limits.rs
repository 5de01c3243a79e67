//! What one cell may use: its limits by name, and the counting of memory and tables, each summed over the whole store.

use serde::Serialize;
use wasmtime::ResourceLimiter;

use super::room::{MemoryGauge, NoRoom, Share};

/// A limit that an agent can break. A closed set: the names stand in receipts and in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// CPU time of one turn.
    CpuTime,
    /// Time of one turn, waiting included.
    WallTime,
    /// CPU time of a start, before the first turn can run.
    StartTime,
    /// Linear memory, all memories together.
    Memory,
    /// Elements of tables, all tables together.
    Table,
    /// Handles that are open at one time.
    Handles,
    /// How deep calls nest.
    Stack,
    /// Bytes handed over in one call.
    Transfer,
    /// What one turn asks of the host.
    HostCalls,
    /// Bytes sent to the caller in one turn.
    Output,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::CpuTime,
        Self::WallTime,
        Self::StartTime,
        Self::Memory,
        Self::Table,
        Self::Handles,
        Self::Stack,
        Self::Transfer,
        Self::HostCalls,
        Self::Output,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CpuTime => "cpu-time",
            Self::WallTime => "wall-time",
            Self::StartTime => "start-time",
            Self::Memory => "memory",
            Self::Table => "table",
            Self::Handles => "handles",
            Self::Stack => "stack",
            Self::Transfer => "transfer",
            Self::HostCalls => "host-calls",
            Self::Output => "output",
        }
    }

    /// The limit that is called so; none when no limit is, as of a later version's.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.as_str() == name)
    }
}

/// Elements of all tables of one store together. An interpreter takes some 10,000; each costs 16 bytes at most.
pub(super) const TABLE_ELEMENTS: usize = 100_000;

/// Elements of one table; the pool has no room for more.
pub(super) const ONE_TABLE: usize = 20_000;

/// Core instances of one component: 40 of its own, and an accessor for each memory.
pub(super) const CORE_INSTANCES: u32 = 42;

/// Memories of one component.
pub(super) const MEMORIES: u32 = 2;

/// Tables of one component.
pub(super) const TABLES: u32 = 10;

/// Counts the memory and the tables of one store. (The engine's own limiter counts each by itself.)
#[derive(Debug)]
pub(super) struct Holdings {
    share: Share,
    limit: usize,
    elements: usize,
    refused: Option<Refused>,
    /// The last growth was within every limit.
    granted: bool,
}

/// What a guest wanted more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Memory,
    OneTable,
    AllTables,
}

impl Holdings {
    /// With so many bytes of memory to be had.
    pub(super) fn new(limit: usize, share: Share) -> Self {
        Self {
            share,
            limit,
            elements: 0,
            refused: None,
            granted: false,
        }
    }

    /// Nothing more is granted above this; what is in use stays.
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Whether the server has room for all this.
    pub(super) fn may_stay(&self) -> Result<(), NoRoom> {
        self.share.may_stay()
    }

    /// Bytes of linear memory in use.
    pub(super) fn memory(&self) -> usize {
        self.gauge().bytes() as usize
    }

    /// What shows how much is in use.
    pub(super) fn gauge(&self) -> &MemoryGauge {
        self.share.gauge()
    }

    /// What the guest was refused last, since the last call of this function.
    pub(super) fn take_refused(&mut self) -> Option<Refused> {
        self.refused.take()
    }
}

/// A refusal is a matter of limits alone, so that a replay is refused the same.
impl ResourceLimiter for Holdings {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let had = self.memory();
        let memory = grown(had, current, desired);
        let enough = memory <= self.limit;
        if !enough {
            self.refused = Some(Refused::Memory);
        }
        self.granted = enough && within(desired, maximum);
        if self.granted {
            self.share.grow((memory - had) as u64);
            self.share.may_stay()?;
        }
        Ok(self.granted)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed(error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let elements = grown(self.elements, current, desired);
        let refused = if desired > ONE_TABLE {
            Some(Refused::OneTable)
        } else if elements > TABLE_ELEMENTS {
            Some(Refused::AllTables)
        } else {
            None
        };
        self.refused = refused.or(self.refused);
        self.granted = refused.is_none() && within(desired, maximum);
        if self.granted {
            self.elements = elements;
        }
        Ok(self.granted)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed(error)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }
}

impl Holdings {
    /// When the machine cannot give what was granted, the guest must not live to see the difference.
    fn failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        if std::mem::take(&mut self.granted) {
            Err(error)
        } else {
            Ok(())
        }
    }
}

/// A sum, when one of its parts changes.
fn grown(sum: usize, current: usize, desired: usize) -> usize {
    sum.saturating_add(desired.saturating_sub(current))
}

fn within(desired: usize, maximum: Option<usize>) -> bool {
    maximum.is_none_or(|maximum| desired <= maximum)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::room::Room;
    use super::*;

    #[test]
    fn each_limit_is_found_by_its_name() {
        for limit in Limit::ALL {
            assert_eq!(Limit::parse(limit.as_str()), Some(limit));
            assert_eq!(serde_json::json!(limit), limit.as_str());
        }
        assert_eq!(Limit::parse("patience"), None);
    }

    #[test]
    fn memory_and_tables_are_summed() {
        let room = Arc::new(Room::new(1, None));
        let mut held = Holdings::new(3 << 20, Share::of(&room.whole()).unwrap());
        let mut memory = |from: usize, to: usize| held.memory_growing(from << 20, to << 20, None);
        assert!(memory(0, 2).unwrap());
        assert!(memory(0, 1).unwrap());
        assert!(!memory(1, 2).unwrap(), "the other memory has the rest");
        assert_eq!(
            (held.memory(), held.take_refused()),
            (3 << 20, Some(Refused::Memory))
        );
        for _ in 0..5 {
            assert!(held.table_growing(0, ONE_TABLE, None).unwrap());
        }
        assert_eq!(held.take_refused(), None);
        assert!(!held.table_growing(0, 1, None).unwrap());
        assert_eq!(held.take_refused(), Some(Refused::AllTables));
        assert!(!held.table_growing(0, ONE_TABLE + 1, None).unwrap());
        assert_eq!(held.take_refused(), Some(Refused::OneTable));
    }
}
