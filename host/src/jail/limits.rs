//! How much a process may use, and who may look into it.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use super::Error;

/// Address space. The largest agents that are known, of 84 MB, take 1.1 GiB to compile on two cores.
const SPACE: u64 = 3 << 30;

/// Address space of one thread of the compiler: its stack, and what the allocator reserves for it while it looks for a place
/// of the right alignment.
const SPACE_OF_A_THREAD: u64 = 192 << 20;

/// CPU time of all threads together, in seconds. The largest agents take some 25.
const TIME: u64 = 300;

/// Until a process that goes on past its time is killed, in seconds.
const GRACE: u64 = 5;

const DESCRIPTORS: u64 = 16;

/// For who computes.
pub(super) fn set(largest: u64) -> Result<(), Error> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    set_one(Resource::As, SPACE + SPACE_OF_A_THREAD * threads, 0)?;
    set_one(Resource::Cpu, TIME, GRACE)?;
    set_one(Resource::Fsize, largest, 0)?;
    set_one(Resource::Nofile, DESCRIPTORS, 0)?;
    no_core()
}

/// What was in memory must not get to the disk because somebody had it crash.
pub(super) fn no_core() -> Result<(), Error> {
    set_one(Resource::Core, 0, 0)
}

/// Sets a limit, and one above it that cannot be passed either; less than that if there is less already.
fn set_one(resource: Resource, most: u64, beyond: u64) -> Result<(), Error> {
    let known = rustix::process::getrlimit(resource).maximum;
    let maximum = known.map_or(most + beyond, |known| known.min(most + beyond));
    let limit = Rlimit {
        current: Some(most.min(maximum)),
        maximum: Some(maximum),
    };
    setrlimit(resource, limit).map_err(|error| Error::Refused {
        action: "limit this process",
        source: Box::new(error),
    })
}

/// No core files, and nobody but root looks into its memory.
pub(super) fn close() -> Result<(), Error> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| Error::Refused {
        action: "close this process to debuggers",
        source: Box::new(error),
    })
}
