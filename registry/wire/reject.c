/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/reject.h"

struct reject_row {
    const char *name;
    const char *sentence;
};

static const struct reject_row rows[TALLY_REJECT_COUNT] = {
#define REJECT_ROW(name, sentence) {#name, sentence},
    TALLY_REJECT_TABLE(REJECT_ROW)
#undef REJECT_ROW
};

const char *tally_reject_name(enum tally_reject reject)
{
    return (unsigned)reject < TALLY_REJECT_COUNT ? rows[reject].name : "?";
}

const char *tally_reject_sentence(enum tally_reject reject)
{
    return (unsigned)reject < TALLY_REJECT_COUNT ? rows[reject].sentence : "?";
}
