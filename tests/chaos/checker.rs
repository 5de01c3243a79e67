//! The checker: whether what clients were told can be true.
//!
//! A session is a sequential thing: each turn finds what the turns before it left. So there must be one order of its
//! calls in which each was made between its first try and its answer, and in which each answer is right. The order is
//! looked for; when there is none, something was lost, done twice, or mixed up.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::history::{Asked, Call, Deed};
use crate::stand_in::Recorded;

/// What a session of the probe remembers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Memory {
    turns: u64,
    kept_bytes: u64,
}

/// Everything that is wrong with what clients were told; nothing, when all is well.
pub(super) fn complaints(calls: &[Call], requests: &[Recorded]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut sessions: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in calls {
        sessions.entry(&call.session).or_default().push(call);
        complaints.extend(answer(call).map(|what| complaint(call, &what)));
    }
    for calls in sessions.values() {
        complaints.extend(order(calls).err());
        complaints.extend(calls.iter().filter_map(|call| abandoned(call, calls)));
    }
    complaints.extend(chance(calls));
    complaints.extend(purchases(calls, requests));
    complaints
}

fn complaint(call: &Call, what: &str) -> String {
    let Call {
        session,
        invocation,
        asked,
        told,
        tries,
        kills,
        ..
    } = call;
    let (status, text) = (told.status, told.text());
    let text: String = text.chars().take(200).collect();
    format!(
        "{session}: {invocation} {asked:?}, told {status} {text} after {tries} tries and {kills} kills: {what}"
    )
}

/// What is wrong with an answer, whatever happened before.
fn answer(call: &Call) -> Option<String> {
    let told = &call.told;
    let json = || serde_json::from_slice::<Value>(&told.body).unwrap_or_default();
    let expect = |status: u16, is_right: bool| {
        let right = told.status == status && is_right;
        (!right).then(|| "this is not its answer".to_owned())
    };
    let deed = match &call.asked {
        // Not found is what a stop is told whose first try was obeyed.
        Asked::Stop => return expect(if told.status == 404 { 404 } else { 200 }, true),
        Asked::Turn(deed) => deed,
    };
    if told.is_abandoned() || told.is_starved() {
        return None;
    }
    match deed {
        Deed::Count => expect(200, json().is_u64()),
        Deed::Random => expect(200, json().as_str().is_some_and(|hex| hex.len() == 32)),
        Deed::Keep(_) => expect(200, json()["kept_bytes"].is_u64()),
        Deed::Model(prompt) => expect(200, json()["text"] == said(prompt)),
        Deed::Stream(prompt) => expect(200, streamed(&told.text()) == Some(said(prompt))),
        Deed::Print(message) => expect(200, json() == message.as_str()),
        Deed::Large(bytes) => expect(200, told.body.len() == *bytes),
        Deed::Fail(message) => expect(424, told.text().contains(message)),
        Deed::Trap => expect(424, told.text().contains("trapped")),
    }
}

/// What the stand-in answers.
fn said(prompt: &str) -> String {
    format!("You said: {prompt}")
}

/// The text of a stream of events.
fn streamed(body: &str) -> Option<String> {
    let events = body.split_terminator("\n\n");
    events
        .map(|event| serde_json::from_str::<String>(event.strip_prefix("data: ")?).ok())
        .collect()
}

/// Looks for the order in which the calls of one session were made.
fn order(calls: &[&Call]) -> Result<(), String> {
    let mut events: Vec<(u64, bool, usize)> = Vec::new();
    for (number, call) in calls.iter().enumerate() {
        events.push((call.began, false, number));
        events.push((call.ended, true, number));
    }
    events.sort_unstable();
    // Which of the calls under way were made by now, and what the session remembers then: all that may be.
    let mut worlds = HashSet::from([(BTreeSet::new(), Memory::default())]);
    let mut under_way = BTreeSet::new();
    for (_, is_end, number) in events {
        if !is_end {
            under_way.insert(number);
            continue;
        }
        let mut reached = HashSet::new();
        let mut open: Vec<_> = worlds.drain().collect();
        while let Some((made, memory)) = open.pop() {
            if !reached.insert((made.clone(), memory)) {
                continue;
            }
            for other in under_way.difference(&made) {
                let call = calls[*other];
                if let Some(next) = after(call, memory) {
                    let mut made = made.clone();
                    made.insert(*other);
                    open.push((made, next));
                }
                // Each try of a stop may have been obeyed.
                if call.asked == Asked::Stop && call.tries > 1 {
                    open.push((made.clone(), Memory::default()));
                }
            }
        }
        under_way.remove(&number);
        worlds = reached
            .iter()
            .filter(|(made, _)| made.contains(&number))
            .map(|(made, memory)| {
                let mut made = made.clone();
                made.remove(&number);
                (made, *memory)
            })
            .collect();
        if worlds.is_empty() {
            let before: BTreeSet<String> = reached
                .iter()
                .map(|(_, memory)| format!("{memory:?}"))
                .collect();
            let what =
                format!("no order of calls explains it; before it there may have been {before:?}");
            return Err(complaint(calls[number], &what));
        }
    }
    Ok(())
}

/// What the session remembers after a call that was answered so; none, when it cannot have been.
fn after(call: &Call, before: Memory) -> Option<Memory> {
    let deed = match &call.asked {
        Asked::Stop => return Some(Memory::default()),
        Asked::Turn(deed) => deed,
    };
    if call.told.is_abandoned() || call.told.is_starved() {
        return Some(before);
    }
    let json = serde_json::from_slice::<Value>(&call.told.body).unwrap_or_default();
    let turns = before.turns + 1;
    let counted = Memory { turns, ..before };
    match deed {
        Deed::Trap => Some(before),
        Deed::Count => (json == turns).then_some(counted),
        Deed::Keep(kib) => {
            let kept_bytes = before.kept_bytes + (kib << 10);
            (json["kept_bytes"] == kept_bytes).then_some(Memory { turns, kept_bytes })
        }
        Deed::Random
        | Deed::Model(_)
        | Deed::Stream(_)
        | Deed::Print(_)
        | Deed::Large(_)
        | Deed::Fail(_) => Some(counted),
    }
}

