#include <math.h>
#include <stdlib.h>

#include "tests.h"

/* What is read of a text and written again; or what is wrong with it. */
static const char *again(const char *text) {
    const char *problem;
    const kellion_json *value = kellion_json_read(text, strlen(text), &problem);
    return value ? kellion_json_write(value, NULL) : problem;
}

static void what_is_read_is_written(void) {
    static const char *const same[] = {
        "null", "true", "false", "0", "-0", "-0.0", "1.50", "12345678901234567890123", "1e400", "1E-7", "\"\"",
        "[]", "{}", "[[],{}]", "{\"a\":{\"b\":[1,\"x\",null]},\"a\":2}", "\"\\u0000\\u001f\\n\\\"\\\\\"",
        "\"\xc3\xa9\xf0\x9f\x98\x80\"",
    };
    for (size_t at = 0; at < sizeof same / sizeof *same; at++) {
        CHECK_TEXT(again(same[at]), same[at]);
    }
    CHECK_TEXT(again(" [ 1 , 2 ]\n"), "[1,2]");
    CHECK_TEXT(again("\"\\u00e9\\ud83d\\ude00\\/\\b\""), "\"\xc3\xa9\xf0\x9f\x98\x80/\\b\"");
}

static void what_is_no_json_is_told_with_its_place(void) {
    CHECK_TEXT(again(""), "it ends too soon at line 1 column 1");
    CHECK_TEXT(again("[1,\n 2"), "it ends too soon at line 2 column 3");
    CHECK_TEXT(again("[1 2]"), "a comma or the end of the array or object is missing at line 1 column 4");
    CHECK_TEXT(again("{a:1}"), "a name in quotes is missing at line 1 column 2");
    CHECK_TEXT(again("{\"a\" 1}"), "a colon is missing at line 1 column 6");
    CHECK_TEXT(again("[1,]"), "a value is missing at line 1 column 4");
    CHECK_TEXT(again("nul"), "a value is missing at line 1 column 1");
    CHECK_TEXT(again("01"), "something follows the value at line 1 column 2");
    CHECK_TEXT(again("1.x"), "a digit is missing at line 1 column 3");
    CHECK_TEXT(again("\"\t\""), "a control character has to be escaped at line 1 column 2");
    CHECK_TEXT(again("\"\\x\""), "there is no such escape at line 1 column 3");
    CHECK_TEXT(again("\"\\u12g4\""), "\\u wants four hexadecimal digits at line 1 column 6");
    CHECK_TEXT(again("\"\\ud83d\""), "half of a surrogate pair is missing at line 1 column 8");
    CHECK_TEXT(again("\"\\udc00\""), "half of a surrogate pair is missing at line 1 column 8");
    const char with_zero[] = "1\0002";
    CHECK(!kellion_json_read(with_zero, sizeof with_zero - 1, NULL));
}

static void what_is_not_utf8_is_refused_in_json_and_mended_elsewhere(void) {
    static const char *const wrong[] = {
        "\"\x80\"", "\"\xc0\xaf\"", "\"\xe0\x80\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xff\"", "\"\xc3\"",
        "\"\xe2\x82\"", "\"\xf0\x9f\x98\"",
    };
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        CHECK(strstr(again(wrong[at]), "it is not UTF-8"));
    }
    CHECK_TEXT(kellion_json_string(kellion_json_new_string("a\xff\xc3z")), "a\xef\xbf\xbd\xef\xbf\xbdz");
}

static char *repeated(const char *piece, size_t count) {
    size_t length = strlen(piece);
    char *text = kellion_alloc(count * length + 1);
    for (size_t at = 0; at < count; at++) {
        memcpy(text + at * length, piece, length);
    }
    return text;
}

static void depth_is_bounded(void) {
    CHECK(strstr(again(repeated("[", 5000)), "more than 128 levels"));
    CHECK(strstr(again(repeated("{\"a\":", 5000)), "more than 128 levels"));
    const char *deepest = kellion_format("%s1%s", repeated("[", 128), repeated("]", 128));
    CHECK_TEXT(again(deepest), deepest);
    CHECK(strstr(again(kellion_format("[%s]", deepest)), "more than 128 levels"));
    /* Side by side is not deep. */
    const char *wide = kellion_format("[%s1]", repeated("[[]],", 5000));
    CHECK_TEXT(again(wide), wide);
}

static void whatever_is_cut_off_or_changed_is_survived(void) {
    static const char valid[] =
        "{\"text\":\"a\\u00e9\\ud83d\\ude00\xc3\xa9\\n\",\"list\":[1,-2.5e+10,true,false,null,{}],\"o\":{\"p\":[[]]}}";
    size_t length = sizeof valid - 1;
    for (size_t cut = 0; cut < length; cut++) {
        /* Exactly so long, that a sanitizer sees a byte too far. */
        char *text = malloc(cut ? cut : 1);
        memcpy(text, valid, cut);
        const char *problem;
        CHECK(!kellion_json_read(text, cut, &problem));
        CHECK(problem && *problem);
        free(text);
    }
    char changed[sizeof valid];
    for (size_t at = 0; at < length; at++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(changed, valid, sizeof valid);
            changed[at] = (char)byte;
            const kellion_json *value = kellion_json_read(changed, length, NULL);
            if (value) {
                size_t written;
                const char *text = kellion_json_write(value, &written);
                CHECK(kellion_json_read(text, written, NULL));
            }
        }
        arena_free(&turn_arena);
    }
}

