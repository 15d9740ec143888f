/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.h - who holds a number, and what the holder says of it.
 *
 * An immutable look-up index over the verified content of the participant database. It is built
 * aside from "facts" (already verified and contained, see statement.h for how they come about) and
 * swapped whole; the registry core reads it through a pointer. Missing, expired and contested data
 * are said to be so and are never mistaken for "nobody holds it".
 *
 * Pure. Threads: an index never changes, any thread may read it. Memory: one block of the caller's.
 */
#pragma once

#include "base/text.h"
#include "tally/e164.h"
#include "tally/err.h"
#include "tally/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_CDB_KEY_BYTES = 32,
    TALLY_CDB_ENDPOINTS_MAX = 4,
    TALLY_CDB_ENDPOINT_BYTES = 128, /* "tcp://host:port" and NUL */
    TALLY_CDB_EGRESS_MAX = 16,
    TALLY_CDB_EGRESS_BYTES = 46, /* an IPv4 or IPv6 address and NUL */
    TALLY_CDB_CONTACT_BYTES = 128,
    TALLY_CDB_ENTITLED_MAX = 8,
};
#define TALLY_CDB_NOBODY UINT32_MAX

struct tally_cdb_operator {
    char id[TALLY_OPERATOR_ID_BYTES];
    uint8_t noise_keys[2][TALLY_CDB_KEY_BYTES]; /* current, next */
    uint8_t noise_key_count;                    /* 1 or 2 */
    uint8_t evidence_key[TALLY_CDB_KEY_BYTES];  /* Ed25519 */
    char endpoints[TALLY_CDB_ENDPOINTS_MAX][TALLY_CDB_ENDPOINT_BYTES];
    uint8_t endpoint_count;
    char egress[TALLY_CDB_EGRESS_MAX][TALLY_CDB_EGRESS_BYTES];
    uint8_t egress_count;
    char redress_contact[TALLY_CDB_CONTACT_BYTES]; /* "": none */
    struct tally_wall expires;
};

enum tally_cdb_answers {
    TALLY_CDB_ANSWERS_NONE,
    TALLY_CDB_ANSWERS_ROAMING,
    TALLY_CDB_ANSWERS_CALLS
};
enum tally_cdb_mobility { TALLY_CDB_MOBILE, TALLY_CDB_HOMED, TALLY_CDB_FIXED };
enum tally_cdb_strictness { TALLY_CDB_LENIENT, TALLY_CDB_STRICT, TALLY_CDB_STRICT_DIRECT };

/* What holds for an interval of numbers. */
struct tally_cdb_range {
    uint64_t prefix;    /* E.164 digits of the prefix, or a whole number */
    uint8_t digits_min; /* length of the numbers in it; 0: not stated */
    uint8_t digits_max;
    uint32_t holder; /* index into the operators; TALLY_CDB_NOBODY only if is_unsafe */
    enum tally_cdb_answers answers;
    enum tally_cdb_mobility mobility;
    enum tally_cdb_strictness strictness;
    bool is_busy, is_onward, is_no_porting;
    uint8_t authorised_count;
    uint32_t
        authorised[TALLY_CDB_ENTITLED_MAX - 1]; /* who else may originate (authorise, served-by) */
    struct tally_wall
        expires;    /* the earliest of all that it rests on (root .. numbering); 0: has expired */
    bool is_unsafe; /* a statement about it was rejected or has expired: unknown */
};

struct tally_cdb_facts {
    const struct tally_cdb_operator *operators; /* sorted by id, no two alike */
    uint32_t operator_count;
    const struct tally_cdb_range *ranges; /* any order; nesting allowed, the longest prefix wins */
    uint32_t range_count;
    uint8_t network_id[32];
    uint64_t log_size;         /* statements in force */
    struct tally_wall stamped; /* signed time of the newest timestamp; 0: none */
    uint8_t wire_minor_min;
};

struct tally_cdb_index;

/* How much memory an index of these facts takes, in bytes. */
size_t tally_cdb_index_bytes(const struct tally_cdb_facts *facts);

/*
 * Builds an index.
 *
 * memory     at least tally_cdb_index_bytes(facts), aligned as by malloc; given to the index.
 * Two ranges of one prefix with different holders are both contested. Facts are copied.
 * TALLY_ERR_FORMAT   operators unsorted, a holder out of bounds, a prefix that is no number, one
 *                    holder with one prefix twice.
 */
TALLY_NODISCARD enum tally_err tally_cdb_index_build(const struct tally_cdb_facts *facts,
                                                     void *memory, size_t memory_bytes,
                                                     const struct tally_cdb_index **index);

enum tally_cdb_standing {
    TALLY_CDB_UNKNOWN,   /* expired, rejected or malformed data cover the number */
    TALLY_CDB_NO_HOLDER, /* no participant holds it */
    TALLY_CDB_CONTESTED, /* two do */
    TALLY_CDB_HELD,
};

/* What a look-up gives: a range with its entitled operators worked out. */
struct tally_cdb_entry {
    struct tally_cdb_range range;
    uint8_t entitled_count;                    /* holder first */
    uint32_t entitled[TALLY_CDB_ENTITLED_MAX]; /* operator indexes */
    uint64_t
        entitled_hash; /* tally_hash with the zero key over the sorted ids, each ended by '\n' */
};

/*
 * Looks a number up.
 *
 * now      the wall clock; a range is UNKNOWN from its expiry on.
 * entry    set for HELD and CONTESTED (then one of the two claims), borrowed from the index; NULL
 *          otherwise.
 * A number whose digit count is outside the range's bounds has NO_HOLDER.
 */
enum tally_cdb_standing tally_cdb_lookup(const struct tally_cdb_index *index, uint64_t number,
                                         struct tally_wall now,
                                         const struct tally_cdb_entry **entry);

/* May this operator originate calls with this number as its A? HELD and entitled. */
bool tally_cdb_is_entitled(const struct tally_cdb_index *index, uint64_t number, uint32_t op,
                           struct tally_wall now);

uint32_t tally_cdb_operator_count(const struct tally_cdb_index *index);
const struct tally_cdb_operator *tally_cdb_operator_at(const struct tally_cdb_index *index,
                                                       uint32_t op);
/* TALLY_CDB_NOBODY if there is none. */
uint32_t tally_cdb_operator_find(const struct tally_cdb_index *index, const char *id);

uint32_t tally_cdb_range_count(const struct tally_cdb_index *index);
const struct tally_cdb_entry *tally_cdb_entry_at(const struct tally_cdb_index *index, uint32_t at);
uint64_t tally_cdb_log_size(const struct tally_cdb_index *index);
struct tally_wall tally_cdb_stamped(const struct tally_cdb_index *index);
uint8_t tally_cdb_wire_minor_min(const struct tally_cdb_index *index);
const uint8_t *tally_cdb_network_id(const struct tally_cdb_index *index); /* 32 bytes */
