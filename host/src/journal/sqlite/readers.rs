//! Reading: a few connections, each used by one blocking thread at a time.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::faults::cause;
use super::schema;
use crate::journal::Error;

/// The connections that nobody uses now.
#[derive(Clone)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, count: usize) -> Self {
        Self {
            path,
            idle: Arc::default(),
            permits: Arc::new(Semaphore::new(count.max(1))),
        }
    }

    /// Runs `query` on a connection, on a blocking thread; waits while all are in use.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permits = Arc::clone(&self.permits);
        let permit = permits.acquire_owned().await.map_err(|_| Error::Closed)?;
        let readers = self.clone();
        let read = move || {
            let _permit = permit;
            let idle = readers.idle().pop();
            let connection = match idle {
                Some(connection) => connection,
                None => schema::reader(&readers.path)?,
            };
            let result = query(&connection);
            if !readers.permits.is_closed() {
                readers.idle().push(connection);
            }
            result
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(result) => result.map_err(|error| Error::Read(cause(error))),
            // The runtime ends.
            Err(_) => Err(Error::Closed),
        }
    }

    /// Refuses whoever comes, and closes the idle connections.
    pub(super) fn close(&self) {
        self.permits.close();
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
