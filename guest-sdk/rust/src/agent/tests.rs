use std::convert::Infallible;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::model::{self, Content, ErrorKind, Role, StopReason, ToolOutput, ToolResult, ToolUse};
use crate::testing::{self, Script};

#[derive(Deserialize, JsonSchema)]
struct Pair {
    a: i64,
    b: i64,
}

fn divide(Pair { a, b }: Pair) -> Result<i64, &'static str> {
    a.checked_div(b).ok_or("division by zero")
}

fn agent(script: &Script) -> Agent {
    Agent::new("model-a")
        .system("Be brief.")
        .tool("divide", "Divides a by b.", divide)
        .tool("echo", "Says it again.", |value: Value| {
            Ok::<_, Infallible>(value)
        })
        .answered_by(script.clone())
}

/// What the model is told of the calls that it made in its last round.
fn tool_results(script: &Script) -> Vec<ToolResult> {
    let requests = script.requests();
    let last = requests
        .last()
        .and_then(|request| request.messages.last())
        .expect("a message");
    assert_eq!(last.role, Role::User);
    let result = |block: &Content| match block {
        Content::ToolResult(result) => result.clone(),
        other => panic!("no tool result: {other:?}"),
    };
    last.content.iter().map(result).collect()
}

fn throttled() -> model::Error {
    model::Error::new(ErrorKind::Throttled, "slow down")
}

#[test]
fn a_question_is_asked_with_prompt_tools_and_settings_and_answered() {
    let script = Script::new().says("Ten.");
    let inference = Inference {
        max_tokens: Some(7),
        ..Inference::default()
    };
    let mut agent = agent(&script).inference(inference.clone());

    let reply = agent.ask("2 times 5?").expect("the script answers");

    assert_eq!(reply.to_string(), "Ten.");
    assert_eq!((reply.rounds, reply.stop_reason), (1, StopReason::EndTurn));
    let request = &script.requests()[0];
    assert_eq!(request.model, "model-a");
    assert_eq!(request.system, [Content::Text("Be brief.".to_owned())]);
    assert_eq!(request.messages, [Message::user("2 times 5?")]);
    assert_eq!(request.inference, inference);
    let tools: Vec<&str> = request
        .tools
        .iter()
        .map(|tool| tool.name.as_str())
        .collect();
    assert_eq!(tools, ["divide", "echo"]);
}

#[test]
fn the_conversation_goes_on() {
    let script = Script::new().says("Ten.").says("44.");
    let mut agent = agent(&script);

    agent.ask("2 times 5?").expect("the script answers");
    agent.ask("And that plus 34?").expect("the script answers");

    let heard = [
        Message::user("2 times 5?"),
        Message::assistant("Ten."),
        Message::user("And that plus 34?"),
    ];
    assert_eq!(script.requests()[1].messages, heard);
    assert_eq!(agent.messages().len(), 4);
}

#[test]
fn tools_are_run_until_the_model_has_answered() {
    let script = Script::new()
        .calls("divide", &json!({"a": 84, "b": 2}))
        .calls("divide", &json!({"a": 42, "b": 6}))
        .says("Seven.");
    let mut agent = agent(&script);

    let reply = agent.ask("84 / 2 / 6?").expect("the script answers");

    assert_eq!((reply.text.as_str(), reply.rounds), ("Seven.", 3));
    assert_eq!(
        (reply.usage.input_tokens, reply.usage.output_tokens),
        (30, 15)
    );
    let result = ToolResult {
        tool_use_id: "call-2".to_owned(),
        content: vec![ToolOutput::Text("7".to_owned())],
        is_error: false,
    };
    assert_eq!(tool_results(&script), [result]);
    let roles: Vec<Role> = agent
        .messages()
        .iter()
        .map(|message| message.role)
        .collect();
    let (user, model) = (Role::User, Role::Assistant);
    assert_eq!(roles, [user, model, user, model, user, model]);
}

#[test]
fn several_calls_of_one_round_are_answered_together_in_order() {
    let call = |id: &str, a: i64| {
        Content::ToolUse(ToolUse {
            id: id.to_owned(),
            name: "divide".to_owned(),
            input: json!({"a": a, "b": 1}).to_string(),
        })
    };
    let both = model::Response {
        content: vec!["Both at once.".into(), call("x", 1), call("y", 2)],
        // Some providers say so.
        stop_reason: StopReason::EndTurn,
        ..Script::text("")
    };
    let script = Script::new().answers_with(both).says("Done.");

    agent(&script).ask("Go.").expect("the script answers");

    let ids: Vec<String> = tool_results(&script)
        .into_iter()
        .map(|result| result.tool_use_id)
        .collect();
    assert_eq!(ids, ["x", "y"]);
}

#[test]
fn a_failing_tool_a_bad_input_and_an_unknown_tool_are_told_to_the_model() {
    let told = |tool: &str, input: Value| {
        let script = Script::new().calls(tool, &input).says("I see.");
        agent(&script).ask("Go.").expect("the script answers");
        let [result] = tool_results(&script).try_into().expect("one result");
        assert!(result.is_error, "not marked as an error: {result:?}");
        match result.content.as_slice() {
            [ToolOutput::Text(text)] => text.clone(),
            other => panic!("not one text: {other:?}"),
        }
    };

    assert_eq!(told("divide", json!({"a": 1, "b": 0})), "division by zero");
    assert_eq!(
        told("divide", json!({"a": 1})),
        "input does not fit: missing field `b` at line 1 column 7"
    );
    assert_eq!(
        told("multiply", json!({})),
        "there is no tool `multiply`; the tools are: divide, echo"
    );
}

