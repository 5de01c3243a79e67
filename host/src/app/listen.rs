//! The port: connections are accepted as long as there is room for them, and end when the server stops.
//!
//! What one client does, or leaves undone, must cost the others nothing: every wait for a client has an end. The waits of a
//! connection are in [`meter`], those of bytes on their way out in [`socket`] and [`outgoing`], that of a body in [`incoming`].
//! How many there are of anything, and how many of them one address has, is in [`places`].

mod addresses;
mod connection;
mod incoming;
mod meter;
mod outgoing;
mod places;
mod socket;
pub mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use self::connection::Door;
use self::places::Places;
pub(super) use self::places::Strangers;
use self::tls::Certificates;
use crate::config;

/// File descriptors that are kept for what is no connection: databases, artifacts, the server's own connections.
const RESERVED_DESCRIPTORS: u64 = 256;

/// How many connections there are at least, whatever the system grants.
const FEWEST_CONNECTIONS: usize = 16;

/// How often room is made while new connections wait for it.
const MAKE_ROOM: Duration = Duration::from_secs(1);

/// What a server may be told when it cannot accept: most likely it is out of file descriptors, and some come back soon.
const OUT_OF_BREATH: Duration = Duration::from_secs(1);

/// Connections that wait in the system's queue.
const BACKLOG: u32 = 1024;

/// What the system keeps of an answer for a client that is slow to read it, in bytes. Left to itself it keeps megabytes, and
/// says that there is room for more only when a third of it was read: then slow clients look like those that read nothing.
const KEPT_BY_THE_SYSTEM: u32 = 128 * 1024;

/// What all connections are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Nothing.
    Serve,
    /// Others wait: close what is not used.
    MakeRoom,
    /// Answer what was asked, and close.
    Stop,
    /// Close.
    Cut,
}

/// A port that is served.
pub(super) struct Listening {
    /// Where.
    pub(super) address: SocketAddr,
    /// Whether clients speak TLS.
    pub(super) encrypted: bool,
    orders: watch::Sender<Order>,
    accepting: JoinHandle<()>,
    watching: Option<JoinHandle<()>>,
    connections: TaskTracker,
}

impl Listening {
    /// Serves what connects to a listener, from now on.
    pub(super) fn start(
        listener: TcpListener,
        router: Router,
        config: &config::Server,
        certificates: Option<Arc<Certificates>>,
        strangers: Strangers,
    ) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let orders = watch::Sender::new(Order::Serve);
        let connections = TaskTracker::new();
        let watching = certificates.as_ref().map(|certificates| {
            let certificates = Arc::clone(certificates);
            tokio::spawn(async move { certificates.follow().await })
        });
        let encrypted = certificates.is_some();
        let port = Port {
            listener,
            places: Places::new(room(config.max_connections.get()), Arc::clone(&strangers)),
            orders: orders.clone(),
            door: Arc::new(Door::new(router, config, certificates, strangers)),
            connections: connections.clone(),
        };
        Ok(Self {
            address,
            encrypted,
            orders,
            accepting: tokio::spawn(port.serve()),
            watching,
            connections,
        })
    }

    /// Accepts no more, and lets connections close once they have answered what was asked.
    pub(super) fn stop(&self) {
        self.orders.send_replace(Order::Stop);
    }

    /// Waits until all are closed, for so long; then the rest is cut.
    pub(super) async fn stopped(self, grace: Duration) {
        self.stop();
        // It ends at once; only then is it known that no connection comes any more.
        let _ = self.accepting.await;
        self.connections.close();
        if tokio::time::timeout(grace, self.connections.wait())
            .await
            .is_err()
        {
            self.orders.send_replace(Order::Cut);
            self.connections.wait().await;
        }
        if let Some(watching) = self.watching {
            watching.abort();
        }
    }
}

/// Takes a port.
pub(super) fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(KEPT_BY_THE_SYSTEM)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What accepts.
struct Port {
    listener: TcpListener,
    places: Places,
    orders: watch::Sender<Order>,
    door: Arc<Door>,
    connections: TaskTracker,
}

impl Port {
    async fn serve(self) {
        let mut orders = self.orders.subscribe();
        let mut refused = Instant::now();
        let accept = async {
            loop {
                let room = self.room().await;
                let (stream, address) = self.accept().await;
                let Some(place) = self.places.give(room, address.ip()) else {
                    if refused.elapsed() >= MAKE_ROOM {
                        tracing::warn!(
                            "connections are refused: one address has as many as leave room for others"
                        );
                        self.make_room();
                        refused = Instant::now();
                    }
                    continue;
                };
                let door = Arc::clone(&self.door);
                let mut orders = self.orders.subscribe();
                // What it was told while it came in counts as well.
                orders.mark_changed();
                self.connections
                    .spawn(async move { door.enter(stream, place, orders).await });
            }
        };
        tokio::select! {
            () = accept => {}
            _ = orders.wait_for(|order| matches!(order, Order::Stop | Order::Cut)) => {}
        }
    }

    /// Room for one more. Whoever comes meanwhile waits in the system's queue.
    async fn room(&self) -> OwnedSemaphorePermit {
        loop {
            let room = Arc::clone(self.places.room());
            if let Ok(room) = room.clone().try_acquire_owned() {
                return room;
            }
            self.make_room();
            if let Ok(room) = tokio::time::timeout(MAKE_ROOM, room.acquire_owned()).await {
                return room.expect("the semaphore is never closed");
            }
        }
    }

    /// Has connections close that are not used.
    fn make_room(&self) {
        self.orders.send_if_modified(|order| {
            let serving = matches!(order, Order::Serve | Order::MakeRoom);
            if serving {
                *order = Order::MakeRoom;
            }
            serving
        });
    }

    async fn accept(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // Answers are small and wanted now.
                    let _ = stream.set_nodelay(true);
                    return (stream, address);
                }
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections; trying again");
                    tokio::time::sleep(OUT_OF_BREATH).await;
                }
            }
        }
    }
}

/// A client that was gone before it was accepted.
fn concerns_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
    )
}

/// How many connections there may be: as many as are wanted, if the system grants the descriptors.
fn room(wanted: usize) -> usize {
    let granted = descriptors().saturating_sub(RESERVED_DESCRIPTORS);
    let granted = usize::try_from(granted).unwrap_or(usize::MAX);
    wanted.min(granted).max(FEWEST_CONNECTIONS.min(wanted))
}

/// How many file descriptors this process may have. What it may allow itself, it does: the usual bound is there for programs
/// of another time.
fn descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let now = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    now.unwrap_or(u64::MAX)
}
