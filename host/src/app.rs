//! The server put together, and its life from start to clean stop. The only place that sees every room.

pub mod listen;
mod process;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use self::listen::Listening;
use self::listen::tls::{self, Certificates};
use crate::agents::{self, Agents, Policies, ProgramKey};
use crate::api::{self, Answers, Api, InvalidToken, OperatorToken, Payloads, Rates};
use crate::clock::Clock;
use crate::config::{Config, ProviderChoice, artifact_access, aws_is_configured, default_tools};
use crate::journal::{self, Journal};
use crate::models::bedrock::{Bedrock, SetupError};
use crate::models::offline::Offline;
use crate::models::{self, Provider};
use crate::sandbox::{self, Sandbox};
use crate::sessions::{Rooms, Sessions};
use crate::telemetry::Telemetry;
use crate::tenants::{self, Policy, Tenants};
use crate::tokens::Tokens;

/// Why the server does not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Without keys the server must stay on this machine.
    #[error(
        "refusing to listen on {0}: this server has no keys yet, so everybody who reaches it may do everything; \
         make one with `kellion tenants create` and `kellion keys create`, or listen on a loopback address such as \
         127.0.0.1:8080"
    )]
    NotLoopback(SocketAddr),
    /// Somebody else has the port, or the address is not this machine's.
    #[error("cannot listen on {address}; choose another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// No room for cells.
    #[error(transparent)]
    Sandbox(#[from] sandbox::Error),
    /// The data directory cannot be used.
    #[error("cannot use the data directory {}", path.display())]
    Agents {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: agents::Error,
    },
    /// Keys and tenants cannot be read.
    #[error(transparent)]
    Tenants(#[from] tenants::Error),
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// Bedrock was chosen and cannot be used.
    #[error(
        "cannot set up the provider bedrock; set what is missing, or choose --provider offline"
    )]
    Provider(#[from] SetupError),
    /// The certificate or its key cannot be used.
    #[error("cannot serve HTTPS")]
    Tls(#[from] tls::Error),
    /// The operator's token is none.
    #[error(transparent)]
    OperatorToken(#[from] InvalidToken),
}

/// A server that serves.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Who answers model calls.
    pub provider: &'static str,
    /// Whether requests need a key; otherwise the server is in local mode.
    pub keyed: bool,
    listening: Listening,
    sessions: Sessions,
    config: Config,
}

impl Server {
    /// Starts serving; ready when this returns. `compiler` is the executable with the hidden command that compiles.
    pub async fn start(
        config: Config,
        compiler: PathBuf,
        clock: Arc<dyn Clock>,
    ) -> Result<Server, Error> {
        let provider = provider(config.provider, &config.models).await?;
        Self::start_with(config, provider, compiler, clock).await
    }

    /// The same, with a provider of one's own.
    pub async fn start_with(
        config: Config,
        provider: Arc<dyn Provider>,
        compiler: PathBuf,
        clock: Arc<dyn Clock>,
    ) -> Result<Server, Error> {
        let tenants = Tenants::open(
            &config.data,
            config.master_key.as_deref(),
            Arc::clone(&clock),
        )?;
        let keyed = tenants.keyed();
        if !keyed && !config.listen.ip().is_loopback() {
            return Err(Error::NotLoopback(config.listen));
        }
        let listen_error = |source| Error::Listen {
            address: config.listen,
            source,
        };
        let listener = listen::bind(config.listen).map_err(listen_error)?;
        let certificates = config.server.tls.clone().map(Certificates::load);
        let certificates = certificates.transpose()?.map(Arc::new);

        let operator = config.server.operator_token_file.as_deref();
        let operator = operator.map(OperatorToken::read).transpose()?;
        let telemetry = Telemetry::default();
        process::measure(&telemetry);

        let provider_name = provider.name();
        let sandbox = Arc::new(Sandbox::new(config.sandbox.clone())?);
        sandbox.workers().watch_lag();
        let places = agents::Config {
            data: config.data.clone(),
            compiler,
            sources: config.artifacts.clone(),
            access: artifact_access(),
            build: agents::BuildPolicy {
                tools: config.build.tools.clone().or_else(default_tools),
                ..config.build.clone()
            },
        };
        let agents = Agents::open(
            &places,
            config.agents,
            bounds(&tenants),
            &ProgramKey::new(&tenants.program_key()),
            Arc::clone(&sandbox),
            Arc::clone(&clock),
        )
        .map_err(|source| Error::Agents {
            path: config.data.clone(),
            source,
        })?;
        let journal = Journal::open(
            &config.data.join("journal"),
            &config.journal,
            Arc::clone(&clock),
        )?;
        let rooms = Rooms {
            sandbox,
            provider,
            agents: agents.clone(),
            journal,
            clock: Arc::clone(&clock),
            telemetry: telemetry.clone(),
        };
        let sessions = Sessions::new(config.sessions.clone(), rooms);
        let api = Api {
            agents,
            sessions: sessions.clone(),
            tenants: tenants.clone(),
            tokens: Tokens::new(&config.auth, Arc::clone(&clock)),
            public_url: config.auth.public_url.clone(),
            presigned: config.auth.allow_presigned_urls,
            https: config.server.tls.is_some(),
            clock,
            rates: Rates::default(),
            payloads: Payloads::new(config.server.payload_bytes(sandbox::available())),
            operator,
            answers: Answers::new(&telemetry),
            telemetry,
            region: config.region.clone(),
            provider: provider_name,
        };

        let router = api::router(Arc::new(api));
        // As long as there are no keys, all callers are one user.
        let strangers = Arc::new(move || tenants.keyed());
        let listening = Listening::start(listener, router, &config.server, certificates, strangers)
            .map_err(listen_error)?;
        Ok(Server {
            address: listening.address,
            provider: provider_name,
            keyed,
            listening,
            sessions,
            config,
        })
    }

    /// The server's URL.
    pub fn endpoint(&self) -> String {
        let scheme = if self.listening.encrypted {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    /// Stops cleanly: accepts no more, lets running turns finish within the grace time, ends all sessions.
    pub async fn stop(self) -> Result<(), Error> {
        self.listening.stop();
        self.sessions.shut_down(self.config.grace()).await;
        // Every turn has ended; what is left are answers on their way to slow readers.
        self.listening.stopped(self.config.grace()).await;
        Ok(())
    }
}

/// What bounds each tenant. What was made before there were tenants is bounded as then.
fn bounds(tenants: &Tenants) -> Policies {
    let tenants = tenants.clone();
    Arc::new(move |tenant| {
        let known = tenants.bounds(tenant);
        known.unwrap_or_else(|| Arc::new(Policy::local()))
    })
}

/// The provider of that name.
pub async fn provider(
    choice: ProviderChoice,
    config: &models::Config,
) -> Result<Arc<dyn Provider>, SetupError> {
    let bedrock = match choice {
        ProviderChoice::Bedrock => true,
        ProviderChoice::Offline => false,
        ProviderChoice::Auto => aws_is_configured(),
    };
    Ok(if bedrock {
        Arc::new(Bedrock::from_environment_with(config.into()).await?)
    } else {
        Arc::new(Offline)
    })
}

/// Returns at SIGTERM or Ctrl-C.
pub async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM can be listened for");
    let mut interrupt = signal(SignalKind::interrupt()).expect("SIGINT can be listened for");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
