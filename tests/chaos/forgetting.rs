//! A server that is killed while its journal forgets what it may: sessions that are over, turns that an image contains, its
//! log, and files. What it had to keep is kept, and the next time forgets the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kellion_host::clock::SystemClock;
use kellion_host::journal::{Config, Filter, Journal};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::dice::Dice;
use super::moments::copy;
use super::sweep::death;
use crate::harness::{
    Agent, Host, Local, PROBE, Reply, Session, Threads, Trace, eventually, in_time, most_calls,
};
use crate::stand_in::{Answer, StandIn};

/// What it keeps longer than a test takes, and forgets of what was done long ago.
const CONFIG: &str = "[sessions]\nhousekeeping_seconds = 1\n[journal]\nretention_seconds = 900";

const LONG_AGO: Duration = Duration::from_secs(1_800);

/// More than go in one step.
const TURNS: u64 = 1_600;

/// Calls before which a server is killed.
const CALLS: &str = "pwrite64,fsync,fdatasync,ftruncate,?unlink,unlinkat";

/// How many of each are tried at most, unless `KELLION_CHAOS_SWEEP` is set. Most write one page or another of those in which
/// rows are removed.
const MOST: usize = 100;

/// How often a server is killed at least; it goes on until each moment was met.
const ROUNDS: usize = 18;

/// So many servers wait side by side for the time when they forget.
const SERVERS: usize = 3;

/// How far the journal had come when its server was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// All is there.
    Before,
    /// The sessions that are over were taken away, and all their records are there.
    TakenAway,
    /// Some of their records are gone.
    HalfRemoved,
    /// They are gone, and nothing else is.
    Removed,
    /// Some of the turns are gone that images contain.
    HalfTrimmed,
    /// All of them are, from the database; the log has them.
    InLog,
    /// The log is empty, and all files are there.
    InFiles,
    /// Some files are gone.
    HalfInFiles,
    /// Nothing is left that had to go.
    After,
}

