//! Images: the state of a cell between two turns, as bytes, from which any process can make the cell again.
//!
//! An image holds what is different from the [base](base::Base) of its program, a fresh cell of a fixed birth: pages of
//! memory and globals; and the shape of the handle table, the clock and the random numbers. A cell restored from it goes
//! on as the captured one does, byte for byte.

mod accessor;
mod base;
mod capture;
mod codec;
pub(super) mod pages;
mod restore;

use bytes::Bytes;
use tokio::sync::OnceCell;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre};

use super::cell::{Fault, State};
use super::engine::{Config, Program, Sandbox};
use super::handles::Shape;
use super::instrument::{ACCESSOR, COMPONENT};
use super::random::Seed;
use accessor::Accessor;
use base::Base;

pub use codec::Damaged;

/// Memory is compared and kept in pieces of this size, which the pages of all machines are made of.
const PAGE: usize = 4 << 10;

/// The pages of WebAssembly.
const WASM_PAGE: usize = 64 << 10;

/// The state of a cell between two turns.
///
/// As secret as the session's memory, which it contains, with the seed of its random numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// The base that the rest is a difference to.
    base: [u8; 32],
    memories: Vec<Memory>,
    /// The pages of all runs of all memories, one after another.
    data: Bytes,
    /// Those that are not as in the base, by index.
    globals: Vec<(u32, u64)>,
    handles: Shape,
    /// Nanoseconds since the Unix epoch.
    clock: u64,
    seed: Seed,
    /// How many words of the seed's stream were taken.
    position: u128,
}

/// What an image holds of one memory.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Memory {
    /// Its size, in pages of WebAssembly.
    size: u32,
    /// The pages that are not as in the base: in order, and apart.
    runs: Vec<Run>,
}

/// Pages in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    page: u32,
    pages: u32,
}

impl Run {
    /// In bytes.
    fn length(self) -> usize {
        self.pages as usize * PAGE
    }
}

impl Image {
    /// Bytes of the pages that the image holds.
    pub fn data_bytes(&self) -> usize {
        self.data.len()
    }
}

/// Why there is no image of a cell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotImageable {
    /// The program has state that no image can hold; `kellion inspect` says which. The cell is as good as before.
    #[error("the agent's program cannot be imaged")]
    Program,
    /// The agent kept handles over the end of its turn that cannot be made again. The cell is as good as before.
    #[error(
        "the agent holds handles that cannot be made again, such as a model's stream ({live} in all)"
    )]
    OpenHandles {
        /// How many it holds, with those that could be made again.
        live: usize,
    },
    /// The handles are not as the host has watched them, which must not be. The cell is as good as before.
    #[error("the agent's handles are not as they were watched")]
    UnknownHandles,
    /// The agent's start code took less memory than it takes in a fresh cell of another birth, and memory cannot shrink.
    /// The cell is as good as before.
    #[error("the agent has less memory than a fresh one")]
    SmallerMemory,
    /// The base could not be had now, because every slot is taken. The cell is as good as before.
    #[error("there is no room to compare the agent with a fresh one: {0}")]
    NoBase(#[source] Fault),
    /// The cell broke, and must be thrown away.
    #[error("capturing broke the agent: {0}")]
    Broken(#[source] Fault),
}

/// Why no cell could be made from an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRestored {
    /// The image is of another program, or of a server on which the program starts in another way.
    #[error("the image is not of this program")]
    AnotherProgram,
    /// The cell could not be started or filled.
    #[error("the agent could not be restored: {0}")]
    Fault(#[from] Fault),
}

/// What a program needs to be imaged.
pub(super) struct Imaging {
    accessor: Accessor,
    /// The digest of the component.
    component: String,
    base: OnceCell<Base>,
}

impl Imaging {
    /// None when the program was not instrumented.
    pub(super) fn of(pre: &InstancePre<State>) -> Option<Self> {
        let component = pre.component();
        Some(Self {
            accessor: Accessor::of(component)?,
            component: identity(component)?,
            base: OnceCell::new(),
        })
    }

    async fn base(&self, program: &Program, limits: &Config) -> Result<&Base, Fault> {
        let base = || Base::take(program, self, limits);
        self.base.get_or_try_init(base).await
    }
}

impl Program {
    /// Makes ready what images of its cells are compared with, in a cell of its own for a moment. Otherwise the first
    /// capture or restore does, which may be when there is no room for it.
    pub async fn prepare(&self, sandbox: &Sandbox) -> Result<(), Fault> {
        match self.imaging() {
            Some(imaging) => imaging.base(self, sandbox.config()).await.map(|_| ()),
            None => Ok(()),
        }
    }
}

/// The digest that the accessor carries in the name of a function.
fn identity(component: &Component) -> Option<String> {
    let engine = component.engine();
    let described = component.component_type();
    let (_, accessor) = described
        .exports(engine)
        .find(|(name, _)| *name == ACCESSOR)?;
    let ComponentItem::ComponentInstance(accessor) = accessor.ty else {
        return None;
    };
    let mut names = accessor.exports(engine).map(|(name, _)| name);
    names.find_map(|name| name.strip_prefix(COMPONENT).map(str::to_owned))
}

#[cfg(test)]
mod tests;
