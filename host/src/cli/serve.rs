//! `kellion serve`.

use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tracing_subscriber::EnvFilter;

use super::exit::Failure;
use crate::app::{Server, asked_to_stop};
use crate::clock::SystemClock;
use crate::config::{Config, ProviderChoice, Tls, default_tools, places};
use crate::jail;
use crate::models::Provider;
use crate::workers;

#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// The address to listen on; port 0 lets the system choose. [default: 127.0.0.1:8080]
    #[arg(long, env = "KELLION_LISTEN", value_name = "ADDRESS")]
    pub(super) listen: Option<SocketAddr>,
    /// Where agents and their artifacts are kept. [default: kellion in the user's data folder]
    #[arg(long, env = "KELLION_DATA", value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// The configuration file. [default: ./kellion.toml if it is there]
    #[arg(long, env = "KELLION_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Who answers model calls. [default: bedrock if AWS credentials are configured, otherwise offline]
    #[arg(long, env = "KELLION_PROVIDER", value_name = "NAME")]
    pub(super) provider: Option<ProviderChoice>,
    /// The certificate to serve HTTPS with, in PEM form; read again when it changes.
    #[arg(
        long,
        env = "KELLION_TLS_CERTIFICATE",
        value_name = "FILE",
        requires = "tls_key"
    )]
    pub(super) tls_certificate: Option<PathBuf>,
    /// The certificate's private key, in PEM form.
    #[arg(
        long,
        env = "KELLION_TLS_KEY",
        value_name = "FILE",
        requires = "tls_certificate"
    )]
    pub(super) tls_key: Option<PathBuf>,
    /// Whether the server gives up what it does not need: wholly or not at all, as far as the system lets it, or not.
    /// [default: try]
    #[arg(long, env = "KELLION_SANDBOX", value_name = "MODE")]
    pub(super) sandbox: Option<jail::Mode>,
}

pub(super) fn run(args: &Args, json: bool) -> Result<(), Failure> {
    log_to_stderr();
    let (config, compiler) = (config(args)?, compiler()?);
    confine(&config, &compiler)?;
    let mut runtime = super::runtime();
    runtime.on_thread_start(workers::step_forward);
    super::wait_for(&mut runtime, serve(config, compiler, json))
}

/// Gives up what the server does not need. What it opens later, such as its databases and the port, is within that.
fn confine(config: &Config, executable: &Path) -> Result<(), Failure> {
    let mode = config.server.sandbox;
    if mode != jail::Mode::Off {
        // What is not there yet cannot be kept open. Why it cannot be made, is said by who needs it.
        let builds = config.build.python || config.build.node;
        let tools = config.build.tools.clone().or_else(default_tools);
        for folder in [Some(config.data.clone()), tools.filter(|_| builds)] {
            let mut maker = DirBuilder::new();
            let _ = folder.map(|folder| maker.recursive(true).mode(0o700).create(folder));
        }
    }
    let state = jail::serve(mode, &places::of_server(config, executable))
        .map_err(|error| Failure::of(&error))?;
    tracing::info!(
        sandbox = ?state.mode,
        landlock = ?state.landlock,
        seccomp = state.seccomp,
        "what this server can do to the system"
    );
    Ok(())
}

async fn serve(config: Config, compiler: PathBuf, json: bool) -> Result<(), Failure> {
    let confined = config.server.sandbox != jail::Mode::Off;
    let server = Server::start(config, compiler, Arc::new(SystemClock))
        .await
        .map_err(|error| Failure::of(&error))?;
    if confined {
        jail::close().map_err(|error| Failure::of(&error))?;
    }
    let endpoint = server.endpoint();
    if json {
        super::say(json!({
            "address": server.address.to_string(),
            "endpoint": endpoint,
            "mode": if server.keyed { "keys" } else { "local" },
            "provider": server.provider,
            "sandbox": jail::state(),
        }));
    } else {
        super::tell(format_args!(
            "kellion listens on {endpoint}{}",
            if server.keyed {
                ", for those who have a key"
            } else {
                ", for this machine only and without keys (local mode)"
            }
        ));
        super::tell(format_args!("models are answered by: {}", server.provider));
        super::tell(format_args!("sandbox: {}", jail::state()));
    }
    asked_to_stop().await;
    if !json {
        super::tell("stopping: running turns may finish; a second signal ends them");
    }
    tokio::select! {
        stopped = server.stop() => stopped.map_err(|error| Failure::of(&error)),
        () = asked_to_stop() => Err(Failure::new("stopped by a second signal; running turns were cut off")),
    }
}

