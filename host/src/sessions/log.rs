//! The log of one session: what its agent logged and printed, bounded, found by request.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::clock::{Clock, Timestamp};
use crate::contract::log::Level;
use crate::ids::RequestId;
use crate::sandbox::LogSink;

/// An entry longer than this is cut: one print must not push the whole history out.
const LONGEST_ENTRY: usize = 16 << 10;

/// What an entry costs beside its text.
const ENTRY_OVERHEAD: usize = 64;

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// When it was written.
    pub at: Timestamp,
    /// The invocation that it belongs to; none while the agent started.
    pub request: Option<RequestId>,
    /// How loud it is.
    #[serde(serialize_with = "level_name")]
    pub level: Level,
    /// The text, as the agent wrote it: show it with care.
    pub message: String,
}

fn level_name<S: serde::Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    })
}

/// A ring of entries: when full, the oldest go first.
pub(super) struct SessionLog {
    clock: Arc<dyn Clock>,
    limit: usize,
    ring: Mutex<Ring>,
}

#[derive(Default)]
struct Ring {
    entries: VecDeque<Entry>,
    bytes: usize,
    request: Option<RequestId>,
    muted: bool,
}

impl Ring {
    fn push(&mut self, entry: Entry, limit: usize) {
        self.bytes += entry.message.len() + ENTRY_OVERHEAD;
        self.entries.push_back(entry);
        while self.bytes > limit
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.message.len() + ENTRY_OVERHEAD;
        }
    }
}

impl SessionLog {
    /// A log that holds `limit` bytes.
    pub(super) fn new(clock: Arc<dyn Clock>, limit: usize) -> Self {
        Self {
            clock,
            limit,
            ring: Mutex::default(),
        }
    }

    /// Entries from now on belong to this request.
    pub(super) fn begin(&self, request: &RequestId) {
        self.ring().request = Some(request.clone());
    }

    /// Whether what is written is thrown away, as what an agent prints when it does again what it did before.
    pub(super) fn mute(&self, muted: bool) {
        self.ring().muted = muted;
    }

    /// The log of a session that is taken up again, instead of all that is there.
    pub(super) fn restore(&self, entries: Vec<Entry>) {
        let mut ring = self.ring();
        *ring = Ring::default();
        for entry in entries {
            ring.push(entry, self.limit);
        }
    }

    /// The entries, oldest first; of one request, when given.
    pub(super) fn entries(&self, request: Option<&RequestId>) -> Vec<Entry> {
        let wanted = |entry: &&Entry| request.is_none() || entry.request.as_ref() == request;
        self.ring().entries.iter().filter(wanted).cloned().collect()
    }

    /// The newest entries, as far back as they belong to this request, oldest first.
    pub(super) fn newest(&self, request: &RequestId) -> Vec<Entry> {
        let ring = self.ring();
        let entries = ring.entries.iter().rev();
        let own = entries.take_while(|entry| entry.request.as_ref() == Some(request));
        let mut own: Vec<Entry> = own.cloned().collect();
        own.reverse();
        own
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogSink for SessionLog {
    fn write(&self, level: Level, message: &str) {
        let (kept, rest) = message.split_at(message.floor_char_boundary(LONGEST_ENTRY));
        let mut message = kept.to_owned();
        if !rest.is_empty() {
            message.push('…');
        }
        let mut ring = self.ring();
        if ring.muted {
            return;
        }
        let entry = Entry {
            at: self.clock.now(),
            request: ring.request.clone(),
            level,
            message,
        };
        ring.push(entry, self.limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn log(limit: usize) -> SessionLog {
        SessionLog::new(Arc::new(ManualClock::new(Timestamp::from_millis(7))), limit)
    }

    #[test]
    fn entries_are_found_by_request() {
        let log = log(10_000);
        let [first, second] = [RequestId::random(), RequestId::random()];
        log.write(Level::Debug, "starting");
        log.begin(&first);
        log.write(Level::Info, "one");
        log.begin(&second);
        log.write(Level::Error, "two");
        let messages = |request| {
            log.entries(request)
                .into_iter()
                .map(|entry| entry.message)
                .collect::<Vec<_>>()
        };
        assert_eq!(messages(None), ["starting", "one", "two"]);
        assert_eq!(messages(Some(&first)), ["one"]);
        assert_eq!(messages(Some(&second)), ["two"]);
    }

    #[test]
    fn the_newest_entries_are_those_of_the_last_request_in_their_order() {
        let log = log(10_000);
        let [first, second, silent] = [(); 3].map(|()| RequestId::random());
        for (request, messages) in [(&first, ["one", "two"]), (&second, ["three", "four"])] {
            log.begin(request);
            for message in messages {
                log.write(Level::Info, message);
            }
        }
        let entries = log.newest(&second).into_iter();
        let messages: Vec<String> = entries.map(|entry| entry.message).collect();
        assert_eq!(messages, ["three", "four"]);
        log.begin(&silent);
        assert_eq!(log.newest(&silent), []);
    }

    #[test]
    fn a_full_log_forgets_its_oldest_entries() {
        let log = log(1_000);
        for number in 0..1_000 {
            log.write(Level::Info, &format!("entry {number}"));
        }
        let entries = log.entries(None);
        assert!(entries.len() < 20, "{}", entries.len());
        assert_eq!(
            entries.last().map(|entry| entry.message.as_str()),
            Some("entry 999")
        );
    }

    #[test]
    fn a_long_entry_is_cut_between_characters() {
        let log = log(1 << 20);
        log.write(Level::Info, &"é".repeat(100_000));
        let entries = log.entries(None);
        assert!(entries[0].message.len() <= LONGEST_ENTRY + '…'.len_utf8());
    }
}
