//! What a server holds of the machine: descriptors, threads, children, unfinished files. When all is quiet again it is what
//! it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Host, eventually};

/// What a server may have more of when it is quiet than when it was fresh: a connection of each reader to the database, its
/// log and their index; connections to the provider that wait for the next call; what each thread opens once.
const READERS: usize = 4;
const PROVIDER: usize = 6;
const PAGEMAPS: usize = 4;

/// What is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Footprint {
    descriptors: BTreeMap<String, usize>,
    threads: usize,
    children: Vec<u32>,
}

impl Footprint {
    pub(super) fn of(host: &Host) -> Self {
        let process = PathBuf::from(format!("/proc/{}", host.process_id()));
        let mut descriptors: BTreeMap<String, usize> = BTreeMap::new();
        for descriptor in fs::read_dir(process.join("fd")).unwrap() {
            // One that was closed meanwhile is none.
            let Ok(target) = fs::read_link(descriptor.unwrap().path()) else {
                continue;
            };
            *descriptors.entry(kind(&target, host.folder())).or_default() += 1;
        }
        Self {
            descriptors,
            threads: fs::read_dir(process.join("task")).unwrap().count(),
            children: children(host.process_id()),
        }
    }

    /// Waits until the server holds no more than this again.
    pub(super) async fn again(&self, host: &Host) {
        let mut last = String::new();
        let quiet = eventually("the server to give back what it took", || {
            let now = Self::of(host);
            let wrong = self.excess(&now, host.folder());
            let is_quiet = wrong.is_empty();
            last = format!("{wrong:?}");
            async move { is_quiet.then_some(()) }
        });
        if tokio::time::timeout(std::time::Duration::from_secs(25), quiet)
            .await
            .is_err()
        {
            panic!("the server keeps {last}");
        }
    }

    /// What there is too much of.
    fn excess(&self, now: &Self, folder: &Path) -> Vec<String> {
        let mut wrong = Vec::new();
        for (kind, count) in &now.descriptors {
            let may = match kind.as_str() {
                "data/journal/journal.db"
                | "data/journal/journal.db-wal"
                | "data/journal/journal.db-shm" => READERS,
                "socket" => PROVIDER,
                // Sandboxes look at their own memory through it.
                "/proc/pagemap" => PAGEMAPS,
                _ => 0,
            };
            let before = self.descriptors.get(kind).copied().unwrap_or_default();
            if *count > before + may {
                wrong.push(format!("{count} of {kind}, not {before}"));
            }
        }
        if now.threads > self.threads {
            wrong.push(format!("{} threads, not {}", now.threads, self.threads));
        }
        if !now.children.is_empty() {
            wrong.push(format!("children {:?}", now.children));
        }
        wrong.extend(
            unfinished(&folder.join("data"))
                .iter()
                .map(|file| format!("{file:?}")),
        );
        wrong
    }
}

fn kind(target: &Path, folder: &Path) -> String {
    match target.strip_prefix(folder) {
        Ok(inside) => inside.display().to_string(),
        Err(_) if target.ends_with("pagemap") => "/proc/pagemap".to_owned(),
        Err(_) if target.ends_with("statm") => "/proc/statm".to_owned(),
        // Numbers of sockets and pipes tell nothing.
        Err(_) => target
            .display()
            .to_string()
            .split(':')
            .next()
            .unwrap_or_default()
            .to_owned(),
    }
}

fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap();
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers
        .filter(|number: &u32| {
            let stat = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
            // Behind the name, which may hold anything: the state, and the parent.
            let behind = stat.rsplit(')').next().unwrap_or_default();
            behind.split_whitespace().nth(1) == Some(&parent.to_string())
        })
        .collect()
}

/// Files that were begun and not finished, in this folder and below.
pub(super) fn unfinished(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for entry in entries.filter_map(Result::ok) {
        if entry.path().is_dir() {
            found.extend(unfinished(&entry.path()));
        } else if entry.file_name().to_string_lossy().starts_with('.') {
            found.push(entry.path());
        }
    }
    found
}