/// Starts the server that file and flags describe together, for a command that talks to it itself.
pub(super) async fn start(args: &Args) -> Result<Server, Failure> {
    Server::start(own_config(args)?, compiler()?, Arc::new(SystemClock))
        .await
        .map_err(|error| Failure::of(&error))
}

/// The same with a provider of one's own.
pub(super) async fn start_with(
    args: &Args,
    provider: Arc<dyn Provider>,
) -> Result<Server, Failure> {
    let (config, compiler) = (own_config(args)?, compiler()?);
    Server::start_with(config, provider, compiler, Arc::new(SystemClock))
        .await
        .map_err(|error| Failure::of(&error))
}

/// What file and flags say together.
pub(super) fn config(args: &Args) -> Result<Config, Failure> {
    let mut config = Config::load(args.config.as_deref()).map_err(|error| Failure::of(&error))?;
    config.listen = args.listen.unwrap_or(config.listen);
    config.provider = args.provider.unwrap_or(config.provider);
    config.server.sandbox = args.sandbox.unwrap_or(config.server.sandbox);
    if let Some(data) = &args.data {
        config.data.clone_from(data);
    }
    if let (Some(certificate), Some(key)) = (&args.tls_certificate, &args.tls_key) {
        config.server.tls = Some(Tls {
            certificate: certificate.clone(),
            key: key.clone(),
        });
    }
    Ok(config)
}

/// The same without a certificate: it names a host that this process does not call itself by.
fn own_config(args: &Args) -> Result<Config, Failure> {
    let mut config = config(args)?;
    config.server.tls = None;
    Ok(config)
}

/// The executable that runs, which is not the one at its path any more when an upgrade has replaced that: what another
/// edition compiles is not loaded.
fn compiler() -> Result<PathBuf, Failure> {
    const RUNNING: &str = "/proc/self/exe";
    if cfg!(target_os = "linux") && std::fs::metadata(RUNNING).is_ok() {
        return Ok(RUNNING.into());
    }
    std::env::current_exe().map_err(|error| {
        Failure::new("cannot find the server's own executable, which compiles agents")
            .because(&error)
    })
}

/// Logs at `warn`, or as `KELLION_LOG` says. The AWS SDK shows whole requests in its log, with the key that signs them: it
/// stays at `warn`, but for the parts that are named, as in `debug,aws_smithy_runtime=debug`.
pub(super) fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("KELLION_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let of_aws = "aws_=warn".parse().expect("it is a directive");
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter.add_directive(of_aws))
        .with_writer(std::io::stderr)
        .try_init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(
            thread = std::thread::current().name(),
            "panicked at {}: {}",
            place.as_deref().unwrap_or("an unknown place"),
            said(panic.payload())
        );
    }));
}

/// What a panic says, if that was written by us: a message that is made when it happens may quote a tenant's data, and the
/// place where it happened says as much.
fn said(payload: &dyn std::any::Any) -> &'static str {
    let words = payload.downcast_ref::<&'static str>();
    words.copied().unwrap_or("its message is not logged")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_panic_quotes_is_not_logged() {
        assert_eq!(said(&"an invariant is broken"), "an invariant is broken");
        assert_eq!(
            said(&format!("{:?}", "a prompt")),
            "its message is not logged"
        );
        assert_eq!(said(&1), "its message is not logged");
    }
}
