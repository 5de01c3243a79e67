/* Requests and messages, copied to where they last longer. */
#include "internal.h"

kellion_content *copy_content(arena *into, const kellion_content *from, size_t count) {
    kellion_content *to = arena_alloc(into, array_size(count, sizeof *to));
    for (size_t at = 0; at < count; at++) {
        to[at] = from[at];
        to[at].text = arena_copy_text(into, from[at].text);
        to[at].name = arena_copy_text(into, from[at].name);
        to[at].id = arena_copy_text(into, from[at].id);
        to[at].format = arena_copy_text(into, from[at].format);
        to[at].signature = arena_copy_text(into, from[at].signature);
        if (from[at].length) {
            to[at].bytes = arena_copy_bytes(into, from[at].bytes, from[at].length);
        }
        /* A part of a tool's result has no parts itself: this goes no deeper. */
        to[at].part_count = from[at].kind == KELLION_TOOL_RESULT ? from[at].part_count : 0;
        to[at].parts = to[at].part_count ? copy_content(into, from[at].parts, to[at].part_count) : NULL;
    }
    return to;
}

kellion_message *copy_messages(arena *into, const kellion_message *from, size_t count) {
    kellion_message *to = arena_alloc(into, array_size(count, sizeof *to));
    for (size_t at = 0; at < count; at++) {
        to[at] = from[at];
        to[at].content = copy_content(into, from[at].content, from[at].content_count);
    }
    return to;
}

static const kellion_field *copy_fields(arena *into, const kellion_field *from) {
    if (!from) {
        return NULL;
    }
    size_t count = 0;
    while (from[count].name) {
        count++;
    }
    kellion_field *to = arena_alloc(into, array_size(count + 1, sizeof *to));
    for (size_t at = 0; at < count; at++) {
        to[at] = from[at];
        to[at].name = arena_copy_text(into, from[at].name);
        to[at].description = arena_copy_text(into, from[at].description);
        to[at].schema = arena_copy_text(into, from[at].schema);
    }
    return to;
}

static const kellion_tool *copy_tools(arena *into, const kellion_tool *from, size_t count) {
    kellion_tool *to = arena_alloc(into, array_size(count, sizeof *to));
    for (size_t at = 0; at < count; at++) {
        to[at] = from[at];
        to[at].name = arena_copy_text(into, from[at].name);
        to[at].description = arena_copy_text(into, from[at].description);
        to[at].fields = copy_fields(into, from[at].fields);
        to[at].schema = arena_copy_text(into, from[at].schema);
    }
    return to;
}

static const float *copy_float(arena *into, const float *from) {
    return from ? arena_copy_bytes(into, from, sizeof *from) : NULL;
}

void copy_request(arena *into, const kellion_request *from, kellion_request *to) {
    *to = *from;
    to->model = arena_copy_text(into, from->model);
    to->system = arena_copy_text(into, from->system);
    to->system_blocks = copy_content(into, from->system_blocks, from->system_block_count);
    to->messages = copy_messages(into, from->messages, from->message_count);
    to->temperature = copy_float(into, from->temperature);
    to->top_p = copy_float(into, from->top_p);
    const char **stops = arena_alloc(into, array_size(from->stop_sequence_count, sizeof *stops));
    for (size_t at = 0; at < from->stop_sequence_count; at++) {
        stops[at] = arena_copy_text(into, from->stop_sequences[at]);
    }
    to->stop_sequences = stops;
    to->tools = copy_tools(into, from->tools, from->tool_count);
    to->tool_choice_name = arena_copy_text(into, from->tool_choice_name);
    to->guardrail_id = arena_copy_text(into, from->guardrail_id);
    to->guardrail_version = arena_copy_text(into, from->guardrail_version);
    to->extra = arena_copy_text(into, from->extra);
}
