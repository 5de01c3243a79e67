/* A model, its tools and their conversation. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { MAX_ROUNDS = 20 };

/* A list of messages that grows. */
typedef struct transcript {
    kellion_message *messages;
    size_t count;
    size_t room;
} transcript;

struct kellion_agent {
    arena settings;
    /* What the messages point to, and the messages themselves, which move when they become more. */
    arena said;
    arena list;
    kellion_request like; /* Without messages. */
    kellion_message *messages;
    size_t count;
    unsigned max_rounds;
    bool is_asked;
};

kellion_agent *kellion_agent_new(const kellion_request *like) {
    arena settings = {0};
    kellion_agent *agent = arena_alloc(&settings, sizeof *agent);
    kellion_request without = *like;
    without.messages = NULL;
    without.message_count = 0;
    copy_request(&settings, &without, &agent->like);
    agent->settings = settings;
    agent->max_rounds = MAX_ROUNDS;
    kellion_agent_set_messages(agent, like->messages, like->message_count);
    return agent;
}

void kellion_agent_max_rounds(kellion_agent *agent, unsigned rounds) {
    agent->max_rounds = rounds;
}

const kellion_message *kellion_agent_messages(const kellion_agent *agent, size_t *count) {
    *count = agent->count;
    return agent->messages;
}

void kellion_agent_set_messages(kellion_agent *agent, const kellion_message *messages, size_t count) {
    if (agent->is_asked) {
        kellion_log(KELLION_ERROR, "a conversation cannot be replaced by a tool that it calls; it stays as it is");
        return;
    }
    /* Copied first: they may come from this agent itself. */
    arena said = {0};
    arena list = {0};
    kellion_message *all = arena_copy_bytes(&list, messages, array_size(count, sizeof *all));
    for (size_t at = 0; at < count; at++) {
        all[at].content = copy_content(&said, all[at].content, all[at].content_count);
    }
    arena_free(&agent->said);
    arena_free(&agent->list);
    agent->said = said;
    agent->list = list;
    agent->messages = all;
    agent->count = count;
}

void kellion_agent_free(kellion_agent *agent) {
    if (!agent) {
        return;
    }
    if (agent->is_asked) {
        kellion_log(KELLION_ERROR, "an agent cannot be freed by a tool that it calls; it lives on");
        return;
    }
    arena_free(&agent->said);
    arena_free(&agent->list);
    /* The agent itself lies there. */
    arena settings = agent->settings;
    arena_free(&settings);
}

/* ---- One turn ---- */

static void say(transcript *to, int role, const kellion_content *content, size_t count) {
    if (to->count == to->room) {
        to->room = to->room * 2 + 8;
        kellion_message *grown = kellion_alloc(array_size(to->room, sizeof *grown));
        for (size_t at = 0; at < to->count; at++) {
            grown[at] = to->messages[at];
        }
        to->messages = grown;
    }
    kellion_message *message = &to->messages[to->count++];
    message->role = role;
    message->content = content;
    message->content_count = count;
}

/* A model's answer as it may go back with the next request: providers refuse blank texts, and a message without content. */
static void say_answer(transcript *to, const kellion_response *response) {
    kellion_content *kept = kellion_alloc(array_size(response->content_count + 1, sizeof *kept));
    size_t count = 0;
    for (size_t at = 0; at < response->content_count; at++) {
        const kellion_content *block = &response->content[at];
        if (block->kind != KELLION_TEXT || !is_blank(block->text)) {
            kept[count++] = *block;
        }
    }
    if (count == 0) {
        kept[count++] = (kellion_content){.kind = KELLION_TEXT, .text = "(nothing)"};
    }
    say(to, KELLION_ASSISTANT, kept, count);
}

static const kellion_response *answer(const kellion_request *request, kellion_piece *piece, void *user,
                                      kellion_error *error) {
    if (!piece) {
        return kellion_converse(request, error);
    }
    kellion_stream stream = kellion_converse_stream(request, error);
    if (!stream.id) {
        return NULL;
    }
    if (piece == kellion_send_piece) {
        return kellion_stream_forward(stream, true, error);
    }
    const char *text;
    while ((text = kellion_stream_text(stream, error))) {
        piece(text, user);
    }
    return kellion_stream_response(stream);
}

static size_t count_calls(const kellion_response *response) {
    size_t calls = 0;
    for (size_t at = 0; at < response->content_count; at++) {
        calls += response->content[at].kind == KELLION_TOOL_USE;
    }
    return calls;
}

