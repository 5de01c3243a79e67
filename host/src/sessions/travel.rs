//! Time travel: what is recorded of a session is read, told again, and gone on with from a turn that is long over.
//!
//! All of it starts from the journal's records alone, and none of it touches the session that they are of: that may run
//! meanwhile, or be over.

use std::sync::Arc;
use std::time::Duration;

use serde::ser::Error as _;
use serde::{Serialize, Serializer};

use super::difference::{self, Difference};
use super::directory::NotAsleep;
use super::labour::{Labour, Work};
use super::life;
use super::passage::Passage;
use super::past::{Past, PastTurn};
use super::replay::{self, Replayed};
use super::state::EndReason;
use super::{Sessions, Shared, TurnError};
use crate::agents::{Deployment, NotServing};
use crate::contract::log::Level;
use crate::ids::{AgentId, Digest, SessionId, SessionKey, TenantId, Version};
use crate::journal::{
    self, Damage, Durability, Forked, Incarnation, Outcome, Record, Seq, Sequenced, Started, State,
    Transcript, Writer,
};
use crate::sandbox::{Birth, Cell, Fault, LogSink, Seed};
use crate::tenants::Policy;

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

/// One life of a session as it was recorded.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Chronicle {
    /// Who owns it.
    pub tenant: TenantId,
    /// Whose session it is.
    pub agent: AgentId,
    /// The caller's name for it.
    pub session: SessionId,
    /// Which of its lives.
    pub incarnation: Incarnation,
    /// Where that stands.
    pub state: State,
    /// What its records survive.
    pub durability: Durability,
    /// The version that it runs on; none when its start cannot be read.
    pub version: Option<Version>,
    /// The component of that version; none likewise.
    pub artifact: Option<Digest>,
    /// The first record that is kept behind the start, when those between are not kept any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trimmed: Option<Seq>,
    /// Where its records are not as they were written; those before are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<Damage>,
    /// In order.
    pub records: Vec<Line>,
}

/// A record and its place. In JSON one object, with the members that are stored, and `seq`.
#[derive(Debug)]
pub struct Line {
    record: Sequenced<Record>,
    /// Whether the seed is left out.
    secret: bool,
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Whole<'a> {
            seq: Seq,
            #[serde(flatten)]
            record: &'a Record,
        }
        let Sequenced { seq, record } = &self.record;
        let whole = Whole { seq: *seq, record };
        if !self.secret || !matches!(record, Record::Started(_)) {
            return whole.serialize(serializer);
        }
        let mut without = serde_json::to_value(&whole).map_err(S::Error::custom)?;
        if let Some(members) = without.as_object_mut() {
            members.remove("seed");
        }
        without.serialize(serializer)
    }
}

/// A session that was made of another's turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fork {
    /// Whose session it is, as the other.
    pub agent: AgentId,
    /// Its id.
    pub session: SessionId,
    /// The last turn that it has; its next is the one after.
    pub turn: u64,
    /// The version that it runs on, as the other.
    pub version: Version,
}

/// What came of telling a session's turns again.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    /// Whose session it is.
    pub agent: AgentId,
    /// The session.
    pub session: SessionId,
    /// Which of its lives.
    pub incarnation: Incarnation,
    /// The version that the turns were recorded on.
    pub recorded_version: Version,
    /// The version that they were replayed on.
    pub version: Version,
    /// Whether nothing differs.
    pub matches: bool,
    /// Where the records end too early, as far as they are not as they were written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<Damage>,
    /// In order. Of one turn, when it was asked for, and those before it that differ: its memory is theirs.
    pub turns: Vec<ReplayedTurn>,
}

