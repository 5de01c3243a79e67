/* What a guest can see of chance and time. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

kellion_result tell_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    return kellion_ok(kellion_json_set(kellion_json_new_object(), "now_ms", kellion_json_new_integer(ms)));
}

kellion_result tell_random(void) {
    unsigned char bytes[16];
    if (getentropy(bytes, sizeof bytes) != 0) {
        return kellion_fail("there are no random numbers");
    }
    char hex[2 * sizeof bytes + 1];
    for (size_t at = 0; at < sizeof bytes; at++) {
        snprintf(hex + 2 * at, 3, "%02x", bytes[at]);
    }
    return kellion_text(hex);
}

kellion_result sleep_for(const kellion_json *payload) {
    const char *problem = NULL;
    size_t ms = wanted_size(payload, "ms", &problem);
    if (problem) {
        return kellion_invalid("%s", problem);
    }
    nanosleep(&(struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
    return kellion_ok(kellion_json_set(kellion_json_new_object(), "slept_ms", kellion_json_new_unsigned(ms)));
}
