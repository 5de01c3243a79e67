//! A session that goes on from where another was after one of its turns.

use serde::Serialize;

use super::super::Shared;
use super::super::directory::NotAsleep;
use super::super::life;
use super::super::past::PastTurn;
use super::super::state::EndReason;
use super::{Origin, TravelError};
use crate::ids::{AgentId, SessionId, SessionKey, Version};
use crate::journal::{self, Forked, Incarnation, Record, Started, Writer};

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

/// Writes the turns up to `turn` as those of a new session.
pub(super) async fn copy(
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
