/*
 * sum     = product (("+" | "-") product)*
 * product = signed (("*" | "/") signed)*
 * signed  = ("+" | "-") signed | power
 * power   = atom ("^" signed)?
 * atom    = number | "(" sum ")"
 */
#include "calculator.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How deep an expression may nest. Each level takes a few frames of the stack, and a session's stack is small. */
enum { MAX_DEPTH = 64 };

/* Whole numbers below this are exact in a double. */
#define EXACT_LIMIT 9007199254740992.0

const kellion_field calculator_fields[] = {
    {.name = "expression",
     .type = KELLION_STRING,
     .description = "Numbers, + - * / ^ and parentheses, such as \"(2 + 3.5) * 4\"."},
    {0},
};

typedef struct parser {
    const char *start;
    const char *at;
    int depth;
    /* Why the expression has no value; NULL as long as it may have one. The model reads it. */
    const char *problem;
} parser;

static double sum(parser *in);

/* Gives zero, for the value that is not there. */
static double fail(parser *in, const char *problem) {
    if (!in->problem) {
        in->problem = problem;
    }
    return 0;
}

/* Bytes of the UTF-8 character that begins there. */
static int width(const char *at) {
    int bytes = 1;
    while (((unsigned char)at[bytes] & 0xC0) == 0x80) {
        bytes++;
    }
    return bytes;
}

/* Counted in characters, from 1. */
static int position(const parser *in, const char *of) {
    int count = 1;
    for (const char *at = in->start; at < of; at += width(at)) {
        count++;
    }
    return count;
}

/* The next character that is no space; zero at the end. */
static char peek(parser *in) {
    in->at += strspn(in->at, " \t\r\n");
    return *in->at;
}

static bool take(parser *in, char wanted) {
    bool is_next = peek(in) == wanted;
    in->at += is_next;
    return is_next;
}

static double unexpected(parser *in) {
    if (!peek(in)) {
        return fail(in, "the expression ends too soon");
    }
    return fail(in, kellion_format("unexpected `%.*s` at position %d", width(in->at), in->at, position(in, in->at)));
}

static double real(parser *in, double value) {
    return isfinite(value) ? value : fail(in, "the result is too large or not a real number");
}

static double number(parser *in) {
    int length = (int)strspn(in->at, "0123456789.");
    const char *text = kellion_format("%.*s", length, in->at);
    char *end;
    double value = strtod(text, &end);
    if (*end) {
        fail(in, kellion_format("`%s` at position %d is not a number", text, position(in, in->at)));
    }
    in->at += length;
    return value;
}

static double atom(parser *in) {
    if (take(in, '(')) {
        double value = sum(in);
        return in->problem || take(in, ')') ? value : unexpected(in);
    }
    char next = peek(in);
    return (next >= '0' && next <= '9') || next == '.' ? number(in) : unexpected(in);
}

static double signed_value(parser *in);

static double power(parser *in) {
    double base = atom(in);
    if (in->problem || !take(in, '^')) {
        return base;
    }
    /* To the right first: 2^3^2 is 2^(3^2). */
    double exponent = signed_value(in);
    if (base == 0 && exponent < 0) {
        return fail(in, "division by zero");
    }
    return pow(base, exponent);
}

/* Every way down goes through here, so that the depth is counted here alone. */
static double signed_value(parser *in) {
    if (++in->depth > MAX_DEPTH) {
        return fail(in, kellion_format("nested more than %d deep", MAX_DEPTH));
    }
    double value = take(in, '-') ? -signed_value(in) : take(in, '+') ? signed_value(in) : power(in);
    in->depth--;
    /* At once: divided by later, an overflow would look like a plain zero. */
    return in->problem ? 0 : real(in, value);
}

static double product(parser *in) {
    double value = signed_value(in);
    while (!in->problem) {
        if (take(in, '*')) {
            value *= signed_value(in);
        } else if (take(in, '/')) {
            double divisor = signed_value(in);
            value = divisor == 0 ? fail(in, "division by zero") : value / divisor;
        } else {
            break;
        }
    }
    return value;
}

static double sum(parser *in) {
    double value = product(in);
    while (!in->problem) {
        if (take(in, '+')) {
            value += product(in);
        } else if (take(in, '-')) {
            value -= product(in);
        } else {
            break;
        }
    }
    return value;
}

/* A value as people write it: whole numbers without a point, others to 15 significant digits, which hides the noise of
 * binary fractions. */
static const char *display(double value) {
    if (value == trunc(value) && fabs(value) < EXACT_LIMIT) {
        /* Adding zero turns -0 into 0. */
        return kellion_format("%.0f", value + 0.0);
    }
    char *text = kellion_format("%.14e", value);
    char *exponent = strchr(text, 'e');
    int power_of_ten = atoi(exponent + 1);
    if (power_of_ten >= -6 && power_of_ten < 15) {
        text = kellion_format("%.*f", 14 - power_of_ten, value);
        exponent = text + strlen(text);
    }
    /* Zeros at the end of a fraction say nothing. */
    char *end = exponent;
    while (end[-1] == '0') {
        end--;
    }
    end -= end[-1] == '.';
    const char *digits = kellion_format("%.*s", (int)(end - text), text);
    return *exponent ? kellion_format("%se%d", digits, power_of_ten) : digits;
}

/* An error here does not fail the turn: the model reads it and may mend its call. */
kellion_result calculate(const kellion_json *input, void *user) {
    (void)user;
    const char *expression = kellion_json_string(kellion_json_get(input, "expression"));
    parser in = {.start = expression, .at = expression};
    double value = sum(&in);
    if (!in.problem && peek(&in)) {
        unexpected(&in);
    }
    real(&in, value);
    return in.problem ? kellion_fail("%s", in.problem) : kellion_text(display(value));
}
