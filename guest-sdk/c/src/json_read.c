/* JSON from a text: strict, bounded in depth, and without recursion. */
#include <stdio.h>
#include <string.h>

#include "internal.h"

enum { MAX_DEPTH = 128 };

typedef struct reader {
    /* A copy of the text, with a zero byte behind it. Strings are unescaped in their place, and end there with a zero byte
     * on their closing quote at the latest. */
    char *text;
    size_t at;
    size_t length;
    int depth;
    const char *problem;
} reader;

static bool fail(reader *in, const char *problem) {
    in->problem = in->at < in->length ? problem : "it ends too soon";
    return false;
}

static unsigned char peek(const reader *in) {
    return (unsigned char)in->text[in->at];
}

static void skip_space(reader *in) {
    /* Not by strspn, which in some C libraries looks for the end of the text first. */
    while (peek(in) == ' ' || peek(in) == '\n' || peek(in) == '\r' || peek(in) == '\t') {
        in->at++;
    }
}

static bool take(reader *in, char wanted) {
    if (in->at < in->length && in->text[in->at] == wanted) {
        in->at++;
        return true;
    }
    return false;
}

static bool is_digit(unsigned char byte) {
    return byte >= '0' && byte <= '9';
}

static bool digits(reader *in) {
    if (!is_digit(peek(in))) {
        return fail(in, "a digit is missing");
    }
    while (is_digit(peek(in))) {
        in->at++;
    }
    return true;
}

static bool read_number(reader *in, kellion_json *value) {
    size_t from = in->at;
    take(in, '-');
    if (!take(in, '0') && !digits(in)) {
        return false;
    }
    if (take(in, '.') && !digits(in)) {
        return false;
    }
    if (take(in, 'e') || take(in, 'E')) {
        if (!take(in, '+')) {
            take(in, '-');
        }
        if (!digits(in)) {
            return false;
        }
    }
    value->type = KELLION_NUMBER;
    value->as.text.bytes = in->text + from;
    value->as.text.length = in->at - from;
    return true;
}

/* Four hexadecimal digits, or -1. */
static long read_hex(reader *in) {
    long code = 0;
    for (int digit = 0; digit < 4; digit++) {
        unsigned char byte = peek(in);
        long worth = is_digit(byte)                   ? byte - '0'
                     : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                     : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                                  : -1;
        if (worth < 0) {
            fail(in, "\\u wants four hexadecimal digits");
            return -1;
        }
        code = code * 16 + worth;
        in->at++;
    }
    return code;
}

