/* {{name}}: an agent that answers with a model's help, streams what it says, and remembers the conversation. */
#include <kellion.h>

#include <string.h>

#define MODEL "us.anthropic.claude-sonnet-4-20250514-v1:0"

/* A tool: the model calls it, with an input that has the fields declared below. */
static kellion_result weather(const kellion_json *input, void *user) {
    (void)user;
    const char *city = kellion_json_string(kellion_json_get(input, "city"));
    if (strcmp(city, "Atlantis") == 0) {
        /* The model reads this, and may mend its call. The turn goes on. */
        return kellion_fail("there is no weather in %s any more", city);
    }
    return kellion_text("sunny");
}

static const kellion_field weather_fields[] = {
    {.name = "city", .type = KELLION_STRING, .description = "The city's name."},
    {0},
};

static const kellion_tool tools[] = {
    {.name = "weather", .description = "Tells the weather in a city.", .fields = weather_fields, .run = weather},
};

/* One turn: {"prompt": "How is the weather in Lima?"} comes in, and server-sent events go out. */
kellion_result invoke(kellion_payload payload, const kellion_context *context) {
    const char *prompt = kellion_json_string(kellion_json_get(payload.json, "prompt"));
    if (!prompt) {
        return kellion_invalid("payload does not fit: `prompt`: expected a string");
    }

    /* A static variable is the memory of one session: no other session sees it. */
    static kellion_agent *agent;
    if (!agent) {
        agent = kellion_agent_new(&(kellion_request){
            .model = MODEL,
            .system = "You are a friendly assistant who answers briefly.",
            .tools = tools,
            .tool_count = sizeof tools / sizeof *tools,
        });
    }
    kellion_log(KELLION_INFO, "turn %d asks: %s", (int)context->turn, prompt);

    kellion_error error;
    const kellion_reply *reply = kellion_ask_sending(agent, prompt, &error);
    return reply ? kellion_sent() : kellion_fail("%s", kellion_error_text(&error));
}
