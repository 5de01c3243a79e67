/* An agent that does one thing on request, for the host's tests: {"do": "echo", "value": 1}. */
#include "probe.h"

#include <stdlib.h>
#include <string.h>

/* In the session's own memory. */
static uint64_t turns;

const char *wanted_text(const kellion_json *payload, const char *name, const char **problem) {
    const char *text = kellion_json_string(kellion_json_get(payload, name));
    if (!text) {
        *problem = kellion_format("payload does not fit: `%s`: expected a string", name);
    }
    return text;
}

size_t wanted_size(const kellion_json *payload, const char *name, const char **problem) {
    int64_t number;
    if (!kellion_json_integer(kellion_json_get(payload, name), &number) || number < 0 || number > INT32_MAX) {
        *problem = kellion_format("payload does not fit: `%s`: expected a whole number", name);
        return 0;
    }
    return (size_t)number;
}

static void set_text(kellion_json *object, const char *name, const char *value) {
    kellion_json_set(object, name, kellion_json_new_string(value));
}

kellion_result tell_context(const kellion_context *context) {
    kellion_json *told = kellion_json_new_object();
    set_text(told, "session_id", context->session_id);
    set_text(told, "request_id", context->request_id);
    kellion_json_set(told, "turn", kellion_json_new_unsigned(context->turn));
    set_text(told, "agent_name", context->agent_name);
    set_text(told, "agent_version", context->agent_version);
    set_text(told, "endpoint", context->endpoint);
    set_text(told, "tenant_id", context->tenant_id);
    set_text(told, "user_id", context->user_id);
    kellion_json *headers = kellion_json_new_array();
    for (size_t at = 0; at < context->header_count; at++) {
        kellion_json *header = kellion_json_new_object();
        set_text(header, "name", context->headers[at].name);
        set_text(header, "value", context->headers[at].value);
        kellion_json_add(headers, header);
    }
    kellion_json_set(told, "headers", headers);
    set_text(told, "content_type", context->content_type);
    set_text(told, "accept", context->accept);
    kellion_json_set(told, "deadline_ms", context->deadline_ms ? kellion_json_new_unsigned(context->deadline_ms) : NULL);
    set_text(told, "traceparent", context->traceparent);
    return kellion_ok(told);
}

static kellion_result echo(const kellion_json *payload) {
    const kellion_json *value = kellion_json_get(payload, "value");
    return value ? kellion_ok(value) : kellion_invalid("payload does not fit: missing field `value`");
}

static kellion_result tell_config(const kellion_json *payload) {
    const char *problem = NULL;
    const char *name = wanted_text(payload, "name", &problem);
    return problem ? kellion_invalid("%s", problem) : kellion_text(kellion_config(name));
}

static kellion_json *limit(uint64_t left) {
    return left == KELLION_UNLIMITED ? NULL : kellion_json_new_unsigned(left);
}

static kellion_result tell_remaining(void) {
    kellion_budget left = kellion_remaining();
    kellion_json *told = kellion_json_new_object();
    kellion_json_set(told, "tokens", limit(left.tokens));
    kellion_json_set(told, "money_micros", limit(left.money_micros));
    return kellion_ok(told);
}

static kellion_result fail(const kellion_json *payload) {
    const char *problem = NULL;
    const char *message = wanted_text(payload, "message", &problem);
    return problem ? kellion_invalid("%s", problem) : kellion_fail("%s", message);
}

static kellion_result perform(const char *deed, const kellion_json *payload, const kellion_context *context) {
    static const struct {
        const char *name;
        kellion_result (*run)(const kellion_json *payload);
    } deeds[] = {
        {"echo", echo},
        {"config", tell_config},
        {"stream", stream_numbers},
        {"raw", write_raw},
        {"large", answer_large},
        {"print", print_message},
        {"model", ask_model},
        {"model-stream", stream_model},
        {"model-hold", hold_model},
        {"agent", ask_agent},
        {"count-tokens", count_tokens},
        {"fail", fail},
        {"keep", keep_memory},
        {"sleep", sleep_for},
    };
    static const struct {
        const char *name;
        kellion_result (*run)(void);
    } plain_deeds[] = {
        {"remaining", tell_remaining}, {"spin", spin},          {"recurse", recurse},
        {"clock", tell_clock},         {"random", tell_random},
    };
    for (size_t at = 0; at < sizeof deeds / sizeof *deeds; at++) {
        if (strcmp(deed, deeds[at].name) == 0) {
            return deeds[at].run(payload);
        }
    }
    for (size_t at = 0; at < sizeof plain_deeds / sizeof *plain_deeds; at++) {
        if (strcmp(deed, plain_deeds[at].name) == 0) {
            return plain_deeds[at].run();
        }
    }
    if (strcmp(deed, "count") == 0) {
        return kellion_ok(kellion_json_new_unsigned(turns));
    }
    if (strcmp(deed, "context") == 0) {
        return tell_context(context);
    }
    if (strcmp(deed, "panic") == 0) {
        abort();
    }
    if (strcmp(deed, "trap") == 0) {
        __builtin_trap();
    }
    return kellion_invalid("payload does not fit: unknown deed `%s`", deed);
}

kellion_result invoke(kellion_payload payload, const kellion_context *context) {
    turns++;
    if (!payload.json) {
        return kellion_bytes(payload.content_type, payload.bytes, payload.length);
    }
    const char *problem = NULL;
    const char *deed = wanted_text(payload.json, "do", &problem);
    return problem ? kellion_invalid("%s", problem) : perform(deed, payload.json, context);
}
