//! The row of an incarnation: where it stands, what it adds up to, and between which links its chain of records runs.

use super::chain::{Hash, Hasher};
use super::store::{Seq, State};
use super::{Damage, Durability, ModelUse};
use crate::ids::{SessionKey, Version};

/// The row of an incarnation, as stored; sealed, so a change from outside is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) key: SessionKey,
    pub(super) incarnation: i64,
    pub(super) state: State,
    pub(super) durability: Durability,
    /// None: its row made no sense, and was given up.
    pub(super) version: Option<Version>,
    pub(super) started: i64,
    pub(super) active: i64,
    pub(super) ended: Option<i64>,
    pub(super) reason: Option<String>,
    pub(super) totals: Totals,
    /// Of the records and the image that are kept.
    pub(super) bytes: i64,
    pub(super) last: i64,
    /// The link of the last record.
    pub(super) link: Hash,
    /// The link of the first record.
    pub(super) start: Hash,
    /// The sum of the index of answers; see [`chain::toggle`](super::chain::toggle).
    pub(super) answers: Hash,
    pub(super) trimmed: Option<Trimmed>,
    pub(super) image: Option<Mark>,
    pub(super) damage: Option<(i64, String)>,
}

/// What the turns of an incarnation add up to; they stop at the largest number there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    /// Taken on.
    pub(super) turns: i64,
    /// Of those, finished.
    pub(super) finished: i64,
    pub(super) calls: i64,
    pub(super) input_tokens: i64,
    pub(super) output_tokens: i64,
    /// The memory after the last finished turn, in bytes.
    pub(super) memory: i64,
}

/// All records between the first one and the one behind this were removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trimmed {
    /// The last one that was removed.
    pub(super) seq: i64,
    /// Its link, from which the chain goes on.
    pub(super) link: Hash,
}

/// The newest image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Its record.
    pub(super) seq: i64,
    /// The last turn that it contains.
    pub(super) turn: i64,
    /// The link of the record before it, from which the chain can be checked without older records.
    pub(super) before: Hash,
    /// The digest of its bytes, by which their file is called.
    pub(super) file: Hash,
    /// The length of its file.
    pub(super) bytes: i64,
}

impl Head {
    pub(super) fn seal(&self) -> Hash {
        let mut hash = Hasher::new("kellion journal session");
        hash.key(&self.key);
        hash.number(self.incarnation);
        hash.bytes(self.state.as_str().as_bytes());
        hash.bytes(self.durability.as_str().as_bytes());
        hash.optional(self.version.map(|version| i64::from(version.number())));
        hash.number(self.started);
        hash.number(self.active);
        hash.optional(self.ended);
        hash.number(i64::from(self.reason.is_some()));
        hash.bytes(self.reason.as_deref().unwrap_or_default().as_bytes());
        hash.number(self.totals.turns);
        hash.number(self.totals.finished);
        hash.number(self.totals.calls);
        hash.number(self.totals.input_tokens);
        hash.number(self.totals.output_tokens);
        hash.number(self.totals.memory);
        hash.number(self.bytes);
        hash.number(self.last);
        hash.bytes(&self.link);
        hash.bytes(&self.start);
        hash.bytes(&self.answers);
        hash.optional(self.trimmed.map(|trimmed| trimmed.seq));
        hash.bytes(&self.trimmed.map_or([0; 32], |trimmed| trimmed.link));
        hash.optional(self.image.map(|image| image.seq));
        hash.optional(self.image.map(|image| image.turn));
        hash.bytes(&self.image.map_or([0; 32], |image| image.before));
        hash.bytes(&self.image.map_or([0; 32], |image| image.file));
        hash.optional(self.image.map(|image| image.bytes));
        hash.optional(self.damage.as_ref().map(|(seq, _)| *seq));
        hash.bytes(self.damage.as_ref().map_or("", |(_, why)| why).as_bytes());
        hash.finish()
    }

    pub(super) fn damage(&self) -> Option<Damage> {
        self.damage.as_ref().map(|(seq, why)| Damage {
            seq: Seq(*seq),
            why: why.clone(),
        })
    }

    /// Forgets the image; the file that nothing of this incarnation names any more.
    pub(super) fn drop_image(&mut self) -> Option<Hash> {
        let image = self.image.take()?;
        self.bytes -= image.bytes;
        Some(image.file)
    }

    /// The last record that was removed between the start and the rest; the start, if none was.
    pub(super) fn trimmed_to(&self) -> i64 {
        self.trimmed.map_or(Seq::FIRST.0, |trimmed| trimmed.seq)
    }

    /// The first record that is kept after the start, when those between were removed.
    pub(super) fn first_kept(&self) -> Option<Seq> {
        self.trimmed.map(|trimmed| Seq(trimmed.seq + 1))
    }
}

impl Totals {
    pub(super) fn add(&mut self, models: &ModelUse) {
        let sum =
            |have: i64, more: u64| have.saturating_add(i64::try_from(more).unwrap_or(i64::MAX));
        self.calls = sum(self.calls, models.calls);
        self.input_tokens = sum(self.input_tokens, models.input_tokens);
        self.output_tokens = sum(self.output_tokens, models.output_tokens);
    }

    pub(super) fn models(&self) -> ModelUse {
        ModelUse {
            calls: count(self.calls),
            input_tokens: count(self.input_tokens),
            output_tokens: count(self.output_tokens),
        }
    }
}

/// What is counted is never below zero, unless its row was changed from outside.
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
