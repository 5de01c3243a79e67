//! Replays of recorded turns, on their own version and on others.

use serde_json::{Value, json};

use super::{NOT_FOUND, each, slice};
use crate::harness::{Agent, Host, Local, PROBE, TUTORIAL, eventually, in_time};
use crate::stand_in::{Answer, StandIn};

/// An agent that does on `{"do": "configured", "name": "DEED"}` what its version says.
async fn configured(host: &Host, deed: &Value) -> Agent {
    host.deploy_with("probe", PROBE, environment(deed)).await
}

fn environment(deed: &Value) -> Value {
    json!({ "environmentVariables": { "DEED": deed.to_string() } })
}

fn as_configured() -> Value {
    json!({ "do": "configured", "name": "DEED" })
}

/// The one difference of the one turn that was replayed, and the turn's number.
#[track_caller]
fn only_difference(replay: &Value) -> (&Value, &Value) {
    assert_eq!(replay["matches"], false, "{replay}");
    let differing = replay["turns"].as_array().expect("a list").iter();
    let differing = Vec::from_iter(differing.filter(|turn| turn["status"] == "differs"));
    assert_eq!(differing.len(), 1, "{replay}");
    let differences = differing[0]["differences"].as_array().expect("a list");
    assert_eq!(differences.len(), 1, "{replay}");
    (&differing[0]["turn"], &differences[0])
}

#[tokio::test]
async fn on_its_own_version_every_turn_matches_and_no_model_is_asked() {
    let bedrock = StandIn::start().await;
    let calculator = json!({ "expression": "2*5" });
    bedrock.push(Answer::tool_use("tooluse_1", "calculator", &calculator));
    bedrock.push(Answer::text("It is 10, Maira."));
    bedrock.push(Answer::text("one two three"));
    bedrock.push(Answer::text("four five six"));
    let host = Host::builder().bedrock(&bedrock).start();
    let tutorial = host.deploy("tutorial", TUTORIAL).await;
    let conversation = tutorial.session("first");
    conversation.prompt(1, "How much is 2*5?").await;

    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    for deed in [
        json!({ "do": "model-stream", "prompt": "Count" }),
        json!({ "do": "model-cancel", "prompt": "Count" }),
        json!({ "do": "count-tokens", "prompt": "Hello" }),
        json!({ "do": "invoke-model", "model": "anthropic.claude", "body": { "max_tokens": 1 } }),
        json!({ "do": "remaining" }),
        json!({ "do": "random" }),
        json!({ "do": "clock" }),
        json!({ "do": "sleep", "ms": 1 }),
        json!({ "do": "stream", "n": 2, "message": "enough" }),
        json!({ "do": "raw", "chunks": ["a", "b"], "rest": "c" }),
        json!({ "do": "trap" }),
        json!({ "do": "count" }),
    ] {
        session.invoke(deed).await;
    }
    let calls = bedrock.calls();
    let before = [session.inspect().await, conversation.inspect().await];

    let replay = conversation.replay(json!({})).await.json_of(200);
    assert_eq!(replay["matches"], true, "{replay}");
    let replay = session.replay(json!({})).await.json_of(200);
    assert_eq!(replay["matches"], true, "{replay}");
    let mut verdicts = ["matches"; 12];
    verdicts[10] = "undone";
    assert_eq!(each(&replay["turns"], "status"), verdicts);
    assert_eq!(each(&replay["turns"], "turn"), Vec::from_iter(1..=12));
    assert_eq!(
        (&replay["recordedVersion"], &replay["version"]),
        (&json!(1), &json!(1))
    );
    // One that broke does so again, when it is asked for.
    for turn in [1, 11, 12] {
        let replay = session.replay(json!({ "turn": turn })).await.json_of(200);
        assert_eq!(
            replay["turns"],
            json!([{ "turn": turn, "status": "matches" }])
        );
    }

    assert_eq!(bedrock.calls(), calls, "no model is asked");
    let after = [session.inspect().await, conversation.inspect().await];
    assert_eq!(after, before, "nothing is written");
    assert_eq!(session.count().await, 12, "the turn that broke is undone");
}

