/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.h - what participants and authorities say, as text and as checked structs.
 *
 * A statement is the text of a signed note (note.h): a first line with its type, a header, a body,
 * one thing per line; docs/CDB.md has an example of each. There is exactly one text for each
 * content: decoding what was encoded gives the same struct, and a text that encoding its content
 * would not give back byte for byte is refused with its line and what was expected there.
 *
 * Decoding checks form and lifetime. Who may say it, and who has signed, is evaluate.h.
 *
 * Pure. Threads: safe. Memory: the caller's; a struct is about 64 KiB, so not for stacks.
 */
#pragma once

#include "base/text.h"
#include "cdb/core/index.h"
#include "cdb/core/note.h"
#include "cdb/core/refusal.h"
#include "tally/err.h"
#include "tally/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_STATEMENT_KEYS_MAX = 8, /* of a root or an authority; and witnesses */
    TALLY_STATEMENT_COUNTRIES_MAX = 64,
    TALLY_STATEMENT_RANGES_MAX = 512,
    TALLY_STATEMENT_NUMBERS_MAX = 128,
    TALLY_STATEMENT_OTHERS_MAX = TALLY_CDB_ENTITLED_MAX - 1,
    TALLY_STATEMENT_PARTS_MAX = 65535,
};

/* How long a statement may be valid, in days. */
enum {
    TALLY_STATEMENT_ROOT_DAYS = 366,
    TALLY_STATEMENT_AUTHORITY_DAYS = 400,
    TALLY_STATEMENT_RANGE_DAYS = 100,
    TALLY_STATEMENT_NUMBERING_DAYS = 30,
    TALLY_STATEMENT_OPERATOR_DAYS = 30,
    TALLY_STATEMENT_STAMP_DAYS = 7,
};

/* X(name, word in texts, longest life in days) */
#define TALLY_STATEMENT_TABLE(X)                                                                   \
    X(ROOT, "root", TALLY_STATEMENT_ROOT_DAYS)                /* the network about itself */       \
    X(AUTHORITY, "authority", TALLY_STATEMENT_AUTHORITY_DAYS) /* the network about an authority */ \
    X(RANGE, "range", TALLY_STATEMENT_RANGE_DAYS)             /* an authority about an operator */ \
    X(NUMBERING, "numbering", TALLY_STATEMENT_NUMBERING_DAYS) /* an operator about itself */       \
    X(OPERATOR, "operator", TALLY_STATEMENT_OPERATOR_DAYS)    /* the same */                       \
    X(STAMP, "stamp", TALLY_STATEMENT_STAMP_DAYS)             /* the network, by its witnesses */

enum tally_statement_type {
    TALLY_STATEMENT_NONE,
#define TALLY_ENUM(name, word, days) TALLY_STATEMENT_##name,
    TALLY_STATEMENT_TABLE(TALLY_ENUM)
#undef TALLY_ENUM
        TALLY_STATEMENT_TYPE_COUNT
};

struct tally_statement_header {
    enum tally_statement_type type;
    char issuer[TALLY_OPERATOR_ID_BYTES];  /* of the network, authority or operator that speaks */
    char subject[TALLY_OPERATOR_ID_BYTES]; /* about whom */
    uint32_t part;   /* RANGE, NUMBERING: 1 .. 65535, to say more than one note holds; others 0 */
    uint32_t serial; /* from 1; per type, issuer, subject and part the highest one counts */
    struct tally_wall not_before; /* of a STAMP: when it was made */
    struct tally_wall expires;
};

struct tally_statement_key {
    char name[TALLY_OPERATOR_ID_BYTES]; /* as in signature lines */
    uint8_t key[TALLY_CDB_KEY_BYTES];   /* Ed25519 */
};

/* Names ascend, no name and no key is there twice: one key must not count as two. */
struct tally_statement_keys {
    uint8_t threshold; /* 1 .. count */
    uint8_t count;     /* 1 .. TALLY_STATEMENT_KEYS_MAX */
    struct tally_statement_key keys[TALLY_STATEMENT_KEYS_MAX];
};

struct tally_root_statement {
    uint8_t wire_minor_min;
    struct tally_statement_keys keys;
    struct tally_statement_keys witnesses; /* threshold: their quorum */
};

struct tally_authority_statement {
    uint8_t country_count;                             /* 1 .. */
    uint64_t countries[TALLY_STATEMENT_COUNTRIES_MAX]; /* codes or longer prefixes, ascending */
    struct tally_statement_keys keys;
};

struct tally_range_line {
    uint64_t prefix;
    uint8_t digits_min, digits_max; /* of the whole numbers; both 0: not stated */
};

