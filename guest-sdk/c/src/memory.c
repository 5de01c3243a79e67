/* Memory that is taken piece by piece and given back whole. */
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

arena turn_arena;

struct arena_chunk {
    struct arena_chunk *older;
    size_t size;
    size_t used;
    alignas(8) unsigned char bytes[];
};

/* Of every piece: enough for all but long double, at half the price. */
enum { ALIGNMENT = 8 };

/* With KELLION_PIECES_ALONE every piece is an allocation of its own, so that a sanitizer sees where it ends. */
#ifdef KELLION_PIECES_ALONE
enum { FIRST_CHUNK = 0, LARGEST_CHUNK = 0 };
#else
enum { FIRST_CHUNK = 2048, LARGEST_CHUNK = 256 * 1024 };
#endif

static void out_of_memory(void) {
    static const char message[] = "out of memory";
    agent_string_t text = {(uint8_t *)message, sizeof message - 1};
    kellion_agent_log_write(KELLION_AGENT_LOG_LEVEL_ERROR, &text);
    abort();
}

/* The chunk has room for `size` bytes. */
static struct arena_chunk *add_chunk(arena *to, size_t size) {
    size_t wanted = to->newest ? to->newest->size * 2 : FIRST_CHUNK;
    if (wanted > LARGEST_CHUNK) {
        wanted = LARGEST_CHUNK;
    }
    if (wanted < size) {
        wanted = size;
    }
    struct arena_chunk *chunk = NULL;
    if (wanted < SIZE_MAX - sizeof *chunk) {
        chunk = malloc(sizeof *chunk + wanted);
    }
    if (!chunk) {
        out_of_memory();
    }
    chunk->size = wanted;
    chunk->used = 0;
    chunk->older = to->newest;
    to->newest = chunk;
    return chunk;
}

void *arena_alloc(arena *of, size_t size) {
    struct arena_chunk *chunk = of->newest;
    size_t from = chunk ? (chunk->used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : 0;
    if (!chunk || from > chunk->size || size > chunk->size - from || FIRST_CHUNK == 0) {
        chunk = add_chunk(of, size);
        from = 0;
    }
    chunk->used = from + size;
    return memset(chunk->bytes + from, 0, size);
}

void arena_free(arena *of) {
    while (of->newest) {
        struct arena_chunk *older = of->newest->older;
        free(of->newest);
        of->newest = older;
    }
}

size_t array_size(size_t count, size_t size) {
    if (size && count > SIZE_MAX / size) {
        out_of_memory();
    }
    return count * size;
}

void *arena_copy_bytes(arena *into, const void *bytes, size_t length) {
    char *copy = arena_alloc(into, length < SIZE_MAX ? length + 1 : length);
    if (length) {
        memcpy(copy, bytes, length);
    }
    return copy;
}

char *arena_copy_text(arena *into, const char *text) {
    return text ? arena_copy_bytes(into, text, strlen(text)) : NULL;
}

void *kellion_alloc(size_t size) {
    return arena_alloc(&turn_arena, size);
}

char *kellion_copy(const char *text) {
    return arena_copy_text(&turn_arena, text);
}

char *format_list(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0) {
        return kellion_copy(format);
    }
    char *text = kellion_alloc((size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    return text;
}

char *kellion_format(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = format_list(format, arguments);
    va_end(arguments);
    return text;
}
