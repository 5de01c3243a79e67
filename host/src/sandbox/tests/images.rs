//! Cells that are captured, and go on from their images: here, in another sandbox, in another process.

use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::engine::shared;
use super::super::instrument::instrument;
use super::super::{
    CompileError, Config, Fault, NotImageable, NotRestored, Seed, compile, inspect,
};
use super::stage::{Chance, ECHO, Guest, Outcome, PROBE, START, Session, Stage, TUTORIAL};
use super::{MEMORY_MIB, probe};
use crate::clock::Timestamp;

const TURNS: u64 = 25;

/// Something to say to a guest, by chance.
type Deeds = fn(&mut Chance) -> Value;

fn request(chance: &mut Chance) -> Value {
    let prompt = ["What is 2+2?", "How is the weather?", "What is the time?"];
    let prompt = prompt[chance.below(3) as usize];
    json!({ "user_id": 1 + chance.below(3), "prompt": prompt })
}

/// What happens to one session: at which times it is told what, and what the outside answers.
struct Script {
    chance: Chance,
    deeds: Deeds,
    at: Timestamp,
}

impl Script {
    fn new(script: u64, deeds: Deeds) -> Self {
        Self {
            chance: Chance(script),
            deeds,
            at: START,
        }
    }

    async fn next(&mut self, sessions: &mut [&mut Session]) -> Vec<Outcome> {
        self.at = self.at + Duration::from_millis(self.chance.below(60_000));
        let deed = (self.deeds)(&mut self.chance);
        let outside = self.chance.next();
        let mut outcomes = Vec::new();
        for session in sessions {
            outcomes.push(session.turn(&deed, self.at, outside).await);
        }
        outcomes
    }
}

#[tokio::test]
async fn a_restored_session_goes_on_as_one_that_was_never_captured() {
    let guests: [(&Guest, Deeds); 3] = [
        (&PROBE, Chance::deed),
        (&TUTORIAL, request),
        (&ECHO, request),
    ];
    for (guest, deeds) in guests {
        let stages = [Stage::with(guest), Stage::with(guest)];
        assert!(stages[0].program.is_imageable());
        for seed in 0..6 {
            let mut script = Script::new(seed, deeds);
            let mut untouched = stages[0].session(seed).await;
            let mut captured = stages[0].session(seed).await;
            let mut moved = stages[1].session(seed).await;
            for turn in 0..TURNS {
                let image = captured.image().await.unwrap();
                assert_eq!(moved.image().await, Ok(image.clone()), "turn {turn}");
                moved = stages[turn as usize % 2]
                    .restore(&image, turn)
                    .await
                    .unwrap();
                assert_eq!(moved.image().await, Ok(image), "turn {turn}");
                let mut all = [&mut untouched, &mut captured, &mut moved];
                let outcomes = script.next(&mut all).await;
                assert!(outcomes[0].answer.is_ok(), "{outcomes:?}");
                assert_eq!(outcomes[0], outcomes[1], "captured, turn {turn}");
                assert_eq!(outcomes[0], outcomes[2], "restored, turn {turn}");
            }
            let digest = untouched.digest().await;
            assert_eq!(captured.digest().await, digest);
            assert_eq!(moved.digest().await, digest);
            let size = untouched.cell.memory_bytes();
            assert_eq!(moved.cell.memory_bytes(), size);
        }
    }
}

#[tokio::test]
async fn another_process_goes_on_from_a_file() {
    const CHILD: &str = "KELLION_TEST_IMAGE";
    const SAID: &str = "went on ";
    let stage = Stage::with(&PROBE);
    let mut script = Script::new(7, Chance::deed);
    let mut session = stage.session(7).await;
    for _ in 0..TURNS {
        script.next(&mut [&mut session]).await;
    }
    let child = std::env::var_os(CHILD);
    if let Some(image) = &child {
        let image = Bytes::from(std::fs::read(image).unwrap());
        session = stage.restore(&image, TURNS).await.unwrap();
    }
    let image = session.image().await.unwrap();
    let mut said = SAID.to_owned();
    for _ in 0..TURNS {
        said += &format!("{:?}", script.next(&mut [&mut session]).await);
    }
    said += &format!("{:?}", session.digest().await);
    if child.is_some() {
        println!("{said}");
        return;
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, &image).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "sandbox::tests::images::another_process_goes_on_from_a_file",
        ])
        .env(CHILD, file.path())
        .output()
        .unwrap();
    let answered = String::from_utf8(child.stdout).unwrap();
    assert!(answered.contains(&said), "{answered}, not {said}");
}

