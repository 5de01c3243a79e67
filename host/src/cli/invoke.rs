//! `kellion invoke NAME PAYLOAD`.

use std::io::Write;

use reqwest::Method;

use super::client::Client;
use super::exit::Failure;
use super::terminal::Shown;

pub(super) const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The agent's name, id or ARN.
    name: String,
    /// What the agent gets, usually JSON.
    payload: String,
    /// The session to go on with, 33 to 256 characters. Without one a new session starts.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// The endpoint to call.
    #[arg(long, default_value = "DEFAULT")]
    qualifier: String,
}

pub(super) async fn run(args: &Args, client: &Client) -> Result<(), Failure> {
    let arn = client.arn(&args.name).await?;
    let mut request =
        invocation(client, &arn, args.payload.clone()).query(&[("qualifier", &args.qualifier)]);
    if let Some(session) = &args.session {
        request = request.header(SESSION, session);
    }
    let mut answer = client.send(request).await?;
    if args.session.is_none()
        && let Some(session) = answer
            .headers()
            .get(SESSION)
            .and_then(|id| id.to_str().ok())
    {
        super::tell(format_args!("session {session}"));
    }
    let mut out = Shown::on(std::io::stdout().lock());
    let broke = |error: &(dyn std::error::Error + 'static)| {
        Failure::new("the answer broke off").because(error)
    };
    while let Some(chunk) = answer.chunk().await.map_err(|error| broke(&error))? {
        out.write_all(&chunk)
            .and_then(|()| out.flush())
            .map_err(|error| broke(&error))?;
    }
    out.write_all(b"\n").map_err(|error| broke(&error))
}

/// An invocation of the agent with this ARN.
pub(super) fn invocation(
    client: &Client,
    arn: &str,
    payload: impl Into<reqwest::Body>,
) -> reqwest::RequestBuilder {
    let arn = arn.replace(':', "%3A").replace('/', "%2F");
    client
        .request(Method::POST, &format!("/runtimes/{arn}/invocations"))
        .body(payload)
}
