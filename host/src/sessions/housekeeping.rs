//! What is done now and then: sessions that rest are ended when their time is over, and the journal forgets what it may.

use std::panic::AssertUnwindSafe;
use std::sync::Weak;

use futures::FutureExt as _;

use super::{Shared, archive};

/// Keeps house as long as the sessions are there.
pub(super) async fn keep_house(shared: Weak<Shared>) {
    let Some(mut next) = shared.upgrade().map(|shared| shared.clock.now()) else {
        return;
    };
    loop {
        let Some(pause) = shared.upgrade().map(|shared| {
            // At once when it is late, and then once only.
            next = (next + shared.config.housekeeping_time()).max(shared.clock.now());
            shared.clock.sleep_until(next)
        }) else {
            return;
        };
        pause.await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        if shared.directory().is_closed() {
            return;
        }
        // Nothing of it is needed next time, so a panic costs this one time.
        if AssertUnwindSafe(once(&shared))
            .catch_unwind()
            .await
            .is_err()
        {
            tracing::error!("housekeeping broke off in a panic; it is tried again next time");
        }
    }
}

async fn once(shared: &Shared) {
    if let Err(error) = archive::expire(shared).await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "sessions that rest could not be looked at"
        );
    }
    let now = shared.clock.now();
    if let Err(error) = shared.journal.compact(now).await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the journal could not be compacted"
        );
    }
}
