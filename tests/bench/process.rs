//! A server in a process of its own, and what the kernel knows of it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Error;

/// A child process; killed when dropped.
pub(crate) struct Process(Child);

/// Memory of a process, in KiB.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// Resident, shared pages and all.
    pub(crate) resident: f64,
    /// Resident and nobody else's.
    pub(crate) private: f64,
    /// Tables that say where the pages are: the kernel's own memory, in none of the others.
    pub(crate) page_tables: f64,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Result<Self, Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::null()).spawn();
        Ok(Self(child.map_err(|error| {
            format!("cannot start {program}: {error}")
        })?))
    }

    /// Starts a program that says on its first line of stdout where it listens.
    pub(crate) fn start_speaking(command: &mut Command) -> Result<(Self, String), Error> {
        let mut process = Self::start(command.stdout(Stdio::piped()))?;
        let stdout = process.0.stdout.take().expect("stdout is piped");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        if line.is_empty() {
            return Err("the server ended before it said where it listens".into());
        }
        Ok((process, line))
    }

    /// CPU time that all its threads have used so far.
    pub(crate) fn cpu_time(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.0.id()));
        let spent = |task: std::fs::DirEntry| -> Option<u64> {
            let schedule = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            schedule.split(' ').next()?.parse().ok()
        };
        let nanoseconds = tasks
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(spent)
            .sum();
        Duration::from_nanos(nanoseconds)
    }

    pub(crate) fn memory(&self) -> Result<Memory, Error> {
        let read = |file| std::fs::read_to_string(format!("/proc/{}/{file}", self.0.id()));
        let (rollup, status) = (read("smaps_rollup")?, read("status")?);
        Ok(Memory {
            resident: kib(&rollup, "Rss"),
            private: kib(&rollup, "Private_Clean") + kib(&rollup, "Private_Dirty"),
            page_tables: kib(&status, "VmPTE"),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The number in the line `NAME: NUMBER kB`; zero without such a line.
fn kib(text: &str, name: &str) -> f64 {
    text.lines()
        .find_map(|line| {
            line.strip_prefix(name)?
                .strip_prefix(':')?
                .trim()
                .strip_suffix("kB")
        })
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or(0.0)
}
