//! `kellion dev [PATH]`: build, serve, talk; and all of it again when the sources change.

mod talk;
mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use kellion_build::Project;

use self::talk::Talk;
use self::watch::Watch;
use super::build::{self, How};
use super::chat::{self, Shape};
use super::client::{Agent, Client};
use super::deploy::{deploy, variable};
use super::exit::Failure;
use super::serve;
use crate::app::{asked_to_stop, provider};
use crate::config::{DEFAULT_ADDRESS, ProviderChoice};
use crate::models::remembering::Remembering;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The agent's folder, or its file.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The address to listen on; port 0 lets the system choose.
    #[arg(long, default_value = DEFAULT_ADDRESS, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Who answers model calls. [default: bedrock if AWS credentials are configured, otherwise offline]
    #[arg(long, env = "KELLION_PROVIDER", value_name = "NAME")]
    provider: Option<ProviderChoice>,
    /// A value of the agent's configuration; may be given again.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    environment: Vec<(String, String)>,
    #[command(flatten)]
    shape: Shape,
    #[command(flatten)]
    how: How,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    serve::log_to_stderr();
    let project = build::find(&args.path)?;
    let own = serve::Args {
        listen: Some(args.listen),
        data: Some(project.folder.join(".kellion/dev")),
        provider: args.provider,
        ..serve::Args::default()
    };
    let config = serve::config(&own)?;
    let model = provider(config.provider, &config.models)
        .await
        .map_err(|error| Failure::of(&error))?;
    let server = serve::start_with(&own, Arc::new(Remembering::new(model))).await?;
    let client = Client::new(&server.endpoint())?;
    super::tell(format_args!(
        "serving on {}, models are answered by: {}",
        client.endpoint, server.provider
    ));
    let worked = work(args, &project, &client).await;
    server.stop().await.map_err(|error| Failure::of(&error))?;
    worked
}

/// Until Ctrl-C or SIGTERM.
async fn work(args: &Args, project: &Project, client: &Client) -> Result<(), Failure> {
    let mut watch = Watch::new(project);
    let mut talk = Talk::new(client, args.shape.clone());
    let mut lines = chat::lines();
    let mut typing = true;
    let stop = asked_to_stop();
    tokio::pin!(stop);
    renew(args, project, client, &mut talk).await;
    loop {
        if typing {
            chat::prompt();
        }
        tokio::select! {
            () = &mut stop => return Ok(()),
            () = watch.changed() => renew(args, project, client, &mut talk).await,
            line = chat::next(&mut lines), if typing => match line? {
                Some(line) => talk.say(&line).await?,
                // It goes on serving: others may talk to it.
                None => typing = false,
            },
        }
    }
}

/// Builds, deploys and takes the talk over. What goes wrong is told, and the version before goes on serving.
async fn renew(args: &Args, project: &Project, client: &Client, talk: &mut Talk<'_>) {
    match make(args, project, client).await {
        Ok(agent) => {
            super::tell(format_args!(
                "{} version {} is ready",
                agent.name, agent.version
            ));
            talk.move_to(agent).await;
        }
        Err(failure) => failure.tell(),
    }
}

async fn make(args: &Args, project: &Project, client: &Client) -> Result<Agent, Failure> {
    let built = {
        let (project, how) = (project.clone(), args.how.clone());
        let building = tokio::task::spawn_blocking(move || build::build(&project, &how, None));
        building
            .await
            .expect("a build does not panic and is never aborted")?
    };
    let component = &built.component;
    let bytes = tokio::fs::read(component).await.map_err(|error| {
        Failure::new(format!("cannot read {}", component.display())).because(&error)
    })?;
    let name = build::agent_name(std::path::Path::new(&project.name));
    deploy(client, bytes, &name, &args.environment).await
}
