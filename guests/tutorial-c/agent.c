/*
 * The tutorial's agent: it knows five users by name, does sums, tells the weather and the time, and remembers what was
 * said in its session.
 *
 * Send it {"user_id": 1, "prompt": "How is the weather?"}.
 */
#include <kellion.h>

#include <stdlib.h>
#include <time.h>

#include "calculator.h"

#define MODEL "us.anthropic.claude-sonnet-4-20250514-v1:0"

#define SYSTEM_PROMPT                                                                                                  \
    "You're a helpful assistant. You can do simple calculations, tell the weather and tell the time. Acknowledge the " \
    "user's name."

static kellion_result weather(const kellion_json *input, void *user) {
    (void)input, (void)user;
    return kellion_text("sunny");
}

static kellion_result get_time(const kellion_json *input, void *user) {
    (void)input, (void)user;
    time_t now = time(NULL);
    struct tm utc;
    char text[32];
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    return kellion_text(text);
}

/* The model may call these functions. It reads their descriptions and their fields'. */
static const kellion_tool tools[] = {
    {.name = "calculator",
     .description = "Evaluates an arithmetic expression.",
     .fields = calculator_fields,
     .run = calculate},
    {.name = "weather", .description = "Tells the weather.", .run = weather},
    {.name = "get_time", .description = "Tells the current time in UTC.", .run = get_time},
};

/* The user's name; callers write both 1 and "1". NULL: there is no such user. */
static const char *user_name(const kellion_json *id) {
    static const char *const names[] = {"Maira", "Mani", "Mark", "Ishan", "Dhawal"};
    int64_t number = 0;
    const char *text = kellion_json_string(id);
    if (text) {
        char *end;
        number = strtol(text, &end, 10);
        number = *end ? 0 : number;
    } else {
        kellion_json_integer(id, &number);
    }
    return number >= 1 && number <= 5 ? names[number - 1] : NULL;
}

kellion_result invoke(kellion_payload payload, const kellion_context *context) {
    const kellion_json *user_id = kellion_json_get(payload.json, "user_id");
    const char *prompt = kellion_json_string(kellion_json_get(payload.json, "prompt"));
    if (kellion_json_kind(user_id) != KELLION_STRING && kellion_json_kind(user_id) != KELLION_NUMBER) {
        return kellion_invalid("payload does not fit: `user_id`: expected a number, or a number in quotes");
    }
    if (!prompt) {
        return kellion_invalid("payload does not fit: `prompt`: expected a string");
    }
    const char *name = user_name(user_id);
    if (!name) {
        const char *id = kellion_json_string(user_id);
        return kellion_fail("there is no user %s", id ? id : kellion_json_write(user_id, NULL));
    }

    /* What a static variable holds is the memory of one session: here, the conversation with the model. */
    static kellion_agent *agent;
    if (!agent) {
        agent = kellion_agent_new(&(kellion_request){
            .model = MODEL,
            .system = SYSTEM_PROMPT,
            .tools = tools,
            .tool_count = sizeof tools / sizeof *tools,
        });
    }
    kellion_error error;
    const kellion_reply *reply =
        kellion_ask(agent,
                    kellion_format("My name is %s. Here is my request: %s. This is session %s.", name, prompt,
                                   context->session_id),
                    &error);
    if (!reply) {
        return kellion_fail("the agent cannot answer: %s", kellion_error_text(&error));
    }
    return kellion_text(reply->text);
}
