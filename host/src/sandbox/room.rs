//! The room for cells that all share: the slots for them, and the memory of the whole server. No group of cells, such as a
//! tenant's, may have so much of it that nothing is left for the next one who comes.
//!
//! What sessions may have together is far more than any machine has, since most use little of it. So what counts is what
//! the system says that the process holds, looked at many times a second. A guest can take no more between two looks than
//! it can write in that time. When it runs short, no cell starts, and of those of the group that holds most, the largest
//! go.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::shares;

/// How much the server holds, and how much it may.
#[derive(Debug)]
pub(super) struct Room {
    /// Cells that can live at one time.
    slots: u64,
    /// Bytes; none when nobody says.
    limit: Option<u64>,
    /// What the kernel says of this process.
    statm: Option<File>,
    /// Bytes that it held at the last look.
    resident: AtomicU64,
    /// Bytes that it held above the limit then, less what was given up since.
    excess: AtomicU64,
    /// Live cells, and bytes of their linear memories.
    all: Held,
    /// Groups with live cells.
    groups: AtomicU64,
    known: Mutex<HashMap<Arc<str>, Weak<Group>>>,
}

/// Cells, and the bytes of their linear memories.
#[derive(Debug, Default)]
struct Held {
    cells: AtomicU64,
    memory: AtomicU64,
}

/// Cells that count together.
#[derive(Debug)]
pub struct Group {
    room: Arc<Room>,
    /// Others may come, and must find room.
    leaves_room: bool,
    held: Held,
}

/// Why there is no room for a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoRoom {
    /// The server holds more memory than it may.
    #[error("the server has no memory left")]
    Memory,
    /// The group holds as much memory as leaves room for others.
    #[error("the group has its share of the memory")]
    OwnMemory,
    /// The group has as many cells as leave room for others.
    #[error("the group has its share of the slots: {cells} cells")]
    OwnCells {
        /// How many it has.
        cells: u64,
    },
}

impl Room {
    /// For a server with room for so many cells, that may hold so much, in MiB; by default nine tenths of what the machine
    /// has.
    pub(super) fn new(slots: u32, limit_mib: Option<u64>) -> Self {
        let limit = match limit_mib {
            Some(mib) => Some(mib << 20),
            None => available().map(|available| available / 10 * 9),
        };
        Self {
            slots: u64::from(slots),
            limit,
            statm: File::open("/proc/self/statm").ok(),
            resident: AtomicU64::new(0),
            excess: AtomicU64::new(0),
            all: Held::default(),
            groups: AtomicU64::new(0),
            known: Mutex::default(),
        }
    }

    /// Looks at what the server holds. Takes some microseconds.
    pub(super) fn look(&self) {
        let resident = self.statm.as_ref().and_then(resident_by).unwrap_or(0);
        let limit = self.limit.unwrap_or(u64::MAX);
        self.resident.store(resident, Ordering::Relaxed);
        self.excess
            .store(resident.saturating_sub(limit), Ordering::Relaxed);
    }

    /// Whether the server holds more than it may.
    pub(super) fn is_short(&self) -> bool {
        self.excess.load(Ordering::Relaxed) > 0
    }

    /// Bytes that may still be taken.
    fn free(&self) -> u64 {
        let limit = self.limit.unwrap_or(u64::MAX);
        limit.saturating_sub(self.resident.load(Ordering::Relaxed))
    }

    /// Cells that share with nobody: they may have all.
    pub(super) fn whole(self: &Arc<Self>) -> Arc<Group> {
        Arc::new(Group::new(Arc::clone(self), false))
    }

    /// The group that is called so.
    pub(super) fn group(self: &Arc<Self>, name: &str) -> Arc<Group> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = known.get(name).and_then(Weak::upgrade) {
            return group;
        }
        known.retain(|_, group| group.strong_count() > 0);
        let group = Arc::new(Group::new(Arc::clone(self), true));
        known.insert(Arc::from(name), Arc::downgrade(&group));
        group
    }
}

impl Group {
    fn new(room: Arc<Room>, leaves_room: bool) -> Self {
        Self {
            room,
            leaves_room,
            held: Held::default(),
        }
    }

    /// Whether one more cell leaves room for others.
    fn may_start(&self) -> Result<(), NoRoom> {
        let room = &self.room;
        if room.is_short() {
            // It may have been long ago, by what a session that leaves gives back.
            room.look();
        }
        if room.is_short() {
            return Err(NoRoom::Memory);
        }
        let cells = self.held.cells();
        if !self.leaves_room || cells == 0 {
            return Ok(());
        }
        // When nothing is free, it is not for this group's having too much.
        match room.slots.saturating_sub(room.all.cells()) {
            0 => return Ok(()),
            free if !shares::leaves_enough(cells + 1, free) => {
                return Err(NoRoom::OwnCells { cells });
            }
            _ => {}
        }
        match shares::leaves_enough(self.resident(), room.free()) {
            true => Ok(()),
            false => Err(NoRoom::OwnMemory),
        }
    }

