//! The guest's handle table as its host sees it, so that a restored cell can have the same one.
//!
//! Nobody can look into the table itself. But indices start at 1, all types share one table, and the place that became
//! free last is given out first: so who sees every opening and every closing, in order, knows what is where. Every
//! function that gives the guest a handle, and every one that takes one back, tells this mirror. A capture checks it
//! against the table: see `image::capture`.

/// Resources that a guest may hold at one time; a chatty agent holds a dozen.
pub(super) const MAX_HANDLES: usize = 1_024;

/// What a handle is, as far as it can be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handle {
    Stdin,
    Stdout,
    Stderr,
    /// The network, which opens nothing; C libraries keep their handle to it for ever.
    Network,
    /// A pollable of the stream at this index.
    Pollable {
        stream: u32,
    },
    /// A model's stream, a timer…
    Other,
}

impl Handle {
    /// What can be opened without another handle.
    pub(super) const ROOTS: [Self; 4] = [Self::Stdin, Self::Stdout, Self::Stderr, Self::Network];

    pub(super) fn is_root(self) -> bool {
        Self::ROOTS.contains(&self)
    }

    pub(super) fn is_stream(self) -> bool {
        match self {
            Self::Stdin | Self::Stdout | Self::Stderr => true,
            Self::Network | Self::Pollable { .. } | Self::Other => false,
        }
    }
}

/// The mirror.
#[derive(Debug, Default)]
pub(super) struct HandleTable {
    slots: Vec<Option<Slot>>,
    /// Places in `slots`; the last is given out next.
    free: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    handle: Handle,
    /// Where its resource lies in the host's own table.
    rep: u32,
}

impl HandleTable {
    /// The guest is given a handle.
    pub(super) fn open(&mut self, handle: Handle, rep: u32) {
        let slot = Some(Slot { handle, rep });
        match self.free.pop() {
            Some(place) => self.slots[place] = slot,
            None => self.slots.push(slot),
        }
    }

    /// The guest is given a pollable of this stream.
    pub(super) fn open_pollable(&mut self, stream: u32, rep: u32) {
        let handle = match self.place(stream) {
            Some(place) => Handle::Pollable {
                stream: index(place),
            },
            None => Handle::Other,
        };
        self.open(handle, rep);
    }

    /// A handle was taken back.
    pub(super) fn close(&mut self, rep: u32) {
        if let Some(place) = self.place(rep) {
            self.slots[place] = None;
            self.free.push(place);
        }
    }

    /// Tables are small: a few streams, and what a turn has open.
    fn place(&self, rep: u32) -> Option<usize> {
        self.slots
            .iter()
            .position(|slot| slot.is_some_and(|slot| slot.rep == rep))
    }

    /// How many handles the guest has.
    pub(super) fn live(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The table without what is of this host only.
    pub(super) fn shape(&self) -> Shape {
        Shape {
            slots: self
                .slots
                .iter()
                .map(|slot| slot.map(|slot| slot.handle))
                .collect(),
            free: self.free.iter().map(|place| index(*place)).collect(),
        }
    }
}

fn index(place: usize) -> u32 {
    place as u32 + 1
}

/// What is at which index, and which indices come next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// From index 1 on.
    pub(super) slots: Vec<Option<Handle>>,
    /// The last is given out next; after the first the table grows.
    pub(super) free: Vec<u32>,
}

impl Shape {
    /// The most places that are captured. Half of those that a table may have: capturing and restoring open handles for
    /// a moment, and must find room.
    pub(super) const LARGEST: usize = MAX_HANDLES / 2;

    /// What is at an index.
    pub(super) fn at(&self, index: u32) -> Option<Handle> {
        let place = (index as usize).checked_sub(1)?;
        self.slots.get(place).copied().flatten()
    }

    /// The index at which the table grows.
    pub(super) fn end(&self) -> u32 {
        index(self.slots.len())
    }

    /// The indices that the next handles will have.
    pub(super) fn next(&self) -> impl Iterator<Item = u32> {
        self.free.iter().rev().copied().chain(self.end()..)
    }

    /// Without the free places at the end that growth would give out in the same order.
    pub(super) fn trimmed(mut self) -> Self {
        let ends = |shape: &Self| shape.free.first().map(|first| first + 1) == Some(shape.end());
        while ends(&self) {
            self.free.remove(0);
            self.slots.pop();
        }
        self
    }

    /// Whether a table can have this shape, with nothing in it that cannot be made again.
    pub(super) fn is_possible(&self) -> bool {
        if self.slots.len() > Self::LARGEST || self.free.len() > Self::LARGEST {
            return false;
        }
        let mut free = self.free.clone();
        free.sort_unstable();
        let holes = (1..self.end()).filter(|index| self.at(*index).is_none());
        let makeable = |handle: &Handle| match handle {
            Handle::Stdin | Handle::Stdout | Handle::Stderr | Handle::Network => true,
            Handle::Pollable { stream } => self.at(*stream).is_some_and(Handle::is_stream),
            Handle::Other => false,
        };
        free.into_iter().eq(holes) && self.slots.iter().flatten().all(makeable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_that_became_free_last_is_given_out_first() {
        let mut table = HandleTable::default();
        table.open(Handle::Stdout, 10);
        table.open_pollable(10, 11);
        table.open(Handle::Stderr, 12);
        table.open(Handle::Other, 13);
        table.close(10);
        table.close(12);
        assert_eq!(table.live(), 2);
        assert_eq!(
            table.shape().next().take(3).collect::<Vec<_>>(),
            [3, 1, 5],
            "{table:?}"
        );
        table.open(Handle::Stdin, 14);
        table.close(13);
        let shape = table.shape();
        assert_eq!(
            shape.slots,
            [
                None,
                Some(Handle::Pollable { stream: 1 }),
                Some(Handle::Stdin),
                None
            ]
        );
        assert!(!shape.is_possible(), "its stream is gone");
        assert_eq!(shape.free, [1, 4]);
        assert_eq!(shape.clone().trimmed(), shape, "4 comes before 1");
    }

    #[test]
    fn growth_is_not_told_from_free_places_at_the_end() {
        let mut table = HandleTable::default();
        for rep in 0..4 {
            table.open(Handle::Stdout, rep);
        }
        for rep in [3, 2] {
            table.close(rep);
        }
        let shape = table.shape().trimmed();
        assert_eq!(shape.slots.len(), 2);
        assert!(shape.free.is_empty() && shape.is_possible());
    }
}