#[tokio::test]
async fn a_stream_over_the_end_of_a_turn_keeps_its_cell_in_memory() {
    let stage = Stage::with(&PROBE);
    let mut session = stage.session(1).await;
    let hold = json!({ "do": "model-hold", "prompt": "go on" });
    let mut script = 0;
    // The outside refuses some.
    while !matches!(session.turn(&hold, START, script).await.answer, Ok(Ok(_))) {
        script += 1;
    }
    let turns = session.turns;
    for after in 1..3 {
        let refused = session.image().await;
        assert!(
            matches!(refused, Err(NotImageable::OpenHandles { .. })),
            "{refused:?}"
        );
        let count = session.turn(&json!({ "do": "count" }), START, 0).await;
        assert_eq!(count.json(), turns + after);
    }
    let released = session.turn(&json!({ "do": "release" }), START, 0).await;
    assert_eq!(released.json(), 1);
    let image = session.image().await.unwrap();
    let mut restored = stage.restore(&image, session.turns).await.unwrap();
    let count = json!({ "do": "count" });
    assert_eq!(
        restored.turn(&count, START, 0).await,
        session.turn(&count, START, 0).await
    );
}

#[tokio::test]
async fn what_a_restored_cell_prints_goes_on_in_mid_line() {
    let stage = Stage::with(&PROBE);
    let mut session = stage.session(1).await;
    let mutter = json!({ "do": "mutter", "message": "half " });
    // Standard error has no buffer; the turn's end ends its line.
    assert_eq!(
        session.turn(&mutter, START, 0).await.log,
        ["Level::Warn half "]
    );
    let image = session.image().await.unwrap();
    let mut restored = stage.restore(&image, 1).await.unwrap();
    let print = json!({ "do": "print", "message": "whole" });
    let log = restored.turn(&print, START, 0).await.log;
    assert_eq!(log[..2], ["Level::Info half whole", "Level::Warn whole"]);
}

#[tokio::test]
async fn a_restored_cell_has_the_limits_of_a_started_one() {
    let stage = Stage::limited(
        &PROBE,
        Config {
            memory_mib: 16,
            turn_cpu_ms: 100,
            transfer_mib: 1,
            ..Stage::limits()
        },
    );
    let grown = json!({ "do": "fill", "mib": 8 });
    for deed in [
        json!({ "do": "fill" }),
        json!({ "do": "large", "bytes": 2 << 20 }),
        json!({ "do": "spin" }),
    ] {
        let mut session = stage.session(1).await;
        session.turn(&grown, START, 0).await;
        let image = session.image().await.unwrap();
        let mut restored = stage.restore(&image, 1).await.unwrap();
        assert_eq!(restored.cell.memory_bytes(), session.cell.memory_bytes());
        assert!(restored.cell.memory_bytes() > 8 << 20);
        let started = session.turn(&deed, START, 0).await;
        let restored = restored.turn(&deed, START, 0).await;
        assert_eq!(started.answer, restored.answer, "{deed}");
        match deed["do"].as_str() {
            Some("fill") => assert_eq!(restored.json()["refused"], true),
            Some("large") => assert_eq!(restored.answer, Err(Fault::Transfer { limit_mib: 1 })),
            _ => assert_eq!(restored.answer, Err(Fault::CpuTime { limit_ms: 100 })),
        }
    }
}

#[tokio::test]
async fn a_memory_over_the_limit_is_not_restored() {
    let large = Stage::with(&PROBE);
    let mut session = large.session(1).await;
    let grown = json!({ "do": "fill", "mib": 20 });
    session.turn(&grown, START, 0).await;
    let image = session.image().await.unwrap();
    let small = Stage::limited(
        &PROBE,
        Config {
            memory_mib: 16,
            ..Stage::limits()
        },
    );
    let refused = small.restore(&image, 1).await.err();
    let limit = Fault::Memory { limit_mib: 16 };
    assert_eq!(refused, Some(NotRestored::Fault(limit)));
}

#[tokio::test]
async fn an_image_of_another_program_is_refused() {
    let probe = Stage::with(&PROBE);
    let echo = Stage::with(&ECHO);
    let image = echo.session(1).await.image().await.unwrap();
    let refused = probe.restore(&image, 0).await.err();
    assert_eq!(refused, Some(NotRestored::AnotherProgram));
    // The same code, and still another component: whose image this is is for its bytes to say.
    let other = compile(&with_section(CUSTOM, b"\x04note"), MEMORY_MIB).unwrap();
    let other = Stage::of(&other, Stage::limits());
    let image = other.session(1).await.image().await.unwrap();
    let refused = probe.restore(&image, 0).await.err();
    assert_eq!(refused, Some(NotRestored::AnotherProgram));
}