static size_t write_utf8(char *to, long code) {
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xC0 | code >> 6);
        to[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (char)(0xE0 | code >> 12);
        to[1] = (char)(0x80 | (code >> 6 & 0x3F));
        to[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | code >> 18);
    to[1] = (char)(0x80 | (code >> 12 & 0x3F));
    to[2] = (char)(0x80 | (code >> 6 & 0x3F));
    to[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* Behind `\u`. The character is never longer than what it was written as. */
static bool read_unicode(reader *in, char *to, size_t *written) {
    long code = read_hex(in);
    if (code < 0) {
        return false;
    }
    if (code >= 0xD800 && code <= 0xDFFF) {
        if (code >= 0xDC00 || !take(in, '\\') || !take(in, 'u')) {
            return fail(in, "half of a surrogate pair is missing");
        }
        long low = read_hex(in);
        if (low < 0) {
            return false;
        }
        if (low < 0xDC00 || low > 0xDFFF) {
            return fail(in, "half of a surrogate pair is missing");
        }
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    *written += write_utf8(to, code);
    return true;
}

static bool read_escape(reader *in, char *to, size_t *written) {
    static const char names[] = "\"\\/bfnrt";
    static const char means[] = "\"\\/\b\f\n\r\t";
    if (take(in, 'u')) {
        return read_unicode(in, to, written);
    }
    unsigned char byte = peek(in);
    const char *name = byte ? strchr(names, byte) : NULL;
    if (!name) {
        return fail(in, "there is no such escape");
    }
    to[0] = means[name - names];
    *written += 1;
    in->at++;
    return true;
}

/* Behind the opening quote. */
static bool read_string(reader *in, const char **bytes, size_t *length) {
    char *start = in->text + in->at;
    size_t written = 0;
    while (!take(in, '"')) {
        unsigned char byte = peek(in);
        if (take(in, '\\')) {
            if (!read_escape(in, start + written, &written)) {
                return false;
            }
            continue;
        }
        if (byte < 0x20) {
            return fail(in, "a control character has to be escaped");
        }
        size_t step = utf8_length((const unsigned char *)in->text + in->at, in->length - in->at);
        if (step == 0) {
            in->problem = "it is not UTF-8";
            return false;
        }
        if (start + written != in->text + in->at) {
            memmove(start + written, in->text + in->at, step);
        }
        written += step;
        in->at += step;
    }
    start[written] = 0;
    *bytes = start;
    *length = written;
    return true;
}

static bool take_word(reader *in, const char *word) {
    size_t length = strlen(word);
    if (in->length - in->at < length || memcmp(in->text + in->at, word, length) != 0) {
        return false;
    }
    in->at += length;
    return true;
}

/* Anything but the elements of a container. */
static bool read_value(reader *in, kellion_json *value) {
    skip_space(in);
    if (take(in, '[')) {
        value->type = KELLION_ARRAY;
    } else if (take(in, '{')) {
        value->type = KELLION_OBJECT;
    } else if (take(in, '"')) {
        value->type = KELLION_STRING;
        return read_string(in, &value->as.text.bytes, &value->as.text.length);
    } else if (take_word(in, "true")) {
        value->type = KELLION_BOOLEAN;
        value->as.truth = true;
    } else if (take_word(in, "false")) {
        value->type = KELLION_BOOLEAN;
    } else if (take_word(in, "null")) {
        value->type = KELLION_NULL;
    } else if (peek(in) == '-' || is_digit(peek(in))) {
        return read_number(in, value);
    } else {
        return fail(in, "a value is missing");
    }
    return true;
}

static bool read_name(reader *in, kellion_json *element) {
    skip_space(in);
    if (!take(in, '"')) {
        return fail(in, "a name in quotes is missing");
    }
    if (!read_string(in, &element->name, &element->name_length)) {
        return false;
    }
    skip_space(in);
    return take(in, ':') || fail(in, "a colon is missing");
}

/* Behind a value: up, past the ends of containers, to the container that has another element; NULL at the end of all. */
static kellion_json *to_next(reader *in, kellion_json *container, bool *failed) {
    while (container) {
        skip_space(in);
        if (take(in, ',')) {
            return container;
        }
        if (!take(in, container->type == KELLION_ARRAY ? ']' : '}')) {
            *failed = !fail(in, "a comma or the end of the array or object is missing");
            return NULL;
        }
        container = container->parent;
        in->depth--;
    }
    return NULL;
}

static kellion_json *read_all(reader *in) {
    kellion_json *root = NULL;
    kellion_json *container = NULL;
    bool failed = false;
    do {
        kellion_json *value = json_new(KELLION_NULL);
        if (container && container->type == KELLION_OBJECT && !read_name(in, value)) {
            return NULL;
        }
        if (!read_value(in, value)) {
            return NULL;
        }
        if (container) {
            json_append(container, value);
        } else {
            root = value;
        }
        if (json_is_container(value)) {
            skip_space(in);
            if (!take(in, value->type == KELLION_ARRAY ? ']' : '}')) {
                container = value;
                in->depth++;
                if (in->depth > MAX_DEPTH) {
                    in->problem = "it is nested more than 128 levels deep";
                    return NULL;
                }
                continue;
            }
        }
        container = to_next(in, container, &failed);
    } while (container);
    if (failed) {
        return NULL;
    }
    skip_space(in);
    if (in->at < in->length) {
        fail(in, "something follows the value");
        return NULL;
    }
    return root;
}

static const char *tell(const reader *in, const char *text) {
    size_t line = 1;
    size_t column = 1;
    /* Of the text as it came: strings in the copy are no longer as they were. */
    for (size_t at = 0; at < in->at && at < in->length; at++) {
        column++;
        if (text[at] == '\n') {
            line++;
            column = 1;
        }
    }
    return kellion_format("%s at line %zu column %zu", in->problem, line, column);
}

const kellion_json *kellion_json_read(const char *text, size_t length, const char **problem) {
    reader in = {.text = arena_copy_bytes(&turn_arena, text, length), .length = length};
    const kellion_json *value = read_all(&in);
    if (problem) {
        *problem = value ? NULL : tell(&in, text);
    }
    return value;
}