#[test]
fn a_model_in_circles_is_stopped() {
    let again = json!({"a": 1, "b": 1});
    let script = Script::new()
        .calls("divide", &again)
        .calls("divide", &again)
        .says("At last.");
    let mut agent = agent(&script).max_rounds(2);

    assert_eq!(agent.ask("Go."), Err(Error::TooManyRounds(2)));
    assert_eq!(script.requests().len(), 2);
    assert_eq!(agent.messages(), []);
}

#[test]
fn a_model_in_circles_is_stopped_by_default_too() {
    let forever = (0..=MAX_ROUNDS).fold(Script::new(), |script, _| {
        script.calls("echo", &json!({"input": 1}))
    });

    assert_eq!(
        agent(&forever).ask("Go."),
        Err(Error::TooManyRounds(MAX_ROUNDS))
    );
}

#[test]
fn a_turn_that_fails_half_way_is_forgotten_and_the_session_goes_on() {
    let script = Script::new()
        .says("Hello Mani.")
        .calls("divide", &json!({"a": 4, "b": 2}))
        .fails(throttled())
        .says("Two.");
    let mut agent = agent(&script);
    agent.ask("I am Mani.").expect("the script answers");
    let before = agent.messages().to_vec();

    assert_eq!(agent.ask("4 / 2?"), Err(Error::Model(throttled())));
    assert_eq!(agent.messages(), before);

    assert_eq!(
        agent.ask("4 / 2?").expect("the script answers").text,
        "Two."
    );
    assert_eq!(
        script.requests()[3].messages,
        [before, vec![Message::user("4 / 2?")]].concat()
    );
}

#[test]
fn a_tool_call_that_was_cut_is_not_run_and_not_remembered() {
    let cut = ToolUse {
        id: "x".to_owned(),
        name: "echo".to_owned(),
        input: r#"{"inp"#.to_owned(),
    };
    let response = model::Response {
        content: vec![Content::ToolUse(cut)],
        stop_reason: StopReason::MaxTokens,
        ..Script::text("")
    };
    let script = Script::new().answers_with(response);
    let mut agent = agent(&script);

    assert_eq!(
        agent.ask("Go."),
        Err(Error::CutShort(StopReason::MaxTokens))
    );
    assert_eq!(agent.messages(), []);
}

#[test]
fn a_text_that_was_cut_is_a_reply_that_says_so() {
    let response = model::Response {
        stop_reason: StopReason::MaxTokens,
        ..Script::text("Once upon")
    };
    let reply = agent(&Script::new().answers_with(response))
        .ask("A story.")
        .expect("a reply");

    assert_eq!(
        (reply.text.as_str(), reply.stop_reason),
        ("Once upon", StopReason::MaxTokens)
    );
}

#[test]
fn an_empty_answer_leaves_a_conversation_that_providers_take() {
    let nothing = model::Response {
        content: vec![],
        ..Script::text("")
    };
    let script = Script::new().answers_with(nothing).says(" ");
    let mut agent = agent(&script);

    assert_eq!(agent.ask("Say nothing.").expect("a reply").text, "");
    assert_eq!(agent.ask("Again.").expect("a reply").text, " ");

    for message in agent.messages() {
        assert!(
            !message.text().trim().is_empty(),
            "blank: {:?}",
            agent.messages()
        );
    }
}

#[test]
fn text_streams_while_the_rounds_go_on() {
    let call = ToolUse {
        id: "x".to_owned(),
        name: "divide".to_owned(),
        input: r#"{"a":4,"b":2}"#.to_owned(),
    };
    let thinking = model::Response {
        content: vec!["Let me see.".into(), Content::ToolUse(call)],
        stop_reason: StopReason::ToolUse,
        ..Script::text("")
    };
    let script = Script::new().answers_with(thinking).says("It is two.");
    let mut pieces = Vec::new();

    let reply = agent(&script).ask_streaming("4 / 2?", |piece| pieces.push(piece.to_owned()));

    assert_eq!(pieces, ["Let ", "me ", "see.", "It ", "is ", "two."]);
    assert_eq!(reply.expect("the script answers").text, "It is two.");
}

#[test]
fn forwarded_text_reaches_the_caller_as_events() {
    let script = Script::new().says("Hi there");
    let mut events = Events::open();

    agent(&script)
        .ask_forwarding("Hello.", &mut events)
        .expect("the script answers");

    let frames = "data: \"Hi \"\n\ndata: \"there\"\n\n";
    assert_eq!(testing::take_sent().bytes, frames.as_bytes());
}

#[test]
fn a_prompt_may_be_more_than_text() {
    let script = Script::new().says("A cat.");
    let picture = model::Media {
        format: "png".to_owned(),
        bytes: vec![1, 2, 3],
    };
    let content = vec!["What is this?".into(), Content::Image(picture)];

    agent(&script)
        .ask(content.clone())
        .expect("the script answers");

    assert_eq!(script.requests()[0].messages[0].content, content);
}

#[test]
fn an_error_says_what_failed_and_why() {
    let error = crate::AgentError::from(Error::Model(throttled()));

    let text = "the agent cannot answer: the model is throttled: slow down";
    assert_eq!(error, crate::AgentError::Failed(text.to_owned()));
}