#[tokio::test]
async fn a_full_sandbox_neither_captures_nor_restores_and_loses_nothing() {
    let stage = Stage::limited(
        &PROBE,
        Config {
            max_live_sessions: 1,
            ..Stage::limits()
        },
    );
    let full = Fault::Full {
        max_live_sessions: 1,
    };
    let mut session = stage.session(1).await;
    // The first image needs a fresh cell to compare with.
    let refused = session.image().await;
    assert_eq!(refused, Err(NotImageable::NoBase(full.clone())));
    let count = json!({ "do": "count" });
    assert_eq!(session.turn(&count, START, 0).await.json(), 1);

    let roomy = Stage::with(&PROBE);
    let image = roomy.session(1).await.image().await.unwrap();
    let refused = stage.restore(&image, 0).await.err();
    assert_eq!(refused, Some(NotRestored::Fault(full)));
    drop(session);
    let mut restored = stage.restore(&image, 0).await.unwrap();
    assert_eq!(restored.turn(&count, START, 0).await.json(), 1);
    // The base is known by now.
    assert!(restored.image().await.is_ok());
}

#[tokio::test]
async fn seeds_and_times_of_birth_are_in_the_image() {
    let stage = Stage::with(&PROBE);
    let mut seen = Vec::new();
    for seed in [1, 2] {
        let image = stage.session(seed).await.image().await.unwrap();
        let mut session = stage.restore(&image, 0).await.unwrap();
        let random = session.turn(&json!({ "do": "random" }), START, 0).await;
        seen.push(random.json());
        // A turn that is said to begin earlier does not turn the clock back.
        let early = Timestamp::from_millis(1);
        let clock = session.turn(&json!({ "do": "clock" }), early, 0).await;
        assert_eq!(clock.json()["now_ms"], START.as_millis());
    }
    assert_ne!(seen[0], seen[1]);
    assert_eq!(format!("{:?}", Seed::from_bytes([1; 32])), "Seed(…)");
}

const CUSTOM: u8 = 0;
const COMPONENT: u8 = 4;

/// The probe with one more section at its end.
fn with_section(id: u8, content: &[u8]) -> Vec<u8> {
    let mut component = probe();
    component.extend([id, u8::try_from(content.len()).unwrap()]);
    component.extend(content);
    component
}

#[tokio::test]
async fn what_cannot_be_imaged_runs_as_it_is_and_is_told_why() {
    let nested = wat::parse_str("(component (core module (memory 1)))").unwrap();
    let component = with_section(COMPONENT, &nested);
    let (inspection, _) = inspect(&component, MEMORY_MIB).unwrap();
    assert_eq!(inspection.misfit, None);
    assert_eq!(
        inspection.obstacles,
        ["it has a core module in a nested component"]
    );
    let program = compile(&component, MEMORY_MIB).unwrap();
    runs_without_images(&Stage::of(&program, Stage::limits())).await;
}

#[tokio::test]
async fn a_program_of_before_there_were_images_still_runs() {
    let engine = wasmtime::Engine::new(&shared(MEMORY_MIB)).unwrap();
    let component = wasmtime::component::Component::new(&engine, probe()).unwrap();
    let stage = Stage::of(&component.serialize().unwrap(), Stage::limits());
    runs_without_images(&stage).await;
}

async fn runs_without_images(stage: &Stage) {
    assert!(!stage.program.is_imageable());
    let mut session = stage.session(1).await;
    assert_eq!(session.image().await, Err(NotImageable::Program));
    assert_eq!(
        session.cell.memory_digest().await,
        Err(NotImageable::Program)
    );
    let count = json!({ "do": "count" });
    assert_eq!(session.turn(&count, START, 0).await.json(), 1);
    let image = Stage::with(&PROBE).session(1).await.image().await.unwrap();
    let refused = stage.restore(&image, 0).await.err();
    assert_eq!(refused, Some(NotRestored::AnotherProgram));
}

#[test]
fn a_component_with_an_accessor_of_its_own_is_refused() {
    let forged = instrument(&probe()).unwrap();
    assert!(instrument(&probe()) == Ok(forged.clone()));
    match compile(&forged, MEMORY_MIB) {
        Err(CompileError::World(reason)) => assert!(reason.contains("reserved"), "{reason}"),
        other => panic!("{:?}", other.map(|program| program.len())),
    }
}
