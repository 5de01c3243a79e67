/* What the tests share: checks, and a host that is a fake. */
#ifndef KELLION_TESTS_H
#define KELLION_TESTS_H

#include <string.h>

#include "internal.h"

extern int checks_failed;

/* Says where and what, and goes on. */
void check(bool holds, const char *what, const char *file, int line);
void check_text(const char *is, const char *wanted, const char *file, int line);
#define CHECK(condition) check(condition, #condition, __FILE__, __LINE__)
#define CHECK_TEXT(is, wanted) check_text(is, wanted, __FILE__, __LINE__)

/* ---- The host ---- */

/* What the agent sent, logged and said last, as one text each. */
extern char sent[4096];
extern char sent_type[128];
extern char logged[4096];
extern int open_handles;

/* The model's next answers, in order: a text, or a tool's name with its input, or an error. */
typedef struct scripted {
    const char *text;
    const char *tool;
    const char *input;
    kellion_error_kind error;
    uint8_t stop_reason; /* The contract's; 0: as the answer demands. */
} scripted;
void script(const scripted *answers, size_t count);

/* The requests that came, a line each: `u:` or `a:`, and each block's text with a semicolon, a tool's result behind = or,
 * when it is an error, behind !. */
extern char asked[8192];

/* What the library exports to the host. */
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t new_size);
void __wasm_export_exports_agent_invoke_post_return(uint8_t *answer);

/* One turn of the agent in agent.c; gives its answer, or `failed: …` or `invalid: …`. */
const char *turn(const char *content_type, const void *payload, size_t length);
const char *turn_text(const char *payload);

/* What the next turn does, instead of answering with its payload. */
extern kellion_result (*next_turn)(kellion_payload payload, const kellion_context *context);

void json_tests(void);
void turn_tests(void);
void agent_tests(void);

#endif
