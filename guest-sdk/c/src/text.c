/* UTF-8. The host ends a turn that hands it anything else. */
#include <string.h>

#include "internal.h"

static const char REPLACEMENT[] = "\xEF\xBF\xBD";

size_t utf8_length(const unsigned char *at, size_t left) {
    unsigned char lead = at[0];
    if (lead < 0x80) {
        return 1;
    }
    size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || length > left) {
        return 0;
    }
    /* The second byte also rules out overlong forms, surrogates, and what is beyond Unicode. */
    unsigned char least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (at[1] < least || at[1] > most) {
        return 0;
    }
    for (size_t next = 2; next < length; next++) {
        if ((at[next] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return length;
}

const char *utf8_mend(const char *bytes, size_t *length) {
    const unsigned char *from = (const unsigned char *)bytes;
    size_t wrong = 0;
    for (size_t at = 0; at < *length;) {
        size_t step = utf8_length(from + at, *length - at);
        wrong += step == 0;
        at += step ? step : 1;
    }
    if (wrong == 0) {
        return bytes;
    }
    size_t grown = 2; /* By each wrong byte. */
    char *mended = kellion_alloc(array_size(*length + 1, 1 + grown));
    size_t to = 0;
    for (size_t at = 0; at < *length;) {
        size_t step = utf8_length(from + at, *length - at);
        if (step) {
            memcpy(mended + to, from + at, step);
            to += step;
        } else {
            memcpy(mended + to, REPLACEMENT, sizeof REPLACEMENT - 1);
            to += sizeof REPLACEMENT - 1;
        }
        at += step ? step : 1;
    }
    *length = to;
    return mended;
}

bool is_blank(const char *text) {
    return text[strspn(text, " \t\r\n\f\v")] == 0;
}
