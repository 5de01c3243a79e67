//! The way out of a turn: one answer, whole or in pieces, for the caller and for whoever asks for the same turn again.
//!
//! The turn writes at a [`Source`]; each caller reads at a [`Reader`], from the first piece on, however late it came.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

use super::TurnError;
use super::passage::Passage;
use super::quota::Place;

/// Pieces that may wait for the callers; then the agent has to.
const WAITING_PIECES: usize = 16;

/// So many bytes of an answer are nobody's concern; what is beyond has memory set aside.
const SMALL: usize = 64 << 10;

/// What an answer is when its agent does not say.
const DEFAULT_CONTENT_TYPE: &str = "application/json";

/// The answer to an invocation.
#[derive(Debug)]
pub enum Answer {
    /// All of it.
    Whole {
        /// As the agent set it, otherwise JSON.
        content_type: String,
        /// The bytes.
        body: Bytes,
    },
    /// As it is made.
    Stream {
        /// As the agent set it, otherwise JSON.
        content_type: String,
        /// The pieces, in order.
        chunks: Chunks,
    },
}

/// The pieces of a streamed answer.
pub struct Chunks(Reader);

impl Chunks {
    /// The next piece; none after the last. After an error, which means that the answer is not whole, call no more.
    pub async fn next(&mut self) -> Option<Result<Bytes, TurnError>> {
        self.0.next().await
    }
}

impl std::fmt::Debug for Chunks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chunks")
    }
}

/// What both ends share.
struct Outlet {
    answer: Mutex<Written>,
    /// Something was written, or the answer ended.
    written: Notify,
    /// Something was read, or a reader left.
    read: Notify,
}

struct Written {
    content_type: String,
    /// Kept while the turn runs. How much an agent may send is for the sandbox to bound.
    pieces: Vec<Bytes>,
    /// Whether pieces leave one by one.
    streamed: bool,
    end: Option<Result<(), TurnError>>,
    /// How many pieces each reader has taken, by its number; none for one who left.
    readers: Vec<Option<usize>>,
    /// What is left of the bytes that need none.
    small: usize,
    /// Of all pieces, as long as anybody may read them; none when nothing is counted.
    room: Option<Passage>,
}

/// The account's answers on their way take as much memory as they may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoRoom;

impl Outlet {
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Written {
    /// How many pieces the foremost reader has not taken; none without readers.
    fn backlog(&self) -> Option<usize> {
        let foremost = self.readers.iter().flatten().max()?;
        Some(self.pieces.len() - foremost)
    }

    fn has_room(&mut self, bytes: usize) -> bool {
        if let Some(small) = self.small.checked_sub(bytes) {
            self.small = small;
            return true;
        }
        let room = self.room.as_mut();
        room.is_none_or(|room| room.widen(bytes as u64))
    }
}

/// The turn's end. Dropped without a word, it breaks the answer off.
pub(super) struct Source {
    outlet: Arc<Outlet>,
    /// Kept until the last word is said.
    _place: Option<Place>,
}

/// An answer as far as it was written.
pub(super) struct Whole {
    pub(super) content_type: String,
    /// Whether pieces left one by one.
    pub(super) streamed: bool,
    pub(super) output: Bytes,
}

/// Finds the answer of a turn that runs or waits, without keeping it.
#[derive(Clone)]
pub(super) struct Ticket(Weak<Outlet>);

/// A caller's end.
pub(super) struct Reader {
    outlet: Arc<Outlet>,
    number: usize,
}

/// An answer that nobody has written to yet, and its first reader. The turn's place is given back with the last word; its
/// room, which grows with the answer, when the last reader has gone.
pub(super) fn outlet(place: Option<Place>, room: Option<Passage>) -> (Source, Reader) {
    let outlet = Arc::new(Outlet {
        answer: Mutex::new(Written {
            content_type: DEFAULT_CONTENT_TYPE.to_owned(),
            pieces: Vec::new(),
            streamed: false,
            end: None,
            readers: vec![Some(0)],
            small: SMALL,
            room,
        }),
        written: Notify::new(),
        read: Notify::new(),
    });
    let reader = Reader {
        outlet: Arc::clone(&outlet),
        number: 0,
    };
    let source = Source {
        outlet,
        _place: place,
    };
    (source, reader)
}

impl Source {
    /// Lets others find this answer.
    pub(super) fn ticket(&self) -> Ticket {
        Ticket(Arc::downgrade(&self.outlet))
    }

    /// Without effect once something was sent.
    pub(super) fn set_content_type(&self, value: String) {
        let mut answer = self.outlet.lock();
        if !answer.streamed && answer.end.is_none() {
            answer.content_type = value;
        }
    }

    /// Whether there is memory for so much more of the answer, which is set aside then.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.outlet.lock().has_room(bytes)
    }

    /// Sends a piece, and waits while even the fastest caller is slow; false when no caller is there.
    pub(super) async fn write(&self, piece: Bytes) -> Result<bool, NoRoom> {
        {
            let mut answer = self.outlet.lock();
            if answer.end.is_some() {
                return Ok(false);
            }
            if !answer.has_room(piece.len()) {
                return Err(NoRoom);
            }
            answer.streamed = true;
            answer.pieces.push(piece);
        }
        self.outlet.written.notify_waiters();
        Ok(self.is_read().await)
    }

