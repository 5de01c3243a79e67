//! How much of each an agent may have.
//!
//! A budget stands where the compiler, or what it makes, costs far more than the bytes that ask for it, and where a parser
//! or the engine takes far more than agents need. Each is at least twice what the largest known agent has, which is
//! CPython with some dozens of packages, SpiderMonkey with an agent framework, or Go's runtime; and far below what takes
//! a minute or a GiB to compile.

use std::fmt;

use super::Refused;

/// What is counted: summed over all of an upload, or the largest in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// Sections that are not custom ones, of components and modules. Known: 654.
    Sections,
    /// Custom sections. Known: 26.
    CustomSections,
    /// Components and modules inside of each other; agents are modules in a component. Known: 2.
    Nesting,
    /// Core modules. Known: 16, as each native library of Python's is one.
    Modules,
    /// Types, and declarations in them. Known: 1,867.
    Types,
    /// Types inside of each other, which parsers follow by calling themselves. Known: 1.
    TypeNesting,
    /// Imports of components and modules. Known: 2,810.
    Imports,
    /// Exports of components and modules. Known: 4,400.
    Exports,
    /// Globals of modules. Known: 1,047.
    Globals,
    /// Bytes of the longest name of an import, an export or a section; debug names are data. Known: 162.
    Name,
    /// Functions. A million empty ones take minutes. Known: 17,676.
    Functions,
    /// Bytes of code; a MiB takes some seconds. Known: 11,113,445.
    Code,
    /// Bytes of the largest function. Compiling one takes more than in proportion, and no other thread can help. Known:
    /// 426,843, the loop of CPython's interpreter.
    Body,
    /// Locals of one function, with its parameters. Known: 468.
    Locals,
    /// Blocks inside of each other. A `switch` nests one for each case. Known: 782.
    Blocks,
    /// Values that one function hands on: where branches meet, for each branch, the locals that may differ and what the
    /// label takes; at each call and block what that takes and gives. The compiler makes a value of its own of each, of about
    /// a KiB, so a few bytes can ask for GiB. Known: 218,976, the loop of SpiderMonkey's interpreter.
    Work,
    /// The same of all functions. Known: 4,889,342.
    AllWork,
    /// Elements that tables have at the start. Each is written into the program, used or not. Known: 7,736.
    TableElements,
    /// Segments of data and of elements; the parser takes as many in one module. Known: 48,386, of Go.
    Segments,
    /// Elements in segments. Known: 7,735.
    SegmentElements,
    /// Where the furthest segment of elements ends. Known: 7,700.
    ElementEnd,
    /// Bytes that memories have at the start: what a session may have. Known: 76,414,976.
    Memory,
    /// Where the furthest segment of data ends: the image of a memory reaches as far. Known: 76,349,389.
    DataEnd,
    /// Instances of core modules, laid out flat. A sandbox has room for 42. Known: 16.
    Instances,
    /// Instances, functions, aliases, imports and exports, with the names in them, laid out flat: what is nested in a
    /// component counts as often as it is instantiated, and the compiler makes it as often. Known: 3,566.
    Items,
}

const COUNT: usize = Budget::Items as usize + 1;

impl Budget {
    const ALL: [Self; COUNT] = [
        Self::Sections,
        Self::CustomSections,
        Self::Nesting,
        Self::Modules,
        Self::Types,
        Self::TypeNesting,
        Self::Imports,
        Self::Exports,
        Self::Globals,
        Self::Name,
        Self::Functions,
        Self::Code,
        Self::Body,
        Self::Locals,
        Self::Blocks,
        Self::Work,
        Self::AllWork,
        Self::TableElements,
        Self::Segments,
        Self::SegmentElements,
        Self::ElementEnd,
        Self::Memory,
        Self::DataEnd,
        Self::Instances,
        Self::Items,
    ];

    fn limit(self, memory_mib: u32) -> u64 {
        match self {
            Self::Sections => 4_000,
            Self::CustomSections => 1_000,
            Self::Nesting | Self::TypeNesting => 8,
            Self::Modules | Self::Instances => 64,
            Self::Types | Self::Imports | Self::Exports | Self::Globals | Self::Items => 20_000,
            Self::Name => 1_024,
            Self::Functions => 50_000,
            Self::TableElements | Self::Segments | Self::SegmentElements | Self::ElementEnd => {
                100_000
            }
            Self::Code => 24 << 20,
            Self::Body => 1 << 20,
            Self::Locals => 5_000,
            Self::Blocks => 10_000,
            Self::Work => 500_000,
            Self::AllWork => 10_000_000,
            Self::Memory | Self::DataEnd => u64::from(memory_mib) << 20,
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sections => "sections",
            Self::CustomSections => "custom sections",
            Self::Nesting => "components inside of each other",
            Self::Modules => "core modules",
            Self::Types => "types and declarations",
            Self::TypeNesting => "types inside of each other",
            Self::Imports => "imports",
            Self::Exports => "exports",
            Self::Globals => "globals",
            Self::Name => "bytes of a name",
            Self::Functions => "functions",
            Self::Code => "bytes of code",
            Self::Body => "bytes of one function",
            Self::Locals => "locals of one function",
            Self::Blocks => "blocks of one function inside of each other",
            Self::Work => "values carried by the branches and calls of one function",
            Self::AllWork => "values carried by branches and calls",
            Self::TableElements => "elements of tables at the start",
            Self::Segments => "segments of data and elements",
            Self::SegmentElements => "elements in segments",
            Self::ElementEnd => "elements up to the end of a segment",
            Self::Memory => "bytes of memory at the start",
            Self::DataEnd => "bytes of memory up to the end of a segment",
            Self::Instances => "core instances, nested ones included",
            Self::Items => "instances, functions and aliases, nested ones included",
        })
    }
}

/// Counts against the budgets.
#[derive(Debug)]
pub(super) struct Meter {
    limits: [u64; COUNT],
    figures: [u64; COUNT],
}

impl Meter {
    pub(super) fn new(memory_mib: u32) -> Self {
        Self {
            limits: Budget::ALL.map(|budget| budget.limit(memory_mib)),
            figures: [0; COUNT],
        }
    }

    /// Counts so many more.
    pub(super) fn add(&mut self, budget: Budget, more: u64, offset: usize) -> Result<(), Refused> {
        let sum = self.figures[budget as usize].saturating_add(more);
        self.reach(budget, sum, offset)
    }

    /// Counts one as large as this.
    pub(super) fn reach(
        &mut self,
        budget: Budget,
        value: u64,
        offset: usize,
    ) -> Result<(), Refused> {
        let figure = &mut self.figures[budget as usize];
        *figure = value.max(*figure);
        let limit = self.limits[budget as usize];
        if value <= limit {
            return Ok(());
        }
        Err(Refused::TooMuch {
            budget,
            value,
            limit,
            offset,
        })
    }

    pub(super) fn name(&mut self, name: &str, offset: usize) -> Result<(), Refused> {
        self.reach(Budget::Name, name.len() as u64, offset)
    }

    /// Each budget, what was counted, and the limit.
    #[cfg(test)]
    pub(super) fn figures(&self) -> impl Iterator<Item = (Budget, u64, u64)> {
        let figures = self.figures.into_iter().zip(self.limits);
        Budget::ALL
            .into_iter()
            .zip(figures)
            .map(|(budget, (figure, limit))| (budget, figure, limit))
    }
}
