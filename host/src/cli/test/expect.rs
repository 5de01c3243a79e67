//! What came of a turn against what should have.

use serde_json::Value;

use super::super::answer::Answer;
use super::fixture::Turn;
use crate::contract::model::{Content, Request, ToolOutput};
use crate::models::scripted::Played;

/// Characters of an answer that are shown.
const SHOWN: usize = 300;

/// Everything that is not as the test says; nothing when it passed.
pub(super) fn complaints(
    turn: &Turn,
    told: &Result<Answer, String>,
    played: &Played,
) -> Vec<String> {
    let mut complaints = Vec::new();
    match (told, &turn.error) {
        (Err(message), Some(expected)) if message.contains(expected.as_str()) => {}
        (Err(message), Some(expected)) => {
            complaints.push(format!(
                "it fails with {message:?}, which lacks {expected:?}"
            ));
        }
        (Err(message), None) => complaints.push(format!("it fails: {message}")),
        (Ok(answer), Some(_)) => {
            complaints.push(format!(
                "it should fail, and answers {}",
                short(&answer.text())
            ));
        }
        (Ok(answer), None) => answered(turn, answer, &mut complaints),
    }
    if played.left > 0 {
        complaints.push(format!(
            "{} of the model's replies were never asked for; it was asked {} times",
            played.left,
            played.asked.len()
        ));
    }
    if let Some(expected) = &turn.asked {
        for (call, expected) in expected.iter().enumerate() {
            match played.asked.get(call) {
                None => complaints.push(format!("model call {} was not made", call + 1)),
                Some(request) if last(request).contains(expected.as_str()) => {}
                Some(request) => complaints.push(format!(
                    "model call {} was told {}, which lacks {expected:?}",
                    call + 1,
                    short(&last(request))
                )),
            }
        }
    }
    complaints
}

fn answered(turn: &Turn, answer: &Answer, complaints: &mut Vec<String>) {
    if let Some(expected) = &turn.answer {
        let same = match answer {
            Answer::Json(value) => value == expected,
            Answer::Bytes(_) => expected.as_str() == Some(&answer.text()),
            Answer::Events(_) => false,
        };
        if !same {
            complaints.push(format!("it answers {}, not {expected}", shown(answer)));
        }
    }
    if let Some(expected) = &turn.events {
        match answer {
            Answer::Events(events) if events == expected => {}
            other => complaints.push(format!(
                "it answers {}, not the events {}",
                shown(other),
                Value::from(expected.clone())
            )),
        }
    }
    let text = answer.text();
    for expected in turn.contains.iter() {
        if !text.contains(expected) {
            complaints.push(format!("the answer {} lacks {expected:?}", short(&text)));
        }
    }
}

/// What the model is told last: texts, and the results of tools.
fn last(request: &Request) -> String {
    let Some(message) = request.messages.last() else {
        return String::new();
    };
    let mut texts = Vec::new();
    for block in &message.content {
        match block {
            Content::Text(text) => texts.push(text.as_str()),
            Content::ToolResult(result) => {
                texts.extend(result.content.iter().filter_map(|output| match output {
                    ToolOutput::Text(text) | ToolOutput::Json(text) => Some(text.as_str()),
                    _ => None,
                }))
            }
            _ => {}
        }
    }
    texts.join("\n")
}

fn shown(answer: &Answer) -> String {
    match answer {
        Answer::Json(value) => short_text(&value.to_string()),
        Answer::Events(events) => short_text(&Value::from(events.clone()).to_string()),
        Answer::Bytes(_) => short(&answer.text()),
    }
}

fn short(text: &str) -> String {
    format!("{:?}", short_text(text))
}

fn short_text(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
