//! What a session costs in each language: the conformance agent, in this process, without HTTP and without a journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use kellion_host::sandbox::{self, Cell, Image, LogSink, Program, Sandbox};

use super::Error;
use super::cells::{self, NOW, Nothing, birth, context, microseconds};
use super::stats::percentile;

/// Cells that live together.
const CELLS: usize = 40;

/// Warm calls of each of them.
const CALLS: usize = 20;

/// What `tests/guests` leaves, by language.
const PROBES: [(&str, &str); 5] = [
    ("Rust", "probe"),
    ("C", "probe-c"),
    ("Go", "probe-go"),
    ("TypeScript", "probe-typescript"),
    ("Python", "probe-python"),
];

/// The same of agents on the packages that AgentCore's authors use.
const AGENTCORE: [(&str, &str); 3] = [
    ("TypeScript, Strands", "strands-typescript-assistant"),
    ("Python, AgentCore", "agentcore-python-plain"),
    ("Python, Strands", "agentcore-python-tutorial"),
];

pub(crate) async fn run() -> Result<(), Error> {
    println!(
        "  {:20} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8}",
        "", "component", "compile", "program", "start", "first", "warm", "live", "image", "wake"
    );
    println!(
        "  {:20} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8}",
        "", "KiB", "ms", "KiB", "p50 µs", "p50 µs", "p50 µs", "KiB", "KiB", "p50 µs"
    );
    for (language, guest) in PROBES.into_iter().chain(AGENTCORE) {
        match line(&built(guest)).await {
            Ok(line) => println!("  {language:20} {line}"),
            Err(error) => println!("  {language:20} no figures: {error}"),
        }
    }
    Ok(())
}

fn built(guest: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.join(format!(".tools/guests/{guest}.wasm"))
}

async fn line(file: &Path) -> Result<String, Error> {
    let component = std::fs::read(file)?;
    let config = sandbox::Config {
        max_live_sessions: 200,
        ..sandbox::Config::default()
    };
    let began = Instant::now();
    let program_bytes = sandbox::compile(&component, config.memory_mib)?.len();
    let compile_ms = began.elapsed().as_millis();
    let sandbox = Sandbox::new(config)?;
    let program = cells::program(&sandbox, &component)?;

    let [mut start, mut first, mut warm, mut wake] = [const { Vec::new() }; 4];
    // What all sessions share is paid by one that is not counted.
    let mut paying = begin(&sandbox, &program, &mut Vec::new()).await?;
    turn(&mut paying).await?;
    let before = private_kib()?;
    let mut living = Vec::with_capacity(CELLS);
    for _ in 0..CELLS {
        let mut cell = begin(&sandbox, &program, &mut start).await?;
        timed(&mut cell, &mut first).await?;
        for _ in 0..CALLS {
            timed(&mut cell, &mut warm).await?;
        }
        living.push(cell);
    }
    let live_kib = private_kib()?.saturating_sub(before) / CELLS as u64;
    let mut image_bytes = 0;
    let mut image = None;
    for mut cell in living {
        let captured = cell.capture().await?.encode();
        image_bytes = captured.len();
        image = Some(captured);
    }
    let image = Image::decode(&image.ok_or("there is no cell")?)?;
    for _ in 0..CELLS {
        let began = Instant::now();
        let mut cell = Cell::restore(&sandbox, &program, log(), &image).await?;
        turn(&mut cell).await?;
        wake.push(microseconds(began));
    }
    let of = |samples: &mut Vec<f64>| percentile(samples, 50.0);
    Ok(format!(
        "{:>9} {compile_ms:>9} {:>9} {:>8.1} {:>8.1} {:>8.1} {live_kib:>9} {:>9} {:>8.1}",
        component.len() / 1_024,
        program_bytes / 1_024,
        of(&mut start),
        of(&mut first),
        of(&mut warm),
        image_bytes / 1_024,
        of(&mut wake),
    ))
}

fn log() -> Arc<dyn LogSink> {
    Arc::new(Nothing)
}

async fn begin(sandbox: &Sandbox, program: &Program, times: &mut Vec<f64>) -> Result<Cell, Error> {
    let began = Instant::now();
    let cell = Cell::start(sandbox, program, log(), &birth()).await?;
    times.push(microseconds(began));
    Ok(cell)
}

async fn timed(cell: &mut Cell, times: &mut Vec<f64>) -> Result<(), Error> {
    let began = Instant::now();
    turn(cell).await?;
    times.push(microseconds(began));
    Ok(())
}

/// The probes count; what another agent thinks of this does not matter here.
async fn turn(cell: &mut Cell) -> Result<(), Error> {
    let payload = br#"{"do": "count"}"#;
    let _ = cell
        .invoke(payload, &context(), NOW, Box::new(Nothing))
        .await?;
    Ok(())
}

/// Memory of this process that it shares with none.
fn private_kib() -> Result<u64, Error> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Private_Dirty:"));
    let line = line.ok_or("the system does not tell")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}
