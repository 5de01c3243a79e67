use futures::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};

use super::Offline;
use crate::contract::model::{
    BlockStart, Content, Delta, Error, ErrorKind, Event, Inference, Message, Request, Response,
    Role, StopReason, Tool, ToolOutput, ToolResult, ToolUse,
};
use crate::models::Provider as _;

/// An agent as the tutorial writes it: it keeps the conversation, runs the tools, and asks the model until it has said all.
struct Agent {
    request: Request,
    weather: &'static str,
    broken: bool,
}

impl Agent {
    fn new() -> Self {
        let tools = [
            (
                "calculator",
                json!({ "type": "object", "properties": { "expression": { "type": "string" } }, "required": ["expression"] }),
            ),
            ("weather", json!({ "type": "object", "properties": {} })),
            ("get_time", json!({ "type": "object", "properties": {} })),
        ];
        let tools = tools.map(|(name, schema)| Tool {
            name: name.to_owned(),
            description: None,
            input_schema: schema.to_string(),
        });
        let inference = Inference {
            max_tokens: None,
            temperature: None,
            top_p: None,
            stop_sequences: Vec::new(),
        };
        let request = Request {
            model: "offline".to_owned(),
            system: vec![Content::Text(
                "Always acknowledge the user's name.".to_owned(),
            )],
            messages: Vec::new(),
            inference,
            tools: tools.to_vec(),
            tool_choice: None,
            guardrail: None,
            extra: None,
        };
        Self {
            request,
            weather: "sunny",
            broken: false,
        }
    }

    fn framed(&mut self, name: &str, session: &str, request: &str) -> String {
        self.turn(&format!(
            "My name is {name}. Here is my request: {request}. This is session {session}."
        ))
    }

    fn turn(&mut self, text: &str) -> String {
        self.request
            .messages
            .push(user(vec![Content::Text(text.to_owned())]));
        for _ in 0..4 {
            let response = answer(&self.request).unwrap();
            self.request.messages.push(Message {
                role: Role::Assistant,
                content: response.content.clone(),
            });
            if response.stop_reason == StopReason::EndTurn {
                return said(&response).to_owned();
            }
            assert_eq!(response.stop_reason, StopReason::ToolUse);
            let results = response
                .content
                .iter()
                .map(|block| self.run(block))
                .collect();
            self.request.messages.push(user(results));
        }
        panic!(
            "the model never comes to an end: {:?}",
            self.request.messages
        );
    }

    fn run(&self, block: &Content) -> Content {
        let Content::ToolUse(tool_use) = block else {
            panic!("not a tool use: {block:?}")
        };
        let input: Value = serde_json::from_str(&tool_use.input).unwrap();
        let text = match tool_use.name.as_str() {
            _ if self.broken => "out of order".to_owned(),
            "calculator" => match input["expression"].as_str().unwrap() {
                "2*5" => "Result: 10",
                "10 + 34" => "Result: 44",
                "3 + 4" => "7",
                other => panic!("the calculator was asked for {other}"),
            }
            .to_owned(),
            "weather" => self.weather.to_owned(),
            "get_time" => "12:30".to_owned(),
            other => panic!("no tool was offered under the name {other}"),
        };
        let content = vec![ToolOutput::Text(text)];
        Content::ToolResult(ToolResult {
            tool_use_id: tool_use.id.clone(),
            content,
            is_error: self.broken,
        })
    }
}

fn user(content: Vec<Content>) -> Message {
    Message {
        role: Role::User,
        content,
    }
}

fn answer(request: &Request) -> Result<Response, Error> {
    Offline
        .converse(request.clone())
        .now_or_never()
        .expect("the offline model never waits")
}

fn said(response: &Response) -> &str {
    match response.content.as_slice() {
        [Content::Text(text)] => text,
        other => panic!("not one text: {other:?}"),
    }
}

#[test]
fn the_tutorial_can_be_followed_from_its_first_turn_to_its_last() {
    let mut first = Agent::new();
    assert_eq!(
        first.framed("Maira", "s-1", "How is the weather?"),
        "Hello Maira! The weather is sunny."
    );
    assert_eq!(
        first.framed("Maira", "s-1", "How much is 2X5?"),
        "Hello Maira! 2*5 is 10."
    );
    assert_eq!(
        first.framed("Maira", "s-1", "and that plus 34?"),
        "Hello Maira! 10 + 34 is 44."
    );

    let mut second = Agent::new();
    assert_eq!(
        second.framed("Maira", "s-2", "And plus 10?"),
        "Hello Maira! There is no earlier result in session s-2 to add 10 to."
    );

    let mut third = Agent::new();
    assert_eq!(
        third.framed("Mani", "s-3", "What is the weather in New York?"),
        "Hello Mani! The weather in New York is sunny."
    );
    assert_eq!(
        third.framed("Mani", "s-3", "what time is it"),
        "Hello Mani! The time is 12:30."
    );
}

