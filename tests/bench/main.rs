//! Benchmarks: `cargo bench`, or `cargo bench -- WORD` for those whose name has the word in it.
//!
//! They print the machine, the commit and, for every figure that depends on the machine, a ratio to something else that
//! was measured in the same minutes, in turns. They assert nothing: they inform. All servers listen on loopback.

mod cells;
mod client;
mod cold_start;
mod durability;
mod echo;
mod hostile;
mod instantiate;
mod keys;
mod languages;
mod machine;
mod memory;
mod neighbours;
mod open_loop;
mod overload;
mod process;
mod python;
mod recovery;
mod safety;
mod server;
#[expect(
    dead_code,
    reason = "the tests use all of it, the benchmarks its default"
)]
#[path = "../stand_in/mod.rs"]
mod stand_in;
mod stats;
mod throughput;
mod wake;
#[expect(dead_code, reason = "the tests, which share it, use more of it")]
#[path = "../harness/wat.rs"]
mod wat;

use std::process::ExitCode;

use futures::FutureExt;
use futures::future::LocalBoxFuture;

/// Why a benchmark has no figures.
type Error = Box<dyn std::error::Error>;

type Run = fn() -> LocalBoxFuture<'static, Result<(), Error>>;

/// Every benchmark: its name, what it shows, and how it is run.
const BENCHMARKS: [(&str, &str, Run); 14] = [
    ("instantiate", "the life of a cell, in this process", || {
        instantiate::run().boxed_local()
    }),
    (
        "languages",
        "what a session costs in each language, in this process; after tests/guests",
        || languages::run().boxed_local(),
    ),
    (
        "wake",
        "cells that come back from their images, in this process, against fresh ones",
        || wake::run().boxed_local(),
    ),
    (
        "warm-turn",
        "turns of sessions that live, over HTTP, against a plain axum echo",
        || throughput::warm_turn().boxed_local(),
    ),
    (
        "new-session",
        "a new session for every request, over HTTP, against a plain axum echo",
        || throughput::new_session().boxed_local(),
    ),
    (
        "durability",
        "turns of sessions that survive, over HTTP, against such that do not",
        || durability::turns().boxed_local(),
    ),
    (
        "journal",
        "appends to the journal, in this process, against the database alone",
        || durability::appends().boxed_local(),
    ),
    (
        "recovery",
        "sessions that rest: their memory, and a restart after kill -9",
        || recovery::run().boxed_local(),
    ),
    (
        "keys",
        "refusals of keys that nobody has, over HTTP, against keys with a wrong signature",
        || keys::run().boxed_local(),
    ),
    ("memory", "private memory of idle sessions", || {
        memory::run().boxed_local()
    }),
    (
        "neighbours",
        "what sessions notice of others that do their worst",
        || neighbours::run().boxed_local(),
    ),
    ("overload", "more turns than the machine can take", || {
        overload::run().boxed_local()
    }),
    ("safety", "what safety costs", || {
        safety::run().boxed_local()
    }),
    (
        "cold-start",
        "from nothing to the first answer, against the AgentCore SDK for Python",
        || cold_start::run().boxed_local(),
    ),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    // Cargo itself says `--bench`; what else begins with a dash is meant for other harnesses.
    let filter = arguments.find(|argument| !argument.starts_with("--"));
    // One thread: the load generator must leave the machine to the servers.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system gives a runtime");
    if filter.as_deref() == Some(echo::COMMAND) {
        return outcome(echo::COMMAND, echo::serve());
    }
    machine::describe();
    let wanted = |name: &str| filter.as_deref().is_none_or(|filter| name.contains(filter));
    for (name, subject, run) in BENCHMARKS.iter().filter(|(name, ..)| wanted(name)) {
        println!("\n{name}: {subject}");
        if let Err(error) = runtime.block_on(run()) {
            println!("  no figures: {error}");
        }
    }
    ExitCode::SUCCESS
}

fn outcome(name: &str, result: Result<(), Error>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}
