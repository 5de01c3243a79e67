//! The commands of `kellion` that talk to a server, as scripts use them: stdout, stderr, exit codes.

use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{Host, PROBE, TUTORIAL, kellion, reference, run, session_id};

/// A command's outcome.
struct Ran(Output);

impl Ran {
    fn out(&self) -> &str {
        std::str::from_utf8(&self.0.stdout).expect("stdout is text")
    }

    fn talk(&self) -> &str {
        std::str::from_utf8(&self.0.stderr).expect("stderr is text")
    }

    #[track_caller]
    fn ok(self) -> Self {
        self.failed(0, "")
    }

    /// Ended with this code, and said so.
    #[track_caller]
    fn failed(self, code: i32, talk: &str) -> Self {
        assert_eq!(self.0.status.code(), Some(code), "{:?}", self.0);
        assert!(
            self.talk().contains(talk),
            "{talk:?} is not in {:?}",
            self.0
        );
        self
    }

    /// The JSON documents on stdout, one a line.
    #[track_caller]
    fn json(&self) -> Vec<Value> {
        let lines = self.out().lines();
        Vec::from_iter(lines.map(|line| serde_json::from_str(line).expect("a line is JSON")))
    }
}

async fn command(host: &Host, arguments: &[&str]) -> Ran {
    let mut command = kellion(host.folder());
    command
        .env("KELLION_ENDPOINT", host.endpoint())
        .args(arguments);
    Ran(run(&mut command).await)
}

#[tokio::test]
async fn deploy_makes_an_agent_that_invoke_calls() {
    let host = Host::start();
    let deployed = command(&host, &["deploy", TUTORIAL, "--name", "tutorial"])
        .await
        .ok();
    assert!(
        deployed
            .out()
            .starts_with("arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/tutorial-")
    );
    let arn = deployed.out().trim();
    for part in ["tutorial version 1 is ready", host.endpoint(), arn] {
        assert!(
            deployed.talk().contains(part),
            "{part:?} is not in {}",
            deployed.talk()
        );
    }

    let session = session_id("first");
    let payload = r#"{"user_id": 1, "prompt": "How much is 2X5?"}"#;
    let answer = command(
        &host,
        &["invoke", "tutorial", payload, "--session", &session],
    )
    .await
    .ok();
    assert_eq!(
        (answer.out(), answer.talk()),
        ("\"Hello Maira! 2*5 is 10.\"\n", "")
    );
    let payload = r#"{"user_id": 1, "prompt": "and that plus 34?"}"#;
    let answer = command(&host, &["invoke", arn, payload, "--session", &session])
        .await
        .ok();
    assert_eq!(answer.json(), ["Hello Maira! 10 + 34 is 44."]);
    // Without a session a new one starts, and is told.
    let answer = command(&host, &["invoke", "tutorial", payload]).await.ok();
    assert!(answer.out().contains("no earlier result") && answer.talk().starts_with("session "));

    let again = [
        "deploy",
        PROBE,
        "--name",
        "tutorial",
        "--env",
        "COLOR=green",
        "--json",
    ];
    let again = command(&host, &again).await.ok().json();
    assert_eq!(
        (
            &again[0]["agentRuntimeArn"],
            &again[0]["agentRuntimeVersion"]
        ),
        (&json!(arn), &json!("2"))
    );
    let payload = r#"{"do": "config", "name": "COLOR"}"#;
    let answer = command(&host, &["invoke", "tutorial", payload]).await.ok();
    assert_eq!(answer.json(), ["green"]);
}

#[tokio::test]
async fn exit_codes_tell_failures_apart() {
    let host = Host::start();
    host.deploy("probe", PROBE).await;
    let fail = r#"{"do": "fail", "message": "no luck"}"#;
    for (arguments, code, talk) in [
        (&["invoke", "probe", fail][..], 6, "no luck"),
        (&["invoke", "probe", "not JSON"], 6, "payload is not JSON"),
        (
            &["invoke", "nobody", "{}"],
            3,
            "there is no agent \"nobody\"",
        ),
        (
            &["invoke", "probe", "{}", "--qualifier", "other"],
            3,
            "no endpoint",
        ),
        (
            &["invoke", "probe", "{}", "--session", "short"],
            1,
            "33 to 256",
        ),
        (
            &["sessions", "show", &session_id("none")],
            3,
            "there is no session",
        ),
        (
            &["deploy", "nowhere.wasm", "--name", "a"],
            1,
            "cannot read nowhere.wasm",
        ),
        (&["deploy", PROBE, "--name", "a-b"], 1, "agent name"),
        (
            &["deploy", PROBE, "--name", "a", "--env", "A"],
            2,
            "NAME=VALUE",
        ),
        (&["dance"], 2, "unrecognized subcommand"),
        (
            &["agents", "--endpoint", "http://127.0.0.1:9"],
            1,
            "start one with: kellion serve",
        ),
    ] {
        let ran = command(&host, arguments).await.failed(code, talk);
        assert_eq!(ran.out(), "", "{arguments:?}");
    }
}

