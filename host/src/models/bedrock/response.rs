//! A whole answer of Bedrock's, in the contract's words.

use aws_sdk_bedrockruntime::operation::converse::ConverseOutput;
use aws_sdk_bedrockruntime::types::{
    ConverseOutput as Output, StopReason as AwsStopReason, TokenUsage,
};

use super::errors::error;
use super::{content, json};
use crate::contract::model::{Error, ErrorKind, Response, StopReason, Usage};

#[cfg(test)]
mod tests;

/// The answer of `model`. One without a message is an error that says what it cost all the same.
pub(super) fn from_aws(output: ConverseOutput, model: String) -> Result<Response, Error> {
    let usage = output.usage.as_ref().map(usage);
    let Some(Output::Message(message)) = output.output else {
        return Err(Error {
            usage,
            ..error(ErrorKind::Unavailable, "Bedrock's answer holds no message")
        });
    };
    Ok(Response {
        content: message.content.into_iter().map(content::from_aws).collect(),
        stop_reason: stop_reason(&output.stop_reason),
        usage: usage.unwrap_or_else(nothing),
        latency_ms: output
            .metrics
            .map_or(0, |metrics| count(metrics.latency_ms)),
        model,
        extra: output.additional_model_response_fields.map(json::text),
    })
}

/// Why the model stopped; reasons that the contract does not list keep Bedrock's name.
pub(super) fn stop_reason(reason: &AwsStopReason) -> StopReason {
    match reason {
        AwsStopReason::EndTurn => StopReason::EndTurn,
        AwsStopReason::ToolUse => StopReason::ToolUse,
        AwsStopReason::MaxTokens => StopReason::MaxTokens,
        AwsStopReason::StopSequence => StopReason::StopSequence,
        AwsStopReason::GuardrailIntervened => StopReason::GuardrailIntervened,
        AwsStopReason::ContentFiltered => StopReason::ContentFiltered,
        AwsStopReason::ModelContextWindowExceeded => StopReason::ContextWindowExceeded,
        other => StopReason::Other(other.as_str().to_owned()),
    }
}

/// Tokens as Bedrock counted them.
pub(super) fn usage(usage: &TokenUsage) -> Usage {
    Usage {
        input_tokens: count(usage.input_tokens),
        output_tokens: count(usage.output_tokens),
        cache_read_tokens: usage.cache_read_input_tokens.map_or(0, count),
        cache_write_tokens: usage.cache_write_input_tokens.map_or(0, count),
    }
}

/// Nothing used.
pub(super) fn nothing() -> Usage {
    Usage {
        input_tokens: 0,
        output_tokens: 0,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
    }
}

/// A number of the wire, where a negative one makes no sense.
pub(super) fn count(number: impl Into<i64>) -> u64 {
    u64::try_from(number.into()).unwrap_or(0)
}