static bool may_be_cut(kellion_stop_reason reason) {
    /* Some providers report the end of a turn that calls tools. */
    return reason != KELLION_STOP_TOOL_USE && reason != KELLION_END_TURN && reason != KELLION_STOP_SEQUENCE;
}

static void say_results(transcript *to, const kellion_agent *agent, const kellion_response *response, size_t calls) {
    kellion_content *results = kellion_alloc(array_size(calls, sizeof *results));
    size_t count = 0;
    for (size_t at = 0; at < response->content_count; at++) {
        if (response->content[at].kind == KELLION_TOOL_USE) {
            results[count++] = tool_answer(agent->like.tools, agent->like.tool_count, &response->content[at]);
        }
    }
    say(to, KELLION_USER, results, count);
}

static void add_usage(kellion_usage *to, kellion_usage more) {
    to->input_tokens += more.input_tokens;
    to->output_tokens += more.output_tokens;
    to->cache_read_tokens += more.cache_read_tokens;
    to->cache_write_tokens += more.cache_write_tokens;
}

static const kellion_reply *run_rounds(const kellion_agent *agent, transcript *talk, kellion_piece *piece, void *user,
                                       kellion_error *error) {
    kellion_usage usage = {0};
    for (unsigned round = 1; round <= agent->max_rounds; round++) {
        kellion_request request = agent->like;
        request.messages = talk->messages;
        request.message_count = talk->count;
        const kellion_response *response = answer(&request, piece, user, error);
        if (!response) {
            return NULL;
        }
        add_usage(&usage, response->usage);
        size_t calls = count_calls(response);
        /* The last call's input may be cut, and a call without a result must not be remembered. */
        if (calls && may_be_cut(response->stop_reason)) {
            set_error(error, KELLION_CUT_SHORT, "the model was stopped in the middle of a tool call");
            return NULL;
        }
        say_answer(talk, response);
        if (calls == 0) {
            kellion_reply *reply = kellion_alloc(sizeof *reply);
            *reply = (kellion_reply){response->text, response->stop_reason, usage, round};
            return reply;
        }
        say_results(talk, agent, response, calls);
    }
    const char *message =
        kellion_format("the model has not answered after %u rounds of tool calls", agent->max_rounds);
    set_error(error, KELLION_TOO_MANY_ROUNDS, message);
    return NULL;
}

/* Puts what this turn said behind what was said before. */
static void remember(kellion_agent *agent, const transcript *talk) {
    size_t before = agent->count;
    arena list = {0};
    kellion_message *all = arena_copy_bytes(&list, talk->messages, array_size(talk->count, sizeof *all));
    for (size_t at = before; at < talk->count; at++) {
        all[at].content = copy_content(&agent->said, all[at].content, all[at].content_count);
    }
    arena_free(&agent->list);
    agent->list = list;
    agent->messages = all;
    agent->count = talk->count;
}

const kellion_reply *kellion_ask_content(kellion_agent *agent, const kellion_content *prompt, size_t count,
                                         kellion_piece *piece, void *user, kellion_error *error) {
    if (agent->is_asked) {
        set_error(error, KELLION_INVALID, "an agent cannot be asked by a tool that it calls");
        return NULL;
    }
    transcript talk = {0};
    for (size_t at = 0; at < agent->count; at++) {
        say(&talk, agent->messages[at].role, agent->messages[at].content, agent->messages[at].content_count);
    }
    say(&talk, KELLION_USER, prompt, count);
    agent->is_asked = true;
    const kellion_reply *reply = run_rounds(agent, &talk, piece, user, error);
    agent->is_asked = false;
    if (reply) {
        remember(agent, &talk);
    }
    return reply;
}

const kellion_reply *kellion_ask(kellion_agent *agent, const char *prompt, kellion_error *error) {
    kellion_content content = {.kind = KELLION_TEXT, .text = prompt};
    return kellion_ask_content(agent, &content, 1, NULL, NULL, error);
}

const kellion_reply *kellion_ask_sending(kellion_agent *agent, const char *prompt, kellion_error *error) {
    kellion_content content = {.kind = KELLION_TEXT, .text = prompt};
    return kellion_ask_content(agent, &content, 1, kellion_send_piece, NULL, error);
}

void kellion_send_piece(const char *text, void *user) {
    (void)user;
    kellion_send(kellion_json_new_string(text));
}
