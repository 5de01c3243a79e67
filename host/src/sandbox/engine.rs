//! The engine: how cells are allocated, and the programs that run in them.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Deserialize;
use wasmtime::component::{Component, HasSelf, Instance, InstancePre, Linker};
use wasmtime::{Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::p2::bindings::{cli, clocks, io, random, sockets};

use super::cell::State;
use super::compatibility::compatibility;
use super::image::Imaging;
use super::limits::{CORE_INSTANCES, MEMORIES, ONE_TABLE, TABLES};
use super::room::{Group, Room};
use crate::contract::{Agent, AgentIndices};
use crate::workers::Workers;

/// How often running guests are looked at: a spinning guest yields its thread, and is charged, this often.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// How deep the guest's calls may nest, in bytes of stack. Interpreters nest deep: 5,000 nested lists in JSON take CPython
/// 1.9 MiB. What is not used costs address space alone; the rest of the stack is for what the guest calls.
pub(super) const WASM_STACK: usize = 2 << 20;

/// What cells may use. `[sandbox]` in the configuration file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Live sessions at one time. Each needs four memory mappings, so the kernel's `vm.max_map_count` bounds it
    /// (65,530 by default, good for the default of 10,000 sessions); a larger number is clamped, and said in the log. Each
    /// account leaves room for others: it has three times what is free at most.
    pub max_live_sessions: u32,
    /// Linear memory of one session, all its memories together, in MiB. 256 by default: room for the largest payload
    /// (100 MB) and the agent beside it.
    pub memory_mib: u32,
    /// CPU time of one turn, in milliseconds. 60,000 by default; waiting for a model costs none.
    pub turn_cpu_ms: u64,
    /// What one turn may ask of the host, counted in calls of the cheapest kind, such as a look at the clock: a call costs
    /// one more for each KiB that it carries, and 1,000 when the journal records it, as it does model calls. 10,000,000 by
    /// default, seconds of doing nothing else; a turn that asks for more ends with an error. What the turns of a session
    /// asked for before this was changed is not counted again.
    pub turn_host_calls: u64,
    /// What one turn may send to its caller, in MiB: pieces, each of which costs 64 bytes more than it has, and what the
    /// agent returns. 96 by default, AgentCore's own quota of 100 MB; a turn that sends more ends with an error.
    pub turn_output_mib: u32,
    /// What one turn may log and print, in KiB; each entry costs 64 bytes more than it has. 1,024 by default; what a turn
    /// logs beyond that is dropped, and the last entry says how many lines were.
    pub turn_log_kib: u32,
    /// Memory of the whole server, in MiB, above which no session starts (429), and turns of the largest sessions of the
    /// account that holds most are given up. By default nine tenths of what the machine or its container has. To be above
    /// `memory_mib` in `[sessions]`, where idle sessions begin to leave memory. Of this, too, each account has three times
    /// what is free at most when a session of it starts.
    pub server_memory_mib: Option<u64>,
    /// Bytes that one call may hand from the agent to the server, in MiB: an answer, a chunk, a model request.
    /// 16 by default, because the server must hold them in its own memory.
    pub transfer_mib: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_live_sessions: 10_000,
            memory_mib: 256,
            turn_cpu_ms: 60_000,
            turn_host_calls: 10_000_000,
            turn_output_mib: 96,
            turn_log_kib: 1_024,
            server_memory_mib: None,
            transfer_mib: 16,
        }
    }
}

