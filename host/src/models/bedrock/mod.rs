//! Amazon Bedrock, through the AWS SDK: Converse, ConverseStream, CountTokens and InvokeModel.
//!
//! The only place that knows the AWS SDK. Region, credentials, profiles and endpoint are found as every AWS tool finds
//! them. No credential and no header of a request ever gets into an answer or an error.

mod assembly;
mod client;
mod content;
mod errors;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod json;
mod media;
mod open;
mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::Builder;
use aws_sdk_bedrockruntime::config::retry::RetryPartition;
use aws_sdk_bedrockruntime::primitives::Blob;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::time::timeout;

use self::errors::{error, of_call};
use super::Provider;
use crate::contract::EventStream;
use crate::contract::model::{Error, ErrorKind, Request, Response};
use crate::ids::TenantId;

/// The most that is read of one answer by default, in bytes. Bedrock's own limit on an answer's body is 25 MB; a stream of
/// 128,000 tokens, each an event with its frame and padding, comes to about 32 MB; this is twice that.
pub const MAX_ANSWER_BYTES: usize = 64 << 20;

/// How patient and how greedy the client is.
#[derive(Debug, Clone)]
pub struct Config {
    /// The wait for a connection, one attempt. Default 3 s: Bedrock's endpoints are near or not there.
    pub connect_timeout: Duration,
    /// The wait for a whole answer of the calls that do not stream, all attempts together.
    pub answer_timeout: Duration,
    /// The wait for a stream's begin, all attempts together, and then for each of its pieces.
    pub idle_timeout: Duration,
    /// How often a call is sent at most while Bedrock has not begun to answer. Default 3, the SDK's standard.
    pub attempts: u32,
    /// The base of the jittered, doubling pause between two attempts. Default 1 s, the SDK's standard.
    pub backoff: Duration,
    /// The most that is read of one answer, in bytes. Default [`MAX_ANSWER_BYTES`].
    pub answer_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self::from(&super::Config::default())
    }
}

impl From<&super::Config> for Config {
    fn from(config: &super::Config) -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            answer_timeout: Duration::from_secs(config.answer_timeout_seconds.get()),
            idle_timeout: Duration::from_secs(config.idle_timeout_seconds.get()),
            attempts: 3,
            backoff: Duration::from_secs(1),
            answer_bytes: MAX_ANSWER_BYTES,
        }
    }
}

/// Why the provider cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Neither the environment nor the profile names a region, and without one no call can be signed.
    #[error(
        "no AWS region is set; set AWS_REGION, or `region` in the profile that AWS_PROFILE names"
    )]
    NoRegion,
}

/// Answers by calling Amazon Bedrock. Cheap to clone: all clones share one client and its connections.
#[derive(Debug, Clone)]
pub struct Bedrock {
    client: Client,
    config: Config,
    /// Whose attempts count together against a budget of them.
    retries: Option<RetryPartition>,
}

impl Bedrock {
    /// A provider with the environment's region, credentials, profile and endpoint (`AWS_REGION`, `AWS_PROFILE`,
    /// `AWS_ENDPOINT_URL_BEDROCK_RUNTIME` and all others that AWS tools read), and the default [`Config`].
    ///
    /// Credentials are looked for when they are first needed and renewed as they expire.
    pub async fn from_environment() -> Result<Self, SetupError> {
        Self::from_environment_with(Config::default()).await
    }

    /// As [`Bedrock::from_environment`], with its own patience.
    pub async fn from_environment_with(config: Config) -> Result<Self, SetupError> {
        let environment = aws_config::load_defaults(BehaviorVersion::latest()).await;
        if environment.region().is_none() {
            return Err(SetupError::NoRegion);
        }
        Ok(Self::new(Builder::from(&environment), config))
    }

    fn new(sdk: Builder, config: Config) -> Self {
        Self {
            client: client::client(sdk, &config),
            config,
            retries: None,
        }
    }

