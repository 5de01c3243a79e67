//! The AWS SDKs for JavaScript and Rust as they are, with nothing changed but their endpoint.

use aws_sdk_bedrockagentcore as data;
use aws_sdk_bedrockagentcore::primitives::Blob;
use aws_sdk_bedrockagentcorecontrol as control;
use aws_sdk_bedrockagentcorecontrol::types::{
    AgentRuntimeArtifact, AgentRuntimeStatus, ContainerConfiguration, NetworkConfiguration,
    NetworkMode,
};
use serde_json::{Value, json};

use crate::harness::{Host, ROLE, TUTORIAL, Tool, eventually, reference, run_script, session_id};

async fn push(host: &Host) -> String {
    let image = reference("tutorial");
    host.push(&image, std::fs::read(TUTORIAL).expect("built"))
        .await;
    image
}

#[tokio::test]
async fn javascript_follows_the_tutorial_and_throws_typed_errors() {
    let host = Host::start();
    let image = push(&host).await;
    let script = Tool::JavaScript("tutorial.mjs");
    run_script(&host, "tutorial.mjs", script, &[&image], |command| {
        command.env("AWS_REGION", "us-west-2");
    })
    .await;
}

/// Credentials that a server without keys does not look at.
fn credentials() -> data::config::Credentials {
    data::config::Credentials::new("local", "local", None, None, "test")
}

fn data_client(host: &Host) -> data::Client {
    let config = data::Config::builder()
        .behavior_version_latest()
        .region(data::config::Region::new("us-west-2"))
        .endpoint_url(host.endpoint())
        .credentials_provider(credentials());
    data::Client::from_conf(config.build())
}

fn control_client(host: &Host) -> control::Client {
    let config = control::Config::builder()
        .behavior_version_latest()
        .region(control::config::Region::new("us-west-2"))
        .endpoint_url(host.endpoint())
        .credentials_provider(credentials());
    control::Client::from_conf(config.build())
}

async fn create(control: &control::Client, image: &str) -> (String, String) {
    let container = ContainerConfiguration::builder().container_uri(image);
    let artifact = AgentRuntimeArtifact::ContainerConfiguration(container.build().unwrap());
    let network = NetworkConfiguration::builder().network_mode(NetworkMode::Public);
    let created = control
        .create_agent_runtime()
        .agent_runtime_name("tutorial")
        .agent_runtime_artifact(artifact)
        .role_arn(ROLE)
        .network_configuration(network.build().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(created.agent_runtime_version(), "1");
    let id = created.agent_runtime_id().to_owned();
    let status = eventually("the build", || async {
        let runtime = control.get_agent_runtime().agent_runtime_id(&id);
        let status = runtime.send().await.unwrap().status().clone();
        (status != AgentRuntimeStatus::Creating).then_some(status)
    })
    .await;
    assert_eq!(status, AgentRuntimeStatus::Ready);
    (id, created.agent_runtime_arn().to_owned())
}

async fn listed(control: &control::Client) -> Vec<String> {
    let list = control.list_agent_runtimes().send().await.unwrap();
    let ids = list.agent_runtimes().iter();
    ids.map(|runtime| runtime.agent_runtime_id().to_owned())
        .collect()
}

#[tokio::test]
async fn rust_follows_the_tutorial_and_returns_typed_errors() {
    let host = Host::start();
    let image = push(&host).await;
    let (data, control) = (data_client(&host), control_client(&host));
    let (id, arn) = create(&control, &image).await;

    let invoke = async |session: &str, prompt: &str| {
        let payload = json!({ "user_id": 1, "prompt": prompt }).to_string();
        let answer = data
            .invoke_agent_runtime()
            .agent_runtime_arn(&arn)
            .qualifier("DEFAULT")
            .runtime_session_id(session)
            .payload(Blob::new(payload))
            .send()
            .await
            .unwrap();
        assert_eq!(
            (answer.status_code(), answer.runtime_session_id()),
            (Some(200), Some(session))
        );
        let bytes = answer.response.collect().await.unwrap().into_bytes();
        let said: Value = serde_json::from_slice(&bytes).unwrap();
        said.as_str().unwrap().to_owned()
    };
    let [first, second] = ["first", "second"].map(session_id);
    assert_eq!(
        invoke(&first, "How much is 2X5?").await,
        "Hello Maira! 2*5 is 10."
    );
    assert_eq!(
        invoke(&first, "and that plus 34?").await,
        "Hello Maira! 10 + 34 is 44."
    );
    let fresh = invoke(&second, "And plus 10?").await;
    assert!(fresh.contains("no earlier result"), "{fresh}");

    let stopped = data
        .stop_runtime_session()
        .agent_runtime_arn(&arn)
        .runtime_session_id(&first)
        .send()
        .await
        .unwrap();
    assert_eq!(stopped.runtime_session_id(), Some(first.as_str()));
    let afresh = invoke(&first, "and that plus 34?").await;
    assert!(afresh.contains("no earlier result"), "{afresh}");

    let call = data.invoke_agent_runtime().payload(Blob::new("{}"));
    let short = call
        .clone()
        .agent_runtime_arn(&arn)
        .runtime_session_id("too-short")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(short.is_validation_exception(), "{short:?}");
    let (before, _) = arn.rsplit_once('/').unwrap();
    let nobody = call
        .agent_runtime_arn(format!("{before}/nobody-0123456789"))
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(nobody.is_resource_not_found_exception(), "{nobody:?}");

    assert_eq!(listed(&control).await, std::slice::from_ref(&id));
    let deleted = control.delete_agent_runtime().agent_runtime_id(&id);
    let deleted = deleted.send().await.unwrap();
    assert_eq!(deleted.status(), &AgentRuntimeStatus::Deleting);
    assert_eq!(listed(&control).await, [""; 0]);
    let gone = control
        .get_agent_runtime()
        .agent_runtime_id(&id)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(gone.is_resource_not_found_exception(), "{gone:?}");
}
