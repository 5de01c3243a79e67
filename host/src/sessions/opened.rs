//! The streams of models that a turn has opened: they end with it.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Poll;

use futures::stream::{self, StreamExt as _};

use crate::contract::EventStream;
use crate::contract::model::{Error, ErrorKind};

/// Closes what is still open when it is dropped, whoever holds it: a guest that keeps a stream for its next turns keeps no
/// call to the provider.
#[derive(Default)]
pub(super) struct Opened(Vec<Weak<Slot>>);

/// None after it was closed.
type Slot = Mutex<Option<EventStream>>;

impl Opened {
    /// The same stream, which ends with the turn.
    pub(super) fn add(&mut self, events: EventStream) -> EventStream {
        let slot = Arc::new(Mutex::new(Some(events)));
        self.0.retain(|slot| slot.strong_count() > 0);
        self.0.push(Arc::downgrade(&slot));
        stream::poll_fn(move |context| {
            let mut events = slot.lock().unwrap_or_else(PoisonError::into_inner);
            match &mut *events {
                Some(events) => events.poll_next_unpin(context),
                None => Poll::Ready(Some(Err(over()))),
            }
        })
        .boxed()
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        for slot in self.0.iter().filter_map(Weak::upgrade) {
            let events = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(events);
        }
    }
}

/// What a stream gives that is read when its turn is over.
pub(super) fn over() -> Error {
    Error {
        kind: ErrorKind::Unavailable,
        message: "the turn in which this stream was opened is over".to_owned(),
        retry_after_ms: None,
        usage: None,
    }
}
