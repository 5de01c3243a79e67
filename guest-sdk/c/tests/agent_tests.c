#include "tests.h"

static kellion_agent *agent;

static kellion_result add(const kellion_json *input, void *user) {
    int64_t a = 0;
    kellion_json_integer(kellion_json_get(input, "a"), &a);
    kellion_error error;
    /* The agent that calls a tool cannot be asked or changed by it. */
    CHECK(!kellion_ask(agent, "again", &error) && error.kind == KELLION_INVALID);
    kellion_agent_set_messages(agent, NULL, 0);
    kellion_agent_free(agent);
    if (a == 13) {
        return kellion_fail("%d brings bad luck", 13);
    }
    int64_t *sum = user;
    *sum += a;
    return kellion_ok(kellion_json_new_integer(*sum));
}

static int64_t total;

static void make_agent(void) {
    /* All of it is copied: nothing here lasts. */
    char name[] = "add";
    kellion_field fields[] = {{.name = "a", .type = KELLION_INTEGER, .description = "How much."},
                              {.name = "why", .type = KELLION_STRING, .optional = true},
                              {0}};
    kellion_tool tool = {.name = name, .description = "Adds.", .fields = fields, .run = add, .user = &total};
    float temperature = 0.5f;
    agent = kellion_agent_new(&(kellion_request){
        .model = "m", .system = "s", .tools = &tool, .tool_count = 1, .temperature = &temperature});
    memset(name, 'x', sizeof name - 1);
    memset(fields, 0, sizeof fields);
}

static kellion_result ask(kellion_payload payload, const kellion_context *context) {
    (void)context;
    if (!agent) {
        make_agent();
    }
    kellion_error error;
    const kellion_reply *reply = kellion_ask(agent, kellion_json_string(payload.json), &error);
    if (!reply) {
        return kellion_fail("%s", kellion_error_text(&error));
    }
    return kellion_text(kellion_format("%s %u %d", reply->text, reply->rounds, (int)reply->usage.input_tokens));
}

static void collect(const char *text, void *user) {
    strcat(user, text);
    strcat(user, "|");
}

static kellion_result ask_in_pieces(kellion_payload payload, const kellion_context *context) {
    (void)context;
    char pieces[64] = "";
    kellion_content prompt[] = {{.kind = KELLION_TEXT, .text = kellion_json_string(payload.json)},
                                {.kind = KELLION_IMAGE, .format = "png", .bytes = "\x89P", .length = 2}};
    kellion_error error;
    CHECK(kellion_ask_content(agent, prompt, 2, collect, pieces, &error) != NULL);
    size_t count;
    const kellion_message *messages = kellion_agent_messages(agent, &count);
    CHECK(messages[count - 2].content[1].length == 2);
    return kellion_text(pieces);
}

static kellion_result ask_sending(kellion_payload payload, const kellion_context *context) {
    (void)context;
    CHECK(kellion_ask_sending(agent, kellion_json_string(payload.json), NULL) != NULL);
    return kellion_sent();
}

static kellion_result shorten(kellion_payload payload, const kellion_context *context) {
    (void)payload, (void)context;
    size_t count;
    const kellion_message *messages = kellion_agent_messages(agent, &count);
    kellion_agent_set_messages(agent, messages + count - 2, 2);
    return kellion_sent();
}

static void tools_are_called_and_all_is_remembered(void) {
    static const scripted answers[] = {
        {.tool = "add", .input = "{\"a\": 5}"}, {.text = "5"}, {.tool = "add", .input = "{\"a\": 2}"}, {.text = "7"}};
    script(answers, 4);
    CHECK_TEXT(turn_text("\"add five\""), "\"5 2 20\"");
    CHECK_TEXT(turn_text("\"and two\""), "\"7 2 20\"");
    CHECK_TEXT(asked, "u:add five;\n"
                      "u:add five;a:{\"a\": 5};u:=5;\n"
                      "u:add five;a:{\"a\": 5};u:=5;a:5;u:and two;\n"
                      "u:add five;a:{\"a\": 5};u:=5;a:5;u:and two;a:{\"a\": 2};u:=7;\n");
}

/* What the model reads when it calls the tool `name` with this input. */
static const char *told(const char *name, const char *input) {
    static char line[1024];
    scripted answers[] = {{.tool = name, .input = input}, {.text = "so"}};
    script(answers, 2);
    turn_text("\"go\"");
    const char *end = strrchr(asked, ';');
    *strrchr(asked, ';') = 0;
    CHECK(end != NULL);
    strcpy(line, strrchr(asked, ';') + 3);
    return line;
}

