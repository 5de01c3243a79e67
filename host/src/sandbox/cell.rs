//! One cell: a store, the instance in it, and the calls into it.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::component::{Instance, ResourceTable, ResourceTableError};
use wasmtime::{Store, Trap, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::capabilities::{Capabilities, LogSink};
use super::clocks::VirtualClock;
use super::engine::{Config, Program, Sandbox, TICK};
use super::handles::{HandleTable, MAX_HANDLES};
use super::limits::{CpuBudget, CpuTimeUsedUp, MemoryGauge, MemoryLimit};
use super::random::{Chance, Seed};
use super::spending::{CallsUsedUp, OutputUsedUp, Spending};
use super::stdio::{Printer, Prints};
use crate::clock::Timestamp;
use crate::contract::Agent;
use crate::contract::log::Level;
use crate::contract::types::{AgentError, Context};
use crate::workers;

/// All that makes one cell of a program differ from another, until their turns do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Birth {
    /// Of its random numbers.
    pub seed: Seed,
    /// What its clock shows first.
    pub at: Timestamp,
}

impl Birth {
    /// For cells that serve nobody. Not at time zero, which some languages take for a broken clock.
    pub const TRIAL: Birth = Birth {
        seed: Seed::from_bytes([0; 32]),
        at: Timestamp::from_millis(1_767_225_600_000),
    };
}

/// Why a cell could not be started, or had to be thrown away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The agent's code stopped in a way that it cannot go on from: a panic, an access out of bounds…
    #[error("the agent trapped: {0}")]
    Trapped(String),
    /// The turn computed for too long.
    #[error("the agent used more than {limit_ms} ms of CPU time in one turn")]
    CpuTime {
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
    /// The turn asked for more of the host than it may.
    #[error("the agent made more than {limit} calls of the host in one turn")]
    HostCalls {
        /// The limit, in calls of the cheapest kind.
        limit: u64,
    },
    /// The turn sent more to its caller than it may.
    #[error("the agent sent more than {limit_mib} MiB in one turn")]
    Output {
        /// The limit, in MiB.
        limit_mib: u32,
    },
    /// The agent opened more than it may have open.
    #[error("the agent has more than {limit} handles open")]
    Handles {
        /// The limit.
        limit: usize,
    },
    /// The agent wanted more memory than a session may have, and could not do without.
    #[error("the agent needs more than {limit_mib} MiB of memory")]
    Memory {
        /// The limit, in MiB.
        limit_mib: u32,
    },
    /// The agent handed over more in one call than the server takes.
    #[error("the agent handed over more than {limit_mib} MiB in one call")]
    Transfer {
        /// The limit, in MiB.
        limit_mib: u32,
    },
    /// The machine could not give the memory that the agent may have.
    #[error("the machine has no memory left; try again later")]
    Exhausted,
    /// Every slot for a live session is taken.
    #[error("all {max_live_sessions} live sessions are in use; try again later")]
    Full {
        /// The number of slots.
        max_live_sessions: u32,
    },
}

/// The state of a store: what the host keeps for one cell.
pub(super) struct State {
    wasi: WasiCtx,
    pub(super) table: ResourceTable,
    pub(super) turn: Option<Box<dyn Capabilities>>,
    pub(super) prints: Prints,
    pub(super) clock: VirtualClock,
    /// The deadlines of the guest's timers, by their pollables.
    pub(super) timers: BTreeMap<u32, u64>,
    pub(super) handles: HandleTable,
    /// How many of the handles are streams of models.
    pub(super) streams: u32,
    pub(super) spending: Spending,
    pub(super) chance: Chance,
    memory: MemoryLimit,
    cpu: CpuBudget,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// A live instance. After a [`Fault`], or when a call's future was dropped, it must not be used again.
pub struct Cell {
    pub(super) store: Store<State>,
    pub(super) instance: Instance,
    pub(super) program: Program,
    pub(super) limits: Config,
    /// Of each turn; at most what the limits say.
    turn_cpu_ms: u64,
    /// Whether turns are bounded in what they ask of the host.
    bounded: bool,
    agent: Agent,
    prints: Prints,
}

impl Cell {
    /// Starts an instance of a program. Microseconds for a Rust agent.
    pub async fn start(
        sandbox: &Sandbox,
        program: &Program,
        log: Arc<dyn LogSink>,
        birth: &Birth,
    ) -> Result<Cell, Fault> {
        Self::begin(sandbox.config(), program, log, birth).await
    }