/// The sandbox cannot be had, or a program cannot be loaded into it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine refused its configuration, or the machine has too little address space for it.
    #[error(
        "cannot reserve room for {max_live_sessions} live sessions of {memory_mib} MiB; lower sandbox.max_live_sessions \
         or sandbox.memory_mib"
    )]
    Engine {
        /// The number of sessions asked for.
        max_live_sessions: u32,
        /// The memory of each.
        memory_mib: u32,
        /// What the engine said.
        #[source]
        source: wasmtime::Error,
    },
    /// The machine gives no threads.
    #[error("cannot start the threads that guests need")]
    Threads(#[source] std::io::Error),
    /// A compiled program is damaged, or was made by another version or configuration of the server.
    #[error("cannot load a compiled program")]
    Load(#[source] wasmtime::Error),
    /// It needs more than any session has. In words for its author.
    #[error("{0}")]
    Unfit(String),
}

/// The process's one engine, the thread that ticks for it, and those where guests compute for long.
pub struct Sandbox {
    engine: Engine,
    linker: Linker<State>,
    config: Config,
    compatibility: [u8; 32],
    room: Arc<Room>,
    /// Of programs that are in no other.
    whole: Arc<Group>,
    running: Arc<AtomicBool>,
    workers: Arc<Workers>,
}

/// Where a process finds what its descriptors are open on, whatever has become of the names.
const DESCRIPTORS: &str = if cfg!(target_os = "linux") {
    "/proc/self/fd"
} else {
    "/dev/fd"
};

/// A compiled agent, ready to start cells. Cheap to clone.
#[derive(Clone)]
pub struct Program {
    loaded: Arc<Loaded>,
    group: Arc<Group>,
}

struct Loaded {
    pre: InstancePre<State>,
    agent: AgentIndices,
    imaging: Option<Imaging>,
    /// A cell began since somebody asked.
    started: AtomicBool,
}

impl Program {
    fn new(pre: InstancePre<State>, group: Arc<Group>) -> wasmtime::Result<Self> {
        let loaded = Arc::new(Loaded {
            agent: AgentIndices::new(&pre)?,
            imaging: Imaging::of(&pre),
            pre,
            started: AtomicBool::new(true),
        });
        Ok(Self { loaded, group })
    }

    /// The same program, with cells that count together with the others of this group.
    #[must_use]
    pub fn in_group(self, group: Arc<Group>) -> Self {
        Self { group, ..self }
    }

    /// Whether cells of this program can be captured; `kellion inspect` says why not.
    pub fn is_imageable(&self) -> bool {
        self.loaded.imaging.is_some()
    }

    /// Whether it was loaded, or a cell of it began, since this was asked last.
    pub fn was_started(&self) -> bool {
        self.loaded.started.swap(false, Ordering::Relaxed)
    }

    /// Notes that a cell begins. No write where all know it already: cells begin on every processor.
    pub(super) fn starts(&self) {
        if !self.loaded.started.load(Ordering::Relaxed) {
            self.loaded.started.store(true, Ordering::Relaxed);
        }
    }

    /// How many have it.
    pub fn holders(&self) -> usize {
        Arc::strong_count(&self.loaded)
    }

    pub(super) fn pre(&self) -> &InstancePre<State> {
        &self.loaded.pre
    }

    /// With which others its cells count.
    pub(super) fn group(&self) -> &Arc<Group> {
        &self.group
    }

    /// The exports of one of its instances.
    pub(super) fn agent(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
    ) -> wasmtime::Result<Agent> {
        self.loaded.agent.load(store, instance)
    }

    pub(super) fn imaging(&self) -> Option<&Imaging> {
        self.loaded.imaging.as_ref()
    }
}

impl Sandbox {
    /// Reserves the address space and starts the threads.
    pub fn new(mut config: Config) -> Result<Self, Error> {
        config.max_live_sessions = clamp_to_mappings(config.max_live_sessions);
        let failed = |source| Error::Engine {
            max_live_sessions: config.max_live_sessions,
            memory_mib: config.memory_mib,
            source,
        };
        let engine = Engine::new(&serving(&config)).map_err(failed)?;
        let linker = linker(&engine).map_err(failed)?;
        super::image::pages::prepare();
        let compatibility = compatibility(&engine, config.memory_mib).map_err(failed)?;
        let running = Arc::new(AtomicBool::new(true));
        let room = Arc::new(Room::new(
            config.max_live_sessions,
            config.server_memory_mib,
        ));
        let workers = Arc::new(Workers::start().map_err(Error::Threads)?);
        let ticks = (Arc::clone(&room), Arc::downgrade(&workers));
        tick(&engine, ticks, Arc::clone(&running)).map_err(Error::Threads)?;
        Ok(Self {
            engine,
            linker,
            config,
            compatibility,
            whole: room.whole(),
            room,
            running,
            workers,
        })
    }

    /// Stands for all that compiled programs depend on beside their components: the engine's version and settings, the
    /// memory limit, and the processor. Programs of another value are to be compiled again.
    pub fn compatibility(&self) -> &[u8; 32] {
        &self.compatibility
    }

    /// Loads a program that [`compile`](super::compile) made. Blocks on the disk, for milliseconds when large. What the
    /// descriptor is open on is mapped, whatever its name is or has become.
    ///
    /// The file must be one that this program compiled, and nobody may write to it as long as it is loaded: a compiled
    /// program is machine code, and is trusted as such.
    pub fn load(&self, compiled: &File) -> Result<Program, Error> {
        let compiled = format!("{DESCRIPTORS}/{}", compiled.as_raw_fd());
        #[expect(
            unsafe_code,
            reason = "the one place where compiled programs enter the process"
        )]
        // SAFETY: the path leads to what a descriptor of the caller is open on, and to nothing else as long as that is
        // borrowed. In the serving process the caller is `agents::builder` alone. It has its files from `agents::programs`:
        // each holds what the server's own compile child wrote, as a keyed hash said of this descriptor, for this edition
        // of the compiler and these settings of the engine; only the server's user may write to it, and it has no other
        // name. `kellion check`, a process of its own, loads what it compiled itself a moment before. The engine checks
        // version and settings again.
        let component = unsafe { Component::deserialize_file(&self.engine, compiled) }
            .map_err(|error| self.not_loaded(error))?;
        component
            .initialize_copy_on_write_image()
            .map_err(Error::Load)?;
        let pre = self
            .linker
            .instantiate_pre(&component)
            .map_err(Error::Load)?;
        Program::new(pre, Arc::clone(&self.whole)).map_err(Error::Load)
    }

    /// What does not fit into the pool is told by the engine in words of its own configuration.
    fn not_loaded(&self, error: wasmtime::Error) -> Error {
        let memory_mib = self.config.memory_mib;
        // In this order: the first words stand in the same message as the second.
        let causes = [
            (
                "defined memories count",
                "one of the agent's core modules has more than one memory".to_owned(),
            ),
            (
                "module memory does not fit",
                format!("the agent needs more than {memory_mib} MiB of memory"),
            ),
            (
                "defined tables count",
                "one of the agent's core modules has more than one table".to_owned(),
            ),
            (
                "module table does not fit",
                format!("the agent needs more than {ONE_TABLE} elements in one table"),
            ),
            (
                "core module instances, which",
                format!("the agent has more than {CORE_INSTANCES} instances of core modules"),
            ),
            (
                "Wasm linear memories, which",
                format!("the agent has more than {MEMORIES} memories"),
            ),
            (
                "tables, which",
                format!("the agent has more than {TABLES} tables"),
            ),
            (
                "instance allocation for this",
                "the agent has more functions, globals and types than one instance has room for"
                    .to_owned(),
            ),
        ];
        let told = format!("{error:#}");
        let known = causes.into_iter().find(|(words, _)| told.contains(words));
        known.map_or(Error::Load(error), |(_, unfit)| Error::Unfit(unfit))
    }

    /// The group that is called so: its cells together leave room for those of others. Whoever is in none, as programs are
    /// at first, may have all.
    pub fn group(&self, name: &str) -> Arc<Group> {
        self.room.group(name)
    }

    /// Whether the server holds more memory than it may, as of the last look.
    pub fn is_short_of_memory(&self) -> bool {
        self.room.is_short()
    }

    /// Where cells should be started and invoked, so that one that computes for long is in nobody's way.
    pub fn workers(&self) -> &Arc<Workers> {
        &self.workers
    }

    /// The configuration in force, clamped to what the machine has.
    pub fn config(&self) -> &Config {
        &self.config
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.running.store(false, Ordering::Relaxed);
    }
}

