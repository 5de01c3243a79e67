//! What is left when the clients are done: what the server shows of each session, and what its journal says.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use kellion_host::clock::SystemClock;
use kellion_host::journal::{Config, Filter, Journal, Observation, Outcome, Record, TurnAccepted};
use serde_json::Value;

use super::callers::{Caller, ask_again};
use super::checker::complaints;
use super::footprint::Footprint;
use super::history::{Asked, Call, Deed, Told};
use crate::harness::{Agent, Host, Session, eventually};

/// Answers that are asked for again, of each session: the newest ones.
const ASKED_AGAIN: usize = 25;

/// The last look at everything that clients were told, with a server that has just been killed and started again.
/// `sessions` are by their ids.
pub(super) async fn examine(host: &mut Host, agent: &Agent, caller: &Caller) {
    let said = host.ever_said();
    assert!(!said.contains("panicked"), "{said}");
    examine_starved(host, agent, caller).await;
}

/// The same of a server that had no memory, and may have panicked for that.
pub(super) async fn examine_starved(host: &mut Host, agent: &Agent, caller: &Caller) {
    let sessions = sessions(agent, &caller.history.calls());
    host.kill();
    host.start_again();
    let mut wrong = Vec::new();
    let mut fresh = None;
    for (id, session) in &sessions {
        // Also the sum of all turns is right, the last of them included.
        caller.ask(session, Deed::Count).await;
        let calls = caller.history.calls();
        let own: Vec<&Call> = calls.iter().filter(|call| call.session == *id).collect();
        let newest = own.len().saturating_sub(ASKED_AGAIN);
        for call in &own[newest..] {
            wrong.extend(ask_again(session, call).await.err());
        }
        wrong.extend(shown(&session.inspect().await));
        wrong.extend(printed(&session.whole_log().await, &own));
        recovers_soon(session).await;
        // One session needs all that is made once.
        fresh.get_or_insert_with(|| Footprint::of(host));
    }
    let calls = caller.history.calls();
    wrong.extend(complaints(&calls, &caller.bedrock.requests()));
    fresh.expect("somebody was called").again(host).await;
    host.shut_down();
    wrong.extend(written(host.folder(), &calls).await);
    assert!(wrong.is_empty(), "{:#?}", &wrong[..wrong.len().min(20)]);
}

/// The sessions that were called, by their ids.
fn sessions(agent: &Agent, calls: &[Call]) -> BTreeMap<String, Session> {
    let ids = calls.iter().map(|call| call.session.as_str());
    ids.map(|id| (id.to_owned(), agent.session(id))).collect()
}

/// However long the session lives, what its recovery replays is bounded: soon after its last turn not more turns stand
/// behind its newest image than those after which the next one is due.
async fn recovers_soon(session: &Session) {
    eventually("an image of all but the last turns", || async {
        let journal = session.journal().await;
        let records = journal["records"].as_array()?.iter().rev();
        let kinds = records.map(|record| record["record"].as_str().unwrap_or_default());
        let since = kinds.take_while(|kind| *kind != "image");
        let turns = since.filter(|kind| ["turn", "turn-accepted"].contains(kind));
        (turns.count() <= TURNS_PER_IMAGE).then_some(())
    })
    .await;
}

/// The server's default.
const TURNS_PER_IMAGE: usize = 100;

/// Turn numbers have no gaps.
fn shown(session: &Value) -> Option<String> {
    let turns = session["turns"].as_u64()?;
    let receipts = session["receipts"].as_array()?;
    let first = turns + 1 - receipts.len() as u64;
    let whole = receipts
        .iter()
        .zip(first..)
        .all(|(receipt, turn)| receipt["turn"] == turn);
    (!whole).then(|| format!("turns are missing: {session}"))
}

/// What turns print stands in the log once, whatever was replayed since.
fn printed(log: &[String], calls: &[&Call]) -> Vec<String> {
    let mut lines: HashMap<&str, usize> = HashMap::new();
    for line in log {
        *lines.entry(line).or_default() += 1;
    }
    let messages = calls.iter().filter_map(|call| match &call.asked {
        Asked::Turn(Deed::Print(message)) => Some(message),
        _ => None,
    });
    messages
        .filter_map(|message| {
            let times = lines.get(message.as_str()).copied().unwrap_or(PRINTED);
            (times != PRINTED).then(|| format!("{message:?} stands in the log {times} times"))
        })
        .collect()
}

