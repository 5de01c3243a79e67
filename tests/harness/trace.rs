//! A look at the system calls of a running server, and faults in them: `strace`, attached to it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::NamedTempFile;

use super::Host;

/// Where the package puts it, and where the tests look.
const STRACE: &str = "/usr/bin/strace";

/// How often it is looked whether it has let go, or whether a thread has its name, 20 ms apart.
const PATIENCE: usize = 100;

/// Whose system calls are meant.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Threads {
    /// Those of all threads, also of such as come later. What is counted is counted for each.
    All,
    /// Those of one thread, by its name.
    Named(&'static str),
}

/// An `strace` that watches a server, or does something to it, until this is dropped or the server is gone.
#[derive(Debug)]
pub(crate) struct Trace {
    process: Child,
    output: NamedTempFile,
}

impl Trace {
    /// Begins to watch; when this returns, no call is missed. `arguments` are those of `strace` that say which and what
    /// becomes of them; a call that not every kind of machine has is named with `?` in front.
    pub(crate) fn attach(host: &Host, threads: Threads, arguments: &[&str]) -> Self {
        assert!(
            Path::new(STRACE).exists(),
            "{STRACE} is not there; install the package strace with: tests/tools"
        );
        let output = NamedTempFile::new().expect("a temporary file can be made");
        let mut command = Command::new(STRACE);
        command.args(["-o".as_ref(), output.path().as_os_str()]);
        match threads {
            Threads::All => command.args(["-f", "-p", &host.process_id().to_string()]),
            Threads::Named(name) => command.args(["-p", &thread_of(host, name)]),
        };
        let mut process = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace can be run");
        let stderr = process.stderr.take().expect("stderr is piped");
        let mut said = BufReader::new(stderr).lines();
        let first = said.next().and_then(Result::ok).unwrap_or_default();
        assert!(
            first.contains(" attached"),
            "strace may not watch the server: {first:?}; run the tests as root, or allow it: \
             sysctl kernel.yama.ptrace_scope=0"
        );
        // It says more whenever a thread comes, and must not have to wait for somebody to read that.
        thread::spawn(move || said.for_each(drop));
        Self { process, output }
    }

    /// Stops watching, if the server is still there; the lines that were written, each with its thread's number in front
    /// when all threads were watched.
    pub(crate) fn end(mut self) -> String {
        self.detach();
        self.written()
    }

    /// The lines that were written so far. A call stands there as soon as it is made, and what came of it follows.
    pub(crate) fn written(&self) -> String {
        let written = fs::read(self.output.path()).expect("strace makes its output");
        String::from_utf8_lossy(&written).into_owned()
    }

    fn detach(&mut self) {
        // It lets go of the server, and ends; or has ended with the server.
        let process = self.process.id().to_string();
        let asked = Command::new("sh")
            .args(["-c", "kill -TERM \"$0\" 2>/dev/null", &process])
            .status();
        asked.expect("there is a shell");
        for _ in 0..PATIENCE {
            if self.process.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        // When the server dies just now, it waits for the one thread that is not given to it before another one is.
        self.process.kill().expect("strace is our child");
        self.process.wait().expect("strace is our child");
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.detach();
        }
    }
}

/// The number of the thread of this name. A thread gives itself its name when it first runs, which can be after the
/// server answers.
fn thread_of(host: &Host, name: &str) -> String {
    let threads = format!("/proc/{}/task", host.process_id());
    for _ in 0..PATIENCE {
        let threads = fs::read_dir(&threads).expect("the server runs");
        let mut named = threads.filter_map(|thread| {
            let thread = thread.ok()?;
            let is_named = fs::read_to_string(thread.path().join("comm")).ok()?.trim() == name;
            is_named.then(|| thread.file_name().to_string_lossy().into_owned())
        });
        if let Some(thread) = named.next() {
            return thread;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("the server has no thread {name}");
}

/// How many calls of each name the busiest thread made: faults are counted for each thread and each name by itself.
pub(crate) fn most_calls(written: &str) -> BTreeMap<String, usize> {
    let mut calls: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in written.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        // With one thread there is no number; then all lines count together.
        let (thread, call) = match thread.parse::<u32>() {
            Ok(_) => (thread, call.trim_start()),
            Err(_) => ("", line),
        };
        // Also what is not a call has no such beginning.
        let is_name = |name: &&str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let name = call.split_once('(').map(|(name, _)| name);
        if let Some(name) = name.filter(is_name) {
            *calls.entry((thread, name)).or_default() += 1;
        }
    }
    let mut most: BTreeMap<String, usize> = BTreeMap::new();
    for ((_, name), made) in calls {
        let most = most.entry(name.to_owned()).or_default();
        *most = made.max(*most);
    }
    most
}