    /// What it has, about, of what the server holds: of two groups the one with twice the linear memory is taken to have
    /// twice as much.
    fn resident(&self) -> u64 {
        let resident = u128::from(self.room.resident.load(Ordering::Relaxed));
        let all = u128::from(self.room.all.memory());
        let own = u128::from(self.held.memory()).min(all);
        (resident * own)
            .checked_div(all)
            .map_or(0, |part| u64::try_from(part).unwrap_or(u64::MAX))
    }

    /// Whether it holds at least as much as the others do on average.
    fn holds_much(&self) -> bool {
        let groups = self.room.groups.load(Ordering::Relaxed);
        self.held.memory().saturating_mul(groups) >= self.room.all.memory()
    }
}

impl Held {
    fn cells(&self) -> u64 {
        self.cells.load(Ordering::Relaxed)
    }

    fn memory(&self) -> u64 {
        self.memory.load(Ordering::Relaxed)
    }
}

/// What one cell has of the room, until it is dropped.
#[derive(Debug)]
pub(super) struct Share(MemoryGauge);

/// Shows how much linear memory a cell has, wherever that is. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MemoryGauge(Arc<Gauge>);

#[derive(Debug)]
struct Gauge {
    group: Arc<Group>,
    memory: AtomicU64,
    is_live: AtomicBool,
}

impl Share {
    /// Of a cell that starts now, if there is room for one more.
    pub(super) fn of(group: &Arc<Group>) -> Result<Self, NoRoom> {
        group.may_start()?;
        let room = &group.room;
        room.all.cells.fetch_add(1, Ordering::Relaxed);
        if group.held.cells.fetch_add(1, Ordering::Relaxed) == 0 {
            room.groups.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Self(MemoryGauge(Arc::new(Gauge {
            group: Arc::clone(group),
            memory: AtomicU64::new(0),
            is_live: AtomicBool::new(true),
        }))))
    }

    /// The cell has so much more linear memory, in bytes.
    pub(super) fn grow(&mut self, more: u64) {
        let Gauge { group, memory, .. } = &*self.0.0;
        memory.fetch_add(more, Ordering::Relaxed);
        group.held.memory.fetch_add(more, Ordering::Relaxed);
        group.room.all.memory.fetch_add(more, Ordering::Relaxed);
    }

    /// What shows how much it has.
    pub(super) fn gauge(&self) -> &MemoryGauge {
        &self.0
    }

    /// Whether the cell may stay. While the server holds too much, those may not that have as much linear memory as the
    /// average of a group that has as much as the average, or more, until that makes up for it: whoever takes most goes
    /// first, and who has little is left in peace.
    pub(super) fn may_stay(&self) -> Result<(), NoRoom> {
        let gauge = &self.0;
        if !gauge.should_go() {
            return Ok(());
        }
        let excess = &gauge.0.group.room.excess;
        let _ = excess.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |excess| {
            Some(excess.saturating_sub(gauge.bytes()))
        });
        Err(NoRoom::Memory)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Gauge {
            group,
            memory,
            is_live,
        } = &*self.0.0;
        let memory = memory.load(Ordering::Relaxed);
        let room = &group.room;
        is_live.store(false, Ordering::Relaxed);
        group.held.memory.fetch_sub(memory, Ordering::Relaxed);
        room.all.memory.fetch_sub(memory, Ordering::Relaxed);
        if group.held.cells.fetch_sub(1, Ordering::Relaxed) == 1 {
            room.groups.fetch_sub(1, Ordering::Relaxed);
        }
        room.all.cells.fetch_sub(1, Ordering::Relaxed);
    }
}

impl MemoryGauge {
    /// Bytes of linear memory; what the cell had last, when it is no more.
    pub fn bytes(&self) -> u64 {
        self.0.memory.load(Ordering::Relaxed)
    }

    /// Whether the server holds more memory than it may, and the cell is one of those that should make up for it.
    pub fn should_go(&self) -> bool {
        let Gauge { group, is_live, .. } = &*self.0;
        if !group.room.is_short() || !is_live.load(Ordering::Relaxed) || !group.holds_much() {
            return false;
        }
        let cells = group.held.cells();
        self.bytes().saturating_mul(cells) >= group.held.memory()
    }

