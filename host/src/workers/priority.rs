//! Who may interrupt whom.

use std::io;

/// Of threads that compute for long: while somebody else wants the core, these have a quarter of it. Not less, so that they
/// go on even where other programs never rest.
pub(crate) const LONG_TURNS: i32 = 5;

/// Of processes that compile, for which somebody waits: as much as everybody, if not at every moment.
pub(crate) const CHILDREN: i32 = 0;

/// From now on this thread steps back for those that wake up for a moment, and for all that are less nice; and so do threads
/// and processes that it starts. Only a thread that serves nobody may do this: there is no way back.
pub(crate) fn step_back(nice: i32) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if scheduled(nice).is_ok() {
        return Ok(());
    }
    by_niceness(nice)
}

/// The same, and asks for long slices: a thread that wakes up for less interrupts one that has a longer slice at once, where
/// otherwise it would wait for the end of a short one.
#[cfg(target_os = "linux")]
fn scheduled(nice: i32) -> io::Result<()> {
    const SLICE_NS: u64 = 20_000_000;
    let attributes = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: libc::SCHED_OTHER as u32,
        sched_flags: 0,
        sched_nice: nice,
        sched_priority: 0,
        sched_runtime: SLICE_NS,
        sched_deadline: 0,
        sched_period: 0,
    };
    let this_thread: libc::pid_t = 0;
    let no_flags: libc::c_uint = 0;
    #[expect(unsafe_code, reason = "nobody offers this call safely")]
    // SAFETY: it reads the attributes, whose size they say, and changes the calling thread alone.
    let done = unsafe {
        libc::syscall(
            libc::SYS_sched_setattr,
            this_thread,
            &raw const attributes,
            no_flags,
        )
    };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// On Linux niceness is a thread's own.
#[cfg(target_os = "linux")]
fn by_niceness(nice: i32) -> io::Result<()> {
    rustix::process::setpriority_process(None, nice).map_err(Into::into)
}

/// Elsewhere it is the whole process's, which serves.
#[cfg(not(target_os = "linux"))]
fn by_niceness(_: i32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
