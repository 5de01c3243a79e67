/* A host that is a fake: it takes what an agent sends, and its model follows a script. */
#include <stdio.h>
#include <stdlib.h>

#include "tests.h"

char sent[4096];
char sent_type[128];
char logged[4096];
char asked[8192];
int open_handles;

static const scripted *answers;
static size_t answers_left;

static void append(char *to, size_t size, const void *bytes, size_t length) {
    size_t used = strlen(to);
    if (used + length < size) {
        memcpy(to + used, bytes, length);
        to[used + length] = 0;
    }
}

/* As a host does it: in memory that the agent gives. */
static agent_string_t give(const char *text) {
    size_t length = strlen(text);
    void *copy = cabi_realloc(NULL, 0, 1, length);
    if (length) {
        memcpy(copy, text, length);
    }
    return (agent_string_t){copy, length};
}

void script(const scripted *next, size_t count) {
    answers = next;
    answers_left = count;
    asked[0] = 0;
}

/* ---- Model ---- */

static void note(const kellion_agent_model_request_t *request) {
    char line[2048] = "";
    for (size_t at = 0; at < request->messages.len; at++) {
        const kellion_agent_model_message_t *message = &request->messages.ptr[at];
        append(line, sizeof line, message->role ? "a:" : "u:", 2);
        for (size_t block = 0; block < message->content.len; block++) {
            const kellion_agent_model_content_t *content = &message->content.ptr[block];
            agent_string_t text = content->val.text;
            if (content->tag == KELLION_AGENT_MODEL_CONTENT_TOOL_USE) {
                text = content->val.tool_use.input;
            } else if (content->tag == KELLION_AGENT_MODEL_CONTENT_TOOL_RESULT) {
                text = content->val.tool_result.content.ptr[0].val.text;
                append(line, sizeof line, content->val.tool_result.is_error ? "!" : "=", 1);
            }
            append(line, sizeof line, text.ptr, text.len);
            append(line, sizeof line, ";", 1);
        }
    }
    append(line, sizeof line, "\n", 1);
    append(asked, sizeof asked, line, strlen(line));
}

static bool answer(const scripted **next, kellion_agent_model_error_t *error) {
    static const scripted none = {.error = KELLION_UNAVAILABLE, .text = "the script is over"};
    *next = answers_left ? answers : &none;
    answers += answers_left > 0;
    answers_left -= answers_left > 0;
    if ((*next)->error) {
        memset(error, 0, sizeof *error);
        error->kind = (uint8_t)((*next)->error - KELLION_DENIED);
        error->message = give((*next)->text);
        error->retry_after_ms.is_some = true;
        error->retry_after_ms.val = 250;
        return false;
    }
    return true;
}

static void respond(const scripted *from, kellion_agent_model_response_t *to) {
    memset(to, 0, sizeof *to);
    to->content.len = 1;
    to->content.ptr = cabi_realloc(NULL, 0, 8, sizeof *to->content.ptr);
    memset(to->content.ptr, 0, sizeof *to->content.ptr);
    to->stop_reason.tag = from->stop_reason;
    if (from->tool) {
        to->content.ptr->tag = KELLION_AGENT_MODEL_CONTENT_TOOL_USE;
        to->content.ptr->val.tool_use.id = give("call-1");
        to->content.ptr->val.tool_use.name = give(from->tool);
        to->content.ptr->val.tool_use.input = give(from->input);
        to->stop_reason.tag = from->stop_reason ? from->stop_reason : KELLION_AGENT_MODEL_STOP_REASON_TOOL_USE;
    } else {
        to->content.ptr->tag = KELLION_AGENT_MODEL_CONTENT_TEXT;
        to->content.ptr->val.text = give(from->text);
    }
    to->usage.input_tokens = 10;
    to->usage.output_tokens = 5;
    to->model = give("script");
}

bool kellion_agent_model_converse(kellion_agent_model_request_t *request, kellion_agent_model_response_t *response,
                                  kellion_agent_model_error_t *error) {
    const scripted *next;
    note(request);
    if (!answer(&next, error)) {
        return false;
    }
    respond(next, response);
    return true;
}

/* One stream at a time: its text in two pieces, then the whole. */
static const scripted *streamed;
static int stream_step;

bool kellion_agent_model_converse_stream(kellion_agent_model_request_t *request,
                                         kellion_agent_model_own_response_stream_t *stream,
                                         kellion_agent_model_error_t *error) {
    note(request);
    if (!answer(&streamed, error)) {
        return false;
    }
    stream_step = 0;
    open_handles++;
    stream->__handle = open_handles;
    return true;
}

