/* JSON to a text, without recursion. */
#include <string.h>

#include "internal.h"

/* Counts first, and writes the second time. */
typedef struct sink {
    char *to;
    size_t length;
} sink;

static void put(sink *out, const char *bytes, size_t length) {
    if (out->to && length) {
        memcpy(out->to + out->length, bytes, length);
    }
    out->length += length;
}

static void put_text(sink *out, const char *text) {
    put(out, text, strlen(text));
}

static void put_string(sink *out, const char *bytes, size_t length) {
    static const char hex[] = "0123456789abcdef";
    put(out, "\"", 1);
    size_t plain = 0;
    for (size_t at = 0; at < length; at++) {
        unsigned char byte = (unsigned char)bytes[at];
        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            continue;
        }
        put(out, bytes + plain, at - plain);
        plain = at + 1;
        char escape[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
        static const char short_bytes[] = "\"\\\b\f\n\r\t";
        static const char short_names[] = "\"\\bfnrt";
        const char *found = byte ? strchr(short_bytes, byte) : NULL;
        if (found) {
            escape[1] = short_names[found - short_bytes];
        }
        put(out, escape, found ? 2 : 6);
    }
    put(out, bytes + plain, length - plain);
    put(out, "\"", 1);
}

static void put_leaf(sink *out, const kellion_json *value) {
    switch (value->type) {
    case KELLION_BOOLEAN:
        put_text(out, value->as.truth ? "true" : "false");
        return;
    case KELLION_NUMBER:
    case KELLION_INTEGER:
        put(out, value->as.text.bytes, value->as.text.length);
        return;
    case KELLION_STRING:
        put_string(out, value->as.text.bytes, value->as.text.length);
        return;
    case KELLION_NULL:
    case KELLION_ARRAY:
    case KELLION_OBJECT:
        put_text(out, "null");
        return;
    }
}

static const char *close_of(const kellion_json *container) {
    return container->type == KELLION_ARRAY ? "]" : "}";
}

static void put_value(sink *out, const kellion_json *root) {
    const kellion_json *at = root;
    for (;;) {
        /* The root may be an element of something that is not written. */
        if (at != root && at->name) {
            put_string(out, at->name, at->name_length);
            put_text(out, ":");
        }
        if (json_is_container(at)) {
            put_text(out, at->type == KELLION_ARRAY ? "[" : "{");
            if (at->as.elements.first) {
                at = at->as.elements.first;
                continue;
            }
            put_text(out, close_of(at));
        } else {
            put_leaf(out, at);
        }
        while (at != root && !at->next) {
            at = at->parent;
            put_text(out, close_of(at));
        }
        if (at == root) {
            return;
        }
        put_text(out, ",");
        at = at->next;
    }
}

const char *kellion_json_write(const kellion_json *value, size_t *length) {
    static const kellion_json null = {.type = KELLION_NULL};
    const kellion_json *root = value ? value : &null;
    sink out = {0};
    put_value(&out, root);
    out = (sink){.to = kellion_alloc(out.length + 1)};
    put_value(&out, root);
    if (length) {
        *length = out.length;
    }
    return out.to;
}
