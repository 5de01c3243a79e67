//! How sessions and servers begin and end.

use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::harness::{Host, Local, PROBE, Session, eventually, in_time, kellion, run};
use crate::stand_in::{Answer, StandIn};

fn lives(idle: u32, max: u32) -> Value {
    let configuration = json!({ "idleRuntimeSessionTimeout": idle, "maxLifetime": max });
    json!({ "lifecycleConfiguration": configuration })
}

#[tokio::test]
async fn an_idle_session_ends_after_its_idle_time_which_every_turn_begins_anew() {
    let local = Local::start().await;
    let agent = local.deploy_with("probe", PROBE, lives(60, 600)).await;
    let session = agent.session("first");
    for turn in 1..=3 {
        assert_eq!(session.count().await, turn);
        local.advance(59);
    }
    assert_eq!(session.inspect().await["phase"], "idle");
    local.advance(1);
    assert_eq!(session.ended().await["reason"], "idle");
    assert_eq!(session.count().await, 1, "the same id is a fresh world");
    local.stop().await;
}

#[tokio::test]
async fn a_session_ends_at_its_maximum_lifetime_however_busy_it_is() {
    let local = Local::start().await;
    let agent = local.deploy_with("probe", PROBE, lives(60, 120)).await;
    let session = agent.session("first");
    for turn in 1..=3 {
        assert_eq!(session.count().await, turn);
        local.advance(30);
    }
    assert_eq!(session.count().await, 4);
    let running = session.invoke(json!({ "do": "sleep", "ms": 3_600_000 }));
    let passing = async {
        runs(&session).await;
        local.advance(30);
    };
    let (cut, ()) = in_time("the end", async { tokio::join!(running, passing) }).await;
    cut.assert_refused(424, "RuntimeClientError", "it reached its maximum lifetime");
    assert_eq!(session.ended().await["reason"], "lifetime");
    assert_eq!(session.count().await, 1, "the same id is a fresh world");
    local.stop().await;
}

