//! Hibernation: a session that waits leaves memory as an image in the journal, and comes back from it with its next turn.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Shared;
use super::labour::Work;
use super::life::{Life, NoCell, Pen};
use super::past::Past;
use super::record;
use super::state::{Phase, State};
use crate::clock::Timestamp;
use crate::journal;
use crate::sandbox::{Cell, Damaged, Image, NotImageable, NotRestored};

impl Life {
    /// The cell that the image holds; none without an image. An image that this server cannot use, as it was taken by
    /// another version of it, is no loss as long as the records before it are there.
    pub(super) async fn restore(
        &mut self,
        shared: &Shared,
        record: &record::Record,
    ) -> Result<Option<Cell>, NoCell> {
        let Some(kept) = &self.image else {
            return Ok(None);
        };
        let log = Arc::clone(&record.log);
        let (sandbox, program) = (Arc::clone(&shared.sandbox), self.deployment.program.clone());
        let restoring = |image| async move { Cell::restore(&sandbox, &program, log, &image).await };
        let useless = match decode(kept.bytes.clone()).await {
            Ok(image) => match self
                .labour
                .compute(Work::Copy(image.data_bytes() as u64), restoring(image))
                .await
            {
                Ok(cell) => return Ok(Some(cell)),
                Err(NotRestored::Fault(fault)) => return Err(NoCell::Fault(fault)),
                Err(error @ NotRestored::AnotherProgram) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        tracing::info!(session.id = %record.key.session, why = useless,
            "the image of a session cannot be used; all its turns are replayed");
        let transcript = shared.journal.records(&record.key, None).await;
        let past = transcript
            .ok()
            .flatten()
            .filter(|transcript| transcript.damage.is_none() && transcript.trimmed.is_none())
            .and_then(|transcript| Past::read(transcript.records).ok());
        match past {
            Some(past) => {
                self.past = past.turns;
                self.image = None;
                Ok(None)
            }
            None => Err(NoCell::Lost(format!(
                "its image cannot be used ({useless}), and the records before it are gone"
            ))),
        }
    }

    /// Keeps an image of the session as it is after its last turn; how far it is durable is for the journal.
    ///
    /// False when there can be none.
    async fn keep_image(
        &mut self,
        shared: &Shared,
        turn: u64,
        since: Timestamp,
    ) -> Result<bool, journal::Error> {
        let Pen::Written(writer) = &self.pen else {
            return Ok(false);
        };
        let Some(cell) = &self.cell else {
            return Ok(false);
        };
        // Nobody knows before how much of it is new.
        let bytes = cell.memory_bytes();
        let tenant = &writer.key().agent.tenant;
        let _passage = shared.images.one(tenant, bytes.saturating_mul(2)).await;
        let Some(mut cell) = self.cell.take() else {
            return Ok(false);
        };
        let work = Work::Copy(bytes);
        let capturing = async move {
            let image = cell.capture().await;
            (cell, image)
        };
        let (cell, image) = self.labour.compute(work, capturing).await;
        let image = match image {
            Ok(image) => image,
            Err(NotImageable::Broken(fault)) => {
                // Nothing is lost: the journal makes another.
                tracing::warn!(session.id = %writer.key().session, %fault, "a session broke when it was captured");
                return Ok(false);
            }
            Err(_) => {
                self.cell = Some(cell);
                return Ok(false);
            }
        };
        self.cell = Some(cell);
        let image = journal::Image {
            turn,
            // Not now: the session has rested since, which counts for its idle time.
            at: since,
            program: self.deployment.artifact.to_string(),
            bytes: encode(image).await,
        };
        let kept = writer.keep_image(image).await?;
        kept.durable().await?;
        self.imaged = turn;
        Ok(true)
    }

    /// Leaves memory, so that nothing of the session is left there but what the journal brings back; false when it stays.
    pub(super) async fn rest(&mut self, shared: &Shared, state: &State, must: bool) -> bool {
        let Phase::Idle { since } = state.phase() else {
            return false;
        };
        if self.pen.writer().is_none() {
            return false;
        }
        let turn = state.turns();
        let is_new = self.cell.is_some() && self.imaged < turn;
        let may = !is_new
            || match self.keep_image(shared, turn, since).await {
                Ok(kept) => kept,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "an image could not be kept"
                    );
                    false
                }
            };
        // Without an instance there is nothing that could stay; without an image it comes back by replay.
        let rests = may || must || self.cell.is_none();
        self.stays = !rests;
        rests
    }

    /// Whether it is time for another image: a busy session has one now and then, so that it is not replayed from its
    /// start.
    pub(super) fn is_image_due(&self, shared: &Shared, state: &State) -> bool {
        let Some(writer) = self.pen.writer() else {
            return false;
        };
        let turns = state.turns().saturating_sub(self.imaged);
        let is_much = turns >= shared.config.turns_per_image.max(1)
            || turns > 0 && writer.since_image() >= MUCH;
        is_much && !self.stays && self.deployment.program.is_imageable()
    }

    /// Keeps an image of a session that goes on; false when that broke its instance. The session must rest then, so that
    /// the journal makes another: one that is started here would know nothing.
    #[must_use]
    pub(super) async fn image(&mut self, shared: &Shared, state: &State) -> bool {
        let Phase::Idle { since } = state.phase() else {
            return true;
        };
        if let Err(error) = self.keep_image(shared, state.turns(), since).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "an image could not be kept"
            );
        }
        self.cell.is_some()
    }

    /// When the session may leave memory, if no turn comes; never, when it cannot come back as well.
    pub(super) fn rests_at(&self, shared: &Shared, state: &State) -> Option<Timestamp> {
        match state.phase() {
            Phase::Idle { since } if self.pen.is_durable() && !self.stays => {
                Some(since + Duration::from_secs(shared.config.hibernate_seconds))
            }
            _ => None,
        }
    }
}

/// Records of so many bytes are replaced by an image, however few turns they are of.
const MUCH: u64 = 16 << 20;

/// Copying this much takes as long as a turn; more is not done on the threads that serve.
const LARGE_IMAGE: usize = 1 << 20;

async fn encode(image: Image) -> Bytes {
    if image.data_bytes() < LARGE_IMAGE {
        return image.encode();
    }
    let encoding = tokio::task::spawn_blocking(move || image.encode());
    encoding
        .await
        .expect("encoding does not panic and is never aborted")
}

async fn decode(bytes: Bytes) -> Result<Image, Damaged> {
    if bytes.len() < LARGE_IMAGE {
        return Image::decode(&bytes);
    }
    let decoding = tokio::task::spawn_blocking(move || Image::decode(&bytes));
    decoding
        .await
        .expect("decoding does not panic and is never aborted")
}
