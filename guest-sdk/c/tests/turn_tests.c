#include "tests.h"

static kellion_result tell_context(kellion_payload payload, const kellion_context *context) {
    CHECK(payload.json != NULL);
    CHECK(context->turn == 7);
    CHECK(context->user_id == NULL);
    CHECK(kellion_time_left_ms(context) == -1);
    CHECK_TEXT(context->request_id, "");
    CHECK_TEXT(kellion_header_value(context, "X-Color"), "blue");
    CHECK(!kellion_header_value(context, "X-Colour"));
    return kellion_text(kellion_format("%s of %s", context->session_id, context->content_type));
}

static kellion_result send_and_fail(kellion_payload payload, const kellion_context *context) {
    (void)payload, (void)context;
    CHECK(kellion_send(kellion_json_new_integer(1)));
    CHECK(kellion_send(kellion_json_new_string("a\nb")));
    return kellion_fail("no more than %d", 2);
}

static kellion_result write_raw(kellion_payload payload, const kellion_context *context) {
    (void)payload, (void)context;
    kellion_content_type("text/plain");
    kellion_write("ab", 2);
    return kellion_bytes(NULL, "c", 1);
}

static kellion_result use_the_session(kellion_payload payload, const kellion_context *context) {
    (void)payload, (void)context;
    CHECK_TEXT(kellion_config("CITY"), "Lima");
    CHECK(!kellion_config("COUNTRY"));
    CHECK(kellion_remaining().tokens == 1000);
    CHECK(kellion_remaining().money_micros == KELLION_UNLIMITED);
    kellion_log(KELLION_WARN, "%s\xff", "half");
    return kellion_fail("broken \xc3 text");
}

static kellion_stream kept;

static kellion_result keep_a_stream(kellion_payload payload, const kellion_context *context) {
    (void)payload, (void)context;
    kellion_error error;
    CHECK(kellion_stream_next(kept, &error) == NULL && error.kind == KELLION_INVALID);
    kept = kellion_converse_stream(&(kellion_request){.model = "m"}, &error);
    CHECK_TEXT(kellion_stream_text(kept, &error), "on");
    CHECK(open_handles == 1);
    return kellion_sent();
}

static kellion_result read_a_stream(kellion_payload payload, const kellion_context *context) {
    (void)payload, (void)context;
    kellion_error error;
    kellion_stream stream = kellion_converse_stream(&(kellion_request){.model = "m"}, &error);
    CHECK_TEXT(kellion_stream_text(stream, &error), "on");
    CHECK(!kellion_stream_response(stream));
    CHECK_TEXT(kellion_stream_text(stream, &error), "es");
    CHECK(!kellion_stream_text(stream, &error) && error.kind == KELLION_NO_ERROR);
    CHECK(open_handles == 0);
    CHECK_TEXT(kellion_stream_response(stream)->text, "ones");
    CHECK(!kellion_stream_text(stream, &error) && error.kind == KELLION_NO_ERROR);
    CHECK(!kellion_stream_forward(stream, true, &error) && error.kind == KELLION_INVALID);
    kellion_stream_close(stream);
    return kellion_sent();
}

void turn_tests(void) {
    CHECK_TEXT(turn_text("{\"a\": [1, 2.50]}"), "{\"a\":[1,2.50]}");
    CHECK_TEXT(turn_text(" \n"), "invalid: payload is not JSON: it is empty");
    CHECK_TEXT(turn_text("{"), "invalid: payload is not JSON: it ends too soon at line 1 column 2");
    CHECK_TEXT(turn(NULL, "1", 1), "1");
    CHECK_TEXT(turn("Application/Json; charset=utf-8", "[", 1),
               "invalid: payload is not JSON: it ends too soon at line 1 column 2");
    CHECK_TEXT(turn("application/cloudevents+json", " 1 ", 3), "1");
    CHECK_TEXT(turn("application/octet-stream", "[\xff", 2), "[\xff");
    CHECK_TEXT(sent_type, "application/octet-stream");
    CHECK_TEXT(turn("text/plain", "", 0), "");

    next_turn = tell_context;
    CHECK_TEXT(turn_text("1"), "\"a session of application/json\"");
    next_turn = send_and_fail;
    CHECK_TEXT(turn_text("1"), "failed: no more than 2");
    CHECK_TEXT(sent, "data: 1\n\ndata: \"a\\nb\"\n\n");
    CHECK_TEXT(sent_type, "text/event-stream");
    next_turn = write_raw;
    CHECK_TEXT(turn_text("1"), "c");
    CHECK_TEXT(sent, "ab");
    CHECK_TEXT(sent_type, "text/plain");
    next_turn = use_the_session;
    CHECK_TEXT(turn_text("1"), "failed: broken \xef\xbf\xbd text");
    CHECK_TEXT(logged, "2 half\xef\xbf\xbd\n");

    static const scripted answers[] = {{.text = "ones"}, {.text = "ones"}, {.text = "ones"}};
    script(answers, 3);
    next_turn = keep_a_stream;
    turn_text("1");
    /* The stream of the turn before is over, and no memory of that turn is touched. */
    turn_text("1");
    next_turn = read_a_stream;
    turn_text("1");
    next_turn = NULL;
}
