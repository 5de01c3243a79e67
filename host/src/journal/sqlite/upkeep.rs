//! What takes many steps, or time of its own: removing, trimming, and the files of images.

use std::sync::Arc;

use bytes::Bytes;

use super::faults::{Fault, cause};
use super::operations::{Done, Operation};
use super::{Sqlite, trimming};
use crate::clock::Timestamp;
use crate::ids::SessionKey;
use crate::journal::Error;
use crate::journal::chain::Hash;
use crate::journal::head::Mark;
use crate::journal::store::{Compacted, Incoming, Lost, Place};

/// Files that one step of a sweep looks at.
const SWEPT: usize = 256;

/// Incarnations that are looked up at a time to be trimmed.
const TRIMMED: usize = 256;

impl Sqlite {
    pub(super) async fn receive_image(&self, bytes: Bytes, sync: bool) -> Result<Incoming, Error> {
        let images = Arc::clone(&self.images);
        let permit = images.acquire_owned().await.map_err(|_| Error::Closed)?;
        let (bodies, disk, refusal) = (
            self.bodies.clone(),
            Arc::clone(&self.disk),
            self.refusal.clone(),
        );
        let written = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            if let Some(cause) = refusal.get() {
                return Err(Error::Refusing(Arc::clone(cause)));
            }
            bodies
                .receive(&*disk, &bytes, sync)
                .map_err(|fault| match fault {
                    Fault::Disk(cause) | Fault::Rows(cause) => Error::Write(cause),
                    Fault::Sync(cause) => {
                        refusal.set(Arc::clone(&cause));
                        Error::Refusing(cause)
                    }
                })
        });
        written.await.unwrap_or(Err(Error::Closed))
    }

    pub(super) async fn compact_all(&self, before: Timestamp) -> Result<Compacted, Error> {
        let expire = || Operation::Expire {
            ended_before: before,
        };
        let mut all = self.repeat(expire).await?;
        all += self.repeat(|| Operation::Purge).await?;
        all += self.trim_all(before).await?;
        // Also synced by that: no power cut brings back rows whose files are gone.
        if all != Compacted::default()
            && let Err(error) = self.ask(Operation::Truncate).await
        {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "what was removed from the journal is still in its log"
            );
        }
        let bodies = self.bodies.clone();
        let listed = tokio::task::spawn_blocking(move || bodies.list()).await;
        let files = listed
            .map_err(|_| Error::Closed)?
            .map_err(|error| Error::Read(cause(error)))?;
        all += self.sweep(&files).await?;
        Ok(all)
    }

    pub(super) async fn delete_all(&self, key: SessionKey) -> Result<Compacted, Error> {
        let (incarnations, files) = match self.ask(Operation::Delete { key }).await? {
            Done::Deleted {
                incarnations,
                files,
            } => (incarnations, files),
            Done::Nothing | Done::Begun(_) | Done::Ended(_) | Done::Removed { .. } => {
                (0, Vec::new())
            }
        };
        let mut all = self.repeat(|| Operation::Purge).await?;
        all.incarnations += incarnations;
        // Even when nothing was there: an earlier call may have failed here.
        let emptied = self.ask(Operation::Truncate).await;
        all += self.sweep(&files).await?;
        emptied.map(|_| all)
    }

    async fn trim_all(&self, finished_before: Timestamp) -> Result<Compacted, Error> {
        let mut all = Compacted::default();
        let mut behind = 0;
        loop {
            let page = move |connection: &_| {
                trimming::candidates(connection, behind, finished_before, TRIMMED)
            };
            let candidates = self.readers.read(page).await?;
            let Some((last, _)) = candidates.last() else {
                return Ok(all);
            };
            behind = last.row;
            for (place, mark) in candidates {
                if self.secure(place, mark).await? {
                    let trim = || Operation::Trim {
                        place,
                        image: mark.seq,
                        finished_before,
                    };
                    all += self.repeat(trim).await?;
                }
            }
        }
    }

    /// Whether an image can be relied on: it is there, and will be there after a power cut.
    async fn secure(&self, place: Place, mark: Mark) -> Result<bool, Error> {
        let (bodies, disk) = (self.bodies.clone(), Arc::clone(&self.disk));
        let secured = tokio::task::spawn_blocking(move || bodies.secure(&*disk, &mark)).await;
        match secured.map_err(|_| Error::Closed)? {
            Ok(Ok(())) => Ok(true),
            Ok(Err(lost)) => {
                let why = match lost {
                    Lost::Spoilt(why) => why,
                    Lost::Unread(cause) => cause.to_string(),
                };
                tracing::warn!(
                    row = place.row,
                    why,
                    "a session whose image cannot be read is not trimmed"
                );
                Ok(false)
            }
            Err(Fault::Disk(cause) | Fault::Rows(cause)) => Err(Error::Read(cause)),
            Err(Fault::Sync(cause)) => {
                self.refusal.set(Arc::clone(&cause));
                Err(Error::Refusing(cause))
            }
        }
    }

    async fn sweep(&self, files: &[Hash]) -> Result<Compacted, Error> {
        let mut all = Compacted::default();
        for files in files.chunks(SWEPT) {
            let files = files.to_vec();
            all += self.step(Operation::Sweep { files }).await?.0;
        }
        Ok(all)
    }

    /// One step after the other, with others' writing between them, until nothing is left to do.
    async fn repeat(&self, operation: impl Fn() -> Operation) -> Result<Compacted, Error> {
        let mut all = Compacted::default();
        loop {
            let (compacted, more) = self.step(operation()).await?;
            all += compacted;
            if !more {
                return Ok(all);
            }
        }
    }

    async fn step(&self, operation: Operation) -> Result<(Compacted, bool), Error> {
        match self.ask(operation).await? {
            Done::Removed { compacted, more } => Ok((compacted, more)),
            Done::Nothing | Done::Begun(_) | Done::Ended(_) | Done::Deleted { .. } => {
                Ok((Compacted::default(), false))
            }
        }
    }
}
