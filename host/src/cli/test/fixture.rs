//! A file of tests: turns, what models say in them, and what has to come of it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::super::exit::Failure;
use crate::contract::model::{Content, Error, ErrorKind, ToolUse};
use crate::models::scripted::Reply;

/// One test: a conversation with one version of the agent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fixture {
    /// The file, for people.
    #[serde(skip)]
    pub(super) name: String,
    /// What it shows, for people.
    #[serde(default, rename = "about")]
    _about: Option<String>,
    /// The agent's configuration.
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
    pub(super) turns: Vec<Turn>,
}

/// One invocation, and what has to come of it. What is left out is not looked at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Turn {
    pub(super) payload: Value,
    /// Turns with the same word share a session.
    #[serde(default)]
    pub(super) session: String,
    /// What models say, call by call, all of which must be made. Without it the offline model answers.
    model: Option<Vec<Said>>,
    /// The answer, exactly.
    pub(super) answer: Option<Value>,
    /// The events of the stream, exactly.
    pub(super) events: Option<Vec<Value>>,
    /// Texts that the answer has to contain; of a stream, all of it together.
    #[serde(default)]
    pub(super) contains: OneOrMore,
    /// A text that the failure has to contain.
    pub(super) error: Option<String>,
    /// Texts that the model has to be told, call by call, in the last message.
    pub(super) asked: Option<Vec<String>>,
}

/// A text, or several.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub(super) enum OneOrMore {
    #[default]
    None,
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let texts = match self {
            Self::None => &[],
            Self::One(text) => std::slice::from_ref(text),
            Self::More(texts) => texts.as_slice(),
        };
        texts.iter().map(String::as_str)
    }
}

/// What a model says in one call.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected {\"text\": …}, {\"tool\": NAME, \"input\": {…}}, a list of these, or {\"error\": KIND}"
)]
enum Said {
    Block(Block),
    Blocks(Vec<Block>),
    Error {
        error: Failing,
        #[serde(default)]
        message: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Block {
    Text {
        text: String,
    },
    Tool {
        tool: String,
        #[serde(default)]
        input: Value,
    },
}

/// The kinds of the contract's errors.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Failing {
    Denied,
    BudgetExhausted,
    Invalid,
    ContextTooLong,
    Throttled,
    Timeout,
    Unavailable,
}

impl Fixture {
    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        let shown = file.strip_prefix(".").unwrap_or(file).display();
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::new(format!("cannot read {shown}")).because(&error))?;
        let mut fixture: Self = serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("{shown} is no test")).because(&error))?;
        fixture.name = shown.to_string();
        Ok(fixture)
    }
}

impl Turn {
    /// The script of the turn.
    pub(super) fn replies(&self) -> Option<Vec<Reply>> {
        let mut tools = 0;
        let model = self.model.as_ref()?;
        Some(model.iter().map(|said| said.reply(&mut tools)).collect())
    }
}

impl Said {
    fn reply(&self, tools: &mut usize) -> Reply {
        match self {
            Self::Block(block) => Reply::Say(vec![block.content(tools)]),
            Self::Blocks(blocks) => {
                Reply::Say(blocks.iter().map(|block| block.content(tools)).collect())
            }
            Self::Error { error, message } => Reply::Fail(Error {
                kind: (*error).into(),
                message: message.clone(),
                retry_after_ms: None,
                usage: None,
            }),
        }
    }
}

impl Block {
    fn content(&self, tools: &mut usize) -> Content {
        match self {
            Self::Text { text } => Content::Text(text.clone()),
            Self::Tool { tool, input } => {
                *tools += 1;
                Content::ToolUse(ToolUse {
                    id: format!("tool-{tools}"),
                    name: tool.clone(),
                    input: if input.is_null() {
                        "{}".to_owned()
                    } else {
                        input.to_string()
                    },
                })
            }
        }
    }
}

impl From<Failing> for ErrorKind {
    fn from(kind: Failing) -> Self {
        match kind {
            Failing::Denied => Self::Denied,
            Failing::BudgetExhausted => Self::BudgetExhausted,
            Failing::Invalid => Self::Invalid,
            Failing::ContextTooLong => Self::ContextTooLong,
            Failing::Throttled => Self::Throttled,
            Failing::Timeout => Self::Timeout,
            Failing::Unavailable => Self::Unavailable,
        }
    }
}
