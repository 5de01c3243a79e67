//! Sessions that are not awake: what the journal says of them, and how they end.

use std::sync::Arc;

use super::directory::NotAsleep;
use super::life;
use super::log::SessionLog;
use super::past::Past;
use super::record::{Record, Summary};
use super::state::{EndReason, Phase};
use super::{Error, NotFound, Shared};
use crate::ids::{AgentKey, SessionKey, TenantId};
use crate::journal::{self, Filter, State, Transcript};

/// Of those that are not in memory; the rest is older.
const LISTED: usize = 1_000;

/// Ends a session that is not awake; false when there is none.
pub(super) async fn end(
    shared: &Shared,
    key: &SessionKey,
    reason: EndReason,
) -> Result<bool, Error> {
    let _passage = shared.passage(&shared.reads, key).await?;
    let _closing = match shared.closing(key) {
        Ok(closing) => closing,
        Err(NotAsleep::Awake | NotAsleep::Closing) => return Err(Error::Busy),
    };
    end_resting(shared, key, reason).await
}

/// Ends a session that nobody can wake now; false when there is none.
pub(super) async fn end_resting(
    shared: &Shared,
    key: &SessionKey,
    reason: EndReason,
) -> Result<bool, Error> {
    end_in_journal(shared, key, |_| Some(reason)).await
}

/// The same, if `why` finds a reason in what the session did.
async fn end_in_journal(
    shared: &Shared,
    key: &SessionKey,
    why: impl Fn(&Past) -> Option<EndReason>,
) -> Result<bool, Error> {
    let mut history = match shared.journal.load(key).await {
        Ok(loaded) => match loaded.live {
            Some(history) => history,
            None => return Ok(false),
        },
        Err(journal::Error::Damaged { .. }) => {
            return Ok(shared.journal.end_damaged(key).await? > 0);
        }
        Err(error) => return Err(error.into()),
    };
    let past = match Past::take(&mut history) {
        Ok(past) => past,
        Err(damage) => {
            history.writer.quarantine(damage).await;
            return Ok(shared.journal.end_damaged(key).await? > 0);
        }
    };
    let Some(reason) = why(&past) else {
        return Ok(false);
    };
    life::end(shared, &history.writer, past.open.as_ref(), reason).await?;
    Ok(true)
}

/// Ends all sessions of an agent that are not awake.
pub(super) async fn end_all(shared: &Shared, agent: &AgentKey) -> Result<(), Error> {
    let mut filter = Filter {
        agent: Some(agent.agent.clone()),
        state: Some(State::Open),
        limit: 1_000,
        ..Filter::default()
    };
    loop {
        let page = shared
            .journal
            .sessions(Some(&agent.tenant), filter.clone())
            .await?;
        for summary in page.summaries {
            match end(shared, &summary.key, EndReason::Deleted).await {
                Ok(_) | Err(Error::Busy) => {}
                Err(error) => return Err(error),
            }
        }
        filter.after = page.next;
        if filter.after.is_none() {
            return Ok(());
        }
    }
}

/// Ends the sessions whose idle time or lifetime went by while they were not awake.
pub(super) async fn expire(shared: &Shared) -> Result<(), Error> {
    let now = shared.clock.now();
    let mut filter = Filter {
        state: Some(State::Open),
        active_before: Some(now),
        limit: 1_000,
        ..Filter::default()
    };
    loop {
        let page = shared.journal.sessions(None, filter.clone()).await?;
        for summary in page.summaries {
            expire_one(shared, &summary).await?;
        }
        filter.after = page.next;
        if filter.after.is_none() {
            return Ok(());
        }
    }
}

async fn expire_key(shared: &Shared, key: &SessionKey) -> Result<(), Error> {
    let Some(transcript) = shared.journal.records(key, None).await? else {
        return Ok(());
    };
    let is_open = transcript.state == State::Open;
    let past = Past::read(transcript.records).ok().filter(|_| is_open);
    let over = past.is_some_and(|past| {
        let lifecycle = shared
            .agents
            .lifecycle(&key.agent, past.started.version)
            .ok();
        lifecycle.is_none_or(|lifecycle| past.expired(&lifecycle, shared.clock.now()).is_some())
    });
    match over {
        true => expire_resting(shared, key).await,
        false => Ok(()),
    }
}

async fn expire_one(shared: &Shared, summary: &journal::Summary) -> Result<(), Error> {
    let key = &summary.key;
    let now = shared.clock.now();
    // Of a damaged row; it rests until somebody looks.
    let Some(version) = summary.version else {
        return Ok(());
    };
    let lifecycle = shared.agents.lifecycle(&key.agent, version).ok();
    let may_be_over = lifecycle.is_none_or(|lifecycle| {
        now >= summary.active + lifecycle.idle_timeout
            || now >= summary.started + lifecycle.max_lifetime
    });
    if !may_be_over {
        return Ok(());
    }
    expire_resting(shared, key).await
}

