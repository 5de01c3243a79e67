//! Where an agent's answers come from.

use super::{Request, Response, Result, converse, converse_stream};
use crate::response::Events;

/// Something that answers requests: the host's [`Broker`], or in a unit test a
/// [`Script`](crate::testing::Script).
pub trait Model {
    /// Answers one request, and delivers the text on the way as it was asked to.
    fn answer(&mut self, request: &Request, delivery: &mut Delivery<'_>) -> Result<Response>;
}

/// What happens to an answer's text while it is made.
pub enum Delivery<'a> {
    /// Nothing: the whole answer is all that is wanted.
    Whole,
    /// The agent sees each piece.
    Pieces(&'a mut dyn FnMut(&str)),
    /// The caller gets each piece; the agent does not see them.
    Forward(&'a mut Events),
}

/// The models that the host serves. The default of every [`Agent`](crate::Agent).
#[derive(Clone, Copy, Debug)]
pub struct Broker;

impl Model for Broker {
    fn answer(&mut self, request: &Request, delivery: &mut Delivery<'_>) -> Result<Response> {
        match delivery {
            Delivery::Whole => converse(request),
            Delivery::Pieces(text) => converse_stream(request)?.for_each_text(text),
            Delivery::Forward(events) => events.forward(converse_stream(request)?),
        }
    }
}