async fn runs(session: &Session) {
    eventually("the turn to run", || async {
        (session.inspect().await["phase"] == "running").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stop_ends_a_running_turn_at_once() {
    let bedrock = StandIn::start().await;
    bedrock.push(Answer::text("").hold());
    let host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let running = session.invoke(json!({ "do": "model", "prompt": "Hello" }));
    let stopping = async {
        in_time("the model call", bedrock.arrived(1)).await;
        session.stop().await
    };
    let (cut, stopped) = in_time("both answers", async { tokio::join!(running, stopping) }).await;
    assert_eq!(stopped.status, 200, "{stopped:?}");
    cut.assert_refused(
        424,
        "RuntimeClientError",
        "the session ended while the turn ran: it was stopped",
    );
    in_time("the cancelled call", bedrock.cut(1)).await;
    let ended = session.ended().await;
    assert_eq!(
        (&ended["reason"], &ended["receipts"][0]["outcome"]),
        (&json!("stopped"), &json!("abandoned"))
    );
}

#[tokio::test]
async fn only_a_live_session_can_be_stopped() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let unknown = session.stop().await;
    unknown.assert_refused(404, "ResourceNotFoundException", "there is no such session");
    session.count().await;
    assert_eq!(session.stop().await.status, 200);
    let twice = session.stop().await;
    twice.assert_refused(404, "ResourceNotFoundException", "there is no such session");
}

/// A turn that runs until it is given permits, on a server with this grace.
async fn streaming(grace_seconds: u32) -> (Host, StandIn, Session, Arc<Semaphore>) {
    let bedrock = StandIn::start().await;
    let permits = Arc::new(Semaphore::new(2));
    bedrock.push(Answer::text("one two").paced(Arc::clone(&permits)));
    let host = Host::builder()
        .bedrock(&bedrock)
        .config(&format!("grace_seconds = {grace_seconds}"))
        .start();
    let agent = host.deploy("probe", PROBE).await;
    (host, bedrock, agent.session("first"), permits)
}

async fn exit_code(host: &mut Host) -> Option<i32> {
    let mut status = None;
    for _ in 0..1_500 {
        status = host.exited();
        if status.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    status.expect("the server ends").code()
}

#[tokio::test]
async fn sigterm_lets_a_running_turn_finish_takes_nothing_new_and_exits_with_success() {
    let (mut host, _bedrock, session, permits) = streaming(600).await;
    let payload = json!({ "do": "model-stream", "prompt": "Count" }).to_string();
    let mut response = session.invocation(payload).send().await.expect("an answer");
    in_time("the first piece", response.chunk())
        .await
        .expect("whole");

    host.terminate();
    eventually("the port to close", || async {
        host.request(reqwest::Method::GET, "/healthz/live")
            .send()
            .await
            .err()
            .filter(reqwest::Error::is_connect)
    })
    .await;
    assert_eq!(host.exited(), None, "a turn still runs");

    permits.add_permits(10);
    let rest = in_time("the rest", response.text()).await;
    assert_eq!(rest.expect("the answer is whole"), "data: \"two\"\n\n");
    assert_eq!(exit_code(&mut host).await, Some(0));
}

#[tokio::test]
async fn after_the_grace_time_a_turn_that_still_runs_is_cut() {
    let (mut host, bedrock, session, _permits) = streaming(0).await;
    let payload = json!({ "do": "model-stream", "prompt": "Count" }).to_string();
    let mut response = session.invocation(payload).send().await.expect("an answer");
    in_time("the first piece", response.chunk())
        .await
        .expect("whole");

    host.terminate();
    let cut = in_time("the end of the stream", response.chunk()).await;
    assert!(cut.is_err(), "a broken answer must not look whole: {cut:?}");
    in_time("the cancelled call", bedrock.cut(1)).await;
    assert_eq!(exit_code(&mut host).await, Some(0));
}

/// What a server says that does not start.
async fn refusal(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut command = kellion(folder.path());
    command.args(["serve", "--data", "data"]).args(arguments);
    let output = run(&mut command).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).expect("text")
}

#[tokio::test]
async fn a_server_that_cannot_have_its_address_says_so() {
    let host = Host::start();
    let address = host.endpoint().trim_start_matches("http://");
    let used = refusal(&["--listen", address]).await;
    assert!(
        used.contains(&format!("cannot listen on {address}")) && used.contains("in use"),
        "{used}"
    );
    for public in ["0.0.0.0:0", "[::]:0"] {
        let public = refusal(&["--listen", public]).await;
        assert!(public.contains("refusing to listen on"), "{public}");
    }
}

#[tokio::test]
async fn a_data_directory_has_one_server() {
    let host = Host::start();
    let data = host.folder().join("data");
    let second = [
        "--listen",
        "127.0.0.1:0",
        "--data",
        data.to_str().expect("text"),
    ];
    let mut command = kellion(host.folder());
    let output = run(command.arg("serve").args(second)).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.contains("another server uses it"), "{said}");
}

#[tokio::test]
async fn a_data_directory_that_the_server_makes_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let host = Host::start();
    let data = std::fs::metadata(host.folder().join("data")).unwrap();
    assert_eq!(data.permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_configuration_that_cannot_be_read_is_named_with_its_mistake() {
    let missing = refusal(&["--config", "nowhere.toml"]).await;
    assert!(
        missing.contains("cannot read the configuration file nowhere.toml"),
        "{missing}"
    );

    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("wrong.toml");
    std::fs::write(&file, "[sessions]\nturn_secs = 1").expect("writable");
    let wrong = refusal(&["--config", file.to_str().expect("text")]).await;
    assert!(
        wrong.contains("wrong.toml") && wrong.contains("unknown field `turn_secs`"),
        "{wrong}"
    );
}

#[tokio::test]
async fn requests_of_foreign_web_pages_are_refused() {
    let host = Host::start();
    let send = |name: &'static str, value: &'static str| {
        host.send(
            host.request(reqwest::Method::GET, "/kellion/v1/server")
                .header(name, value),
        )
    };
    for (name, value) in [
        ("host", "rebound.example.com"),
        ("host", "rebound.example.com:8080"),
        ("origin", "https://example.com"),
        ("origin", "null"),
    ] {
        let refused = send(name, value).await;
        refused.assert_refused(403, "AccessDeniedException", "from this machine only");
    }
    for (name, value) in [
        ("host", "localhost:8080"),
        ("origin", "http://127.0.0.1:3000"),
    ] {
        assert_eq!(send(name, value).await.status, 200, "{name}: {value}");
    }
}

#[tokio::test]
async fn without_credentials_or_an_endpoint_models_are_answered_offline() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let provider = |environment: &[(&str, &str)]| {
        let mut command: Command = kellion(folder.path());
        command
            .args([
                "serve",
                "--json",
                "--listen",
                "127.0.0.1:0",
                "--data",
                "data",
            ])
            .envs(environment.iter().copied())
            .stdout(Stdio::piped());
        let mut server = command.spawn().expect("the server can be run");
        let stdout = server.stdout.take().expect("piped");
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("text");
        server.kill().expect("it is our child");
        server.wait().expect("it is our child");
        let started: Value = serde_json::from_str(&line).expect("it says where it listens");
        started["provider"].clone()
    };
    assert_eq!(provider(&[]), "offline");
    let aws = [
        ("AWS_REGION", "us-west-2"),
        ("AWS_ACCESS_KEY_ID", "AKIDFORTESTS"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    assert_eq!(provider(&aws), "bedrock");
}
