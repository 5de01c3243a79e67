//! What the writer thread is asked to do.

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::clock::Timestamp;
use crate::ids::SessionKey;
use crate::journal::chain::Hash;
use crate::journal::codec::{Entry, Step};
use crate::journal::store::{Compacted, Incoming, Place, Seq};
use crate::journal::writer::Ticket;
use crate::journal::{Damage, Durability, Error};

/// One thing to do, in the order of the queue.
pub(super) enum Operation {
    Begin {
        key: SessionKey,
        first: Box<Entry>,
        durability: Durability,
    },
    Append {
        ticket: Ticket,
        entry: Box<Entry>,
    },
    /// An image: its record, and the file that it names.
    Keep {
        ticket: Ticket,
        entry: Box<Entry>,
        file: Box<Incoming>,
    },
    Discard {
        ticket: Ticket,
        from: Seq,
    },
    /// Writes what is there already.
    Attempt {
        ticket: Ticket,
    },
    Quarantine {
        place: Place,
        key: SessionKey,
        damage: Damage,
    },
    EndDamaged {
        key: SessionKey,
        now: Timestamp,
    },
    /// Nothing but its place in the line.
    Settle,
    /// Takes away some of the incarnations that ended before; their records are to be purged.
    Expire {
        ended_before: Timestamp,
    },
    /// Takes away all incarnations of a key; their records are to be purged.
    Delete {
        key: SessionKey,
    },
    /// Removes some of the records whose incarnation was taken away.
    Purge,
    /// Removes some of the records before this image, of turns that finished before.
    Trim {
        place: Place,
        image: i64,
        finished_before: Timestamp,
    },
    /// Empties the log, so that nothing that was removed is left in it.
    Truncate,
    /// Removes those of these files that nothing names.
    Sweep {
        files: Vec<Hash>,
    },
    Close,
    #[cfg(test)]
    With(std::sync::Mutex<Option<Visit>>),
}

/// A test's visit to the writer thread.
#[cfg(test)]
pub(super) type Visit = Box<dyn FnOnce(&rusqlite::Connection) + Send>;

/// What came of it.
#[derive(Debug)]
pub(super) enum Done {
    Nothing,
    Begun(Place),
    Ended(u64),
    Deleted {
        incarnations: u64,
        /// The files that they named.
        files: Vec<Hash>,
    },
    Removed {
        compacted: Compacted,
        /// Whether there may be more to remove.
        more: bool,
    },
}

/// Who waits for the outcome.
pub(super) enum Reply {
    Written(oneshot::Sender<Result<(), Error>>),
    Done(oneshot::Sender<Result<Done, Error>>),
}

impl Reply {
    /// Who has gone is not told.
    pub(super) fn send(self, result: Result<Done, Error>) {
        match self {
            Self::Written(reply) => drop(reply.send(result.map(|_| ()))),
            Self::Done(reply) => drop(reply.send(result)),
        }
    }
}

/// An operation in the queue.
pub(super) struct Job {
    pub(super) operation: Operation,
    pub(super) reply: Reply,
    /// The place that its bytes take in the queue.
    pub(super) _room: Option<OwnedSemaphorePermit>,
}

impl Operation {
    /// Whether it shares a transaction with its neighbours in the queue.
    pub(super) fn is_grouped(&self) -> bool {
        match self {
            Self::Begin { .. }
            | Self::Append { .. }
            | Self::Keep { .. }
            | Self::Discard { .. }
            | Self::Attempt { .. }
            | Self::Quarantine { .. }
            | Self::EndDamaged { .. }
            | Self::Settle => true,
            Self::Expire { .. }
            | Self::Delete { .. }
            | Self::Purge
            | Self::Trim { .. }
            | Self::Truncate
            | Self::Sweep { .. }
            | Self::Close => false,
            #[cfg(test)]
            Self::With(_) => false,
        }
    }

    /// Whether its transaction must be synced before it is acknowledged.
    pub(super) fn wants_power(&self) -> bool {
        match self {
            Self::Begin { durability, .. } => *durability == Durability::Power,
            Self::Append { ticket, .. }
            | Self::Keep { ticket, .. }
            | Self::Discard { ticket, .. }
            | Self::Attempt { ticket } => ticket.lane.durability == Durability::Power,
            _ => false,
        }
    }

    /// The incarnation whose image it takes away, if it does: after that there is no other way back than what it writes.
    pub(super) fn replaces_image(&self) -> Option<i64> {
        match self {
            Self::Keep { ticket, .. } => Some(ticket.lane.place.row),
            Self::Append { ticket, entry } => {
                matches!(entry.step, Step::Ended { .. }).then_some(ticket.lane.place.row)
            }
            _ => None,
        }
    }

    /// Whether it changes anything.
    pub(super) fn writes(&self) -> bool {
        !matches!(self, Self::Settle)
    }
}