#[test]
fn the_model_remembers_nothing_but_what_it_is_sent() {
    let mut agent = Agent::new();
    agent.turn("How much is 2X5?");
    assert_eq!(agent.turn("and that plus 34?"), "Hello! 10 + 34 is 44.");

    agent.request.messages.clear();
    assert_eq!(
        agent.turn("and that plus 34?"),
        "Hello! There is no earlier result in this conversation to add 34 to."
    );
}

#[test]
fn the_same_request_gives_the_same_answer() {
    let mut agent = Agent::new();
    agent.request.messages.push(user(vec![Content::Text(
        "How much is 2X5, and how is the weather?".to_owned(),
    )]));
    assert_eq!(
        answer(&agent.request).unwrap(),
        answer(&agent.request).unwrap()
    );
}

#[test]
fn prompts_without_a_frame_are_answered_too() {
    assert_eq!(
        Agent::new().turn("How much is 3 + 4?"),
        "Hello! 3 + 4 is 7."
    );
}

#[test]
fn name_and_session_are_answered_from_the_prompt() {
    let mut agent = Agent::new();
    assert_eq!(
        agent.framed("Maira", "s-1", "Who am I?"),
        "Hello Maira! Your name is Maira."
    );
    assert_eq!(
        agent.framed("Maira", "s-1", "Which session is this?"),
        "Hello Maira! This is session s-1."
    );
    assert_eq!(
        agent.turn("What is my name?"),
        "Hello Maira! Your name is Maira."
    );
    assert_eq!(
        Agent::new().turn("What is my name?"),
        "Hello! You have not told me your name."
    );
    assert_eq!(
        Agent::new().turn("Which session is this?"),
        "Hello! You have not told me which session this is."
    );
}

