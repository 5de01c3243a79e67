/* Answering before the turn ends, and what the session has. */
#include <string.h>

#include "internal.h"

static bool has_answered;

void no_answer_yet(void) {
    has_answered = false;
}

void answer_begins(void) {
    has_answered = true;
}

bool answer_has_begun(void) {
    return has_answered;
}

bool kellion_send(const kellion_json *item) {
    kellion_content_type("text/event-stream");
    size_t length;
    const char *json = kellion_json_write(item, &length);
    static const char before[] = "data: ";
    static const char after[] = "\n\n";
    char *frame = kellion_alloc(sizeof before - 1 + length + sizeof after - 1);
    memcpy(frame, before, sizeof before - 1);
    memcpy(frame + sizeof before - 1, json, length);
    memcpy(frame + sizeof before - 1 + length, after, sizeof after - 1);
    return kellion_write(frame, sizeof before - 1 + length + sizeof after - 1);
}

bool kellion_write(const void *bytes, size_t length) {
    answer_begins();
    agent_list_u8_t chunk = {(uint8_t *)bytes, length};
    return kellion_agent_response_write(&chunk);
}

void kellion_content_type(const char *content_type) {
    answer_begins();
    agent_string_t text = lower_text(content_type);
    kellion_agent_response_set_content_type(&text);
}

const char *kellion_config(const char *name) {
    agent_string_t lowered = lower_text(name);
    agent_string_t value;
    return kellion_agent_session_config(&lowered, &value) ? lift_text(value) : NULL;
}

kellion_budget kellion_remaining(void) {
    kellion_agent_session_budget_t left;
    kellion_agent_session_remaining(&left);
    return (kellion_budget){
        .tokens = left.tokens.is_some ? left.tokens.val : KELLION_UNLIMITED,
        .money_micros = left.money_micros.is_some ? left.money_micros.val : KELLION_UNLIMITED,
    };
}

void kellion_log(kellion_level level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    agent_string_t message = lower_text(format_list(format, arguments));
    va_end(arguments);
    kellion_agent_log_write((kellion_agent_log_level_t)level, &message);
}
