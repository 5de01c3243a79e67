//! From a stranger's bytes to a compiled program. Runs in the compile child only.

use wasmtime::Engine;
use wasmtime::component::Component;

use super::engine::{linker, shared};
use super::instrument::{ACCESSOR, instrument};
use super::scan::{Refused, scan};
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
    /// A component that is larger than agents are, or uses what is not run here.
    #[error(transparent)]
    Refused(Refused),
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

impl From<Refused> for CompileError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Invalid(error) => Self::Invalid(error.to_string()),
            other => Self::Refused(other),
        }
    }
}

/// Checks a component against the world and compiles it for a sandbox of the same memory limit. What can be imaged is
/// [instrumented](super::instrument) for it; what cannot is compiled as it is.
///
/// Takes seconds and hundreds of MiB for large agents, and without a limit on either for hostile ones: the caller is a
/// process of its own, with limits.
pub fn compile(component: &[u8], memory_mib: u32) -> Result<Vec<u8>, CompileError> {
    let examined = Examined::of(component, memory_mib)?;
    examined.fits().map_err(CompileError::World)?;
    examined.program()
}

/// Bytes of a sparse image for each byte of the component: JavaScript's heap takes as many as its component.
const IMAGE_FACTOR: u64 = 2;

/// A component that was read and compiled, fit or not.
struct Examined {
    engine: Engine,
    component: Component,
    /// Why it was not instrumented, if it was not.
    obstacles: Option<Vec<String>>,
}

impl Examined {
    fn of(bytes: &[u8], memory_mib: u32) -> Result<Self, CompileError> {
        is_component(bytes)?;
        scan(bytes, memory_mib)?;
        let mut config = shared(memory_mib);
        config.cranelift_nan_canonicalization(true);
        // A memory's beginning that is kept as an image is mapped, and shared by all sessions; otherwise each copies it.
        // An interpreter's heap is sparse, and has to be worth an image all the same. In proportion to what was uploaded,
        // so that nobody gets much disk for few bytes.
        config.memory_guaranteed_dense_image_size(IMAGE_FACTOR * bytes.len() as u64);
        let engine =
            Engine::new(&config).map_err(|error| CompileError::Compiler(format!("{error:#}")))?;
        let instrumented = instrument(bytes);
        let component = Component::from_binary(&engine, instrumented.as_deref().unwrap_or(bytes))
            .map_err(|error| CompileError::Invalid(format!("{error:#}")))?;
        Ok(Self {
            engine,
            component,
            obstacles: instrumented.err().map(|refused| refused.reasons),
        })
    }

    fn fits(&self) -> Result<(), String> {
        let described = self.component.component_type();
        world::check(&described, &self.engine, self.obstacles.is_none())?;
        // The names fit; whether the types behind them do is for the linker to say.
        linker(&self.engine)
            .and_then(|linker| linker.instantiate_pre(&self.component))
            .and_then(AgentPre::new)
            .map(|_| ())
            .map_err(|error| format!("{error:#}"))
    }

    fn program(&self) -> Result<Vec<u8>, CompileError> {
        self.component
            .serialize()
            .map_err(|error| CompileError::Compiler(format!("{error:#}")))
    }

    fn inspection(&self) -> Inspection {
        let described = self.component.component_type();
        let exports = described.exports(&self.engine);
        Inspection {
            imports: described
                .imports(&self.engine)
                .map(|(name, _)| name.to_owned())
                .collect(),
            exports: exports
                .map(|(name, _)| name.to_owned())
                .filter(|name| name != ACCESSOR)
                .collect(),
            misfit: self.fits().err(),
            obstacles: self.obstacles.clone().unwrap_or_default(),
        }
    }
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

/// Looks at a component, and gives its program as [`compile`] does when it fits. All that [`compile`] says of hostile ones
/// holds here.
pub fn inspect(
    component: &[u8],
    memory_mib: u32,
) -> Result<(Inspection, Option<Vec<u8>>), CompileError> {
    let examined = Examined::of(component, memory_mib)?;
    let inspection = examined.inspection();
    let program = match &inspection.misfit {
        None => Some(examined.program()?),
        Some(_) => None,
    };
    Ok((inspection, program))
}

/// Tells the usual mix-ups apart before a parser sees the bytes.
pub(super) fn is_component(bytes: &[u8]) -> Result<(), CompileError> {
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
