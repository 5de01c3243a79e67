//! The memory of the whole server: when it runs short, no cell starts, and of the running ones those that hold most go.
//!
//! What sessions may have together is far more than any machine has, since most use little of it. So what counts is what
//! the system says that the process holds, looked at many times a second. A guest can take no more between two looks than
//! it can write in that time.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How much the server holds, and how much it may.
#[derive(Debug)]
pub(super) struct Room {
    /// In bytes; none when nobody says.
    limit: Option<u64>,
    /// What the kernel says of this process.
    statm: Option<File>,
    is_short: AtomicBool,
    /// Live cells.
    cells: AtomicU64,
    /// Bytes of their linear memories.
    memory: AtomicU64,
}

/// There is no room for this cell.
#[derive(Debug, thiserror::Error)]
#[error("the server has no memory left")]
pub(super) struct NoRoom;

impl Room {
    /// For a server that may hold so much, in MiB; by default nine tenths of what the machine has.
    pub(super) fn new(limit_mib: Option<u64>) -> Self {
        let limit = match limit_mib {
            Some(mib) => Some(mib << 20),
            None => available().map(|available| available / 10 * 9),
        };
        Self {
            limit,
            statm: File::open("/proc/self/statm").ok(),
            is_short: AtomicBool::new(false),
            cells: AtomicU64::new(0),
            memory: AtomicU64::new(0),
        }
    }

    /// Looks at what the server holds. Takes some microseconds.
    pub(super) fn look(&self) {
        let resident = self.statm.as_ref().and_then(resident_by);
        let is_short = match (resident, self.limit) {
            (Some(resident), Some(limit)) => resident > limit,
            _ => false,
        };
        self.is_short.store(is_short, Ordering::Relaxed);
    }

    /// Whether the server holds more than it may.
    fn is_short(&self) -> bool {
        self.is_short.load(Ordering::Relaxed)
    }
}

/// What one cell has of the room, until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    room: Arc<Room>,
    memory: u64,
}

impl Share {
    /// Of a cell that starts now, if there is room for one more.
    pub(super) fn of(room: &Arc<Room>) -> Result<Self, NoRoom> {
        if room.is_short() {
            // It may have been long ago, by what a session that leaves gives back.
            room.look();
        }
        if room.is_short() {
            return Err(NoRoom);
        }
        room.cells.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            room: Arc::clone(room),
            memory: 0,
        })
    }

    /// The cell has so much more linear memory, in bytes.
    pub(super) fn grow(&mut self, more: usize) {
        self.memory += more as u64;
        self.room.memory.fetch_add(more as u64, Ordering::Relaxed);
    }

    /// Whether the cell may stay. While the server holds too much, those may not that have as much linear memory as the
    /// average or more: whoever takes most goes first, and who has little is left in peace.
    pub(super) fn may_stay(&self) -> Result<(), NoRoom> {
        if !self.room.is_short() {
            return Ok(());
        }
        let cells = self.room.cells.load(Ordering::Relaxed);
        let all = self.room.memory.load(Ordering::Relaxed);
        if self.memory.saturating_mul(cells) >= all {
            Err(NoRoom)
        } else {
            Ok(())
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.cells.fetch_sub(1, Ordering::Relaxed);
        self.room.memory.fetch_sub(self.memory, Ordering::Relaxed);
    }
}

/// What the machine has, or the container if that is less, in bytes; none when nobody says.
pub fn available() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok()?;
    let total = machine
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.trim().trim_end_matches("kB").trim().parse().ok()?;
    let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max");
    let container = container.ok().and_then(|max| max.trim().parse().ok());
    Some(container.unwrap_or(u64::MAX).min(kib << 10))
}

/// What this process holds of it, in bytes.
pub fn resident() -> Option<u64> {
    resident_by(&File::open("/proc/self/statm").ok()?)
}

fn resident_by(statm: &File) -> Option<u64> {
    let mut text = [0; 128];
    let length = statm.read_at(&mut text, 0).ok()?;
    let text = std::str::from_utf8(&text[..length]).ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_most_goes_first() {
        let room = Arc::new(Room::new(Some(1 << 40)));
        room.look();
        let mut shares: Vec<Share> = (0..4).map(|_| Share::of(&room).unwrap()).collect();
        shares[0].grow(1 << 20);
        shares[1].grow(100 << 20);
        assert!(
            shares.iter().all(|share| share.may_stay().is_ok()),
            "there is room"
        );
        room.is_short.store(true, Ordering::Relaxed);
        let stay: Vec<bool> = shares
            .iter()
            .map(|share| share.may_stay().is_ok())
            .collect();
        assert_eq!(stay, [true, false, true, true]);
        drop(shares);
        assert_eq!(room.memory.load(Ordering::Relaxed), 0);
        assert!(Share::of(&room).is_ok(), "it looks again");
    }

    #[test]
    fn a_server_that_holds_more_than_it_may_starts_no_cell() {
        let room = Arc::new(Room::new(Some(1)));
        assert!(Share::of(&room).is_ok(), "nobody has looked yet");
        room.look();
        assert!(Share::of(&room).is_err());
        assert!(resident() > Some(1 << 20) && resident() < available());
    }
}
