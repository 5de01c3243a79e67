//! Time travel: what is recorded of a session is read, told again, and gone on with from a turn that is long over.
//!
//! All of it starts from the journal's records alone, and none of it touches the session that they are of: that may run
//! meanwhile, or be over.

mod again;
mod chronicle;
mod fork;

use std::sync::Arc;
use std::time::Duration;

use super::passage::Passage;
use super::past::{Past, PastTurn};
use super::{Sessions, Shared, TurnError};
use crate::agents::NotServing;
use crate::ids::{SessionId, SessionKey, Version};
use crate::journal::{self, Damage, Durability, Incarnation, Record, Transcript};
use crate::sandbox::Fault;
use crate::tenants::Policy;
use again::tell_again;
pub use again::{Replay, ReplayedTurn, Verdict};
pub use chronicle::{Chronicle, Line};
pub use fork::Fork;
use fork::copy;

/// Why there is no journey through time.
#[derive(Debug, thiserror::Error)]
pub enum TravelError {
    /// There is no such session.
    #[error("there is no such session")]
    NotFound,
    /// The session is not written down.
    #[error(
        "nothing is recorded of the session: it has the durability none, or its first turn has not begun"
    )]
    NotRecorded,
    /// It has not lived so often, or that life is forgotten.
    #[error("the session has no incarnation {0}")]
    NoIncarnation(Incarnation),
    /// There is no such turn.
    #[error("the session has no turn {turn}; {last} were taken")]
    NoTurn {
        /// The one asked for.
        turn: u64,
        /// How many there are.
        last: u64,
    },
    /// The turn runs, or waits for a server that comes back to it.
    #[error("turn {0} is not finished; try again when it is")]
    Unfinished(u64),
    /// A session can be told again from its start only.
    #[error(
        "the first turns of the session are not kept any more, and without them no other can be told again"
    )]
    Trimmed,
    /// The journal of the session is broken before that turn.
    #[error("the journal of the session is damaged at record {}: {}", .0.seq, .0.why)]
    Damaged(Damage),
    /// The new session would have to replace one that lives.
    #[error("the session {0} is there already; stop it first, or choose another id")]
    Exists(SessionId),
    /// Somebody ends the session of that id at this moment.
    #[error("the session {0} is being stopped; please retry")]
    Busy(SessionId),
    /// The version cannot run.
    #[error(transparent)]
    NotServing(#[from] NotServing),
    /// Memory that was granted to the agent then could be refused now.
    #[error(
        "the session began with {began} MiB of memory, and this server gives {given}; raise memory_mib in [sandbox]"
    )]
    Memory {
        /// What the session had, in MiB.
        began: u32,
        /// What there is, in MiB.
        given: u32,
    },
    /// The tenant has as much as it may.
    #[error(transparent)]
    Refused(TurnError),
    /// No instance of the version could be started.
    #[error(transparent)]
    Fault(Fault),
    /// The replay took as long as one turn may take.
    #[error("the replay took longer than {} s, the time of a turn", limit.as_secs())]
    TimedOut {
        /// How long it may take.
        limit: Duration,
    },
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] journal::Error),
}

impl Sessions {
    /// Waits until a session may be whole in memory: an account has so much of that, and so has the server.
    pub async fn passage(&self, key: &SessionKey) -> Result<Passage, TravelError> {
        Ok(self.0.passage(&self.0.journeys, key).await?)
    }

    /// The records of one life of a session, the newest when none is named, without the seed: who has that foretells the
    /// agent's random numbers. Whoever asks has a [`Passage`].
    pub async fn journal(
        &self,
        key: &SessionKey,
        incarnation: Option<Incarnation>,
    ) -> Result<Chronicle, TravelError> {
        let transcript = transcript(&self.0, key, incarnation).await?;
        Ok(Chronicle::new(key, transcript, true))
    }

    /// The same with the seed, so that nothing is missing: as secret as the session itself.
    pub async fn export(
        &self,
        key: &SessionKey,
        incarnation: Option<Incarnation>,
    ) -> Result<Chronicle, TravelError> {
        let transcript = transcript(&self.0, key, incarnation).await?;
        Ok(Chronicle::new(key, transcript, false))
    }

