/* What the library's files share. Authors include kellion.h alone. */
#ifndef KELLION_INTERNAL_H
#define KELLION_INTERNAL_H

#include <stdarg.h>

#include "agent.h"
#include "kellion.h"

/* ---- memory.c: memory that goes as a whole ---- */

typedef struct arena {
    struct arena_chunk *newest;
} arena;

/* All that one turn is given and makes. */
extern arena turn_arena;

void *arena_alloc(arena *of, size_t size);
void *arena_copy_bytes(arena *into, const void *bytes, size_t length);
char *arena_copy_text(arena *into, const char *text);
void arena_free(arena *of);
char *format_list(const char *format, va_list arguments);
/* count * size, or the end of the turn when there is no such number. */
size_t array_size(size_t count, size_t size);

/* ---- text.c: UTF-8, which the host insists on ---- */

/* Bytes of the character that begins there, which `left` bytes follow in all; 0: it is none. */
size_t utf8_length(const unsigned char *at, size_t left);
/* The same bytes, or a copy with U+FFFD for what is not UTF-8. */
const char *utf8_mend(const char *bytes, size_t *length);
bool is_blank(const char *text);

/* ---- JSON: json_value.c, json_read.c, json_write.c ---- */

struct kellion_json {
    kellion_json *parent;
    kellion_json *next;
    const char *name;
    size_t name_length;
    union {
        struct {
            kellion_json *first;
            kellion_json *last;
        } elements;
        struct {
            const char *bytes; /* Of a string, a zero byte after them; of a number, its digits, and none. */
            size_t length;
        } text;
        bool truth;
    } as;
    kellion_json_type type;
};

kellion_json *json_new(kellion_json_type type);
void json_append(kellion_json *container, kellion_json *value);
static inline bool json_is_container(const kellion_json *value) {
    return value->type == KELLION_ARRAY || value->type == KELLION_OBJECT;
}
/* Puts a number into a text that fits it, of at least 32 bytes. */
void json_print_double(double number, char *text, size_t size);

/* ---- Contract: lower.c to it, lift.c from it ---- */

agent_string_t lower_text(const char *text);
agent_string_t lower_bytes(const char *bytes, size_t length);
void lower_request(const kellion_request *request, kellion_agent_model_request_t *to);

const char *lift_text(agent_string_t text);
const char *lift_option(agent_option_string_t text);
void lift_context(const agent_context_t *from, kellion_context *to);
kellion_usage lift_usage(kellion_agent_model_usage_t from);
void lift_error(const kellion_agent_model_error_t *from, kellion_error *to);
const kellion_response *lift_response(const kellion_agent_model_response_t *from);
void lift_event(const kellion_agent_model_event_t *from, kellion_event *to);

/* ---- host.c ---- */

/* A turn begins, of whose answer nothing was said; something is; whether anything was. */
void no_answer_yet(void);
void answer_begins(void);
bool answer_has_begun(void);

/* ---- stream.c ---- */

void close_streams(void);

/* ---- copy.c: requests and messages in another memory ---- */

void copy_request(arena *into, const kellion_request *from, kellion_request *to);
kellion_message *copy_messages(arena *into, const kellion_message *from, size_t count);
kellion_content *copy_content(arena *into, const kellion_content *from, size_t count);

/* ---- tool.c ---- */

/* The schema of a tool's input, as JSON. */
const char *tool_schema(const kellion_tool *tool);
/* What the tool of that name says to an input, as the block that answers the call. */
kellion_content tool_answer(const kellion_tool *tools, size_t count, const kellion_content *call);

/* ---- error.c ---- */

void clear_error(kellion_error *error);
void set_error(kellion_error *error, kellion_error_kind kind, const char *message);

#endif
