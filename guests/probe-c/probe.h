/* What the probe's files share. Each deed takes the payload and answers the turn. */
#ifndef PROBE_H
#define PROBE_H

#include <kellion.h>

/* A field of the payload that has to be there. They say what is wrong by `problem`, which they leave alone otherwise. */
const char *wanted_text(const kellion_json *payload, const char *name, const char **problem);
size_t wanted_size(const kellion_json *payload, const char *name, const char **problem);

kellion_result tell_context(const kellion_context *context);

/* output.c */
kellion_result stream_numbers(const kellion_json *payload);
kellion_result write_raw(const kellion_json *payload);
kellion_result answer_large(const kellion_json *payload);
kellion_result print_message(const kellion_json *payload);

/* models.c */
kellion_result ask_model(const kellion_json *payload);
kellion_result stream_model(const kellion_json *payload);
kellion_result hold_model(const kellion_json *payload);
kellion_result ask_agent(const kellion_json *payload);
kellion_result count_tokens(const kellion_json *payload);

/* faults.c */
kellion_result keep_memory(const kellion_json *payload);
kellion_result recurse(void);
kellion_result spin(void);

/* surroundings.c */
kellion_result tell_clock(void);
kellion_result tell_random(void);
kellion_result sleep_for(const kellion_json *payload);

#endif
