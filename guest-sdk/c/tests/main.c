#include <stdio.h>

#include "tests.h"

int checks_failed;
static int checks_made;

void check(bool holds, const char *what, const char *file, int line) {
    checks_made++;
    if (!holds) {
        checks_failed++;
        printf("%s:%d: %s\n", file, line, what);
    }
}

void check_text(const char *is, const char *wanted, const char *file, int line) {
    bool equal = is && strcmp(is, wanted) == 0;
    check(equal, equal ? "" : "texts differ", file, line);
    if (!equal) {
        printf("    is:     %s\n    wanted: %s\n", is ? is : "NULL", wanted);
    }
}

int main(void) {
    json_tests();
    turn_tests();
    agent_tests();
    printf("%d passed, %d failed\n", checks_made - checks_failed, checks_failed);
    return checks_failed != 0;
}
