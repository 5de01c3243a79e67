//! What all cells of a program have in common: the state of a fresh one, born at a fixed time of a fixed seed.

use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::super::capabilities::LogSink;
use super::super::cell::{Birth, Cell, Fault};
use super::super::engine::{Config, Program};
use super::{Imaging, PAGE, pages};
use crate::contract::log::Level;

static ZEROS: [u8; PAGE] = [0; PAGE];

/// The state of a fresh cell. Taken once for each program, when the first image is.
pub(super) struct Base {
    pub(super) memories: Vec<BaseMemory>,
    pub(super) globals: Vec<u64>,
    /// Of all of it, and of the component. Images of another one do not fit.
    pub(super) digest: [u8; 32],
}

/// One memory of a fresh cell.
pub(super) struct BaseMemory {
    /// In bytes.
    pub(super) size: usize,
    /// The pages that are not zero, in order.
    pages: Vec<u32>,
    /// Their contents.
    data: Vec<u8>,
    /// What the agent's start code may have written. A cell of another birth may have left it as it was, and then the
    /// kernel does not count it among the pages that the cell has written. None when the kernel does not say.
    pub(super) touched: Option<Vec<Range<usize>>>,
}

impl Base {
    pub(super) async fn take(
        program: &Program,
        imaging: &Imaging,
        limits: &Config,
    ) -> Result<Self, Fault> {
        let mut cell = Cell::begin(limits, program, Arc::new(Silence), &Birth::TRIAL).await?;
        cell.unlimited();
        let cpu = cell.cpu();
        match cpu.count(Self::of(&mut cell, imaging)).await {
            Ok(base) => Ok(base),
            Err(error) => Err(cell.fault(&error)),
        }
    }

    async fn of(cell: &mut Cell, imaging: &Imaging) -> wasmtime::Result<Self> {
        let mut reach = imaging.accessor.reach(&mut cell.store, &cell.instance);
        let mut hash = Sha256::new();
        hash.update(&imaging.component);
        let mut memories = Vec::new();
        for memory in 0..imaging.accessor.memories() {
            let bytes = reach.memory(memory).await?;
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
            memories.push(BaseMemory::of(bytes));
        }
        let globals = reach.globals().await?;
        for global in &globals {
            hash.update(global.to_le_bytes());
        }
        Ok(Self {
            memories,
            globals,
            digest: hash.finalize().into(),
        })
    }
}

impl BaseMemory {
    fn of(bytes: &[u8]) -> Self {
        let mut base = Self {
            size: bytes.len(),
            pages: Vec::new(),
            data: Vec::new(),
            touched: pages::written(bytes),
        };
        for (number, page) in (0..).zip(bytes.chunks_exact(PAGE)) {
            if page != ZEROS {
                base.pages.push(number);
                base.data.extend_from_slice(page);
            }
        }
        base
    }

    /// A page as it is in the base. Past the end of the memory pages are zero, as they are when it grows.
    pub(super) fn page(&self, number: u32) -> &[u8] {
        match self.pages.binary_search(&number) {
            Ok(place) => &self.data[place * PAGE..][..PAGE],
            Err(_) => &ZEROS,
        }
    }
}

/// For cells that nobody talks to.
pub(super) struct Silence;

impl LogSink for Silence {
    fn write(&self, _: Level, _: &str) {}
}
