/* From the library's types to the contract's. */
#include <string.h>

#include "internal.h"

agent_string_t lower_bytes(const char *bytes, size_t length) {
    const char *mended = utf8_mend(bytes, &length);
    return (agent_string_t){(uint8_t *)mended, length};
}

agent_string_t lower_text(const char *text) {
    return text ? lower_bytes(text, strlen(text)) : (agent_string_t){(uint8_t *)"", 0};
}

static agent_option_string_t lower_option(const char *text) {
    return (agent_option_string_t){.is_some = text != NULL, .val = lower_text(text)};
}

static agent_list_u8_t lower_list(const void *bytes, size_t length) {
    return (agent_list_u8_t){(uint8_t *)bytes, length};
}

static kellion_agent_model_media_t lower_media(const kellion_content *from) {
    return (kellion_agent_model_media_t){lower_text(from->format), lower_list(from->bytes, from->length)};
}

static kellion_agent_model_document_t lower_document(const kellion_content *from) {
    return (kellion_agent_model_document_t){
        .name = lower_text(from->name),
        .format = lower_text(from->format),
        .bytes = lower_list(from->bytes, from->length),
        .context = lower_option(from->text),
        .citations = from->citations,
    };
}

static kellion_agent_model_tool_output_t lower_output(const kellion_content *from) {
    kellion_agent_model_tool_output_t to = {0};
    switch (from->kind) {
    case KELLION_IMAGE:
        to.tag = KELLION_AGENT_MODEL_TOOL_OUTPUT_IMAGE;
        to.val.image = lower_media(from);
        break;
    case KELLION_DOCUMENT:
        to.tag = KELLION_AGENT_MODEL_TOOL_OUTPUT_DOCUMENT;
        to.val.document = lower_document(from);
        break;
    case KELLION_VIDEO:
        to.tag = KELLION_AGENT_MODEL_TOOL_OUTPUT_VIDEO;
        to.val.video = lower_media(from);
        break;
    case KELLION_JSON:
        to.tag = KELLION_AGENT_MODEL_TOOL_OUTPUT_JSON;
        to.val.json = lower_text(from->text);
        break;
    default:
        to.tag = KELLION_AGENT_MODEL_TOOL_OUTPUT_TEXT;
        to.val.text = lower_text(from->text);
    }
    return to;
}

static kellion_agent_model_tool_result_t lower_result(const kellion_content *from) {
    kellion_agent_model_tool_result_t to = {
        .tool_use_id = lower_text(from->id),
        .content.len = from->part_count,
        .is_error = from->is_error,
    };
    to.content.ptr = kellion_alloc(array_size(from->part_count, sizeof *to.content.ptr));
    for (size_t part = 0; part < from->part_count; part++) {
        to.content.ptr[part] = lower_output(&from->parts[part]);
    }
    return to;
}

static kellion_agent_model_content_t lower_block(const kellion_content *from) {
    /* The kinds have the contract's order, but for KELLION_JSON, which is no block of a message. */
    kellion_agent_model_content_t to = {.tag = (uint8_t)from->kind};
    switch (from->kind) {
    case KELLION_TEXT:
        to.val.text = lower_text(from->text);
        break;
    case KELLION_IMAGE:
    case KELLION_VIDEO:
    case KELLION_AUDIO:
        to.val.image = lower_media(from);
        break;
    case KELLION_DOCUMENT:
        to.val.document = lower_document(from);
        break;
    case KELLION_TOOL_USE:
        to.val.tool_use = (kellion_agent_model_tool_use_t){lower_text(from->id), lower_text(from->name),
                                                           lower_text(from->text)};
        break;
    case KELLION_TOOL_RESULT:
        to.val.tool_result = lower_result(from);
        break;
    case KELLION_REASONING:
        to.val.reasoning =
            (kellion_agent_model_reasoning_t){lower_text(from->text), lower_option(from->signature)};
        break;
    case KELLION_REDACTED_REASONING:
        to.val.redacted_reasoning = lower_list(from->bytes, from->length);
        break;
    case KELLION_CACHE_POINT:
        break;
    case KELLION_OTHER:
    case KELLION_JSON:
        to.tag = KELLION_AGENT_MODEL_CONTENT_OTHER;
        to.val.other = lower_text(from->text);
        break;
    }
    return to;
}

