//! What this process takes of the machine.

use std::fs;

use crate::telemetry::Telemetry;

/// Has it measured whenever somebody asks. Nothing is known where there is no `/proc`.
pub(super) fn measure(telemetry: &Telemetry) {
    telemetry.measured(
        "process_resident_memory_bytes",
        "Memory of the machine that the server holds",
        resident_bytes,
    );
    telemetry.measured("process_open_fds", "File descriptors that are open", || {
        entries("/proc/self/fd")
    });
    telemetry.measured("process_threads", "Threads of the server", || {
        entries("/proc/self/task")
    });
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or_default() << 10
}

fn entries(folder: &str) -> u64 {
    fs::read_dir(folder).map_or(0, |entries| entries.count() as u64)
}