/// The server's memory is looked at so often, in ticks.
const LOOK: u32 = 5;

/// Epochs are ticked by a thread of their own: a task could be kept from running by the very guests it must interrupt. So
/// could one that watches their memory.
fn tick(
    engine: &Engine,
    (room, workers): (Arc<Room>, Weak<Workers>),
    running: Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<()>> {
    let engine = engine.weak();
    let ticker = std::thread::Builder::new().name("ticks".to_owned());
    ticker.spawn(move || {
        let mut ticks: u32 = 0;
        while running.load(Ordering::Relaxed) {
            std::thread::sleep(TICK);
            ticks = ticks.wrapping_add(1);
            // Without ticks no guest is ever interrupted: nothing that goes wrong here may end them.
            if ticks.is_multiple_of(LOOK) && catch_unwind(AssertUnwindSafe(|| room.look())).is_err()
            {
                tracing::error!("looking at the memory of all guests ended in a panic");
            }
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => break,
            }
            if let Some(workers) = workers.upgrade() {
                workers.tick();
            }
        }
    })
}

/// Everything that an agent can reach. WASI is linked whole, because toolchains import more than they use, and inert:
/// no directory, no network, no environment. Chance and time, which are all that is left of it, are the cell's own; so
/// are the functions that give handles, of which the cell keeps account.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    fn own(state: &mut State) -> &mut State {
        state
    }
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    linker.allow_shadowing(true);
    cli::stdin::add_to_linker::<_, HasSelf<_>>(&mut linker, own)?;
    cli::stdout::add_to_linker::<_, HasSelf<_>>(&mut linker, own)?;
    cli::stderr::add_to_linker::<_, HasSelf<_>>(&mut linker, own)?;
    clocks::wall_clock::add_to_linker::<_, HasSelf<_>>(&mut linker, own)?;
    clocks::monotonic_clock::add_to_linker::<_, HasSelf<_>>(&mut linker, own)?;
    io::poll::add_to_linker::<_, HasSelf<_>>(&mut linker, own)?;
    io::streams::add_to_linker::<_, HasSelf<_>>(&mut linker, own)?;
    random::random::add_to_linker::<_, HasSelf<_>>(&mut linker, own)?;
    random::insecure::add_to_linker::<_, HasSelf<_>>(&mut linker, own)?;
    random::insecure_seed::add_to_linker::<_, HasSelf<_>>(&mut linker, own)?;
    sockets::instance_network::add_to_linker::<_, HasSelf<_>>(&mut linker, own)?;
    let stable = sockets::network::LinkOptions::default();
    sockets::network::add_to_linker::<_, HasSelf<_>>(&mut linker, &stable, own)?;
    linker.allow_shadowing(false);
    Agent::add_to_linker::<_, HasSelf<_>>(&mut linker, own)?;
    Ok(linker)
}

