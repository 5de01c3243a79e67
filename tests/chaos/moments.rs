//! In which moment a server was killed, as what it left says: its journal, its files, and what the provider saw.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use kellion_host::clock::SystemClock;
use kellion_host::journal::{Config, Filter, Journal, Observation, Record, State};
use rusqlite::{Connection, OpenFlags};

use super::checker::prompt;
use super::history::Deed;
use crate::stand_in::StandIn;

/// Where a server was when it died, as far as it concerns the call that was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Moment {
    /// Nothing is recorded of the turn.
    BeforeAcceptance,
    /// The turn stands in the journal, and nobody has asked a model for it.
    BeforeModel,
    /// A model was asked, and no answer is in the journal.
    BeforeAnswerIsRecorded,
    /// The answer, or its begin, is in the journal, and the turn is not over.
    BeforeTurnIsOver,
    /// The turn is over in the journal, and its caller does not know.
    BeforeReply,
    /// A stop was asked for, and the journal does not have it.
    BeforeStop,
    /// The journal has the end of the session, and who asked for it does not know.
    BeforeStopIsTold,
    /// No call was under way: the session was about to rest, or did.
    Between,
    /// A file of the journal was being written.
    InFile,
    /// A large record's file, or an image's, is there, and no row of the journal names it: the row is still to come, or
    /// the file is still to go.
    FileWithoutRow,
}

/// What was under way.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Turn { invocation: String, deed: Deed },
    Stop,
    Nothing,
}

/// All that can be said of the moment of a kill. `orphans` are the files that earlier kills left without a row.
pub(super) async fn moments(
    folder: &Path,
    session: &str,
    step: &Step,
    bedrock: &StandIn,
    orphans: &mut BTreeSet<String>,
) -> BTreeSet<Moment> {
    let journal = folder.join("data/journal");
    // What looks into a journal changes it, and the server shall find what it left.
    let copy = copy(&journal);
    let mut moments = files(&copy.path().join("journal"), orphans);
    let (records, ended) = records(&copy.path().join("journal"), session).await;
    moments.insert(match step {
        Step::Nothing => Moment::Between,
        Step::Stop if ended => Moment::BeforeStopIsTold,
        Step::Stop => Moment::BeforeStop,
        Step::Turn { invocation, deed } => match stands(&records, invocation) {
            Stands::Unknown => Moment::BeforeAcceptance,
            Stands::Over => Moment::BeforeReply,
            Stands::Observed => Moment::BeforeTurnIsOver,
            Stands::Open => {
                let asked = deed.prompt().is_some_and(|asked| {
                    let requests = bedrock.requests();
                    requests.iter().any(|request| prompt(request) == asked)
                });
                match asked {
                    true => Moment::BeforeAnswerIsRecorded,
                    false => Moment::BeforeModel,
                }
            }
        },
    });
    moments
}

pub(super) fn copy(journal: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a temporary folder can be made");
    let target = copy.path().join("journal");
    fs::create_dir_all(target.join("bodies")).unwrap();
    for folder in ["", "bodies"] {
        for entry in fs::read_dir(journal.join(folder)).unwrap() {
            let entry = entry.unwrap();
            if entry.path().is_file() {
                fs::copy(entry.path(), target.join(folder).join(entry.file_name())).unwrap();
            }
        }
    }
    copy
}

/// What the files beside the database say.
fn files(journal: &Path, orphans: &mut BTreeSet<String>) -> BTreeSet<Moment> {
    // The log is made part of the database by whoever opens it first; one that only reads needs it to be there.
    let database = Connection::open_with_flags(
        journal.join("journal.db"),
        OpenFlags::SQLITE_OPEN_READ_WRITE,
    )
    .unwrap();
    let mut named = database
        .prepare(
            "SELECT lower(hex(file)) FROM records WHERE file IS NOT NULL UNION \
             SELECT lower(hex(image_file)) FROM sessions WHERE image_file IS NOT NULL",
        )
        .unwrap();
    let named = named.query_map([], |row| row.get(0)).unwrap();
    let named: BTreeSet<String> = named.collect::<Result<_, _>>().unwrap();
    let mut moments = BTreeSet::new();
    for entry in fs::read_dir(journal.join("bodies")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.starts_with('.') {
            moments.insert(Moment::InFile);
        } else if !named.contains(&name) && orphans.insert(name) {
            moments.insert(Moment::FileWithoutRow);
        }
    }
    moments
}

/// The records of a session's newest life, and whether that is over.
async fn records(journal: &Path, session: &str) -> (Vec<Record>, bool) {
    let journal = Journal::open(journal, &Config::default(), Arc::new(SystemClock)).unwrap();
    let mut filter = Filter {
        limit: 1_000,
        ..Filter::default()
    };
    let mut found = None;
    loop {
        let page = journal.sessions(None, filter.clone()).await.unwrap();
        let own = page.summaries.into_iter();
        let own = own.filter(|summary| summary.key.session.as_str() == session);
        found = own.chain(found).max_by_key(|summary| summary.incarnation);
        filter.after = page.next;
        if filter.after.is_none() {
            break;
        }
    }
    let Some(found) = found else {
        journal.close().await;
        return (Vec::new(), false);
    };
    let life = Some(found.incarnation);
    let transcript = journal.records(&found.key, life).await.unwrap().unwrap();
    journal.close().await;
    let records = transcript.records.into_iter();
    let records = records.map(|record| record.record).collect();
    (records, found.state == State::Ended)
}

/// How far a turn came.
#[derive(Debug, Clone, Copy)]
enum Stands {
    Unknown,
    Open,
    Observed,
    Over,
}

fn stands(records: &[Record], invocation: &str) -> Stands {
    let named = |name: &dyn std::fmt::Display| name.to_string() == invocation;
    let mut stands = Stands::Unknown;
    let mut current = 0;
    for record in records {
        match record {
            Record::TurnAccepted(turn) if turn.invocation.as_ref().is_some_and(|id| named(id)) => {
                stands = Stands::Open;
                current = turn.turn;
            }
            Record::Turn(turn)
                if turn
                    .accepted
                    .invocation
                    .as_ref()
                    .is_some_and(|id| named(id)) =>
            {
                stands = Stands::Over;
            }
            Record::Observed(observed) if observed.turn == current => {
                if let Observation::Converse { .. } | Observation::ConverseStream { .. } =
                    observed.result
                {
                    stands = Stands::Observed;
                }
            }
            Record::TurnFinished(finished) if finished.turn == current => stands = Stands::Over,
            _ => {}
        }
    }
    stands
}
