use kellion_sdk::model::{Content, ErrorKind};
use kellion_sdk::testing::{self, Script};
use kellion_sdk::{AgentError, model};
use serde_json::json;

use super::*;

fn turn(planner: &mut Planner, budget: Option<u32>) -> (Result<()>, String) {
    let wish = Wish {
        prompt: "Lisbon, please".to_owned(),
        budget,
    };
    let outcome = planner.invoke(wish, &testing::context()).map(|_| ());
    let sent = testing::take_sent();
    (outcome, String::from_utf8_lossy(&sent.bytes).into_owned())
}

fn planner(script: &Script) -> Planner {
    let mut planner = Planner::start();
    planner.agent = planner.agent.answered_by(script.clone());
    planner
}

/// What the model read of its tools.
fn results(script: &Script) -> Vec<String> {
    let requests = script.requests();
    let messages = &requests.last().expect("a request").messages;
    let blocks = messages.iter().flat_map(|message| &message.content);
    blocks
        .filter_map(|block| match block {
            Content::ToolResult(result) => match &result.content[0] {
                model::ToolOutput::Text(text) => Some(text.clone()),
                other => panic!("not a text: {other:?}"),
            },
            _ => None,
        })
        .collect()
}

#[test]
fn a_plan_is_streamed_and_ends_with_the_trip() {
    let script = Script::new()
        .calls("find", &json!({ "city": "lisbon", "kind": "tour" }))
        .calls("book", &json!({ "stop": "Tram 28", "day": 1 }))
        .says("Ride!");

    let (outcome, sent) = turn(&mut planner(&script), Some(50));

    assert_eq!(outcome, Ok(()));
    assert_eq!(
        sent,
        "data: \"Ride!\"\n\ndata: {\"trip\":{\"budget\":50,\"spent\":15,\"days\":[{\"day\":1,\"stops\":\
         [{\"name\":\"Tram 28\",\"city\":\"Lisbon\",\"hours\":2,\"price\":15}]}]}}\n\n"
    );
    assert_eq!(results(&script)[1], "booked; 15 spent so far");
}

#[test]
fn what_does_not_fit_is_not_booked() {
    let book = |stop: &str, day: u32| json!({ "stop": stop, "day": day });
    let script = Script::new()
        .calls("book", &book("Sintra day tour", 1))
        .calls("book", &book("Tile Museum", 1))
        .calls("book", &book("sintra day tour", 2))
        .calls("book", &book("Alfama food walk", 2))
        .calls("book", &book("Tram 28", 0))
        .calls("book", &book("The Moon", 1))
        .calls("find", &json!({ "city": "Kyoto", "kind": "tour" }))
        .says("So.");

    turn(&mut planner(&script), Some(100))
        .0
        .expect("the turn succeeds");

    assert_eq!(
        results(&script),
        [
            "booked; 70 spent so far",
            "day 1 has only 2 hours left",
            "Sintra day tour is booked already",
            "it costs 60, and only 30 are left of the budget",
            "there is no day 0: days are 1 to 30",
            "there is no stop `The Moon`",
            "there is nothing of that kind in Kyoto; there are stops in Lisbon, Lima, Kyoto",
        ]
    );
}

#[test]
fn a_failed_turn_books_nothing() {
    let script = Script::new()
        .calls("book", &json!({ "stop": "Tram 28", "day": 1 }))
        .fails(model::Error::new(ErrorKind::Throttled, "slow down"));
    let mut planner = planner(&script);

    let (outcome, _) = turn(&mut planner, None);

    let message = "the agent cannot answer: the model is throttled: slow down";
    assert_eq!(outcome, Err(AgentError::Failed(message.to_owned())));
    assert_eq!(*planner.trip.borrow(), Trip::default());
}
