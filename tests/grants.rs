//! Grants: what an artifact asks for is what its agent gets, and no more; each refusal says what is missing.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use wasm_encoder::{ComponentSection, CustomSection};

use crate::harness::{
    Agent, Client, Host, Local, PROBE, ROLE, Session, eventually, in_time, kellion, reference, run,
};
use crate::stand_in::{Answer, StandIn};

/// The model that the probe asks unless told otherwise.
pub(crate) const MODEL: &str = "us.anthropic.claude-sonnet-4-20250514-v1:0";

/// The probe with a manifest.
fn asking(manifest: &str) -> Vec<u8> {
    let mut component = fs::read(PROBE).unwrap();
    CustomSection {
        name: "kellion:manifest".into(),
        data: manifest.as_bytes().into(),
    }
    .append_to_component(&mut component);
    component
}

/// The same in a file.
fn file(folder: &Path, manifest: &str) -> String {
    let file = folder.join("probe.wasm");
    fs::write(&file, asking(manifest)).unwrap();
    file.display().to_string()
}

/// An agent that asks for this, and what became of its build.
async fn built(client: &Client, manifest: &str) -> (Agent, Value) {
    client.push(&reference("probe"), asking(manifest)).await;
    let agent = client.create("probe").await;
    let runtime = agent.built().await;
    (agent, runtime)
}

/// A session of an agent that asks for this, and serves.
pub(crate) async fn session(client: &Client, manifest: &str) -> Session {
    let (agent, runtime) = built(client, manifest).await;
    assert_eq!(runtime["status"], "READY", "{runtime}");
    agent.session("first")
}

/// The probe asks a model.
pub(crate) fn question(model: &str) -> Value {
    // 40 characters, which are 10 tokens.
    json!({ "do": "model", "prompt": "x".repeat(40), "model": model })
}

/// The turn ends in an error of the agent's own with this in it.
pub(crate) async fn fails(session: &Session, deed: Value, part: &str) {
    let reply = session.invoke(deed).await;
    reply.assert_refused(
        424,
        "RuntimeClientError",
        "Received error (500) from runtime",
    );
    assert!(reply.text().contains(part), "{part:?} is not in {reply:?}");
}

