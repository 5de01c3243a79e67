//! The computing that is done for one session.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::Shared;
use crate::agents::Deployment;
use crate::ids::TenantId;
use crate::workers::{Computation, Expected, Habit, Workers};

/// Copying so many bytes takes longer than a short turn.
const MUCH: u64 = 4 << 20;

/// What is to be expected of copying so many bytes.
pub(super) fn copying(bytes: u64) -> Expected {
    if bytes >= MUCH {
        Expected::Long
    } else {
        Expected::Waited(Duration::ZERO)
    }
}

/// Where the guest of a session computes, and whether it still does.
pub(super) struct Labour {
    workers: Arc<Workers>,
    /// Sessions of one tenant take turns with each other before they do with those of others.
    group: Arc<str>,
    /// Sessions of one agent are alike.
    habit: Arc<Habit>,
    under_way: TaskTracker,
}

impl Labour {
    pub(super) fn of(shared: &Shared, deployment: &Deployment, tenant: &TenantId) -> Self {
        let under_way = TaskTracker::new();
        under_way.close();
        Self {
            workers: Arc::clone(shared.sandbox.workers()),
            group: Arc::from(tenant.as_str()),
            habit: Arc::clone(&deployment.habit),
            under_way,
        }
    }

    /// Computes, out of everybody's way if it takes long. When it is dropped, the future inside may be there for another
    /// moment.
    pub(super) fn compute<T, F>(&self, future: F) -> Computation<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        self.compute_expecting(Expected::Waited(Duration::ZERO), future)
    }

    /// The same with something known.
    pub(super) fn compute_expecting<T, F>(&self, expected: Expected, future: F) -> Computation<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let future = self.under_way.track_future(future);
        self.workers
            .compute(&self.group, &self.habit, expected, future)
    }

    /// Returns when nothing is there any more of what was given up.
    pub(super) async fn is_over(&self) {
        self.under_way.wait().await;
    }
}
