//! What tests may do that others may not: stand in for the disk, visit the writer thread, count its transactions.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, mpsc};

use rusqlite::Connection;

use super::operations::Visit;
use super::{Disk, Operation, Sqlite, oneshot};
use crate::journal::{Config, Error};

pub(in crate::journal) use super::faults::{Disk as TestDisk, RealDisk as TestRealDisk};

impl Sqlite {
    pub(in crate::journal) fn open_with(
        directory: &Path,
        config: &Config,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, Error> {
        Self::open_on(directory, config, disk)
    }

    pub(in crate::journal) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Runs something on the writer thread, with its connection.
    pub(in crate::journal) async fn visit(
        &self,
        visit: impl FnOnce(&Connection) + Send + 'static,
    ) -> Result<(), Error> {
        let visit: Visit = Box::new(visit);
        let operation = Operation::With(Mutex::new(Some(visit)));
        self.ask(operation).await.map(|_| ())
    }

    /// Stops the writer thread until the sender is dropped; returns when it stands still.
    pub(in crate::journal) async fn hold(&self) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel::<()>();
        let (stands, standing) = oneshot::channel();
        let visit: Visit = Box::new(move |_| {
            let _ = stands.send(());
            let _ = released.recv();
        });
        let (reply, _) = oneshot::channel();
        let operation = Operation::With(Mutex::new(Some(visit)));
        let reply = super::Reply::Done(reply);
        self.send(operation, reply, 0).await.unwrap();
        standing.await.unwrap();
        release
    }
}
