/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cdb_world.h - a made-up participant database for tests of evaluation.
 *
 * Statements are written with the calls below, each with the list of those who signed it. A signer
 * is "NAME" or "NAME/KEY": the key called KEY (or NAME) under that name; "!NAME" has signed badly.
 * There is no cryptography: whether somebody signed is looked up in that list.
 */
#pragma once

#include "cdb/core/evaluate.h"

enum { CDB_WORLD_NOTES_MAX = 40, CDB_WORLD_TEXT_BYTES = 8192 };

struct cdb_world {
    struct tally_wall now; /* when it is judged */
    int64_t from_s, to_s;  /* validity of the next statement written, relative to now */
    struct tally_wall stamped_min;
    const uint8_t *root_pin;
    uint32_t count;
    char texts[CDB_WORLD_NOTES_MAX + 1][CDB_WORLD_TEXT_BYTES]; /* the last: the stamp */
    const char *signers[CDB_WORLD_NOTES_MAX + 1];
    struct tally_cdb_candidate candidates[CDB_WORLD_NOTES_MAX + 1];
    bool has_stamp;
    uint8_t set_hash[32];
    struct tally_cdb_evaluation result;
    const struct tally_cdb_index *index;
    void *memory, *index_memory;
};

/* now is 2026-11-21T00:00:00Z; statements are valid from a minute ago, for 20 days (stamps: 7). */
void cdb_world_open(struct cdb_world *world);
void cdb_world_close(struct cdb_world *world);

/* Each returns the candidate's number. Lists are separated by spaces. */
uint32_t cdb_world_add(struct cdb_world *world, const char *text, const char *signers);
uint32_t cdb_world_root(struct cdb_world *world, const char *network, unsigned serial,
                        unsigned threshold, const char *keys, const char *signers);
uint32_t cdb_world_authority(struct cdb_world *world, const char *id, unsigned serial,
                             const char *countries, unsigned threshold, const char *keys,
                             const char *signers);
uint32_t cdb_world_operator(struct cdb_world *world, const char *id, unsigned serial,
                            const char *authority, const char *key, const char *signers);
uint32_t cdb_world_range(struct cdb_world *world, const char *authority, const char *op,
                         unsigned part, unsigned serial, const char *lines, const char *signers);
uint32_t cdb_world_numbering(struct cdb_world *world, const char *op, unsigned part,
                             unsigned serial, const char *lines, const char *signers);
/* Over the statements that are there now; witnesses are w1, w2, w3, quorum 2. */
void cdb_world_stamp(struct cdb_world *world, const char *network, const char *signers);

/* Root demo 1 (r1 r2 r3, 2 of 3), authority gb (+44, gb-1), operators alfa and bravo with keys of
 * their own names. */
void cdb_world_usual(struct cdb_world *world);

/* Evaluates and builds the index; may be called again. */
void cdb_world_judge(struct cdb_world *world);

enum tally_cdb_standing cdb_world_standing(const struct cdb_world *world, uint64_t number);
/* The entry, which must be HELD. */
const struct tally_cdb_entry *cdb_world_held(const struct cdb_world *world, uint64_t number);
/* The operator's id who holds the number; "-" if it is not HELD. */
const char *cdb_world_holder(const struct cdb_world *world, uint64_t number);
bool cdb_world_is_refused(const struct cdb_world *world, uint32_t candidate,
                          enum tally_refusal reason);
uint32_t cdb_world_refusal_count(const struct cdb_world *world);