#[tokio::test]
async fn a_model_that_is_not_granted_is_denied_by_name() {
    let host = Host::start();
    let session = session(&host, r#"models = ["us.anthropic.claude-*"]"#).await;
    session.ask(question(MODEL)).await;
    let other = "openai.gpt-oss-120b-1:0";
    for deed in ["model", "model-stream", "count-tokens"] {
        let deed = json!({ "do": deed, "prompt": "Hello", "model": other });
        fails(
            &session,
            deed,
            "the model call is not allowed: the agent's grant does not cover the model openai.gpt-oss-120b-1:0; its \
             manifest asks for [us.anthropic.claude-*]: add it to agent.toml, or have the tenant's policy allow it",
        )
        .await;
    }
    let own_api = json!({ "do": "invoke-model", "model": other, "body": {} });
    fails(&session, own_api, "does not cover the model openai").await;
    session.ask(question(MODEL)).await;

    let shown = session.inspect().await;
    // A call that was refused is one as well; counting tokens is none.
    assert_eq!(shown["models"]["calls"], 5, "{shown}");
    let replay = session.replay(json!({})).await.json_of(200);
    assert_eq!(replay["matches"], true, "{replay}");
}

#[tokio::test]
async fn an_agent_that_asks_for_no_model_has_none() {
    let host = Host::start();
    let session = session(&host, "models = []").await;
    fails(&session, question(MODEL), "its manifest asks for []").await;
}

#[tokio::test]
async fn a_turn_makes_no_more_calls_than_its_budget() {
    let host = Host::start();
    let session = session(&host, "model_calls_per_turn = 1").await;
    let two_calls = json!({ "do": "agent", "prompt": "How much is 2*5?" });
    for _ in 0..2 {
        fails(
            &session,
            two_calls.clone(),
            "the model budget is used up: the budget model_calls_per_turn is used up: the turn has made 1 calls, its \
             limit is 1",
        )
        .await;
    }
    session.ask(question(MODEL)).await;
    let shown = session.inspect().await;
    assert_eq!(shown["receipts"][1]["models"]["calls"], 2, "{shown}");
}

/// Every turn asks once, sends 10 tokens, and is told what is left.
async fn uses_up_25_tokens_sent(host: &mut Host, mut between: impl FnMut(&mut Host)) {
    let session = session(host, "input_tokens_per_session = 25").await;
    let left = async || session.ask(json!({ "do": "remaining" })).await["tokens"].clone();
    assert_eq!(left().await, 25);
    session.ask(question(MODEL)).await;
    assert_eq!(left().await, 15);
    between(host);
    assert_eq!(left().await, 15);
    session.ask(question(MODEL)).await;
    between(host);
    assert_eq!(left().await, 5);
    fails(
        &session,
        question(MODEL),
        "the budget input_tokens_per_session is used up: the session may send 5 tokens more, and the call would send about 10",
    )
    .await;
    let replay = session.replay(json!({})).await.json_of(200);
    assert_eq!(replay["matches"], true, "{replay}");
}

fn die(host: &mut Host) {
    host.kill();
    host.start_again();
}

#[tokio::test]
async fn a_sessions_budget_survives_kill_9() {
    let mut host = Host::builder().alone().start();
    uses_up_25_tokens_sent(&mut host, die).await;
}

#[tokio::test]
async fn a_sessions_budget_survives_kill_9_when_images_stand_for_its_turns() {
    let mut host = Host::builder()
        .config("[sessions]\nturns_per_image = 1")
        .alone()
        .start();
    uses_up_25_tokens_sent(&mut host, die).await;
}

#[tokio::test]
async fn a_session_that_is_not_written_has_a_budget_as_well() {
    let mut host = Host::builder()
        .config("[sessions]\ndurability = \"none\"")
        .start();
    let session = session(&host, "output_tokens_per_session = 1").await;
    session.ask(question(MODEL)).await;
    fails(
        &session,
        question(MODEL),
        "output_tokens_per_session is used up",
    )
    .await;
    let (streamed, own_api) = (
        json!({ "do": "model-stream", "prompt": "Hello" }),
        json!({ "do": "invoke-model", "model": MODEL, "body": {} }),
    );
    fails(&session, streamed, "output_tokens_per_session is used up").await;
    fails(
        &session,
        own_api.clone(),
        "output_tokens_per_session is used up",
    )
    .await;
    session.stop().await.json_of(200);
    // A fresh session has all of it, and still cannot use what nobody can count.
    fails(&session, own_api, "does not say how many tokens").await;
    host.shut_down();
}

#[tokio::test]
async fn a_turn_that_kill_9_cut_does_not_get_its_calls_anew() {
    let call = |id| Answer::tool_use(id, "calculator", &json!({ "expression": "2*5" }));
    let bedrock = StandIn::start().await;
    bedrock.push(call("tooluse_1"));
    bedrock.push(call("lost").hold());
    let mut host = Host::builder().bedrock(&bedrock).alone().start();
    let session = session(&host, "model_calls_per_turn = 2").await;
    let deed = json!({ "do": "agent", "prompt": "How much is 2*5?" });
    let again = || {
        let request = session.invocation(deed.to_string());
        request.header("amz-sdk-invocation-id", "the-call")
    };
    let killing = async {
        in_time("the second call", bedrock.arrived(2)).await;
        host.kill();
    };
    let (cut, ()) = tokio::join!(again().send(), killing);
    assert!(cut.is_err(), "{cut:?}");

    bedrock.push(call("tooluse_2"));
    host.start_again();
    let reply = host.send(again()).await;
    reply.assert_refused(424, "RuntimeClientError", "Received error (500)");
    let part = "the turn has made 2 calls, its limit is 2";
    assert!(reply.text().contains(part), "{reply:?}");
    assert_eq!(bedrock.calls().converse, 3, "the cut call was made again");
}

#[tokio::test]
async fn a_session_has_the_memory_and_the_time_that_were_granted() {
    let mut host = Host::builder().alone().start();
    let session = session(&host, "memory_mib = 16\nturn_cpu_ms = 200").await;
    for _ in 0..2 {
        let filled = session.ask(json!({ "do": "fill", "mib": 64 })).await;
        assert_eq!(filled["refused"], true, "{filled}");
        assert!(filled["mib"].as_u64() < Some(16), "{filled}");
        let spinning = session.invoke(json!({ "do": "spin" })).await;
        spinning.assert_refused(
            424,
            "RuntimeClientError",
            "the agent used more than 200 ms of CPU time in one turn",
        );
        die(&mut host);
    }
    let replay = session.replay(json!({ "turn": 4 })).await.json_of(200);
    assert_eq!(replay["matches"], true, "{replay}");
}

#[tokio::test]
async fn a_grant_is_no_more_than_the_server_has() {
    let host = Host::builder()
        .config("[sandbox]\nmemory_mib = 16\nturn_cpu_ms = 200")
        .start();
    let session = session(&host, "memory_mib = 4096\nturn_cpu_ms = 90000").await;
    let filled = session.ask(json!({ "do": "fill", "mib": 64 })).await;
    assert!(filled["mib"].as_u64() < Some(16), "{filled}");
    let spinning = session.invoke(json!({ "do": "spin" })).await;
    spinning.assert_refused(424, "RuntimeClientError", "more than 200 ms of CPU time");
}

#[tokio::test]
async fn a_turn_ends_when_its_granted_time_is_over() {
    let local = Local::start().await;
    let session = session(&local, "turn_seconds = 60").await;
    let context = session.ask(json!({ "do": "context" })).await;
    let (now, deadline) = (1_800_000_000_000_u64, context["deadline_ms"].as_u64());
    assert_eq!(deadline, Some(now + 60_000), "{context}");
    let sleeping = session.invoke(json!({ "do": "sleep", "ms": 3_600_000 }));
    let passing = async {
        eventually("the turn to run", || async {
            (session.inspect().await["phase"] == "running").then_some(())
        })
        .await;
        local.advance(60);
    };
    let (refused, ()) = in_time("the refusal", async { tokio::join!(sleeping, passing) }).await;
    refused.assert_refused(424, "RuntimeClientError", "the turn took longer than 60 s");
    local.stop().await;
}

#[tokio::test]
async fn a_version_that_its_grant_does_not_cover_is_not_built() {
    let host = Host::start();
    for (manifest, part) in [
        (
            "memory_mib = 1",
            "a trial start failed: the agent needs more than 1 MiB of memory",
        ),
        ("modles = []", "unknown field `modles`"),
        ("environment = [\"A B\"]", "without = and *"),
    ] {
        let (agent, runtime) = built(&host, manifest).await;
        assert_eq!(runtime["status"], "CREATE_FAILED", "{runtime}");
        let reason = runtime["failureReason"].as_str().unwrap();
        assert!(reason.contains(part), "{reason}");
        let grant = format!("/kellion/v1/agents/{}/grant", agent.id);
        let shown = host.get(&grant).await.json_of(200);
        assert_eq!(shown["grant"], Value::Null, "{shown}");
        host.delete(&agent.path("")).await.json_of(202);
    }
}

#[tokio::test]
async fn a_configuration_sets_the_names_that_were_asked_for() {
    let host = Host::start();
    let (agent, runtime) = built(&host, r#"environment = ["GREETING"]"#).await;
    assert_eq!(runtime["status"], "READY", "{runtime}");
    let set = |name: &str| json!({ "environmentVariables": { name: "Hello", "KELLION_DURABILITY": "process" } });
    let refused = agent.update("probe", set("GRETING")).await;
    assert_eq!(refused["status"], "UPDATE_FAILED", "{refused}");
    let reason = refused["failureReason"].as_str().unwrap();
    assert_eq!(
        reason,
        "the agent's grant does not cover the environment variable GRETING; its manifest asks for [GREETING]: add it to \
         agent.toml, or leave it out of the configuration"
    );
    let taken = agent.update("probe", set("GREETING")).await;
    assert_eq!(taken["status"], "READY", "{taken}");
    let session = agent.session("first");
    let greeting = session
        .ask(json!({ "do": "config", "name": "GREETING" }))
        .await;
    assert_eq!(greeting, "Hello");
}

/// The model's first words are taken, and the stream dropped.
#[tokio::test]
async fn a_stream_that_is_dropped_is_not_for_nothing() {
    let mut host = Host::builder().alone().start();
    let session = session(&host, "input_tokens_per_session = 25").await;
    let first_words = json!({ "do": "model-cancel", "prompt": "x".repeat(80) });
    session.ask(first_words.clone()).await;
    die(&mut host);
    let shown = session.inspect().await;
    assert_eq!(shown["models"]["inputTokens"], 20, "{shown}");
    fails(&session, first_words, "the session may send 5 tokens more").await;
}

/// By the policy that the server's operator gave it.
#[tokio::test]
async fn a_tenants_policy_bounds_what_is_granted() {
    let host = Host::start();
    let policy = "[grants]\nmodels = [\"us.*\"]\nmemory_mib = 64\nenvironment = [\"A\"]\n";
    let bounded = host.guest("bounded", policy).await;
    let free = host.guest("free", "").await;
    let asks = "models = [\"us.anthropic.*\", \"eu.*\"]\nmemory_mib = 128";
    let built = async |client: &Client, name: &str, variable: &str| {
        client.push(&reference("probe"), asking(asks)).await;
        let mut input = json!({
            "agentRuntimeName": name,
            "agentRuntimeArtifact": { "containerConfiguration": { "containerUri": reference("probe") } },
            "roleArn": ROLE,
        });
        input["environmentVariables"] = json!({ variable: "1" });
        let created = client.put("/runtimes/", &input).await.json_of(202);
        let text = |member: &str| created[member].as_str().unwrap().to_owned();
        let agent = Agent::named(client, &text("agentRuntimeId"), &text("agentRuntimeArn"));
        let runtime = agent.built().await;
        let grant = format!("/kellion/v1/agents/{}/grant", agent.id);
        (
            runtime,
            client.get(&grant).await.json_of(200)["grant"].take(),
        )
    };
    let (_, grant) = built(&bounded, "first", "A").await;
    assert_eq!(
        grant["granted"],
        json!({ "models": ["us.anthropic.*"], "memory_mib": 64, "environment": ["A"] })
    );
    let refused = grant["refused"].to_string();
    for part in ["eu.*", "128"] {
        assert!(refused.contains(part), "{part} is not in {refused}");
    }
    let (runtime, _) = built(&bounded, "second", "B").await;
    assert_eq!(runtime["status"], "CREATE_FAILED");
    let reason = runtime["failureReason"].as_str().unwrap();
    assert!(
        reason.contains("environment variable B: the tenant's policy"),
        "{reason}"
    );
    let (_, grant) = built(&free, "first", "B").await;
    assert_eq!(grant["granted"], grant["asked"]);
    assert!(
        grant["refused"].as_array().is_none_or(Vec::is_empty),
        "{grant}"
    );
}

/// What a command says on stdout and on stderr, having ended well.
async fn said(host: &Host, arguments: &[&str]) -> (String, String) {
    let mut command = kellion(host.folder());
    command.env("KELLION_ENDPOINT", host.endpoint());
    let output = run(command.args(arguments)).await;
    assert!(output.status.success(), "{output:?}");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

/// The lines of a deployment that tell of its grant.
fn told(talk: &str) -> Vec<&str> {
    Vec::from_iter(talk.lines().filter_map(|line| line.strip_prefix("grant: ")))
}

#[tokio::test]
async fn deploy_tells_what_changes() {
    let host = Host::start();
    let deploy = async |manifest: &str, more: &[&str]| {
        let file = file(host.folder(), manifest);
        let mut arguments = vec!["deploy", &file, "--name", "probe"];
        arguments.extend(more);
        said(&host, &arguments).await
    };
    let (_, talk) = deploy("", &[]).await;
    assert_eq!(told(&talk), ["+ models *", "+ environment *"], "{talk}");
    let (_, talk) = deploy("# Nothing.", &[]).await;
    assert!(told(&talk).is_empty(), "{talk}");
    let (_, talk) = deploy("models = [\"us.anthropic.*\"]\nmemory_mib = 64", &[]).await;
    assert_eq!(
        told(&talk),
        [
            "+ models us.anthropic.*",
            "- models *",
            "~ memory_mib the server's -> 64"
        ]
    );
    let asks = "models = [\"us.anthropic.*\"]\nmemory_mib = 128\negress = [\"api.example.com\"]";
    let (out, _) = deploy(asks, &["--json"]).await;
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        out["grant"],
        json!({
            "difference": ["~ memory_mib 64 -> 128"],
            "refused": [{
                "key": "egress",
                "value": "api.example.com",
                "reason": "the tenant's policy allows no host",
            }],
        })
    );
    let (_, talk) = deploy(asks, &[]).await;
    assert_eq!(
        told(&talk),
        ["not granted: egress api.example.com: the tenant's policy allows no host"]
    );

    // Each version keeps its own.
    let agent = out["agentRuntimeId"].as_str().unwrap();
    let path = format!("/kellion/v1/agents/{agent}/grant");
    let memory = async |query: &str| {
        let shown = host.get(&format!("{path}{query}")).await.json_of(200);
        shown["grant"]["granted"]["memory_mib"].clone()
    };
    assert_eq!(memory("?version=1").await, Value::Null);
    assert_eq!(memory("?version=3").await, 64);
    assert_eq!(memory("").await, 128);
    let missing = host.get(&format!("{path}?version=9")).await;
    missing.assert_refused(404, "ResourceNotFoundException", "version 9");
    let stranger = host.get("/kellion/v1/agents/other-0123456789/grant").await;
    stranger.assert_refused(404, "ResourceNotFoundException", "other-0123456789");
}

#[tokio::test]
async fn inspect_shows_what_is_asked_and_what_is_granted() {
    let host = Host::start();
    let file = file(
        host.folder(),
        "models = [\"a.*\", \"b\"]\nturn_seconds = 60",
    );
    let (asked, _) = said(&host, &["inspect", &file]).await;
    for line in ["asks     models a.*, b\n", "         turn_seconds 60\n"] {
        assert!(asked.contains(line), "{line:?} is not in {asked}");
    }
    let (asked, _) = said(&host, &["inspect", &file, "--json"]).await;
    let asked: Value = serde_json::from_str(&asked).unwrap();
    assert_eq!(
        asked["asks"],
        json!({ "models": ["a.*", "b"], "turn_seconds": 60 })
    );
    let (nothing, _) = said(&host, &["inspect", PROBE]).await;
    assert!(nothing.contains("asks     nothing of its own"), "{nothing}");

    said(&host, &["deploy", &file, "--name", "probe"]).await;
    let (granted, _) = said(&host, &["inspect", "probe"]).await;
    for line in [
        "version  1\n",
        "grant    models a.*, b\n",
        "         memory_mib the server's\n",
        "         turn_seconds 60\n",
    ] {
        assert!(granted.contains(line), "{line:?} is not in {granted}");
    }
    let (granted, _) = said(&host, &["inspect", "probe", "--json"]).await;
    let granted: Value = serde_json::from_str(&granted).unwrap();
    assert_eq!(granted["grant"]["granted"], asked["asks"], "{granted}");
}

#[test]
fn a_build_names_the_line_of_a_key_that_is_not_known() {
    let folder: TempDir = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("agent.c"), "").unwrap();
    fs::write(
        folder.path().join("agent.toml"),
        "memory_mib = 64\nmodles = [\"*\"]\n",
    )
    .unwrap();
    let output = kellion(folder.path()).arg("build").output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    for part in ["agent.toml", "line 2", "unknown field `modles`"] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}
