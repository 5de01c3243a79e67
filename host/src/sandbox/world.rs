//! The world check: every import and export that does not fit, by name, with what the world offers instead.

use wasmtime::Engine;
use wasmtime::component::types;

use super::instrument::ACCESSOR;

/// Interfaces that an agent may import. WASI's minor versions are compatible within 0.2.
const OFFERED: [&str; 7] = [
    "kellion:agent/types@0.1.0",
    "kellion:agent/model@0.1.0",
    "kellion:agent/response@0.1.0",
    "kellion:agent/session@0.1.0",
    "kellion:agent/log@0.1.0",
    "context",
    "agent-error",
];
const WASI: [&str; 6] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// What does not fit, as one sentence. The component is as its author made it, or instrumented by us.
pub(super) fn check(
    component: &types::Component,
    engine: &Engine,
    instrumented: bool,
) -> Result<(), String> {
    let mut complaints = Vec::new();
    let mut exports = component.exports(engine).map(|(name, _)| name);
    if !instrumented && exports.any(|name| name.starts_with(ACCESSOR)) {
        complaints.push(format!("it exports {ACCESSOR:?}, a name that is reserved"));
    }
    for (name, _) in component.imports(engine) {
        if !offered(name) {
            complaints.push(format!("it imports {name:?}, which is not offered"));
        }
    }
    if !component.exports(engine).any(|(name, _)| name == "invoke") {
        let exports: Vec<_> = component
            .exports(engine)
            .take(8)
            .map(|(name, _)| name)
            .collect();
        complaints.push(format!(
            "it does not export \"invoke\" (it exports {})",
            if exports.is_empty() {
                "nothing".to_owned()
            } else {
                exports.join(", ")
            }
        ));
    }
    if complaints.is_empty() {
        return Ok(());
    }
    const SHOWN: usize = 8;
    let more = complaints.len().saturating_sub(SHOWN);
    complaints.truncate(SHOWN);
    if more > 0 {
        complaints.push(format!("and {more} more"));
    }
    Err(format!(
        "{}; offered are kellion:agent/{{types,model,response,session,log}}@0.1.0 and \
         wasi:{{cli,clocks,filesystem,io,random,sockets}}@0.2",
        complaints.join("; ")
    ))
}

fn offered(import: &str) -> bool {
    let wasi = WASI.iter().any(|package| import.starts_with(package))
        && import
            .rsplit_once('@')
            .is_some_and(|(_, version)| version.starts_with("0.2."));
    wasi || OFFERED.contains(&import)
}
