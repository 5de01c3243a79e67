//! An agent that answers with a model's help, streams what it says, and remembers the conversation.

use kellion_sdk::response::{Events, Streamed};
use kellion_sdk::{Agent, Context, Handler, Result, log};
use schemars::JsonSchema;
use serde::Deserialize;

const MODEL: &str = "us.anthropic.claude-sonnet-4-20250514-v1:0";

/// The agent. Its value is the memory of one session, which no other session sees.
struct Assistant {
    agent: Agent,
}

/// What a caller sends: `{"prompt": "How is the weather in Lima?"}`.
#[derive(Deserialize)]
struct Question {
    prompt: String,
}

/// What the tool takes. The model reads the comments on the fields.
#[derive(Deserialize, JsonSchema)]
struct Place {
    /// The city's name.
    city: String,
}

/// A tool. The model reads an error too, and may mend its call; the turn goes on.
fn weather(place: Place) -> Result<&'static str, String> {
    if place.city == "Atlantis" {
        return Err(format!("there is no weather in {} any more", place.city));
    }
    Ok("sunny")
}

impl Handler for Assistant {
    type Payload = Question;
    type Answer = Streamed;

    /// A session begins here…
    fn start() -> Self {
        let agent = Agent::new(MODEL)
            .system("You are a friendly assistant who answers briefly.")
            .tool("weather", "Tells the weather in a city.", weather);
        Self { agent }
    }

    /// …and every turn comes here. Server-sent events go out.
    fn invoke(&mut self, question: Question, context: &Context) -> Result<Streamed> {
        log::info!("turn {} asks: {}", context.turn, question.prompt);
        let mut events = Events::open();
        self.agent.ask_forwarding(question.prompt, &mut events)?;
        Ok(events.end())
    }
}

kellion_sdk::export!(Assistant);

#[cfg(test)]
mod tests {
    use kellion_sdk::testing::{self, Script};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_weather_is_asked_for_and_told() {
        let script = Script::new()
            .calls("weather", &json!({ "city": "Lima" }))
            .says("It is sunny.");
        let agent = Assistant::start().agent.answered_by(script.clone());
        let question = Question {
            prompt: "How is the weather in Lima?".to_owned(),
        };

        let answer = Assistant { agent }.invoke(question, &testing::context());

        assert!(answer.is_ok());
        let sent = testing::take_sent();
        assert_eq!(
            String::from_utf8_lossy(&sent.bytes),
            "data: \"It \"\n\ndata: \"is \"\n\ndata: \"sunny.\"\n\n"
        );
        assert_eq!(script.requests().len(), 2);
    }
}
