/*
 * A ledger for shared expenses: friends say who paid what for whom, and ask who owes whom. What was paid is kept in the
 * session's memory; the sums are done here, where they are right, and not by the model. Answers are streamed.
 *
 * Send it {"prompt": "Ana paid 30 for dinner with Ben and Cleo"}, or {"do": "balance"} for the figures without a model.
 */
#include <kellion.h>

#include <string.h>

#include "ledger.h"

#define MODEL "us.anthropic.claude-sonnet-4-20250514-v1:0"

#define SYSTEM_PROMPT                                                                                                  \
    "You keep a group's ledger of shared expenses. Record each expense with the tool `add`, amounts in cents, and read "  \
    "what was recorded with `list`. Never do sums yourself: `balance` knows what each member is owed. Answer briefly."

static const kellion_field add_fields[] = {
    {.name = "payer", .type = KELLION_STRING, .description = "Who paid."},
    {.name = "cents", .type = KELLION_INTEGER, .description = "How much, in cents: 12.50 is 1250."},
    {.name = "purpose", .type = KELLION_STRING, .description = "What for, in a few words."},
    {.name = "sharers",
     .schema = "{\"type\": \"array\", \"items\": {\"type\": \"string\"}, \"minItems\": 1,"
               " \"description\": \"Who shares the expense, the payer among them if they do.\"}"},
    {0},
};

static kellion_result add(const kellion_json *input, void *user) {
    ledger *book = user;
    int64_t cents = 0;
    kellion_json_integer(kellion_json_get(input, "cents"), &cents);
    const kellion_json *sharers = kellion_json_get(input, "sharers");
    const char *problem = ledger_add(book, kellion_json_string(kellion_json_get(input, "payer")), cents,
                                     kellion_json_string(kellion_json_get(input, "purpose")), sharers);
    if (problem) {
        return kellion_fail("%s", problem);
    }
    kellion_log(KELLION_INFO, "expense %zu is recorded", book->expense_count);
    return kellion_text(kellion_format("recorded as expense %zu", book->expense_count));
}

static kellion_result list(const kellion_json *input, void *user) {
    (void)input;
    return kellion_ok(ledger_list(user));
}

static kellion_result balance(const kellion_json *input, void *user) {
    (void)input;
    return kellion_ok(ledger_balance(user));
}

/* The session's memory. */
static ledger book;

static const kellion_tool tools[] = {
    {.name = "add", .description = "Records an expense.", .fields = add_fields, .run = add, .user = &book},
    {.name = "list", .description = "Lists the expenses.", .run = list, .user = &book},
    {.name = "balance", .description = "Tells what each member is owed or owes.", .run = balance, .user = &book},
};

/* For programs, which need no model to read figures: {"do": "list"} and {"do": "balance"}. */
static kellion_result direct(const char *deed) {
    if (strcmp(deed, "list") == 0) {
        return kellion_ok(ledger_list(&book));
    }
    if (strcmp(deed, "balance") == 0) {
        return kellion_ok(ledger_balance(&book));
    }
    return kellion_invalid("payload does not fit: unknown deed `%s`", deed);
}

kellion_result invoke(kellion_payload payload, const kellion_context *context) {
    (void)context;
    const char *deed = kellion_json_string(kellion_json_get(payload.json, "do"));
    if (deed) {
        return direct(deed);
    }
    const char *prompt = kellion_json_string(kellion_json_get(payload.json, "prompt"));
    if (!prompt) {
        return kellion_invalid("payload does not fit: `prompt`: expected a string");
    }

    static kellion_agent *agent;
    if (!agent) {
        agent = kellion_agent_new(&(kellion_request){
            .model = MODEL,
            .system = SYSTEM_PROMPT,
            .tools = tools,
            .tool_count = sizeof tools / sizeof *tools,
            .temperature = &(float){0},
        });
    }
    kellion_error error;
    const kellion_reply *reply = kellion_ask_sending(agent, prompt, &error);
    if (reply) {
        return kellion_sent();
    }
    return kellion_fail("%s%s", kellion_error_text(&error), kellion_error_is_transient(&error) ? "; try again" : "");
}
