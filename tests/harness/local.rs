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
use tempfile::TempDir;

use super::Client;

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
        Self::of(Arc::new(Offline), |clock| Arc::new(clock), configure).await
    }

    /// The same with another provider, and with another clock, which may look at the usual one.
    pub(crate) async fn of(
        provider: Arc<dyn Provider>,
        clock: impl FnOnce(ManualClock) -> Arc<dyn Clock>,
        configure: impl FnOnce(&mut Config),
    ) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        let now = ManualClock::new(Timestamp::from_millis(1_800_000_000_000));
        let seen = clock(now.clone());
        let mut local = Self::configured(data.path(), now, seen, provider, configure).await;
        local._own = Some(data);
        local
    }

    /// The same on data that stays, so long ago by the system's clock.
    pub(crate) async fn start_in(data: &Path, ago: Duration) -> Self {
        let now = u64::try_from(ago.as_millis()).expect("nobody waits so long");
        let now = SystemClock.now().as_millis() - now;
        let clock = ManualClock::new(Timestamp::from_millis(now));
        let seen = Arc::new(clock.clone());
        Self::configured(data, clock, seen, Arc::new(Offline), |_| {}).await
    }

    async fn configured(
        data: &Path,
        clock: ManualClock,
        seen: Arc<dyn Clock>,
        provider: Arc<dyn Provider>,
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
        let compiler = PathBuf::from(env!("CARGO_BIN_EXE_kellion"));
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
