//! The life of a cell, without HTTP and without a session: start, first call, second call, drop.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, pending};

use kellion_host::clock::Timestamp;
use kellion_host::contract::EventStream;
use kellion_host::contract::log::Level;
use kellion_host::contract::model::{Error as ModelError, Request, Response};
use kellion_host::contract::session::Budget;
use kellion_host::contract::types::Context;
use kellion_host::sandbox::{self, Birth, Capabilities, Cell, LogSink, Program, Sandbox, Seed};

use super::Error;
use super::stats::{Rounds, percentile};

const ROUNDS: usize = 9;
const CELLS: usize = 1_000;

/// What every cell's clock shows; the clock is the host's to move.
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// The moments of a cell's life, one sample for each cell, in microseconds.
#[derive(Debug, Default)]
struct Lives([Vec<f64>; 4]);

const MOMENTS: [&str; 4] = ["start", "first call", "warm call", "drop"];

pub(crate) async fn run() -> Result<(), Error> {
    let sandbox = Sandbox::new(sandbox::Config::default())?;
    let folder = tempfile::tempdir()?;
    let echo = program(&sandbox, env!("KELLION_ECHO_WASM"), folder.path())?;
    let tutorial = program(&sandbox, env!("KELLION_TUTORIAL_WASM"), folder.path())?;
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

fn program(sandbox: &Sandbox, component: &str, folder: &Path) -> Result<Program, Error> {
    let name = Path::new(component)
        .file_stem()
        .ok_or("a component has a name")?;
    let compiled = folder.join(name);
    let memory_mib = sandbox.config().memory_mib;
    std::fs::write(
        &compiled,
        sandbox::compile(&std::fs::read(component)?, memory_mib)?,
    )?;
    Ok(sandbox.load(&compiled)?)
}

async fn lives(sandbox: &Sandbox, program: &Program, together: usize) -> Result<Lives, Error> {
    let log: Arc<dyn LogSink> = Arc::new(Nothing);
    let mut lives = Lives::default();
    let mut living = Vec::with_capacity(together);
    let context = context();
    for _ in 0..CELLS {
        let [start, first, warm, drop] = &mut lives.0;
        let began = Instant::now();
        let birth = Birth {
            seed: Seed::random(),
            at: NOW,
        };
        let mut cell = Cell::start(sandbox, program, Arc::clone(&log), &birth).await?;
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

fn microseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e6
}

fn context() -> Context {
    Context {
        session_id: "00000000-0000-0000-0000-000000000001".to_owned(),
        request_id: "00000000-0000-0000-0000-000000000002".to_owned(),
        turn: 1,
        agent_name: "bench".to_owned(),
        agent_version: "1".to_owned(),
        endpoint: "DEFAULT".to_owned(),
        tenant_id: "000000000000".to_owned(),
        user_id: None,
        headers: Vec::new(),
        content_type: Some("application/json".to_owned()),
        accept: None,
        deadline_ms: None,
        traceparent: None,
    }
}

/// A turn that reaches nothing, and a log that nobody reads.
struct Nothing;

impl LogSink for Nothing {
    fn write(&self, _: Level, _: &str) {}
}

impl Capabilities for Nothing {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn sleep(&mut self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn converse(&mut self, _: Request) -> BoxFuture<'_, Result<Response, ModelError>> {
        pending().boxed()
    }

    fn converse_stream(&mut self, _: Request) -> BoxFuture<'_, Result<EventStream, ModelError>> {
        pending().boxed()
    }

    fn count_tokens(&mut self, _: Request) -> BoxFuture<'_, Result<u64, ModelError>> {
        pending().boxed()
    }

    fn invoke_model(
        &mut self,
        _: String,
        _: Vec<u8>,
    ) -> BoxFuture<'_, Result<Vec<u8>, ModelError>> {
        pending().boxed()
    }

    fn set_content_type(&mut self, _: String) {}

    fn write(&mut self, _: Bytes) -> BoxFuture<'_, bool> {
        std::future::ready(true).boxed()
    }

    fn config(&self, _: &str) -> Option<String> {
        None
    }

    fn remaining(&self) -> Budget {
        Budget {
            tokens: None,
            money_micros: None,
        }
    }
}
