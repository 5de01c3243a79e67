//! A journal that is not as it was written: the end of its log is torn, or bits of its files are flipped.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::dice::Dice;
use crate::harness::{Agent, Host, PROBE, Reply, Session, in_time};

async fn call(session: &Session, name: &str, payload: &Value) -> Reply {
    let request = session.invocation(payload.to_string());
    let request = request.header("amz-sdk-invocation-id", name);
    let response = in_time("an answer", request.send()).await.unwrap();
    Reply::read(response).await.unwrap()
}

/// A copy of a journal, to begin each round with.
struct Copy {
    journal: PathBuf,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Copy {
    fn of(journal: PathBuf) -> Self {
        let folders = [journal.clone(), journal.join("bodies")];
        let entries = folders
            .iter()
            .flat_map(|folder| fs::read_dir(folder).unwrap());
        let paths = entries.map(|entry| entry.unwrap().path());
        let files = paths.filter(|path| path.is_file());
        let files = files.map(|path| (path.clone(), fs::read(path).unwrap()));
        let files = files.collect();
        Self { journal, files }
    }

    fn restore(&self) {
        fs::remove_dir_all(&self.journal).unwrap();
        fs::create_dir_all(self.journal.join("bodies")).unwrap();
        for (path, bytes) in &self.files {
            fs::write(path, bytes).unwrap();
        }
    }

    fn bytes(&self, path: &Path) -> Vec<u8> {
        self.files[path].clone()
    }
}

#[tokio::test]
async fn a_torn_log_costs_the_last_turns_and_no_others() {
    let mut dice = Dice::of("torn");
    let mut host = Host::builder().alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let sessions = ["first", "second", "third"].map(|name| agent.session(name));
    // One after another, so that it is known what is last.
    let mut made = Vec::new();
    for number in 0..60 {
        let which = dice.index(sessions.len());
        let payload = match dice.below(3) {
            0 => json!({ "do": "count" }),
            1 => json!({ "do": "random" }),
            _ => json!({ "do": "large", "bytes": 1 + dice.index(90_000) }),
        };
        let name = format!("call-{number}");
        let told = call(&sessions[which], &name, &payload).await;
        assert_eq!(told.status, 200);
        made.push((which, name, payload, told.body));
    }
    host.kill();
    let copy = Copy::of(host.folder().join("data/journal"));
    let path = copy.journal.join("journal.db-wal");
    let whole = copy.bytes(&path);
    for _ in 0..25 {
        copy.restore();
        let at = dice.index(whole.len());
        let mut torn = whole[..at].to_vec();
        // Cut, or with something behind the cut that was never written there.
        match dice.below(3) {
            0 => {}
            1 => torn.resize(whole.len(), 0),
            _ => torn.extend((at..whole.len()).map(|_| dice.below(256) as u8)),
        }
        fs::write(&path, torn).unwrap();
        host.start_again();
        let mut kept = [0; 3];
        for (session, kept) in sessions.iter().zip(&mut kept) {
            let turns = session.count().await.as_u64().unwrap() - 1;
            *kept = usize::try_from(turns).unwrap();
        }
        // What is there is what came before some moment.
        let mut sum = [0; 3];
        let mut tails = vec![sum];
        for (which, ..) in &made {
            sum[*which] += 1;
            tails.push(sum);
        }
        assert!(tails.contains(&kept), "cut at {at}: {kept:?}");
        // A turn whose end was cut off is made again, and then the like is drawn again.
        let mut numbers = [0; 3];
        for (which, name, payload, told) in &made {
            numbers[*which] += 1;
            if numbers[*which] <= kept[*which] {
                let again = call(&sessions[*which], name, payload).await;
                assert_eq!(
                    (again.status, &again.body),
                    (200, told),
                    "cut at {at}: {name}"
                );
            }
        }
        host.kill();
    }
}

/// A session and all that it was told, to be compared after damage.
struct Known {
    session: Session,
    calls: Vec<(String, Value, Reply)>,
    counted: u64,
    stopped: bool,
}

async fn known(agent: &Agent) -> Vec<Known> {
    let mut all = Vec::new();
    for number in 0..12_usize {
        let session = agent.session(&format!("session-{number}"));
        let mut calls = Vec::new();
        let mut counted = 0;
        for turn in 0..2 + number % 5 {
            let payload = match (number + turn) % 4 {
                0 => json!({ "do": "random" }),
                1 => json!({ "do": "large", "bytes": 70_000 + number }),
                2 => json!({ "do": "model", "prompt": format!("prompt {number} {turn}") }),
                _ => json!({ "do": "count" }),
            };
            let name = format!("call-{number}-{turn}");
            let told = call(&session, &name, &payload).await;
            assert_eq!(told.status, 200);
            calls.push((name, payload, told));
            counted += 1;
        }
        let stopped = number % 4 == 3;
        if stopped {
            session.stop().await;
            counted = 0;
        }
        all.push(Known {
            session,
            calls,
            counted,
            stopped,
        });
    }
    all
}

/// How many bits are flipped, each in a whole journal.
const FLIPS: usize = 40;

/// What came of a damaged journal.
#[derive(Debug, Default)]
struct Verdict {
    right: usize,
    refused: usize,
    wrong: Vec<String>,
}

/// Asks a session what it was asked before, and to count on.
async fn verdict(known: &Known, verdict: &mut Verdict) {
    let mut one = |what: String, reply: &Reply, right: bool| {
        let told = reply.text();
        let is_clear = told.contains("is damaged at record")
            || told.contains("could not be taken up again: its journal could not be read")
            || told.contains("could not be recorded, and is not acknowledged");
        match reply.status {
            200 if right => verdict.right += 1,
            500 if is_clear => verdict.refused += 1,
            _ => {
                let told: String = told.chars().take(200).collect();
                verdict
                    .wrong
                    .push(format!("{what}: {} {told}", reply.status));
            }
        }
    };
    // What sessions answered that are over stands in an index that nothing seals.
    let calls = known.calls.iter().filter(|_| !known.stopped);
    for (name, payload, told) in calls {
        let again = call(&known.session, name, payload).await;
        let what = format!("{} {name}", known.session.id);
        one(what, &again, again.body == told.body);
    }
    let count = call(&known.session, "count", &json!({ "do": "count" })).await;
    let right = count.text() == (known.counted + 1).to_string();
    let what = format!("{} stopped {} count", known.session.id, known.stopped);
    one(what, &count, right);
}

/// Whether a byte of the database lies in an index. What is flipped there may hide a row from who looks for it, which no
/// seal of a row can tell.
fn is_index(database: &[u8], at: usize) -> bool {
    let page = u16::from_be_bytes([database[16], database[17]]);
    let start = at - at % usize::from(page);
    // The kinds of pages: 2 and 10 are those of indexes.
    matches!(database[start], 2 | 10)
}

#[tokio::test]
async fn flipped_bits_are_never_taken_for_what_was_written() {
    let mut dice = Dice::of("flips");
    let mut host = Host::builder().alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let known = known(&agent).await;
    // An orderly end, so that all stands in the database.
    host.shut_down();
    let copy = Copy::of(host.folder().join("data/journal"));
    let mut all = Verdict::default();
    let mut unstarted = 0;
    for _ in 0..FLIPS {
        copy.restore();
        let paths: Vec<&PathBuf> = copy.files.keys().collect();
        let path = match dice.percent(70) {
            true => copy.journal.join("journal.db"),
            false => paths[dice.index(paths.len())].clone(),
        };
        let mut bytes = copy.bytes(&path);
        if bytes.is_empty() {
            continue;
        }
        let at = dice.index(bytes.len());
        if path.ends_with("journal.db") && is_index(&bytes, at) {
            continue;
        }
        let bit = dice.below(8);
        bytes[at] ^= 1 << bit;
        fs::write(&path, bytes).unwrap();
        let place = format!(
            "{} bit {bit} of byte {at}, page {}",
            path.display(),
            at / 4096 + 1
        );
        match host.try_start_again() {
            Err(said) => {
                assert!(said.contains("cannot open the journal in"), "{said}");
                unstarted += 1;
            }
            Ok(()) => {
                let before = all.wrong.len();
                for known in &known {
                    verdict(known, &mut all).await;
                }
                for wrong in &mut all.wrong[before..] {
                    *wrong = format!("{place}: {wrong}");
                }
                host.kill();
            }
        }
    }
    println!(
        "{} right, {} refused, {unstarted} not started",
        all.right, all.refused
    );
    assert!(all.wrong.is_empty(), "{:#?}", all.wrong);
}
