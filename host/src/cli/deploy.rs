//! `kellion deploy [PATH] --name NAME`.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::build::{How, agent_name, component};
use super::client::{Agent, Client};
use super::exit::Failure;
use super::grant::{self, Change};
use super::push::push_bytes;

/// How often a status is asked for; a Rust agent is compiled in less than a second.
const POLL: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The component, a .wasm file; or an agent's folder or source file, which is built first.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The agent's name: letters, digits and underscores. [default: that of the file or folder]
    #[arg(long)]
    name: Option<String>,
    /// A value of the agent's configuration; may be given again.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    environment: Vec<(String, String)>,
    #[command(flatten)]
    how: How,
}

pub(super) fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("a value has the form NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) async fn run(args: &Args, client: &Client, json: bool) -> Result<(), Failure> {
    let bytes = component(&args.path, &args.how)?;
    let name = args.name.clone();
    let name = name.unwrap_or_else(|| agent_name(&args.path));
    let before = grant::running(client, &name).await?;
    let deployed = deploy(client, bytes, &name, &args.environment).await?;
    let now = grant::of(client, &deployed.id, Some(&deployed.version)).await?;
    let change = Change::between(before.as_ref(), now.grant.unwrap_or_default());
    if json {
        super::say(json!({
            "agentRuntimeArn": deployed.arn,
            "agentRuntimeId": deployed.id,
            "agentRuntimeVersion": deployed.version,
            "grant": change.json(),
        }));
    } else {
        change.tell();
        super::tell(format_args!(
            "{} version {} is ready",
            deployed.name, deployed.version
        ));
        super::say(&deployed.arn);
        super::tell(format_args!(
            "\nCall it with boto3:\n\n{}",
            snippet(client, &deployed)
        ));
    }
    Ok(())
}

/// Pushes, creates or updates, and waits until the new version serves.
pub(super) async fn deploy(
    client: &Client,
    bytes: Vec<u8>,
    name: &str,
    environment: &[(String, String)],
) -> Result<Agent, Failure> {
    let server = client
        .json(client.request(Method::GET, "/kellion/v1/server"))
        .await?;
    let text = |member: &str| server[member].as_str().unwrap_or_default();
    let reference = format!(
        "{}.dkr.ecr.{}.amazonaws.com/{}:latest",
        text("account"),
        text("region"),
        name.to_ascii_lowercase()
    );
    push_bytes(client, bytes, &reference).await?;
    let variables: serde_json::Map<String, Value> = environment
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    let mut input = json!({
        "agentRuntimeArtifact": { "containerConfiguration": { "containerUri": reference } },
        "roleArn": format!("arn:aws:iam::{}:role/kellion", text("account")),
        "networkConfiguration": { "networkMode": "PUBLIC" },
        "environmentVariables": variables,
    });
    let written = match client.find(name).await? {
        Some(agent) => {
            client
                .json(
                    client
                        .request(Method::PUT, &format!("/runtimes/{}/", agent.id))
                        .json(&input),
                )
                .await?
        }
        None => {
            input["agentRuntimeName"] = json!(name);
            client
                .json(client.request(Method::PUT, "/runtimes/").json(&input))
                .await?
        }
    };
    let id = written["agentRuntimeId"].as_str().unwrap_or_default();
    let version = written["agentRuntimeVersion"].as_str().unwrap_or_default();
    wait(client, id, version).await?;
    client.agent(id).await
}

async fn wait(client: &Client, id: &str, version: &str) -> Result<(), Failure> {
    loop {
        let request = client
            .request(Method::GET, &format!("/runtimes/{id}/"))
            .query(&[("version", version)]);
        let runtime = client.json(request).await?;
        match runtime["status"].as_str() {
            Some("READY") => return Ok(()),
            Some("CREATING" | "UPDATING") => tokio::time::sleep(POLL).await,
            _ => {
                let reason = runtime["failureReason"]
                    .as_str()
                    .unwrap_or("the server gave no reason");
                return Err(Failure::new(format!(
                    "version {version} cannot serve: {reason}"
                )));
            }
        }
    }
}

/// A script that calls the agent, ready to be pasted.
pub(super) fn snippet(client: &Client, agent: &Agent) -> String {
    let region = agent.arn.split(':').nth(3).unwrap_or_default();
    format!(
        r#"import boto3, json, uuid

client = boto3.client(
    "bedrock-agentcore", endpoint_url="{endpoint}", region_name="{region}"{local})
answer = client.invoke_agent_runtime(
    agentRuntimeArn="{arn}",
    runtimeSessionId=str(uuid.uuid4()),
    payload=json.dumps({{"prompt": "How much is 2X5?", "user_id": 1}}))
print(answer["response"].read().decode())
"#,
        // Otherwise boto3 finds the same credentials that were found here.
        local = if client.signs() {
            ""
        } else {
            ",\n    aws_access_key_id=\"local\", aws_secret_access_key=\"local\""
        },
        endpoint = client.endpoint,
        arn = agent.arn,
    )
}