#[tokio::test]
async fn a_session_is_replayed_while_it_runs() {
    let bedrock = StandIn::start().await;
    bedrock.push(Answer::text("late").hold());
    let host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;
    let running = session.clone();
    let question = json!({ "do": "model", "prompt": "Hello" });
    let running = tokio::spawn(async move { running.ask(question).await });
    in_time("the call", bedrock.arrived(1)).await;
    let replay = session.replay(json!({})).await.json_of(200);
    assert_eq!(replay["turns"], json!([{ "turn": 1, "status": "matches" }]));
    let fork = session.fork(json!({ "turn": 1 })).await.json_of(201);
    let fork = agent.session_of_id(fork["session"].as_str().unwrap());
    assert_eq!(fork.count().await, 2);
    assert!(!running.is_finished());
    assert_eq!(bedrock.calls().converse, 1);
    running.abort();
}

#[tokio::test]
async fn another_version_differs_where_it_does_something_else() {
    let bedrock = StandIn::start().await;
    bedrock.push(Answer::text("Hello to you."));
    let host = Host::builder().bedrock(&bedrock).start();
    let model = |prompt: &str| json!({ "do": "model", "prompt": prompt });
    let agent = configured(&host, &model("Hello")).await;
    let session = agent.session("first");
    session.count().await;
    session.ask(as_configured()).await;
    session.count().await;
    let calls = bedrock.calls();
    let records = session.journal().await["records"].clone();
    let observed = slice(&records).iter();
    let mut requests = observed.filter_map(|record| {
        record
            .get("request")
            .filter(|_| record["record"] == "observed")
    });
    let request = requests.next().expect("a call");

    // Each next version does something else in turn 2, after which turn 3 is reached or not.
    let mut version = 1;
    let mut differs = async |deed: Value| {
        version += 1;
        agent.update("probe", environment(&deed)).await;
        let replay = session.replay(json!({ "version": version })).await;
        let replay = replay.json_of(200);
        assert_eq!(replay["version"], version, "{replay}");
        let first = &replay["turns"][0];
        assert_eq!(*first, json!({ "turn": 1, "status": "matches" }));
        replay
    };

    let same = differs(model("Hello")).await;
    assert_eq!(same["matches"], true, "{same}");

    let asks = differs(model("Hi")).await;
    assert_eq!(
        each(&asks["turns"], "status"),
        ["matches", "differs", "matches"]
    );
    let (turn, difference) = only_difference(&asks);
    assert_eq!((turn, &difference["call"]), (&json!(2), &json!(1)));
    assert_eq!(difference["what"], "asks-otherwise");
    assert_eq!(
        difference["recorded"],
        json!({ "kind": "converse", "request": request })
    );
    assert_eq!(difference["replayed"]["kind"], "converse");
    assert_ne!(difference["replayed"]["request"], *request);

    let kind = differs(json!({ "do": "count-tokens", "prompt": "Hello" })).await;
    assert_eq!(
        each(&kind["turns"], "status"),
        ["matches", "differs", "unreached"]
    );
    let (_, difference) = only_difference(&kind);
    assert_eq!(difference["what"], "asks-otherwise");
    assert_eq!(difference["replayed"]["kind"], "count-tokens");

    let less = differs(json!({ "do": "echo", "value": "nothing asked" })).await;
    assert_eq!(
        each(&less["turns"], "status"),
        ["matches", "differs", "matches"]
    );
    let differences = &less["turns"][1]["differences"];
    assert_eq!(
        each(differences, "what"),
        ["asks-less", "answers-otherwise"]
    );
    assert_eq!(differences[0]["recorded"]["request"], *request);
    let [recorded, replayed] = ["recorded", "replayed"].map(|end| &differences[1][end]);
    let told = recorded["excerpt"].as_str().unwrap();
    assert!(told.contains("Hello to you."), "{less}");
    assert_eq!(
        *replayed,
        json!({ "outcome": "answered", "contentType": "application/json", "excerpt": "\"nothing asked\"" })
    );

    let breaks = differs(json!({ "do": "trap" })).await;
    assert_eq!(
        each(&breaks["turns"], "status"),
        ["matches", "differs", "unreached"]
    );
    let (_, difference) = only_difference(&breaks);
    assert_eq!(difference["what"], "breaks");
    let message = difference["message"].as_str().unwrap();
    assert!(message.starts_with("the agent trapped"), "{message}");

    // One turn is shown with those before it that differ.
    let replay = session.replay(json!({ "turn": 3, "version": 4 })).await;
    let replay = replay.json_of(200);
    assert_eq!(each(&replay["turns"], "turn"), [2, 3]);
    let replay = session.replay(json!({ "turn": 3, "version": 2 })).await;
    assert_eq!(each(&replay.json_of(200)["turns"], "turn"), [3]);

    let missing = session.replay(json!({ "version": 99 })).await;
    missing.assert_refused(404, NOT_FOUND, "the agent has no version 99");
    assert_eq!(bedrock.calls(), calls, "no model is asked");
    assert_eq!(session.journal().await["records"], records);
    assert_eq!(session.count().await, 4);
}

