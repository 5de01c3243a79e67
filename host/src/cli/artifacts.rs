//! `kellion artifacts`: what is stored under which reference.

use clap::Subcommand;
use reqwest::Method;

use super::client::Client;
use super::exit::Failure;

const PATH: &str = "/kellion/v1/artifacts";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Forget what a reference names. Versions that were built of it go on.
    Rm {
        /// The reference, as it is listed.
        reference: String,
    },
}

pub(super) async fn run(args: &Args, client: &Client, json: bool) -> Result<(), Failure> {
    if let Some(Command::Rm { reference }) = &args.command {
        let request = client
            .request(Method::DELETE, PATH)
            .query(&[("reference", reference)]);
        client.send(request).await?;
        super::tell(format_args!("{reference} names nothing any more"));
        return Ok(());
    }
    let list = client.json(client.request(Method::GET, PATH)).await?;
    for artifact in list["artifacts"].as_array().into_iter().flatten() {
        if json {
            super::say(artifact);
            continue;
        }
        let text = |member: &str| artifact[member].as_str().unwrap_or_default();
        let bytes = artifact["size_bytes"].as_u64().unwrap_or_default();
        super::say(format_args!(
            "{:>8} KiB  sha256:{}  {}",
            bytes.div_ceil(1_024),
            text("digest"),
            text("reference")
        ));
    }
    Ok(())
}