const MOMENTS: [Moment; 9] = [
    Moment::Before,
    Moment::TakenAway,
    Moment::HalfRemoved,
    Moment::Removed,
    Moment::HalfTrimmed,
    Moment::InLog,
    Moment::InFiles,
    Moment::HalfInFiles,
    Moment::After,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_while_the_journal_forgets_loses_nothing_that_it_must_keep_and_keeps_nothing_for_good()
 {
    let mut dice = Dice::of("forgetting");
    let past = Arc::new(Past::make().await);
    let mut left = Vec::new();
    for (call, most) in past.count().await {
        // The last one is never made: then it is killed when all is done.
        let mut numbers: Vec<usize> = (2..=most + 1).collect();
        dice.shuffle(&mut numbers);
        if std::env::var("KELLION_CHAOS_SWEEP").is_err() {
            numbers.truncate(MOST);
        }
        // The first one is met for sure.
        numbers.push(1);
        left.push((call, numbers));
    }
    let work = Arc::new(Mutex::new(Work {
        left,
        rounds: 0,
        met: BTreeMap::new(),
    }));
    let workers = (0..SERVERS).map(|_| {
        let (past, work) = (Arc::clone(&past), Arc::clone(&work));
        tokio::spawn(async move {
            loop {
                let next = work.lock().unwrap().next();
                let Some((call, number)) = next else { return };
                let moment = past.round(&call, number).await;
                println!("forgetting: {call} {number}: {moment:?}");
                *work.lock().unwrap().met.entry(moment).or_default() += 1;
            }
        })
    });
    for worker in futures::future::join_all(workers).await {
        worker.unwrap();
    }
    let work = work.lock().unwrap();
    println!("forgetting: {} rounds, {:?}", work.rounds, work.met);
    assert!(work.missed().is_empty(), "no kill met {:?}", work.missed());
}

/// What is still to be tried, and what was met.
struct Work {
    left: Vec<(String, Vec<usize>)>,
    rounds: usize,
    met: BTreeMap<Moment, usize>,
}

impl Work {
    fn next(&mut self) -> Option<(String, usize)> {
        let all = std::env::var("KELLION_CHAOS_SWEEP").is_ok();
        while self.left.iter().any(|(_, numbers)| !numbers.is_empty())
            && (all || self.rounds < ROUNDS || !self.missed().is_empty())
        {
            // One after the other.
            self.left.rotate_left(1);
            let (call, numbers) = &mut self.left[0];
            if let Some(number) = numbers.pop() {
                self.rounds += 1;
                return Some((call.clone(), number));
            }
        }
        None
    }

    fn missed(&self) -> Vec<Moment> {
        let missed = MOMENTS.into_iter();
        missed
            .filter(|moment| !self.met.contains_key(moment))
            .collect()
    }
}

/// The data of a server that ran long ago. Of its sessions, those are over that are called so, and the others rest.
struct Past {
    folder: TempDir,
    agent: Agent,
    /// Records of the sessions that are over.
    records: u64,
    /// The files that are to go.
    files: BTreeSet<String>,
}

const OVER: [&str; 2] = ["over-many", "over-large"];

/// Sessions that rest, with their turns and what they keep.
const RESTING: [(&str, u64, u64); 3] = [
    ("rests-many", TURNS, 0),
    ("rests-large", 4, 64 << 10),
    ("rests-asked", 2, 0),
];

impl Past {
    async fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let local = Local::start_in(&data, LONG_AGO).await;
        let lives = json!({ "idleRuntimeSessionTimeout": 28_800, "maxLifetime": 28_800 });
        let lives = json!({ "lifecycleConfiguration": lives });
        let agent = local.deploy_with("probe", PROBE, lives).await;
        let [many, large] = OVER.map(|name| agent.session(name));
        let [rests_many, rests_large, rests_asked] = RESTING.map(|(name, ..)| agent.session(name));
        for session in [&many, &rests_many] {
            for turn in 1..=TURNS {
                assert_eq!(session.count().await, turn);
            }
        }
        for session in [&large, &rests_large] {
            let kept = session.ask(json!({ "do": "keep", "kib": 64 })).await;
            assert_eq!(kept["kept_bytes"], 64 << 10);
            for bytes in [100_000, 110_000, 120_000] {
                let answer = session.invoke(json!({ "do": "large", "bytes": bytes }));
                assert_eq!(answer.await.body.len(), bytes);
            }
        }
        let question = json!({ "do": "model", "prompt": "Hello" });
        rests_asked.ask(question).await;
        assert_eq!(rests_asked.count().await, 2);
        for session in [&many, &large] {
            assert_eq!(session.stop().await.status, 200);
        }
        local.advance(30);
        for session in [&rests_many, &rests_large, &rests_asked] {
            eventually("the session to leave memory", || async {
                (session.inspect().await["awake"] == false).then_some(())
            })
            .await;
        }
        local.stop().await;
        let journal = data.join("journal");
        let database = open(&journal);
        let files = names(
            &database,
            "SELECT lower(hex(file)) FROM records WHERE file IS NOT NULL",
        );
        assert_eq!(files.len(), 6, "what is large is in files");
        let records = number(
            &database,
            "SELECT count(*) FROM records WHERE session IN (SELECT id FROM sessions WHERE state = 'ended')",
        );
        drop(database);
        Self {
            folder,
            agent,
            records,
            files,
        }
    }

    /// A server on a copy of the data.
    async fn serve(&self) -> Served<'_> {
        let folder = tempfile::tempdir().unwrap();
        copy_all(self.folder.path(), folder.path());
        let bedrock = StandIn::start().await;
        let host = Host::builder().config(CONFIG).bedrock(&bedrock).alone();
        let host = host.start_in(folder);
        let agent = self.agent.of(&host);
        Served {
            past: self,
            host,
            agent,
            bedrock,
            told: Vec::new(),
        }
    }

    /// How many of these calls forgetting takes, each by its name.
    async fn count(&self) -> BTreeMap<String, usize> {
        loop {
            let mut served = self.serve().await;
            served.work().await;
            let trace = format!("trace={CALLS}");
            let trace = Trace::attach(&served.host, Threads::All, &["-e", &trace]);
            let over = served.agent.session(OVER[0]);
            let is_early = over.look().await.status == 200;
            served.forgets().await;
            let most = most_calls(&trace.end());
            served.host.kill();
            // Otherwise it had begun before somebody watched.
            if is_early {
                return most;
            }
        }
    }

    /// Kills a server before a call of this number, or when all is done.
    async fn round(&self, call_name: &str, number: usize) -> Moment {
        let mut served = self.serve().await;
        served.work().await;
        let question = json!({ "do": "model", "prompt": "the question" });
        served.bedrock.push(Answer::text("lost").hold());
        let asked = served.agent.session("rests-asked");
        let open = tokio::spawn({
            let (asked, question) = (asked.clone(), question.clone());
            let request = asked.invocation(question.to_string());
            request
                .header("amz-sdk-invocation-id", "the-question")
                .send()
        });
        in_time("a call of a model", served.bedrock.arrived(1)).await;
        let trace = format!("trace={call_name}");
        let inject = format!("inject={call_name}:signal=SIGKILL:when={number}");
        let arguments = ["-e", trace.as_str(), "-e", inject.as_str()];
        let trace = Trace::attach(&served.host, Threads::All, &arguments);
        let is_dead = {
            let Served { past, host, .. } = &mut served;
            let journal = host.folder().join("data/journal");
            tokio::select! {
                () = death(host) => true,
                () = past.forgotten(&journal) => false,
            }
        };
        drop(trace);
        if !is_dead {
            served.host.kill();
        }
        let moment = self.moment(&served.host.folder().join("data/journal"));
        let place = format!("{moment:?}, {call_name} {number}");
        assert!(open.await.unwrap().is_err(), "{place}");
        tokio::task::block_in_place(|| served.host.start_again());

        // Whatever it had forgotten by then.
        served.knows_all(&place, 1).await;
        for _ in 0..2 {
            let again = call(&asked, "the-question", &question).await;
            assert_eq!(
                again.json_of(200)["text"],
                "You said: the question",
                "{place}"
            );
        }
        assert_eq!(served.bedrock.calls().total(), 2, "{place}");
        served.forgets().await;
        for name in OVER {
            let over = served.agent.session(name);
            served.host.until(404, || over.looking()).await;
        }
        for (name, ..) in RESTING {
            let session = served.agent.session(name);
            eventually("its first turns to be gone", || async {
                (!session.journal().await["trimmed"].is_null()).then_some(())
            })
            .await;
        }
        served.host.kill();
        tokio::task::block_in_place(|| served.host.start_again());
        served.knows_all(&place, 2).await;
        let again = call(&asked, "the-question", &question).await;
        assert_eq!(
            again.json_of(200)["text"],
            "You said: the question",
            "{place}"
        );
        assert_eq!(served.bedrock.calls().total(), 2, "{place}");
        tokio::task::block_in_place(|| served.host.shut_down());
        is_whole(&served.host.folder().join("data/journal"), &place).await;
        moment
    }

    /// Returns when nothing is left that had to go.
    async fn forgotten(&self, journal: &Path) {
        eventually("the files to be gone", || async {
            self.files_left(journal).is_empty().then_some(())
        })
        .await;
    }

    fn files_left(&self, journal: &Path) -> BTreeSet<String> {
        files(journal).intersection(&self.files).cloned().collect()
    }

    fn moment(&self, journal: &Path) -> Moment {
        let log = fs::metadata(journal.join("journal.db-wal")).map_or(0, |log| log.len());
        let files = self.files_left(journal).len();
        // What looks into a journal changes it, and the server shall find what it left.
        let copy = copy(journal);
        let database = open(&copy.path().join("journal"));
        let is_there = |sql| number(&database, sql) > 0;
        let records = "SELECT count(*) FROM records WHERE session IN (SELECT id FROM doomed)";
        let records = number(&database, records);
        if is_there("SELECT count(*) FROM sessions WHERE session LIKE 'over-%'") {
            return Moment::Before;
        }
        if is_there("SELECT count(*) FROM doomed") {
            return match records == self.records {
                true => Moment::TakenAway,
                false => Moment::HalfRemoved,
            };
        }
        let rests = "SELECT count(*) FROM sessions WHERE session LIKE 'rests-%' AND";
        let is_rest = |of: &str| number(&database, &format!("{rests} {of}")) > 0;
        if is_rest("trimmed IS NULL OR trimmed < image - 1") {
            return match is_rest("trimmed IS NOT NULL") {
                true => Moment::HalfTrimmed,
                false => Moment::Removed,
            };
        }
        match files {
            0 => Moment::After,
            _ if log > 0 => Moment::InLog,
            left if left < self.files.len() => Moment::HalfInFiles,
            _ => Moment::InFiles,
        }
    }
}