bool kellion_agent_model_method_response_stream_next(kellion_agent_model_borrow_response_stream_t stream,
                                                     kellion_agent_model_option_event_t *event,
                                                     kellion_agent_model_error_t *error) {
    (void)stream, (void)error;
    memset(event, 0, sizeof *event);
    event->is_some = true;
    if (stream_step++ < 2 && streamed->text) {
        size_t half = strlen(streamed->text) / 2;
        char piece[256];
        snprintf(piece, sizeof piece, "%.*s", (int)(stream_step == 1 ? half : 255),
                 stream_step == 1 ? streamed->text : streamed->text + half);
        event->val.tag = KELLION_AGENT_MODEL_EVENT_DELTA;
        event->val.val.delta.tag = KELLION_AGENT_MODEL_DELTA_TEXT;
        event->val.val.delta.val.text = give(piece);
    } else {
        event->val.tag = KELLION_AGENT_MODEL_EVENT_DONE;
        respond(streamed, &event->val.val.done);
    }
    return true;
}

kellion_agent_model_borrow_response_stream_t
kellion_agent_model_borrow_response_stream(kellion_agent_model_own_response_stream_t stream) {
    return (kellion_agent_model_borrow_response_stream_t){stream.__handle};
}

void kellion_agent_model_response_stream_drop_own(kellion_agent_model_own_response_stream_t stream) {
    (void)stream;
    open_handles--;
}

bool kellion_agent_model_count_tokens(kellion_agent_model_request_t *request, uint64_t *tokens,
                                      kellion_agent_model_error_t *error) {
    (void)error;
    *tokens = request->messages.len;
    return true;
}

bool kellion_agent_model_invoke_model(agent_string_t *model, agent_list_u8_t *body, agent_list_u8_t *answer,
                                      kellion_agent_model_error_t *error) {
    (void)model, (void)error;
    *answer = *body;
    return true;
}

/* ---- The rest ---- */

bool kellion_agent_response_forward(kellion_agent_model_own_response_stream_t stream,
                                    kellion_agent_response_framing_t framing, kellion_agent_model_response_t *response,
                                    kellion_agent_model_error_t *error) {
    (void)error;
    const char *before = framing == KELLION_AGENT_RESPONSE_FRAMING_SSE ? "forwarded: " : "";
    append(sent, sizeof sent, before, strlen(before));
    if (streamed->text) {
        append(sent, sizeof sent, streamed->text, strlen(streamed->text));
    }
    kellion_agent_model_response_stream_drop_own(stream);
    respond(streamed, response);
    return true;
}

void kellion_agent_response_set_content_type(agent_string_t *type) {
    sent_type[0] = 0;
    append(sent_type, sizeof sent_type, type->ptr, type->len);
}

bool kellion_agent_response_write(agent_list_u8_t *chunk) {
    append(sent, sizeof sent, chunk->ptr, chunk->len);
    return true;
}

void kellion_agent_session_remaining(kellion_agent_session_budget_t *budget) {
    *budget = (kellion_agent_session_budget_t){.tokens = {true, 1000}};
}

bool kellion_agent_session_config(agent_string_t *name, agent_string_t *value) {
    bool known = name->len == 4 && memcmp(name->ptr, "CITY", 4) == 0;
    *value = give("Lima");
    return known;
}

void kellion_agent_log_write(kellion_agent_log_level_t level, agent_string_t *message) {
    char head[8];
    snprintf(head, sizeof head, "%d ", level);
    append(logged, sizeof logged, head, strlen(head));
    append(logged, sizeof logged, message->ptr, message->len);
    append(logged, sizeof logged, "\n", 1);
}

/* ---- A turn ---- */

kellion_result (*next_turn)(kellion_payload payload, const kellion_context *context);

kellion_result invoke(kellion_payload payload, const kellion_context *context) {
    if (next_turn) {
        return next_turn(payload, context);
    }
    return payload.json ? kellion_ok(payload.json)
                        : kellion_bytes(payload.content_type, payload.bytes, payload.length);
}

const char *turn(const char *content_type, const void *payload, size_t length) {
    static char said[65536];
    sent[0] = sent_type[0] = logged[0] = 0;
    agent_list_u8_t bytes = {cabi_realloc(NULL, 0, 1, length), length};
    if (length) {
        memcpy(bytes.ptr, payload, length);
    }
    agent_context_t context = {.turn = 7, .session_id = give("a session"), .request_id = give("")};
    context.agent_name = context.agent_version = context.endpoint = context.tenant_id = give("x");
    if (content_type) {
        context.content_type = (agent_option_string_t){true, give(content_type)};
    }
    context.headers.len = 1;
    context.headers.ptr = cabi_realloc(NULL, 0, 8, sizeof *context.headers.ptr);
    *context.headers.ptr = (kellion_agent_types_header_t){give("x-color"), give("blue")};
    agent_list_u8_t answer = {0};
    agent_agent_error_t error = {0};
    if (exports_agent_invoke(&bytes, &context, &answer, &error)) {
        snprintf(said, sizeof said, "%.*s", (int)answer.len, (const char *)answer.ptr);
    } else {
        snprintf(said, sizeof said, "%s: %.*s", error.tag ? "failed" : "invalid", (int)error.val.failed.len,
                 (const char *)error.val.failed.ptr);
    }
    __wasm_export_exports_agent_invoke_post_return(NULL);
    CHECK(turn_arena.newest == NULL);
    CHECK(open_handles == 0);
    return said;
}

const char *turn_text(const char *payload) {
    return turn("application/json", payload, strlen(payload));
}
