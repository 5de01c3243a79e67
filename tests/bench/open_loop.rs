//! An open loop: requests are sent when they are due, however the server does. One that finds no free connection has been
//! waiting since it was due, so that a server which stalls is not asked less.

use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::Error;
use super::client::{Connection, Target, session_id};
use super::stats::percentile;

/// When requests are due, and over how many connections they go; each connection has a session of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    pub(crate) per_second: f64,
    pub(crate) requests: usize,
    pub(crate) connections: usize,
    /// Names the sessions.
    pub(crate) round: usize,
}

/// What became of the requests, in milliseconds from when they were due.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) good: Vec<f64>,
    /// Answered with 429.
    pub(crate) refused: Vec<f64>,
    /// Everything else, broken connections too.
    pub(crate) failed: usize,
    /// Good answers a second, over the time in which requests were due.
    pub(crate) goodput: f64,
}

impl Outcome {
    pub(crate) fn good_at(&mut self, per_cent: f64) -> f64 {
        percentile(&mut self.good, per_cent)
    }
}

pub(crate) async fn run(
    target: &Target,
    body: &[u8],
    schedule: Schedule,
) -> Result<Outcome, Error> {
    // Before the clock starts every session is there. One after another, and each on a connection that was opened just then:
    // one that says nothing for long is closed.
    let mut idle: Vec<(Connection, String)> = Vec::with_capacity(schedule.connections);
    for number in 0..schedule.connections {
        let mut connection = Connection::open(target, body).await?;
        let session = session_id(schedule.round, number);
        if schedule.requests > schedule.connections {
            connection.exchange(&session).await?;
        }
        idle.push((connection, session));
    }
    let mut due = clock(&schedule);
    let (mut waiting, mut all_due) = (VecDeque::new(), None);
    let mut under_way = FuturesUnordered::new();
    let mut outcome = Outcome::default();
    let began = Instant::now();
    let mut good_in_time = 0;
    loop {
        tokio::select! {
            biased;
            at = due.recv(), if all_due.is_none() => match at {
                Some(at) => waiting.push_back(at),
                None => all_due = Some(began.elapsed()),
            },
            Some((caller, at, status)) = under_way.next() => {
                let at: Instant = at;
                let took = at.elapsed().as_secs_f64() * 1e3;
                match status {
                    Ok(200) => {
                        outcome.good.push(took);
                        good_in_time += usize::from(all_due.is_none());
                    }
                    Ok(429) => outcome.refused.push(took),
                    Ok(_) => outcome.failed += 1,
                    Err(_) => {
                        outcome.failed += 1;
                        let (_, session) = caller;
                        idle.push((Connection::open(target, body).await?, session));
                        continue;
                    }
                }
                idle.push(caller);
            },
            else => break,
        }
        while !waiting.is_empty()
            && let Some((mut connection, session)) = idle.pop()
            && let Some(at) = waiting.pop_front()
        {
            under_way.push(async move {
                let status = connection.exchange(&session).await;
                ((connection, session), at, status)
            });
        }
    }
    let took = all_due.unwrap_or_else(|| began.elapsed());
    outcome.goodput = f64::from(u32::try_from(good_in_time)?) / took.as_secs_f64();
    Ok(outcome)
}

/// Says when each request is due, from a thread of its own: the runtime's timers are too coarse. The gaps are those of many
/// independent callers, the same in every run.
fn clock(schedule: &Schedule) -> mpsc::UnboundedReceiver<Instant> {
    let (sender, due) = mpsc::unbounded_channel();
    let (mean, requests) = (1.0 / schedule.per_second, schedule.requests);
    let mut state = 0x9E37_79B9_7F4A_7C15 ^ schedule.round as u64;
    thread::spawn(move || {
        let mut at = Instant::now();
        for _ in 0..requests {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let uniform = ((state >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
            at += Duration::from_secs_f64(-uniform.ln() * mean);
            thread::sleep(at.saturating_duration_since(Instant::now()));
            if sender.send(at).is_err() {
                return;
            }
        }
    });
    due
}
