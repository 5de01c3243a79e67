/*
 * Write agents for Kellion in C.
 *
 * An agent is one function, `invoke`, which you write. The server gives every session an instance of its own and calls it
 * once for each turn. Static variables and what you malloc are there again in the session's next turn, and no other session
 * sees them.
 *
 * Who owns what: whatever this library hands out, and whatever it makes for you, lives until the end of the turn and is
 * freed then; there is nothing to free. To keep something longer, copy it into memory of your own. A kellion_agent is the
 * one exception: it lives until the session ends. Text is UTF-8 and ends with a zero byte; absent text is NULL.
 *
 * Nothing here returns NULL for want of memory: a turn that needs more than the session may have ends, and the session
 * goes on as if that turn had not been. So does a turn that calls abort() or runs into a trap.
 */
#ifndef KELLION_H
#define KELLION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define KELLION_PRINTF(text, rest) __attribute__((format(printf, text, rest)))
#else
#define KELLION_PRINTF(text, rest)
#endif

/* ---- A turn ------------------------------------------------------------------------------------------------------- */

/* A JSON value. */
typedef struct kellion_json kellion_json;

/* What the caller sent. */
typedef struct kellion_payload {
    const char *content_type;
    /* The payload, read; NULL when its content type is not JSON. Without a content type it is taken for JSON. */
    const kellion_json *json;
    /* The payload as it came, with a zero byte behind it. */
    const void *bytes;
    size_t length;
} kellion_payload;

typedef struct kellion_header {
    /* Lower case. Only headers that the agent's configuration allows arrive. */
    const char *name;
    const char *value;
} kellion_header;

/* Who calls, in which session, and until when. */
typedef struct kellion_context {
    const char *session_id; /* Same id, same memory. */
    const char *request_id; /* New for every invocation. */
    uint64_t turn;          /* 1 for the first turn of this session, then 2, 3… */
    const char *agent_name;
    const char *agent_version; /* "1", "2", "3"… */
    const char *endpoint;      /* The endpoint name that was called, such as "DEFAULT". */
    const char *tenant_id;     /* The account that owns the agent. */
    const char *user_id;       /* Or NULL, as may be the other three below. */
    const kellion_header *headers;
    size_t header_count;
    const char *content_type;
    const char *accept;
    uint64_t deadline_ms; /* Milliseconds since the Unix epoch; 0: none. */
    const char *traceparent;
} kellion_context;

/* How a turn, or a tool's run, ended. Made by the functions below. */
typedef struct kellion_result {
    enum { KELLION_OK, KELLION_FAILED, KELLION_INVALID_PAYLOAD } status;
    const kellion_json *json; /* The answer, when it is JSON. */
    const char *content_type; /* Of bytes. */
    const void *bytes;        /* The answer as bytes, or why it failed. */
    size_t length;
} kellion_result;

/* You write this. Before it is called, a payload that should be JSON and is not has been refused. */
kellion_result invoke(kellion_payload payload, const kellion_context *context);

/* Answers with JSON. */
kellion_result kellion_ok(const kellion_json *answer);
/* Answers with a JSON string. */
kellion_result kellion_text(const char *answer);
/* Answers with bytes as they are, which stay yours and have to last until the turn's end. */
kellion_result kellion_bytes(const char *content_type, const void *bytes, size_t length);
/* Ends an answer that was sent with kellion_send or kellion_write; of nothing, an event stream without an item. */
kellion_result kellion_sent(void);
/* Fails the turn with a message for the caller. The session goes on. */
kellion_result kellion_fail(const char *format, ...) KELLION_PRINTF(1, 2);
/* Refuses the payload: the caller's mistake. The message says what is wrong with it. */
kellion_result kellion_invalid(const char *format, ...) KELLION_PRINTF(1, 2);

/* The first header of that name, in upper or lower case, or NULL. */
const char *kellion_header_value(const kellion_context *context, const char *name);
/* Milliseconds that this turn may still take; -1 without a deadline. */
int64_t kellion_time_left_ms(const kellion_context *context);

/* ---- Answering before the turn ends ------------------------------------------------------------------------------- */

/* Sends one item as a server-sent event, `data: <JSON>`, and makes the answer `text/event-stream`. Waits while the caller
 * is slow, and says whether the caller is still there. */
bool kellion_send(const kellion_json *item);
/* Sends bytes as they are, ahead of the turn's answer. */
bool kellion_write(const void *bytes, size_t length);
/* Says what the bytes are, before the first kellion_write; otherwise "application/json". */
void kellion_content_type(const char *content_type);

/* ---- Memory that lasts until the turn's end ----------------------------------------------------------------------- */

/* Zeroed memory, aligned to 8 bytes. */
void *kellion_alloc(size_t size);
char *kellion_copy(const char *text);
/* A text made like printf's. */
char *kellion_format(const char *format, ...) KELLION_PRINTF(1, 2);

