//! The tutorial's agent: it knows five users by name, does sums, tells the weather and the time,
//! and remembers what was said in its session.
//!
//! Send it `{"user_id": 1, "prompt": "How is the weather?"}`.

mod calculator;
mod clock;
mod users;

use kellion_sdk::tool::NoInput;
use kellion_sdk::{Agent, AgentError, Context, Handler, Result};
use schemars::JsonSchema;
use serde::Deserialize;

use users::UserId;

const MODEL: &str = "us.anthropic.claude-sonnet-4-20250514-v1:0";

const SYSTEM_PROMPT: &str = "You're a helpful assistant. You can do simple calculations, tell the \
    weather and tell the time. Acknowledge the user's name.";

/// An agent is a type. Its value is the memory of one session: here, the conversation with the
/// model.
struct Tutorial {
    agent: Agent,
}

/// What a caller sends. JSON that does not fit is refused before `invoke` is called.
#[derive(Deserialize)]
struct Request {
    user_id: UserId,
    prompt: String,
}

impl Handler for Tutorial {
    type Payload = Request;
    type Answer = String;

    /// The session's first turn begins here…
    fn start() -> Self {
        Self {
            agent: with_tools(Agent::new(MODEL)),
        }
    }

    /// …and every turn comes here. The model hears what was said in the turns before.
    fn invoke(&mut self, request: Request, context: &Context) -> Result<String> {
        let user_id = request.user_id;
        let name = users::name(&user_id)
            .ok_or_else(|| AgentError::Failed(format!("there is no user {user_id}")))?;

        let reply = self.agent.ask(format!(
            "My name is {name}. Here is my request: {}. This is session {}.",
            request.prompt, context.session_id
        ))?;
        Ok(reply.text)
    }
}

// This makes the type above the agent of this component.
kellion_sdk::export!(Tutorial);

/// The model may call these functions. It reads their descriptions and their inputs' doc comments.
fn with_tools(agent: Agent) -> Agent {
    agent
        .system(SYSTEM_PROMPT)
        .tool(
            "calculator",
            "Evaluates an arithmetic expression.",
            calculate,
        )
        .tool("weather", "Tells the weather.", weather)
        .tool("get_time", "Tells the current time in UTC.", get_time)
}

#[derive(Deserialize, JsonSchema)]
struct Calculation {
    /// Numbers, + - * / ^ and parentheses, such as "(2 + 3.5) * 4".
    expression: String,
}

/// An error here does not fail the turn: the model reads it and may mend its call.
fn calculate(Calculation { expression }: Calculation) -> Result<String, calculator::Error> {
    calculator::evaluate(&expression).map(calculator::display)
}

fn weather(_: NoInput) -> Result<&'static str> {
    Ok("sunny")
}

fn get_time(_: NoInput) -> Result<String> {
    Ok(clock::utc_now()?)
}

#[cfg(test)]
mod tests;
