//! The server in this process, under a clock that the test moves.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kellion_host::app::Server;
use kellion_host::clock::{Clock, ManualClock, SystemClock, Timestamp};
use kellion_host::config::Config;
use kellion_host::models::Provider;
use kellion_host::models::offline::Offline;
use serde_json::Value;
use tempfile::TempDir;

use super::{Client, Key, kellion};

/// The server's own program.
const KELLION: &str = env!("CARGO_BIN_EXE_kellion");

/// A server whose time stands still until it is told to move.
pub(crate) struct Local {
    client: Client,
    clock: ManualClock,
    server: Server,
    data: PathBuf,
    _own: Option<TempDir>,
}

/// What a server does not make itself.
struct Surroundings {
    clock: ManualClock,
    /// What the server takes for it.
    seen: Arc<dyn Clock>,
    provider: Arc<dyn Provider>,
    compiler: PathBuf,
}

impl Surroundings {
    /// The usual ones, at this time.
    fn at(now: Timestamp) -> Self {
        let clock = ManualClock::new(now);
        Self {
            seen: Arc::new(clock.clone()),
            clock,
            provider: Arc::new(Offline),
            compiler: KELLION.into(),
        }
    }
}

impl Deref for Local {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Local {
    /// A server that answers models offline.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with another configuration.
    pub(crate) async fn with(configure: impl FnOnce(&mut Config)) -> Self {
        let usual = |clock| -> Arc<dyn Clock> { Arc::new(clock) };
        Self::surrounded(Arc::new(Offline), usual, configure).await
    }

    /// The same with another provider, and with another clock, which may look at the usual one.
    pub(crate) async fn surrounded(
        provider: Arc<dyn Provider>,
        clock: impl FnOnce(ManualClock) -> Arc<dyn Clock>,
        configure: impl FnOnce(&mut Config),
    ) -> Self {
        let surroundings = Surroundings::at(Timestamp::from_millis(1_800_000_000_000));
        let surroundings = Surroundings {
            seen: clock(surroundings.clock.clone()),
            provider,
            ..surroundings
        };
        Self::in_folder(surroundings, configure).await
    }

    /// The same with another program than the server's own that compiles.
    pub(crate) async fn compiled_by(compiler: &Path, configure: impl FnOnce(&mut Config)) -> Self {
        let surroundings = Surroundings::at(Timestamp::from_millis(1_800_000_000_000));
        let surroundings = Surroundings {
            compiler: compiler.to_owned(),
            ..surroundings
        };
        Self::in_folder(surroundings, configure).await
    }

    async fn in_folder(surroundings: Surroundings, configure: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        let mut local = Self::configured(data.path(), surroundings, configure).await;
        local._own = Some(data);
        local
    }

    /// The same on data that stays, so long ago by the system's clock.
    pub(crate) async fn start_in(data: &Path, ago: Duration) -> Self {
        let now = u64::try_from(ago.as_millis()).expect("nobody waits so long");
        let now = SystemClock.now().as_millis() - now;
        let surroundings = Surroundings::at(Timestamp::from_millis(now));
        Self::configured(data, surroundings, |_| {}).await
    }

    /// The same with a compiler of the test's own, now.
    pub(crate) async fn compiling_in(data: &Path, compiler: &Path) -> Self {
        let surroundings = Surroundings {
            compiler: compiler.to_owned(),
            ..Surroundings::at(SystemClock.now())
        };
        Self::configured(data, surroundings, |_| {}).await
    }

    async fn configured(
        data: &Path,
        surroundings: Surroundings,
        configure: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data: data.to_owned(),
            ..Config::default()
        };
        // Several of these share one process and its address space.
        config.sandbox.max_live_sessions = 16;
        configure(&mut config);
        let Surroundings {
            clock,
            seen,
            provider,
            compiler,
        } = surroundings;
        let server = Server::start_with(config, provider, compiler, seen)
            .await
            .expect("the server starts");
        Self {
            client: Client::new(format!("http://{}", server.address)),
            clock,
            server,
            data: data.to_owned(),
            _own: None,
        }
    }

    /// A client of a new tenant, with a key that allows everything.
    pub(crate) async fn guest(&self, name: &str) -> Client {
        let tenant = self.operate(&["tenants", "create", name]);
        let account = tenant["id"].as_str().expect("an account");
        let key = self.operate(&["keys", "create", account]);
        let text = |member: &str| key[member].as_str().expect("text").to_owned();
        let key = Key {
            account: account.to_owned(),
            id: text("id"),
            secret: text("secret"),
        };
        // By then it looks at what was written.
        self.advance(1);
        Client::signing(self.client.endpoint(), &key)
    }

    /// The same caller, of this server on the same data.
    pub(crate) fn of(&self, client: &Client) -> Client {
        let key = client.key().expect("the client signs");
        Client::signing(self.client.endpoint(), key)
    }

    fn operate(&self, arguments: &[&str]) -> Value {
        let output = kellion(&self.data)
            .args(arguments)
            .args(["--json", "--data"])
            .arg(&self.data)
            .output()
            .expect("the server's binary can be run");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).expect("what it prints is JSON")
    }

    /// Where the server keeps its data.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Moves the server's clock ahead.
    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Ends the server, which must be well and stop cleanly.
    pub(crate) async fn stop(self) {
        assert_eq!(self.client.get("/healthz/ready").await.status, 200);
        self.server.stop().await.expect("the server stops cleanly");
    }
}
