/* Who paid what for whom. A ledger lasts as long as its session. */
#ifndef LEDGER_H
#define LEDGER_H

#include <kellion.h>

enum { MAX_MEMBERS = 64 };

typedef struct expense {
    size_t payer;
    int64_t cents;
    char *purpose;
    uint64_t sharers; /* A bit for each member. */
} expense;

typedef struct ledger {
    char *members[MAX_MEMBERS];
    size_t member_count;
    expense *expenses;
    size_t expense_count;
} ledger;

/* Gives what is wrong with the expense, or NULL when it is recorded. */
const char *ledger_add(ledger *book, const char *payer, int64_t cents, const char *purpose, const kellion_json *sharers);
/* {"expenses": [{"payer": "Ana", "cents": 3000, "purpose": "dinner", "sharers": ["Ana", "Ben"]}, …]} */
kellion_json *ledger_list(const ledger *book);
/* {"balance": {"Ana": 1500, "Ben": -1500}}: what each is owed, in cents. They add up to nothing. */
kellion_json *ledger_balance(const ledger *book);

#endif
