/* Why a model call failed. */
#include "internal.h"

void clear_error(kellion_error *error) {
    set_error(error, KELLION_NO_ERROR, "");
}

void set_error(kellion_error *error, kellion_error_kind kind, const char *message) {
    if (error) {
        *error = (kellion_error){.kind = kind, .message = message, .retry_after_ms = -1};
    }
}

static const char *what(kellion_error_kind kind) {
    switch (kind) {
    case KELLION_DENIED:
        return "the model call is not allowed: ";
    case KELLION_BUDGET_EXHAUSTED:
        return "the model budget is used up: ";
    case KELLION_INVALID:
        return "the model request is not valid: ";
    case KELLION_CONTEXT_TOO_LONG:
        return "the conversation is too long for the model: ";
    case KELLION_THROTTLED:
        return "the model is throttled: ";
    case KELLION_TIMEOUT:
        return "the model took too long: ";
    case KELLION_UNAVAILABLE:
        return "the model is unavailable: ";
    case KELLION_NO_ERROR:
    case KELLION_TOO_MANY_ROUNDS:
    case KELLION_CUT_SHORT:
        return "";
    }
    return "";
}

const char *kellion_error_text(const kellion_error *error) {
    return kellion_format("%s%s", what(error->kind), error->message);
}

bool kellion_error_is_transient(const kellion_error *error) {
    return error->kind == KELLION_THROTTLED || error->kind == KELLION_TIMEOUT || error->kind == KELLION_UNAVAILABLE;
}
