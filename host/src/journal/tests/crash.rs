//! `kill -9`: what was acknowledged is there, whole and in order.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use super::fixtures::*;
use crate::clock::ManualClock;
use crate::journal::{
    Body, Config, Durability, Error, History, Image, Journal, Outcome, Record, Sequenced, Writer,
};

const SESSIONS: u64 = 4;
const ROUNDS: u64 = 30;

/// In seconds, of which each turn takes one.
const RETENTION: u64 = 7;

/// Small numbers, the same in each run; what varies is how far the child is when it is killed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

#[test]
fn acknowledged_turns_survive_kill_9() {
    let place = Place::new();
    let mut dice = Dice(2_026);
    let mut acknowledged = HashMap::new();
    for round in 0..ROUNDS {
        let mut child = child(&place.path());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut left = 1 + dice.below(120);
        for line in lines {
            // The rest of what is in the pipe was acknowledged, too.
            if let Some((session, turn)) = acknowledgement(&line.unwrap()) {
                acknowledged.insert(session, turn);
                left = left.saturating_sub(1);
                if left == 0 {
                    child.kill().unwrap();
                }
            }
        }
        let status = child.wait().unwrap();
        assert_eq!(
            left, 0,
            "round {round}: the child ended by itself: {status}"
        );
        tokio::runtime::Runtime::new()
            .unwrap()
            .block_on(check(&place, &acknowledged));
    }
    assert_eq!(acknowledged.len() as u64, SESSIONS);
}

fn child(directory: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "journal::tests::crash::a_child_that_writes_until_it_is_killed",
        ])
        .args(["--ignored", "--nocapture", "--test-threads=1"])
        .env("KELLION_TEST_JOURNAL", directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn acknowledgement(line: &str) -> Option<(u64, u64)> {
    // The last line may be cut.
    let (session, turn) = line.strip_suffix(" durable")?.split_once(' ')?;
    Some((session.parse().ok()?, turn.parse().ok()?))
}

/// Turns from 1 without gaps, each as it was asked for, all that were acknowledged, and at most one open one.
async fn check(place: &Place, acknowledged: &HashMap<u64, u64>) {
    let journal = place.open();
    for session in 0..SESSIONS {
        let loaded = journal.load(&key(session)).await.unwrap();
        let Some(live) = loaded.live else {
            assert_eq!(acknowledged.get(&session), None);
            continue;
        };
        let finished = finished_turns(session, &live);
        let wanted = acknowledged.get(&session).copied().unwrap_or_default();
        assert!(
            finished >= wanted,
            "session {session}: {finished} of {wanted} turns"
        );
        check_answers(
            &journal,
            session,
            &live,
            loaded.answered.len() as u64,
            finished,
        )
        .await;
        drop(live);
        check_older(&journal, session, finished).await;
    }
    journal.compact(NOON).await.unwrap();
    let (files, named) = place.files();
    assert_eq!(files, named);
    journal.close().await;
}

/// The newest turns have answers, without gaps, at least those behind the image.
async fn check_answers(journal: &Journal, session: u64, live: &History, known: u64, finished: u64) {
    // Sessions do not keep pace: another's turns may have made all those before the image old.
    let imaged = live.image.as_ref().map_or(0, |image| image.turn);
    assert!(known >= finished - imaged, "{known} {finished} {imaged}");
    for turn in [imaged + 1, finished - known + 1, finished] {
        let answer = journal.answer(&key(session), &invocation(turn)).await;
        if (finished - known + 1..=finished).contains(&turn) {
            let answered = answer.unwrap().expect("it is kept");
            assert_eq!(answered.accepted.payload, Body::from(text(session, turn)));
        }
    }
}

/// All records lead to the same place, as long as they are there; and those that are there are intact.
async fn check_older(journal: &Journal, session: u64, finished: u64) {
    let transcript = journal.records(&key(session), None).await;
    let transcript = transcript.unwrap().unwrap();
    assert_eq!(transcript.damage, None);
    match journal.load_whole(&key(session)).await {
        Ok(loaded) => {
            assert_eq!(transcript.trimmed, None);
            let live = loaded.live.unwrap();
            assert_eq!(finished_turns(session, &live), finished);
        }
        Err(Error::Trimmed { first, .. }) => assert_eq!(transcript.trimmed, Some(first)),
        Err(other) => panic!("{other:?}"),
    }
}

fn finished_turns(session: u64, live: &History) -> u64 {
    let mut done = 0;
    let mut open = None;
    if let Some(image) = &live.image {
        assert_eq!(image.bytes, memory(session, image.turn));
        done = image.turn;
    }
    for Sequenced { record, .. } in &live.records[1..] {
        match record {
            Record::TurnAccepted(accepted) => {
                assert_eq!((open, accepted.turn), (None, done + 1));
                assert_eq!(accepted.payload, Body::from(text(session, accepted.turn)));
                open = Some(accepted.turn);
            }
            Record::Observed(observed) => assert_eq!(Some(observed.turn), open),
            Record::TurnFinished(finished) => {
                assert_eq!(Some(finished.turn), open.take());
                let Outcome::Answered { output, .. } = &finished.outcome else {
                    panic!("{finished:?}");
                };
                assert_eq!(*output, Body::from(text(session, finished.turn)));
                done = finished.turn;
            }
            Record::Image(image) => assert_eq!((open, image.turn), (None, done)),
            other => panic!("{other:?}"),
        }
    }
    let begun = done + u64::from(open.is_some());
    assert_eq!((live.turns, live.models.calls), (begun, done));
    done
}

/// What a session has in its memory after a turn.
fn memory(session: u64, turn: u64) -> Vec<u8> {
    format!("{session} after {turn} ").repeat(500).into_bytes()
}

/// What a turn says; every seventh needs a file.
fn text(session: u64, turn: u64) -> Vec<u8> {
    let length = if turn.is_multiple_of(7) { 6_000 } else { 60 };
    format!("{session}/{turn} ").repeat(length / 6).into_bytes()
}

#[test]
#[ignore = "a child of the test above"]
fn a_child_that_writes_until_it_is_killed() {
    let directory = std::env::var_os("KELLION_TEST_JOURNAL").expect("run by its parent");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let config = Config {
            inline_kib: 4,
            wal_mib: 1,
            retention_seconds: RETENTION,
            ..Config::default()
        };
        let clock = Arc::new(ManualClock::new(NOON));
        let journal = Journal::open(directory.as_ref(), &config, clock).unwrap();
        let sessions = (0..SESSIONS).map(|session| tokio::spawn(work(journal.clone(), session)));
        futures::future::join_all(sessions).await;
    });
}

