/* From the contract's types to the library's. Nothing is copied but the structures: texts lie in the turn's memory, with
 * a zero byte behind them. */
#include <string.h>

#include "internal.h"

const char *lift_text(agent_string_t text) {
    /* A text without bytes has no place either. */
    return text.len ? (const char *)text.ptr : "";
}

const char *lift_option(agent_option_string_t text) {
    return text.is_some ? lift_text(text.val) : NULL;
}

void lift_context(const agent_context_t *from, kellion_context *to) {
    kellion_header *headers = kellion_alloc(array_size(from->headers.len, sizeof *headers));
    for (size_t at = 0; at < from->headers.len; at++) {
        headers[at].name = lift_text(from->headers.ptr[at].name);
        headers[at].value = lift_text(from->headers.ptr[at].value);
    }
    *to = (kellion_context){
        .session_id = lift_text(from->session_id),
        .request_id = lift_text(from->request_id),
        .turn = from->turn,
        .agent_name = lift_text(from->agent_name),
        .agent_version = lift_text(from->agent_version),
        .endpoint = lift_text(from->endpoint),
        .tenant_id = lift_text(from->tenant_id),
        .user_id = lift_option(from->user_id),
        .headers = headers,
        .header_count = from->headers.len,
        .content_type = lift_option(from->content_type),
        .accept = lift_option(from->accept),
        .deadline_ms = from->deadline_ms.is_some ? from->deadline_ms.val : 0,
        .traceparent = lift_option(from->traceparent),
    };
}

kellion_usage lift_usage(kellion_agent_model_usage_t from) {
    return (kellion_usage){from.input_tokens, from.output_tokens, from.cache_read_tokens, from.cache_write_tokens};
}

void lift_error(const kellion_agent_model_error_t *from, kellion_error *to) {
    if (!to) {
        return;
    }
    *to = (kellion_error){
        /* The contract's kinds, in its order, behind KELLION_NO_ERROR. */
        .kind = (kellion_error_kind)(KELLION_DENIED + from->kind),
        .message = lift_text(from->message),
        .retry_after_ms = from->retry_after_ms.is_some ? (int64_t)from->retry_after_ms.val : -1,
    };
    if (from->usage.is_some) {
        to->usage = lift_usage(from->usage.val);
    }
}

static kellion_content lift_media(kellion_content_kind kind, const kellion_agent_model_media_t *from) {
    return (kellion_content){
        .kind = kind, .format = lift_text(from->format), .bytes = from->bytes.ptr, .length = from->bytes.len};
}

static kellion_content lift_document(const kellion_agent_model_document_t *from) {
    return (kellion_content){
        .kind = KELLION_DOCUMENT,
        .name = lift_text(from->name),
        .format = lift_text(from->format),
        .bytes = from->bytes.ptr,
        .length = from->bytes.len,
        .text = lift_option(from->context),
        .citations = from->citations,
    };
}

static kellion_content lift_output(const kellion_agent_model_tool_output_t *from) {
    switch (from->tag) {
    case KELLION_AGENT_MODEL_TOOL_OUTPUT_JSON:
        return (kellion_content){.kind = KELLION_JSON, .text = lift_text(from->val.json)};
    case KELLION_AGENT_MODEL_TOOL_OUTPUT_IMAGE:
        return lift_media(KELLION_IMAGE, &from->val.image);
    case KELLION_AGENT_MODEL_TOOL_OUTPUT_DOCUMENT:
        return lift_document(&from->val.document);
    case KELLION_AGENT_MODEL_TOOL_OUTPUT_VIDEO:
        return lift_media(KELLION_VIDEO, &from->val.video);
    default:
        return (kellion_content){.kind = KELLION_TEXT, .text = lift_text(from->val.text)};
    }
}

static kellion_content lift_result(const kellion_agent_model_tool_result_t *from) {
    kellion_content *parts = kellion_alloc(array_size(from->content.len, sizeof *parts));
    for (size_t at = 0; at < from->content.len; at++) {
        parts[at] = lift_output(&from->content.ptr[at]);
    }
    return (kellion_content){
        .kind = KELLION_TOOL_RESULT,
        .id = lift_text(from->tool_use_id),
        .parts = parts,
        .part_count = from->content.len,
        .is_error = from->is_error,
    };
}

