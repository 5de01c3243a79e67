//! `kellion chat NAME`: talk to an agent, line by line.

use reqwest::Response;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};

use super::answer;
use super::client::Client;
use super::exit::Failure;
use super::invoke::{SESSION, invocation};
use crate::ids::SessionId;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The agent's name, id or ARN.
    name: String,
    /// The session to go on with, 33 to 256 characters. Without one a new session starts.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    #[command(flatten)]
    shape: Shape,
}

/// How a line becomes a payload.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Shape {
    /// The member of the payload that a line becomes. A line that begins with { is sent as it is.
    #[arg(long, default_value = "prompt", value_name = "MEMBER")]
    field: String,
}

impl Shape {
    pub(super) fn payload(&self, line: &str) -> String {
        if line.trim_start().starts_with('{') {
            line.to_owned()
        } else {
            json!({ &self.field: line }).to_string()
        }
    }
}

pub(super) async fn run(args: &Args, client: &Client) -> Result<(), Failure> {
    let arn = client.arn(&args.name).await?;
    let session = args.session.clone();
    let session = session.unwrap_or_else(|| SessionId::random().to_string());
    super::tell(format_args!("session {session}; Ctrl-D ends"));
    let mut lines = lines();
    loop {
        prompt();
        let Some(line) = next(&mut lines).await? else {
            return Ok(());
        };
        if line.trim().is_empty() {
            continue;
        }
        match ask(client, &arn, &session, args.shape.payload(&line)).await {
            Ok(response) => answer::print(response).await?,
            // The session goes on, and so does the talk.
            Err(failure) => failure.tell(),
        }
    }
}

/// One turn of a session.
pub(super) async fn ask(
    client: &Client,
    arn: &str,
    session: &str,
    payload: String,
) -> Result<Response, Failure> {
    client
        .send(invocation(client, arn, payload).header(SESSION, session))
        .await
}

/// What is typed.
pub(super) fn lines() -> Lines<BufReader<Stdin>> {
    BufReader::new(tokio::io::stdin()).lines()
}

/// The next line; none at the end.
pub(super) async fn next(lines: &mut Lines<BufReader<Stdin>>) -> Result<Option<String>, Failure> {
    let line = lines.next_line().await;
    line.map_err(|error| Failure::new("cannot read what is typed").because(&error))
}

/// Asks for a line, where somebody sees it.
pub(super) fn prompt() {
    use std::io::{IsTerminal, Write};
    let mut talk = std::io::stderr();
    if talk.is_terminal() {
        let _ = talk.write_all(b"> ").and_then(|()| talk.flush());
    }
}
