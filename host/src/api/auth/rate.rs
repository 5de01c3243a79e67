//! How many requests a tenant may send in a second.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::api::error::{ApiError, Code};
use crate::ids::TenantId;
use crate::tenants::Principal;

/// The buckets of all tenants that have come by. One tenant's empty bucket is nobody else's concern.
#[derive(Default)]
pub struct Rates(Mutex<HashMap<TenantId, Bucket>>);

struct Bucket {
    rate: NonZeroU32,
    limiter: Arc<DefaultDirectRateLimiter>,
}

impl Rates {
    /// Takes one request from the tenant's bucket, or says when the next one will be there.
    pub(in crate::api) fn admit(&self, principal: &Principal) -> Result<(), ApiError> {
        let Some(rate) = principal.policy.quotas.requests_per_second else {
            return Ok(());
        };
        let rate = NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN);
        let limiter = self.limiter(&principal.tenant, rate);
        limiter.check().map_err(|refused| {
            let wait = refused.wait_time_from(DefaultClock::default().now());
            let message = format!(
                "the account has sent more than {rate} requests a second, its quota requests_per_second; try again later"
            );
            ApiError::new(Code::Throttling, message).retry_after(wait)
        })
    }

    fn limiter(&self, tenant: &TenantId, rate: NonZeroU32) -> Arc<DefaultDirectRateLimiter> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match buckets.get(tenant) {
            Some(bucket) if bucket.rate == rate => Arc::clone(&bucket.limiter),
            _ => {
                let limiter = Arc::new(RateLimiter::direct(Quota::per_second(rate)));
                let bucket = Bucket {
                    rate,
                    limiter: Arc::clone(&limiter),
                };
                buckets.insert(tenant.clone(), bucket);
                limiter
            }
        }
    }
}