static void values_are_looked_into(void) {
    static const char text[] = "{\"s\":\"a\\u0000b\",\"i\":-9223372036854775808,\"n\":2.5,\"big\":9223372036854775808,"
                               "\"huge\":1e999,\"t\":true,\"l\":[10,20],\"s2\":1,\"s2\":2}";
    const kellion_json *value = kellion_json_read(text, sizeof text - 1, NULL);
    int64_t integer = 0;
    double number = 0;
    bool truth = false;
    CHECK(kellion_json_count(value) == 9);
    CHECK(kellion_json_length(kellion_json_get(value, "s")) == 3);
    CHECK(kellion_json_integer(kellion_json_get(value, "i"), &integer) && integer == INT64_MIN);
    CHECK(!kellion_json_integer(kellion_json_get(value, "n"), &integer));
    CHECK(!kellion_json_integer(kellion_json_get(value, "big"), &integer));
    CHECK(kellion_json_double(kellion_json_get(value, "n"), &number) && number == 2.5);
    CHECK(!kellion_json_double(kellion_json_get(value, "huge"), &number));
    CHECK(kellion_json_boolean(kellion_json_get(value, "t"), &truth) && truth);
    CHECK(kellion_json_integer(kellion_json_at(kellion_json_get(value, "l"), 1), &integer) && integer == 20);
    CHECK(kellion_json_integer(kellion_json_get(value, "s2"), &integer) && integer == 2);
    CHECK_TEXT(kellion_json_name(kellion_json_first(value)), "s");
    CHECK(!kellion_json_get(value, "none") && !kellion_json_at(value, 100) && !kellion_json_string(value));
    /* What is not there has nothing in it. */
    CHECK(!kellion_json_get(NULL, "a") && !kellion_json_first(NULL) && !kellion_json_next(NULL));
    CHECK(kellion_json_kind(NULL) == KELLION_NULL && kellion_json_count(NULL) == 0);
}

static void values_are_made(void) {
    kellion_json *made = kellion_json_new_object();
    kellion_json *list = kellion_json_new_array();
    kellion_json_add(list, kellion_json_new_double(0.1));
    kellion_json_add(list, kellion_json_new_double(NAN));
    kellion_json_add(list, kellion_json_new_unsigned(UINT64_MAX));
    kellion_json_add(list, kellion_json_new_integer(INT64_MIN));
    kellion_json_add(list, NULL);
    kellion_json_set(made, "list", list);
    kellion_json_set(made, "none", kellion_json_new_string(NULL));
    CHECK_TEXT(kellion_json_write(made, NULL),
               "{\"list\":[0.1,null,18446744073709551615,-9223372036854775808,null],\"none\":null}");
    CHECK_TEXT(kellion_json_write(NULL, NULL), "null");
    /* Only an element is written, not what surrounds it. */
    CHECK_TEXT(kellion_json_write(kellion_json_at(list, 0), NULL), "0.1");
}

static void a_value_in_two_places_is_two_values(void) {
    kellion_json *inner = kellion_json_add(kellion_json_new_array(), kellion_json_new_boolean(true));
    kellion_json *outer = kellion_json_new_array();
    kellion_json_add(outer, inner);
    kellion_json_add(outer, inner);
    kellion_json_add(inner, kellion_json_new_null());
    CHECK_TEXT(kellion_json_write(outer, NULL), "[[true,null],[true]]");
    kellion_json_add(outer, outer);
    kellion_json_set(inner, "x", NULL); /* It is no object: nothing happens. */
    kellion_json_add(inner, outer);
    CHECK_TEXT(kellion_json_write(outer, NULL),
               "[[true,null,[[true,null],[true],[[true,null],[true]]]],[true],[[true,null],[true]]]");
    kellion_json *deep = kellion_json_new_array();
    for (int level = 0; level < 100000; level++) {
        deep = kellion_json_add(kellion_json_new_array(), deep);
    }
    size_t length;
    kellion_json_write(kellion_json_add(deep, deep), &length);
    CHECK(length == 2 * 200002 + 1);
}

void json_tests(void) {
    void (*const tests[])(void) = {
        what_is_read_is_written,
        what_is_no_json_is_told_with_its_place,
        what_is_not_utf8_is_refused_in_json_and_mended_elsewhere,
        depth_is_bounded,
        whatever_is_cut_off_or_changed_is_survived,
        values_are_looked_into,
        values_are_made,
        a_value_in_two_places_is_two_values,
    };
    for (size_t at = 0; at < sizeof tests / sizeof *tests; at++) {
        tests[at]();
        arena_free(&turn_arena);
    }
}
