//! How the AWS client behaves: its waits, its retries, and how much it reads.

use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, InterceptorContext,
};
use aws_sdk_bedrockruntime::config::retry::{ClassifyRetry, RetryAction, RetryConfig};
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::config::{
    Builder, ConfigBag, Intercept, RuntimeComponents, StalledStreamProtectionConfig,
};
use aws_sdk_bedrockruntime::error::BoxError;
use aws_sdk_bedrockruntime::{Client, Config as SdkConfig};
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

use super::Config;

/// The one client of a provider.
pub(super) fn client(sdk: Builder, config: &Config) -> Client {
    let retry = RetryConfig::standard()
        .with_max_attempts(config.attempts)
        .with_initial_backoff(config.backoff);
    let sdk: SdkConfig = sdk
        // Waits for answers are bounded by the provider itself, around all attempts: the SDK's own limits would count a
        // model's silence while it thinks as a dead connection, and buy the answer again.
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(config.connect_timeout)
                .build(),
        )
        .stalled_stream_protection(
            StalledStreamProtectionConfig::enabled()
                .download_enabled(false)
                .build(),
        )
        .retry_config(retry)
        .retry_classifier(BoughtOnce)
        .interceptor(AnswerLimit(config.answer_bytes))
        .build();
    Client::from_conf(sdk)
}

/// Never buys an answer twice: when Bedrock has begun to answer, the call is billed, and what comes of a second one is the
/// caller's decision.
#[derive(Debug)]
struct BoughtOnce;

impl ClassifyRetry for BoughtOnce {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response() {
            Some(response) if response.status().is_success() => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "answers that began are billed"
    }
}

/// Bounds what is read of one answer, in bytes.
#[derive(Debug)]
struct AnswerLimit(usize);

impl Intercept for AnswerLimit {
    fn name(&self) -> &'static str {
        "a limit on an answer's bytes"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response: &mut HttpResponse = context.response_mut();
        let body = std::mem::replace(response.body_mut(), SdkBody::taken());
        *response.body_mut() = SdkBody::from_body_1_x(Limited::new(body, self.0));
        Ok(())
    }
}
