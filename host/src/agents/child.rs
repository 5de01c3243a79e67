//! Work on strangers' bytes, in a process of its own: this same program, under a hidden command.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;

use super::Error;

/// The exit code by which a child says that what it was given is at fault, with the reason on stderr.
pub const REFUSED: u8 = 65;

/// Reasons go into `failureReason`; a page is enough.
const LONGEST_REASON: u64 = 4_096;

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
        let mut command = tokio::process::Command::new(self.program);
        command
            .args(self.arguments)
            // Its end is that of the thread that starts this, and workers of the runtime last as long as it does.
            .args(["--server", &std::process::id().to_string()])
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(output))
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(folder) = self.folder {
            command.current_dir(folder);
        }
        let mut child = command.spawn().map_err(Error::disk("start a child"))?;
        let group = Group(child.id());
        let mut said = Vec::new();
        let ended = async {
            if let Some(stderr) = child.stderr.take() {
                // What cannot be read is no reason; the exit code still tells.
                let _ = stderr.take(LONGEST_REASON).read_to_end(&mut said).await;
            }
            child.wait().await
        };
        let status = match tokio::time::timeout(self.time, ended).await {
            Ok(status) => status.map_err(Error::disk("wait for a child"))?,
            Err(_) => return Ok(Outcome::TooLong),
        };
        group.ended();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        Ok(match status.code() {
            Some(0) => Outcome::Done,
            Some(code) if code == i32::from(REFUSED) => Outcome::Refused(said),
            code => {
                tracing::error!(?code, %said, "a child failed");
                Outcome::Lost
            }
        })
    }
}

/// The child and all that it started.
struct Group(Option<u32>);

impl Group {
    /// It ended by itself, with nothing left to end.
    fn ended(mut self) {
        self.0 = None;
    }
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
