/* The tutorial's calculator: the probe asks an agent with this tool. */
#include "../tutorial-c/calculator.c"
