use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use serde_json::json;
use tokio::sync::Semaphore;

use super::stand_in::{Answer, StandIn};
use super::{ask, bedrock, bedrock_with};
use crate::contract::EventStream;
use crate::contract::model::{
    BlockStart, Content, Delta, Error, ErrorKind, Event, Guardrail, Reasoning, StopReason, ToolUse,
    ToolUseStart, Usage,
};
use crate::models::Provider as _;
use crate::models::bedrock::Config;

fn text(piece: &str) -> Event {
    Event::Delta(Delta::Text(piece.to_owned()))
}

/// All that comes of a stream: its events, and the error that ended it.
async fn read(mut stream: EventStream) -> (Vec<Event>, Option<Error>) {
    let mut events = Vec::new();
    while let Some(next) = stream.next().await {
        match next {
            Ok(event) => events.push(event),
            Err(error) => {
                assert!(
                    stream.next().await.is_none(),
                    "after an error nothing follows"
                );
                return (events, Some(error));
            }
        }
    }
    (events, None)
}

/// What a scripted stream becomes.
async fn streamed(answer: Answer) -> (Vec<Event>, Option<Error>) {
    let stand_in = StandIn::start().await;
    stand_in.push(answer);
    read(
        bedrock(&stand_in)
            .converse_stream(ask("Hello"))
            .await
            .unwrap(),
    )
    .await
}

