#include "ledger.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A million in each of ten thousand expenses is far from the end of an int64_t. */
static const int64_t MOST_CENTS = 100000000;
enum { MOST_EXPENSES = 10000 };

/* The member of that name, in upper or lower case; a new one if need be. MAX_MEMBERS: there is no room. */
static size_t member(ledger *book, const char *name) {
    size_t at = 0;
    while (at < book->member_count && strcasecmp(book->members[at], name) != 0) {
        at++;
    }
    if (at == book->member_count && at < MAX_MEMBERS) {
        book->members[at] = strdup(name);
        if (!book->members[at]) {
            return MAX_MEMBERS;
        }
        book->member_count++;
    }
    return at;
}

static const char *wrong_sharers(const kellion_json *sharers) {
    if (!kellion_json_first(sharers)) {
        return "somebody has to share the expense";
    }
    for (const kellion_json *at = kellion_json_first(sharers); at; at = kellion_json_next(at)) {
        const char *name = kellion_json_string(at);
        if (!name || !*name) {
            return "each sharer has to be a name";
        }
    }
    return NULL;
}

const char *ledger_add(ledger *book, const char *payer, int64_t cents, const char *purpose, const kellion_json *sharers) {
    if (cents <= 0 || cents > MOST_CENTS) {
        return kellion_format("an expense is from 1 to %lld cents", (long long)MOST_CENTS);
    }
    if (book->expense_count == MOST_EXPENSES) {
        return "the ledger is full";
    }
    const char *wrong = *payer ? wrong_sharers(sharers) : "the payer has to have a name";
    if (wrong) {
        return wrong;
    }
    expense *grown = realloc(book->expenses, (book->expense_count + 1) * sizeof *grown);
    if (!grown) {
        return "there is no memory for another expense";
    }
    book->expenses = grown;
    expense added = {.payer = member(book, payer), .cents = cents, .purpose = strdup(purpose)};
    bool has_room = added.payer < MAX_MEMBERS && added.purpose;
    for (const kellion_json *at = kellion_json_first(sharers); at && has_room; at = kellion_json_next(at)) {
        size_t sharer = member(book, kellion_json_string(at));
        has_room = sharer < MAX_MEMBERS;
        added.sharers |= has_room ? UINT64_C(1) << sharer : 0;
    }
    if (!has_room) {
        free(added.purpose);
        return kellion_format("a group has at most %d members", MAX_MEMBERS);
    }
    book->expenses[book->expense_count++] = added;
    return NULL;
}

kellion_json *ledger_list(const ledger *book) {
    kellion_json *expenses = kellion_json_new_array();
    for (size_t at = 0; at < book->expense_count; at++) {
        const expense *each = &book->expenses[at];
        kellion_json *sharers = kellion_json_new_array();
        for (size_t who = 0; who < book->member_count; who++) {
            if (each->sharers >> who & 1) {
                kellion_json_add(sharers, kellion_json_new_string(book->members[who]));
            }
        }
        kellion_json *told = kellion_json_new_object();
        kellion_json_set(told, "payer", kellion_json_new_string(book->members[each->payer]));
        kellion_json_set(told, "cents", kellion_json_new_integer(each->cents));
        kellion_json_set(told, "purpose", kellion_json_new_string(each->purpose));
        kellion_json_set(told, "sharers", sharers);
        kellion_json_add(expenses, told);
    }
    return kellion_json_set(kellion_json_new_object(), "expenses", expenses);
}

kellion_json *ledger_balance(const ledger *book) {
    int64_t owed[MAX_MEMBERS] = {0};
    for (size_t at = 0; at < book->expense_count; at++) {
        const expense *each = &book->expenses[at];
        int64_t sharers = 0;
        for (size_t who = 0; who < book->member_count; who++) {
            sharers += (int64_t)(each->sharers >> who & 1);
        }
        owed[each->payer] += each->cents;
        /* Cents that do not divide are shared by the first ones, so that nothing is lost. */
        int64_t left = each->cents % sharers;
        for (size_t who = 0; who < book->member_count; who++) {
            if (each->sharers >> who & 1) {
                owed[who] -= each->cents / sharers + (left > 0);
                left -= left > 0;
            }
        }
    }
    kellion_json *balance = kellion_json_new_object();
    for (size_t who = 0; who < book->member_count; who++) {
        kellion_json_set(balance, book->members[who], kellion_json_new_integer(owed[who]));
    }
    return kellion_json_set(kellion_json_new_object(), "balance", balance);
}
