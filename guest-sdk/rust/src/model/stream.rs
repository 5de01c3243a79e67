//! A response as it is made.

use super::{Delta, Error, ErrorKind, Event, Response, Result};
use crate::bindings::kellion::agent::model::ResponseStream;
use crate::bindings::kellion::agent::response::{self, Framing};

/// The pieces of a response, in order. Dropping the stream cancels the call.
///
/// The iterator ends after [`Event::Done`], which carries the whole response, or after an error.
#[derive(Debug)]
pub struct Stream {
    events: ResponseStream,
    is_over: bool,
}

impl Stream {
    pub(super) fn new(events: ResponseStream) -> Self {
        Self {
            events,
            is_over: false,
        }
    }

    /// Hands over each piece of text as it comes, and returns the whole response.
    pub fn for_each_text(self, text: impl FnMut(&str)) -> Result<Response> {
        for_each_text(self, text)
    }

    /// Sends the text to the caller as it comes, without a trip through the agent, and returns the
    /// whole response. Inside server-sent events:
    /// [`Events::forward`](crate::response::Events::forward).
    pub fn forward(self, framing: Framing) -> Result<Response> {
        Ok(response::forward(self.events, framing)?)
    }
}

impl Iterator for Stream {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let event = self.events.next().map_err(Error::from).transpose();
        self.is_over = !matches!(
            event,
            Some(Ok(Event::BlockStart(_)
                | Event::Delta(_)
                | Event::BlockStop))
        );
        event
    }
}

fn for_each_text(
    events: impl IntoIterator<Item = Result<Event>>,
    mut text: impl FnMut(&str),
) -> Result<Response> {
    for event in events {
        match event? {
            Event::Delta(Delta::Text(piece)) => text(&piece),
            Event::Done(response) => return Ok(response),
            Event::BlockStart(_) | Event::Delta(_) | Event::BlockStop => {}
        }
    }
    Err(Error::new(
        ErrorKind::Unavailable,
        "the stream ended before its response was whole",
    ))
}

#[cfg(test)]
mod tests;
