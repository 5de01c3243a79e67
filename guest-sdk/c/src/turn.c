/* One turn: from the component's export to the author's function, and back. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "internal.h"

/* The generated bindings have both of these too, but weak ones. */
#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(name)))
#else
#define EXPORT(name)
#endif

/* What the host hands over goes into the turn's memory, with a zero byte behind it: so a text is one in C, too. */
EXPORT("cabi_realloc")
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t new_size) {
    if (new_size == 0) {
        return (void *)align;
    }
    char *moved = arena_alloc(&turn_arena, new_size < SIZE_MAX ? new_size + 1 : new_size);
    if (old_size) {
        memcpy(moved, old, old_size < new_size ? old_size : new_size);
    }
    return moved;
}

/* The host has read the answer. */
EXPORT("cabi_post_invoke")
void __wasm_export_exports_agent_invoke_post_return(uint8_t *answer) {
    (void)answer;
    arena_free(&turn_arena);
}

static bool is_json(const char *content_type) {
    if (!content_type) {
        return true;
    }
    content_type += strspn(content_type, " \t");
    size_t length = strcspn(content_type, "; \t");
    static const char *const names[] = {"", "application/json", "text/json"};
    for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
        if (strlen(names[at]) == length && strncasecmp(content_type, names[at], length) == 0) {
            return true;
        }
    }
    return length > 5 && strncasecmp(content_type + length - 5, "+json", 5) == 0;
}

static bool is_empty(const char *text, size_t length) {
    while (length > 0 && (*text == ' ' || *text == '\t' || *text == '\r' || *text == '\n')) {
        text++;
        length--;
    }
    return length == 0;
}

static kellion_result take_turn(agent_list_u8_t bytes, const kellion_context *context) {
    kellion_payload payload = {
        .content_type = context->content_type,
        .bytes = bytes.len ? (const char *)bytes.ptr : "",
        .length = bytes.len,
    };
    if (is_json(context->content_type)) {
        const char *text = payload.bytes;
        if (is_empty(text, payload.length)) {
            return kellion_invalid("payload is not JSON: it is empty");
        }
        const char *problem;
        payload.json = kellion_json_read(text, payload.length, &problem);
        if (!payload.json) {
            return kellion_invalid("payload is not JSON: %s", problem);
        }
    }
    return invoke(payload, context);
}

/* What is printed then arrives in its place among what is logged. */
static void print_by_lines(void) {
    static bool is_set;
    if (!is_set) {
        is_set = true;
        setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    }
}

bool exports_agent_invoke(agent_list_u8_t *payload, agent_context_t *context, agent_list_u8_t *answer,
                          agent_agent_error_t *error) {
    print_by_lines();
    no_answer_yet();
    kellion_context *lifted = kellion_alloc(sizeof *lifted);
    lift_context(context, lifted);
    kellion_result result = take_turn(*payload, lifted);
    close_streams();
    fflush(NULL);
    if (result.status != KELLION_OK) {
        error->tag = result.status == KELLION_INVALID_PAYLOAD ? KELLION_AGENT_TYPES_AGENT_ERROR_INVALID_PAYLOAD
                                                              : KELLION_AGENT_TYPES_AGENT_ERROR_FAILED;
        error->val.failed = lower_bytes(result.bytes, result.length);
        return false;
    }
    if (result.json) {
        result.bytes = kellion_json_write(result.json, &result.length);
    }
    if (result.content_type) {
        kellion_content_type(result.content_type);
    }
    *answer = (agent_list_u8_t){(uint8_t *)result.bytes, result.length};
    return true;
}

/* ---- Results ---- */

kellion_result kellion_ok(const kellion_json *answer) {
    return (kellion_result){.json = answer ? answer : kellion_json_new_null()};
}

kellion_result kellion_text(const char *answer) {
    return kellion_ok(kellion_json_new_string(answer));
}

kellion_result kellion_bytes(const char *content_type, const void *bytes, size_t length) {
    return (kellion_result){.content_type = content_type, .bytes = length ? bytes : "", .length = length};
}

kellion_result kellion_sent(void) {
    return kellion_bytes(answer_has_begun() ? NULL : "text/event-stream", "", 0);
}

static kellion_result ended(int status, const char *format, va_list arguments) {
    const char *message = format_list(format, arguments);
    kellion_result result = {.bytes = message, .length = strlen(message)};
    result.status = status;
    return result;
}

kellion_result kellion_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    kellion_result result = ended(KELLION_FAILED, format, arguments);
    va_end(arguments);
    return result;
}

kellion_result kellion_invalid(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    kellion_result result = ended(KELLION_INVALID_PAYLOAD, format, arguments);
    va_end(arguments);
    return result;
}

/* ---- Context ---- */

const char *kellion_header_value(const kellion_context *context, const char *name) {
    for (size_t at = 0; at < context->header_count; at++) {
        if (strcasecmp(context->headers[at].name, name) == 0) {
            return context->headers[at].value;
        }
    }
    return NULL;
}

int64_t kellion_time_left_ms(const kellion_context *context) {
    if (!context->deadline_ms) {
        return -1;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t left = (int64_t)context->deadline_ms - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    return left > 0 ? left : 0;
}
