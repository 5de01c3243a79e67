//! Thousands of sessions that come and go in every way: what the server has open, and holds, is as much at the end as at the
//! beginning.

use std::collections::BTreeMap;
use std::path::Path;

use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::harness::{Host, PROBE, Session, Usage, Witness, reference, wat};

const ROUNDS: usize = 12;
const SESSIONS: usize = 200;
const AT_ONCE: usize = 16;

/// What may differ between two moments of the same work. There is no leak that is smaller: each round has hundreds of
/// sessions.
const FILES: usize = 16;
const THREADS: usize = 16;
const MAPPINGS: usize = 100;
const MEMORY: u64 = 64;
/// Files that are just being written, or about to go.
const OTHERS: usize = 4;

/// Answers; or traps, when the payload says so. Each round has a component of its own.
fn agent(round: usize) -> Vec<u8> {
    wat::agent(&format!(
        r#"(data (i32.const 1024) "1 {round}")
        (func (export "invoke") (param $arguments i32) (result i32)
            (if (i32.eq (i32.load8_u offset=1 (i32.load (local.get $arguments))) (i32.const 116))
                (then (unreachable)))
            (call $answer (i32.const 1024) (i32.const 1)))"#,
    ))
}

/// One life, of a kind.
async fn live(session: Session, kind: usize) {
    assert_eq!(session.ask(json!("?")).await, 1);
    if kind % 2 == 1 {
        let trapped = session.invoke(json!("t")).await;
        trapped.assert_refused(424, "RuntimeClientError", "the agent trapped");
    }
    match kind % 4 {
        0 => assert_eq!(session.stop().await.status, 200),
        1 => assert_eq!(session.ask(json!("?")).await, 1),
        // The rest ends with its agent.
        _ => {}
    }
}

/// How many files there are, by their folders.
fn files(folder: &Path) -> BTreeMap<String, usize> {
    let mut folders = vec![folder.to_owned()];
    let mut files = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                *files.entry(folder.display().to_string()).or_default() += 1;
            }
        }
    }
    files
}

async fn round(host: &Host, round: usize) {
    let name = format!("passing{round}");
    host.push(&reference("passing"), agent(round)).await;
    let artifact = json!({ "containerConfiguration": { "containerUri": reference("passing") } });
    let agent = host
        .create_with(&name, json!({ "agentRuntimeArtifact": artifact }))
        .await;
    let runtime: Value = agent.built().await;
    assert_eq!(runtime["status"], "READY", "{runtime}");
    stream::iter(0..SESSIONS)
        .map(|number| live(agent.session(&format!("session-{number}")), number))
        .buffer_unordered(AT_ONCE)
        .collect::<()>()
        .await;
    host.delete(&agent.path("")).await.json_of(202);
}

#[tokio::test]
async fn thousands_of_sessions_leave_nothing_behind() {
    let host = Host::start();
    let peaceful = host.deploy("peaceful", PROBE).await;
    let mut witness = Witness::of(&host, &peaceful).await;
    let data = host.folder().join("data");
    let mut seen = Vec::new();
    for number in 0..ROUNDS {
        round(&host, number).await;
        witness.answers().await;
        seen.push((Usage::of(&host), files(&data)));
    }
    let (first, last) = (&seen[..ROUNDS / 3], &seen[ROUNDS - ROUNDS / 3..]);
    let most = |what: fn(&Usage) -> u64| first.iter().map(|(usage, _)| what(usage)).max().unwrap();
    let least = |what: fn(&Usage) -> u64| last.iter().map(|(usage, _)| what(usage)).min().unwrap();
    for (name, what, more) in [
        (
            "descriptors",
            (|usage| usage.descriptors as u64) as fn(&Usage) -> u64,
            FILES as u64,
        ),
        ("threads", |usage| usage.threads as u64, THREADS as u64),
        ("mappings", |usage| usage.mappings as u64, MAPPINGS as u64),
        ("MiB of memory", |usage| usage.memory, MEMORY),
    ] {
        let (before, after) = (most(what), least(what));
        assert!(
            after <= before + more,
            "{name}: {before}, then {after}: {seen:?}"
        );
    }
    let (early, late) = (&first[0].1, &last[last.len() - 1].1);
    assert_eq!(
        early.keys().collect::<Vec<_>>(),
        late.keys().collect::<Vec<_>>()
    );
    for (folder, count) in late {
        let before = early[folder];
        assert!(
            *count <= before + OTHERS,
            "{folder}: {before} files, then {count}"
        );
    }
    witness.survived(&host).await;
}
