/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evaluation.h - the state of one evaluation, shared by the files that make it.
 *
 * Of cdb/core's own use; evaluate.h is the face and has the rules. Phases run in this order, and
 * each rests on those before it: headers, roots, authorities, operators, ranges, numbering,
 * suspects, stamp.
 *
 * Pure. Threads: one owner. Memory: the block given to tally_cdb_evaluate.
 */
#pragma once

#include "cdb/core/evaluate.h"
#include "cdb/core/prefix_sort.h"
#include "cdb/core/statement.h"

#define TALLY_EVALUATION_NONE UINT32_MAX

/* Refusals that may name several lines of one statement have a place each in its meta. */
enum tally_evaluation_slot {
    TALLY_EVALUATION_SLOT_OVERCLAIM,
    TALLY_EVALUATION_SLOT_CONTESTED,
    TALLY_EVALUATION_SLOT_OPERATOR,
    TALLY_EVALUATION_SLOT_CONFLICT,
    TALLY_EVALUATION_SLOT_COUNT
};

struct tally_evaluation_meta {
    struct tally_statement_header header;
    uint32_t slots[TALLY_EVALUATION_SLOT_COUNT]; /* refusal's index + 1; 0: none yet */
};

struct tally_evaluation_authority {
    char id[TALLY_OPERATOR_ID_BYTES];
    uint32_t candidate;
    struct tally_statement_keys keys;
    struct tally_wall expires; /* the root's, if that is earlier */
    bool is_suspect;
};

struct tally_evaluation_code {
    uint64_t prefix;
    uint32_t authority; /* TALLY_EVALUATION_NONE: contested */
};

struct tally_evaluation_operator {
    uint8_t statement_key[TALLY_CDB_KEY_BYTES];
    uint32_t candidate;
    bool is_suspect;
};

/* A range in the making. */
struct tally_evaluation_fact {
    struct tally_cdb_range range;
    uint32_t candidate; /* the statement it comes from; TALLY_EVALUATION_NONE: a hole */
    uint32_t line;      /* in that statement's text */
    uint32_t base;      /* of a numbering fact: the range fact around it */
    bool has_numbering;
};

struct tally_evaluation_root {
    uint32_t candidate; /* TALLY_EVALUATION_NONE: no root is believed */
    struct tally_statement_header header;
    struct tally_root_statement body;
};

struct tally_evaluation {
    const struct tally_cdb_question *question;
    struct tally_statement *scratch; /* the statement being looked at */
    struct tally_evaluation_meta *metas;
    uint32_t *order; /* candidates with a header, by type, issuer, subject, part, serial, text */
    uint32_t order_count;
    bool *is_in_force;
    struct tally_cdb_refusal *refusals;
    uint32_t refusal_count, refusal_max;
    struct tally_evaluation_root root;
    uint8_t network_id[32];                         /* hash of root 1; set with root */
    struct tally_evaluation_authority *authorities; /* sorted by id */
    uint32_t authority_count;
    struct tally_evaluation_code *codes; /* sorted; unique once authorities are settled */
    uint32_t code_count;
    struct tally_cdb_operator *operators; /* sorted by id */
    struct tally_evaluation_operator *trusts;
    uint32_t operator_count;
    uint32_t *suspects; /* candidates that make unknown whatever their issuer holds */
    uint32_t suspect_count;
    struct tally_evaluation_fact *facts, *spare_facts;
    uint32_t fact_count, fact_max;
    uint32_t range_fact_count; /* the first facts; sorted once ranges are settled */
    struct tally_prefix_key *keys, *spare_keys;
    struct tally_wall next_change;
};

/* --- evaluate.c --- */

/* line_count is added up where the same statement is refused for the same reason again. */
void tally_evaluation_refuse(struct tally_evaluation *ev, uint32_t candidate,
                             enum tally_refusal reason, uint32_t line);

/* Decodes a candidate into scratch; refuses it with its line if that fails. */
bool tally_evaluation_load(struct tally_evaluation *ev, uint32_t candidate);

/* Makes unknown, at the end, all that the candidate's issuer holds. */
void tally_evaluation_suspect(struct tally_evaluation *ev, uint32_t candidate);

const struct tally_statement_header *tally_evaluation_header(const struct tally_evaluation *ev,
                                                             uint32_t candidate);

/* Notes when a statement's time will begin. */
void tally_evaluation_await(struct tally_evaluation *ev, struct tally_wall begins);

/* The first place in order[] at or behind `from` that is of another group (type, issuer, subject,
 * part), or of another type. */
uint32_t tally_evaluation_group_end(const struct tally_evaluation *ev, uint32_t from);
void tally_evaluation_type_bounds(const struct tally_evaluation *ev, enum tally_statement_type type,
                                  uint32_t *first, uint32_t *end);

/* Is order[at] the same statement as the one before it? */
bool tally_evaluation_is_repeated(const struct tally_evaluation *ev, uint32_t at);

/*
 * Chooses the statement of a group that counts, by rule 5, and refuses the others. may_speak judges
 * the statement in scratch; concern is called with a refused or expired statement in scratch, to
 * make unknown what it is about.
 *
 * Returns the candidate, in scratch; TALLY_EVALUATION_NONE if none counts.
 */
typedef enum tally_refusal tally_evaluation_may_speak_fn(struct tally_evaluation *ev,
                                                         uint32_t candidate);
typedef void tally_evaluation_concern_fn(struct tally_evaluation *ev, uint32_t candidate);
uint32_t tally_evaluation_choose(struct tally_evaluation *ev, uint32_t first, uint32_t end,
                                 tally_evaluation_may_speak_fn *may_speak,
                                 tally_evaluation_concern_fn *concern);

/* --- evaluate_trust.c --- */

enum tally_refusal tally_evaluation_threshold(const struct tally_evaluation *ev, uint32_t candidate,
                                              const struct tally_statement_keys *keys);
void tally_evaluation_roots(struct tally_evaluation *ev);
void tally_evaluation_authorities(struct tally_evaluation *ev);
void tally_evaluation_stamp(struct tally_evaluation *ev, struct tally_wall *stamped);

/* TALLY_EVALUATION_NONE if there is none. */
uint32_t tally_evaluation_find_authority(const struct tally_evaluation *ev, const char *id);
/* Who holds the number space that the prefix lies in; NONE also where that is contested. */
uint32_t tally_evaluation_authority_of(const struct tally_evaluation *ev, uint64_t prefix);

/* --- evaluate_operators.c --- */

void tally_evaluation_operators(struct tally_evaluation *ev);
/* TALLY_CDB_NOBODY if there is none. */
uint32_t tally_evaluation_find_operator(const struct tally_evaluation *ev, const char *id);

/* --- evaluate_numbers.c --- */

/* Adds a fact that makes a prefix unknown. */
void tally_evaluation_add_unknown(struct tally_evaluation *ev, uint64_t prefix);
void tally_evaluation_ranges(struct tally_evaluation *ev);
void tally_evaluation_numbering(struct tally_evaluation *ev);
void tally_evaluation_suspects(struct tally_evaluation *ev);