    /// Whether cells of other groups live at this moment.
    pub fn has_neighbours(&self) -> bool {
        let groups = &self.0.group.room.groups;
        groups.load(Ordering::Relaxed) > 1
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

    const MIB: u64 = 1 << 20;

    fn shares(group: &Arc<Group>, memories: &[u64]) -> Vec<Share> {
        let grown = memories.iter().map(|memory| {
            let mut share = Share::of(group).unwrap();
            share.grow(memory * MIB);
            share
        });
        grown.collect()
    }

    fn stay(shares: &[Share]) -> Vec<bool> {
        shares
            .iter()
            .map(|share| share.may_stay().is_ok())
            .collect()
    }

    #[test]
    fn who_holds_most_goes_first() {
        let room = Arc::new(Room::new(8, Some(1 << 20)));
        room.look();
        let mut shares = shares(&room.whole(), &[1, 100, 0, 0]);
        assert_eq!(stay(&shares), [true; 4], "there is room");
        room.excess.store(1_000 * MIB, Ordering::Relaxed);
        assert_eq!(stay(&shares), [true, false, true, true]);
        shares.remove(1);
        assert_eq!(stay(&shares), [false, true, true]);
        drop(shares);
        assert_eq!((room.all.cells(), room.all.memory()), (0, 0));
        assert!(Share::of(&room.whole()).is_ok(), "it looks again");
    }

    #[test]
    fn of_two_groups_the_one_that_holds_most_makes_up_for_it_and_no_more_than_that() {
        let room = Arc::new(Room::new(100, None));
        let many = shares(&room.group("many"), &[16; 20]);
        let one = shares(&room.group("one"), &[100]);
        room.excess.store(40 * MIB, Ordering::Relaxed);
        assert_eq!(stay(&one), [true], "its group holds less");
        let gone = stay(&many).into_iter().filter(|stays| !stays).count();
        assert_eq!(gone, 3, "of 16 MiB each");
        assert_eq!(stay(&many), [true; 20]);
    }

    #[test]
    fn a_group_leaves_slots_for_others() {
        let room = Arc::new(Room::new(64, None));
        let fill = |group: &Arc<Group>| {
            let mut shares = Vec::new();
            loop {
                match Share::of(group) {
                    Ok(share) => shares.push(share),
                    Err(why) => return (shares, why),
                }
                assert!(shares.len() <= 64, "nobody is ever refused");
            }
        };
        let (mut first, why) = fill(&room.group("first"));
        assert_eq!((first.len(), why), (48, NoRoom::OwnCells { cells: 48 }));
        let (second, _) = fill(&room.group("second"));
        assert_eq!(second.len(), 12);
        let (third, _) = fill(&room.group("third"));
        assert_eq!(third.len(), 3);
        assert!(Share::of(&room.group("fourth")).is_ok());
        // As the others leave, there is more to be had; the group is the same as before.
        drop((second, third));
        first.truncate(47);
        assert!(Share::of(&room.group("first")).is_ok());
        let alone: Vec<_> = (0..17).map(|_| Share::of(&room.whole()).unwrap()).collect();
        assert_eq!(alone.len() as u64 + 47, room.all.cells());
    }

    #[test]
    fn a_group_leaves_memory_for_others() {
        let room = Arc::new(Room::new(100, Some(1_000)));
        let first = room.group("first");
        let large = shares(&first, &[300]);
        let small = shares(&room.group("second"), &[100]);
        let holds = |mib: u64| room.resident.store(mib * MIB, Ordering::Relaxed);
        holds(750);
        assert!(
            Share::of(&first).is_ok(),
            "it has 562 of them, and 250 are free"
        );
        holds(850);
        let refused = Share::of(&first).map(drop);
        assert_eq!(refused, Err(NoRoom::OwnMemory), "637, and 150");
        assert!(Share::of(&room.group("second")).is_ok(), "212, and 150");
        drop((large, small));
    }

    #[test]
    fn groups_are_forgotten_with_their_last_cells() {
        let room = Arc::new(Room::new(8, None));
        let first = room.group("first");
        assert!(Arc::ptr_eq(&first, &room.group("first")));
        drop(first);
        drop(room.group("second"));
        assert_eq!(room.known.lock().unwrap().len(), 1);
        assert_eq!(room.groups.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_server_that_holds_more_than_it_may_starts_no_cell() {
        let room = Arc::new(Room::new(8, Some(1)));
        assert!(Share::of(&room.whole()).is_ok(), "nobody has looked yet");
        room.look();
        assert_eq!(Share::of(&room.whole()).map(drop), Err(NoRoom::Memory));
        assert!(resident() > Some(MIB) && resident() < available());
    }
}
