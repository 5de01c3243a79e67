//! `kellion push FILE REFERENCE`.

use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::Value;

use super::client::Client;
use super::exit::Failure;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The component, a .wasm file; or a zip that holds one.
    file: PathBuf,
    /// The name to store it under: an image reference as containerUri has it, such as
    /// 123456789012.dkr.ecr.us-west-2.amazonaws.com/my-agent:latest, or s3://BUCKET/KEY.
    reference: String,
}

pub(super) async fn run(args: &Args, client: &Client, json: bool) -> Result<(), Failure> {
    let artifact = push(client, &args.file, &args.reference).await?;
    if json {
        super::say(&artifact);
    } else {
        let text = |member: &str| artifact[member].as_str().unwrap_or_default();
        super::say(format_args!(
            "{} is sha256:{}",
            text("reference"),
            text("digest")
        ));
    }
    Ok(())
}

/// Uploads a file; what the server says of it.
pub(super) async fn push(client: &Client, file: &Path, reference: &str) -> Result<Value, Failure> {
    let bytes = tokio::fs::read(file)
        .await
        .map_err(|error| Failure::new(format!("cannot read {}", file.display())).because(&error))?;
    push_bytes(client, bytes, reference).await
}

pub(super) async fn push_bytes(
    client: &Client,
    bytes: Vec<u8>,
    reference: &str,
) -> Result<Value, Failure> {
    let request = client
        .request(Method::PUT, "/kellion/v1/artifacts")
        .query(&[("reference", reference)]);
    client.json(request.body(bytes)).await
}