    /// What a call has of its own.
    fn own(&self) -> Builder {
        let mut own = Builder::new();
        own.set_retry_partition(self.retries.clone());
        own
    }

    async fn answer(&self, request: Request) -> Result<Response, Error> {
        let mut parts = request::parts(request)?;
        let call = self
            .client
            .converse()
            .model_id(&parts.model)
            .set_guardrail_config(parts.guardrail())
            .set_messages(Some(parts.messages))
            .set_system(parts.system)
            .set_inference_config(parts.inference)
            .set_tool_config(parts.tools)
            .set_additional_model_request_fields(parts.extra);
        let answer = within(
            self.config.answer_timeout,
            call.customize().config_override(self.own()).send(),
        )
        .await?;
        response::from_aws(
            answer.map_err(|failure| of_call(&failure, &parts.model))?,
            parts.model,
        )
    }

    async fn answer_in_pieces(&self, request: Request) -> Result<EventStream, Error> {
        let mut parts = request::parts(request)?;
        let call = self
            .client
            .converse_stream()
            .model_id(&parts.model)
            .set_guardrail_config(parts.stream_guardrail())
            .set_messages(Some(parts.messages))
            .set_system(parts.system)
            .set_inference_config(parts.inference)
            .set_tool_config(parts.tools)
            .set_additional_model_request_fields(parts.extra);
        let answer = within(
            self.config.idle_timeout,
            call.customize().config_override(self.own()).send(),
        )
        .await?;
        let answer = answer.map_err(|failure| of_call(&failure, &parts.model))?;
        Ok(stream::events(
            answer.stream,
            parts.model,
            self.config.idle_timeout,
        ))
    }

    async fn count(&self, request: Request) -> Result<u64, Error> {
        let parts = request::parts(request)?;
        let model = parts.model.clone();
        let call = self
            .client
            .count_tokens()
            .model_id(&model)
            .input(parts.into_count());
        let answer = within(
            self.config.answer_timeout,
            call.customize().config_override(self.own()).send(),
        )
        .await?;
        Ok(response::count(
            answer
                .map_err(|failure| of_call(&failure, &model))?
                .input_tokens,
        ))
    }

    async fn invoke(&self, model: String, body: Vec<u8>) -> Result<Vec<u8>, Error> {
        let call = self
            .client
            .invoke_model()
            .model_id(&model)
            .content_type("application/json")
            .accept("application/json")
            .body(Blob::new(body));
        let answer = within(
            self.config.answer_timeout,
            call.customize().config_override(self.own()).send(),
        )
        .await?;
        Ok(answer
            .map_err(|failure| of_call(&failure, &model))?
            .body
            .into_inner())
    }
}

impl Provider for Bedrock {
    fn name(&self) -> &'static str {
        "bedrock"
    }

    fn for_tenant(&self, tenant: &TenantId) -> Option<Arc<dyn Provider>> {
        Some(Arc::new(Self {
            retries: Some(RetryPartition::new(format!("tenant {tenant}"))),
            ..self.clone()
        }))
    }

    fn converse(&self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        self.answer(request).boxed()
    }

    fn converse_stream(&self, request: Request) -> BoxFuture<'_, Result<EventStream, Error>> {
        self.answer_in_pieces(request).boxed()
    }

    fn count_tokens(&self, request: Request) -> BoxFuture<'_, Result<u64, Error>> {
        self.count(request).boxed()
    }

    fn invoke_model(&self, model: String, body: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, Error>> {
        self.invoke(model, body).boxed()
    }
}

/// What a call gives, when it gives it in time.
async fn within<T>(limit: Duration, call: impl Future<Output = T>) -> Result<T, Error> {
    timeout(limit, call).await.map_err(|_| {
        error(
            ErrorKind::Timeout,
            format!("Bedrock did not answer within {} s", limit.as_secs_f32()),
        )
    })
}
