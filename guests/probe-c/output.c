/* Ways to answer, and to be heard otherwise. */
#include <stdio.h>
#include <string.h>

#include "probe.h"

kellion_result stream_numbers(const kellion_json *payload) {
    const char *problem = NULL;
    size_t n = wanted_size(payload, "n", &problem);
    if (problem) {
        return kellion_invalid("%s", problem);
    }
    for (size_t item = 1; item <= n; item++) {
        if (!kellion_send(kellion_json_new_unsigned(item))) {
            kellion_log(KELLION_INFO, "the caller has gone after %zu", item);
            break;
        }
    }
    const char *message = kellion_json_string(kellion_json_get(payload, "message"));
    return message ? kellion_fail("%s", message) : kellion_sent();
}

kellion_result write_raw(const kellion_json *payload) {
    const char *problem = NULL;
    const char *rest = wanted_text(payload, "rest", &problem);
    const kellion_json *chunks = kellion_json_get(payload, "chunks");
    if (kellion_json_kind(chunks) != KELLION_ARRAY) {
        problem = "payload does not fit: `chunks`: expected an array";
    }
    if (problem) {
        return kellion_invalid("%s", problem);
    }
    kellion_content_type("text/plain");
    for (const kellion_json *chunk = kellion_json_first(chunks); chunk; chunk = kellion_json_next(chunk)) {
        kellion_write(kellion_json_string(chunk), kellion_json_length(chunk));
    }
    return kellion_bytes(NULL, rest, strlen(rest));
}

kellion_result answer_large(const kellion_json *payload) {
    const char *problem = NULL;
    size_t length = wanted_size(payload, "bytes", &problem);
    if (problem) {
        return kellion_invalid("%s", problem);
    }
    char *bytes = kellion_alloc(length);
    memset(bytes, 'x', length);
    return kellion_bytes("application/octet-stream", bytes, length);
}

kellion_result print_message(const kellion_json *payload) {
    const char *problem = NULL;
    const char *message = wanted_text(payload, "message", &problem);
    if (problem) {
        return kellion_invalid("%s", problem);
    }
    printf("%s\n", message);
    fprintf(stderr, "%s\n", message);
    kellion_log(KELLION_DEBUG, "%s", message);
    kellion_log(KELLION_INFO, "%s", message);
    kellion_log(KELLION_WARN, "%s", message);
    kellion_log(KELLION_ERROR, "%s", message);
    return kellion_text(message);
}
