//! One cell: a store, the instance in it, and the calls into it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Instance, ResourceTable, ResourceTableError};
use wasmtime::error::OutOfMemory;
use wasmtime::{Store, Trap, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::capabilities::{Capabilities, LogSink};
use super::clocks::VirtualClock;
use super::cpu::{Cpu, CpuTimeUsedUp};
use super::engine::{Config, Program, Sandbox, WASM_STACK};
use super::handles::{HandleTable, MAX_HANDLES};
use super::limits::{Holdings, Limit, ONE_TABLE, Refused, TABLE_ELEMENTS};
use super::random::{Chance, Seed};
use super::room::{MemoryGauge, NoRoom, Share};
use super::spending::{CallsUsedUp, OutputUsedUp, Spending};
use super::stdio::{Printer, Prints};
use crate::clock::Timestamp;
use crate::contract::Agent;
use crate::contract::log::Level;
use crate::contract::types::{AgentError, Context};

/// CPU time of a start, in milliseconds, if a turn may use as much. As long as the trial start may take at all, and more
/// than enough for any interpreter.
const START_CPU_MS: u64 = 10_000;

/// The same for what the host does with a cell between turns, in which no code of the guest's runs.
const HOST_CPU_MS: u64 = 60_000;

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
    /// A start computed for too long.
    #[error("the agent used more than {limit_ms} ms of CPU time to start")]
    StartTime {
        /// The limit, in milliseconds.
        limit_ms: u64,
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
    /// The agent wanted larger tables than a session may have, and could not do without.
    #[error("the agent needs more than {limit} elements in {}", if *.all { "all its tables" } else { "one table" })]
    Table {
        /// The limit.
        limit: usize,
        /// Whether it is one of all tables together.
        all: bool,
    },
    /// The agent opened more than a session may have open, and never closed it.
    #[error("the agent holds more than {limit} handles")]
    Handles {
        /// The limit.
        limit: usize,
    },
    /// The agent's calls nested too deep, as in a recursion without end.
    #[error("the agent's calls nest deeper than its {limit_kib} KiB of stack")]
    Stack {
        /// The limit, in KiB.
        limit_kib: usize,
    },
    /// The server could not give the memory that the agent may have.
    #[error("the server has no memory left; try again later")]
    Exhausted,
    /// Every slot for a live session is taken.
    #[error("all {max_live_sessions} live sessions are in use; try again later")]
    Full {
        /// The number of slots.
        max_live_sessions: u32,
    },
    /// The group of the session's agent has so many live sessions that only those of others may still start.
    #[error(
        "the account has {live} live sessions, as many as leave room for others; stop one, or try again later"
    )]
    ManyLive {
        /// How many it has.
        live: u64,
    },
    /// The group of the session's agent holds so much memory that only sessions of others may still start.
    #[error(
        "the account's sessions hold as much memory as leaves room for others; stop one, or try again later"
    )]
    MuchMemory,
}

impl From<NoRoom> for Fault {
    fn from(why: NoRoom) -> Self {
        match why {
            NoRoom::Memory => Self::Exhausted,
            NoRoom::OwnMemory => Self::MuchMemory,
            NoRoom::OwnCells { cells } => Self::ManyLive { live: cells },
        }
    }
}

impl Fault {
    /// Which limit was broken; none when it was no limit of the agent's.
    pub fn limit(&self) -> Option<Limit> {
        match self {
            Self::CpuTime { .. } => Some(Limit::CpuTime),
            Self::StartTime { .. } => Some(Limit::StartTime),
            Self::Memory { .. } => Some(Limit::Memory),
            Self::HostCalls { .. } => Some(Limit::HostCalls),
            Self::Output { .. } => Some(Limit::Output),
            Self::Transfer { .. } => Some(Limit::Transfer),
            Self::Table { .. } => Some(Limit::Table),
            Self::Handles { .. } => Some(Limit::Handles),
            Self::Stack { .. } => Some(Limit::Stack),
            Self::Trapped(_)
            | Self::Exhausted
            | Self::Full { .. }
            | Self::ManyLive { .. }
            | Self::MuchMemory => None,
        }
    }

    /// Whether the session found no room: no fault of its agent's, and another try may find some.
    pub fn is_want_of_room(&self) -> bool {
        self.is_own_share() || matches!(self, Self::Exhausted | Self::Full { .. })
    }

    /// Whether it is its own group that has all that it may have.
    pub fn is_own_share(&self) -> bool {
        matches!(self, Self::ManyLive { .. } | Self::MuchMemory)
    }
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
    held: Holdings,
    cpu: Cpu,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// A live instance. To drop it runs none of the guest's code: the destructors of the resources that it still holds are not
/// called, and a call that was cut is unwound by the host alone. After a [`Fault`], or when a call's future was dropped, it must not be used again.
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
        program.starts();
        let prints = Prints::new(log, limits.turn_log_kib);
        let share = Share::of(program.group())?;
        let state = State::new(limits, &prints, birth, share);
        let mut store = Store::new(program.pre().engine(), state);
        store.limiter(|state| &mut state.held);
        store.set_hostcall_fuel(transfer(limits));
        store.set_max_component_handles(MAX_HANDLES);
        store.epoch_deadline_callback(|store| {
            let state = store.data();
            state.cpu.charge()?;
            state.held.may_stay()?;
            Ok(UpdateDeadline::Yield(1))
        });
        // Before the first instruction: an agent's start code can loop as well.
        store.set_epoch_deadline(1);
        let cpu = store.data().cpu.clone();
        let started = cpu.count(async {
            let instance = program.pre().instantiate_async(&mut store).await?;
            Ok((instance, program.agent(&mut store, &instance)?))
        });
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
            Err(error) => {
                let fault = match why(&mut store, limits, &error) {
                    Fault::CpuTime { limit_ms } => Fault::StartTime { limit_ms },
                    fault => fault,
                };
                Err(told(&store, fault, &error))
            }
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
        let cpu = self.cpu();
        let call = self.agent.call_invoke(&mut self.store, payload, context);
        let outcome = cpu.count(call).await;
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

