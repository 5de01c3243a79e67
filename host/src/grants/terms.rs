//! What can be asked for and bounded, in the same words for both.

use std::collections::BTreeSet;
use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};

use serde::{Deserialize, Serialize};

use super::words::{HostName, ModelPattern, Name, Words};

/// What an agent may use, as one side says it. What a member that is left out means depends on the side, and stands there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Terms {
    /// Models that may be called. Left out: every model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Words<ModelPattern>>,
    /// Hosts that may be reached. Left out: none. Agents cannot reach any yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress: Option<Words<HostName>>,
    /// Linear memory of a session, in MiB. Left out: as much as the server gives; never more than that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<NonZeroU32>,
    /// How long a turn may take, waiting included, in seconds. Left out: as the server is configured; never longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_seconds: Option<NonZeroU64>,
    /// CPU time of a turn, in milliseconds. Left out: as the server is configured; never more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_cpu_ms: Option<NonZeroU64>,
    /// Calls of models in one turn, answered or not. Left out: as the server is configured; never more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_calls_per_turn: Option<u64>,
    /// Tokens that a session may send to models, as they counted. Left out: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens_per_session: Option<u64>,
    /// Tokens that a session may get from models, as they counted. Left out: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens_per_session: Option<u64>,
    /// Names of values that the agent's configuration may set. Left out: every name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Words<Name>>,
    /// Names of secrets that the agent may be given. Left out: none in a manifest and in a grant, every one in a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Words<Name>>,
}

impl Terms {
    /// Each key with what it says, for people; `*` is everything.
    pub fn lines(&self) -> Vec<String> {
        let lists = self.lists().into_iter().map(|(key, words)| {
            let words = Vec::from_iter(words);
            match words.is_empty() {
                true => format!("{key} none"),
                false => format!("{key} {}", words.join(", ")),
            }
        });
        let limits = self.limits().map(|(key, limit)| format!("{key} {limit}"));
        lists.chain(limits).collect()
    }

    /// The lists, in words.
    pub(super) fn lists(&self) -> [(&'static str, BTreeSet<String>); 4] {
        [
            ("models", or_every(self.models.as_ref())),
            ("egress", or_none(self.egress.as_ref())),
            ("environment", or_every(self.environment.as_ref())),
            ("secrets", or_none(self.secrets.as_ref())),
        ]
    }

    /// The limits, in words.
    pub(super) fn limits(&self) -> [(&'static str, String); 6] {
        [
            ("memory_mib", limit(self.memory_mib, SERVERS)),
            ("turn_seconds", limit(self.turn_seconds, SERVERS)),
            ("turn_cpu_ms", limit(self.turn_cpu_ms, SERVERS)),
            (
                "model_calls_per_turn",
                limit(self.model_calls_per_turn, SERVERS),
            ),
            (
                "input_tokens_per_session",
                limit(self.input_tokens_per_session, UNLIMITED),
            ),
            (
                "output_tokens_per_session",
                limit(self.output_tokens_per_session, UNLIMITED),
            ),
        ]
    }
}

/// What a limit is that is left out.
const SERVERS: &str = "the server's";
const UNLIMITED: &str = "unlimited";

fn limit(limit: Option<impl fmt::Display>, left_out: &str) -> String {
    limit.map_or_else(|| left_out.to_owned(), |limit| limit.to_string())
}

fn or_none<W: Ord + fmt::Display>(words: Option<&Words<W>>) -> BTreeSet<String> {
    let words = words.into_iter().flat_map(Words::iter);
    words.map(ToString::to_string).collect()
}

fn or_every<W: Ord + fmt::Display>(words: Option<&Words<W>>) -> BTreeSet<String> {
    match words {
        Some(_) => or_none(words),
        None => BTreeSet::from(["*".to_owned()]),
    }
}

/// What a tenant lets agents have. Every member may be left out: then the server's own default holds. The default is what a
/// tenant without a policy has: every model, every name, no host, and the server's limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Policy(pub Terms);
