//! The way to models: one [`Provider`] answers what agents ask, in the words of the contract.
//!
//! Nothing above this folder knows which provider serves, and nothing outside it knows the AWS SDK.

pub mod bedrock;
mod count;
pub mod offline;
mod pieces;
pub mod remembering;
pub mod scripted;
mod weight;

use std::num::NonZeroU64;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Deserialize;

use crate::contract::EventStream;
use crate::contract::model::{Error, Request, Response};
use crate::ids::TenantId;

/// How long a provider is waited for. `[models]` in the configuration file. A turn that is given up gives up its calls,
/// whatever stands here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The wait for a whole answer of a call that does not stream, in seconds, all attempts together. 900 by default, the
    /// longest that AgentCore lets a request take.
    pub answer_timeout_seconds: NonZeroU64,
    /// The wait for a stream's begin, all attempts together, and then for each of its pieces, in seconds. 120 by default:
    /// models think silently for a minute and more.
    pub idle_timeout_seconds: NonZeroU64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            answer_timeout_seconds: const { NonZeroU64::new(900).expect("it is not zero") },
            idle_timeout_seconds: const { NonZeroU64::new(120).expect("it is not zero") },
        }
    }
}

/// Tokens of a request, for calls of which no provider has said what they cost: by the count of the offline model, to which
/// four characters are one.
pub fn estimated_tokens(request: &Request) -> u64 {
    count::request(request)
}

/// Bytes that a request takes in memory, about.
pub fn weight(request: &Request) -> u64 {
    weight::request(request)
}

/// Who answers model calls. Errors are data for the agent: they say what kind, when to try again, and what was billed.
///
/// Every method may be called from many sessions at once, and every call is cancelled by dropping its future.
pub trait Provider: Send + Sync + 'static {
    /// The provider's name in logs and at start, such as "bedrock".
    fn name(&self) -> &'static str;

    /// The same for one tenant, if the provider tells tenants apart. Its failures are then nobody else's concern.
    fn for_tenant(&self, tenant: &TenantId) -> Option<Arc<dyn Provider>> {
        let _ = tenant;
        None
    }

    /// One answer, whole.
    fn converse(&self, request: Request) -> BoxFuture<'_, Result<Response, Error>>;

    /// One answer, as it is made. An error here means that nothing was said.
    fn converse_stream(&self, request: Request) -> BoxFuture<'_, Result<EventStream, Error>>;

    /// Input tokens that the request would cost.
    fn count_tokens(&self, request: Request) -> BoxFuture<'_, Result<u64, Error>>;

    /// A model's own API: body in, body out.
    fn invoke_model(&self, model: String, body: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, Error>>;
}
