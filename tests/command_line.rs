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
        (
            &["deploy", PROBE, "--name", "a-b"],
            1,
            "at 'agentRuntimeName' failed",
        ),
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
    let mut host = Host::start();
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
        log.out().contains("hello\\u{1b}[31m") && !log.out().contains('\u{1b}'),
        "what an agent prints must not steer a terminal: {}",
        log.out()
    );

    host.restart();
    let list = ["sessions", "--agent", "probe"];
    let resting = command(&host, &list).await.ok();
    assert!(resting.out().contains(" resting "), "{}", resting.out());
    command(&host, &["sessions", "stop", &session.id])
        .await
        .ok();
    assert_eq!(session.ended().await["reason"], "stopped");
    let twice = command(&host, &["sessions", "stop", &session.id]).await;
    twice.failed(3, "there is no such session");
}

#[tokio::test]
async fn what_is_recorded_is_shown_and_exported() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;
    let echo = json!({ "do": "echo", "value": "two\nlines\u{1b}[31m \u{9b}31m" });
    session.ask(echo).await;
    let model = json!({ "do": "model", "prompt": "x".repeat(200) });
    session.ask(model).await;
    session
        .invoke(json!({ "do": "fail", "message": "no luck" }))
        .await;
    session.stop().await;

    let shown = command(&host, &["sessions", "journal", &session.id])
        .await
        .ok();
    let lines = Vec::from_iter(shown.out().lines());
    // A turn that waited for nothing is one record, of which this says nothing.
    for (turn, kind, text) in [
        ("-", "started", "version 1"),
        ("1", "turn", "answered: 1"),
        ("2", "turn", r#"{"do":"echo","#),
        ("3", "turn-accepted", r#"{"do":"model","#),
        ("3", "converse", "call 1: "),
        ("3", "turn-finished", "answered: "),
        ("4", "turn", "agent-error: no luck"),
        ("-", "ended", "stopped"),
    ] {
        let line = lines.iter().find(|line| {
            let words = Vec::from_iter(line.split_whitespace().take(3));
            words[0] == turn
                && words[1].ends_with('Z')
                && words[2].starts_with(kind)
                && line.contains(text)
        });
        assert!(line.is_some(), "{turn} {kind} {text}: {}", shown.out());
    }
    let long = lines.iter().find(|line| line.ends_with("xxx…"));
    assert!(long.is_some_and(|line| line.len() < 150), "{}", shown.out());
    let steers = |c: char| c.is_control() && c != '\n';
    assert!(!shown.out().contains(steers), "{}", shown.out());

    let records = ["sessions", "journal", &session.id, "--json"];
    let records = command(&host, &records).await.ok().json();
    assert_eq!(records.len(), lines.len());
    assert_eq!(records[1]["seq"], 2);
    assert_eq!(records[0].get("seed"), None);
    session.count().await;
    let newest = ["sessions", "journal", &session.id, "--json"];
    let count = command(&host, &newest).await.ok().json();
    assert!(count.len() < records.len(), "{count:?}");
    let first = [&newest[..], &["--incarnation", "1"]].concat();
    assert_eq!(command(&host, &first).await.ok().json(), records);

    let export = ["sessions", "export", &session.id, "--incarnation", "1"];
    let export = command(&host, &export).await.ok().json();
    assert_eq!(export.len(), 1);
    let exported = export[0]["records"].as_array().expect("a list");
    assert_eq!(exported[1..], records[1..]);
    assert!(export[0]["records"][0]["seed"].is_string());
}

#[tokio::test]
async fn a_session_is_forked_and_gone_on_with() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;
    session.count().await;
    let fork = ["sessions", "fork", &session.id, "--turn", "1"];
    let forked = command(&host, &fork).await.ok();
    let id = forked.out().trim();
    let next = format!(
        "go on with turn 2: kellion invoke {} PAYLOAD --session {id}",
        agent.id
    );
    assert!(forked.talk().contains(&next), "{}", forked.talk());
    let count = ["invoke", &agent.id, r#"{"do": "count"}"#, "--session", id];
    assert_eq!(command(&host, &count).await.ok().out(), "2\n");

    let other = session_id("other");
    let named = [&fork[..], &["--as", &other, "--json"]].concat();
    let told = command(&host, &named).await.ok().json();
    assert_eq!(
        told,
        [json!({ "agent": agent.id, "session": other, "turn": 1, "version": 1 })]
    );
    let journal = command(&host, &["sessions", "journal", &other]).await.ok();
    let origin = format!("version 1, forked from turn 1 of {}", session.id);
    assert!(journal.out().contains(&origin), "{}", journal.out());
    command(&host, &named)
        .await
        .failed(5, "is there already; stop it first");
    let missing = ["sessions", "fork", &session.id, "--turn", "3"];
    command(&host, &missing)
        .await
        .failed(3, "the session has no turn 3; 2 were taken");
    let zero = ["sessions", "fork", &session.id, "--turn", "0"];
    command(&host, &zero)
        .await
        .failed(1, "turns are counted from 1");
    let nobody = session_id("nobody");
    for action in [
        &["journal"][..],
        &["fork", "--turn", "1"],
        &["replay"],
        &["export"],
    ] {
        let arguments = [&["sessions"], action, &[nobody.as_str()]].concat();
        let failed = command(&host, &arguments).await;
        failed.failed(3, "there is no session");
    }
    command(&host, &["sessions", "fork", &session.id])
        .await
        .failed(2, "--turn <N>");
}

#[tokio::test]
async fn a_replay_shows_where_another_version_differs() {
    let host = Host::start();
    let color = json!({ "do": "config", "name": "COLOR" });
    let deploy = |color| {
        let color = format!("COLOR={color}");
        let host = &host;
        async move {
            let deploy = [
                "deploy", PROBE, "--name", "probe", "--env", &color, "--json",
            ];
            command(host, &deploy).await.ok().json()[0]["agentRuntimeId"].clone()
        }
    };
    let id = deploy("green").await;
    let payloads = [
        json!({ "do": "count" }),
        color,
        json!({ "do": "trap" }),
        json!({ "do": "count" }),
    ];
    let session = session_id("first");
    for payload in payloads {
        let payload = payload.to_string();
        command(
            &host,
            &[
                "invoke",
                id.as_str().unwrap(),
                &payload,
                "--session",
                &session,
            ],
        )
        .await;
    }
    deploy("blue").await;

    let own = ["sessions", "replay", &session];
    let matches = command(&host, &own).await.ok();
    assert_eq!(
        matches.out(),
        "turn 1 matches\nturn 2 matches\nturn 3 was undone, and is not replayed\nturn 4 matches\n"
    );
    let against = [&own[..], &["--against", "2"]].concat();
    let differs = command(&host, &against).await;
    let differs = differs.failed(1, "of 4 turns on version 2, 1 differ and 0 are not reached");
    assert_eq!(
        Vec::from_iter(differs.out().lines())[1..5],
        [
            "turn 2 differs",
            "  it answers otherwise:",
            "    recorded answered: \"green\"",
            "    replayed answered: \"blue\"",
        ]
    );
    let json = [&against[..], &["--json"]].concat();
    let json = command(&host, &json).await.failed(1, "differ").json();
    assert_eq!(
        (&json[0]["matches"], &json[0]["turns"][1]["status"]),
        (&json!(false), &json!("differs"))
    );
    let one = [&against[..], &["--turn", "1"]].concat();
    let one = command(&host, &one).await.ok();
    assert_eq!(one.out(), "turn 1 matches\n");
    let missing = [&own[..], &["--against", "3"]].concat();
    command(&host, &missing)
        .await
        .failed(3, "the agent has no version 3");
    let missing = [&own[..], &["--turn", "9"]].concat();
    command(&host, &missing)
        .await
        .failed(3, "the session has no turn 9");
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
