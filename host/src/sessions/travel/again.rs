//! Turns told again, on their version or another, and held against what was recorded.

use std::sync::Arc;

use serde::Serialize;

use super::super::Shared;
use super::super::difference::{self, Difference};
use super::super::labour::{Labour, Work};
use super::super::past::PastTurn;
use super::super::replay::{self, Replayed};
use super::{Origin, TravelError};
use crate::agents::Deployment;
use crate::contract::log::Level;
use crate::ids::{AgentId, SessionId, SessionKey, Version};
use crate::journal::{Damage, Incarnation, Outcome};
use crate::sandbox::{Birth, Cell, LogSink, Seed};

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

impl Verdict {
    fn differs(&self) -> bool {
        match self {
            Self::Differs { .. } | Self::Unreached => true,
            Self::Matches | Self::Undone => false,
        }
    }
}

/// In a cell of its own; writes nothing, and asks nobody.
pub(super) async fn tell_again(
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