/// As many sessions as memory mappings allow: two for each stack at start, four more for each live session.
fn clamp_to_mappings(wanted: u32) -> u32 {
    const FOR_THE_REST_OF_THE_PROCESS: u32 = 4_000;
    let mappings: u32 = std::fs::read_to_string("/proc/sys/vm/max_map_count")
        .ok()
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or(65_530);
    let possible = mappings.saturating_sub(FOR_THE_REST_OF_THE_PROCESS) / 6;
    if wanted > possible {
        tracing::warn!(
            wanted,
            possible,
            "sandbox.max_live_sessions is clamped: raise vm.max_map_count for more live sessions"
        );
    }
    wanted.min(possible)
}

/// What decides the machine code, and so must be the same in the compile child and in the serving process.
pub(super) fn shared(memory_mib: u32) -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config
        // The component model's own concurrency is off: warm calls cost half, and a quiet instance has no pending tasks.
        .concurrency_support(false)
        .epoch_interruption(true)
        .relaxed_simd_deterministic(true)
        .memory_reservation(u64::from(memory_mib) << 20)
        .async_stack_size(4 << 20)
        .max_wasm_stack(WASM_STACK)
        .async_stack_zeroing(true)
        // An agent's debug info is a stranger's data; nothing here parses it.
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable)
        .native_unwind_info(false)
        .generate_address_map(false)
        .memory_guaranteed_dense_image_size(0)
        .gc_support(false)
        .shared_memory(false);
    proposals(&mut config);
    config
}

/// Only what the toolchains of our five languages emit; every proposal more is surface for strangers.
fn proposals(config: &mut wasmtime::Config) {
    config
        .wasm_simd(true)
        .wasm_bulk_memory(true)
        .wasm_multi_value(true)
        .wasm_extended_const(true)
        .wasm_tail_call(true)
        .wasm_shared_everything_threads(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_gc(false)
        .wasm_stack_switching(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_component_model_error_context(false)
        .wasm_component_model_gc(false)
        .wasm_component_model_map(false)
        .wasm_component_model_memory64(false)
        .wasm_component_model_fixed_length_lists(false);
}

/// The serving engine: no compiler, and every instance from a pool.
fn serving(config: &Config) -> wasmtime::Config {
    let sessions = config.max_live_sessions;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(sessions)
        .total_memories(sessions + sessions / 8)
        // A store keeps its last stack: as many as live sessions, not as many as running calls.
        .total_stacks(sessions)
        // As many as the sessions of an interpreter need, if all were such: instances that are not there cost nothing, and
        // tables that are not there cost address space alone. So one pool serves every language.
        .total_core_instances(sessions.saturating_mul(CORE_INSTANCES))
        .total_tables(sessions.saturating_mul(TABLES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_memory_size((config.memory_mib as usize) << 20)
        .table_elements(ONE_TABLE)
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(16 << 10)
        // A turn of a Rust agent touches two or three pages; zeroing them costs less than faulting them in again.
        .async_stack_keep_resident(16 << 10)
        .pagemap_scan(Enabled::Auto)
        .max_unused_warm_slots(100);
    let mut engine = shared(config.memory_mib);
    engine
        .enable_compiler(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    engine
}
