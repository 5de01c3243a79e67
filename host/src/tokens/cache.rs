//! What is known of issuers, and for how long. However many tokens come, an issuer is asked rarely and once at a time.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};

use super::Refused;
use super::fetch::{Fetcher, Published};
use crate::clock::{Clock, Timestamp};

/// How long keys are taken as they are. A key that the issuer withdraws opens agents for so long.
const FRESH: Duration = Duration::from_secs(600);

/// How long they are used when the issuer cannot be asked again.
const STALE: Duration = Duration::from_secs(3_600);

/// How long after one fetch the name of an unknown key can cause another.
const COOLDOWN: Duration = Duration::from_secs(30);

/// How long the issuer is left alone after a fetch failed.
const FAILED: Duration = Duration::from_secs(10);

/// The most issuers that are known at a time.
const MOST: usize = 1_000;

type Outcome = Result<Arc<Published>, &'static str>;

/// A fetch under way; all who need it wait for the same one.
type Flight = Shared<BoxFuture<'static, Outcome>>;

/// The issuers, by the URLs of their discovery documents.
pub(super) struct Cache {
    fetcher: Arc<Fetcher>,
    clock: Arc<dyn Clock>,
    issuers: Arc<Mutex<HashMap<String, Issuer>>>,
}

#[derive(Default)]
struct Issuer {
    /// As of when, and what.
    known: Option<(Timestamp, Arc<Published>)>,
    /// When the last fetch began.
    asked: Option<Timestamp>,
    /// Why the last fetch failed, if it did, and when.
    failed: Option<(Timestamp, &'static str)>,
    flight: Option<Flight>,
}

impl Cache {
    pub(super) fn new(fetcher: Fetcher, clock: Arc<dyn Clock>) -> Self {
        Self {
            fetcher: Arc::new(fetcher),
            clock,
            issuers: Arc::default(),
        }
    }

    /// The issuer's keys.
    pub(super) async fn keys(&self, discovery_url: &str) -> Result<Arc<Published>, Refused> {
        let flight = {
            let mut issuers = lock(&self.issuers);
            let now = self.clock.now();
            make_room(&mut issuers, discovery_url);
            let issuer = issuers.entry(discovery_url.to_owned()).or_default();
            if let Some(keys) = issuer.known_since(now, FRESH) {
                return Ok(keys);
            }
            match (&issuer.flight, issuer.failed) {
                (Some(flight), _) => flight.clone(),
                (None, Some((when, reason))) if now.since(when) < FAILED => {
                    let keys = issuer.known_since(now, STALE);
                    return keys.ok_or(Refused::Unavailable(reason));
                }
                (None, _) => self.ask(issuer, discovery_url, now),
            }
        };
        flight.await.or_else(|reason| {
            let issuers = lock(&self.issuers);
            let keys = issuers
                .get(discovery_url)
                .and_then(|issuer| issuer.known_since(self.clock.now(), STALE));
            keys.ok_or(Refused::Unavailable(reason))
        })
    }

    /// The issuer's keys, asked for anew unless it was asked a moment ago; none when it does not answer.
    pub(super) async fn newer_keys(&self, discovery_url: &str) -> Option<Arc<Published>> {
        let flight = {
            let mut issuers = lock(&self.issuers);
            let now = self.clock.now();
            let issuer = issuers.get_mut(discovery_url)?;
            match (&issuer.flight, issuer.asked) {
                (Some(flight), _) => flight.clone(),
                (None, Some(asked)) if now.since(asked) < COOLDOWN => {
                    return issuer.known_since(now, FRESH);
                }
                (None, _) => self.ask(issuer, discovery_url, now),
            }
        };
        flight.await.ok()
    }

    /// Begins a fetch, which goes on when nobody waits for it any more: it must not begin again with each caller.
    fn ask(&self, issuer: &mut Issuer, discovery_url: &str, now: Timestamp) -> Flight {
        let (fetcher, issuers) = (Arc::clone(&self.fetcher), Arc::clone(&self.issuers));
        let clock = Arc::clone(&self.clock);
        let url = discovery_url.to_owned();
        let fetch = tokio::spawn(async move {
            // Also after a panic somebody must be able to ask again.
            let fetched = AssertUnwindSafe(fetcher.published(&url)).catch_unwind();
            let fetched = fetched.await.unwrap_or(Err("asking the issuer broke off"));
            let outcome = fetched.map(Arc::new);
            if let Some(issuer) = lock(&issuers).get_mut(&url) {
                issuer.flight = None;
                match &outcome {
                    Ok(published) => {
                        issuer.known = Some((now, Arc::clone(published)));
                        issuer.failed = None;
                    }
                    Err(reason) => issuer.failed = Some((clock.now(), reason)),
                }
            }
            outcome
        });
        let flight = async move { fetch.await.unwrap_or(Err("the server is shutting down")) };
        let flight = flight.boxed().shared();
        issuer.asked = Some(now);
        issuer.flight = Some(flight.clone());
        flight
    }
}

impl Issuer {
    fn known_since(&self, now: Timestamp, age: Duration) -> Option<Arc<Published>> {
        let (when, published) = self.known.as_ref()?;
        (now.since(*when) < age).then(|| Arc::clone(published))
    }
}

fn lock(issuers: &Mutex<HashMap<String, Issuer>>) -> MutexGuard<'_, HashMap<String, Issuer>> {
    issuers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forgets the issuer that was asked longest ago when there are too many.
fn make_room(issuers: &mut HashMap<String, Issuer>, newcomer: &str) {
    if issuers.len() < MOST || issuers.contains_key(newcomer) {
        return;
    }
    let oldest = issuers
        .iter()
        .filter(|(_, issuer)| issuer.flight.is_none())
        .min_by_key(|(_, issuer)| issuer.asked)
        .map(|(url, _)| url.clone());
    if let Some(url) = oldest {
        issuers.remove(&url);
    }
}