#[tokio::test]
async fn a_text_comes_in_pieces_within_a_block_and_whole_at_the_end() {
    let answer = Answer::text("Good day to you.")
        .usage(9, 4)
        .cached(2, 1)
        .extra(json!({ "trace": 1 }));
    let (events, error) = streamed(answer).await;

    assert_eq!(error, None);
    let (done, pieces) = events.split_last().unwrap();
    assert_eq!(
        pieces,
        [
            Event::BlockStart(BlockStart::Text),
            text("Good "),
            text("day "),
            text("to "),
            text("you."),
            Event::BlockStop
        ]
    );
    let Event::Done(response) = done else {
        panic!("done does not come last: {done:?}")
    };
    assert_eq!(
        response.content,
        [Content::Text("Good day to you.".to_owned())]
    );
    assert_eq!(response.stop_reason, StopReason::EndTurn);
    assert_eq!(
        response.usage,
        Usage {
            input_tokens: 9,
            output_tokens: 4,
            cache_read_tokens: 2,
            cache_write_tokens: 1
        }
    );
    assert_eq!(response.latency_ms, 7);
    assert_eq!(response.model, "amazon.nova-lite-v1:0");
    assert_eq!(response.extra.as_deref(), Some(r#"{"trace":1}"#));
}

#[tokio::test]
async fn reasoning_and_tool_use_keep_their_order_and_their_signature() {
    let answer = Answer::content(vec![
        json!({ "reasoningContent": { "reasoningText": { "text": "Let me see", "signature": "c2ln" } } }),
        json!({ "reasoningContent": { "redactedContent": "AQID" } }),
        json!({ "text": "I will ask." }),
        json!({ "toolUse": { "toolUseId": "t1", "name": "weather", "input": { "city": "Bonn" } } }),
    ]);
    let (events, error) = streamed(answer).await;

    assert_eq!(error, None);
    let starts: Vec<&BlockStart> = events
        .iter()
        .filter_map(|event| {
            if let Event::BlockStart(start) = event {
                Some(start)
            } else {
                None
            }
        })
        .collect();
    let tool = BlockStart::ToolUse(ToolUseStart {
        id: "t1".to_owned(),
        name: "weather".to_owned(),
    });
    assert_eq!(
        starts,
        [
            &BlockStart::Reasoning,
            &BlockStart::Reasoning,
            &BlockStart::Text,
            &tool
        ]
    );
    assert!(events.contains(&Event::Delta(Delta::ReasoningSignature("c2ln".to_owned()))));
    assert!(events.contains(&Event::Delta(Delta::RedactedReasoning(vec![1, 2, 3]))));
    let input: String = events
        .iter()
        .filter_map(|event| {
            if let Event::Delta(Delta::ToolInput(piece)) = event {
                Some(piece.as_str())
            } else {
                None
            }
        })
        .collect();
    assert_eq!(input, r#"{"city":"Bonn"}"#);

    let Some(Event::Done(response)) = events.last() else {
        panic!("no done: {events:?}")
    };
    assert_eq!(response.stop_reason, StopReason::ToolUse);
    assert_eq!(
        response.content,
        [
            Content::Reasoning(Reasoning {
                text: "Let me see".to_owned(),
                signature: Some("c2ln".to_owned())
            }),
            Content::RedactedReasoning(vec![1, 2, 3]),
            Content::Text("I will ask.".to_owned()),
            Content::ToolUse(ToolUse {
                id: "t1".to_owned(),
                name: "weather".to_owned(),
                input
            }),
        ]
    );
}

#[tokio::test]
async fn pieces_are_handed_on_as_they_are_made() {
    let stand_in = StandIn::start().await;
    let permits = Arc::new(Semaphore::new(0));
    stand_in.push(Answer::text("one two").paced(permits.clone()));
    let mut stream = bedrock(&stand_in)
        .converse_stream(ask("Hello"))
        .await
        .unwrap();

    // The message's start and the first word; nothing of the second has been made.
    permits.add_permits(2);
    assert_eq!(
        stream.next().await.unwrap().unwrap(),
        Event::BlockStart(BlockStart::Text)
    );
    assert_eq!(stream.next().await.unwrap().unwrap(), text("one "));
    assert_eq!(stream.next().now_or_never(), None);
    permits.add_permits(1);
    assert_eq!(stream.next().await.unwrap().unwrap(), text("two"));
    permits.add_permits(3);
    let (rest, error) = read(stream).await;
    assert_eq!(error, None);
    assert!(
        matches!(rest.as_slice(), [Event::BlockStop, Event::Done(_)]),
        "{rest:?}"
    );
}

#[tokio::test]
async fn a_stream_that_breaks_or_stops_early_is_an_error_after_what_was_said() {
    for answer in [
        Answer::text("one two three").break_after(2),
        Answer::text("one two three").stop_after(2),
    ] {
        let (events, error) = streamed(answer).await;

        assert_eq!(events, [Event::BlockStart(BlockStart::Text), text("one ")]);
        let error = error.expect("a broken answer is never a silent end");
        assert_eq!((error.kind, error.usage), (ErrorKind::Unavailable, None));
    }
}

#[tokio::test]
async fn a_stream_without_its_bill_is_not_complete() {
    // start, one word, stop of the block, stop of the message; the metadata is missing.
    let (events, error) = streamed(Answer::text("one").stop_after(4)).await;

    assert_eq!(events.last(), Some(&Event::BlockStop));
    assert_eq!(error.unwrap().kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_last_event_takes_nothing_away() {
    let (events, error) = streamed(Answer::text("one").break_after(5)).await;

    assert_eq!(error, None);
    assert!(matches!(events.last(), Some(Event::Done(_))), "{events:?}");
}

#[tokio::test]
async fn exceptions_in_a_stream_have_their_kinds() {
    for (code, message, kind) in [
        ("throttlingException", "slow down", ErrorKind::Throttled),
        ("validationException", "wrong", ErrorKind::Invalid),
        (
            "validationException",
            "Input is too long for requested model",
            ErrorKind::ContextTooLong,
        ),
        (
            "modelStreamErrorException",
            "the model fell over",
            ErrorKind::Unavailable,
        ),
        ("internalServerException", "oops", ErrorKind::Unavailable),
        (
            "serviceUnavailableException",
            "not now",
            ErrorKind::Unavailable,
        ),
        ("somethingNewException", "who knows", ErrorKind::Unavailable),
    ] {
        let (events, error) =
            streamed(Answer::text("one two").exception_after(2, code, message)).await;

        assert_eq!(
            events,
            [Event::BlockStart(BlockStart::Text), text("one ")],
            "{code}"
        );
        let error = error.expect("an exception is an error");
        assert_eq!(error.kind, kind, "{code}: {error:?}");
        assert!(error.message.contains(message), "{code}: {}", error.message);
    }
}

#[tokio::test]
async fn an_error_says_what_was_billed_when_that_is_known() {
    let usage = json!({ "inputTokens": 30, "outputTokens": 2, "totalTokens": 32 });
    let events = vec![
        ("messageStart", json!({ "role": "assistant" })),
        ("metadata", json!({ "usage": usage })),
    ];
    let (_, error) =
        streamed(Answer::events(events).exception_after(2, "modelStreamErrorException", "gone"))
            .await;

    let billed = Usage {
        input_tokens: 30,
        output_tokens: 2,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
    };
    assert_eq!(error.unwrap().usage, Some(billed));
}

#[tokio::test]
async fn silence_within_a_stream_ends_in_a_timeout_and_closes_the_call() {
    let stand_in = StandIn::start().await;
    stand_in.push(Answer::text("one two").hang_after(2));
    let impatient = Config {
        idle_timeout: Duration::from_secs(1),
        ..Config::default()
    };
    let stream = bedrock_with(stand_in.endpoint(), impatient)
        .converse_stream(ask("Hello"))
        .await
        .unwrap();

    let (events, error) = read(stream).await;

    assert_eq!(events, [Event::BlockStart(BlockStart::Text), text("one ")]);
    assert_eq!(error.unwrap().kind, ErrorKind::Timeout);
    stand_in.cut(1).await;
}

#[tokio::test]
async fn dropping_a_stream_closes_the_call_to_bedrock() {
    let stand_in = StandIn::start().await;
    stand_in.push(Answer::text("one two").hang_after(2));
    let mut stream = bedrock(&stand_in)
        .converse_stream(ask("Hello"))
        .await
        .unwrap();
    assert_eq!(
        stream.next().await.unwrap().unwrap(),
        Event::BlockStart(BlockStart::Text)
    );

    drop(stream);

    stand_in.cut(1).await;
    assert_eq!(stand_in.calls().converse_stream, 1);
}

#[tokio::test]
async fn a_stream_larger_than_the_limit_is_broken_off() {
    let stand_in = StandIn::start().await;
    stand_in.push(Answer::text(&"word ".repeat(500)));
    let small = bedrock_with(
        stand_in.endpoint(),
        Config {
            answer_bytes: 10_000,
            ..Config::default()
        },
    );

    let (events, error) = read(small.converse_stream(ask("Hello")).await.unwrap()).await;

    assert!(events.len() < 400, "{} events", events.len());
    let error = error.expect("the limit is an error");
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(
        error.message.contains("larger than this server accepts"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn an_error_before_the_first_event_is_tried_again_and_then_told_at_once() {
    let stand_in = StandIn::start().await;
    stand_in.push(Answer::error(429, "ThrottlingException", "slow down"));
    stand_in.push(Answer::text("now"));
    let bedrock = bedrock(&stand_in);

    let (events, error) = read(bedrock.converse_stream(ask("Hello")).await.unwrap()).await;
    assert_eq!((events.len(), error), (4, None));
    assert_eq!(stand_in.calls().converse_stream, 2);

    stand_in.push(Answer::error(400, "ValidationException", "wrong"));
    let Err(error) = bedrock.converse_stream(ask("Hello")).await else {
        panic!("a refused call gives no stream")
    };
    assert_eq!(error.kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn a_guardrail_goes_along_with_a_stream() {
    let stand_in = StandIn::start().await;
    let mut request = ask("Hello");
    request.guardrail = Some(Guardrail {
        id: "g1".to_owned(),
        version: "2".to_owned(),
    });

    let (events, _) = read(bedrock(&stand_in).converse_stream(request).await.unwrap()).await;

    assert!(matches!(events.last(), Some(Event::Done(_))));
    assert_eq!(
        stand_in.requests()[0].body["guardrailConfig"]["guardrailIdentifier"],
        "g1"
    );
}

#[tokio::test]
async fn what_is_newer_than_the_sdk_is_marked_and_disturbs_nothing() {
    let events = vec![
        ("messageStart", json!({ "role": "assistant" })),
        ("weatherReport", json!({ "rain": true })),
        (
            "contentBlockStart",
            json!({ "contentBlockIndex": 0, "start": { "hologram": {} } }),
        ),
        (
            "contentBlockDelta",
            json!({ "contentBlockIndex": 0, "delta": { "hologram": { "depth": 1 } } }),
        ),
        ("contentBlockStop", json!({ "contentBlockIndex": 0 })),
        (
            "contentBlockDelta",
            json!({ "contentBlockIndex": 1, "delta": { "text": "Good day." } }),
        ),
        ("contentBlockStop", json!({ "contentBlockIndex": 1 })),
        ("messageStop", json!({ "stopReason": "end_turn" })),
        ("metadata", json!({ "metrics": { "latencyMs": 1 } })),
    ];
    let (events, error) = streamed(Answer::events(events)).await;

    assert_eq!(error, None);
    let mark = r#"{"SDK_UNKNOWN_MEMBER":{}}"#.to_owned();
    assert_eq!(
        events[0],
        Event::BlockStart(BlockStart::Other(mark.clone()))
    );
    assert_eq!(events[1], Event::Delta(Delta::Other(mark.clone())));
    let Some(Event::Done(response)) = events.last() else {
        panic!("no done: {events:?}")
    };
    assert_eq!(
        response.content,
        [Content::Other(mark), Content::Text("Good day.".to_owned())]
    );
}

#[tokio::test]
async fn a_stream_read_to_its_end_leaves_its_connection_to_the_next_call() {
    let stand_in = StandIn::start().await;
    let bedrock = bedrock(&stand_in);

    for _ in 0..3 {
        let (events, _) = read(bedrock.converse_stream(ask("Hello")).await.unwrap()).await;
        assert!(matches!(events.last(), Some(Event::Done(_))));
    }

    let requests = stand_in.requests();
    assert!(
        requests
            .iter()
            .all(|request| request.peer == requests[0].peer),
        "a connection for each call"
    );
}
