//! What is recorded of a session: all that its memory depends on, and what its callers were told.
//!
//! The guest's random numbers come from the seed, its clock moves with the records' times, and what it asked of the world
//! is here with what it got. So the same component, fed the same records, has the same memory.
//!
//! A change of these types that older programs would misread needs a new [`FORMAT`](super::codec::FORMAT).

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Body, Incarnation};
use crate::clock::Timestamp;
use crate::contract::log::Level;
use crate::contract::model::{Error, Event, Response};
use crate::contract::session::Budget;
use crate::contract::types::Context;
use crate::ids::{Digest, InvocationId, RequestId, SessionId, UserId, Version};

/// One entry of a session's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// The session began; always the first record, written by [`Journal::begin`](super::Journal::begin).
    Started(Started),
    /// A turn was taken on, and will run.
    TurnAccepted(Box<TurnAccepted>),
    /// The guest was given something that came from outside.
    Observed(Box<Observed>),
    /// A turn is over; its caller may be answered.
    TurnFinished(Box<TurnFinished>),
    /// Both in one, of a turn that was over before it had observed anything.
    Turn(Box<Turn>),
    /// The session's memory was kept; written by [`Writer::keep_image`](super::Writer::keep_image). A replay passes over it.
    Image(Imaged),
    /// The session is over; always the last record.
    Ended(Ended),
}

impl Record {
    /// When it happened.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Started(record) => record.lives_from(),
            Self::TurnAccepted(record) => record.at,
            Self::Observed(record) => record.at,
            Self::TurnFinished(record) => record.at,
            Self::Turn(record) => record.finished.at,
            Self::Image(record) => record.at,
            Self::Ended(record) => record.at,
        }
    }
}

/// The session began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// Where all randomness of the session comes from.
    pub seed: Seed,
    /// The agent's version, which the session keeps.
    pub version: Version,
    /// The component of that version.
    pub artifact: Digest,
    /// Who opened the session, when callers have names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// On whose behalf, when the caller said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// When.
    pub at: Timestamp,
    /// What the guest could feel of its limits.
    pub limits: Limits,
    /// Whose turns it begins with, when it is a fork.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked: Option<Forked>,
}

impl Started {
    /// From when on the session is there for callers. Its guest may be older: a fork's was born in another session.
    pub fn lives_from(&self) -> Timestamp {
        self.forked.as_ref().map_or(self.at, |forked| forked.at)
    }
}

/// The session began as the copy of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forked {
    /// The other, of the same agent.
    pub session: SessionId,
    /// Which of its lives.
    pub incarnation: Incarnation,
    /// The last turn that was copied. Where it is not recorded, the copy broke off and was never acknowledged.
    pub turn: u64,
    /// When.
    pub at: Timestamp,
}

/// The limits that a replay must repeat: memory refused once must be refused again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Linear memory of the session, in MiB.
    pub memory_mib: u32,
}

/// 32 random bytes; in JSON 64 hexadecimal digits. Not shown by `Debug`: who knows it foretells the guest's randomness.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub [u8; 32]);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

impl Serialize for Seed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::chain::hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::chain::unhex(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom("a seed has 64 hexadecimal digits"))
    }
}

/// A turn was taken on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnAccepted {
    /// 1 for the session's first turn.
    pub turn: u64,
    /// Names the turn in logs and answers.
    pub request: RequestId,
    /// The caller's name for it, by which a retry is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation: Option<InvocationId>,
    /// When.
    pub at: Timestamp,
    /// What the agent gets.
    pub payload: Body,
    /// What the agent is told.
    pub context: Context,
}

/// The guest was given something that came from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// In which turn.
    pub turn: u64,
    /// Which of the turn's calls it answers; several records have the number of one stream.
    pub call: u32,
    /// What was asked: a replay that asks something else has diverged. None where nothing is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Digest>,
    /// When; the guest's clock moves here.
    pub at: Timestamp,
    /// What the guest got.
    pub result: Observation,
}

