//! A model, its tools and their conversation.

mod error;
mod prompt;
mod turn;

use std::fmt::Display;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::Error;
pub use prompt::Prompt;
pub use turn::Reply;

use crate::model::{Broker, Delivery, Inference, Message, Model, Request};
use crate::response::Events;
use crate::tool::Tool;

/// How often a model is asked in one turn, unless [`Agent::max_rounds`] says otherwise.
///
/// Each round pays for the whole conversation again, so a model that goes in circles is expensive;
/// one that gets somewhere seldom needs more than ten.
pub const MAX_ROUNDS: usize = 20;

/// A model with a system prompt and tools, that remembers what was said.
///
/// Made in the session's first turn and kept in the [`Handler`](crate::Handler), its conversation
/// lasts as long as the session.
///
/// ```no_run
/// use kellion_sdk::Agent;
///
/// # fn main() -> Result<(), kellion_sdk::agent::Error> {
/// let mut agent = Agent::new("us.anthropic.claude-sonnet-4-20250514-v1:0")
///     .system("You are a patient teacher.");
///
/// agent.ask("How much is 2 times 5?")?;
/// let reply = agent.ask("And that plus 34?")?;
/// assert!(reply.text.contains("44"));
/// # Ok(())
/// # }
/// ```
pub struct Agent {
    /// The conversation is its messages.
    request: Request,
    tools: Vec<Tool>,
    model: Box<dyn Model>,
    max_rounds: usize,
}

impl Agent {
    /// An agent of a model id, an inference-profile id, or an alias that the operator has set.
    pub fn new(model: impl Into<String>) -> Self {
        Request::new(model).into()
    }

    /// Adds to the system prompt.
    pub fn system(mut self, text: impl Into<String>) -> Self {
        self.request = self.request.system(text);
        self
    }

    /// Sets how the model answers.
    pub fn inference(mut self, inference: Inference) -> Self {
        self.request.inference = inference;
        self
    }

    /// Gives the model a function to call; see [`Tool::new`] for what it may be.
    pub fn tool<I, O, E>(
        self,
        name: impl Into<String>,
        description: impl Into<String>,
        function: impl FnMut(I) -> Result<O, E> + 'static,
    ) -> Self
    where
        I: DeserializeOwned + JsonSchema,
        O: Serialize,
        E: Display,
    {
        self.add_tool(Tool::new(name, description, function))
    }

    /// Gives the model a tool that was made elsewhere.
    pub fn add_tool(mut self, tool: Tool) -> Self {
        self.request.tools.push(tool.declaration().clone());
        self.tools.push(tool);
        self
    }

    /// Bounds how often the model is asked in one turn; otherwise [`MAX_ROUNDS`].
    pub fn max_rounds(mut self, rounds: usize) -> Self {
        self.max_rounds = rounds;
        self
    }

    /// Takes answers from something other than the host's [`Broker`], such as a script in a test.
    pub fn answered_by(mut self, model: impl Model + 'static) -> Self {
        self.model = Box::new(model);
        self
    }

    /// Asks the model, runs the tools that it calls, and asks again until it has answered.
    ///
    /// An error leaves the conversation as it was before: the next `ask` works.
    pub fn ask(&mut self, prompt: impl Into<Prompt>) -> Result<Reply, Error> {
        self.take_turn(prompt.into(), &mut Delivery::Whole)
    }

    /// Like [`ask`](Self::ask), and hands over each piece of the model's text as it comes: what it
    /// says before it calls a tool as well as its final answer.
    ///
    /// An error takes the pieces out of the conversation, but they have been handed over.
    pub fn ask_streaming(
        &mut self,
        prompt: impl Into<Prompt>,
        mut text: impl FnMut(&str),
    ) -> Result<Reply, Error> {
        self.take_turn(prompt.into(), &mut Delivery::Pieces(&mut text))
    }

    /// Like [`ask_streaming`](Self::ask_streaming), with the pieces sent to the caller by the host
    /// itself, without a trip through the agent.
    pub fn ask_forwarding(
        &mut self,
        prompt: impl Into<Prompt>,
        events: &mut Events,
    ) -> Result<Reply, Error> {
        self.take_turn(prompt.into(), &mut Delivery::Forward(events))
    }

    /// The conversation so far.
    pub fn messages(&self) -> &[Message] {
        &self.request.messages
    }

    /// The conversation, to shorten or to restore. It must begin with the user, take turns, and
    /// keep each tool result right behind its call, or providers refuse it.
    pub fn messages_mut(&mut self) -> &mut Vec<Message> {
        &mut self.request.messages
    }
}

impl From<Request> for Agent {
    /// An agent that asks in the way of a request: with its guardrail, its extra fields, and its
    /// messages as the conversation so far.
    fn from(request: Request) -> Self {
        Self {
            request,
            tools: Vec::new(),
            model: Box::new(Broker),
            max_rounds: MAX_ROUNDS,
        }
    }
}

#[cfg(test)]
mod tests;
