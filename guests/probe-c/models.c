/* The calls of the contract's model interface, and an agent. */
#include "../tutorial-c/calculator.h"
#include "probe.h"

#define MODEL "us.anthropic.claude-sonnet-4-20250514-v1:0"

/* A question to one model; without a prompt there is none. */
static const kellion_request *question(const kellion_json *payload, const char **problem) {
    const char *prompt = wanted_text(payload, "prompt", problem);
    if (!prompt) {
        return NULL;
    }
    const char *model = kellion_json_string(kellion_json_get(payload, "model"));
    kellion_content *content = kellion_alloc(sizeof *content);
    *content = (kellion_content){.kind = KELLION_TEXT, .text = prompt};
    kellion_message *message = kellion_alloc(sizeof *message);
    *message = (kellion_message){.role = KELLION_USER, .content = content, .content_count = 1};
    kellion_request *request = kellion_alloc(sizeof *request);
    *request = (kellion_request){.model = model ? model : MODEL, .messages = message, .message_count = 1};
    return request;
}

static kellion_json *tell_usage(kellion_usage usage) {
    kellion_json *told = kellion_json_new_object();
    kellion_json_set(told, "input_tokens", kellion_json_new_unsigned(usage.input_tokens));
    kellion_json_set(told, "output_tokens", kellion_json_new_unsigned(usage.output_tokens));
    kellion_json_set(told, "cache_read_tokens", kellion_json_new_unsigned(usage.cache_read_tokens));
    kellion_json_set(told, "cache_write_tokens", kellion_json_new_unsigned(usage.cache_write_tokens));
    return told;
}

kellion_result ask_model(const kellion_json *payload) {
    const char *problem = NULL;
    const kellion_request *request = question(payload, &problem);
    if (!request) {
        return kellion_invalid("%s", problem);
    }
    kellion_error error;
    const kellion_response *response = kellion_converse(request, &error);
    if (!response) {
        return kellion_fail("%s", kellion_error_text(&error));
    }
    kellion_json *told = kellion_json_new_object();
    kellion_json_set(told, "text", kellion_json_new_string(response->text));
    kellion_json_set(told, "usage", tell_usage(response->usage));
    return kellion_ok(told);
}

kellion_result stream_model(const kellion_json *payload) {
    const char *problem = NULL;
    const kellion_request *request = question(payload, &problem);
    if (!request) {
        return kellion_invalid("%s", problem);
    }
    kellion_error error;
    kellion_stream stream = kellion_converse_stream(request, &error);
    const char *text;
    while (error.kind == KELLION_NO_ERROR && (text = kellion_stream_text(stream, &error))) {
        kellion_send(kellion_json_new_string(text));
    }
    return error.kind == KELLION_NO_ERROR ? kellion_sent() : kellion_fail("%s", kellion_error_text(&error));
}

kellion_result hold_model(const kellion_json *payload) {
    static kellion_stream held;
    const char *problem = NULL;
    const kellion_request *request = question(payload, &problem);
    if (!request) {
        return kellion_invalid("%s", problem);
    }
    kellion_error error;
    held = kellion_converse_stream(request, &error);
    if (!held.id || !kellion_stream_next(held, &error)) {
        return kellion_fail("%s", kellion_error_text(&error));
    }
    return kellion_text("held");
}

kellion_result ask_agent(const kellion_json *payload) {
    static kellion_agent *agent;
    static const kellion_tool calculator = {
        .name = "calculator",
        .description = "Evaluates an arithmetic expression.",
        .fields = calculator_fields,
        .run = calculate,
    };
    const char *problem = NULL;
    const char *prompt = wanted_text(payload, "prompt", &problem);
    if (problem) {
        return kellion_invalid("%s", problem);
    }
    if (!agent) {
        agent = kellion_agent_new(&(kellion_request){.model = MODEL, .tools = &calculator, .tool_count = 1});
    }
    kellion_error error;
    const kellion_reply *reply = kellion_ask(agent, prompt, &error);
    return reply ? kellion_text(reply->text) : kellion_fail("the agent cannot answer: %s", kellion_error_text(&error));
}

kellion_result count_tokens(const kellion_json *payload) {
    const char *problem = NULL;
    const kellion_request *request = question(payload, &problem);
    if (!request) {
        return kellion_invalid("%s", problem);
    }
    kellion_error error;
    uint64_t tokens = kellion_count_tokens(request, &error);
    return error.kind == KELLION_NO_ERROR ? kellion_ok(kellion_json_new_unsigned(tokens))
                                          : kellion_fail("%s", kellion_error_text(&error));
}
