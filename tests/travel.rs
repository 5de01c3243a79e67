//! Time travel: what is recorded of a session, forks of it, and replays of its turns.

mod replay;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Host, Local, PROBE, Session, in_time, session_id};
use crate::stand_in::{Answer, StandIn};

const NOT_FOUND: &str = "ResourceNotFoundException";

/// The members of a list, in order.
fn each(list: &Value, member: &str) -> Vec<Value> {
    let list = list.as_array().expect("a list").iter();
    list.map(|entry| entry[member].clone()).collect()
}

fn slice(records: &Value) -> &[Value] {
    records.as_array().expect("a list")
}

/// What is recorded, one step after another: of a turn that waited for nothing, its beginning and its end are one record.
fn steps(records: &Value) -> Vec<(String, Value)> {
    let mut steps = Vec::new();
    for record in slice(records) {
        let mut record = record.as_object().expect("an object").clone();
        record.remove("seq");
        match record.remove("record").expect("a kind").as_str() {
            Some("turn") => {
                for step in ["accepted", "finished"] {
                    steps.push((format!("turn-{step}"), record[step].clone()));
                }
            }
            kind => steps.push((kind.expect("text").to_owned(), Value::from(record))),
        }
    }
    steps
}

#[tokio::test]
async fn the_journal_tells_all_that_happened_but_the_seed() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;
    session
        .ask(json!({ "do": "model", "prompt": "Hello" }))
        .await;
    session.ask(json!({ "do": "random" })).await;

    let journal = session.journal().await;
    let records = &journal["records"];
    let steps = steps(records);
    let kinds = [
        "started",
        "turn-accepted",
        "turn-finished",
        "turn-accepted",
        "observed",
        "turn-finished",
        "turn-accepted",
        "turn-finished",
    ];
    assert_eq!(
        Vec::from_iter(steps.iter().map(|(kind, _)| kind.as_str())),
        kinds
    );
    let numbers = Vec::from_iter(1..=slice(records).len());
    assert_eq!(each(records, "seq"), numbers);
    assert_eq!(steps[1].1["payload"]["text"], r#"{"do":"count"}"#);
    assert_eq!(steps[2].1["outcome"]["output"]["text"], "1");
    assert_eq!(steps[4].1["result"]["kind"], "converse");
    for (member, value) in [
        ("agent", json!(agent.id)),
        ("session", json!(session.id)),
        ("incarnation", json!(1)),
        ("version", json!(1)),
        ("state", json!("open")),
        ("durability", json!("process")),
        ("damage", Value::Null),
    ] {
        assert_eq!(journal[member], value, "{member}");
    }
    assert!(!journal.to_string().contains("seed"), "{journal}");

    session.stop().await;
    session.count().await;
    assert_eq!(session.journal().await["incarnation"], 2);
    let first = format!("{}/journal?incarnation=1", session.admin_path());
    let first = host.get(&first).await.json_of(200);
    assert_eq!(first["state"], "ended");
    let (end, before) = slice(&first["records"]).split_last().unwrap();
    assert_eq!(end["reason"], "stopped");
    assert_eq!(before, slice(records));
}