#[tokio::test]
async fn another_version_may_ask_what_nothing_is_recorded_of() {
    let bedrock = StandIn::start().await;
    bedrock.push(Answer::text("one two three"));
    let host = Host::builder().bedrock(&bedrock).start();
    let agent = configured(&host, &json!({ "do": "model-cancel", "prompt": "Count" })).await;
    let session = agent.session("first");
    session.ask(as_configured()).await;
    let further = json!({ "do": "model-stream", "prompt": "Count" });
    agent.update("probe", environment(&further)).await;
    let replay = session.replay(json!({ "version": 2 })).await.json_of(200);
    let (_, difference) = only_difference(&replay);
    assert_eq!(*difference, json!({ "what": "reads-further", "call": 1 }));

    let silent = agent.session("silent");
    let echo = json!({ "do": "echo", "value": 1 });
    agent.update("probe", environment(&echo)).await;
    silent.ask(as_configured()).await;
    agent.update("probe", environment(&further)).await;
    let calls = bedrock.calls();
    let replay = silent.replay(json!({ "version": 4 })).await.json_of(200);
    assert_eq!(replay["recordedVersion"], 3, "{replay}");
    let (_, difference) = only_difference(&replay);
    assert_eq!(
        (&difference["what"], &difference["call"]),
        (&json!("asks-more"), &json!(1))
    );
    assert_eq!(difference["replayed"]["kind"], "converse-stream");
    assert_eq!(bedrock.calls(), calls, "no model is asked");
}

#[tokio::test]
async fn a_mended_version_shows_what_it_does_where_the_old_one_broke() {
    let host = Host::start();
    let agent = configured(&host, &json!({ "do": "trap" })).await;
    let session = agent.session("first");
    session.count().await;
    assert_eq!(session.invoke(as_configured()).await.status, 424);
    agent
        .update("probe", environment(&json!({ "do": "count" })))
        .await;
    let input = json!({ "turn": 2, "version": 2 });
    let replay = session.replay(input).await.json_of(200);
    let (turn, difference) = only_difference(&replay);
    assert_eq!(
        (turn, &difference["what"]),
        (&json!(2), &json!("answers-otherwise"))
    );
    assert_eq!(difference["recorded"]["outcome"], "faulted");
    assert_eq!(
        (
            &difference["replayed"]["outcome"],
            &difference["replayed"]["excerpt"]
        ),
        (&json!("answered"), &json!("2"))
    );
}