    /// The same with no more linear memory than this, if that is less than what the sandbox gives, from the first
    /// instruction on.
    pub async fn start_within(
        sandbox: &Sandbox,
        program: &Program,
        memory_mib: u32,
        log: Arc<dyn LogSink>,
        birth: &Birth,
    ) -> Result<Cell, Fault> {
        let given = sandbox.config();
        let limits = Config {
            memory_mib: given.memory_mib.min(memory_mib),
            ..given.clone()
        };
        Self::begin(&limits, program, log, birth).await
    }

    /// The same, without the sandbox: its engine is the program's.
    pub(super) async fn begin(
        limits: &Config,
        program: &Program,
        log: Arc<dyn LogSink>,
        birth: &Birth,
    ) -> Result<Cell, Fault> {
        let prints = Prints::new(log, limits.turn_log_kib);
        let state = State::new(limits, &prints, birth);
        let mut store = Store::new(program.pre().engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(transfer(limits));
        store.set_max_component_handles(MAX_HANDLES);
        store.epoch_deadline_callback(|mut store| {
            let ran = workers::found_running(TICK);
            store.data_mut().cpu.charge(ran)?;
            Ok(UpdateDeadline::Yield(1))
        });
        // Before the first instruction: an agent's start code can loop as well.
        store.set_epoch_deadline(1);
        let started = async {
            let instance = program.pre().instantiate_async(&mut store).await?;
            Ok((instance, program.agent(&mut store, &instance)?))
        };
        let started = started.await;
        prints.flush();
        match started {
            Ok((instance, agent)) => Ok(Cell {
                store,
                instance,
                program: program.clone(),
                limits: limits.clone(),
                turn_cpu_ms: limits.turn_cpu_ms,
                bounded: true,
                agent,
                prints,
            }),
            Err(error) => Err(fault(&mut store, limits, &error)),
        }
    }

    /// One turn, which begins at `at` by the guest's clock. The inner result is the agent's own answer or error, after
    /// which the cell is as good as before.
    pub async fn invoke(
        &mut self,
        payload: &[u8],
        context: &Context,
        at: Timestamp,
        turn: Box<dyn Capabilities>,
    ) -> Result<Result<Vec<u8>, AgentError>, Fault> {
        let state = self.store.data_mut();
        state.turn = Some(turn);
        state.clock.advance_to(at);
        let spending = match self.bounded {
            true => Spending::of(&self.limits),
            false => Spending::UNBOUNDED,
        };
        self.fresh_budget(self.turn_cpu_ms, spending);
        let outcome = self
            .agent
            .call_invoke(&mut self.store, payload, context)
            .await;
        let state = self.store.data_mut();
        state.turn = None;
        let outcome = outcome.and_then(|answer| {
            if let Ok(rest) = &answer {
                state.spending.sends(rest.len())?;
            }
            Ok(answer)
        });
        self.prints.flush();
        outcome.map_err(|error| self.fault(&error))
    }

    fn fresh_budget(&mut self, cpu_ms: u64, spending: Spending) {
        let state = self.store.data_mut();
        state.spending = spending;
        state.cpu.reset(cpu_ms);
        state.memory.take_refused();
        self.store.set_epoch_deadline(1);
    }

    /// For calls of the host's own into the accessor: they look at whole memories, and copy nothing.
    pub(super) fn unlimited(&mut self) {
        self.fresh_budget(self.limits.turn_cpu_ms, Spending::UNBOUNDED);
        self.store.set_hostcall_fuel(usize::MAX);
    }

    /// For the guest again.
    pub(super) fn limited(&mut self) {
        self.store.set_hostcall_fuel(transfer(&self.limits));
    }

    /// Why a call failed.
    pub(super) fn fault(&mut self, error: &wasmtime::Error) -> Fault {
        fault(&mut self.store, &self.limits, error)
    }

    /// Log entries and prints go here from now on.
    pub(super) fn log_to(&mut self, log: Arc<dyn LogSink>) {
        self.prints.log_to(log);
    }

    /// From now on the guest gets no more linear memory than this, if that is less than what the sandbox gives. For a
    /// session that began under another configuration: what was refused then must be refused again.
    pub fn limit_memory(&mut self, mib: u32) {
        self.limits.memory_mib = self.limits.memory_mib.min(mib);
        let bytes = (self.limits.memory_mib as usize) << 20;
        self.store.data_mut().memory.set_limit(bytes);
    }

    /// From now on a turn may compute for so long, in milliseconds, if that is less than what the sandbox gives. What the
    /// host does with the cell between turns is no turn.
    pub fn limit_cpu(&mut self, ms: u64) {
        self.turn_cpu_ms = self.turn_cpu_ms.min(ms);
    }

    /// Whether turns from now on are bounded in what they ask of the host and send to the caller. Turns of a new cell are. A
    /// turn that is told again and ended well needs no bound, and must not meet one that is tighter by now.
    pub fn bound_turns(&mut self, bounded: bool) {
        self.bounded = bounded;
    }

    /// Bytes of linear memory.
    pub fn memory_bytes(&self) -> u64 {
        self.memory().bytes()
    }

    /// Shows how much linear memory it has, in turns, too.
    pub fn memory(&self) -> MemoryGauge {
        self.store.data().memory.used().clone()
    }
}

impl State {
    /// The guest is about to learn something from outside: its clock moves to when that was.
    pub(super) fn observed(&mut self) {
        if let Some(turn) = &self.turn {
            self.clock.advance_to(turn.now());
        }
    }

