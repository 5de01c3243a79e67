//! Images: how long a cell takes to be captured and to come back, and what it costs a component that it can be imaged.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use kellion_host::sandbox::{self, Cell, Image, LogSink, Program, Sandbox};

use super::Error;
use super::cells::{self, NOW, Nothing, birth, context, microseconds};
use super::stats::{Rounds, percentile};

const ROUNDS: usize = 9;

/// What the agent has written, in KiB, and how many cells are woken in each round.
const SIZES: [(usize, usize); 3] = [(64, 300), (1_024, 100), (16_384, 20)];

/// The moments of an image's life, one sample for each cell, in microseconds.
const MOMENTS: [&str; 6] = [
    "capture",
    "encode",
    "wake, from bytes",
    "wake, from a file",
    "of it, decode",
    "start + first call",
];

/// The cells whose cost is compared in each round.
const CELLS: usize = 1_000;

pub(crate) async fn run() -> Result<(), Error> {
    let sandbox = Sandbox::new(sandbox::Config::default())?;
    let component = cells::read(env!("KELLION_PROBE_WASM"))?;
    let program = cells::program(&sandbox, &component)?;
    let folder = tempfile::tempdir()?;
    println!(
        "  µs, p50 and p99; median (least–most) of {ROUNDS} rounds; a wake is a restore and a first call"
    );
    for (kib, count) in SIZES {
        let image = image(&sandbox, &program, kib).await?;
        println!("  {kib} KiB written, an image of {} bytes", image.len());
        let file = folder.path().join(kib.to_string());
        std::fs::write(&file, &image)?;
        let mut rounds = Vec::new();
        for round in 0..=ROUNDS {
            let moments = moments(&sandbox, &program, &image, &file, count).await?;
            if round > 0 {
                rounds.push(moments);
            }
        }
        for (index, moment) in MOMENTS.iter().enumerate() {
            let mut of = |per_cent| -> Rounds {
                let samples = rounds.iter_mut().map(|moments| &mut moments[index]);
                samples
                    .map(|samples| percentile(samples, per_cent))
                    .collect()
            };
            println!("    {moment:18}  p50 {:.1}  p99 {:.1}", of(50.0), of(99.0));
        }
    }
    cost(&sandbox, &component, &program).await
}

fn log() -> Arc<dyn LogSink> {
    Arc::new(Nothing)
}

async fn turn(cell: &mut Cell, payload: &str) -> Result<(), Error> {
    let context = context();
    let answer = cell.invoke(payload.as_bytes(), &context, NOW, Box::new(Nothing));
    answer.await?.map_err(|error| format!("{error:?}"))?;
    Ok(())
}

const ECHO: &str = r#"{"do": "echo", "value": 1}"#;

/// The image of a session that has written so much.
async fn image(sandbox: &Sandbox, program: &Program, kib: usize) -> Result<Bytes, Error> {
    let mut cell = Cell::start(sandbox, program, log(), &birth()).await?;
    turn(&mut cell, &format!(r#"{{"do": "keep", "kib": {kib}}}"#)).await?;
    Ok(cell.capture().await?.encode())
}

async fn moments(
    sandbox: &Sandbox,
    program: &Program,
    image: &Bytes,
    file: &Path,
    count: usize,
) -> Result<[Vec<f64>; 6], Error> {
    let mut moments: [Vec<f64>; 6] = Default::default();
    let [capture, encode, from_bytes, from_file, decode, fresh] = &mut moments;
    for _ in 0..count {
        let began = Instant::now();
        let decoded = Image::decode(image)?;
        decode.push(microseconds(began));
        let mut cell = Cell::restore(sandbox, program, log(), &decoded).await?;
        turn(&mut cell, ECHO).await?;
        from_bytes.push(microseconds(began));

        let began = Instant::now();
        let captured = cell.capture().await?;
        capture.push(microseconds(began));
        let began = Instant::now();
        drop(captured.encode());
        encode.push(microseconds(began));
        drop(cell);

        let began = Instant::now();
        let decoded = Image::decode(&Bytes::from(std::fs::read(file)?))?;
        let mut cell = Cell::restore(sandbox, program, log(), &decoded).await?;
        turn(&mut cell, ECHO).await?;
        from_file.push(microseconds(began));
        drop(cell);

        let began = Instant::now();
        let mut cell = Cell::start(sandbox, program, log(), &birth()).await?;
        turn(&mut cell, ECHO).await?;
        fresh.push(microseconds(began));
    }
    Ok(moments)
}

/// The section of a component that holds a component with an empty core module: no image can hold such, so the rest is
/// compiled as it is.
const OBSTACLE: &[u8] = b"\x04\x12\0asm\x0d\0\x01\0\x01\x08\0asm\x01\0\0\0";

/// What a start and a warm call cost with the accessor, as ratios to the same component without it.
async fn cost(sandbox: &Sandbox, component: &[u8], imageable: &Program) -> Result<(), Error> {
    let plain = cells::program(sandbox, &[component, OBSTACLE].concat())?;
    if plain.is_imageable() || !imageable.is_imageable() {
        return Err("there is nothing to compare".into());
    }
    let mut ratios = [Rounds::new(), Rounds::new()];
    for round in 0..=ROUNDS {
        let with = starts_and_calls(sandbox, imageable).await?;
        let without = starts_and_calls(sandbox, &plain).await?;
        if round > 0 {
            for (ratio, (with, without)) in ratios.iter_mut().zip(with.into_iter().zip(without)) {
                ratio.push(with / without);
            }
        }
    }
    let [start, call] = ratios;
    println!("  imageable / plain, of p50: start {start:.3}, warm call {call:.3}");
    Ok(())
}

async fn starts_and_calls(sandbox: &Sandbox, program: &Program) -> Result<[f64; 2], Error> {
    let [mut starts, mut calls] = [const { Vec::new() }; 2];
    for _ in 0..CELLS {
        let began = Instant::now();
        let mut cell = Cell::start(sandbox, program, log(), &birth()).await?;
        starts.push(microseconds(began));
        turn(&mut cell, ECHO).await?;
        let began = Instant::now();
        turn(&mut cell, ECHO).await?;
        calls.push(microseconds(began));
    }
    Ok([percentile(&mut starts, 50.0), percentile(&mut calls, 50.0)])
}
