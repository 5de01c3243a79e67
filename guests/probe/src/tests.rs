use kellion_sdk::testing::{self, Script};

use super::*;

fn turn(probe: &mut Probe, payload: &Value) -> Result<Body> {
    let request = Request::from_body(payload.to_string().into_bytes().into())?;
    probe.invoke(request, &testing::context())
}

fn answer(payload: &Value) -> Value {
    let body = turn(&mut Probe::start(), payload).expect("the turn succeeds");
    serde_json::from_slice(&body.bytes).expect("the answer is JSON")
}

#[test]
fn echo_gives_the_value_back() {
    let value = json!({ "deep": [1, 2.5, null, "é"] });
    assert_eq!(answer(&json!({ "do": "echo", "value": value })), value);
}

#[test]
fn bytes_come_back_as_they_are() {
    let bytes = Body::new("application/octet-stream", [0, 255, b'{']);
    let request = Request::from_body(bytes.clone()).expect("bytes are taken as they are");
    assert_eq!(
        Probe::start().invoke(request, &testing::context()),
        Ok(bytes)
    );
}

#[test]
fn the_agent_calculates_and_remembers() {
    let script = Script::new()
        .calls("calculator", &json!({ "expression": "2*5" }))
        .says("10")
        .says("Yes.");
    let mut probe = Probe::start();
    probe.agent = probe.agent.answered_by(script.clone());

    let ten = turn(&mut probe, &json!({ "do": "agent", "prompt": "2*5?" }));
    assert_eq!(ten, Ok(br#""10""#.to_vec().into()));
    turn(&mut probe, &json!({ "do": "agent", "prompt": "Sure?" })).expect("the turn succeeds");

    assert_eq!(script.requests()[2].messages.len(), 5);
}

#[test]
fn turns_are_counted() {
    let mut probe = Probe::start();
    turn(&mut probe, &json!({ "do": "random" })).expect("the turn succeeds");
    assert_eq!(
        turn(&mut probe, &json!({ "do": "count" })),
        Ok(b"2".to_vec().into())
    );
}

#[test]
fn the_context_is_told_whole() {
    let told = answer(&json!({ "do": "context" }));
    assert_eq!(told["session_id"], testing::context().session_id);
    assert_eq!(told.as_object().map(|fields| fields.len()), Some(13));
}

#[test]
fn a_stream_is_numbers_and_may_fail_at_its_end() {
    let numbers = "data: 1\n\ndata: 2\n\n";

    let whole = turn(&mut Probe::start(), &json!({ "do": "stream", "n": 2 }));
    assert_eq!(whole, Ok(Body::default()));
    assert_eq!(
        testing::take_sent(),
        Body::new("text/event-stream", numbers)
    );

    let broken = json!({ "do": "stream", "n": 2, "message": "enough" });
    assert_eq!(
        turn(&mut Probe::start(), &broken),
        Err(AgentError::Failed("enough".to_owned()))
    );
    assert_eq!(
        testing::take_sent(),
        Body::new("text/event-stream", numbers)
    );
}

#[test]
fn raw_text_goes_out_in_two_parts() {
    let payload = json!({ "do": "raw", "chunks": ["a", "b"], "rest": "c" });
    assert_eq!(
        turn(&mut Probe::start(), &payload),
        Ok(b"c".to_vec().into())
    );
    assert_eq!(testing::take_sent(), Body::new("text/plain", "ab"));
}

#[test]
fn memory_is_filled_up_to_the_limit() {
    assert_eq!(
        answer(&json!({ "do": "fill", "mib": 3 })),
        json!({ "mib": 3, "refused": false })
    );
}

#[test]
fn kept_memory_adds_up() {
    let mut probe = Probe::start();
    for kept in [3, 6] {
        let body = turn(&mut probe, &json!({ "do": "keep", "kib": 3 }));
        let kept = json!({ "kept_bytes": kept << 10 });
        assert_eq!(body, Ok(kept.into_body().expect("JSON")));
    }
}

#[test]
fn an_unknown_deed_is_refused_as_a_payload() {
    let refused = turn(&mut Probe::start(), &json!({ "do": "dance" }));
    let Err(AgentError::InvalidPayload(message)) = refused else {
        panic!("not refused as a payload: {refused:?}");
    };
    assert!(
        message.contains("unknown variant `dance`, expected one of `echo`"),
        "{message}"
    );
}