static kellion_agent_model_list_content_t lower_content(const kellion_content *from, size_t count) {
    kellion_agent_model_list_content_t to = {.len = count};
    to.ptr = kellion_alloc(array_size(count, sizeof *to.ptr));
    for (size_t block = 0; block < count; block++) {
        to.ptr[block] = lower_block(&from[block]);
    }
    return to;
}

static kellion_agent_model_list_content_t lower_system(const kellion_request *from) {
    size_t count = from->system_block_count + (from->system != NULL);
    kellion_content *all = kellion_alloc(array_size(count, sizeof *all));
    if (from->system) {
        all[0] = (kellion_content){.kind = KELLION_TEXT, .text = from->system};
    }
    for (size_t block = 0; block < from->system_block_count; block++) {
        all[block + (from->system != NULL)] = from->system_blocks[block];
    }
    return lower_content(all, count);
}

static kellion_agent_model_list_message_t lower_messages(const kellion_request *from) {
    kellion_agent_model_list_message_t to = {.len = from->message_count};
    to.ptr = kellion_alloc(array_size(to.len, sizeof *to.ptr));
    for (size_t at = 0; at < to.len; at++) {
        const kellion_message *message = &from->messages[at];
        to.ptr[at].role = (uint8_t)message->role;
        to.ptr[at].content = lower_content(message->content, message->content_count);
    }
    return to;
}

static kellion_agent_model_inference_t lower_inference(const kellion_request *from) {
    kellion_agent_model_inference_t to = {
        .max_tokens = {from->max_tokens > 0, from->max_tokens},
        .temperature = {from->temperature != NULL, from->temperature ? *from->temperature : 0},
        .top_p = {from->top_p != NULL, from->top_p ? *from->top_p : 0},
        .stop_sequences.len = from->stop_sequence_count,
    };
    to.stop_sequences.ptr = kellion_alloc(array_size(to.stop_sequences.len, sizeof *to.stop_sequences.ptr));
    for (size_t at = 0; at < to.stop_sequences.len; at++) {
        to.stop_sequences.ptr[at] = lower_text(from->stop_sequences[at]);
    }
    return to;
}

static kellion_agent_model_list_tool_t lower_tools(const kellion_request *from) {
    kellion_agent_model_list_tool_t to = {.len = from->tool_count};
    to.ptr = kellion_alloc(array_size(to.len, sizeof *to.ptr));
    for (size_t at = 0; at < to.len; at++) {
        to.ptr[at] = (kellion_agent_model_tool_t){
            .name = lower_text(from->tools[at].name),
            .description = lower_option(from->tools[at].description),
            .input_schema = lower_text(tool_schema(&from->tools[at])),
        };
    }
    return to;
}

void lower_request(const kellion_request *from, kellion_agent_model_request_t *to) {
    *to = (kellion_agent_model_request_t){
        .model = lower_text(from->model),
        .system = lower_system(from),
        .messages = lower_messages(from),
        .inference = lower_inference(from),
        .tools = lower_tools(from),
        .guardrail.is_some = from->guardrail_id != NULL,
        .guardrail.val = {lower_text(from->guardrail_id), lower_text(from->guardrail_version)},
        .extra = {from->extra != NULL, lower_text(from->extra)},
    };
    if (from->tool_choice != KELLION_TOOLS_AS_USUAL) {
        to->tool_choice.is_some = true;
        to->tool_choice.val.tag = (uint8_t)(from->tool_choice - KELLION_TOOLS_AUTO);
        to->tool_choice.val.val.tool = lower_text(from->tool_choice_name);
    }
}
