//! Power cuts: what a server gave the disk is taken down while it works, and servers are started on what a disk may have of
//! it that forgets, tears and reorders all that it was not told to keep.

use serde_json::{Value, json};

use super::cut_disk::{Disk, Event, WATCH, events};
use super::dice::Dice;
use crate::harness::{Host, PROBE, Reply, Session, Threads, Trace, eventually, in_time};

/// How many disks are tried.
const CUTS: usize = 40;

/// How many turns are made.
const TURNS: usize = 60;

async fn call(session: &Session, name: &str, payload: &Value) -> Reply {
    let request = session.invocation(payload.to_string());
    let request = request.header("amz-sdk-invocation-id", name);
    let response = in_time("an answer", request.send()).await.unwrap();
    Reply::read(response).await.unwrap()
}

/// A turn that was acknowledged.
struct Told {
    session: usize,
    name: String,
    payload: Value,
    answer: String,
    /// The event with which the answer left.
    at: usize,
}

#[tokio::test]
async fn a_power_cut_loses_nothing_that_was_acknowledged_whatever_the_disk_forgot() {
    let mut dice = Dice::of("power cuts");
    // The log is moved often, large records are files, and sessions rest in images now and then.
    let config = "[sessions]\nturns_per_image = 7\n[journal]\ninline_kib = 4\nwal_mib = 1";
    let mut host = Host::builder().config(config).alone().start();
    let durable =
        |durability: &str| json!({ "environmentVariables": { "KELLION_DURABILITY": durability } });
    let kept = host.deploy_with("kept", PROBE, durable("power")).await;
    let light = host.deploy_with("light", PROBE, durable("process")).await;
    let kept = ["first", "second", "third"].map(|name| kept.session(name));
    let light = light.session("light");
    for session in kept.iter().chain([&light]) {
        assert_eq!(session.count().await, 1);
    }
    let journal = host.folder().join("data/journal");
    // All that is there by now is taken for kept. So nothing may be on its way when it is looked at.
    host.restart();
    for session in kept.iter().chain([&light]) {
        assert_eq!(session.count().await, 2);
    }
    host.kill();
    host.start_again();
    let before = Disk::of(&journal);

    let trace = Trace::attach(&host, Threads::All, &WATCH);
    let mut told = Vec::new();
    for number in 0..TURNS {
        let session = dice.index(kept.len());
        // Of a length that shows in the log, and sometimes so long that it becomes a file.
        let length = if dice.percent(20) {
            6_000
        } else {
            dice.index(1_500)
        };
        let word = format!("turn-{number}-{}-end", "x".repeat(length));
        let payload = json!({ "do": "print", "message": word });
        let name = format!("call-{number}");
        let answer = call(&kept[session], &name, &payload).await.json_of(200);
        assert_eq!(answer, word);
        told.push((session, name, payload, word));
        if dice.percent(30) {
            light
                .ask(json!({ "do": "print", "message": "light" }))
                .await;
        }
    }
    let turns = |session: &Session| {
        let session = session.clone();
        async move { session.inspect().await["turns"].as_u64().unwrap() }
    };
    eventually("the images of the last turns", || async {
        let now = turns(&kept[0]).await;
        (now > 2).then_some(())
    })
    .await;
    let events = events(&trace.end(), host.folder());
    host.kill();
    let told: Vec<Told> = told
        .into_iter()
        .map(|(session, name, payload, answer)| Told {
            session,
            at: sent(&events, &answer),
            name,
            payload,
            answer,
        })
        .collect();
    let synced = events
        .iter()
        .filter(|event| matches!(event, Event::Sync(_)));
    assert!(synced.count() >= TURNS, "each turn waits for the disk");

    let mut lost = 0;
    for _ in 0..CUTS {
        // After any of the events, often soon after an answer left.
        let at = match dice.percent(50) {
            true => dice.index(events.len()),
            false => told[dice.index(told.len())].at + 1 + dice.index(3),
        };
        let at = at.min(events.len());
        let mut disk = before.clone();
        events[..at].iter().for_each(|event| disk.apply(event));
        disk.cut(&mut dice).write();
        host.start_again();
        let place = format!("cut before event {at} of {}", events.len());
        for (number, session) in kept.iter().enumerate() {
            let own = told.iter().filter(|told| told.session == number);
            let (acknowledged, open): (Vec<&Told>, Vec<&Told>) = own.partition(|told| told.at < at);
            let known = turns(session).await;
            let least = 2 + acknowledged.len() as u64;
            assert!(known >= least, "{place}: {known} turns, not {least}");
            for told in &acknowledged {
                let again = call(session, &told.name, &told.payload).await;
                assert_eq!(again.json_of(200), *told.answer, "{place}: {}", told.name);
            }
            assert_eq!(
                turns(session).await,
                known,
                "{place}: a turn was made again"
            );
            // What was not acknowledged is made once, now or before.
            for told in &open {
                let again = call(session, &told.name, &told.payload).await;
                assert_eq!(again.json_of(200), *told.answer, "{place}: {}", told.name);
            }
            let all = 2 + (acknowledged.len() + open.len()) as u64;
            assert_eq!(session.count().await, all + 1, "{place}");
        }
        // It may have lost turns, and says so when what is left is not whole.
        let after = light.invoke(json!({ "do": "count" })).await;
        match after.status {
            200 => {}
            500 => assert!(after.text().contains("is damaged at record"), "{after:?}"),
            _ => panic!("{place}: {after:?}"),
        }
        lost += usize::from(after.status != 200);
        let said = host.said();
        assert!(!said.contains("panicked"), "{place}: {said}");
        host.kill();
    }
    println!(
        "power cuts: {CUTS} disks, {} events, {lost} quarantined",
        events.len()
    );
}

/// The event with which this answer left the server.
fn sent(events: &[Event], answer: &str) -> usize {
    let is_sent = |event: &Event| match event {
        Event::Sent(bytes) => bytes
            .windows(answer.len())
            .any(|window| window == answer.as_bytes()),
        _ => false,
    };
    let at = events.iter().position(is_sent);
    at.unwrap_or_else(|| panic!("{answer} was not seen to leave"))
}
