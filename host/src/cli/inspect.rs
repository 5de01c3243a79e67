//! `kellion inspect FILE` and `kellion inspect AGENT`.

use std::io::Cursor;
use std::path::Path;

use serde_json::json;

use super::client::{Client, ClientArgs};
use super::exit::Failure;
use super::grant;
use crate::grants::Manifest;
use crate::ids::Digest;
use crate::sandbox::{self, Inspection};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The component, a .wasm file; or the name or id of an agent on a server, to see what it may use.
    #[arg(value_name = "FILE|AGENT")]
    what: String,
}

pub(super) async fn run(args: &Args, client: ClientArgs, json: bool) -> Result<(), Failure> {
    let file = Path::new(&args.what);
    if file.exists() || file.extension().is_some() || args.what.contains('/') {
        inspect_file(file, json)
    } else {
        inspect_agent(&args.what, &client.client()?, json).await
    }
}

async fn inspect_agent(name: &str, client: &Client, json: bool) -> Result<(), Failure> {
    let agent = client.agent(name).await?;
    let shown = grant::of(client, &agent.id, None).await?;
    if json {
        super::say(json!({
            "agentRuntimeId": agent.id,
            "agentRuntimeName": agent.name,
            "agentRuntimeVersion": shown.version,
            "status": shown.status,
            "grant": shown.grant,
        }));
    } else {
        grant::say_granted(&agent.name, &shown);
    }
    Ok(())
}

fn inspect_file(file: &Path, json: bool) -> Result<(), Failure> {
    let bytes = std::fs::read(file)
        .map_err(|error| Failure::new(format!("cannot read {}", file.display())).because(&error))?;
    let (inspection, _) = sandbox::inspect(&bytes, sandbox::Config::default().memory_mib)
        .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    let manifest =
        asked(&bytes).map_err(|why| Failure::new(format!("{}: {why}", file.display())))?;
    if json {
        super::say(json!({
            "digest": Digest::of(&bytes),
            "sizeBytes": bytes.len(),
            "imports": inspection.imports,
            "exports": inspection.exports,
            "misfit": inspection.misfit,
            "imageObstacles": inspection.obstacles,
            "asks": manifest.0,
        }));
        return Ok(());
    }
    say(&bytes, &inspection);
    grant::say_asked(&manifest);
    Ok(())
}

/// What a component asks for, or what is wrong with its manifest.
pub(super) fn asked(component: &[u8]) -> Result<Manifest, String> {
    match Manifest::of_component(Cursor::new(component)) {
        Ok(Ok(manifest)) => Ok(manifest),
        Ok(Err(invalid)) => Err(invalid.to_string()),
        Err(error) => Err(error.to_string()),
    }
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