struct tally_range_statement {
    uint16_t range_count;                                       /* 0: nothing any more */
    struct tally_range_line ranges[TALLY_STATEMENT_RANGES_MAX]; /* ascending, left-aligned */
};

struct tally_numbering_line {
    uint64_t prefix;
    enum tally_cdb_answers answers;
    enum tally_cdb_mobility mobility;
    enum tally_cdb_strictness strictness;
    bool is_busy, is_onward, is_no_porting;
    uint8_t authorise_count, served_by_count; /* together at most TALLY_STATEMENT_OTHERS_MAX */
    char others[TALLY_STATEMENT_OTHERS_MAX][TALLY_OPERATOR_ID_BYTES]; /* authorise, then served-by;
                                                                         each list ascends */
};

struct tally_numbering_statement {
    uint16_t line_count;
    struct tally_numbering_line lines[TALLY_STATEMENT_NUMBERS_MAX]; /* ascending, left-aligned */
};

struct tally_operator_statement {
    char enrolled_by[TALLY_OPERATOR_ID_BYTES]; /* the authority that countersigns */
    uint8_t statement_key[TALLY_CDB_KEY_BYTES];
    uint8_t noise_keys[2][TALLY_CDB_KEY_BYTES]; /* current, next */
    uint8_t noise_key_count;                    /* 1 or 2 */
    uint8_t evidence_key[TALLY_CDB_KEY_BYTES];
    uint8_t wire_minor_min, wire_minor_max;
    char endpoints[TALLY_CDB_ENDPOINTS_MAX][TALLY_CDB_ENDPOINT_BYTES];
    uint8_t endpoint_count; /* 1 .. */
    char egress[TALLY_CDB_EGRESS_MAX][TALLY_CDB_EGRESS_BYTES];
    uint8_t egress_count;
    char redress_contact[TALLY_CDB_CONTACT_BYTES]; /* "": none */
};

struct tally_stamp_statement {
    uint32_t statement_count;
    uint8_t set_hash[32]; /* SHA-256 over the sorted SHA-256 hashes of the whole notes */
};

struct tally_statement {
    struct tally_statement_header header;
    union {
        struct tally_root_statement root;
        struct tally_authority_statement authority;
        struct tally_range_statement range;
        struct tally_numbering_statement numbering;
        struct tally_operator_statement op;
        struct tally_stamp_statement stamp;
    };
};

/* What was wrong where. expected: a phrase, static; NULL when there is no more to say. */
struct tally_statement_fault {
    enum tally_refusal refusal;
    uint32_t line; /* from 1; 0: the text as a whole */
    const char *expected;
};

/*
 * Reads a statement's text.
 *
 * statement    when refused: header.type, issuer and subject as far as they could be read, so that
 *              it can be said whom it concerns, and nothing else of use.
 * fault        written in every case. NULL allowed.
 * False: CHARACTER, VERSION, UNKNOWN_TYPE, FORMAT, TRUNCATED or LIFETIME.
 */
bool tally_statement_decode(const char *text, size_t count, struct tally_statement *statement,
                            struct tally_statement_fault *fault);

/* The same for the header alone; the body is not looked at. */
bool tally_statement_decode_header(const char *text, size_t count,
                                   struct tally_statement_header *header,
                                   struct tally_statement_fault *fault);

/*
 * Writes a statement's text, not terminated. What the struct says is written as it stands: whoever
 * filled it by hand decodes the text again before relying on it (a list out of order, an id that is
 * none, a life too long are refused there).
 *
 * header.type   not NONE; counts within their arrays.
 * count         written in every case; 0 when refused.
 * TALLY_ERR_LIMIT    it does not fit.
 */
TALLY_NODISCARD enum tally_err tally_statement_encode(const struct tally_statement *statement,
                                                      char *text, size_t size, size_t *count);

/* "range"; "?" outside the enum. */
const char *tally_statement_type_word(enum tally_statement_type type);
int64_t tally_statement_life_max_us(enum tally_statement_type type);

/* "none", "roaming", "calls", and so on, as in texts. */
const char *tally_cdb_answers_word(enum tally_cdb_answers answers);
const char *tally_cdb_mobility_word(enum tally_cdb_mobility mobility);
const char *tally_cdb_strictness_word(enum tally_cdb_strictness strictness);

/* Is prefix `inner` the prefix `outer` or a longer one of it? */
bool tally_prefix_is_within(uint64_t inner, uint64_t outer);
/* The order of lists of prefixes: left-aligned, then the shorter first. < 0, 0, > 0. */
int tally_prefix_compare(uint64_t first, uint64_t second);