    pub(super) fn new(limits: &Config, prints: &Prints, birth: &Birth) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        let wasi = WasiCtxBuilder::new()
            .stdout(Printer::new(prints, Level::Info))
            .stderr(Printer::new(prints, Level::Warn))
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .build();
        Self {
            wasi,
            table,
            turn: None,
            prints: prints.clone(),
            clock: VirtualClock::at(birth.at),
            timers: BTreeMap::new(),
            handles: HandleTable::default(),
            streams: 0,
            spending: Spending::of(limits),
            chance: Chance::new(&birth.seed),
            memory: MemoryLimit::new((limits.memory_mib as usize) << 20),
            cpu: CpuBudget::new(limits.turn_cpu_ms),
        }
    }
}

/// Bytes that one call may carry over.
fn transfer(limits: &Config) -> usize {
    (limits.transfer_mib as usize) << 20
}

/// Whether the system says that it has no memory.
fn is_out_of_memory(cause: &(dyn std::error::Error + 'static)) -> bool {
    let by_number = cause.downcast_ref::<rustix::io::Errno>() == Some(&rustix::io::Errno::NOMEM);
    by_number
        || cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::OutOfMemory)
}

/// Whether the host's table of resources is full, or the guest's of handles. They are of the same size.
fn is_out_of_handles(error: &wasmtime::Error) -> bool {
    let full = |cause: &ResourceTableError| matches!(cause, ResourceTableError::Full);
    error.downcast_ref().is_some_and(full)
        || error
            .root_cause()
            .to_string()
            .contains("store handle limit exceeded")
}

/// Says what went wrong, to the author in the session's log and to the caller in a word.
fn fault(store: &mut Store<State>, limits: &Config, error: &wasmtime::Error) -> Fault {
    let refused_memory = store.data_mut().memory.take_refused();
    let fault = if error.is::<CpuTimeUsedUp>() {
        Fault::CpuTime {
            limit_ms: store.data().cpu.limit_ms(),
        }
    } else if error.is::<CallsUsedUp>() {
        Fault::HostCalls {
            limit: limits.turn_host_calls,
        }
    } else if error.is::<OutputUsedUp>() {
        Fault::Output {
            limit_mib: limits.turn_output_mib,
        }
    } else if is_out_of_handles(error) {
        Fault::Handles { limit: MAX_HANDLES }
    } else if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        Fault::Full {
            max_live_sessions: limits.max_live_sessions,
        }
    } else if error.chain().any(is_out_of_memory) {
        Fault::Exhausted
    } else if refused_memory {
        Fault::Memory {
            limit_mib: limits.memory_mib,
        }
    } else if let Some(trap) = error.downcast_ref::<Trap>() {
        Fault::Trapped(trap.to_string())
    } else if error
        .root_cause()
        .to_string()
        .contains("fuel allocated for hostcalls")
    {
        Fault::Transfer {
            limit_mib: limits.transfer_mib,
        }
    } else {
        Fault::Trapped(error.root_cause().to_string())
    };
    let prints = &store.data().prints;
    prints.note(Level::Error, &format!("{fault}\n{error:?}"));
    fault
}
