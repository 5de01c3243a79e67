//! Places, such as those of connections: there are so many, and no address has so many that nothing is left for the next one.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::addresses::{Addresses, Held};

/// Whether whoever comes may be anybody.
pub(in crate::app) type Strangers = Arc<dyn Fn() -> bool + Send + Sync>;

/// All of one kind.
pub(super) struct Places {
    room: Arc<Semaphore>,
    addresses: Addresses,
    strangers: Strangers,
}

/// One of them, as long as this lives.
#[derive(Debug)]
pub(super) struct Place {
    _room: OwnedSemaphorePermit,
    held: Held,
}

impl Places {
    pub(super) fn new(count: usize, strangers: Strangers) -> Self {
        Self {
            room: Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS))),
            addresses: Addresses::default(),
            strangers,
        }
    }

    /// What is free: a permit of it becomes a place.
    pub(super) fn room(&self) -> &Arc<Semaphore> {
        &self.room
    }

    /// A place for who comes from there; none when its address has as many as leave some for others.
    pub(super) fn give(&self, room: OwnedSemaphorePermit, address: IpAddr) -> Option<Place> {
        let held = self.addresses.hold(address);
        if (self.strangers)() && !held.leaves_room(self.room.available_permits()) {
            return None;
        }
        Some(Place { _room: room, held })
    }

    /// The same, if there is room at all.
    pub(super) fn try_give(&self, address: IpAddr) -> Option<Place> {
        let room = Arc::clone(&self.room).try_acquire_owned().ok()?;
        self.give(room, address)
    }
}

impl Place {
    /// Where its owner comes from, or the network.
    pub(super) fn address(&self) -> IpAddr {
        self.held.address()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_as_there_are_and_strangers_leave_some_for_others() {
        let first = IpAddr::from([192, 0, 2, 1]);
        let fill = |places: &Places, address| -> Vec<Place> {
            std::iter::from_fn(|| places.try_give(address)).collect()
        };
        let friends = Places::new(8, Arc::new(|| false));
        let all = fill(&friends, first);
        assert_eq!(all.len(), 8);
        assert_eq!(all[0].address(), first);
        drop(all);
        assert_eq!(fill(&friends, first).len(), 8, "they come back");

        let strangers = Places::new(8, Arc::new(|| true));
        let some = fill(&strangers, first);
        assert_eq!(some.len(), 6);
        assert_eq!(fill(&strangers, [192, 0, 2, 2].into()).len(), 1);
        drop(some);
        assert_eq!(fill(&strangers, first).len(), 6);
    }
}