    /// What counts the time of its calls. Each call into it is counted; one that is not could not be stopped.
    pub(super) fn cpu(&self) -> Cpu {
        self.store.data().cpu.clone()
    }

    fn fresh_budget(&mut self, cpu_ms: u64, spending: Spending) {
        let state = self.store.data_mut();
        state.spending = spending;
        state.cpu.reset(cpu_ms);
        state.held.take_refused();
        self.store.set_epoch_deadline(1);
    }

    /// For calls of the host's own into the accessor: they look at whole memories, and copy nothing.
    pub(super) fn unlimited(&mut self) {
        self.fresh_budget(HOST_CPU_MS, Spending::UNBOUNDED);
        self.store.set_hostcall_fuel(usize::MAX);
    }

    /// For the guest again.
    pub(super) fn limited(&mut self) {
        self.store.set_hostcall_fuel(transfer(&self.limits));
    }

    /// Why a call failed.
    pub(super) fn fault(&mut self, error: &wasmtime::Error) -> Fault {
        let fault = why(&mut self.store, &self.limits, error);
        told(&self.store, fault, error)
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
        self.store.data_mut().held.set_limit(bytes);
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

    /// CPU time of the last turn, or of the running one up to when it waited or yielded last.
    pub fn cpu_time(&self) -> Duration {
        self.store.data().cpu.used()
    }

    /// Bytes of linear memory.
    pub fn memory_bytes(&self) -> u64 {
        self.memory().bytes()
    }

    /// Shows how much linear memory it has, in turns, too.
    pub fn memory(&self) -> MemoryGauge {
        self.store.data().held.gauge().clone()
    }
}

impl State {
    /// The guest is about to learn something from outside: its clock moves to when that was.
    pub(super) fn observed(&mut self) {
        if let Some(turn) = &self.turn {
            self.clock.advance_to(turn.now());
        }
    }

    pub(super) fn new(limits: &Config, prints: &Prints, birth: &Birth, share: Share) -> Self {
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
            held: Holdings::new((limits.memory_mib as usize) << 20, share),
            cpu: Cpu::new(limits.turn_cpu_ms.min(START_CPU_MS)),
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

/// Why a call into the guest failed.
fn why(store: &mut Store<State>, limits: &Config, error: &wasmtime::Error) -> Fault {
    let refused = store.data_mut().held.take_refused();
    let trap = error.downcast_ref::<Trap>();
    if error.is::<CpuTimeUsedUp>() {
        return Fault::CpuTime {
            limit_ms: store.data().cpu.limit_ms(),
        };
    }
    if error.is::<CallsUsedUp>() {
        return Fault::HostCalls {
            limit: limits.turn_host_calls,
        };
    }
    if error.is::<OutputUsedUp>() {
        return Fault::Output {
            limit_mib: limits.turn_output_mib,
        };
    }
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        return Fault::Full {
            max_live_sessions: limits.max_live_sessions,
        };
    }
    let is_starved = error.is::<NoRoom>() || error.is::<OutOfMemory>();
    if is_starved || error.chain().any(is_out_of_memory) {
        return Fault::Exhausted;
    }
    if trap == Some(&Trap::StackOverflow) {
        return Fault::Stack {
            limit_kib: WASM_STACK >> 10,
        };
    }
    let cause = error.root_cause().to_string();
    if is_full(error) || cause.contains("handle limit exceeded") {
        return Fault::Handles { limit: MAX_HANDLES };
    }
    if cause.contains("fuel allocated for hostcalls") {
        return Fault::Transfer {
            limit_mib: limits.transfer_mib,
        };
    }
    match (refused, trap) {
        // What was refused before is, most likely, what it could not do without.
        (Some(Refused::Memory), _) => Fault::Memory {
            limit_mib: limits.memory_mib,
        },
        (Some(Refused::OneTable), _) => Fault::Table {
            limit: ONE_TABLE,
            all: false,
        },
        (Some(Refused::AllTables), _) => Fault::Table {
            limit: TABLE_ELEMENTS,
            all: true,
        },
        (None, Some(trap)) => Fault::Trapped(trap.to_string()),
        (None, None) => Fault::Trapped(cause),
    }
}

/// Whether the table of what the guest holds is full.
fn is_full(error: &wasmtime::Error) -> bool {
    matches!(
        error.downcast_ref::<ResourceTableError>(),
        Some(ResourceTableError::Full)
    )
}

/// Says what went wrong, to the author in the session's log and to the caller in a word.
fn told(store: &Store<State>, fault: Fault, error: &wasmtime::Error) -> Fault {
    let prints = &store.data().prints;
    prints.note(Level::Error, &format!("{fault}\n{error:?}"));
    fault
}
