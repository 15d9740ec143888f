/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - the registry's memory on disk: opening, the start counter, room, errors.
 *
 * One LMDB environment in the state directory, of a size fixed at open, holds what outlives a
 * process: evidence (evidence.h), the participant database as accepted (replica.h), what is
 * remembered of peers (ledger.h) and a counter of starts. What a function here has answered
 * TALLY_ERR_OK to is on the disk: each write is a transaction of its own, synced before it returns
 * (some milliseconds), so writes belong into the worker, not into the loop. Each value carries a
 * checksum over its key and bytes, and the whole carries a schema number; a schema this program
 * does not know is refused, never converted by guess.
 *
 * Touches: LMDB, the state directory. Threads: one that writes; any that read. Memory: own; a store
 * may not be used after a fork, nor be opened twice by one process. Never on a network file system.
 *
 * Errors that any function below may give, with the store as it was before:
 * TALLY_ERR_FULL      the map or the disk is full; the fault says which, and what to do.
 * TALLY_ERR_CORRUPT   a value fails its checksum, or LMDB finds its pages damaged.
 * TALLY_ERR_SYSTEM    the operating system refused (permissions, I/O error).
 * TALLY_ERR_STORE     anything else that LMDB refused.
 */
#pragma once

#include "tally/err.h"
#include "tally/time.h"

#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_STORE_SCHEMA = 1,
    TALLY_STORE_BOOT_MAX = (1 << 20) - 1, /* after it comes 1 */
};
#define TALLY_STORE_MAP_MIN_BYTES (UINT64_C(1) << 20)
#define TALLY_STORE_MAP_MAX_BYTES (UINT64_C(1) << 40)
/*
 * LMDB copies pages before it changes them, so a database filled to its last page could not even
 * erase. It gets this much more than it may fill.
 */
#define TALLY_STORE_RESERVE_BYTES (UINT64_C(16) << 20)

struct tally_store;

struct tally_store_options {
    const char *directory; /* made with mode 0700 if it is not there (its parent must be) */
    uint64_t map_bytes;    /* what may be filled: _MAP_MIN_BYTES .. _MAX_BYTES, in steps of 4096 */
};

/*
 * Opens or makes the store, takes its lock, checks the schema, counts the start, and syncs.
 *
 * store    written in every case; NULL on failure. Closed with tally_store_close.
 * TALLY_ERR_EXISTS    another process has it open.
 * TALLY_ERR_VERSION   a schema this program does not know.
 * TALLY_ERR_LIMIT     map_bytes outside its bounds.
 */
TALLY_NODISCARD enum tally_err tally_store_open(const struct tally_store_options *options,
                                                struct tally_store **store,
                                                struct tally_fault *fault);

/* NULL allowed. No other call may be under way. */
void tally_store_close(struct tally_store *store);

/* The number of this start, 1 .. TALLY_STORE_BOOT_MAX, different from the one before. */
uint32_t tally_store_boot(const struct tally_store *store);

struct tally_store_usage {
    uint64_t map_bytes;  /* what may be filled */
    uint64_t used_bytes; /* pages in use; freed ones are used again */
    uint64_t evidence_count;
    uint64_t note_count; /* of the replica */
};
TALLY_NODISCARD enum tally_err tally_store_usage(struct tally_store *store,
                                                 struct tally_store_usage *usage,
                                                 struct tally_fault *fault);

/* Frees what killed processes that read have left behind. Call it every 10 s or so. */
void tally_store_tidy(struct tally_store *store);