#[tokio::test]
async fn a_damaged_journal_tells_where() {
    let mut host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;
    session
        .ask(json!({ "do": "echo", "value": "a needle in the journal" }))
        .await;
    host.shut_down();
    let file = host.folder().join("data/journal/journal.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let needle = b"a needle in the journal";
    let places = (0..bytes.len() - needle.len()).filter(|at| bytes[*at..].starts_with(needle));
    for at in Vec::from_iter(places) {
        bytes[at] ^= 1;
    }
    std::fs::write(&file, bytes).unwrap();
    host.start_again();

    let journal = session.journal().await;
    let broken = slice(&journal["records"]).len() + 1;
    assert_eq!(journal["damage"]["seq"], broken, "{journal}");
    // What is intact can be told again, and gone on with.
    let replay = session.replay(json!({})).await.json_of(200);
    assert_eq!(each(&replay["turns"], "status"), ["matches"]);
    assert_eq!(replay["damage"]["seq"], broken, "{replay}");
    for refused in [
        session.replay(json!({ "turn": 2 })).await,
        session.fork(json!({ "turn": 2 })).await,
    ] {
        let why = format!("is damaged at record {broken}");
        refused.assert_refused(500, "InternalServerException", &why);
    }
    let fork = session.fork(json!({ "turn": 1 })).await.json_of(201);
    let fork = agent.session_of_id(fork["session"].as_str().unwrap());
    assert_eq!(fork.count().await, 2);
}

#[tokio::test]
async fn a_fork_goes_on_from_its_turn_with_the_same_memory_and_the_same_chance() {
    let mut host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let random = json!({ "do": "random" });
    session.count().await;
    session.ask(random.clone()).await;
    let third = session.ask(random.clone()).await;
    assert_eq!(session.count().await, 4);

    let answer = session.fork(json!({ "turn": 2 })).await.json_of(201);
    assert_eq!(
        (&answer["agent"], &answer["turn"], &answer["version"]),
        (&json!(agent.id), &json!(2), &json!(1))
    );
    let fork = agent.session_of_id(answer["session"].as_str().unwrap());
    assert_ne!(fork.id, session.id);
    assert_eq!(fork.ask(random.clone()).await, third);
    assert_eq!(fork.count().await, 4);
    assert_eq!(session.count().await, 5, "the other goes on by itself");
    let [fork_random, random] = [fork.ask(random.clone()).await, session.ask(random).await];
    assert_eq!(fork_random, random, "chance has no other source");

    let journal = fork.journal().await;
    assert_eq!(journal["durability"], "process");
    let origin = &journal["records"][0]["forked"];
    assert_eq!(
        (&origin["session"], &origin["incarnation"], &origin["turn"]),
        (&json!(session.id), &json!(1), &json!(2))
    );
    let copied = session.journal().await;
    let [own, copied] = [&journal, &copied].map(|journal| steps(&journal["records"]));
    assert_eq!(own[1..5], copied[1..5]);

    host.kill();
    host.start_again();
    assert_eq!(
        (fork.count().await, session.count().await),
        (json!(6), json!(7))
    );
    assert_eq!(fork.stop().await.status, 200);
    assert_eq!(session.count().await, 8);
}

/// What the probe counts, as soon as nobody looks any more whether the session's time is over.
async fn count(local: &Local, session: &Session) -> Value {
    let payload = json!({ "do": "count" }).to_string();
    let counted = local.until(200, || session.invocation(payload.clone()));
    counted.await.json()
}

#[tokio::test]
async fn a_fork_lives_from_its_making_though_its_session_is_long_over() {
    let local = Local::start().await;
    let agent = local.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;
    session.count().await;
    local.advance(900);
    assert_eq!(session.ended().await["reason"], "idle");
    local.advance(28_800);

    // Under the same id, since nobody has it any more.
    let input = json!({ "turn": 1, "session": session.id });
    // It is, as soon as its actor has left.
    local.until(201, || session.travel("fork", &input)).await;
    local.advance(800);
    assert_eq!(count(&local, &session).await, 2);
    local.advance(899);
    assert_eq!(count(&local, &session).await, 3);
    local.advance(900);
    assert_eq!(session.ended().await["reason"], "idle");
    let random = session.fork(json!({ "turn": 3 })).await.json_of(201);
    local.advance(900);
    let random = agent.session_of_id(random["session"].as_str().unwrap());
    let counted = count(&local, &random).await;
    assert_eq!(counted, 1, "nobody came in its idle time");
    local.stop().await;
}

#[tokio::test]
async fn what_cannot_be_forked_is_refused() {
    let bedrock = StandIn::start().await;
    let host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("probe", PROBE).await;
    let [session, other] = ["first", "other"].map(|name| agent.session(name));
    session.count().await;
    other.count().await;

    let exists = format!("the session {} is there already", other.id);
    let input = json!({ "turn": 1, "session": other.id });
    let refused = session.fork(input.clone()).await;
    refused.assert_refused(409, "ConflictException", &exists);
    let own = json!({ "turn": 1, "session": session.id });
    let refused = session.fork(own).await;
    refused.assert_refused(409, "ConflictException", "is there already");
    assert_eq!(other.count().await, 2, "it is as it was");
    other.stop().await;
    session.fork(input.clone()).await.json_of(201);
    // It rests in the journal only.
    let refused = session.fork(input).await;
    refused.assert_refused(409, "ConflictException", &exists);

    bedrock.push(Answer::text("late").hold());
    let open = session.invocation(json!({ "do": "model", "prompt": "Hello" }).to_string());
    let open = tokio::spawn(open.send());
    in_time("the call", bedrock.arrived(1)).await;
    for turn in ["fork", "replay"] {
        let refused = host.send(session.travel(turn, &json!({ "turn": 2 }))).await;
        refused.assert_invalid("turn", "turn 2 is not finished; try again when it is");
    }
    for how in ["fork", "replay"] {
        let travel = |session: &Session, input: Value| host.send(session.travel(how, &input));
        let missing = travel(&session, json!({ "turn": 3 })).await;
        missing.assert_refused(404, NOT_FOUND, "the session has no turn 3; 2 were taken");
        let zero = travel(&session, json!({ "turn": 0 })).await;
        zero.assert_invalid("turn", "turns are counted from 1");
        let nobody = travel(&agent.session("nobody"), json!({ "turn": 1 })).await;
        nobody.assert_refused(404, NOT_FOUND, "there is no such session");
        let odd = travel(&session, json!({ "turn": 1, "trun": 1 })).await;
        odd.assert_refused(400, "ValidationException", "unknown field `trun`");
    }
    let short = json!({ "turn": 1, "session": "short" });
    session
        .fork(short)
        .await
        .assert_invalid("session id", "33 to 256");
    session.fork(json!({})).await.assert_refused(
        400,
        "ValidationException",
        "missing field `turn`",
    );
    open.abort();

    agent.update("probe", json!({})).await;
    let deleted = host.delete(&agent.path("?version=1")).await;
    deleted.json_of(202);
    for refused in [
        session.fork(json!({ "turn": 1 })).await,
        session.replay(json!({})).await,
    ] {
        refused.assert_refused(404, NOT_FOUND, "the agent has no version 1");
    }
}

#[tokio::test]
async fn what_is_not_recorded_is_not_found() {
    let host = Host::start();
    let more = json!({ "environmentVariables": { "KELLION_DURABILITY": "none" } });
    let agent = host.deploy_with("probe", PROBE, more).await;
    let session = agent.session("first");
    session.count().await;
    let nobody = agent.session("nobody");
    for what in ["journal", "export"] {
        let path =
            |session: &Session, query: &str| format!("{}/{what}{query}", session.admin_path());
        let unknown = host.get(&path(&nobody, "")).await;
        unknown.assert_refused(404, NOT_FOUND, "there is no such session");
        let unwritten = host.get(&path(&session, "")).await;
        unwritten.assert_refused(404, NOT_FOUND, "it has the durability none");
        let life = host.get(&path(&session, "?incarnation=7")).await;
        life.assert_refused(404, NOT_FOUND, "the session has no incarnation 7");
        let odd = host.get(&path(&session, "?incarnation=x")).await;
        odd.assert_invalid("incarnation", "an incarnation is a number from 1 on");
    }
}

#[tokio::test]
async fn an_export_holds_all_of_a_session() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;
    session
        .ask(json!({ "do": "model", "prompt": "Hello" }))
        .await;
    let path = format!("{}/export", session.admin_path());
    let reply = host.get(&path).await;
    let export = reply.json_of(200);
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(
        reply.header("content-disposition"),
        format!("attachment; filename=\"{}.json\"", session_id("first"))
    );
    let artifacts = host.get("/kellion/v1/artifacts").await.json_of(200);
    for (member, value) in [
        ("format", &json!("kellion-session/1")),
        ("agent", &json!(agent.id)),
        ("session", &json!(session.id)),
        ("version", &json!(1)),
        ("artifact", &artifacts["artifacts"][0]["digest"]),
    ] {
        assert_eq!(&export[member], value, "{member}");
    }
    // It says what the journal says, and the seed; and the records are those that the server writes.
    let mut shown = export["records"].clone();
    let seed = shown[0].as_object_mut().unwrap().remove("seed");
    assert_eq!(seed.unwrap().as_str().map(str::len), Some(64));
    assert_eq!(shown, session.journal().await["records"]);
    for mut line in slice(&export["records"]).iter().cloned() {
        line.as_object_mut().unwrap().remove("seq");
        let record: kellion_host::journal::Record = serde_json::from_value(line.clone()).unwrap();
        assert_eq!(serde_json::to_value(record).unwrap(), line);
    }
    let wrong = host.request(Method::PUT, &path);
    assert_eq!(host.send(wrong).await.status, 404);
}
