/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evaluate.h - from a set of statements to facts that may be relied upon.
 *
 * The trust rules of docs/CDB.md, "Who is believed":
 *   1. Root 1 is pinned by the hash of its text (the network id); each later root is signed by the
 *      threshold of the one before it and by its own.
 *   2. An authority speaks if the newest root's threshold signed its statement, and only for
 *      prefixes under its country codes that no other authority holds more specifically.
 *   3. An operator's keys are those of its newest statement that an authority countersigned, or
 * that the statement key of its predecessor signed; it always signs with its own statement key.
 *   4. A range is held by whom its authority says; numbering holds within the operator's own
 * ranges. What goes beyond is left out and named; the rest stands.
 *   5. The highest serial per (type, issuer, subject, part) that is properly signed and whose time
 *      has begun counts. If it has expired, nothing older takes its place.
 *   6. What is refused or expired makes the numbers it is about unknown: its own prefixes for a
 *      range statement, the operator's whole covering ranges for numbering, all that its issuer
 *      holds if it cannot be read. It never makes them look unheld, or held by somebody else.
 *
 * Signatures are looked at through a function of the caller's, so that nothing here knows
 * cryptography.
 *
 * Pure. Threads: one owner. Memory: one block of the caller's; results borrow it and the input.
 */
#pragma once

#include "cdb/core/index.h"
#include "cdb/core/refusal.h"
#include "cdb/core/statement.h"
#include "tally/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The stamp's number among the candidates. */
#define TALLY_CDB_STAMP UINT32_MAX

struct tally_cdb_candidate {
    const char *text;
    size_t text_count;
    uint8_t text_hash[32];      /* SHA-256 of the text */
    enum tally_refusal refusal; /* not NONE: it is no note, text is not looked at */
    uint32_t line;              /* of that refusal */
};

enum tally_cdb_signed {
    TALLY_CDB_SIGNED_NOT,   /* no signature under this name and key id */
    TALLY_CDB_SIGNED_BADLY, /* there is one, and it does not verify */
    TALLY_CDB_SIGNED_WELL,
};

/* Has this key, under this name, signed the candidate (its number, or TALLY_CDB_STAMP)? */
typedef enum tally_cdb_signed tally_cdb_signed_fn(void *context, uint32_t candidate,
                                                  const char *name,
                                                  const uint8_t key[TALLY_CDB_KEY_BYTES]);

struct tally_cdb_question {
    const struct tally_cdb_candidate *candidates;
    uint32_t candidate_count;
    const struct tally_cdb_candidate *stamp; /* NULL: none */
    const uint8_t *set_hash;                 /* 32 bytes; of all notes but the stamp */
    const uint8_t *root_pin; /* 32 bytes; NULL: the only root of serial 1, on first sight */
    struct tally_wall now;
    struct tally_wall stamped_min; /* the newest stamp seen before; an older one is a replay */
    tally_cdb_signed_fn *is_signed;
    void *context; /* of is_signed; borrowed */
};

struct tally_cdb_refusal {
    uint32_t candidate; /* or TALLY_CDB_STAMP */
    enum tally_refusal reason;
    uint32_t line;        /* 0: the whole statement; for OVERCLAIM, CONTESTED the first such line */
    uint32_t line_count;  /* OVERCLAIM, CONTESTED, UNKNOWN_OPERATOR: how many lines; else 0 */
    const char *expected; /* static; NULL: nothing more to say */
};

struct tally_cdb_evaluation {
    struct tally_cdb_facts facts;
    char network[TALLY_OPERATOR_ID_BYTES]; /* "": no root is believed */
    uint32_t root_serial;                  /* of the root in force; 0: none */
    const struct tally_cdb_refusal *refusals;
    uint32_t refusal_count;
    const bool *is_in_force;       /* per candidate: facts rest on it */
    struct tally_wall next_change; /* when a statement's time begins, evaluate again; 0: never */
};

/* How much memory evaluating takes, in bytes. Looks at the texts. */
size_t tally_cdb_evaluate_bytes(const struct tally_cdb_question *question);

/*
 * Evaluates. Always gives facts, if only empty ones: what is wrong is in the refusals.
 *
 * memory    at least tally_cdb_evaluate_bytes(question), aligned as by malloc; given to the
 *           evaluation, which also borrows the question's texts until it is dropped.
 */
void tally_cdb_evaluate(const struct tally_cdb_question *question, void *memory,
                        size_t memory_bytes, struct tally_cdb_evaluation *evaluation);
