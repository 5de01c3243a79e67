//! When memory runs short, the sessions that have been idle for longest leave it first. If that does not do, those go that
//! hold most.

use std::cmp::Reverse;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::FutureExt as _;

use super::Shared;
use super::actor::Ending;
use super::state::{EndReason, Phase};
use crate::ids::TenantId;
use crate::sandbox::{available, resident};

/// How often the server looks at its memory.
const INTERVAL: Duration = Duration::from_secs(1);

/// The part of the idle sessions that is asked to leave at a time, one of so many and one at least: finding them means to
/// look at all that are awake.
const PART: usize = 64;

/// How many such parts are asked at each look.
const PARTS: usize = 8;

/// Where nobody may leave, one of so many of those that should go is made to go at each look, the largest first, and one
/// at least.
const LARGEST: usize = 8;

/// Longer than any image takes to be written; who waited in vain is told that there is no room.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the sessions that have been idle for longest to leave memory, of one tenant or of all; true when one of them did.
pub(super) async fn make_room(shared: &Shared, of: Option<&TenantId>) -> bool {
    let leaving = shared.directory().longest_idle(PART, of);
    let left = leaving.into_iter().map(|(record, mailbox)| {
        record.ask_to_rest();
        Box::pin(async move { mailbox.closed().await })
    });
    let left: Vec<_> = left.collect();
    if left.is_empty() {
        return false;
    }
    let first = futures::future::select_all(left);
    tokio::time::timeout(PATIENCE, first).await.is_ok()
}

/// Keeps the server below its memory limit as long as the sessions are there.
pub(super) async fn watch(shared: Weak<Shared>) {
    let Some(limit) = shared.upgrade().and_then(|shared| limit(&shared)) else {
        return;
    };
    loop {
        let Some(pause) = shared
            .upgrade()
            .map(|shared| shared.clock.sleep_until(shared.clock.now() + INTERVAL))
        else {
            return;
        };
        pause.await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let look = AssertUnwindSafe(stay_below(&shared, limit));
        if look.catch_unwind().await.is_err() {
            tracing::error!("making room in memory broke off in a panic; it is tried again");
        }
    }
}

/// Not all at once: what a session gave back may show a moment later.
async fn stay_below(shared: &Shared, limit: u64) {
    for _ in 0..PARTS {
        let is_above = resident().is_some_and(|resident| resident > limit);
        if !is_above || !make_room(shared, None).await {
            break;
        }
    }
    if shared.sandbox.is_short_of_memory() {
        take_back(shared);
    }
}

/// Those that compute go by themselves at the next tick. Others hold what they have for as long as they wait: in a turn, or
/// for one, if there is no journal to bring them back. Of the latter none goes that has all the server to itself.
fn take_back(shared: &Shared) {
    let mut directory = shared.directory();
    let mut large: Vec<_> = directory
        .awake()
        .filter_map(|record| Some((record.should_go()?, Arc::clone(record))))
        .collect();
    large.sort_unstable_by_key(|(memory, _)| Reverse(memory.bytes()));
    large.truncate(large.len().div_ceil(LARGEST));
    for (memory, record) in large {
        match record.summary().phase {
            Phase::Running { .. } => record.ask_to_give_up(),
            Phase::Idle { .. } if !record.is_durable() && memory.has_neighbours() => {
                directory.ask_to_end(&record.key, Ending::WhenIdle(EndReason::Memory));
            }
            Phase::Idle { .. } | Phase::Quarantined | Phase::Ended { .. } => {}
        }
    }
}

/// In bytes; none when nobody says.
fn limit(shared: &Shared) -> Option<u64> {
    match shared.config.memory_mib {
        Some(mib) => Some(mib << 20),
        None => Some(available()? / 5 * 4),
    }
}
