"""From the contract's answers to the shapes of Converse."""

import json

from wit_world.imports import model

_STOP_REASONS = {
    model.StopReason_EndTurn: "end_turn",
    model.StopReason_ToolUse: "tool_use",
    model.StopReason_MaxTokens: "max_tokens",
    model.StopReason_StopSequence: "stop_sequence",
    model.StopReason_GuardrailIntervened: "guardrail_intervened",
    model.StopReason_ContentFiltered: "content_filtered",
    model.StopReason_ContextWindowExceeded: "model_context_window_exceeded",
}


def response(answer: model.Response) -> dict:
    """What `converse` returns."""
    said = {
        "output": {"message": {"role": "assistant", "content": [block(each) for each in answer.content]}},
        "stopReason": stop_reason(answer.stop_reason),
        "usage": usage(answer.usage),
        "metrics": {"latencyMs": answer.latency_ms},
    }
    said.update(extra(answer))
    return said


def block(content) -> dict:
    match content:
        case model.Content_Text(value=text):
            return {"text": text}
        case model.Content_ToolUse(value=use):
            return {"toolUse": {"toolUseId": use.id, "name": use.name, "input": json.loads(use.input or "{}")}}
        case model.Content_Reasoning(value=reasoning):
            signature = {"signature": reasoning.signature} if reasoning.signature else {}
            return {"reasoningContent": {"reasoningText": {"text": reasoning.text, **signature}}}
        case model.Content_RedactedReasoning(value=data):
            return {"reasoningContent": {"redactedContent": data}}
        case model.Content_Image(value=media):
            return {"image": {"format": media.format, "source": {"bytes": media.bytes}}}
        case model.Content_Other(value=text):
            return json.loads(text)
    return {"SDK_UNKNOWN_MEMBER": {"name": type(content).__name__}}


def stop_reason(reason) -> str:
    return _STOP_REASONS.get(type(reason)) or reason.value


def usage(used: model.Usage) -> dict:
    counts = {
        "inputTokens": used.input_tokens,
        "outputTokens": used.output_tokens,
        "totalTokens": used.input_tokens + used.output_tokens,
    }
    if used.cache_read_tokens:
        counts["cacheReadInputTokens"] = used.cache_read_tokens
    if used.cache_write_tokens:
        counts["cacheWriteInputTokens"] = used.cache_write_tokens
    return counts


def extra(answer: model.Response) -> dict:
    """The fields of the model itself."""
    return {"additionalModelResponseFields": json.loads(answer.extra)} if answer.extra else {}
