//! An agent that does one thing on request, for the host's tests: `{"do": "echo", "value": 1}`.

mod agent;
mod faults;
mod models;
mod output;
mod surroundings;

use std::thread;
use std::time::Duration;

use kellion_sdk::{Agent, AgentError, Body, Context, FromBody, Handler, IntoBody, Result, session};
use serde::Deserialize;
use serde_json::{Value, json};

use kellion_sdk::model::Stream;
use models::Question;

/// What came: bytes to send back as they are, or something to do.
enum Request {
    Bytes(Body),
    Deed(Deed),
}

impl FromBody for Request {
    fn from_body(body: Body) -> Result<Self> {
        if body.content_type.as_deref() == Some("application/octet-stream") {
            return Ok(Self::Bytes(body));
        }
        Deed::from_body(body).map(Self::Deed)
    }
}

/// What to do.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Deed {
    /// Answers with the value.
    Echo { value: Value },
    /// Answers with the number of this turn, counted in the agent's own memory.
    Count,
    /// Answers with the whole context.
    Context,
    /// Answers with a value of the agent's configuration.
    Config { name: String },
    /// Does what a value of the agent's configuration says, in the form of a payload.
    Configured { name: String },
    /// Answers with what may still be spent.
    Remaining,

    /// Streams the numbers from 1 to `n`, then fails if there is a `message`.
    Stream {
        n: u64,
        #[serde(default)]
        pause_ms: u64,
        message: Option<String>,
    },
    /// Writes plain text, the chunks at once and the rest as the turn's answer.
    Raw { chunks: Vec<String>, rest: String },
    /// Answers with that many bytes.
    Large { bytes: usize },
    /// Prints the message to stdout and stderr, logs it at every level, and answers with it.
    Print { message: String },
    /// Prints the message to stdout and stderr without a line end. That for stdout stays in the agent's own memory until
    /// a line ends.
    Mutter { message: String },

    /// Answers with a model's text and what it cost.
    Model(Question),
    /// Forwards a model's text to the caller.
    ModelStream(Question),
    /// Takes a model's first event and drops the stream.
    ModelCancel(Question),
    /// Takes a model's first event and keeps the stream for the turns to come.
    ModelHold(Question),
    /// Opens so many streams at once, reads those that were granted to their end, and answers with what became of them.
    ModelMany {
        #[serde(flatten)]
        question: Question,
        times: usize,
    },
    /// Answers with the number of streams that were kept, and drops them.
    Release,
    /// Asks an agent with a calculator, in the session's conversation.
    Agent { prompt: String },
    /// Answers with the number of tokens that asking would cost.
    CountTokens(Question),
    /// Answers with what a model's own API says.
    InvokeModel { model: String, body: Value },

    /// Fails the turn.
    Fail { message: String },
    /// Panics.
    Panic,
    /// Runs into an instruction that traps.
    Trap,
    /// Never ends.
    Spin,
    /// Computes so many rounds, and then does something else.
    After { rounds: u64, then: Box<Deed> },
    /// Fills memory until it is refused, or that much is full.
    Fill { mib: Option<usize> },
    /// Keeps that much memory for the turns to come, every byte of it written, and answers with all that is kept.
    Keep { kib: usize },
    /// Overflows the stack.
    Recurse,

    /// Answers with what can be reached of the machine below.
    Env,
    /// Answers with the time by both clocks.
    Clock,
    /// Answers with 16 random bytes in hex.
    Random,
    /// Waits.
    Sleep { ms: u64 },
}

struct Probe {
    turns: u64,
    kept: Vec<u8>,
    streams: Vec<Stream>,
    agent: Agent,
}

impl Handler for Probe {
    type Payload = Request;
    type Answer = Body;

    fn start() -> Self {
        Self {
            turns: 0,
            kept: Vec::new(),
            streams: Vec::new(),
            agent: agent::with_calculator(),
        }
    }

    fn invoke(&mut self, request: Request, context: &Context) -> Result<Body> {
        self.turns += 1;
        match request {
            Request::Bytes(bytes) => Ok(bytes),
            Request::Deed(deed) => self.perform(deed, context),
        }
    }
}

impl Probe {
    fn perform(&mut self, deed: Deed, context: &Context) -> Result<Body> {
        match deed {
            Deed::Echo { value } => value.into_body(),
            Deed::Count => self.turns.into_body(),
            Deed::Context => context.into_body(),
            Deed::Config { name } => session::config(&name).into_body(),
            Deed::Configured { name } => {
                let deed = session::config(&name).unwrap_or_default();
                self.perform(serde_json::from_str(&deed)?, context)
            }
            Deed::Remaining => session::remaining().into_body(),

            Deed::Stream {
                n,
                pause_ms,
                message,
            } => output::stream(n, Duration::from_millis(pause_ms), message)?.into_body(),
            Deed::Raw { chunks, rest } => Ok(output::raw(&chunks, rest)),
            Deed::Large { bytes } => output::large(bytes),
            Deed::Print { message } => {
                output::print(&message);
                message.into_body()
            }
            Deed::Mutter { message } => {
                output::mutter(&message);
                message.into_body()
            }

            Deed::Model(question) => models::ask(question)?.into_body(),
            Deed::ModelStream(question) => models::forward(question)?.into_body(),
            Deed::ModelCancel(question) => models::cancel(question)?.into_body(),
            Deed::ModelHold(question) => {
                let (event, stream) = models::hold(question)?;
                self.streams.push(stream);
                event.into_body()
            }
            Deed::ModelMany { question, times } => models::many(&question, times).into_body(),
            Deed::Release => {
                let released = self.streams.len();
                self.streams.clear();
                released.into_body()
            }
            Deed::Agent { prompt } => self.agent.ask(prompt)?.text.into_body(),
            Deed::CountTokens(question) => models::count_tokens(question)?.into_body(),
            Deed::InvokeModel { model, body } => models::invoke(&model, &body),

            Deed::Fail { message } => Err(AgentError::Failed(message)),
            Deed::Panic => panic!("asked to panic"),
            Deed::Trap => faults::trap(),
            Deed::Spin => faults::spin(),
            Deed::After { rounds, then } => {
                faults::compute(rounds);
                self.perform(*then, context)
            }
            Deed::Fill { mib } => faults::fill(mib.unwrap_or(usize::MAX)).into_body(),
            Deed::Keep { kib } => {
                faults::keep(&mut self.kept, kib)?;
                json!({ "kept_bytes": self.kept.len() }).into_body()
            }
            Deed::Recurse => faults::recurse(0).into_body(),

            Deed::Env => surroundings::reach().into_body(),
            Deed::Clock => surroundings::clock()?.into_body(),
            Deed::Random => surroundings::random().into_body(),
            Deed::Sleep { ms } => {
                thread::sleep(Duration::from_millis(ms));
                json!({ "slept_ms": ms }).into_body()
            }
        }
    }
}

kellion_sdk::export!(Probe);

#[cfg(test)]
mod tests;
