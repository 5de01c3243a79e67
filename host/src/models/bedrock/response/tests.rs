use aws_sdk_bedrockruntime::operation::converse::ConverseOutput;
use aws_sdk_bedrockruntime::types::{StopReason as AwsStopReason, TokenUsage};

use super::{count, from_aws, stop_reason, usage};
use crate::contract::model::{ErrorKind, StopReason, Usage};

#[test]
fn every_stop_reason_has_its_word_or_keeps_its_name() {
    let other = |name: &str| StopReason::Other(name.to_owned());
    for (wire, reason) in [
        ("end_turn", StopReason::EndTurn),
        ("tool_use", StopReason::ToolUse),
        ("max_tokens", StopReason::MaxTokens),
        ("stop_sequence", StopReason::StopSequence),
        ("guardrail_intervened", StopReason::GuardrailIntervened),
        ("content_filtered", StopReason::ContentFiltered),
        (
            "model_context_window_exceeded",
            StopReason::ContextWindowExceeded,
        ),
        ("malformed_model_output", other("malformed_model_output")),
        ("malformed_tool_use", other("malformed_tool_use")),
        ("bored", other("bored")),
    ] {
        assert_eq!(stop_reason(&AwsStopReason::from(wire)), reason);
    }
}

#[test]
fn tokens_of_a_cache_are_counted_apart_and_absent_ones_are_none() {
    let tokens = TokenUsage::builder()
        .input_tokens(3)
        .output_tokens(4)
        .total_tokens(7);
    assert_eq!(
        usage(&tokens.clone().build().unwrap()),
        Usage {
            input_tokens: 3,
            output_tokens: 4,
            cache_read_tokens: 0,
            cache_write_tokens: 0
        }
    );
    let cached = tokens
        .cache_read_input_tokens(5)
        .cache_write_input_tokens(6)
        .build()
        .unwrap();
    assert_eq!(
        usage(&cached),
        Usage {
            input_tokens: 3,
            output_tokens: 4,
            cache_read_tokens: 5,
            cache_write_tokens: 6
        }
    );
}

#[test]
fn a_negative_number_counts_nothing() {
    assert_eq!((count(-1), count(i64::MAX)), (0, i64::MAX as u64));
}

#[test]
fn an_answer_without_a_message_is_an_error_with_its_bill() {
    let tokens = TokenUsage::builder()
        .input_tokens(3)
        .output_tokens(0)
        .total_tokens(3)
        .build()
        .unwrap();
    let output = ConverseOutput::builder()
        .stop_reason(AwsStopReason::EndTurn)
        .usage(tokens)
        .build()
        .unwrap();

    let error = from_aws(output, "m".to_owned()).unwrap_err();

    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(error.usage.unwrap().input_tokens, 3);
}