/// What came of telling one turn again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayedTurn {
    /// Its number.
    pub turn: u64,
    /// The outcome.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Whether a turn is what it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum Verdict {
    /// It asks and answers the same.
    Matches,
    /// It does not.
    Differs {
        /// What, in order; the last is the one that it could not go on after, if there was one.
        differences: Vec<Difference>,
    },
    /// It was not replayed: it broke when it was recorded, or was given up, and left no mark on the session.
    Undone,
    /// It was not replayed: one before it could not go on.
    Unreached,
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
        Ok(chronicle(key, transcript, true))
    }

    /// The same with the seed, so that nothing is missing: as secret as the session itself.
    pub async fn export(
        &self,
        key: &SessionKey,
        incarnation: Option<Incarnation>,
    ) -> Result<Chronicle, TravelError> {
        let transcript = transcript(&self.0, key, incarnation).await?;
        Ok(chronicle(key, transcript, false))
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

fn chronicle(key: &SessionKey, transcript: Transcript, secret: bool) -> Chronicle {
    let started = match transcript.records.first().map(|first| &first.record) {
        Some(Record::Started(started)) => Some(started),
        _ => None,
    };
    Chronicle {
        tenant: key.agent.tenant.clone(),
        agent: key.agent.agent.clone(),
        session: key.session.clone(),
        incarnation: transcript.incarnation,
        state: transcript.state,
        durability: transcript.durability,
        version: started.map(|started| started.version),
        artifact: started.map(|started| started.artifact.clone()),
        trimmed: transcript.trimmed,
        damage: transcript.damage,
        records: Vec::from_iter(
            transcript
                .records
                .into_iter()
                .map(|record| Line { record, secret }),
        ),
    }
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

async fn copy(
    shared: &Shared,
    key: &SessionKey,
    incarnation: Option<Incarnation>,
    turn: u64,
    session: SessionId,
) -> Result<Fork, TravelError> {
    let origin = Origin::read(shared, key, incarnation).await?;
    let turns = origin.turns(Some(turn))?;
    let version = origin.past.started.version;
    // A session of a version that is gone would be over at once.
    shared.agents.lifecycle(&key.agent, version)?;
    let fork = SessionKey {
        agent: key.agent.clone(),
        session,
    };
    let _closing = shared.closing(&fork).map_err(|why| match why {
        NotAsleep::Awake => TravelError::Exists(fork.session.clone()),
        NotAsleep::Closing => TravelError::Busy(fork.session.clone()),
    })?;
    let started = Started {
        forked: Some(Forked {
            session: key.session.clone(),
            incarnation: origin.incarnation,
            turn,
            at: shared.clock.now(),
        }),
        ..origin.past.started.clone()
    };
    let begun = shared.journal.begin(&fork, started, origin.durability);
    let writer = begun.await.map_err(|error| match error {
        journal::Error::Conflict(_) => TravelError::Exists(fork.session.clone()),
        error => error.into(),
    })?;
    if let Err(error) = write(&writer, turns).await {
        // Should this fail as well, it ends when it is touched: not all turns are there that its start names.
        let _ = life::end(shared, &writer, None, EndReason::Broken).await;
        return Err(error.into());
    }
    Ok(Fork {
        agent: fork.agent.agent.clone(),
        session: fork.session.clone(),
        turn,
        version,
    })
}

/// Returns when all of it is durable.
async fn write(writer: &Writer, turns: &[PastTurn]) -> Result<(), journal::Error> {
    let mut last = None;
    for turn in turns {
        let (accepted, finished) = (turn.accepted.clone(), turn.finished.clone());
        if turn.observed.is_empty() {
            let turn = Record::Turn(Box::new(journal::Turn { accepted, finished }));
            last = Some(writer.append(&turn).await?);
            continue;
        }
        let accepted = Record::TurnAccepted(Box::new(accepted));
        drop(writer.append(&accepted).await?);
        for observed in &turn.observed {
            let observed = Record::Observed(Box::new(observed.clone()));
            drop(writer.append(&observed).await?);
        }
        let finished = Record::TurnFinished(Box::new(finished));
        last = Some(writer.append(&finished).await?);
    }
    match last {
        Some(last) => last.durable().await,
        None => Ok(()),
    }
}

async fn tell_again(
    shared: &Shared,
    key: &SessionKey,
    incarnation: Option<Incarnation>,
    wanted: Option<u64>,
    version: Option<Version>,
) -> Result<Replay, TravelError> {
    let origin = Origin::read(shared, key, incarnation).await?;
    let turns = origin.turns(wanted)?;
    let started = &origin.past.started;
    let (began, given) = (
        started.limits.memory_mib,
        shared.sandbox.config().memory_mib,
    );
    if given < began {
        return Err(TravelError::Memory { began, given });
    }
    let version = version.unwrap_or(started.version);
    let deployment = shared.agents.version(&key.agent, version).await?;
    let birth = Birth {
        seed: Seed::from_bytes(started.seed.0),
        at: started.at,
    };
    let labour = Labour::of(shared, &deployment, &key.agent.tenant);
    let (sandbox, program) = (Arc::clone(&shared.sandbox), deployment.program.clone());
    let starting = async move {
        Cell::start_within(&sandbox, &program, began, Arc::new(Silence), &birth).await
    };
    let cell = labour.compute(Work::Start, starting).await;
    let mut cell = Some(cell.map_err(TravelError::Fault)?);
    let mut replayed = Vec::with_capacity(turns.len());
    for past in turns {
        let turn = past.accepted.turn;
        let verdict = if past.counts() || (wanted == Some(turn) && past.broke()) {
            let is_same = version == started.version;
            tell(shared, &labour, &deployment, &mut cell, past, is_same).await
        } else {
            Verdict::Undone
        };
        if wanted.is_none_or(|wanted| turn == wanted) || verdict.differs() {
            replayed.push(ReplayedTurn { turn, verdict });
        }
    }
    Ok(Replay {
        agent: key.agent.agent.clone(),
        session: key.session.clone(),
        incarnation: origin.incarnation,
        recorded_version: started.version,
        version,
        matches: !replayed.iter().any(|turn| turn.verdict.differs()),
        damage: origin.damage.clone(),
        turns: replayed,
    })
}

impl Verdict {
    fn differs(&self) -> bool {
        match self {
            Self::Differs { .. } | Self::Unreached => true,
            Self::Matches | Self::Undone => false,
        }
    }
}

/// One turn, in a cell that is gone after it when it cannot go on.
async fn tell(
    shared: &Shared,
    labour: &Labour,
    deployment: &Arc<Deployment>,
    cell: &mut Option<Cell>,
    past: &PastTurn,
    is_same: bool,
) -> Verdict {
    let Some(mut living) = cell.take() else {
        return Verdict::Unreached;
    };
    // What it broke then may have been its limit, which is told by its value.
    if let Some(limit) = deployment.grant.granted.turn_cpu_ms
        && past.broke()
    {
        living.limit_cpu(limit.get());
    }
    // A turn that ended well does so again on its own version, whatever bounds there are by now.
    living.bound_turns(!(is_same && past.counts()));
    let comparing = replay::compare(labour, living, deployment, past, &shared.clock);
    let (replayed, mut differences) = comparing.await;
    let recorded = &past.finished.outcome;
    match replayed {
        Replayed::Ended(living, outcome) => {
            *cell = Some(*living);
            if outcome != *recorded {
                differences.push(difference::answers_otherwise(recorded, &outcome));
            }
        }
        Replayed::Broke(error) => {
            let message = error.to_string();
            if !matches!(recorded, Outcome::Faulted { message: before } if *before == message) {
                differences.push(Difference::Breaks { message });
            }
        }
        // The last difference is the one that it could not go on after.
        Replayed::Diverged(_) if !differences.is_empty() => {}
        Replayed::Diverged(why) => differences.push(Difference::Breaks {
            message: why.to_string(),
        }),
    }
    if differences.is_empty() {
        Verdict::Matches
    } else {
        Verdict::Differs { differences }
    }
}

/// What a replay logs was logged before.
struct Silence;

impl LogSink for Silence {
    fn write(&self, _: Level, _: &str) {}
}

#[cfg(test)]
mod tests;