    /// Begins a session, of a random id when none is given, that is where this one was after `turn`. It rests in the journal
    /// until it is invoked; its idle time and lifetime count from now. What its agent was told of itself until then, such as
    /// the session's id, is still the other's, and so are its random numbers from then on.
    ///
    /// It is one more session of its tenant, within the policy's quotas. Goes on when the future is dropped, so that nobody
    /// finds half a copy.
    pub async fn fork(
        &self,
        key: SessionKey,
        incarnation: Option<Incarnation>,
        turn: u64,
        session: Option<SessionId>,
        policy: &Policy,
    ) -> Result<Fork, TravelError> {
        let shared = Arc::clone(&self.0);
        let session = session.unwrap_or_else(SessionId::random);
        let fork = SessionKey {
            agent: key.agent.clone(),
            session: session.clone(),
        };
        let (tenant, quotas) = (&key.agent.tenant, &policy.quotas);
        let passage = self.passage(&key).await?;
        let admission = shared.admit(&fork, quotas.sessions).await;
        let admission = admission.map_err(TravelError::Refused)?;
        if let Some(limit_mib) = quotas.journal_mib {
            let room = shared.journal_has_room(tenant, limit_mib).await;
            room.map_err(TravelError::Refused)?;
        }
        let copying = async move {
            let copied = copy(&shared, &key, incarnation, turn, session).await;
            drop((admission, passage));
            copied
        };
        let copied = self.0.actors.spawn(copying).await;
        copied.expect("copying does not panic and is never aborted")
    }

    /// Tells an instance of its own all finished turns again, or those up to `turn`, on their version or another of the same
    /// agent, and says where it does not do what was recorded. Nothing is written, and no model is asked: calls are answered
    /// from the records.
    ///
    /// May take as long as one turn, and takes one of the server's live sessions meanwhile. Ends when it is dropped.
    pub async fn replay(
        &self,
        key: &SessionKey,
        incarnation: Option<Incarnation>,
        turn: Option<u64>,
        version: Option<Version>,
    ) -> Result<Replay, TravelError> {
        let shared = &self.0;
        let _passage = self.passage(key).await?;
        let limit = shared.config.turn_time();
        let until = shared.clock.now() + limit;
        tokio::select! {
            biased;
            replay = Box::pin(tell_again(shared, key, incarnation, turn, version)) => replay,
            () = shared.clock.sleep_until(until) => Err(TravelError::TimedOut { limit }),
        }
    }
}

async fn transcript(
    shared: &Shared,
    key: &SessionKey,
    incarnation: Option<Incarnation>,
) -> Result<Transcript, TravelError> {
    let transcript = shared.journal.records(key, incarnation).await?;
    transcript.ok_or_else(|| match incarnation {
        Some(incarnation) => TravelError::NoIncarnation(incarnation),
        None if shared.directory().find(key).is_some() => TravelError::NotRecorded,
        None => TravelError::NotFound,
    })
}

/// What a journey begins with.
struct Origin {
    incarnation: Incarnation,
    durability: Durability,
    past: Past,
    /// Whether records behind the start are not kept any more.
    trimmed: bool,
    damage: Option<Damage>,
}

impl Origin {
    async fn read(
        shared: &Shared,
        key: &SessionKey,
        incarnation: Option<Incarnation>,
    ) -> Result<Self, TravelError> {
        let mut transcript = transcript(shared, key, incarnation).await?;
        let records = &mut transcript.records;
        records.pop_if(|last| matches!(last.record, Record::Ended(_)));
        let past = match Past::read(transcript.records) {
            Ok(past) => past,
            Err(damage) => return Err(TravelError::Damaged(transcript.damage.unwrap_or(damage))),
        };
        Ok(Self {
            incarnation: transcript.incarnation,
            durability: transcript.durability,
            past,
            trimmed: transcript.trimmed.is_some(),
            damage: transcript.damage,
        })
    }

    /// The finished turns from the first on: up to `turn`, otherwise all.
    fn turns(&self, turn: Option<u64>) -> Result<&[PastTurn], TravelError> {
        let turns = &self.past.turns;
        let open = self.past.open.as_ref().map(|open| open.accepted.turn);
        let first = turns.first().map(|first| first.accepted.turn).or(open);
        if self.trimmed || first.is_some_and(|first| first > 1) {
            return Err(TravelError::Trimmed);
        }
        let Some(turn) = turn else {
            return Ok(turns);
        };
        match turns.iter().position(|past| past.accepted.turn == turn) {
            Some(place) => Ok(&turns[..=place]),
            None if open == Some(turn) => Err(TravelError::Unfinished(turn)),
            None => Err(match &self.damage {
                Some(damage) => TravelError::Damaged(damage.clone()),
                None => TravelError::NoTurn {
                    turn,
                    last: open.unwrap_or(self.past.turns_over()),
                },
            }),
        }
    }
}

#[cfg(test)]
mod tests;
