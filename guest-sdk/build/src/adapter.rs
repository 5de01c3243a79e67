//! From a core module for WASI preview 1 to a component of the contract.
//!
//! The adapter is our own: it needs plain functions of the host only, so that an agent holds no handle between two turns,
//! and what it prints goes to the session's log line by line.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

use crate::{Error, Result};

const ADAPTER: &str = include_str!("adapter/preview1.wat");
const WORLD: &str = include_str!("adapter/world.wit");

/// Bytes of the module's memory that the adapter needs for itself.
pub(crate) const ROOM_BYTES: u32 = 8 << 10;

/// Makes a component of a reactor: a core module that imports preview 1 and the contract, and exports `invoke`.
///
/// `wit` is the contract's folder. `room` is the address of [`ROOM_BYTES`] of the module's memory that nothing else uses, a
/// multiple of eight: open lines are kept there.
pub(crate) fn componentize(core: &[u8], wit: &Path, room: u32) -> Result<Vec<u8>> {
    assemble(core, wit, room).map_err(|error| {
        Error::Agent(format!(
            "the compiled agent does not become a component: {error:#}"
        ))
    })
}

fn assemble(core: &[u8], wit: &Path, room: u32) -> anyhow::Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let (contract, _) = resolve.push_dir(wit)?;
    let agent = resolve.select_world(&[contract], Some("agent"))?;
    let package = resolve.push_source("world.wit", WORLD)?;
    let adapter = resolve.select_world(&[package], Some("adapter"))?;

    let core = with_metadata(core.to_vec(), &resolve, agent)?;
    let text = ADAPTER.replace("ROOM)", &format!("{room})"));
    let adapter = with_metadata(wat::parse_str(text)?, &resolve, adapter)?;
    ComponentEncoder::default()
        .validate(true)
        .module(&core)?
        .adapter("wasi_snapshot_preview1", &adapter)?
        .encode()
}

fn with_metadata(
    mut module: Vec<u8>,
    resolve: &Resolve,
    world: WorldId,
) -> anyhow::Result<Vec<u8>> {
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8)?;
    Ok(module)
}

#[cfg(test)]
mod tests;
