//! One turn of a conversation: ask, run tools, ask again.

use std::fmt;

use super::{Agent, Error, Prompt};
use crate::model::{
    Content, Delivery, Message, Response, Role, StopReason, ToolOutput, ToolResult, ToolUse, Usage,
    or_placeholder, storable,
};

/// What an agent says at the end of a turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The final answer's text.
    pub text: String,
    /// Why the model stopped; [`StopReason::MaxTokens`] means that the text is cut.
    pub stop_reason: StopReason,
    /// Of all rounds together.
    pub usage: Usage,
    /// How often the model was asked.
    pub rounds: usize,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Agent {
    pub(super) fn take_turn(
        &mut self,
        prompt: Prompt,
        delivery: &mut Delivery<'_>,
    ) -> Result<Reply, Error> {
        let before = self.request.messages.len();
        self.request.messages.push(prompt.into());
        let outcome = self.run_rounds(delivery);
        if outcome.is_err() {
            // Half a turn in the conversation would make every later request invalid.
            self.request.messages.truncate(before);
        }
        outcome
    }

    fn run_rounds(&mut self, delivery: &mut Delivery<'_>) -> Result<Reply, Error> {
        let mut usage = Usage::default();
        for round in 1..=self.max_rounds {
            let response = self.model.answer(&self.request, delivery)?;
            usage += response.usage;

            let text = response.text();
            let calls = tool_calls(&response)?;
            let stop_reason = response.stop_reason;
            self.say(Role::Assistant, storable(response.content));
            if calls.is_empty() {
                return Ok(Reply {
                    text,
                    stop_reason,
                    usage,
                    rounds: round,
                });
            }
            let results = calls.iter().map(|call| self.run_tool(call)).collect();
            self.say(Role::User, results);
        }
        Err(Error::TooManyRounds(self.max_rounds))
    }

    fn say(&mut self, role: Role, content: Vec<Content>) {
        self.request.messages.push(Message { role, content });
    }

    fn run_tool(&mut self, call: &ToolUse) -> Content {
        let tool = self
            .tools
            .iter_mut()
            .find(|tool| tool.declaration().name == call.name);
        let outcome = match tool {
            Some(tool) => tool.run(&call.input),
            None => Err(self.unknown_tool(&call.name)),
        };
        let is_error = outcome.is_err();
        let output = outcome.unwrap_or_else(|error| ToolOutput::Text(or_placeholder(error)));
        Content::ToolResult(ToolResult {
            tool_use_id: call.id.clone(),
            content: vec![output],
            is_error,
        })
    }

    fn unknown_tool(&self, name: &str) -> String {
        let names: Vec<&str> = self
            .tools
            .iter()
            .map(|tool| tool.declaration().name.as_str())
            .collect();
        format!(
            "there is no tool `{name}`; the tools are: {}",
            names.join(", ")
        )
    }
}

/// The tools to run before the model goes on; none when it has answered.
fn tool_calls(response: &Response) -> Result<Vec<ToolUse>, Error> {
    let calls: Vec<ToolUse> = response.tool_uses().cloned().collect();
    match &response.stop_reason {
        // Some providers report the end of a turn that calls tools.
        StopReason::ToolUse | StopReason::EndTurn | StopReason::StopSequence => Ok(calls),
        _ if calls.is_empty() => Ok(calls),
        // The last call's input may be cut, and a call without a result must not be remembered.
        reason => Err(Error::CutShort(reason.clone())),
    }
}