/* ---- JSON --------------------------------------------------------------------------------------------------------- */

typedef enum kellion_json_type {
    KELLION_NULL,
    KELLION_BOOLEAN,
    KELLION_NUMBER,
    KELLION_STRING,
    KELLION_ARRAY,
    KELLION_OBJECT,
    KELLION_INTEGER /* A number without a fraction; only in a kellion_field. */
} kellion_json_type;

/* Reads a text; NULL when it is not JSON, and then `problem`, unless NULL itself, says why and where. No more than 128
 * levels deep. Numbers keep their digits, however many. */
const kellion_json *kellion_json_read(const char *text, size_t length, const char **problem);
/* The value as a text, with its length unless `length` is NULL. */
const char *kellion_json_write(const kellion_json *value, size_t *length);

/* All of these take NULL for a value that is not there, so that they can be nested. */
kellion_json_type kellion_json_kind(const kellion_json *value); /* KELLION_NULL for NULL. */
const kellion_json *kellion_json_get(const kellion_json *object, const char *name); /* NULL: there is none. */
const kellion_json *kellion_json_at(const kellion_json *array, size_t index);
size_t kellion_json_count(const kellion_json *container);
/* The elements of an array or an object, one after the other; NULL at the end. */
const kellion_json *kellion_json_first(const kellion_json *container);
const kellion_json *kellion_json_next(const kellion_json *element);
const char *kellion_json_name(const kellion_json *element); /* NULL outside an object. */
/* NULL, or false, when the value is something else or does not fit. */
const char *kellion_json_string(const kellion_json *value);
size_t kellion_json_length(const kellion_json *value); /* Of a string, in bytes: it may hold zero bytes. */
bool kellion_json_integer(const kellion_json *value, int64_t *number);
bool kellion_json_double(const kellion_json *value, double *number);
bool kellion_json_boolean(const kellion_json *value, bool *truth);

kellion_json *kellion_json_new_null(void);
kellion_json *kellion_json_new_boolean(bool truth);
kellion_json *kellion_json_new_integer(int64_t number);
kellion_json *kellion_json_new_unsigned(uint64_t number);
kellion_json *kellion_json_new_double(double number); /* null when it is no finite number. */
kellion_json *kellion_json_new_string(const char *text); /* null for NULL. */
kellion_json *kellion_json_new_text(const char *bytes, size_t length);
kellion_json *kellion_json_new_array(void);
kellion_json *kellion_json_new_object(void);
/* Append, and return the container. A value that already lies in a container is copied. */
kellion_json *kellion_json_add(kellion_json *array, const kellion_json *value);
kellion_json *kellion_json_set(kellion_json *object, const char *name, const kellion_json *value);

/* ---- Models ------------------------------------------------------------------------------------------------------- */

typedef enum kellion_content_kind {
    KELLION_TEXT,
    KELLION_IMAGE,
    KELLION_DOCUMENT,
    KELLION_VIDEO,
    KELLION_AUDIO,
    KELLION_TOOL_USE,
    KELLION_TOOL_RESULT,
    KELLION_REASONING,
    KELLION_REDACTED_REASONING,
    KELLION_CACHE_POINT,
    KELLION_OTHER, /* A block that has no kind here, as the provider's JSON. */
    KELLION_JSON   /* Only in a tool's result. */
} kellion_content_kind;

/* A block of a message. Which fields count depends on the kind. */
typedef struct kellion_content {
    kellion_content_kind kind;
    const char *text;      /* TEXT, REASONING; the JSON of TOOL_USE (its input), JSON, OTHER; told beside a DOCUMENT. */
    const char *name;      /* DOCUMENT, TOOL_USE. */
    const char *id;        /* TOOL_USE, TOOL_RESULT: of the call. */
    const char *format;    /* IMAGE, DOCUMENT, VIDEO, AUDIO: "png", "pdf", "mp4"… */
    const char *signature; /* REASONING: goes back unchanged. */
    const void *bytes;     /* IMAGE, DOCUMENT, VIDEO, AUDIO, REDACTED_REASONING. */
    size_t length;
    const struct kellion_content *parts; /* TOOL_RESULT: of the kinds TEXT, JSON, IMAGE, DOCUMENT, VIDEO. */
    size_t part_count;
    bool citations; /* DOCUMENT. */
    bool is_error;  /* TOOL_RESULT. */
} kellion_content;

typedef struct kellion_message {
    enum { KELLION_USER, KELLION_ASSISTANT } role;
    const kellion_content *content;
    size_t content_count;
} kellion_message;

/* A field of a tool's input. A list of them ends with a field without a name. */
typedef struct kellion_field {
    const char *name;
    kellion_json_type type;
    const char *description;
    bool optional;
    const char *schema; /* A JSON schema, instead of type and description. */
} kellion_field;

