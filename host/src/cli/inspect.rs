//! `kellion inspect FILE`.

use std::path::PathBuf;

use serde_json::json;

use super::exit::Failure;
use crate::ids::Digest;
use crate::sandbox::{self, Inspection};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The component, a .wasm file.
    file: PathBuf,
}

pub(super) fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let file = &args.file;
    let bytes = std::fs::read(file)
        .map_err(|error| Failure::new(format!("cannot read {}", file.display())).because(&error))?;
    let (inspection, _) = sandbox::inspect(&bytes, sandbox::Config::default().memory_mib)
        .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    if json {
        super::say(json!({
            "digest": Digest::of(&bytes),
            "sizeBytes": bytes.len(),
            "imports": inspection.imports,
            "exports": inspection.exports,
            "misfit": inspection.misfit,
            "imageObstacles": inspection.obstacles,
        }));
        return Ok(());
    }
    say(&bytes, &inspection);
    Ok(())
}

/// What can be said without running it.
pub(super) fn say(bytes: &[u8], inspection: &Inspection) {
    super::say(format_args!("digest   sha256:{}", Digest::of(bytes)));
    super::say(format_args!("size     {} KiB", bytes.len().div_ceil(1_024)));
    super::say(format_args!(
        "imports  {}",
        inspection.imports.join("\n         ")
    ));
    super::say(format_args!(
        "exports  {}",
        inspection.exports.join("\n         ")
    ));
    super::say(match &inspection.misfit {
        None => "fits     yes: the world kellion:agent/agent@0.1.0".to_owned(),
        Some(misfit) => format!("fits     no: {misfit}"),
    });
    super::say(if inspection.obstacles.is_empty() {
        "images   yes: its sessions can be captured and restored".to_owned()
    } else {
        let obstacles = inspection.obstacles.join("\n         ");
        format!("images   no: {obstacles}")
    });
}
