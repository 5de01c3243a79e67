use kellion_sdk::model::{ErrorKind, Message};
use kellion_sdk::testing::{self, Script};
use kellion_sdk::{FromBody, model};
use serde_json::{Value, json};

use super::*;

fn tutorial(script: &Script) -> Tutorial {
    Tutorial {
        agent: Tutorial::start().agent.answered_by(script.clone()),
    }
}

fn ask(tutorial: &mut Tutorial, payload: &Value) -> Result<String> {
    let request = Request::from_body(payload.to_string().into_bytes().into())?;
    tutorial.invoke(request, &testing::context())
}

#[test]
fn the_model_hears_name_request_and_session() {
    for user_id in [json!(3), json!("3")] {
        let script = Script::new().says("Hello Mark, it is sunny.");

        let payload = json!({ "user_id": user_id, "prompt": "How is the weather?" });
        let answer = ask(&mut tutorial(&script), &payload);

        assert_eq!(answer.as_deref(), Ok("Hello Mark, it is sunny."));
        let prompt = "My name is Mark. Here is my request: How is the weather?. \
                      This is session 00000000-0000-0000-0000-000000000001.";
        let request = &script.requests()[0];
        assert_eq!(request.messages, [Message::user(prompt)]);
        assert_eq!(request.model, MODEL);
    }
}

#[test]
fn a_sum_goes_through_the_calculator_and_is_remembered() {
    let script = Script::new()
        .calls("calculator", &json!({ "expression": "2*5" }))
        .says("10")
        .calls("calculator", &json!({ "expression": "10+34" }))
        .says("44");
    let mut tutorial = tutorial(&script);

    let first = json!({ "user_id": 1, "prompt": "How much is 2X5?" });
    let second = json!({ "user_id": 1, "prompt": "and that plus 34?" });
    assert_eq!(ask(&mut tutorial, &first).as_deref(), Ok("10"));
    assert_eq!(ask(&mut tutorial, &second).as_deref(), Ok("44"));

    let requests = script.requests();
    assert_eq!(tool_result(&requests[1]), "10");
    assert_eq!(tool_result(&requests[3]), "44");
    assert_eq!(requests[3].messages.len(), 7);
}

#[test]
fn weather_and_time_are_told() {
    let script = Script::new()
        .calls("weather", &json!({}))
        .calls("get_time", &json!({}))
        .says("Sunny, and late.");

    let payload = json!({ "user_id": 2, "prompt": "Weather and time?" });
    ask(&mut tutorial(&script), &payload).expect("the script answers");

    let requests = script.requests();
    assert_eq!(tool_result(&requests[1]), "sunny");
    let time = tool_result(&requests[2]);
    assert!(
        time.starts_with("20") && time.ends_with('Z'),
        "not a time: {time}"
    );
}

#[test]
fn a_stranger_is_told_so() {
    let strangers = [
        (json!(6), "6"),
        (json!(0), "0"),
        (json!(-1), "-1"),
        (json!("Maira"), "Maira"),
    ];
    for (user_id, named) in strangers {
        let script = Script::new();

        let answer = ask(
            &mut tutorial(&script),
            &json!({ "user_id": user_id, "prompt": "Hi" }),
        );

        assert_eq!(
            answer,
            Err(AgentError::Failed(format!("there is no user {named}")))
        );
        assert_eq!(script.requests(), []);
    }
}

#[test]
fn a_payload_that_does_not_fit_names_the_field() {
    let mut tutorial = tutorial(&Script::new());
    let mut refusal = |payload: Value| match ask(&mut tutorial, &payload) {
        Err(AgentError::InvalidPayload(message)) => message,
        other => panic!("not refused as a payload: {other:?}"),
    };

    assert_eq!(
        refusal(json!({ "user_id": 1 })),
        "payload does not fit: missing field `prompt` at line 1 column 13"
    );
    assert_eq!(
        refusal(json!({ "user_id": [1], "prompt": "Hi" })),
        "payload does not fit: `user_id`: expected a number, or a number in quotes \
         at line 1 column 29"
    );
}

#[test]
fn a_failed_turn_does_not_end_the_session() {
    let throttled = model::Error::new(ErrorKind::Throttled, "slow down");
    let script = Script::new().fails(throttled).says("Hello Maira.");
    let mut tutorial = tutorial(&script);
    let payload = json!({ "user_id": 1, "prompt": "Hi" });

    let error = "the agent cannot answer: the model is throttled: slow down";
    assert_eq!(
        ask(&mut tutorial, &payload),
        Err(AgentError::Failed(error.to_owned()))
    );
    assert_eq!(ask(&mut tutorial, &payload).as_deref(), Ok("Hello Maira."));
}

/// The text of the tool result that the request ends with.
fn tool_result(request: &model::Request) -> String {
    let last = request.messages.last().expect("a message");
    match last.content.as_slice() {
        [model::Content::ToolResult(result)] => match result.content.as_slice() {
            [model::ToolOutput::Text(text)] => text.clone(),
            other => panic!("not one text: {other:?}"),
        },
        other => panic!("not one tool result: {other:?}"),
    }
}