/* A function that a model may call. The input has the declared fields with the declared types, or `run` is not called.
 * Its answer goes to the model, and so does its failure: the model may mend its call. */
typedef struct kellion_tool {
    const char *name;
    const char *description;
    const kellion_field *fields; /* NULL: none. */
    kellion_result (*run)(const kellion_json *input, void *user);
    void *user;
    const char *schema; /* A JSON schema, instead of fields. */
} kellion_tool;

/* What a model is asked. What is left out is zero: `(kellion_request){.model = …, .messages = …}`. */
typedef struct kellion_request {
    const char *model; /* A model id, an inference-profile id, or an alias that the operator has set. */
    const char *system;
    const kellion_content *system_blocks; /* Behind `system`: text and cache points. */
    size_t system_block_count;
    const kellion_message *messages;
    size_t message_count;
    uint32_t max_tokens;      /* 0: the model's own limit. */
    const float *temperature; /* NULL: the model's own, as for top_p. */
    const float *top_p;
    const char *const *stop_sequences;
    size_t stop_sequence_count;
    const kellion_tool *tools;
    size_t tool_count;
    enum { KELLION_TOOLS_AS_USUAL, KELLION_TOOLS_AUTO, KELLION_TOOLS_ANY, KELLION_TOOLS_ONE } tool_choice;
    const char *tool_choice_name; /* For KELLION_TOOLS_ONE. */
    const char *guardrail_id;
    const char *guardrail_version;
    const char *extra; /* Fields of the model itself, as JSON. */
} kellion_request;

typedef enum kellion_stop_reason {
    KELLION_END_TURN,
    KELLION_STOP_TOOL_USE,
    KELLION_MAX_TOKENS,
    KELLION_STOP_SEQUENCE,
    KELLION_GUARDRAIL_INTERVENED,
    KELLION_CONTENT_FILTERED,
    KELLION_CONTEXT_WINDOW_EXCEEDED,
    KELLION_STOP_OTHER
} kellion_stop_reason;

typedef struct kellion_usage {
    uint64_t input_tokens;
    uint64_t output_tokens;
    uint64_t cache_read_tokens;
    uint64_t cache_write_tokens;
} kellion_usage;

typedef struct kellion_response {
    const char *text; /* Of all text blocks together. */
    const kellion_content *content;
    size_t content_count;
    kellion_stop_reason stop_reason;
    const char *stop_reason_text; /* Of KELLION_STOP_OTHER. */
    kellion_usage usage;
    uint64_t latency_ms;
    const char *model; /* The one that answered. */
    const char *extra; /* JSON, or NULL. */
} kellion_response;

typedef enum kellion_error_kind {
    KELLION_NO_ERROR,
    KELLION_DENIED,           /* Not in the agent's grant. */
    KELLION_BUDGET_EXHAUSTED, /* A budget of turn, session, agent or tenant is used up. */
    KELLION_INVALID,          /* The request makes no sense to the provider. */
    KELLION_CONTEXT_TOO_LONG,
    KELLION_THROTTLED,
    KELLION_TIMEOUT,
    KELLION_UNAVAILABLE,     /* Provider or network failed. */
    KELLION_TOO_MANY_ROUNDS, /* Of an agent: the model kept calling tools. */
    KELLION_CUT_SHORT        /* Of an agent: the model was stopped in the middle of a tool call. */
} kellion_error_kind;

/* Why a model call failed. Every function that takes one sets it, to KELLION_NO_ERROR when it did not fail; it takes NULL
 * from those who do not ask. */
typedef struct kellion_error {
    kellion_error_kind kind;
    const char *message;    /* The server's or the provider's words. */
    int64_t retry_after_ms; /* When another attempt may succeed; -1: unknown. */
    kellion_usage usage;    /* What was billed all the same. */
} kellion_error;

/* Kind and message in one sentence. */
const char *kellion_error_text(const kellion_error *error);
/* Whether the same request may succeed later. */
bool kellion_error_is_transient(const kellion_error *error);

/* One answer, whole; NULL when it failed. */
const kellion_response *kellion_converse(const kellion_request *request, kellion_error *error);
/* Input tokens that the request would cost; 0 when that failed. */
uint64_t kellion_count_tokens(const kellion_request *request, kellion_error *error);
/* A model's own API, for what converse does not cover, such as embeddings; NULL when it failed. Needs a grant of its own. */
const void *kellion_invoke_model(const char *model, const void *body, size_t body_length, size_t *length,
                                 kellion_error *error);

/* An answer as it is made. It is closed at the end of the turn, if not before; a stream of an earlier turn is over. */
typedef struct kellion_stream {
    uint32_t id; /* 0: none. */
} kellion_stream;

