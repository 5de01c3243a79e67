//! `kellion check FILE`: would it run here, and at what cost.

use std::io::Write;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::build::{How, component};
use super::exit::Failure;
use crate::contract::log::Level;
use crate::grants::Manifest;
use crate::ids::Digest;
use crate::sandbox::{self, Birth, Cell, Inspection, LogSink, Program, Sandbox};

/// Starts that are measured; the median is told.
const STARTS: usize = 21;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The component, a .wasm file; or sources, which are built first.
    #[arg(default_value = ".")]
    path: PathBuf,
    #[command(flatten)]
    how: How,
}

/// What trying it out showed.
struct Trial {
    compile: Duration,
    program_bytes: usize,
    start: Duration,
    /// Linear memory after the start, whether touched or not.
    memory_bytes: u64,
    /// What a live session takes of this machine after its start, its share in what the server keeps for it included;
    /// none where the system does not tell.
    own_bytes: Option<u64>,
}

pub(super) async fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let bytes = component(&args.path, &args.how)?;
    let config = sandbox::Config {
        max_live_sessions: STARTS as u32 + 1,
        ..sandbox::Config::default()
    };
    let began = Instant::now();
    let inspected = sandbox::inspect(&bytes, config.memory_mib);
    let (inspection, program) =
        inspected.map_err(|error| Failure::new(format!("{}: {error}", args.path.display())))?;
    let compile = began.elapsed();
    let manifest = super::inspect::asked(&bytes)
        .map_err(|why| Failure::new(format!("{}: {why}", args.path.display())))?;
    let trial = match program {
        Some(program) => {
            let memory_mib = manifest
                .0
                .memory_mib
                .map_or(config.memory_mib, NonZeroU32::get);
            Some(try_out(&program, compile, config, memory_mib).await?)
        }
        None => None,
    };
    if json {
        say_json(&bytes, &inspection, &manifest, trial.as_ref());
    } else {
        say_text(&bytes, &inspection, &manifest, trial.as_ref());
    }
    match &inspection.misfit {
        None => Ok(()),
        Some(misfit) => Err(Failure::new(format!("it does not fit: {misfit}"))),
    }
}

async fn try_out(
    compiled: &[u8],
    compile: Duration,
    config: sandbox::Config,
    memory_mib: u32,
) -> Result<Trial, Failure> {
    let failed = |error: &(dyn std::error::Error + 'static)| Failure::of(error);
    let mut file = tempfile::tempfile()
        .map_err(|error| Failure::new("cannot make a temporary file").because(&error))?;
    file.write_all(compiled)
        .map_err(|error| Failure::new("cannot write the compiled agent").because(&error))?;
    let sandbox = Sandbox::new(config).map_err(|error| failed(&error))?;
    let program = sandbox.load(&file).map_err(|error| failed(&error))?;
    // The first start pays for what all share.
    let first = start(&sandbox, &program, memory_mib).await?;
    let memory_bytes = first.memory_bytes();
    let before = private_bytes();
    let mut times = Vec::with_capacity(STARTS);
    let mut cells = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let began = Instant::now();
        cells.push(start(&sandbox, &program, memory_mib).await?);
        times.push(began.elapsed());
    }
    let after = private_bytes();
    let own_bytes = before
        .zip(after)
        .map(|(before, after)| after.saturating_sub(before) / STARTS as u64);
    times.sort();
    Ok(Trial {
        compile,
        program_bytes: compiled.len(),
        start: times[STARTS / 2],
        memory_bytes,
        own_bytes,
    })
}

/// Memory of this process that it shares with none.
fn private_bytes() -> Option<u64> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let line = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Private_Dirty:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

async fn start(sandbox: &Sandbox, program: &Program, memory_mib: u32) -> Result<Cell, Failure> {
    struct ToTheTerminal;
    impl LogSink for ToTheTerminal {
        fn write(&self, _: Level, message: &str) {
            super::tell(message);
        }
    }
    let log = Arc::new(ToTheTerminal);
    Cell::start_within(sandbox, program, memory_mib, log, &Birth::TRIAL)
        .await
        .map_err(|fault| Failure::new(format!("a trial start failed: {fault}")))
}

fn say_json(bytes: &[u8], inspection: &Inspection, manifest: &Manifest, trial: Option<&Trial>) {
    super::say(json!({
        "digest": Digest::of(bytes),
        "sizeBytes": bytes.len(),
        "imports": inspection.imports,
        "exports": inspection.exports,
        "misfit": inspection.misfit,
        "imageObstacles": inspection.obstacles,
        "asks": manifest.0,
        "compileMs": trial.map(|trial| trial.compile.as_millis()),
        "programBytes": trial.map(|trial| trial.program_bytes),
        "startUs": trial.map(|trial| trial.start.as_micros()),
        "memoryBytes": trial.map(|trial| trial.memory_bytes),
        "ownBytes": trial.and_then(|trial| trial.own_bytes),
    }));
}

fn say_text(bytes: &[u8], inspection: &Inspection, manifest: &Manifest, trial: Option<&Trial>) {
    let kib = |bytes: usize| bytes.div_ceil(1_024);
    super::inspect::say(bytes, inspection);
    super::grant::say_asked(manifest);
    let Some(trial) = trial else { return };
    super::say(format_args!(
        "compiled {} KiB in {} ms",
        kib(trial.program_bytes),
        trial.compile.as_millis()
    ));
    super::say(format_args!(
        "start    {} µs, the median of {STARTS}",
        trial.start.as_micros()
    ));
    let linear = trial.memory_bytes / 1_024;
    super::say(match trial.own_bytes {
        Some(own) => format!(
            "memory   {linear} KiB after the start; a live session takes {} KiB of this machine, the rest is shared",
            own / 1_024
        ),
        None => format!("memory   {linear} KiB after the start"),
    });
}