/// How many entries one message makes: two streams and four levels.
const PRINTED: usize = 6;

/// A turn as the journal has it.
#[derive(Debug, Default)]
struct Written {
    accepted: usize,
    bought: usize,
    told: Option<Outcome>,
}

/// What the journal has against what clients were told. The server must be gone.
async fn written(folder: &Path, calls: &[Call]) -> Vec<String> {
    let (turns, mut wrong) = read(&folder.join("data/journal")).await;
    let mut known: HashMap<&str, &Written> = turns
        .iter()
        .map(|(name, turn)| (name.as_str(), turn))
        .collect();
    for call in calls {
        let Asked::Turn(deed) = &call.asked else {
            continue;
        };
        let Some(turn) = known.remove(call.invocation.as_str()) else {
            wrong.push(format!("{call:?} is not in the journal"));
            continue;
        };
        let tells = turn
            .told
            .as_ref()
            .is_some_and(|told| tells(told, &call.told));
        let once = turn.accepted == 1 && turn.bought <= usize::from(deed.prompt().is_some());
        if !tells || !once {
            wrong.push(format!("{call:?} is in the journal as {turn:?}"));
        }
    }
    wrong.extend(
        known
            .keys()
            .map(|name| format!("nobody made the call {name}")),
    );
    wrong
}

/// All turns in a journal by their calls, and what is wrong with it.
async fn read(directory: &Path) -> (BTreeMap<String, Written>, Vec<String>) {
    let journal = Journal::open(directory, &Config::default(), Arc::new(SystemClock)).unwrap();
    let mut turns: BTreeMap<String, Written> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut filter = Filter {
        limit: 1_000,
        ..Filter::default()
    };
    loop {
        let page = journal.sessions(None, filter.clone()).await.unwrap();
        for summary in page.summaries {
            let life = Some(summary.incarnation);
            let transcript = journal.records(&summary.key, life).await.unwrap().unwrap();
            wrong.extend(
                transcript
                    .damage
                    .map(|damage| format!("{summary:?}: {damage:?}")),
            );
            let mut number = 0;
            let mut name = String::new();
            for record in transcript.records {
                match record.record {
                    Record::Started(_) | Record::Image(_) | Record::Ended(_) => {}
                    Record::TurnAccepted(accepted) => {
                        number += 1;
                        name = begun(&accepted, number, &mut turns, &mut wrong);
                    }
                    Record::Turn(turn) => {
                        number += 1;
                        let name = begun(&turn.accepted, number, &mut turns, &mut wrong);
                        turns.entry(name).or_default().told = Some(turn.finished.outcome);
                    }
                    Record::Observed(observed) => {
                        let bought = matches!(
                            observed.result,
                            Observation::Converse { .. } | Observation::ConverseStream { .. }
                        );
                        turns.entry(name.clone()).or_default().bought += usize::from(bought);
                    }
                    Record::TurnFinished(finished) => {
                        turns.entry(name.clone()).or_default().told = Some(finished.outcome);
                    }
                }
            }
        }
        filter.after = page.next;
        if filter.after.is_none() {
            break;
        }
    }
    journal.close().await;
    (turns, wrong)
}

/// Notes a turn that was taken on; the name of its call.
fn begun(
    accepted: &TurnAccepted,
    number: u64,
    turns: &mut BTreeMap<String, Written>,
    wrong: &mut Vec<String>,
) -> String {
    if accepted.turn != number {
        wrong.push(format!("turn {number} is {accepted:?}"));
    }
    let call = accepted.invocation.as_ref();
    let name = call.map(ToString::to_string).unwrap_or_default();
    turns.entry(name.clone()).or_default().accepted += 1;
    name
}

/// Whether this outcome is what its caller was told.
fn tells(outcome: &Outcome, told: &Told) -> bool {
    match outcome {
        Outcome::Answered { output, .. } => told.status == 200 && output.0 == told.body,
        Outcome::AgentError { message, .. }
        | Outcome::Faulted { message }
        | Outcome::Abandoned { message, .. } => {
            told.status == 424 && told.text().contains(message.as_str())
        }
    }
}