#[tokio::test]
async fn what_cannot_serve_fails_its_deployment_with_the_reason() {
    let host = Host::start();
    let file = host.folder().join("core.wasm");
    std::fs::write(&file, b"\0asm\x01\0\0\0").expect("writable");
    let file = file.to_str().expect("text");
    let failed = command(&host, &["deploy", file, "--name", "core"]).await;
    failed.failed(
        1,
        "version 1 cannot serve: this is a core module, not a component",
    );
    let agents = command(&host, &["agents", "--json"]).await.ok().json();
    assert_eq!(
        (&agents[0]["name"], &agents[0]["status"]),
        (&json!("core"), &json!("CREATE_FAILED"))
    );
}

#[tokio::test]
async fn sessions_are_listed_shown_read_and_stopped() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let other = host.deploy("other", PROBE).await;
    let session = agent.session("first");
    let printed = session
        .invoke(json!({ "do": "print", "message": "hello\u{1b}[31m" }))
        .await;
    other.session("second").count().await;

    let all = command(&host, &["sessions", "--json"]).await.ok().json();
    assert_eq!(all.len(), 2);
    let own = command(&host, &["sessions", "--agent", "probe"]).await.ok();
    assert!(
        own.out().starts_with(&session.id) && own.out().lines().count() == 1,
        "{}",
        own.out()
    );

    let shown = command(&host, &["sessions", "show", &session.id, "--json"])
        .await
        .ok()
        .json();
    assert_eq!(
        (&shown[0]["turns"], &shown[0]["phase"]),
        (&json!(1), &json!("idle"))
    );
    let request = printed.header("x-amzn-requestid");
    let log = ["sessions", "log", &session.id, "--request", request];
    let log = command(&host, &log).await.ok();
    assert_eq!(log.out().lines().count(), 6);
    assert!(
        log.out().contains("hello\u{fffd}[31m") && !log.out().contains('\u{1b}'),
        "what an agent prints must not steer a terminal: {}",
        log.out()
    );

    command(&host, &["sessions", "stop", &session.id])
        .await
        .ok();
    assert_eq!(session.ended().await["reason"], "stopped");
    let twice = command(&host, &["sessions", "stop", &session.id]).await;
    twice.failed(3, "there is no such session");
}

#[tokio::test]
async fn a_pushed_artifact_is_named_by_its_digest() {
    let host = Host::start();
    let reference = reference("probe");
    let pushed = command(&host, &["push", PROBE, &reference, "--json"])
        .await
        .ok()
        .json();
    assert_eq!(pushed[0]["reference"], reference);
    let size = std::fs::metadata(PROBE).expect("built").len();
    assert_eq!(pushed[0]["size_bytes"], size);
    let digest = pushed[0]["digest"].as_str().expect("a digest");
    let told = command(&host, &["push", PROBE, "s3://bucket/probe.wasm"])
        .await
        .ok();
    assert_eq!(
        told.out(),
        format!("s3://bucket/probe.wasm is sha256:{digest}\n")
    );
    let inspected = command(&host, &["inspect", PROBE, "--json"])
        .await
        .ok()
        .json();
    assert_eq!(inspected[0]["digest"], digest);
}

#[tokio::test]
async fn inspect_says_what_a_component_needs_and_whether_it_fits() {
    let host = Host::start();
    let probe = command(&host, &["inspect", PROBE, "--json"])
        .await
        .ok()
        .json();
    assert_eq!(probe[0]["misfit"], Value::Null);
    assert_eq!(probe[0]["imageObstacles"], json!([]));
    assert_eq!(probe[0]["exports"], json!(["invoke"]));
    let imports = probe[0]["imports"].as_array().expect("a list");
    assert!(imports.iter().any(|import| {
        import
            .as_str()
            .is_some_and(|name| name.starts_with("kellion:agent/model@"))
    }));

    let empty = host.folder().join("empty.wasm");
    std::fs::write(&empty, b"\0asm\x0d\0\x01\0").expect("writable");
    let empty = empty.to_str().expect("text");
    let empty = command(&host, &["inspect", empty]).await.ok();
    assert!(empty.out().contains("fits     no: "), "{}", empty.out());
    let obstacle = "images   no: it has no memory";
    assert!(empty.out().contains(obstacle), "{}", empty.out());
    let core = host.folder().join("core.wasm");
    std::fs::write(&core, b"\0asm\x01\0\0\0").expect("writable");
    let core = core.to_str().expect("text");
    command(&host, &["inspect", core])
        .await
        .failed(1, "this is a core module");
}

#[tokio::test]
async fn the_demo_plays_the_tutorial_and_leaves_nothing_behind() {
    let host = Host::start();
    let mut demo = kellion(host.folder());
    let folder = host.folder().join("tmp");
    std::fs::create_dir(&folder).expect("writable");
    demo.args(["demo", "--once", "--listen", "127.0.0.1:0"])
        .env("TMPDIR", &folder);
    let demo = Ran(run(&mut demo).await).ok();
    for part in [
        "How much is 2X5?",
        "10 + 34 is 44",
        "no earlier result",
        "Hello Mani!",
    ] {
        assert!(
            demo.out().contains(part),
            "{part:?} is not in {}",
            demo.out()
        );
    }
    let left = std::fs::read_dir(&folder).expect("readable").count();
    assert_eq!(left, 0);
}
