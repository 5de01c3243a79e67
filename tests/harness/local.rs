//! The server in this process, under a clock that the test moves.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kellion_host::app::Server;
use kellion_host::clock::{Clock as _, ManualClock, SystemClock, Timestamp};
use kellion_host::config::{Config, ProviderChoice};
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
        Self::compiled_by(Path::new(KELLION), configure).await
    }

    /// The same with another program than the server's own that compiles.
    pub(crate) async fn compiled_by(compiler: &Path, configure: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        let now = Timestamp::from_millis(1_800_000_000_000);
        let mut local = Self::configured(data.path(), now, compiler, configure).await;
        local._own = Some(data);
        local
    }

    /// The same on data that stays, so long ago by the system's clock.
    pub(crate) async fn start_in(data: &Path, ago: Duration) -> Self {
        let now = u64::try_from(ago.as_millis()).expect("nobody waits so long");
        let now = SystemClock.now().as_millis() - now;
        let now = Timestamp::from_millis(now);
        Self::configured(data, now, Path::new(KELLION), |_| {}).await
    }

    /// The same with a compiler of the test's own, now.
    pub(crate) async fn compiling_in(data: &Path, compiler: &Path) -> Self {
        Self::configured(data, SystemClock.now(), compiler, |_| {}).await
    }

    async fn configured(
        data: &Path,
        now: Timestamp,
        compiler: &Path,
        configure: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data: data.to_owned(),
            provider: ProviderChoice::Offline,
            ..Config::default()
        };
        // Several of these share one process and its address space.
        config.sandbox.max_live_sessions = 16;
        configure(&mut config);
        let clock = ManualClock::new(now);
        let server = Server::start(config, compiler.to_owned(), Arc::new(clock.clone()))
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
