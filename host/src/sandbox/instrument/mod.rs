//! Makes the state of a component's instances reachable for their host, so that a cell can be captured and restored.
//!
//! Every core module exports the memories and the mutable globals that it defines, under reserved names. One small core
//! module for each memory, the *accessor*, is appended; it imports them and is lifted as the instance export
//! [`ACCESSOR`]:
//!
//! ```wit
//! interface accessor {
//!     // For each memory N = 0, 1…
//!     memoryN-size: func() -> u32;                        // in pages of 64 KiB
//!     memoryN-grow: func(pages: u32) -> u32;              // the size before, or 0xffff_ffff
//!     memoryN-read: func(offset: u32, len: u32) -> list<u8>;
//!     memoryN-write: func(data: list<u8>, next: u32);     // at the cursor, which then moves to `next`
//!     // Only if there are mutable globals; as bits.
//!     globals-get: func() -> list<u64>;
//!     globals-set: func(values: list<u64>);
//!     // What the component was before: its SHA-256 in hex stands after the `x`. Does what memory0-size does.
//!     of-x0123…: func() -> u32;
//!     // Those that the component itself imports; each gives the new handle's index.
//!     open-stdin: func() -> u32;                          // and open-stdout, open-stderr, open-network
//!     subscribe-input: func(handle: u32) -> u32;          // a pollable of the stream; and subscribe-output
//!     close-input: func(handle: u32);                     // and close-output, close-network, close-pollable
//! }
//! ```
//!
//! Nothing of this runs unless the host calls it, and a warm turn costs what it did before. `read` returns a list that
//! lies in the memory itself, and `write` lowers its list right to where it belongs: a host that lifts a `WasmList<u8>`
//! and lowers a `&[u8]` copies nothing twice. What the accessor needs of the guest's memory for the length of a call (8
//! bytes at address 0, for globals 8 more for each) it puts back before the call returns; so `globals-get` must be lifted
//! at once, as a `Vec<u64>`. A memory without pages must not be read, as there is no room for the answer.
//!
//! Handles that the accessor opens are the guest's own: they come from the handle table of the same component instance.
//!
//! A component whose state an image could not hold is refused, with every [reason](NotInstrumented). It runs as it is.

mod accessor;
mod component;
mod handles;
mod module;
mod tail;

use wasm_encoder::{Component, ComponentSectionId, RawSection};

use component::{Scan, Section};

use crate::ids::Digest;

/// The name of the instance that is added to the component's exports. No component may come with it.
pub(super) const ACCESSOR: &str = "kellion:image/accessor";

/// What starts the name of the accessor's function that tells the component by its digest.
pub(super) const COMPONENT: &str = "of-x";

/// Why an image could not hold all of a component's state.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotInstrumented {
    /// Every reason that was found, in words for the component's author.
    pub(super) reasons: Vec<String>,
}

/// Adds the accessor to a component. The same bytes give the same bytes.
pub(super) fn instrument(component: &[u8]) -> Result<Vec<u8>, NotInstrumented> {
    let invalid = |error: wasmparser::BinaryReaderError| NotInstrumented {
        reasons: vec![format!("it is not a valid component: {error}")],
    };
    let scan = Scan::of(component).map_err(invalid)?;
    let mut reasons = scan.reasons();
    let state = scan.state();
    if reasons.is_empty() && state.main().is_none() {
        reasons.push("it has no memory that starts with a page".to_owned());
    }
    if state.globals.len() > accessor::MAX_GLOBALS {
        reasons.push(format!(
            "it has {} mutable globals, more than {}",
            state.globals.len(),
            accessor::MAX_GLOBALS
        ));
    }
    if !reasons.is_empty() {
        return Err(NotInstrumented { reasons });
    }

    // All sections as they are, but for the exports of the core modules; then the accessor.
    let mut out = Component::new();
    for section in &scan.sections {
        match section {
            Section::Raw(raw) => out.section(raw),
            Section::Module(index) => out.section(&RawSection {
                id: ComponentSectionId::CoreModule.into(),
                data: &scan.modules[*index].with_exports().map_err(invalid)?,
            }),
        };
    }
    tail::append(
        &mut out,
        &scan,
        &state,
        &format!("{COMPONENT}{}", Digest::of(component)),
    );
    Ok(out.finish())
}

#[cfg(test)]
mod tests;
