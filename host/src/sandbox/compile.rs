//! From a stranger's bytes to a compiled program. Runs in the compile child only.

use wasmtime::Engine;
use wasmtime::component::Component;

use super::engine::{Config, linker, shared};
use super::instrument::instrument;
use super::world;
use crate::contract::AgentPre;

/// What [`compile`] makes of a component, beside what depends on the engine: to be counted up whenever that changes, so
/// that programs are compiled again. Since 1 they can be imaged.
pub const EDITION: u32 = 1;

/// Why bytes are not an agent. The text is for the agent's author.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Not a component at all.
    #[error("{0}")]
    NotAComponent(&'static str),
    /// A component that is not valid, or uses what is switched off here.
    #[error("the component is not valid: {0}")]
    Invalid(String),
    /// A component of another world.
    #[error("the component does not fit the world kellion:agent/agent@0.1.0: {0}")]
    World(String),
    /// The compiler itself failed.
    #[error("the component cannot be compiled: {0}")]
    Compiler(String),
}

/// Checks a component against the world and compiles it for a sandbox of the same memory limit. What can be imaged is
/// [instrumented](super::instrument) for it; what cannot is compiled as it is.
///
/// Takes seconds and hundreds of MiB for large agents, and without a limit on either for hostile ones: the caller is a
/// process of its own, with limits.
pub fn compile(component: &[u8], memory_mib: u32) -> Result<Vec<u8>, CompileError> {
    is_component(component)?;
    let mut config = shared(memory_mib);
    config.cranelift_nan_canonicalization(true);
    let engine =
        Engine::new(&config).map_err(|error| CompileError::Compiler(format!("{error:#}")))?;
    let instrumented = instrument(component).ok();
    let is_instrumented = instrumented.is_some();
    let component = instrumented.as_deref().unwrap_or(component);
    let component = Component::from_binary(&engine, component)
        .map_err(|error| CompileError::Invalid(format!("{error:#}")))?;
    fits(&component, &engine, is_instrumented).map_err(CompileError::World)?;
    component
        .serialize()
        .map_err(|error| CompileError::Compiler(format!("{error:#}")))
}

fn fits(component: &Component, engine: &Engine, is_instrumented: bool) -> Result<(), String> {
    world::check(&component.component_type(), engine, is_instrumented)?;
    // The names fit; whether the types behind them do is for the linker to say.
    linker(engine)
        .and_then(|linker| linker.instantiate_pre(component))
        .and_then(AgentPre::new)
        .map(|_| ())
        .map_err(|error| format!("{error:#}"))
}

/// What can be said of a component without running it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The interfaces and functions that it needs.
    pub imports: Vec<String>,
    /// The interfaces and functions that it offers.
    pub exports: Vec<String>,
    /// Why it is no agent, if it is none.
    pub misfit: Option<String>,
    /// Why its sessions cannot be captured as images, if they cannot: they stay in memory, or are replayed.
    pub obstacles: Vec<String>,
}

/// Looks at a component. Compiles it to do so, with all that [`compile`] says of hostile ones.
pub fn inspect(component: &[u8]) -> Result<Inspection, CompileError> {
    is_component(component)?;
    let engine = Engine::new(&shared(Config::default().memory_mib))
        .map_err(|error| CompileError::Compiler(format!("{error:#}")))?;
    let obstacles = instrument(component).err().map(|refused| refused.reasons);
    let component = Component::from_binary(&engine, component)
        .map_err(|error| CompileError::Invalid(format!("{error:#}")))?;
    let described = component.component_type();
    Ok(Inspection {
        imports: described
            .imports(&engine)
            .map(|(name, _)| name.to_owned())
            .collect(),
        exports: described
            .exports(&engine)
            .map(|(name, _)| name.to_owned())
            .collect(),
        misfit: fits(&component, &engine, false).err(),
        obstacles: obstacles.unwrap_or_default(),
    })
}

/// Tells the usual mix-ups apart before a parser sees the bytes.
fn is_component(bytes: &[u8]) -> Result<(), CompileError> {
    const MAGIC: &[u8] = b"\0asm";
    let hint = match bytes.get(..8) {
        Some(b"\0asm\x0d\0\x01\0") => return Ok(()),
        Some(b"\0asm\x01\0\0\0") => {
            "this is a core module, not a component; build for wasm32-wasip2, or wrap it with `wasm-tools component new`"
        }
        Some(header) if header.starts_with(MAGIC) => {
            "this WebAssembly binary has a layer or version that is not known here"
        }
        Some(header) if header.starts_with(b"\x7fELF") => {
            "this is a native or precompiled program, not a component; upload the .wasm file"
        }
        Some(header) if header.starts_with(b"(") => {
            "this is WebAssembly text; upload the binary .wasm file"
        }
        Some(header) if header.starts_with(b"PK\x03\x04") || header.starts_with(b"\x1f\x8b") => {
            "this is an archive, not a component; upload the .wasm file inside"
        }
        Some(_) => "this is not a WebAssembly component: it does not begin with \\0asm",
        None => "this is not a WebAssembly component: it has fewer than 8 bytes",
    };
    Err(CompileError::NotAComponent(hint))
}
