//! The jails.

use super::calls::{self, Denial};
use super::files::{self, Network};
use super::{Error, Files, Mode, Places, STATE, State, limits};

/// For who computes. Of files it keeps those that are open; it writes no file to more than `largest` bytes, has memory and
/// CPU time for the largest agents and not for much more, starts no process, and speaks to nobody.
///
/// Its threads come later, or are not in it.
pub fn alone(largest: u64) -> Result<(), Error> {
    limits::set(largest)?;
    limits::close()?;
    files::confine(&Places::default(), Network::None)?;
    calls::allow_computing()?;
    Ok(())
}

/// For who runs toolchains, in some places. The network stays: toolchains fetch what they are made of. Before they run what
/// a stranger has sent, there is [`cut_off`].
pub fn build(places: &Places) -> Result<(), Error> {
    files::confine(places, Network::Any)?;
    // The end of a build ends its group of processes, and nobody leaves that.
    calls::deny(Denial::Refuse, calls::LEAVE_THE_GROUP)?;
    Ok(())
}

/// For a build that has everything it needs: from here on it speaks to nobody, and has these places only, as far as it had
/// them before.
pub fn cut_off(places: &Places) -> Result<(), Error> {
    files::confine(places, Network::None)?;
    calls::deny(Denial::Refuse, calls::REACH_OTHERS)?;
    Ok(())
}

/// For the server, in some places, before it has threads.
///
/// It starts children all its life: this same program, which its places alone let it run, and which goes to a narrower jail
/// at once. That stands where a helper that was forked in advance might: the server is refused to run anything else. (It
/// can run the system's loader, which is part of this program, and that takes any file that may be read for a program.)
pub fn serve(mode: Mode, places: &Places) -> Result<State, Error> {
    let state = match mode {
        Mode::Off => State::OPEN,
        Mode::Require => {
            if !is_single() {
                return Err(Error::Incomplete(
                    "something has started threads in the server",
                ));
            }
            limits::no_core()?;
            let landlock = files::confine(places, Network::Any)?;
            match landlock {
                Files::Full => {}
                Files::Partial => {
                    return Err(Error::Incomplete(
                        "landlock is older than that of Linux 6.12",
                    ));
                }
                Files::None => return Err(Error::Incomplete("it has no landlock")),
            }
            if !calls::deny(Denial::Kill, calls::NONE)? {
                return Err(Error::Incomplete("it has no seccomp"));
            }
            State {
                mode,
                landlock,
                seccomp: true,
            }
        }
        Mode::Try => {
            attempt(limits::no_core());
            let landlock = attempt(files::confine(places, Network::Any)).unwrap_or(Files::None);
            State {
                mode,
                landlock: match landlock {
                    Files::Full if !is_single() => Files::Partial,
                    landlock => landlock,
                },
                seccomp: attempt(calls::deny(Denial::Refuse, calls::NONE)).unwrap_or(false),
            }
        }
    };
    Ok(*STATE.get_or_init(|| state))
}

/// Closes this process to others of its user, and to debuggers. The last step: then it can open some of what the system
/// tells of it no more, unless it is root.
pub fn close() -> Result<(), Error> {
    limits::close()
}

fn attempt<T>(result: Result<T, Error>) -> Option<T> {
    result
        .inspect_err(|error| tracing::warn!(%error, "the sandbox is not complete"))
        .ok()
}

/// Whether this process has one thread, as far as the system says.
fn is_single() -> bool {
    std::fs::read_dir("/proc/self/task").map_or(true, |threads| threads.count() == 1)
}
