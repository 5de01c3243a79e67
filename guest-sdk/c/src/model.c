/* Model calls that give their answer whole. */
#include "internal.h"

const kellion_response *kellion_converse(const kellion_request *request, kellion_error *error) {
    clear_error(error);
    kellion_agent_model_request_t lowered;
    lower_request(request, &lowered);
    kellion_agent_model_response_t response;
    kellion_agent_model_error_t failure;
    if (!kellion_agent_model_converse(&lowered, &response, &failure)) {
        lift_error(&failure, error);
        return NULL;
    }
    return lift_response(&response);
}

uint64_t kellion_count_tokens(const kellion_request *request, kellion_error *error) {
    clear_error(error);
    kellion_agent_model_request_t lowered;
    lower_request(request, &lowered);
    uint64_t tokens;
    kellion_agent_model_error_t failure;
    if (!kellion_agent_model_count_tokens(&lowered, &tokens, &failure)) {
        lift_error(&failure, error);
        return 0;
    }
    return tokens;
}

const void *kellion_invoke_model(const char *model, const void *body, size_t body_length, size_t *length,
                                 kellion_error *error) {
    clear_error(error);
    agent_string_t name = lower_text(model);
    agent_list_u8_t in = {(uint8_t *)body, body_length};
    agent_list_u8_t out;
    kellion_agent_model_error_t failure;
    if (!kellion_agent_model_invoke_model(&name, &in, &out, &failure)) {
        lift_error(&failure, error);
        *length = 0;
        return NULL;
    }
    *length = out.len;
    return out.len ? out.ptr : (const void *)"";
}