/// A server on a copy of the past.
struct Served<'a> {
    past: &'a Past,
    host: Host,
    agent: Agent,
    bedrock: StandIn,
    /// What was told lately, and must be told again.
    told: Vec<(Session, String, Value, Reply)>,
}

impl Served<'_> {
    /// Makes turns that are too young to be forgotten: of sessions that rested, and of one that is over.
    async fn work(&mut self) {
        let young = self.agent.session("young");
        let mut sessions: Vec<Session> = vec![young.clone()];
        sessions.extend(RESTING.map(|(name, ..)| self.agent.session(name)));
        for (number, session) in sessions.into_iter().enumerate() {
            let name = format!("late-{number}");
            let payload = json!({ "do": "large", "bytes": 90_000 });
            let reply = call(&session, &name, &payload).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            self.told.push((session, name, payload, reply));
        }
        assert_eq!(young.stop().await.status, 200);
    }

    async fn forgets(&self) {
        let journal = self.host.folder().join("data/journal");
        self.past.forgotten(&journal).await;
    }

    /// All that it must not forget, asked so many times by now.
    async fn knows_all(&self, place: &str, times: u64) {
        for (session, name, payload, reply) in &self.told {
            let again = call(session, name, payload).await;
            assert_eq!(
                (again.status, &again.body),
                (reply.status, &reply.body),
                "{place}: {name}"
            );
        }
        for (name, turns, kept_bytes) in RESTING {
            let session = self.agent.session(name);
            let kept = session.ask(json!({ "do": "keep", "kib": 0 })).await;
            assert_eq!(kept["kept_bytes"], kept_bytes, "{place}: {name}");
            // The question is a turn as well: an open one is finished first.
            let asked = u64::from(name == "rests-asked");
            let all = turns + 1 + asked + 2 * times;
            assert_eq!(session.count().await, all, "{place}: {name}");
        }
    }
}

