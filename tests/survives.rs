//! What survives: `kill -9` between turns and in the middle of one, restarts, faults; and what happens once only.

use serde_json::{Value, json};

use crate::harness::{Host, PROBE, Reply, Session, TUTORIAL, Tool, in_time, run};
use crate::stand_in::{Answer, StandIn};

/// A call that has this name, however often it is made.
async fn call(session: &Session, name: &str, payload: &Value) -> Reply {
    let request = session.invocation(payload.to_string());
    let request = request.header("amz-sdk-invocation-id", name);
    let response = in_time("an answer", request.send()).await.unwrap();
    Reply::read(response).await.unwrap()
}

fn calculator(id: &str, expression: &str) -> Answer {
    Answer::tool_use(id, "calculator", &json!({ "expression": expression }))
}

fn sum(expression: &str) -> Value {
    json!({ "user_id": 1, "prompt": format!("How much is {expression}?") })
}

#[tokio::test]
async fn a_session_goes_on_after_kill_9_with_its_memory_log_and_receipts() {
    let mut host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    for turn in 1..=3 {
        assert_eq!(session.count().await, turn);
    }
    let random = session.ask(json!({ "do": "random" })).await;
    let printed = session
        .invoke(json!({ "do": "print", "message": "before" }))
        .await;
    let before = session.inspect().await;

    host.kill();
    host.start_again();
    let after = session.inspect().await;
    for member in ["phase", "started", "turns", "version", "models"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!(after["receipts"], before["receipts"]);
    let log = session.log(printed.header("x-amzn-requestid")).await;
    assert!(log.contains(&"before".to_owned()), "{log:?}");

    assert_eq!(session.count().await, 6);
    let again = session.ask(json!({ "do": "random" })).await;
    assert_ne!(again, random, "its random numbers go on as well");
    assert_eq!(agent.session("second").count().await, 1);
}

#[tokio::test]
async fn a_turn_that_kill_9_cut_is_finished_and_what_was_paid_for_is_not_bought_again() {
    let bedrock = StandIn::start().await;
    bedrock.push(Answer::text("Hello, Maira."));
    bedrock.push(calculator("tooluse_1", "2*5"));
    bedrock.push(Answer::text("lost").hold());
    let mut host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("tutorial", TUTORIAL).await;
    let session = agent.session("first");
    session.prompt(1, "Hello").await;

    // A turn of two model calls, of which the server dies in the second.
    let cut = session
        .invocation(sum("2*5").to_string())
        .header("amz-sdk-invocation-id", "the-call")
        .send();
    let killing = async {
        in_time("the second call", bedrock.arrived(3)).await;
        host.kill();
    };
    let (cut, ()) = tokio::join!(cut, killing);
    assert!(cut.is_err(), "{cut:?}");
    in_time("the cut call", bedrock.cut(1)).await;

    bedrock.push(Answer::text("It is 10, Maira."));
    host.start_again();
    let answer = call(&session, "the-call", &sum("2*5")).await;
    assert_eq!(answer.json_of(200), "It is 10, Maira.");
    assert_eq!(
        bedrock.calls().converse,
        4,
        "only the cut call was made again"
    );
    let requests = bedrock.requests();
    assert_eq!(requests[2].body, requests[3].body);
    let shown = session.inspect().await;
    assert_eq!(
        (&shown["turns"], &shown["models"]["calls"]),
        (&json!(2), &json!(3))
    );

    // And the conversation goes on.
    bedrock.push(Answer::text("Good bye."));
    assert_eq!(session.prompt(1, "Bye").await, "Good bye.");
    assert_eq!(
        bedrock.requests()[4].body["messages"]
            .as_array()
            .unwrap()
            .len(),
        7
    );
}

#[tokio::test]
async fn a_cut_turn_is_finished_before_the_next_though_its_caller_never_came_back() {
    let bedrock = StandIn::start().await;
    bedrock.push(Answer::text("lost").hold());
    let mut host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let question = json!({ "do": "model", "prompt": "Hello" });
    let cut = session.invocation(question.to_string()).send();
    let killing = async {
        in_time("the call", bedrock.arrived(1)).await;
        host.kill();
    };
    let (_, ()) = tokio::join!(cut, killing);

    bedrock.push(Answer::text("found"));
    host.start_again();
    assert_eq!(session.count().await, 2);
    assert_eq!(bedrock.calls().converse, 2);
    let shown = session.inspect().await;
    let outcomes = [
        &shown["receipts"][0]["outcome"],
        &shown["receipts"][1]["outcome"],
    ];
    assert_eq!(outcomes, ["answered", "answered"], "{shown}");
}

#[tokio::test]
async fn an_answered_call_has_one_answer_for_ever() {
    let bedrock = StandIn::start().await;
    bedrock.push(Answer::text("one two three"));
    let mut host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let count = json!({ "do": "count" });
    let stream = json!({ "do": "model-stream", "prompt": "Count" });
    let fails = json!({ "do": "stream", "n": 2, "message": "enough" });
    let traps = json!({ "do": "trap" });
    let calls = [
        ("one", &count),
        ("two", &stream),
        ("three", &fails),
        ("four", &traps),
    ];
    let mut first = Vec::new();
    for (name, payload) in calls {
        first.push(call(&session, name, payload).await);
    }
    assert!(
        first[1].text().starts_with("data: \"one \"\n\n"),
        "{:?}",
        first[1]
    );
    assert_eq!(first[3].status, 424);

    for occasion in ["while it lives", "after kill -9", "after its end"] {
        for ((name, payload), first) in calls.iter().zip(&first) {
            let again = call(&session, name, payload).await;
            let told = |reply: &Reply| {
                (
                    reply.status,
                    reply.header("content-type").to_owned(),
                    reply.body.clone(),
                )
            };
            assert_eq!(told(&again), told(first), "{name} {occasion}");
        }
        match occasion {
            "while it lives" => {
                host.kill();
                host.start_again();
            }
            "after kill -9" => {
                assert_eq!(session.inspect().await["turns"], 4);
                assert_eq!(session.stop().await.status, 200);
            }
            _ => {}
        }
    }
    assert_eq!(bedrock.calls().converse_stream, 1);
    assert_eq!(session.ended().await["reason"], "stopped");
    assert_eq!(session.count().await, 1, "another call finds a fresh world");
}

#[tokio::test]
async fn a_stream_that_kill_9_cut_is_begun_anew() {
    let bedrock = StandIn::start().await;
    bedrock.push(Answer::text("one two three").hang_after(3));
    let mut host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let payload = json!({ "do": "model-stream", "prompt": "Count" });
    let request = session.invocation(payload.to_string());
    let request = request.header("amz-sdk-invocation-id", "the-call");
    let mut cut = in_time("the head", request.send()).await.unwrap();
    let piece = in_time("a piece", cut.chunk()).await.unwrap();
    assert!(piece.is_some());
    host.kill();
    let broken = async { while let Ok(Some(_)) = cut.chunk().await {} };
    in_time("the end of the broken answer", broken).await;

    bedrock.push(Answer::text("four five six"));
    host.start_again();
    let whole = call(&session, "the-call", &payload).await;
    assert_eq!(
        whole.text(),
        "data: \"four \"\n\ndata: \"five \"\n\ndata: \"six\"\n\n"
    );
    assert_eq!(bedrock.calls().converse_stream, 2);
}

#[tokio::test]
async fn an_unmodified_boto3_call_outlives_its_server() {
    let bedrock = StandIn::start().await;
    bedrock.push(calculator("tooluse_1", "2*5"));
    bedrock.push(Answer::text("lost").hold());
    let mut host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("tutorial", TUTORIAL).await;
    let session = agent.session("boto3");
    let mut command = Tool::Script("survive.py").command(host.folder());
    // By default all its tries may fall into the time that a busy machine takes to start a server.
    command.env("AWS_MAX_ATTEMPTS", "10");
    let payload = sum("2*5").to_string();
    command.args([host.endpoint(), &agent.arn, &session.id, &payload]);
    let caller = tokio::spawn(async move { run(&mut command).await });
    in_time("the second call", bedrock.arrived(2)).await;
    host.kill();
    bedrock.push(Answer::text("It is 10, Maira."));
    host.start_again();
    let output = in_time("the answer", caller).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.trim(), "\"It is 10, Maira.\"", "{output:?}");
    assert_eq!(bedrock.calls().converse, 3);
}

