//! Who may interrupt whom.

use std::io;
use std::time::Duration;

/// How nice those are who compute for long: while somebody else wants the core, they have a quarter of it. Not less, so that
/// they go on even where other programs never rest.
const NICE: i32 = 5;

/// From now on this thread steps back for those that wake up for a moment, and for all that are less nice; and so do threads
/// and processes that it starts. Only a thread that serves nobody may do this: there is no way back.
pub(crate) fn step_back() -> io::Result<()> {
    // Who wakes up for a shorter slice interrupts one that has a longer one at once, where otherwise it would wait for its end.
    #[cfg(target_os = "linux")]
    if scheduled(NICE, Duration::from_millis(20)).is_ok() {
        return Ok(());
    }
    by_niceness(NICE)
}

/// From now on this thread, and those that it starts, get the core when they wake up, and not for long, where the system lets
/// them choose.
pub(crate) fn step_forward() {
    #[cfg(target_os = "linux")]
    let _ = scheduled(0, Duration::from_micros(500));
}

/// Sets how nice this thread is, and how much of a core it wants at a time.
#[cfg(target_os = "linux")]
fn scheduled(nice: i32, slice: Duration) -> io::Result<()> {
    let attributes = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: libc::SCHED_OTHER as u32,
        sched_flags: 0,
        sched_nice: nice,
        sched_priority: 0,
        sched_runtime: slice.as_nanos() as u64,
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