static void what_goes_wrong_in_a_tool_is_for_the_model(void) {
    CHECK_TEXT(told("add", "{\"a\": 13}"), "!13 brings bad luck");
    CHECK_TEXT(told("add", ""), "!input does not fit: missing field `a`");
    CHECK_TEXT(told("add", "{\"a\": \"1\"}"), "!input does not fit: `a`: expected a value of type integer");
    CHECK_TEXT(told("add", "{\"a\": 1.5}"), "!input does not fit: `a`: expected a value of type integer");
    CHECK_TEXT(told("add", "{\"a\": 1, \"why\": 2}"), "!input does not fit: `why`: expected a value of type string");
    CHECK_TEXT(told("add", "[1]"), "!input does not fit: an object is expected");
    CHECK_TEXT(told("add", "{\"a\""), "!input is not JSON: it ends too soon at line 1 column 5");
    told("sub", "{}");
    CHECK(strstr(asked, "!there is no tool `sub`; the tools are: add"));
    CHECK_TEXT(told("add", "{\"a\": 1, \"why\": null}"), "=8");
}

static void a_failed_turn_is_not_remembered(void) {
    size_t before;
    kellion_agent_messages(agent, &before);
    static const scripted throttled[] = {{.tool = "add", .input = "{\"a\": 0}"},
                                         {.text = "slow down", .error = KELLION_THROTTLED}};
    script(throttled, 2);
    CHECK_TEXT(turn_text("\"x\""), "failed: the model is throttled: slow down");
    static const scripted cut[] = {
        {.tool = "add", .input = "{\"a\"", .stop_reason = KELLION_AGENT_MODEL_STOP_REASON_MAX_TOKENS}};
    script(cut, 1);
    CHECK_TEXT(turn_text("\"x\""), "failed: the model was stopped in the middle of a tool call");
    static const scripted circle[] = {{.tool = "add", .input = "{\"a\": 0}"}, {.tool = "add", .input = "{\"a\": 0}"}};
    script(circle, 2);
    kellion_agent_max_rounds(agent, 2);
    CHECK_TEXT(turn_text("\"x\""), "failed: the model has not answered after 2 rounds of tool calls");
    size_t after;
    kellion_agent_messages(agent, &after);
    CHECK(before == after);
}

static void a_blank_answer_is_remembered_as_something(void) {
    static const scripted answers[] = {{.text = " "}, {.text = "so"}};
    script(answers, 2);
    turn_text("\"x\"");
    turn_text("\"y\"");
    CHECK(strstr(asked, "u:x;a:(nothing);u:y;"));
}

static void an_answer_comes_in_pieces(void) {
    static const scripted answers[] = {{.text = "ones"}, {.text = "twos"}};
    script(answers, 2);
    next_turn = ask_in_pieces;
    CHECK_TEXT(turn_text("\"p\""), "\"on|es|\"");
    next_turn = ask_sending;
    CHECK_TEXT(turn_text("\"q\""), "");
    CHECK_TEXT(sent, "forwarded: twos");
    CHECK_TEXT(sent_type, "text/event-stream");
}

static void a_conversation_can_be_shortened(void) {
    next_turn = shorten;
    turn_text("1");
    static const scripted answers[] = {{.text = "so"}};
    script(answers, 1);
    next_turn = ask;
    turn_text("\"z\"");
    CHECK_TEXT(asked, "u:q;a:twos;u:z;\n");
}

static void a_schema_says_what_a_tool_takes(void) {
    const kellion_field fields[] = {
        {.name = "a", .type = KELLION_INTEGER, .description = "How \"much\"."},
        {.name = "b", .schema = "{\"enum\": [1, 2]}", .optional = true},
        {0},
    };
    CHECK_TEXT(tool_schema(&(kellion_tool){.name = "t", .fields = fields}),
               "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"description\":\"How \\\"much\\\".\"},"
               "\"b\":{\"enum\":[1,2]}},\"required\":[\"a\"]}");
    CHECK_TEXT(tool_schema(&(kellion_tool){.name = "t"}), "{\"type\":\"object\",\"properties\":{}}");
    CHECK_TEXT(tool_schema(&(kellion_tool){.name = "t", .schema = "{}"}), "{}");
    arena_free(&turn_arena);
}

void agent_tests(void) {
    next_turn = ask;
    tools_are_called_and_all_is_remembered();
    what_goes_wrong_in_a_tool_is_for_the_model();
    a_failed_turn_is_not_remembered();
    a_blank_answer_is_remembered_as_something();
    an_answer_comes_in_pieces();
    a_conversation_can_be_shortened();
    next_turn = NULL;
    a_schema_says_what_a_tool_takes();
    kellion_agent_free(agent);
}