#[tokio::test]
async fn with_less_memory_than_a_session_had_nothing_is_replayed() {
    let mut host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;
    host.shut_down();
    let less = "[sandbox]\nmemory_mib = 128";
    std::fs::write(host.folder().join("kellion.toml"), less).unwrap();
    host.start_again();
    let refused = session.replay(json!({})).await;
    let why = "the session began with 256 MiB of memory, and this server gives 128";
    refused.assert_refused(500, "InternalServerException", why);
}

#[tokio::test]
async fn a_session_that_hibernated_is_told_again_from_its_start() {
    let local = Local::start().await;
    let agent = local.deploy("probe", PROBE).await;
    let session = agent.session("first");
    for turn in 1..=3 {
        assert_eq!(session.count().await, turn);
    }
    local.advance(60);
    eventually("its rest", || async {
        (session.inspect().await["awake"] == false).then_some(())
    })
    .await;
    let journal = session.journal().await;
    let kinds = each(&journal["records"], "record");
    assert_eq!(kinds.last(), Some(&json!("image")), "{journal}");
    assert_eq!(session.count().await, 4);
    let replay = session.replay(json!({})).await.json_of(200);
    assert_eq!(each(&replay["turns"], "status"), ["matches"; 4], "{replay}");
    for turn in [2, 4] {
        let fork = session.fork(json!({ "turn": turn })).await.json_of(201);
        let fork = agent.session_of_id(fork["session"].as_str().unwrap());
        assert_eq!(fork.count().await, turn + 1);
    }
    local.stop().await;
}

#[tokio::test]
async fn without_its_first_turns_a_session_is_neither_replayed_nor_forked() {
    let local = Local::with(|config| config.journal.retention_seconds = 100).await;
    let agent = local.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;
    session.count().await;
    local.advance(60);
    eventually("its first turns to go", || async {
        local.advance(1);
        let journal = session.journal().await;
        journal["trimmed"].is_number().then_some(())
    })
    .await;
    assert_eq!(session.count().await, 3, "it goes on from its image");
    for turn in [1, 3] {
        let turn = json!({ "turn": turn });
        for refused in [
            session.fork(turn.clone()).await,
            session.replay(turn).await,
            session.replay(json!({})).await,
        ] {
            let why = "the first turns of the session are not kept any more";
            refused.assert_refused(404, NOT_FOUND, why);
        }
    }
    local.stop().await;
}

#[tokio::test]
async fn a_replay_takes_no_longer_than_a_turn_may() {
    let local = Local::start().await;
    let deed = environment(&json!({ "do": "count" }));
    let agent = local.deploy_with("probe", PROBE, deed).await;
    let session = agent.session("first");
    session.ask(as_configured()).await;
    agent
        .update("probe", environment(&json!({ "do": "spin" })))
        .await;
    let passing = eventually("the end of the replay", || async {
        local.advance(900);
        None::<()>
    });
    let refused = tokio::select! {
        refused = session.replay(json!({ "version": 2 })) => refused,
        () = passing => unreachable!("it gives up before"),
    };
    refused.assert_refused(
        424,
        "RuntimeClientError",
        "the replay took longer than 900 s, the time of a turn",
    );
    local.stop().await;
}

#[tokio::test]
async fn a_replay_takes_a_cell_and_ends_with_its_caller() {
    let host = Host::builder()
        .config("[sandbox]\nmax_live_sessions = 1")
        .start();
    let agent = configured(&host, &json!({ "do": "count" })).await;
    let session = agent.session("first");
    session.ask(as_configured()).await;
    session.stop().await;
    agent
        .update("probe", environment(&json!({ "do": "spin" })))
        .await;
    let spinning = {
        let (client, session) = (host.clone(), session.clone());
        let input = json!({ "version": 2 });
        tokio::spawn(async move { client.until(200, || session.travel("replay", &input)).await })
    };
    let quick = || session.travel("replay", &json!({}));
    let full = host.until(429, quick).await;
    full.assert_refused(429, "ThrottlingException", "all 1 live sessions are in use");
    spinning.abort();
    let replay = host.until(200, quick).await.json();
    assert_eq!(replay["matches"], true, "{replay}");
}