typedef enum kellion_event_kind {
    KELLION_BLOCK_START,
    KELLION_DELTA,
    KELLION_BLOCK_STOP,
    KELLION_DONE
} kellion_event_kind;

/* The pieces of a response, in order; KELLION_DONE comes last and carries it whole. */
typedef struct kellion_event {
    kellion_event_kind kind;
    kellion_content_kind block; /* Of BLOCK_START and DELTA: what the block, or the piece, is of. */
    /* Of DELTA: the piece; of TOOL_USE a piece of the input's JSON, of REASONING also its signature. Of BLOCK_START:
     * a TOOL_USE's id and name, the JSON of OTHER. */
    kellion_content piece;
    const kellion_response *response; /* Of DONE. */
} kellion_event;

kellion_stream kellion_converse_stream(const kellion_request *request, kellion_error *error);
/* The next event; NULL after the last, or when the stream failed. */
const kellion_event *kellion_stream_next(kellion_stream stream, kellion_error *error);
/* The next piece of the answer's text; NULL after the last, or when the stream failed. */
const char *kellion_stream_text(kellion_stream stream, kellion_error *error);
/* The whole response, once KELLION_DONE has come; NULL before. */
const kellion_response *kellion_stream_response(kellion_stream stream);
/* Lets the server send the text to the caller as it comes, each piece one server-sent event, or as plain text. */
const kellion_response *kellion_stream_forward(kellion_stream stream, bool as_events, kellion_error *error);
void kellion_stream_close(kellion_stream stream);

/* ---- An agent: a model, its tools and their conversation ---------------------------------------------------------- */

/* Lives until the session ends, or kellion_agent_free: keep it in a static variable. */
typedef struct kellion_agent kellion_agent;

/* An agent that asks in the way of a request, which it copies: its model, system prompt, tools and settings, and its
 * messages as the conversation so far. A tool's `user` stays yours and has to last as long as the agent. */
kellion_agent *kellion_agent_new(const kellion_request *like);
/* Bounds how often the model is asked in one turn; otherwise 20. */
void kellion_agent_max_rounds(kellion_agent *agent, unsigned rounds);
/* The conversation so far. The array lasts until the next call that changes it. */
const kellion_message *kellion_agent_messages(const kellion_agent *agent, size_t *count);
/* Puts another conversation in its place, to shorten or to restore it. It has to begin with the user, take turns, and
 * keep each tool result right behind its call, or providers refuse it. */
void kellion_agent_set_messages(kellion_agent *agent, const kellion_message *messages, size_t count);
void kellion_agent_free(kellion_agent *agent);

/* What an agent says at the end of a turn. */
typedef struct kellion_reply {
    const char *text;
    kellion_stop_reason stop_reason; /* KELLION_MAX_TOKENS: the text is cut. */
    kellion_usage usage;             /* Of all rounds together. */
    unsigned rounds;                 /* How often the model was asked. */
} kellion_reply;

/* Is handed each piece of text as it comes: what the model says before it calls a tool as well as its final answer. */
typedef void kellion_piece(const char *text, void *user);
/* A kellion_piece that sends the text to the caller as server-sent events; the server does it alone. */
void kellion_send_piece(const char *text, void *user);

/* Asks the model, runs the tools that it calls, and asks again until it has answered. NULL when it failed: then the
 * conversation is as it was before. */
const kellion_reply *kellion_ask(kellion_agent *agent, const char *prompt, kellion_error *error);
/* The same, and sends each piece of text to the caller. End such a turn with kellion_sent. */
const kellion_reply *kellion_ask_sending(kellion_agent *agent, const char *prompt, kellion_error *error);
/* The same with images and documents beside the text; `piece` may be NULL. */
const kellion_reply *kellion_ask_content(kellion_agent *agent, const kellion_content *prompt, size_t count,
                                         kellion_piece *piece, void *user, kellion_error *error);

/* ---- The session -------------------------------------------------------------------------------------------------- */

/* A value of the agent's configuration (AgentCore's environment variables), or NULL. */
const char *kellion_config(const char *name);

#define KELLION_UNLIMITED UINT64_MAX

typedef struct kellion_budget {
    uint64_t tokens;
    uint64_t money_micros; /* Millionths of the account's currency. */
} kellion_budget;

/* What may still be spent on models: the tightest limit of turn, session, agent and tenant. */
kellion_budget kellion_remaining(void);

typedef enum kellion_level { KELLION_DEBUG, KELLION_INFO, KELLION_WARN, KELLION_ERROR } kellion_level;

/* Appends one entry to the session's log, made like printf's. What is printed to stdout and stderr arrives there too. */
void kellion_log(kellion_level level, const char *format, ...) KELLION_PRINTF(2, 3);

#ifdef __cplusplus
}
#endif

#endif
