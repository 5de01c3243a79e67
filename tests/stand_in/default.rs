//! What the stand-in answers when nobody has told it what.

use std::time::Duration;

use serde_json::Value;

use super::Answer;

/// What a prompt that begins with "slowly" waits for each piece: a small part of what models take.
const SLOWLY: Duration = Duration::from_millis(3);

/// An answer that repeats what came last in the conversation.
pub(super) fn answer(request: &Value) -> Answer {
    let last = request["messages"]
        .as_array()
        .and_then(|messages| messages.last())
        .cloned()
        .unwrap_or_default();
    let blocks = last["content"].as_array().cloned().unwrap_or_default();
    if let Some(result) = blocks.iter().find_map(|block| block.get("toolResult")) {
        return Answer::text(&format!("The tool said: {}", said(&result["content"][0])));
    }
    let text = blocks
        .iter()
        .rev()
        .find_map(|block| block["text"].as_str())
        .unwrap_or_default();
    let answer =
        tool_call(request, text).unwrap_or_else(|| Answer::text(&format!("You said: {text}")));
    match text.starts_with("slowly") {
        true => answer.takes(SLOWLY),
        false => answer,
    }
}

/// `call NAME {json}`, when a tool of that name is offered.
fn tool_call(request: &Value, text: &str) -> Option<Answer> {
    let (name, input) = text.strip_prefix("call ")?.split_once(' ')?;
    let input: Value = serde_json::from_str(input).ok()?;
    let offered = request["toolConfig"]["tools"]
        .as_array()?
        .iter()
        .any(|tool| tool["toolSpec"]["name"] == name);
    let id = format!("tooluse_{}", request["messages"].as_array()?.len());
    offered.then(|| Answer::tool_use(&id, name, &input))
}

fn said(output: &Value) -> String {
    match output.get("text") {
        Some(Value::String(text)) => text.clone(),
        _ => output.to_string(),
    }
}