async fn work(journal: Journal, session: u64) {
    let (writer, mut turn) = recover(&journal, session).await;
    loop {
        turn += 1;
        let text = text(session, turn);
        let calls = observed(turn, 1, "a call");
        let _ = writer.append(&accepted(turn, text.clone())).await.unwrap();
        let _ = writer.append(&calls).await.unwrap();
        let last = writer.append(&finished(turn, text)).await.unwrap();
        last.durable().await.unwrap();
        println!("\n{session} {turn} durable");
        if turn.is_multiple_of(5) {
            let image = Image {
                bytes: memory(session, turn).into(),
                ..image(turn, "")
            };
            let kept = writer.keep_image(image).await.unwrap();
            // Some are waited for, and some are not.
            if turn.is_multiple_of(10) {
                kept.durable().await.unwrap();
                if session == turn / 10 % SESSIONS {
                    journal.compact(at(turn)).await.unwrap();
                }
            }
        }
    }
}

/// Goes on behind the last finished turn.
async fn recover(journal: &Journal, session: u64) -> (Writer, u64) {
    let durability = match session {
        0 => Durability::Power,
        _ => Durability::Process,
    };
    let Some(live) = journal.load(&key(session)).await.unwrap().live else {
        let writer = journal.begin(&key(session), started(), durability).await;
        return (writer.unwrap(), 0);
    };
    let done = finished_turns(session, &live);
    let open = live.records.iter().find(|it| match &it.record {
        Record::TurnAccepted(accepted) => accepted.turn > done,
        _ => false,
    });
    if let Some(open) = open {
        live.writer.discard_tail(open.seq).await.unwrap();
    }
    (live.writer, done)
}

/// A log that was cut anywhere, or spoilt anywhere, leaves a journal that is whole up to some point.
#[tokio::test]
async fn a_torn_log_leaves_a_prefix() {
    let mut place = Place::new();
    // No checkpoint: all of it is in the log.
    place.config.wal_mib = 1_024;
    let journal = place.open();
    let writer = begin(&journal, &key(1)).await;
    for record in story() {
        write(&writer, &[record]).await;
    }
    let database = std::fs::read(place.path().join("journal.db")).unwrap();
    let log = std::fs::read(place.path().join("journal.db-wal")).unwrap();
    let expected = whole(&story());
    let mut lengths = Vec::new();
    let stride = log.len() / 150;
    for cut in (0..log.len()).step_by(stride).chain([log.len()]) {
        let mut flipped = log.clone();
        flipped[cut.min(log.len() - 1)] ^= 0x10;
        for damaged in [&log[..cut], &flipped, &[&log[..cut], &[0; 5_000]].concat()] {
            let copy = Place::new();
            std::fs::create_dir_all(copy.path()).unwrap();
            std::fs::write(copy.path().join("journal.db"), &database).unwrap();
            std::fs::write(copy.path().join("journal.db-wal"), damaged).unwrap();
            copy_bodies(&place, &copy);
            let journal = copy.open();
            let records = match journal.load(&key(1)).await.unwrap().live {
                Some(live) => plain(&live.records),
                None => Vec::new(),
            };
            assert_eq!(records, expected[..records.len()], "cut at {cut}");
            lengths.push(records.len());
        }
    }
    lengths.sort_unstable();
    lengths.dedup();
    assert_eq!(lengths, (0..=expected.len()).collect::<Vec<_>>());
}

fn copy_bodies(from: &Place, to: &Place) {
    std::fs::create_dir_all(to.path().join("bodies")).unwrap();
    for body in from.bodies() {
        let name = body.file_name().unwrap();
        std::fs::copy(&body, to.path().join("bodies").join(name)).unwrap();
    }
}