/// A turn is given up only for a stop.
fn abandoned(call: &Call, calls: &[&Call]) -> Option<String> {
    if !call.told.is_abandoned() {
        return None;
    }
    let stopped = calls.iter().any(|stop| {
        stop.asked == Asked::Stop && stop.began < call.ended && call.began < stop.ended
    });
    (!stopped).then(|| complaint(call, "nobody stopped its session"))
}

/// No random number is drawn twice, in whatever session.
fn chance(calls: &[Call]) -> Vec<String> {
    let mut seen = HashSet::new();
    let drawn = calls
        .iter()
        .filter(|call| call.asked == Asked::Turn(Deed::Random) && call.told.status == 200);
    drawn
        .filter(|call| !seen.insert(call.told.body.clone()))
        .map(|call| complaint(call, "it was drawn before"))
        .collect()
}

/// What comes last in the conversation that a provider was shown.
pub(super) fn prompt(request: &Recorded) -> String {
    let messages = request.body["messages"].as_array();
    let last = messages.and_then(|messages| messages.last());
    let text = last.and_then(|last| last["content"][0]["text"].as_str());
    text.unwrap_or_default().to_owned()
}

/// A prompt is bought once, and once more for each kill that may have cut it; never again once its answer was used.
fn purchases(calls: &[Call], requests: &[Recorded]) -> Vec<String> {
    let mut bought: HashMap<String, Vec<usize>> = HashMap::new();
    for (number, request) in requests.iter().enumerate() {
        bought.entry(prompt(request)).or_default().push(number);
    }
    let mut complaints = Vec::new();
    for call in calls {
        let Asked::Turn(deed) = &call.asked else {
            continue;
        };
        let Some(prompt) = deed.prompt() else {
            continue;
        };
        let bought = bought.remove(prompt).unwrap_or_default();
        if bought.len() > 1 + call.kills {
            let what = format!("it was bought {} times", bought.len());
            complaints.push(complaint(call, &what));
        }
        if bought.is_empty() && call.told.status == 200 {
            complaints.push(complaint(call, "it was never bought"));
        }
        if bought.last().is_some_and(|last| *last >= call.bought) {
            complaints.push(complaint(call, "it was bought when it had been answered"));
        }
    }
    let unknown = bought.into_keys();
    complaints.extend(unknown.map(|prompt| format!("nobody asked {prompt:?}")));
    complaints
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::history::Told;
    use super::*;

    fn call(asked: Asked, began: u64, ended: u64, told: &str) -> Call {
        Call {
            session: "one".to_owned(),
            invocation: format!("call-{began}"),
            asked,
            began,
            ended,
            tries: 1,
            kills: 0,
            bought: 0,
            told: Told {
                status: 200,
                content_type: "application/json".to_owned(),
                body: Bytes::copy_from_slice(told.as_bytes()),
            },
        }
    }

    fn count(began: u64, ended: u64, told: &str) -> Call {
        call(Asked::Turn(Deed::Count), began, ended, told)
    }

    fn verdict(calls: &[Call]) -> bool {
        complaints(calls, &[]).is_empty()
    }

    #[test]
    fn calls_beside_each_other_may_have_been_made_in_any_order_and_others_not() {
        assert!(verdict(&[count(0, 1, "1"), count(2, 3, "2")]));
        assert!(verdict(&[count(0, 2, "2"), count(1, 3, "1")]));
        assert!(!verdict(&[count(0, 1, "2"), count(2, 3, "1")]));
    }

    #[test]
    fn a_turn_that_is_lost_or_done_twice_is_noticed() {
        assert!(!verdict(&[count(0, 1, "1"), count(2, 3, "1")]));
        assert!(!verdict(&[count(0, 1, "1"), count(2, 3, "3")]));
        assert!(!verdict(&[
            count(0, 1, "1"),
            count(2, 3, "2"),
            count(4, 5, "2")
        ]));
    }

    #[test]
    fn a_stop_begins_a_fresh_world_and_nothing_else_does() {
        let stop = |began, ended| call(Asked::Stop, began, ended, "{}");
        assert!(verdict(&[count(0, 1, "1"), stop(2, 3), count(4, 5, "1")]));
        assert!(!verdict(&[count(0, 1, "1"), stop(2, 3), count(4, 5, "2")]));
        // Beside a stop, before or after it.
        assert!(verdict(&[count(0, 1, "1"), stop(2, 5), count(3, 4, "1")]));
        assert!(verdict(&[count(0, 1, "1"), stop(2, 5), count(3, 4, "2")]));
        assert!(!verdict(&[count(0, 1, "1"), stop(2, 5), count(3, 4, "3")]));
        // One try ends one world, two tries may end two.
        let two = |tries| Call {
            tries,
            ..stop(0, 5)
        };
        let counts = || [count(1, 2, "1"), count(3, 4, "1"), count(6, 7, "1")];
        assert!(!verdict(&[&[two(1)][..], &counts()].concat()));
        assert!(verdict(&[&[two(2)][..], &counts()].concat()));
    }

    #[test]
    fn an_answer_that_is_another_calls_is_noticed() {
        let asked = Asked::Turn(Deed::Print("mine".to_owned()));
        assert!(verdict(&[call(asked.clone(), 0, 1, "\"mine\"")]));
        assert!(!verdict(&[call(asked, 0, 1, "\"yours\"")]));
    }
}