#[tokio::test]
async fn an_unmodified_boto3_call_outlives_its_server_in_the_middle_of_a_model_stream() {
    let bedrock = StandIn::start().await;
    // Its beginning has come, and no word of it yet: the caller waits for its answer to begin.
    bedrock.push(Answer::text("lost").hang_after(1));
    let mut host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("boto3");
    let mut command = Tool::Script("survive.py").command(host.folder());
    // By default all its tries may fall into the time that a busy machine takes to start a server.
    command.env("AWS_MAX_ATTEMPTS", "10");
    let payload = json!({ "do": "model-stream", "prompt": "Count" }).to_string();
    command.args([host.endpoint(), &agent.arn, &session.id, &payload]);
    let caller = tokio::spawn(async move { run(&mut command).await });
    in_time("the stream", bedrock.arrived(1)).await;
    host.kill();
    bedrock.push(Answer::text("one two"));
    host.start_again();
    let output = in_time("the answer", caller).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.trim(), "data: \"one \"\n\ndata: \"two\"", "{output:?}");
    assert_eq!(bedrock.calls().converse_stream, 2);
    assert_eq!(session.inspect().await["turns"], 1);
}

#[tokio::test]
async fn without_durability_a_session_ends_with_its_process() {
    let mut host = Host::start();
    let agent = host.deploy_with("probe", PROBE, durability("none")).await;
    let session = agent.session("first");
    session.count().await;
    assert_eq!(session.count().await, 2);
    host.kill();
    host.start_again();
    assert_eq!(session.count().await, 1);
}

