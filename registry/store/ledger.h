/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.h - what is remembered of other operators from one start to the next.
 *
 * So far one thing: since when an operator has published a strict range, as we saw it ourselves.
 *
 * Touches: LMDB. Threads and errors: store.h. Memory: the caller's.
 */
#pragma once

#include "base/text.h"
#include "store/store.h"

#include <stdbool.h>

struct tally_ledger_entry {
    char operator_id[TALLY_OPERATOR_ID_BYTES];
    struct tally_wall strict_since; /* 0: not strict */
};

/*
 * Keeps entries, all in one commit. The earliest strict_since stands: a later one for an operator
 * that has one already changes nothing; 0 erases the entry.
 *
 * entries   written: strict_since becomes what is kept.
 * TALLY_ERR_FORMAT   an operator id that is none. Nothing is kept.
 */
TALLY_NODISCARD enum tally_err tally_ledger_put(struct tally_store *store,
                                                struct tally_ledger_entry *entries, size_t count,
                                                struct tally_fault *fault);

/* since is written in every case; 0, with TALLY_ERR_OK, for an operator that has no entry. */
TALLY_NODISCARD enum tally_err tally_ledger_get(struct tally_store *store, const char *operator_id,
                                                struct tally_wall *since,
                                                struct tally_fault *fault);

typedef bool (*tally_ledger_entry_fn)(void *context, const struct tally_ledger_entry *entry);

/* Gives each entry once, in the order of the ids, until the function returns false. */
TALLY_NODISCARD enum tally_err tally_ledger_read(struct tally_store *store,
                                                 tally_ledger_entry_fn entry_fn, void *context,
                                                 struct tally_fault *fault);
