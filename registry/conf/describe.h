/* SPDX-License-Identifier: Apache-2.0 */
/*
 * describe.h - a setting's expected value in words, for faults, the dump and the manual alike; and
 * the look at a file's text before libconfig sees it. Private to registry/conf.
 *
 * Pure, but for snprintf. Threads: safe. Memory: the caller's.
 */
#pragma once

#include "conf/conf.h"

enum { TALLY_CONF_WORDS_BYTES = 320 };

/* "an integer from 1 to 600 s", `one of "a", "b"`. Always NUL-terminated, cut to fit. */
void tally_conf_describe(const struct tally_conf_setting *setting,
                         char words[TALLY_CONF_WORDS_BYTES]);

/* Where an element of a setting lies in the object. */
void *tally_conf_place(const struct tally_conf_setting *setting, void *object, uint32_t at);
const void *tally_conf_place_const(const struct tally_conf_setting *setting, const void *object,
                                   uint32_t at);

/* The word of an ENUM's value; NULL if there is none. */
const char *tally_conf_word_of(const struct tally_conf_setting *setting, int32_t value);

/*
 * Refuses what libconfig 1.5 takes without a word: an integer that does not fit its type, which it
 * would cut to 32 bits; and @include, which this project does not have.
 */
TALLY_NODISCARD enum tally_err tally_conf_scan(const char *name, const char *text,
                                               struct tally_fault *fault);
