//! `kellion demo`: the AgentCore tutorial on runtime context and session management, run and explained.

mod scenario;

use std::net::SocketAddr;

use super::client::Client;
use super::deploy::{deploy, snippet};
use super::exit::Failure;
use super::serve;
use crate::app::asked_to_stop;
use crate::config::{DEFAULT_ADDRESS, ProviderChoice};

/// The tutorial's agent, `guests/tutorial`, as the build made it.
const TUTORIAL: &[u8] = include_bytes!(env!("KELLION_TUTORIAL_WASM"));

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The address to listen on; port 0 lets the system choose.
    #[arg(long, default_value = DEFAULT_ADDRESS, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Who answers model calls.
    #[arg(long, default_value = "offline", value_name = "NAME")]
    provider: ProviderChoice,
    /// Stop when the tutorial is through, instead of serving on.
    #[arg(long)]
    once: bool,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    serve::log_to_stderr();
    // A demo leaves nothing behind.
    let data = tempfile::Builder::new()
        .prefix("kellion-demo-")
        .tempdir()
        .map_err(|error| Failure::new("cannot make a folder for the demo").because(&error))?;
    let server = serve::start(&serve::Args {
        listen: Some(args.listen),
        data: Some(data.path().to_owned()),
        config: None,
        provider: Some(args.provider),
        ..serve::Args::default()
    })
    .await?;
    let client = Client::new(&server.endpoint())?;
    super::say(format_args!(
        "Kellion serves on {}, models are answered by: {}.\n",
        client.endpoint, server.provider
    ));

    let agent = deploy(&client, TUTORIAL.to_vec(), "tutorial", &[]).await?;
    super::say(format_args!(
        "The tutorial agent is deployed:\n  {}\n",
        agent.arn
    ));
    scenario::play(&client, &agent).await?;

    if !args.once {
        super::say(format_args!(
            "Now do the same from boto3 (pip install boto3), with nothing changed but endpoint_url:\n\n{}",
            snippet(&client, &agent)
        ));
        super::say("The server goes on until Ctrl-C.");
        asked_to_stop().await;
    }
    server.stop().await.map_err(|error| Failure::of(&error))
}