#[test]
fn two_questions_at_once_call_two_tools_at_once() {
    let mut agent = Agent::new();
    assert_eq!(
        agent.framed("Maira", "s-1", "How is the weather, and what time is it?"),
        "Hello Maira! The weather is sunny. The time is 12:30."
    );
    let calls: Vec<&ToolUse> = agent.request.messages[1]
        .content
        .iter()
        .filter_map(|block| {
            if let Content::ToolUse(call) = block {
                Some(call)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(calls.len(), 2);
    assert_ne!(calls[0].id, calls[1].id);
}

#[test]
fn tool_uses_of_a_conversation_have_ids_of_their_own() {
    let mut agent = Agent::new();
    agent.turn("How much is 2X5?");
    agent.turn("and that plus 34?");
    let blocks = agent
        .request
        .messages
        .iter()
        .flat_map(|message| &message.content);
    let ids: Vec<&str> = blocks
        .filter_map(|block| {
            if let Content::ToolUse(call) = block {
                Some(call.id.as_str())
            } else {
                None
            }
        })
        .collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn a_tool_that_fails_is_named_with_its_reason() {
    let mut agent = Agent::new();
    agent.broken = true;
    assert_eq!(
        agent.framed("Maira", "s-1", "How much is 2X5?"),
        "Hello Maira! The tool calculator failed: out of order."
    );
    agent.broken = false;
    assert_eq!(
        agent.framed("Maira", "s-1", "and that plus 34?"),
        "Hello Maira! There is no earlier result in session s-1 to add 34 to."
    );
}

#[test]
fn a_tool_that_is_not_offered_is_missed_and_nothing_is_invented() {
    let mut agent = Agent::new();
    agent.request.tools.clear();
    assert_eq!(
        agent.turn("How much is 2X5?"),
        "Hello! I cannot calculate 2*5, for I was not offered a calculator tool."
    );
    assert_eq!(
        agent.turn("How is the weather?"),
        "Hello! I cannot tell the weather, for I was not offered a weather tool."
    );
    assert_eq!(
        agent.turn("What time is it?"),
        "Hello! I cannot tell the time, for I was not offered a get_time tool."
    );
}

#[test]
fn a_tool_that_gave_no_result_is_not_called_for_ever() {
    let mut agent = Agent::new();
    agent.request.messages.push(user(vec![Content::Text(
        "How is the weather, and what time is it?".to_owned(),
    )]));
    let called = answer(&agent.request).unwrap().content;
    let result = agent.run(&called[0]);
    agent.request.messages.push(Message {
        role: Role::Assistant,
        content: called,
    });
    agent.request.messages.push(user(vec![result]));
    assert_eq!(
        said(&answer(&agent.request).unwrap()),
        "Hello! The weather is sunny. I could not tell the time, for the tool get_time gave no result."
    );
}

#[test]
fn a_result_may_be_json() {
    let mut agent = Agent::new();
    agent.turn("How much is 2X5?");
    let Content::ToolResult(result) = &mut agent.request.messages[2].content[0] else {
        panic!("no result")
    };
    result.content = vec![ToolOutput::Json(r#"{"result":10,"digits":2}"#.to_owned())];
    assert_eq!(agent.turn("and that plus 34?"), "Hello! 10 + 34 is 44.");
}

#[test]
fn anything_else_gets_an_honest_bounded_excuse() {
    let text = Agent::new().framed("Maira", "s-1", "Write me a poem");
    assert!(
        text.starts_with("Hello Maira! I am Kellion's offline model"),
        "{text}"
    );
    assert!(text.ends_with("You asked: \"Write me a poem\""), "{text}");
    let text = Agent::new().turn(&"long ".repeat(10_000));
    assert!(text.len() < 1_000, "{} characters", text.len());
}

#[test]
fn a_conversation_without_a_users_word_is_refused() {
    let mut agent = Agent::new();
    assert_eq!(answer(&agent.request).unwrap_err().kind, ErrorKind::Invalid);
    agent.request.messages.push(user(vec![Content::CachePoint]));
    assert_eq!(answer(&agent.request).unwrap_err().kind, ErrorKind::Invalid);
    agent.turn("Hello");
    let error = answer(&agent.request).unwrap_err();
    assert!(
        error.message.contains("the user must speak last"),
        "{}",
        error.message
    );
}

#[test]
fn an_answer_keeps_within_the_tokens_it_is_allowed() {
    let mut agent = Agent::new();
    agent.request.inference.max_tokens = Some(3);
    agent
        .request
        .messages
        .push(user(vec![Content::Text("Who am I?".to_owned())]));
    let response = answer(&agent.request).unwrap();
    assert_eq!(
        (said(&response), response.usage.output_tokens),
        ("Hello! You h", 3)
    );
    assert_eq!(response.stop_reason, StopReason::MaxTokens);

    agent.request.messages = vec![user(vec![Content::Text("How much is 2X5?".to_owned())])];
    let response = answer(&agent.request).unwrap();
    assert_eq!(
        (response.content, response.stop_reason),
        (Vec::new(), StopReason::MaxTokens)
    );
}

#[test]
fn tokens_are_four_characters_and_counted_alike_everywhere() {
    let mut agent = Agent::new();
    agent.request.tools.clear();
    agent.request.system = vec![Content::Text("12345678".to_owned())];
    agent.request.messages = vec![user(vec![Content::Text("Who am I?".to_owned())])];

    let counted = Offline
        .count_tokens(agent.request.clone())
        .now_or_never()
        .unwrap()
        .unwrap();
    let response = answer(&agent.request).unwrap();

    assert_eq!(counted, 2 + 3);
    assert_eq!(response.usage.input_tokens, counted);
    assert_eq!(
        response.usage.output_tokens,
        (said(&response).len() as u64).div_ceil(4)
    );
}

#[test]
fn a_stream_is_the_same_answer_in_pieces() {
    for question in ["Who am I?", "How much is 2X5, and how is the weather?"] {
        let mut agent = Agent::new();
        agent
            .request
            .messages
            .push(user(vec![Content::Text(question.to_owned())]));
        let whole = answer(&agent.request).unwrap();
        let stream = Offline
            .converse_stream(agent.request)
            .now_or_never()
            .unwrap()
            .unwrap();
        let events: Vec<Event> = stream.map(Result::unwrap).collect().now_or_never().unwrap();

        let (last, pieces) = events.split_last().unwrap();
        assert_eq!(*last, Event::Done(whole.clone()));
        assert!(pieces.len() > 3 * whole.content.len(), "{pieces:?}");
        assert_eq!(put_together(pieces), whole.content);
    }
}

/// The blocks that a reader makes of a stream's events.
fn put_together(events: &[Event]) -> Vec<Content> {
    let mut blocks = Vec::new();
    let mut open = None;
    for event in events {
        match event {
            Event::BlockStart(BlockStart::Text) => open = Some(Content::Text(String::new())),
            Event::BlockStart(BlockStart::ToolUse(start)) => {
                open = Some(Content::ToolUse(ToolUse {
                    id: start.id.clone(),
                    name: start.name.clone(),
                    input: String::new(),
                }));
            }
            Event::Delta(delta) => match (open.as_mut(), delta) {
                (Some(Content::Text(text)), Delta::Text(piece)) => text.push_str(piece),
                (Some(Content::ToolUse(tool_use)), Delta::ToolInput(piece)) => {
                    tool_use.input.push_str(piece)
                }
                other => panic!("a piece in the wrong place: {other:?}"),
            },
            Event::BlockStop => blocks.push(open.take().expect("a block is open")),
            other => panic!("not an event of this model: {other:?}"),
        }
    }
    assert_eq!(open, None);
    blocks
}

#[test]
fn there_is_no_api_behind_the_model() {
    let error = Offline
        .invoke_model("titan".to_owned(), Vec::new())
        .now_or_never()
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(
        error.message.contains("titan") && error.message.contains("offline model"),
        "{}",
        error.message
    );
}