fn durability(level: &str) -> Value {
    json!({ "environmentVariables": { "KELLION_DURABILITY": level } })
}

#[tokio::test]
async fn a_session_keeps_the_version_and_durability_it_began_with() {
    let mut host = Host::start();
    let agent = host.deploy_with("probe", PROBE, durability("power")).await;
    let session = agent.session("first");
    session.count().await;
    agent.update("probe", durability("none")).await;
    host.kill();
    host.start_again();
    assert_eq!(session.count().await, 2);
    assert_eq!(session.inspect().await["version"], 1);
    assert_eq!(agent.session("second").count().await, 1);
    assert_eq!(agent.session("second").inspect().await["version"], 2);
}

#[tokio::test]
async fn a_durability_that_is_none_of_three_is_refused() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let mut input = json!({ "roleArn": crate::harness::ROLE });
    input["agentRuntimeArtifact"] =
        json!({ "containerConfiguration": { "containerUri": crate::harness::reference("probe") } });
    input["networkConfiguration"] = json!({ "networkMode": "PUBLIC" });
    input["environmentVariables"] = json!({ "KELLION_DURABILITY": "forever" });
    let refused = host.put(&agent.path(""), &input).await;
    refused.assert_invalid(
        "environmentVariables",
        "KELLION_DURABILITY is \"forever\": durability is one of none, process, power",
    );
}

#[tokio::test]
async fn a_session_that_rests_can_be_listed_stopped_and_deleted_with_its_agent() {
    let mut host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let [first, second, third] = ["first", "second", "third"].map(|name| agent.session(name));
    for session in [&first, &second, &third] {
        session.count().await;
    }
    host.kill();
    host.start_again();
    let phases = |sessions: Vec<Value>| -> Vec<Value> {
        sessions
            .iter()
            .map(|session| session["phase"].clone())
            .collect()
    };
    assert_eq!(phases(host.sessions().await), ["idle", "idle", "idle"]);
    assert_eq!(first.stop().await.status, 200);
    assert_eq!(first.ended().await["reason"], "stopped");
    first
        .stop()
        .await
        .assert_refused(404, "ResourceNotFoundException", "there is no such session");
    assert_eq!(second.count().await, 2);
    host.delete(&agent.path("")).await.json_of(202);
    for session in [&second, &third] {
        assert_eq!(session.ended().await["reason"], "deleted");
    }
}

#[tokio::test]
async fn a_damaged_session_is_quarantined_and_others_are_not_concerned() {
    let mut host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let [damaged, whole] = ["damaged", "whole"].map(|name| agent.session(name));
    damaged
        .ask(json!({ "do": "echo", "value": "a needle in the journal" }))
        .await;
    whole.count().await;
    host.shut_down();
    let journal = host.folder().join("data/journal/journal.db");
    let mut bytes = std::fs::read(&journal).unwrap();
    let needle = b"a needle in the journal";
    let places: Vec<usize> = (0..bytes.len() - needle.len())
        .filter(|at| bytes[*at..].starts_with(needle))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at] ^= 1;
    }
    std::fs::write(&journal, bytes).unwrap();

    host.start_again();
    let payload = json!({ "do": "count" });
    for _ in 0..2 {
        let refused = damaged.invoke(payload.clone()).await;
        refused.assert_refused(500, "InternalServerException", "is damaged at record 2");
    }
    assert_eq!(damaged.inspect().await["phase"], "quarantined");
    assert_eq!(whole.count().await, 2);
    assert_eq!(damaged.stop().await.status, 200);
    assert_eq!(damaged.count().await, 1, "given up, it begins afresh");
}
