/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number.h - what a trunk's digits mean: one E.164 number, or a reason to refuse.
 *
 * Both ends of a call must come to the same A and B, so nothing is guessed. A number that begins
 * with '+' is international everywhere; everything else means what the trunk's plan says. In order:
 * escapes and visual separators are undone, the first matching rule rewrites the head, once; then
 * '+', the nature that the signalling told, the phone-context, the international prefixes, the
 * national prefix, and last what the plan says of a number without any of these.
 *
 * Pure. Threads: safe. Memory: the caller's.
 */
#pragma once

#include "tally/e164.h"

#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_NUMBER_TEXT_BYTES_MAX = 128, /* as signalled, escapes and separators included */
    TALLY_NUMBER_DIGITS_MAX = 32,      /* after them, before the rules: 15 and a routing prefix */
    TALLY_NUMBER_PREFIX_BYTES = 17,    /* 16 characters and NUL */
    TALLY_NUMBER_PREFIXES_MAX = 4,
    TALLY_NUMBER_RULES_MAX = 16,
};

/* What the signalling says of the number: ISUP's nature of address; SIP says nothing. */
enum tally_number_nature {
    TALLY_NUMBER_NATURE_UNKNOWN,
    TALLY_NUMBER_NATURE_INTERNATIONAL, /* country code first, no prefix */
    TALLY_NUMBER_NATURE_NATIONAL,      /* with or without the national prefix */
    TALLY_NUMBER_NATURE_COUNT
};

/* What digits without any prefix are on this trunk. */
enum tally_number_bare {
    TALLY_NUMBER_BARE_REFUSED,
    TALLY_NUMBER_BARE_NATIONAL,
    TALLY_NUMBER_BARE_INTERNATIONAL,
    TALLY_NUMBER_BARE_COUNT
};

/* A number that begins with `match` loses strip_count characters, then gets `prepend` in front. */
struct tally_number_rule {
    char match[TALLY_NUMBER_PREFIX_BYTES]; /* digits, one '+' allowed in front; not empty */
    uint8_t strip_count;                   /* at most the length of match */
    char prepend[TALLY_NUMBER_PREFIX_BYTES];
};

/* Zeroed: only numbers with '+' are understood. */
struct tally_number_plan {
    uint16_t country_code;                           /* 1..999; 0: national forms are refused */
    char national_prefix[TALLY_NUMBER_PREFIX_BYTES]; /* "0"; empty: the country has none */
    char international_prefixes[TALLY_NUMBER_PREFIXES_MAX][TALLY_NUMBER_PREFIX_BYTES]; /* "00" */
    enum tally_number_bare bare;
    uint8_t national_digits_min; /* without country code and prefix; 0: as 1 */
    uint8_t national_digits_max; /* 0: as TALLY_E164_DIGITS_MAX */
    uint8_t rule_count;
    struct tally_number_rule rules[TALLY_NUMBER_RULES_MAX]; /* the first that matches is applied */
};

struct tally_number_text {
    const char *digits; /* as signalled, without parameters; need not be terminated */
    size_t digits_size;
    const char *context; /* phone-context (RFC 3966), NULL: none */
    size_t context_size;
    enum tally_number_nature nature;
};

/* X(name, sentence) */
#define TALLY_NUMBER_REJECT_TABLE(X)                                                               \
    X(NONE, "accepted")                                                                            \
    X(EMPTY, "no digits")                                                                          \
    X(CHARACTER, "something that is neither digit nor separator")                                  \
    X(LONG, "more than 15 digits")                                                                 \
    X(ZERO, "an international number that begins with 0")                                          \
    X(BARE, "no prefix tells what the digits are, and the trunk's plan does not either")           \
    X(COUNTRY, "a national number on a trunk without country code")                                \
    X(NATIONAL_LENGTH, "a national number shorter or longer than the trunk's plan allows")         \
    X(CONTEXT, "a phone-context that is neither a domain nor the trunk's country code")

enum tally_number_reject {
#define TALLY_ENUM(name, sentence) TALLY_NUMBER_REJECT_##name,
    TALLY_NUMBER_REJECT_TABLE(TALLY_ENUM)
#undef TALLY_ENUM
        TALLY_NUMBER_REJECT_COUNT
};

/* "BARE" and the sentence above; "?" outside the enum. Never NULL. */
const char *tally_number_reject_name(enum tally_number_reject reject);
const char *tally_number_reject_sentence(enum tally_number_reject reject);

/*
 * Reads a number by the trunk's plan.
 *
 * number    written in every case; 0 when refused. 1 to 15 digits: whether the number can exist is
 *           for the registry to judge.
 */
enum tally_number_reject tally_number_normalise(const struct tally_number_plan *plan,
                                                const struct tally_number_text *text,
                                                uint64_t *number);

/*
 * Is the plan in order: terminated prefixes of digits, rules that strip no more than they match, a
 * country code that is assigned, national lengths in order? NULL if so, else a sentence that says
 * what is not.
 */
const char *tally_number_plan_check(const struct tally_number_plan *plan);
