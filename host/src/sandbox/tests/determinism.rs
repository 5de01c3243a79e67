use std::process::Command;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::stage::{Chance, Outcome, PROBE, START, Stage};

const TURNS: u64 = 25;

/// Plays the session that these seeds stand for.
async fn play(stage: &Stage, seed: u64, script: u64) -> Vec<Outcome> {
    let mut session = stage.session(seed).await;
    let mut chance = Chance(script);
    let mut at = START;
    let mut outcomes = Vec::new();
    for _ in 0..TURNS {
        at = at + Duration::from_millis(chance.below(60_000));
        let deed = chance.deed();
        outcomes.push(session.turn(&deed, at, chance.next()).await);
    }
    outcomes
}

fn digest(outcomes: &[Outcome]) -> String {
    Sha256::digest(format!("{outcomes:?}"))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[tokio::test]
async fn what_is_told_the_same_does_the_same() {
    let first = Stage::with(&PROBE);
    let second = Stage::with(&PROBE);
    for script in 0..12 {
        let played = play(&first, script, script).await;
        assert!(
            played.iter().all(|outcome| outcome.answer.is_ok()),
            "script {script}: {played:?}"
        );
        assert_eq!(
            played,
            play(&second, script, script).await,
            "script {script}"
        );
    }
}

#[tokio::test]
async fn another_process_does_the_same() {
    const CHILD: &str = "KELLION_TEST_PLAY";
    const SAID: &str = "played ";
    let mut played = Sha256::new();
    let stage = Stage::with(&PROBE);
    for script in 100..103 {
        played.update(digest(&play(&stage, script, script).await));
    }
    let played = format!("{SAID}{:x}.", played.finalize());
    if std::env::var_os(CHILD).is_some() {
        println!("{played}");
        return;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "sandbox::tests::determinism::another_process_does_the_same",
        ])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8(child.stdout).unwrap();
    assert!(said.contains(&played), "{said}, not {played}");
}

#[tokio::test]
async fn another_seed_is_another_chance() {
    let stage = Stage::with(&PROBE);
    let deed = serde_json::json!({ "do": "random" });
    let mut seen = Vec::new();
    for seed in [1, 1, 2] {
        let mut session = stage.session(seed).await;
        let first = session.turn(&deed, START, 0).await.json();
        let second = session.turn(&deed, START, 0).await.json();
        assert_ne!(first, second);
        seen.push([first, second]);
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
}