async fn call(session: &Session, name: &str, payload: &Value) -> Reply {
    let request = session.invocation(payload.to_string());
    let request = request.header("amz-sdk-invocation-id", name);
    let response = in_time("an answer", request.send()).await.unwrap();
    Reply::read(response).await.unwrap()
}

/// That a journal has nothing more than it needs, and all of that. Its server must be gone.
async fn is_whole(directory: &Path, place: &str) {
    let journal = Journal::open(directory, &Config::default(), Arc::new(SystemClock)).unwrap();
    let page = journal.sessions(None, Filter::default()).await.unwrap();
    let mut sessions = BTreeSet::new();
    for summary in page.summaries {
        let life = Some(summary.incarnation);
        let transcript = journal.records(&summary.key, life).await.unwrap().unwrap();
        assert!(transcript.damage.is_none(), "{place}: {transcript:?}");
        let name = summary.key.session.as_str().trim_end_matches('-');
        sessions.insert(name.to_owned());
    }
    journal.close().await;
    let resting = RESTING.map(|(name, ..)| name);
    let expected: BTreeSet<String> = resting
        .iter()
        .chain(&["young"])
        .map(|name| (*name).to_owned())
        .collect();
    assert_eq!(sessions, expected, "{place}");
    let database = open(directory);
    for rest in [
        "doomed",
        "records WHERE session NOT IN (SELECT id FROM sessions)",
        "turns WHERE session NOT IN (SELECT id FROM sessions)",
        "records JOIN sessions ON records.session = sessions.id WHERE seq > 1 AND seq <= trimmed",
    ] {
        let left = number(&database, &format!("SELECT count(*) FROM {rest}"));
        assert_eq!(left, 0, "{place}: {rest}");
    }
    let named = names(
        &database,
        "SELECT lower(hex(file)) FROM records WHERE file IS NOT NULL UNION \
         SELECT lower(hex(image_file)) FROM sessions WHERE image_file IS NOT NULL",
    );
    assert_eq!(files(directory), named, "{place}");
}

fn open(journal: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    Connection::open_with_flags(journal.join("journal.db"), flags).unwrap()
}

fn number(database: &Connection, sql: &str) -> u64 {
    let number: i64 = database.query_row(sql, [], |row| row.get(0)).unwrap();
    number.unsigned_abs()
}

fn names(database: &Connection, sql: &str) -> BTreeSet<String> {
    let mut names = database.prepare(sql).unwrap();
    let names = names.query_map([], |row| row.get(0)).unwrap();
    names.collect::<Result<_, _>>().unwrap()
}

fn files(journal: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(journal.join("bodies")).unwrap();
    files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
