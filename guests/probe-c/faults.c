/* What a guest may do to hurt. */
#include <stdlib.h>

#include "probe.h"

kellion_result spin(void) {
    for (volatile uint64_t rounds = 0;; rounds++) {
    }
}

__attribute__((noinline)) static uint64_t deeper(volatile uint64_t depth) {
    volatile uint64_t frame[32];
    frame[depth % 32] = depth;
    /* Never reached, but the compiler cannot know. */
    if (depth == UINT64_MAX) {
        return depth;
    }
    /* Used after the call, so that it is no tail call. */
    return deeper(depth + 1) + frame[depth % 32];
}

kellion_result recurse(void) {
    return kellion_ok(kellion_json_new_unsigned(deeper(0)));
}

/* Every page is another one than its neighbours, and than what was there before. */
kellion_result keep_memory(const kellion_json *payload) {
    static unsigned char *kept;
    static size_t length;
    const char *problem = NULL;
    size_t kib = wanted_size(payload, "kib", &problem);
    if (problem) {
        return kellion_invalid("%s", problem);
    }
    size_t more = kib < SIZE_MAX / 1024 ? kib * 1024 : SIZE_MAX - length;
    unsigned char *grown = realloc(kept, length + more + 1);
    if (!grown) {
        return kellion_fail("there is no memory for %zu KiB more", kib);
    }
    kept = grown;
    for (size_t at = length; at < length + more; at++) {
        kept[at] = (unsigned char)(at % 251) | 1;
    }
    length += more;
    kellion_json *told = kellion_json_new_object();
    return kellion_ok(kellion_json_set(told, "kept_bytes", kellion_json_new_unsigned(length)));
}
