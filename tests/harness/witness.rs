//! Another client, who must not notice what a hostile one does.

use std::fs;

use super::{Agent, Host, PROBE, Session, eventually};

/// Threads that the runtime keeps for a while after work that blocks. Hostile clients come in hundreds.
const PASSING_THREADS: usize = 16;

/// Files that the server keeps open once it has needed them, as the journal's readers do.
const PASSING_FILES: usize = 16;

/// Memory that comes and goes with any work, in MiB.
const PASSING_MEMORY: u64 = 256;

/// What a server uses of the machine at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
    /// Of its address space.
    pub(crate) mappings: usize,
    /// In MiB.
    pub(crate) memory: u64,
}

impl Usage {
    pub(crate) fn of(host: &Host) -> Self {
        let maps = format!("/proc/{}/maps", host.process_id());
        let maps = fs::read_to_string(maps).expect("the server runs");
        Self {
            descriptors: count(host, "fd"),
            threads: count(host, "task"),
            mappings: maps.lines().count(),
            memory: memory(host),
        }
    }
}

/// A session with a memory, and what the server used before anything hostile came.
pub(crate) struct Witness {
    session: Session,
    turns: u64,
    sockets: usize,
    descriptors: usize,
    threads: usize,
    memory: u64,
}

impl Witness {
    /// Looks at the server as it is now, by a session of an agent that counts.
    pub(crate) async fn of(host: &Host, agent: &Agent) -> Self {
        let session = agent.session("witness");
        let mut turns = 0;
        // What is opened or allocated at first use is there afterwards.
        for _ in 0..3 {
            turns += 1;
            assert_eq!(session.count().await, turns);
        }
        Self {
            session,
            turns,
            sockets: sockets(host),
            descriptors: count(host, "fd"),
            threads: count(host, "task"),
            memory: memory(host),
        }
    }

    /// The same with a tenant of its own, on a server with keys.
    pub(crate) async fn tenant(host: &Host) -> Self {
        let client = host.guest("witness", "").await;
        let agent = client.deploy("peaceful", PROBE).await;
        Self::of(host, &agent).await
    }

    /// Its session answers, and remembers.
    pub(crate) async fn answers(&mut self) {
        self.turns += 1;
        assert_eq!(self.session.count().await, self.turns);
    }

    /// How many connections the server has more than before.
    pub(crate) fn more_sockets(&self, host: &Host) -> usize {
        sockets(host).saturating_sub(self.sockets)
    }

    /// The server holds no more memory than before, but for what passes.
    pub(crate) fn memory_is_flat(&self, host: &Host) {
        let more = memory(host).saturating_sub(self.memory);
        assert!(more < PASSING_MEMORY, "{more} MiB more than before");
    }

    /// Its session answers, and remembers; and everything that the server used for the hostile client is given back.
    pub(crate) async fn survived(mut self, host: &Host) {
        self.answers().await;
        eventually("the connections to be closed", || async {
            (self.more_sockets(host) == 0).then_some(())
        })
        .await;
        eventually("the descriptors to be closed", || async {
            (count(host, "fd") <= self.descriptors + PASSING_FILES).then_some(())
        })
        .await;
        eventually("the threads to end", || async {
            (count(host, "task") <= self.threads + PASSING_THREADS).then_some(())
        })
        .await;
        self.memory_is_flat(host);
        self.answers().await;
    }
}

fn count(host: &Host, what: &str) -> usize {
    let folder = format!("/proc/{}/{what}", host.process_id());
    fs::read_dir(folder).expect("the server runs").count()
}

fn sockets(host: &Host) -> usize {
    let folder = format!("/proc/{}/fd", host.process_id());
    let descriptors = fs::read_dir(folder).expect("the server runs");
    let what = descriptors.filter_map(|descriptor| fs::read_link(descriptor.ok()?.path()).ok());
    what.filter(|what| what.to_string_lossy().starts_with("socket:"))
        .count()
}

/// What the server holds of the machine's memory, in MiB.
fn memory(host: &Host) -> u64 {
    let status = format!("/proc/{}/status", host.process_id());
    let status = fs::read_to_string(status).expect("the server runs");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.map(|line| line.trim().trim_end_matches(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok())
        .expect("the kernel says how much")
        >> 10
}
