/* Arithmetic: + - * / ^, parentheses, signs and decimal numbers, with the usual precedence. */
#ifndef CALCULATOR_H
#define CALCULATOR_H

#include <kellion.h>

/* A tool's function: `{"expression": "(2 + 3) * 4"}` gives "20". */
kellion_result calculate(const kellion_json *input, void *user);

/* Its input. */
extern const kellion_field calculator_fields[];

#endif