/// What the guest got from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Observation {
    /// `model.converse` returned.
    Converse {
        /// The answer.
        answer: Result<Response, Error>,
    },
    /// `model.converse-stream` was refused, or its stream gave some of its events.
    ConverseStream {
        /// In their order, each with the milliseconds between the record's time and its own.
        events: Vec<(u64, Event)>,
        /// What came after them.
        end: StreamEnd,
    },
    /// `model.count-tokens` returned.
    CountTokens {
        /// The answer.
        answer: Result<u64, Error>,
    },
    /// `model.invoke-model` returned.
    InvokeModel {
        /// The answer.
        answer: Result<Body, Error>,
    },
    /// `session.remaining` returned.
    Remaining {
        /// The answer.
        budget: Budget,
    },
}

/// What came after the events of a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case", deny_unknown_fields)]
pub enum StreamEnd {
    /// More; a later record of the same call has it, unless the server died before.
    More,
    /// Nothing: the last event was `done`.
    Done,
    /// The guest dropped the stream.
    Dropped,
    /// There was no stream: the call itself failed.
    Refused {
        /// How.
        error: Error,
    },
    /// The stream broke.
    Failed {
        /// How.
        error: Error,
    },
}

/// A turn is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnFinished {
    /// 1 for the session's first turn.
    pub turn: u64,
    /// When.
    pub at: Timestamp,
    /// What its caller is told.
    pub outcome: Outcome,
    /// From its begin to its end, in microseconds.
    pub duration_us: u64,
    /// The session's linear memory afterwards, in bytes.
    pub memory_bytes: u64,
    /// Its CPU time, in microseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cpu_us: u64,
    /// The name of the limit that it broke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// What it used of models.
    pub models: ModelUse,
    /// What the agent logged and printed, as much of it as the session's log held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<Logged>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A turn that nothing stands between the begin and the end of: most are so short, and half the work to write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// How it began.
    pub accepted: TurnAccepted,
    /// How it ended.
    pub finished: TurnFinished,
}

/// An entry of the session's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logged {
    /// When.
    pub at: Timestamp,
    /// How loud.
    pub level: Level,
    /// As the agent wrote it.
    pub message: String,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Outcome {
    /// With an answer.
    Answered {
        /// The answer's content type.
        content_type: String,
        /// Whether the guest sent pieces before it returned.
        streamed: bool,
        /// The whole answer.
        output: Body,
    },
    /// With an error of the agent's own; the session goes on.
    AgentError {
        /// Whether the agent blames the payload.
        invalid_payload: bool,
        /// In the author's words.
        message: String,
        /// What the caller had been sent by then, if the agent sends its answers in pieces.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent: Option<Sent>,
    },
    /// In a trap or at a limit. What the turn did to the session's memory is undone: the next one finds the session as this
    /// one found it.
    Faulted {
        /// Why.
        message: String,
    },
    /// It was given up, and is undone like one that faulted.
    Abandoned {
        /// Why.
        message: String,
        /// Whether it took longer than a turn may; otherwise its session was ended.
        timed_out: bool,
    },
}

/// What was sent of an answer that broke off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// The answer's content type.
    pub content_type: String,
    /// The pieces, in one.
    pub output: Body,
}

/// What a turn used of models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelUse {
    /// Calls, answered or not.
    pub calls: u64,
    /// Tokens sent, as the provider counted.
    pub input_tokens: u64,
    /// Tokens received, as the provider counted.
    pub output_tokens: u64,
}

impl std::ops::AddAssign for ModelUse {
    fn add_assign(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
    }
}

/// The session's memory was kept, between two turns. What was kept stands in a file, as long as no later image replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imaged {
    /// The last turn that it contains; 0 before the first.
    pub turn: u64,
    /// When.
    pub at: Timestamp,
    /// Which compiled program and engine can restore it.
    pub program: String,
    /// Of its bytes.
    pub state: Digest,
    /// How many they are.
    pub bytes: u64,
}

/// The session is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// Why, such as `idle` or `stopped`.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}
