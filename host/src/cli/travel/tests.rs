use super::*;

fn record(kind: &str, members: &Value) -> String {
    let mut record = json!({ "seq": 1, "record": kind, "at": 1_800_000_000_000_u64 });
    let more = members.as_object().expect("an object").clone();
    record.as_object_mut().expect("an object").extend(more);
    line(&record)
}

#[test]
fn each_kind_of_record_has_a_line() {
    let at = "2027-01-15T08:00:00Z";
    let answered = json!({ "outcome": "answered", "output": { "text": "\"green\"" } });
    let whole = json!({
        "accepted": { "turn": 7, "at": 1, "payload": { "text": "{}" } },
        "finished": { "turn": 7, "at": 1_800_000_000_000_u64, "outcome": answered },
    });
    let tool = json!({
        "turn": 7, "call": 2,
        "result": { "kind": "converse", "answer": { "Ok": { "content": [
            { "Text": "Let me see." }, { "ToolUse": { "name": "weather", "input": "{}" } }, "CachePoint",
        ] } } },
    });
    let stream = json!({
        "turn": 7, "call": 1, "result": { "kind": "converse-stream", "events": [1, 2], "end": { "end": "done" } },
    });
    let refused = json!({
        "turn": 7, "call": 1, "result": { "kind": "count-tokens", "answer": { "Err": { "message": "no" } } },
    });
    let failed = json!({ "turn": 7, "outcome": { "outcome": "faulted", "message": "the agent\n  trapped" } });
    let fork = json!({ "version": 3, "forked": { "session": "other", "turn": 2 } });
    for (kind, members, shown) in [
        (
            "started",
            json!({ "version": 3 }),
            "    - AT started         version 3",
        ),
        (
            "started",
            fork,
            "    - AT started         version 3, forked from turn 2 of other",
        ),
        (
            "turn",
            whole,
            "    7 AT turn            {} answered: \"green\"",
        ),
        (
            "turn-accepted",
            json!({ "turn": 7, "payload": { "base64": "AAAA" } }),
            "    7 AT turn-accepted   3 bytes",
        ),
        (
            "observed",
            tool,
            "    7 AT converse        call 2: Let me see. weather {} CachePoint",
        ),
        (
            "observed",
            stream,
            "    7 AT converse-stream call 1: 2 events, done",
        ),
        (
            "observed",
            refused,
            "    7 AT count-tokens    call 1: error: no",
        ),
        (
            "turn-finished",
            failed,
            "    7 AT turn-finished   faulted: the agent trapped",
        ),
        (
            "image",
            json!({ "turn": 7, "bytes": 2_049 }),
            "    7 AT image           3 KiB",
        ),
        (
            "ended",
            json!({ "reason": "idle" }),
            "    - AT ended           idle",
        ),
    ] {
        assert_eq!(record(kind, &members), shown.replace("AT", at));
    }
}

#[test]
fn a_line_is_one_line_and_not_long() {
    let payload = |text: &str| json!({ "turn": 1, "payload": { "text": text } });
    let long = record("turn-accepted", &payload(&"é".repeat(10_000)));
    assert!(long.ends_with("é…") && long.chars().count() < 130, "{long}");
    let steers = record("turn-accepted", &payload("a\nb\u{1b}[31m\u{9b}\r"));
    assert!(steers.ends_with("a b\\u{1b}[31m\\u{9b}"), "{steers:?}");
}
