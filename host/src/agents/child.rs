//! Work on strangers' bytes, in a process of its own: this same program, under a hidden command.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::time::Duration;
use std::{io, thread};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::{self, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Error;
use crate::workers;

/// The exit code by which a child says that what it was given is at fault, with the reason on stderr.
pub const REFUSED: u8 = 65;

/// Reasons go into `failureReason`; a page is enough.
const LONGEST_REASON: u64 = 4_096;

/// The most bytes of the program of a component: interpreters with their heaps take some 1.4 bytes for each of theirs, small
/// components up to four.
pub fn largest_program(component: u64) -> u64 {
    const HEAD: u64 = 16 << 20;
    const MOST: u64 = 256 << 20;
    // An operator who lets larger components in, lets their programs be.
    let most = MOST.max(component.saturating_mul(2));
    component.saturating_mul(4).saturating_add(HEAD).min(most)
}

/// A child to be.
pub(super) struct Child<'a> {
    /// This server's own executable.
    pub(super) program: &'a Path,
    /// The hidden command, and what it is told.
    pub(super) arguments: Vec<OsString>,
    /// All that it sees of the environment.
    pub(super) environment: &'a [(String, String)],
    /// Where it runs, if that matters.
    pub(super) folder: Option<&'a Path>,
    /// How long it may take.
    pub(super) time: Duration,
    /// The largest file that it and those that it starts may write, in bytes.
    pub(super) largest: u64,
}

/// How a child ended.
pub(super) enum Outcome {
    /// Its output is whole.
    Done,
    /// What it was given is at fault, and why, in words for its owner.
    Refused(String),
    /// It was ended.
    TooLong,
    /// It died, or cannot say why it failed. What it said is in the log.
    Lost,
}

impl Child<'_> {
    /// Runs it to its end, from a file to a file. It ends with this future and with the server, and so does what it started.
    pub(super) async fn run(self, input: File, output: File) -> Result<Outcome, Error> {
        let mut command = Command::new(self.program);
        command
            .arg0("kellion")
            .args(self.arguments)
            .args(["--server", &std::process::id().to_string()])
            .env_clear()
            // In jail it cannot see what the cores of this machine are shared by.
            .env("RAYON_NUM_THREADS", parallelism().to_string())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(output))
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(folder) = self.folder {
            command.current_dir(folder);
        }
        let started = start(command).await;
        let (mut child, _starter) = started.map_err(Error::disk("start a child"))?;
        let group = Group(child.id());
        group.bound(self.largest);
        let stderr = child.stderr.take();
        let ended = async {
            let status = child.wait().await;
            // What it started and left behind ends with it, and lets go of stderr. Its number is not given away so soon.
            drop(group);
            status
        };
        let told = async {
            let mut said = Vec::new();
            if let Some(stderr) = stderr {
                // What cannot be read is no reason; the exit code still tells.
                let _ = stderr.take(LONGEST_REASON).read_to_end(&mut said).await;
            }
            String::from_utf8_lossy(&said).trim().to_owned()
        };
        let whole = async { tokio::join!(ended, told) };
        let Ok((status, said)) = tokio::time::timeout(self.time, whole).await else {
            return Ok(Outcome::TooLong);
        };
        let status = status.map_err(Error::disk("wait for a child"))?;
        Ok(match status.code() {
            Some(0) => Outcome::Done,
            Some(code) if code == i32::from(REFUSED) => Outcome::Refused(said),
            code => {
                tracing::error!(?code, signal = status.signal(), %said, "a child failed");
                match cut(status, &said, self.largest) {
                    Some(reason) => Outcome::Refused(reason),
                    None => Outcome::Lost,
                }
            }
        })
    }
}

/// The thread that started a child, which ends when this is dropped.
struct Starter(
    #[expect(dead_code, reason = "the thread waits until it is gone")] Sender<Infallible>,
);

/// Starts a child from a thread of its own. The child inherits that this has stepped back, so that it is in nobody's way while
/// the system loads it, either; and ends with the thread.
async fn start(mut command: Command) -> io::Result<(process::Child, Starter)> {
    let (started, child) = oneshot::channel();
    let (starter, until) = mpsc::channel();
    let runtime = Handle::current();
    let starting = move || {
        let _runtime = runtime.enter();
        // At worst it is in the way of those who are served.
        let _ = workers::step_back();
        // Who wanted it may be gone; so is the child then.
        if started.send(command.spawn()).is_ok() {
            let _ = until.recv();
        }
    };
    thread::Builder::new()
        .name("child".to_owned())
        .spawn(starting)?;
    let child = child.await.map_err(io::Error::other)?;
    Ok((child?, Starter(starter)))
}

fn parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Why the system ended a child, if it was the system, in words for the owner of what it was given.
fn cut(status: ExitStatus, said: &str, largest: u64) -> Option<String> {
    let signal = Signal::from_named_raw(status.signal()?)?;
    Some(match signal {
        Signal::XCPU => "it takes more CPU time than there is for it".to_owned(),
        Signal::XFSZ => format!("it takes more than {} MiB on the disk", largest >> 20),
        // What the standard library says before it gives up.
        Signal::ABORT if said.contains("memory allocation of") => {
            "it takes more memory than there is for it".to_owned()
        }
        Signal::KILL => {
            "the work on it was killed: most likely it takes more memory or CPU time than there is for it".to_owned()
        }
        _ => return None,
    })
}

/// The child and all that it started.
struct Group(Option<u32>);

impl Group {
    /// Bounds the files that it writes. The child bounds itself; this is for what goes wrong before that.
    #[cfg(target_os = "linux")]
    fn bound(&self, largest: u64) {
        use rustix::process::{Resource, Rlimit, prlimit};

        let limit = Rlimit {
            current: Some(largest),
            maximum: Some(largest),
        };
        let leader = self.0.and_then(|id| i32::try_from(id).ok());
        if let Some(leader) = leader.and_then(Pid::from_raw) {
            // It may be gone already.
            let _ = prlimit(Some(leader), Resource::Fsize, limit);
        }
    }

    /// Other systems cannot bound another process.
    #[cfg(not(target_os = "linux"))]
    fn bound(&self, _: u64) {}
}

impl Drop for Group {
    fn drop(&mut self) {
        let leader = self.0.and_then(|id| i32::try_from(id).ok());
        if let Some(leader) = leader.and_then(Pid::from_raw) {
            // It may be gone already.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}
