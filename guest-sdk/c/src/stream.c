/* Answers as they are made. The host's handles are kept here, so that none is left open after a turn. */
#include "internal.h"

typedef struct open_stream {
    struct open_stream *older;
    uint32_t id;
    kellion_agent_model_own_response_stream_t handle;
    bool is_open;
    const kellion_response *response;
} open_stream;

/* Of this turn. */
static open_stream *newest;

/* Over all turns, so that one that was kept is never taken for another. */
static uint32_t last_id;

static open_stream *find(kellion_stream stream) {
    for (open_stream *at = newest; at; at = at->older) {
        if (at->id == stream.id) {
            return at;
        }
    }
    return NULL;
}

static void close(open_stream *stream) {
    if (stream->is_open) {
        stream->is_open = false;
        kellion_agent_model_response_stream_drop_own(stream->handle);
    }
}

void close_streams(void) {
    for (; newest; newest = newest->older) {
        close(newest);
    }
}

kellion_stream kellion_converse_stream(const kellion_request *request, kellion_error *error) {
    clear_error(error);
    kellion_agent_model_request_t lowered;
    lower_request(request, &lowered);
    open_stream *stream = kellion_alloc(sizeof *stream);
    kellion_agent_model_error_t failure;
    if (!kellion_agent_model_converse_stream(&lowered, &stream->handle, &failure)) {
        lift_error(&failure, error);
        return (kellion_stream){0};
    }
    stream->is_open = true;
    stream->id = ++last_id;
    stream->older = newest;
    newest = stream;
    return (kellion_stream){stream->id};
}

static open_stream *find_open(kellion_stream stream, kellion_error *error) {
    open_stream *found = find(stream);
    if (!found) {
        set_error(error, KELLION_INVALID, "there is no such stream in this turn: each is closed when its turn ends");
        return NULL;
    }
    return found->is_open ? found : NULL;
}

const kellion_event *kellion_stream_next(kellion_stream stream, kellion_error *error) {
    clear_error(error);
    open_stream *found = find_open(stream, error);
    if (!found) {
        return NULL;
    }
    kellion_agent_model_option_event_t event;
    kellion_agent_model_error_t failure;
    kellion_agent_model_borrow_response_stream_t borrowed = kellion_agent_model_borrow_response_stream(found->handle);
    if (!kellion_agent_model_method_response_stream_next(borrowed, &event, &failure)) {
        close(found);
        lift_error(&failure, error);
        return NULL;
    }
    if (!event.is_some) {
        close(found);
        if (!found->response) {
            set_error(error, KELLION_UNAVAILABLE, "the stream ended before its response was whole");
        }
        return NULL;
    }
    kellion_event *lifted = kellion_alloc(sizeof *lifted);
    lift_event(&event.val, lifted);
    if (lifted->kind == KELLION_DONE) {
        found->response = lifted->response;
        close(found);
    }
    return lifted;
}

const char *kellion_stream_text(kellion_stream stream, kellion_error *error) {
    const kellion_event *event;
    while ((event = kellion_stream_next(stream, error))) {
        if (event->kind == KELLION_DELTA && event->block == KELLION_TEXT) {
            return event->piece.text;
        }
    }
    return NULL;
}

const kellion_response *kellion_stream_response(kellion_stream stream) {
    const open_stream *found = find(stream);
    return found ? found->response : NULL;
}

const kellion_response *kellion_stream_forward(kellion_stream stream, bool as_events, kellion_error *error) {
    clear_error(error);
    open_stream *found = find_open(stream, error);
    if (!found) {
        if (error && error->kind == KELLION_NO_ERROR) {
            set_error(error, KELLION_INVALID, "the stream is over, and cannot be forwarded");
        }
        return NULL;
    }
    answer_begins();
    if (as_events) {
        kellion_content_type("text/event-stream");
    }
    kellion_agent_response_framing_t framing =
        as_events ? KELLION_AGENT_RESPONSE_FRAMING_SSE : KELLION_AGENT_RESPONSE_FRAMING_TEXT;
    kellion_agent_model_response_t response;
    kellion_agent_model_error_t failure;
    /* The host takes the handle over. */
    found->is_open = false;
    if (!kellion_agent_response_forward(found->handle, framing, &response, &failure)) {
        lift_error(&failure, error);
        return NULL;
    }
    found->response = lift_response(&response);
    return found->response;
}

void kellion_stream_close(kellion_stream stream) {
    open_stream *found = find(stream);
    if (found) {
        close(found);
    }
}
