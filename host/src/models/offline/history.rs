//! What the conversation holds: the question that is open, the tools' results for it, and what was calculated before.

use std::collections::HashMap;

use serde_json::Value;

use super::invalid;
use super::prompt::{self, Prompt};
use super::tools::Skill;
use crate::contract::model::{Content, Error, Message, Role, ToolOutput, ToolResult, ToolUse};

/// How much of a tool's words is repeated, in characters.
const MAX_REPEATED: usize = 400;

/// A conversation with its open question.
#[derive(Debug)]
pub(super) struct History<'a> {
    /// The open question.
    pub(super) prompt: Prompt<'a>,
    /// The user's name, from the newest message that tells it.
    pub(super) name: Option<&'a str>,
    before: &'a [Message],
    /// The tools' results for the open question, in order.
    pub(super) results: Vec<Outcome<'a>>,
}

/// A tool that was called and what came of it.
#[derive(Debug)]
pub(super) struct Outcome<'a> {
    pub(super) tool: &'a str,
    pub(super) input: &'a str,
    pub(super) text: String,
    pub(super) failed: bool,
}

impl<'a> History<'a> {
    /// Reads a conversation. It must hold something that the user says, and the user must speak last.
    pub(super) fn read(messages: &'a [Message]) -> Result<Self, Error> {
        match messages.last() {
            None => {
                return Err(invalid(
                    "messages: there is none; the offline model answers a user's message",
                ));
            }
            Some(last) if last.role == Role::Assistant => {
                return Err(invalid(
                    "messages: the last one is the assistant's; the user must speak last",
                ));
            }
            Some(_) => {}
        }
        let spoken = |message: &Message| message.role == Role::User && text(message).is_some();
        let asks = |message: &Message| spoken(message) && results(message).next().is_none();
        let Some(at) = messages
            .iter()
            .rposition(asks)
            .or_else(|| messages.iter().rposition(spoken))
        else {
            return Err(invalid(
                "messages: the user says nothing; the offline model reads text only",
            ));
        };
        let prompt = prompt::parse(text(&messages[at]).unwrap_or_default());
        let name = messages[..=at]
            .iter()
            .rev()
            .filter(|message| message.role == Role::User)
            .find_map(|message| prompt::parse(text(message)?).name);
        Ok(Self {
            prompt,
            name,
            before: &messages[..at],
            results: outcomes(&messages[at..]),
        })
    }

    /// The number that the calculator gave last before the open question.
    pub(super) fn last_result(&self) -> Option<String> {
        let calculated = |outcome: &&Outcome<'_>| {
            Skill::Calculator.names().contains(&outcome.tool) && !outcome.failed
        };
        outcomes(self.before)
            .iter()
            .rev()
            .find(calculated)
            .and_then(|outcome| last_number(&outcome.text))
    }
}

/// The first text of a message.
fn text(message: &Message) -> Option<&str> {
    message.content.iter().find_map(|block| match block {
        Content::Text(text) if !text.trim().is_empty() => Some(text.as_str()),
        _ => None,
    })
}

fn results(message: &Message) -> impl Iterator<Item = &ToolResult> {
    message.content.iter().filter_map(|block| match block {
        Content::ToolResult(result) => Some(result),
        _ => None,
    })
}

fn outcomes(messages: &[Message]) -> Vec<Outcome<'_>> {
    let mut calls: HashMap<&str, &ToolUse> = HashMap::new();
    let mut outcomes = Vec::new();
    for block in messages.iter().flat_map(|message| &message.content) {
        match block {
            Content::ToolUse(call) => {
                calls.insert(&call.id, call);
            }
            Content::ToolResult(result) => {
                // A result without its call answers nothing that was asked.
                let Some(call) = calls.get(result.tool_use_id.as_str()) else {
                    continue;
                };
                outcomes.push(Outcome {
                    tool: &call.name,
                    input: &call.input,
                    text: said(result),
                    failed: result.is_error,
                });
            }
            _ => {}
        }
    }
    outcomes
}

/// A tool's result in words: its text, or of JSON the field `result`, else the JSON.
fn said(result: &ToolResult) -> String {
    let words: Vec<String> = result
        .content
        .iter()
        .filter_map(|output| match output {
            ToolOutput::Text(text) => Some(text.trim().to_owned()),
            ToolOutput::Json(text) => {
                let value: Value =
                    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()));
                Some(match value.get("result").unwrap_or(&value) {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                })
            }
            ToolOutput::Image(_) | ToolOutput::Document(_) | ToolOutput::Video(_) => None,
        })
        .collect();
    let words = words.join(" ");
    let words = words
        .strip_prefix("Result:")
        .map_or(words.as_str(), str::trim);
    bounded(words)
}

/// A text of at most [`MAX_REPEATED`] characters.
pub(super) fn bounded(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_REPEATED).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The last number in a text, with its sign.
fn last_number(text: &str) -> Option<String> {
    let words =
        text.split(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E')));
    let mut numbers = words
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| word.contains(|c: char| c.is_ascii_digit()));
    numbers
        .rfind(|word| word.parse::<f64>().is_ok_and(f64::is_finite))
        .map(str::to_owned)
}
