/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refusal.c - names and sentences.
 */
#include "cdb/core/refusal.h"

static const struct {
    const char *name;
    const char *sentence;
    bool is_notice;
} refusals[] = {
#define TALLY_ROW(name, is_notice, sentence) {#name, sentence, (is_notice) != 0},
    TALLY_REFUSAL_TABLE(TALLY_ROW)
#undef TALLY_ROW
};

const char *tally_refusal_name(enum tally_refusal refusal)
{
    return (unsigned)refusal < TALLY_REFUSAL_COUNT ? refusals[refusal].name : "?";
}

const char *tally_refusal_sentence(enum tally_refusal refusal)
{
    return (unsigned)refusal < TALLY_REFUSAL_COUNT ? refusals[refusal].sentence : "?";
}

bool tally_refusal_is_notice(enum tally_refusal refusal)
{
    return (unsigned)refusal < TALLY_REFUSAL_COUNT && refusals[refusal].is_notice;
}
