/* JSON values: making them, and looking into them. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

kellion_json *json_new(kellion_json_type type) {
    kellion_json *value = kellion_alloc(sizeof *value);
    value->type = type;
    return value;
}

void json_append(kellion_json *container, kellion_json *value) {
    value->parent = container;
    if (container->as.elements.last) {
        container->as.elements.last->next = value;
    } else {
        container->as.elements.first = value;
    }
    container->as.elements.last = value;
}

/* ---- Looking ---- */

kellion_json_type kellion_json_kind(const kellion_json *value) {
    return value ? value->type : KELLION_NULL;
}

const kellion_json *kellion_json_get(const kellion_json *object, const char *name) {
    if (kellion_json_kind(object) != KELLION_OBJECT) {
        return NULL;
    }
    const kellion_json *found = NULL;
    size_t length = strlen(name);
    for (const kellion_json *at = object->as.elements.first; at; at = at->next) {
        /* The last of several with one name counts, as it does elsewhere. */
        if (at->name_length == length && memcmp(at->name, name, length) == 0) {
            found = at;
        }
    }
    return found;
}

const kellion_json *kellion_json_first(const kellion_json *container) {
    return container && json_is_container(container) ? container->as.elements.first : NULL;
}

const kellion_json *kellion_json_next(const kellion_json *element) {
    return element ? element->next : NULL;
}

const char *kellion_json_name(const kellion_json *element) {
    return element ? element->name : NULL;
}

const kellion_json *kellion_json_at(const kellion_json *array, size_t index) {
    const kellion_json *at = kellion_json_first(array);
    while (at && index > 0) {
        at = at->next;
        index--;
    }
    return at;
}

size_t kellion_json_count(const kellion_json *container) {
    size_t count = 0;
    for (const kellion_json *at = kellion_json_first(container); at; at = at->next) {
        count++;
    }
    return count;
}

const char *kellion_json_string(const kellion_json *value) {
    return kellion_json_kind(value) == KELLION_STRING ? value->as.text.bytes : NULL;
}

size_t kellion_json_length(const kellion_json *value) {
    return kellion_json_kind(value) == KELLION_STRING ? value->as.text.length : 0;
}

bool kellion_json_boolean(const kellion_json *value, bool *truth) {
    if (kellion_json_kind(value) != KELLION_BOOLEAN) {
        return false;
    }
    *truth = value->as.truth;
    return true;
}

/* The digits with a zero byte behind them, or NULL when it is no number. */
static const char *digits(const kellion_json *value) {
    if (kellion_json_kind(value) != KELLION_NUMBER) {
        return NULL;
    }
    return arena_copy_bytes(&turn_arena, value->as.text.bytes, value->as.text.length);
}

bool kellion_json_integer(const kellion_json *value, int64_t *number) {
    const char *text = digits(value);
    if (!text || text[strcspn(text, ".eE")]) {
        return false;
    }
    errno = 0;
    long long parsed = strtoll(text, NULL, 10);
    if (errno == ERANGE) {
        return false;
    }
    *number = parsed;
    return true;
}

bool kellion_json_double(const kellion_json *value, double *number) {
    const char *text = digits(value);
    if (!text) {
        return false;
    }
    double parsed = strtod(text, NULL);
    if (!isfinite(parsed)) {
        return false;
    }
    *number = parsed;
    return true;
}

/* ---- Making ---- */

kellion_json *kellion_json_new_null(void) {
    return json_new(KELLION_NULL);
}

kellion_json *kellion_json_new_boolean(bool truth) {
    kellion_json *value = json_new(KELLION_BOOLEAN);
    value->as.truth = truth;
    return value;
}

static kellion_json *new_number(const char *text) {
    kellion_json *value = json_new(KELLION_NUMBER);
    value->as.text.bytes = kellion_copy(text);
    value->as.text.length = strlen(text);
    return value;
}

kellion_json *kellion_json_new_integer(int64_t number) {
    return new_number(kellion_format("%lld", (long long)number));
}

kellion_json *kellion_json_new_unsigned(uint64_t number) {
    return new_number(kellion_format("%llu", (unsigned long long)number));
}

void json_print_double(double number, char *text, size_t size) {
    /* The fewest digits that are read as the same number. */
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, size, "%.*g", precision, number);
        if (strtod(text, NULL) == number) {
            return;
        }
    }
}

kellion_json *kellion_json_new_double(double number) {
    if (!isfinite(number)) {
        return kellion_json_new_null();
    }
    char text[32];
    json_print_double(number, text, sizeof text);
    return new_number(text);
}

kellion_json *kellion_json_new_text(const char *bytes, size_t length) {
    kellion_json *value = json_new(KELLION_STRING);
    const char *mended = utf8_mend(bytes, &length);
    value->as.text.bytes = arena_copy_bytes(&turn_arena, mended, length);
    value->as.text.length = length;
    return value;
}

kellion_json *kellion_json_new_string(const char *text) {
    return text ? kellion_json_new_text(text, strlen(text)) : kellion_json_new_null();
}

kellion_json *kellion_json_new_array(void) {
    return json_new(KELLION_ARRAY);
}

kellion_json *kellion_json_new_object(void) {
    return json_new(KELLION_OBJECT);
}

static kellion_json *copy_alone(const kellion_json *value) {
    kellion_json *copy = json_new(value->type);
    copy->name = value->name;
    copy->name_length = value->name_length;
    if (!json_is_container(value)) {
        copy->as = value->as;
    }
    return copy;
}

/* A copy down to the leaves, without recursion: values may be deeper than the stack. */
static kellion_json *copy_whole(const kellion_json *value) {
    kellion_json *root = copy_alone(value);
    kellion_json *to = root;
    for (const kellion_json *from = value;;) {
        const kellion_json *below = kellion_json_first(from);
        if (below) {
            kellion_json *copy = copy_alone(below);
            json_append(to, copy);
            from = below;
            to = copy;
            continue;
        }
        while (from != value && !from->next) {
            from = from->parent;
            to = to->parent;
        }
        if (from == value) {
            return root;
        }
        kellion_json *copy = copy_alone(from->next);
        json_append(to->parent, copy);
        from = from->next;
        to = copy;
    }
}

/* A value that may become an element of the container: in no other, and not the container itself or one around it. */
static kellion_json *free_for(const kellion_json *container, const kellion_json *value) {
    if (!value) {
        return kellion_json_new_null();
    }
    bool taken = value->parent != NULL;
    for (const kellion_json *around = container; around && !taken; around = around->parent) {
        taken = around == value;
    }
    /* What is in no container was made by the author, in this turn, and not read. */
    return taken ? copy_whole(value) : (kellion_json *)value;
}

kellion_json *kellion_json_add(kellion_json *array, const kellion_json *value) {
    if (kellion_json_kind(array) == KELLION_ARRAY) {
        kellion_json *element = free_for(array, value);
        element->name = NULL;
        json_append(array, element);
    }
    return array;
}

kellion_json *kellion_json_set(kellion_json *object, const char *name, const kellion_json *value) {
    if (kellion_json_kind(object) == KELLION_OBJECT) {
        kellion_json *element = free_for(object, value);
        size_t length = strlen(name);
        const char *mended = utf8_mend(name, &length);
        element->name = arena_copy_bytes(&turn_arena, mended, length);
        element->name_length = length;
        json_append(object, element);
    }
    return object;
}