/// Ends a session if its records say that its time is over; nothing, if it is awake or ended by somebody else.
async fn expire_resting(shared: &Shared, key: &SessionKey) -> Result<(), Error> {
    let Ok(_closing) = shared.closing(key) else {
        return Ok(());
    };
    let now = shared.clock.now();
    let why = |past: &Past| {
        let version = past.started.version;
        match shared.agents.lifecycle(&key.agent, version) {
            Ok(lifecycle) => past.expired(&lifecycle, now),
            Err(_) => Some(EndReason::Deleted),
        }
    };
    end_in_journal(shared, key, why).await.map(|_| ())
}

/// The session of this key that is awake or asleep, otherwise the last that ended.
pub(super) async fn find(shared: &Shared, key: &SessionKey) -> Result<Arc<Record>, Error> {
    let awake = shared.directory().is_awake(key);
    let in_memory = shared.directory().find(key);
    if let (true, Some(record)) = (awake, &in_memory)
        && !record.is_durable()
    {
        return Ok(Arc::clone(record));
    }
    let _passage = shared.passage(&shared.reads, key).await?;
    if !awake {
        // Whoever looks sees that its time is over, even before housekeeping does.
        expire_key(shared, key).await?;
    }
    let transcript = shared.journal.records(key, None).await?;
    let read = transcript.and_then(|transcript| read(shared, key, transcript));
    if awake && let Some(record) = in_memory {
        return Ok(match read {
            // The same life of the session, not one before it.
            Some(read) if read.summary().started == record.summary().started => {
                read.waking(&record);
                read
            }
            _ => record,
        });
    }
    // One key may have had sessions with and without a journal; the later is the one.
    match (read, in_memory) {
        (Some(read), Some(known)) => {
            let is_newer = known.summary().started > read.summary().started;
            Ok(if is_newer { known } else { read })
        }
        (Some(record), None) | (None, Some(record)) => Ok(record),
        (None, None) => Err(NotFound.into()),
    }
}

/// What the records say of a session.
fn read(shared: &Shared, key: &SessionKey, transcript: Transcript) -> Option<Arc<Record>> {
    let (mut records, totals) = (transcript.records, transcript.totals);
    let ended = match records.last().map(|last| &last.record) {
        Some(journal::Record::Ended(ended)) => Some(ended.clone()),
        _ => None,
    };
    if ended.is_some() {
        records.pop();
    }
    let past = Past::read(records).ok()?;
    let phase = match (transcript.state, ended) {
        (State::Open, _) => Phase::Idle {
            since: totals.map_or(past.active(), |totals| totals.active),
        },
        (State::Damaged, _) | (State::Ended, None) => Phase::Quarantined,
        (State::Ended, Some(ended)) => Phase::Ended {
            reason: EndReason::parse(&ended.reason).unwrap_or(EndReason::Broken),
            at: ended.at,
        },
    };
    let log = SessionLog::new(Arc::clone(&shared.clock), shared.config.log_kib << 10);
    Some(Arc::new(Record::resting(
        key.clone(),
        &past,
        totals,
        phase,
        log,
    )))
}

/// The tenant's sessions: live ones first, then ended ones.
pub(super) async fn list(
    shared: &Shared,
    tenant: &TenantId,
    agent: Option<&AgentKey>,
) -> Result<Vec<Summary>, Error> {
    let filter = Filter {
        agent: agent.map(|agent| agent.agent.clone()),
        limit: LISTED,
        ..Filter::default()
    };
    let page = shared.journal.sessions(Some(tenant), filter).await?;
    let directory = shared.directory();
    let wanted = |record: &&Arc<Record>| {
        let of = &record.key.agent;
        of.tenant == *tenant && agent.is_none_or(|agent| of == agent)
    };
    let mut live: Vec<Summary> = directory
        .awake()
        .filter(wanted)
        .map(|record| record.summary())
        .collect();
    let mut ended: Vec<Summary> = directory
        .ended()
        .filter(wanted)
        .map(|record| record.summary())
        .collect();
    for summary in page.summaries {
        let is_open = summary.state == State::Open;
        if is_open && directory.is_awake(&summary.key) {
            continue;
        }
        let list = if is_open { &mut live } else { &mut ended };
        list.push(resting(summary));
    }
    live.append(&mut ended);
    Ok(live)
}

fn resting(summary: journal::Summary) -> Summary {
    let phase = match summary.state {
        State::Open => Phase::Idle {
            since: summary.active,
        },
        State::Damaged => Phase::Quarantined,
        State::Ended => Phase::Ended {
            reason: summary
                .reason
                .as_deref()
                .and_then(EndReason::parse)
                .unwrap_or(EndReason::Broken),
            at: summary.ended.unwrap_or(summary.active),
        },
    };
    Summary {
        tenant: summary.key.agent.tenant,
        agent: summary.key.agent.agent,
        session: summary.key.session,
        version: summary.version,
        phase,
        awake: false,
        started: summary.started,
        start_us: None,
        turns: summary.turns,
        memory_bytes: summary.memory_bytes,
        models: summary.models.into(),
    }
}
