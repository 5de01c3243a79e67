//! Unmodified AWS clients with nothing changed but their endpoint: boto3 and the AWS CLI.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{
    Host, PROBE, ROLE, TUTORIAL, Tool, in_time, reference, run, script, session_id,
};

async fn push(host: &Host, reference: &str, file: &str) {
    host.push(reference, std::fs::read(file).expect("built"))
        .await;
}

#[tokio::test]
async fn boto3_follows_the_tutorial() {
    let host = Host::start();
    let image = reference("tutorial");
    push(&host, &image, TUTORIAL).await;
    script(&host, "tutorial.py", &[&image]).await;
    // One was stopped and is listed as ended; the agent of the others was deleted.
    let sessions = host.sessions().await;
    assert!(
        sessions.iter().all(|session| session["phase"] == "ended"),
        "{sessions:?}"
    );
}

#[tokio::test]
async fn boto3_manages_versions_and_endpoints() {
    let host = Host::start();
    let image = reference("probe");
    push(&host, &image, PROBE).await;
    push(&host, "s3://agents/probe.wasm", PROBE).await;
    script(&host, "management.py", &[&image, "agents", "probe.wasm"]).await;
}

#[tokio::test]
async fn boto3_raises_typed_errors() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    script(&host, "errors.py", &[&agent.arn]).await;
}

#[tokio::test]
async fn boto3_reads_a_stream_line_by_line() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    script(&host, "streaming.py", &[&agent.arn]).await;
}

/// One call of the AWS CLI; what it prints, as JSON.
async fn aws(host: &Host, service: &str, arguments: &[&str]) -> Value {
    let output = aws_output(host, service, arguments).await;
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

async fn aws_output(host: &Host, service: &str, arguments: &[&str]) -> Output {
    let mut command = Tool::Aws.command(host.folder());
    command
        .args([
            service,
            "--endpoint-url",
            host.endpoint(),
            "--output",
            "json",
        ])
        .args(arguments);
    in_time("the AWS CLI", run(&mut command)).await
}

fn read(folder: &Path, file: &str) -> Value {
    let bytes = std::fs::read(folder.join(file)).expect("the CLI wrote it");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[tokio::test]
async fn the_aws_cli_creates_invokes_stops_and_deletes_an_agent() {
    let host = Host::start();
    let image = reference("tutorial");
    push(&host, &image, TUTORIAL).await;
    let control = "bedrock-agentcore-control";
    let artifact = json!({ "containerConfiguration": { "containerUri": image } }).to_string();
    let created = aws(
        &host,
        control,
        &[
            "create-agent-runtime",
            "--agent-runtime-name",
            "tutorial",
            "--agent-runtime-artifact",
            &artifact,
            "--role-arn",
            ROLE,
            "--network-configuration",
            r#"{"networkMode": "PUBLIC"}"#,
        ],
    )
    .await;
    let text = |member: &str| {
        created[member]
            .as_str()
            .expect("create names it")
            .to_owned()
    };
    let (id, arn) = (text("agentRuntimeId"), text("agentRuntimeArn"));
    let path = format!("/runtimes/{id}/");
    host.until(200, || host.request(reqwest::Method::GET, &path))
        .await;
    crate::harness::eventually("the build", || async {
        let runtime = aws(
            &host,
            control,
            &["get-agent-runtime", "--agent-runtime-id", &id],
        )
        .await;
        (runtime["status"] == "READY").then_some(())
    })
    .await;

    let session = session_id("first");
    let invoke = async |prompt: &str| {
        let payload = json!({ "user_id": 1, "prompt": prompt }).to_string();
        let answered = aws(
            &host,
            "bedrock-agentcore",
            &[
                "invoke-agent-runtime",
                "--agent-runtime-arn",
                &arn,
                "--runtime-session-id",
                &session,
                "--payload",
                &payload,
                "answer.json",
            ],
        )
        .await;
        assert_eq!(
            (&answered["statusCode"], &answered["runtimeSessionId"]),
            (&json!(200), &json!(session))
        );
        read(host.folder(), "answer.json")
    };
    assert_eq!(invoke("How much is 2X5?").await, "Hello Maira! 2*5 is 10.");
    assert_eq!(
        invoke("and that plus 34?").await,
        "Hello Maira! 10 + 34 is 44."
    );
    aws(
        &host,
        "bedrock-agentcore",
        &[
            "stop-runtime-session",
            "--agent-runtime-arn",
            &arn,
            "--runtime-session-id",
            &session,
        ],
    )
    .await;
    let fresh = invoke("and that plus 34?").await;
    assert!(
        fresh
            .as_str()
            .is_some_and(|text| text.contains("no earlier result")),
        "{fresh}"
    );

    let deleted = aws(
        &host,
        control,
        &["delete-agent-runtime", "--agent-runtime-id", &id],
    )
    .await;
    assert_eq!(deleted["status"], "DELETING");
    let gone = aws_output(
        &host,
        control,
        &["get-agent-runtime", "--agent-runtime-id", &id],
    )
    .await;
    let said = String::from_utf8_lossy(&gone.stderr);
    assert!(
        !gone.status.success() && said.contains("ResourceNotFoundException"),
        "{said}"
    );
}
