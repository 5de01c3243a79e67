//! The life of a cell, without HTTP and without a session: start, first call, second call, drop.

use std::sync::Arc;
use std::time::Instant;

use kellion_host::sandbox::{self, Cell, LogSink, Program, Sandbox};

use super::Error;
use super::cells::{self, NOW, Nothing, birth, context, microseconds};
use super::stats::{Rounds, percentile};

const ROUNDS: usize = 9;
const CELLS: usize = 1_000;

/// The moments of a cell's life, one sample for each cell, in microseconds.
#[derive(Debug, Default)]
struct Lives([Vec<f64>; 4]);

const MOMENTS: [&str; 4] = ["start", "first call", "warm call", "drop"];

pub(crate) async fn run() -> Result<(), Error> {
    let sandbox = Sandbox::new(sandbox::Config::default())?;
    let echo = cells::program(&sandbox, &cells::read(env!("KELLION_ECHO_WASM"))?)?;
    let tutorial = cells::program(&sandbox, &cells::read(env!("KELLION_TUTORIAL_WASM"))?)?;
    println!("  µs, p50 and p99 of {CELLS} cells; median (least–most) of {ROUNDS} rounds");
    // A slot that was used lately is warm; one more live session takes one that was not, or not lately.
    let variants = [
        ("echo, one cell after another", &echo, 1),
        ("echo, 1,000 cells together", &echo, CELLS),
        ("tutorial, one cell after another", &tutorial, 1),
    ];
    let mut rounds: Vec<Vec<Lives>> = variants.iter().map(|_| Vec::new()).collect();
    for round in 0..=ROUNDS {
        for ((_, program, together), rounds) in variants.iter().zip(&mut rounds) {
            let lives = lives(&sandbox, program, *together).await?;
            if round > 0 {
                rounds.push(lives);
            }
        }
    }
    for ((name, ..), rounds) in variants.iter().zip(&mut rounds) {
        println!("  {name}");
        for (index, moment) in MOMENTS.iter().enumerate() {
            let mut of = |per_cent| -> Rounds {
                let samples = rounds.iter_mut().map(|lives| &mut lives.0[index]);
                samples
                    .map(|samples| percentile(samples, per_cent))
                    .collect()
            };
            println!("    {moment:10}  p50 {:.1}  p99 {:.1}", of(50.0), of(99.0));
        }
    }
    Ok(())
}

async fn lives(sandbox: &Sandbox, program: &Program, together: usize) -> Result<Lives, Error> {
    let log: Arc<dyn LogSink> = Arc::new(Nothing);
    let mut lives = Lives::default();
    let mut living = Vec::with_capacity(together);
    let context = context();
    for _ in 0..CELLS {
        let [start, first, warm, drop] = &mut lives.0;
        let began = Instant::now();
        let mut cell = Cell::start(sandbox, program, Arc::clone(&log), &birth()).await?;
        start.push(microseconds(began));
        for samples in [first, warm] {
            let began = Instant::now();
            // What the agent thinks of the payload does not matter here.
            let _ = cell
                .invoke(&[b' '; 1_024], &context, NOW, Box::new(Nothing))
                .await?;
            samples.push(microseconds(began));
        }
        living.push(cell);
        if living.len() == together {
            for cell in living.drain(..) {
                let began = Instant::now();
                std::mem::drop(cell);
                drop.push(microseconds(began));
            }
        }
    }
    Ok(lives)
}
