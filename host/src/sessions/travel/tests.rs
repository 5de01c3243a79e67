use std::time::Duration;

use serde_json::{Value, json};

use super::super::state::EndReason;
use super::*;
use crate::agents::Lifecycle;
use crate::clock::Timestamp;
use crate::journal::Sequenced;

fn started() -> Value {
    json!({
        "record": "started", "seed": "07".repeat(32), "version": 1, "artifact": "ab".repeat(32), "at": 1_000,
        "limits": { "memory_mib": 256 },
    })
}

fn accepted(turn: u64) -> Value {
    json!({
        "record": "turn-accepted", "turn": turn, "request": format!("request-{turn}"), "at": 1_000 + turn,
        "payload": { "text": "{}" },
        "context": {
            "session_id": "s", "request_id": "r", "turn": turn, "agent_name": "a", "agent_version": "1",
            "endpoint": "DEFAULT", "tenant_id": "000000000000", "headers": [],
        },
    })
}

fn finished(turn: u64) -> Value {
    json!({
        "record": "turn-finished", "turn": turn, "at": 1_000 + turn, "duration_us": 1, "memory_bytes": 1,
        "outcome": {
            "outcome": "answered", "content_type": "application/json", "streamed": false, "output": { "text": "1" },
        },
        "models": { "calls": 0, "input_tokens": 0, "output_tokens": 0 },
    })
}

fn origin(records: Vec<Value>) -> Origin {
    let records = records.into_iter().zip(1..).map(|(record, seq)| Sequenced {
        seq: serde_json::from_value(json!(seq)).unwrap(),
        record: serde_json::from_value(record).unwrap(),
    });
    Origin {
        incarnation: Incarnation::from_number(1),
        durability: Durability::Process,
        past: Past::read(records.collect()).unwrap(),
        trimmed: false,
        damage: None,
    }
}

fn refusal(origin: &Origin, turn: Option<u64>) -> String {
    origin.turns(turn).unwrap_err().to_string()
}

#[test]
fn a_turn_is_taken_with_all_before_it() {
    let origin = origin(vec![
        started(),
        accepted(1),
        finished(1),
        accepted(2),
        finished(2),
        accepted(3),
    ]);
    assert_eq!(origin.turns(Some(1)).unwrap().len(), 1);
    assert_eq!(origin.turns(Some(2)).unwrap().len(), 2);
    assert_eq!(origin.turns(None).unwrap().len(), 2);
    assert!(refusal(&origin, Some(3)).starts_with("turn 3 is not finished"));
    assert_eq!(
        refusal(&origin, Some(4)),
        "the session has no turn 4; 3 were taken"
    );
}

#[test]
fn without_its_first_turns_a_session_cannot_be_told_again() {
    let rest = vec![started(), accepted(5), finished(5), accepted(6)];
    let open = vec![started(), accepted(5)];
    for origin in [origin(rest), origin(open)] {
        for turn in [None, Some(2), Some(5), Some(9)] {
            assert_eq!(
                refusal(&origin, turn),
                "the first turns of the session are not kept any more, and without them no other can be told again"
            );
        }
    }
    // Or none is left at all, as an image stands for them.
    let mut none = origin(vec![started()]);
    assert!(none.turns(None).unwrap().is_empty());
    none.trimmed = true;
    assert!(none.turns(None).is_err());
}

#[test]
fn where_the_records_are_damaged_the_turns_before_that_are_there() {
    let mut origin = origin(vec![started(), accepted(1), finished(1)]);
    origin.damage = Some(Damage {
        seq: serde_json::from_value(json!(4)).unwrap(),
        why: "it is not what was written there".to_owned(),
    });
    assert_eq!(origin.turns(Some(1)).unwrap().len(), 1);
    assert!(refusal(&origin, Some(2)).contains("is damaged at record 4: it is not what was"));
}

#[test]
fn a_fork_lives_from_its_making_and_one_that_is_not_whole_not_at_all() {
    let mut started = started();
    started["forked"] =
        json!({ "session": "s".repeat(33), "incarnation": 1, "turn": 2, "at": 9_000_000 });
    let lifecycle = Lifecycle {
        idle_timeout: Duration::from_secs(900),
        max_lifetime: Duration::from_secs(28_800),
    };
    let at = |millis: u64| Timestamp::from_millis(9_000_000 + millis);
    let whole = origin(vec![
        started.clone(),
        accepted(1),
        finished(1),
        accepted(2),
        finished(2),
    ]);
    assert_eq!(whole.past.active(), at(0));
    assert_eq!(whole.past.expired(&lifecycle, at(899_999)), None);
    assert_eq!(
        whole.past.expired(&lifecycle, at(900_000)),
        Some(EndReason::Idle)
    );

    let cut = origin(vec![started, accepted(1), finished(1), accepted(2)]);
    assert_eq!(cut.past.expired(&lifecycle, at(0)), Some(EndReason::Broken));
}