static kellion_content lift_block(const kellion_agent_model_content_t *from) {
    switch (from->tag) {
    case KELLION_AGENT_MODEL_CONTENT_TEXT:
        return (kellion_content){.kind = KELLION_TEXT, .text = lift_text(from->val.text)};
    case KELLION_AGENT_MODEL_CONTENT_IMAGE:
        return lift_media(KELLION_IMAGE, &from->val.image);
    case KELLION_AGENT_MODEL_CONTENT_DOCUMENT:
        return lift_document(&from->val.document);
    case KELLION_AGENT_MODEL_CONTENT_VIDEO:
        return lift_media(KELLION_VIDEO, &from->val.video);
    case KELLION_AGENT_MODEL_CONTENT_AUDIO:
        return lift_media(KELLION_AUDIO, &from->val.audio);
    case KELLION_AGENT_MODEL_CONTENT_TOOL_USE:
        return (kellion_content){
            .kind = KELLION_TOOL_USE,
            .id = lift_text(from->val.tool_use.id),
            .name = lift_text(from->val.tool_use.name),
            .text = lift_text(from->val.tool_use.input),
        };
    case KELLION_AGENT_MODEL_CONTENT_TOOL_RESULT:
        return lift_result(&from->val.tool_result);
    case KELLION_AGENT_MODEL_CONTENT_REASONING:
        return (kellion_content){
            .kind = KELLION_REASONING,
            .text = lift_text(from->val.reasoning.text),
            .signature = lift_option(from->val.reasoning.signature),
        };
    case KELLION_AGENT_MODEL_CONTENT_REDACTED_REASONING:
        return (kellion_content){
            .kind = KELLION_REDACTED_REASONING,
            .bytes = from->val.redacted_reasoning.ptr,
            .length = from->val.redacted_reasoning.len,
        };
    case KELLION_AGENT_MODEL_CONTENT_CACHE_POINT:
        return (kellion_content){.kind = KELLION_CACHE_POINT};
    default:
        return (kellion_content){.kind = KELLION_OTHER, .text = lift_text(from->val.other)};
    }
}

static const char *join_texts(const kellion_content *content, size_t count) {
    size_t length = 0;
    for (size_t at = 0; at < count; at++) {
        length += content[at].kind == KELLION_TEXT ? strlen(content[at].text) : 0;
    }
    char *whole = kellion_alloc(length + 1);
    char *to = whole;
    for (size_t at = 0; at < count; at++) {
        if (content[at].kind == KELLION_TEXT) {
            size_t step = strlen(content[at].text);
            memcpy(to, content[at].text, step);
            to += step;
        }
    }
    return whole;
}

const kellion_response *lift_response(const kellion_agent_model_response_t *from) {
    kellion_content *content = kellion_alloc(array_size(from->content.len, sizeof *content));
    for (size_t at = 0; at < from->content.len; at++) {
        content[at] = lift_block(&from->content.ptr[at]);
    }
    kellion_response *to = kellion_alloc(sizeof *to);
    *to = (kellion_response){
        .text = join_texts(content, from->content.len),
        .content = content,
        .content_count = from->content.len,
        .stop_reason = (kellion_stop_reason)from->stop_reason.tag,
        .usage = lift_usage(from->usage),
        .latency_ms = from->latency_ms,
        .model = lift_text(from->model),
        .extra = from->extra.is_some ? lift_text(from->extra.val) : NULL,
    };
    if (to->stop_reason == KELLION_STOP_OTHER) {
        to->stop_reason_text = lift_text(from->stop_reason.val.other);
    }
    return to;
}

static void lift_start(const kellion_agent_model_block_start_t *from, kellion_event *to) {
    switch (from->tag) {
    case KELLION_AGENT_MODEL_BLOCK_START_TEXT:
        to->block = KELLION_TEXT;
        break;
    case KELLION_AGENT_MODEL_BLOCK_START_REASONING:
        to->block = KELLION_REASONING;
        break;
    case KELLION_AGENT_MODEL_BLOCK_START_TOOL_USE:
        to->block = KELLION_TOOL_USE;
        to->piece.id = lift_text(from->val.tool_use.id);
        to->piece.name = lift_text(from->val.tool_use.name);
        break;
    default:
        to->block = KELLION_OTHER;
        to->piece.text = lift_text(from->val.other);
    }
}

static void lift_delta(const kellion_agent_model_delta_t *from, kellion_event *to) {
    switch (from->tag) {
    case KELLION_AGENT_MODEL_DELTA_TEXT:
        to->block = KELLION_TEXT;
        to->piece.text = lift_text(from->val.text);
        break;
    case KELLION_AGENT_MODEL_DELTA_REASONING:
        to->block = KELLION_REASONING;
        to->piece.text = lift_text(from->val.reasoning);
        break;
    case KELLION_AGENT_MODEL_DELTA_REASONING_SIGNATURE:
        to->block = KELLION_REASONING;
        to->piece.signature = lift_text(from->val.reasoning_signature);
        break;
    case KELLION_AGENT_MODEL_DELTA_REDACTED_REASONING:
        to->block = KELLION_REDACTED_REASONING;
        to->piece.bytes = from->val.redacted_reasoning.ptr;
        to->piece.length = from->val.redacted_reasoning.len;
        break;
    case KELLION_AGENT_MODEL_DELTA_TOOL_INPUT:
        to->block = KELLION_TOOL_USE;
        to->piece.text = lift_text(from->val.tool_input);
        break;
    default:
        to->block = KELLION_OTHER;
        to->piece.text = lift_text(from->val.other);
    }
}

void lift_event(const kellion_agent_model_event_t *from, kellion_event *to) {
    *to = (kellion_event){.kind = (kellion_event_kind)from->tag};
    switch (from->tag) {
    case KELLION_AGENT_MODEL_EVENT_BLOCK_START:
        lift_start(&from->val.block_start, to);
        break;
    case KELLION_AGENT_MODEL_EVENT_DELTA:
        lift_delta(&from->val.delta, to);
        break;
    case KELLION_AGENT_MODEL_EVENT_DONE:
        to->response = lift_response(&from->val.done);
        break;
    default:
        break;
    }
    to->piece.kind = to->block;
}
