//! A number of places for work that takes much of the machine, given to tenants in turn.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::line::Line;
use crate::ids::TenantId;

/// The places, and who waits for one. Cheap to clone.
#[derive(Clone)]
pub(super) struct Places(Arc<Mutex<State>>);

struct State {
    free: usize,
    line: Line<oneshot::Sender<Place>>,
}

/// A place of a tenant's, until it is dropped.
pub(super) struct Place {
    tenant: TenantId,
    places: Places,
}

impl Places {
    /// So many places, of which one tenant has at most so many.
    pub(super) fn new(most: usize, each: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free: most,
            line: Line::new(each),
        })))
    }

    /// Waits for a place: behind the others of the tenant, who has its turn when others have had theirs. Who stops waiting
    /// leaves the line.
    pub(super) async fn take(&self, tenant: &TenantId) -> Place {
        let (call, called) = oneshot::channel();
        self.state().line.join(tenant.clone(), call);
        self.call();
        called
            .await
            .expect("the line is there as long as these places, and calls everybody in it")
    }

    /// Calls whoever is next as long as places are free.
    fn call(&self) {
        while let Some((tenant, call)) = self.state().next() {
            let place = Place {
                tenant,
                places: self.clone(),
            };
            // Who went away at this moment gives it back by dropping it.
            drop(call.send(place));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> Option<(TenantId, oneshot::Sender<Place>)> {
        if self.free == 0 {
            return None;
        }
        loop {
            let (tenant, call) = self.line.next()?;
            if !call.is_closed() {
                self.free -= 1;
                return Some((tenant, call));
            }
            self.line.done(&tenant);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut state = self.places.state();
            state.line.done(&self.tenant);
            state.free += 1;
        }
        self.places.call();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use futures::future::BoxFuture;

    use super::*;

    fn tenant(number: &str) -> TenantId {
        number.parse().unwrap()
    }

    fn taking(places: &Places, tenant: &TenantId) -> BoxFuture<'static, Place> {
        let (places, tenant) = (places.clone(), tenant.clone());
        let mut taking = async move { places.take(&tenant).await }.boxed();
        match (&mut taking).now_or_never() {
            Some(place) => futures::future::ready(place).boxed(),
            None => taking,
        }
    }

    /// U14.
    #[test]
    fn u14_who_asks_for_one_waits_for_no_more_than_one_of_anothers_hundred() {
        let (a, b, c) = (
            tenant("111111111111"),
            tenant("222222222222"),
            tenant("333333333333"),
        );
        let places = Places::new(2, 1);
        let mut first = taking(&places, &a).now_or_never();
        assert!(first.is_some());
        let mut waiting: Vec<_> = (0..99).map(|_| taking(&places, &a)).collect();
        assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()));
        // A place is left for others, however many one tenant has waiting.
        let other = taking(&places, &c).now_or_never();
        assert!(other.is_some());
        // With none left, whoever had none yet is next.
        let mut own = taking(&places, &b);
        assert!((&mut own).now_or_never().is_none());
        drop(first.take());
        assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()));
        let own = own.now_or_never();
        assert!(own.is_some());
        drop(own);
        let served = waiting.iter_mut().filter_map(|one| one.now_or_never());
        assert_eq!(served.count(), 99, "one after another, as each is dropped");
    }

    #[test]
    fn who_stops_waiting_leaves_the_line() {
        let (a, b) = (tenant("111111111111"), tenant("222222222222"));
        let places = Places::new(1, 1);
        let first = taking(&places, &a).now_or_never();
        assert!(first.is_some());
        let gone: Vec<_> = (0..50_000).map(|_| taking(&places, &a)).collect();
        let mut last = taking(&places, &b);
        assert!((&mut last).now_or_never().is_none());
        drop(gone);
        drop(first);
        assert!(last.now_or_never().is_some());
        assert!(taking(&places, &a).now_or_never().is_some(), "all is free");
    }

    #[test]
    fn a_place_that_nobody_took_up_is_given_to_the_next() {
        let (a, b) = (tenant("111111111111"), tenant("222222222222"));
        let places = Places::new(1, 1);
        let first = taking(&places, &a).now_or_never();
        let called = taking(&places, &a);
        let mut last = taking(&places, &b);
        // It is called, and goes without having looked.
        drop(first);
        drop(called);
        assert!((&mut last).now_or_never().is_some());
    }
}
