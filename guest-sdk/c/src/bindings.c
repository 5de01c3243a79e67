/* The contract's generated bindings. They free what they were given piece by piece; here it lies in the turn's memory, and
 * goes with it. */
#include <stdlib.h>

#define free(pointer) ((void)(pointer))
#include "agent.c"