    /// Waits until a caller has taken enough; false when there is none.
    async fn is_read(&self) -> bool {
        loop {
            let taken = self.outlet.read.notified();
            match self.outlet.lock().backlog() {
                None => return false,
                Some(backlog) if backlog < WAITING_PIECES => return true,
                Some(_) => {}
            }
            taken.await;
        }
    }

    /// What was written so far, with `rest` behind it.
    pub(super) fn written(&self, rest: &[u8]) -> Whole {
        let answer = self.outlet.lock();
        let mut pieces = answer.pieces.clone();
        if !rest.is_empty() {
            pieces.push(Bytes::copy_from_slice(rest));
        }
        Whole {
            content_type: answer.content_type.clone(),
            streamed: answer.streamed,
            output: joined(&pieces),
        }
    }

    /// Writes what was written in another turn.
    pub(super) fn repeat(&self, content_type: String, streamed: bool, output: Bytes) {
        {
            let mut answer = self.outlet.lock();
            answer.content_type = content_type;
            answer.streamed = streamed;
            answer.pieces.push(output);
        }
        self.outlet.written.notify_waiters();
    }

    /// The answer is complete; `rest` is its end.
    pub(super) fn finish(&self, rest: Vec<u8>) {
        self.end(Ok(()), rest.into());
    }

    /// There is no answer, or no more of it.
    pub(super) fn fail(&self, error: TurnError) {
        self.end(Err(error), Bytes::new());
    }

    /// The agent says that it failed. In a stream of events that is one more event and a clean end, as callers of
    /// AgentCore know it; any other answer breaks off.
    pub(super) fn agent_failed(&self, error: TurnError) {
        let events = {
            let answer = self.outlet.lock();
            answer.streamed && answer.content_type.starts_with("text/event-stream")
        };
        if !events {
            return self.fail(error);
        }
        let event = serde_json::json!({
            "error": error.to_string(),
            "error_type": "AgentError",
            "message": "An error occurred during streaming",
        });
        self.end(Ok(()), format!("data: {event}\n\n").into());
    }

    fn end(&self, end: Result<(), TurnError>, rest: Bytes) {
        {
            let mut answer = self.outlet.lock();
            if answer.end.is_some() {
                return;
            }
            if !rest.is_empty() {
                answer.pieces.push(rest);
            }
            answer.end = Some(end);
        }
        self.outlet.written.notify_waiters();
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.fail(TurnError::BrokenOff);
    }
}

impl Ticket {
    /// A reader of the same answer, from its start; none when the turn is long over.
    pub(super) fn reader(&self) -> Option<Reader> {
        let outlet = self.0.upgrade()?;
        let number = {
            let mut answer = outlet.lock();
            answer.readers.push(Some(0));
            answer.readers.len() - 1
        };
        Some(Reader { outlet, number })
    }

    /// Whether the answer can still be read.
    pub(super) fn is_live(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl Reader {
    /// Waits for the answer, or for its first piece.
    pub(super) async fn answer(self) -> Result<Answer, TurnError> {
        loop {
            // Registered before the look, so that what is written after the look wakes it.
            let written = self.outlet.written.notified();
            let found = {
                let answer = self.outlet.lock();
                match (&answer.end, answer.streamed) {
                    (_, true) => Some((answer.content_type.clone(), None)),
                    (Some(Ok(())), false) => {
                        let whole = joined(&answer.pieces);
                        Some((answer.content_type.clone(), Some(whole)))
                    }
                    (Some(Err(error)), false) => return Err(error.clone()),
                    (None, false) => None,
                }
            };
            let Some((content_type, whole)) = found else {
                written.await;
                continue;
            };
            drop(written);
            return Ok(match whole {
                None => Answer::Stream {
                    content_type,
                    chunks: Chunks(self),
                },
                Some(whole) => Answer::Whole {
                    content_type,
                    body: self.body(whole),
                },
            });
        }
    }

    /// A large answer keeps its room until the last of it is taken.
    fn body(self, whole: Bytes) -> Bytes {
        struct Body {
            whole: Bytes,
            _reader: Reader,
        }
        impl AsRef<[u8]> for Body {
            fn as_ref(&self) -> &[u8] {
                &self.whole
            }
        }
        match whole.len() {
            ..=SMALL => whole,
            _ => Bytes::from_owner(Body {
                whole,
                _reader: self,
            }),
        }
    }

    async fn next(&mut self) -> Option<Result<Bytes, TurnError>> {
        loop {
            let written = self.outlet.written.notified();
            let piece = {
                let mut answer = self.outlet.lock();
                let taken = answer.readers[self.number].unwrap_or_default();
                match (answer.pieces.get(taken).cloned(), &answer.end) {
                    (Some(piece), _) => {
                        answer.readers[self.number] = Some(taken + 1);
                        Some(piece)
                    }
                    (None, Some(Ok(()))) => return None,
                    (None, Some(Err(error))) => return Some(Err(error.clone())),
                    (None, None) => None,
                }
            };
            if let Some(piece) = piece {
                self.outlet.read.notify_waiters();
                return Some(Ok(piece));
            }
            written.await;
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.outlet.lock().readers[self.number] = None;
        self.outlet.read.notify_waiters();
    }
}

fn joined(pieces: &[Bytes]) -> Bytes {
    match pieces {
        [] => Bytes::new(),
        [only] => only.clone(),
        many => many
            .iter()
            .fold(BytesMut::new(), |mut all, piece| {
                all.extend_from_slice(piece);
                all
            })
            .freeze(),
    }
}

#[cfg(test)]
#[path = "outlet/tests.rs"]
mod tests;
