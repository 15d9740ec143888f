/* SPDX-License-Identifier: Apache-2.0 */
#include "tally/verdict.h"

#define NAME_ROW(name, number) [number] = #name,

static const char *const verdict_names[] = {TALLY_VERDICT_TABLE(NAME_ROW)};
static const char *const grade_names[TALLY_GRADE_COUNT] = {"", "likely", "proven"};
static const char *const reason_names[] = {TALLY_REASON_TABLE(NAME_ROW)};
static const char *const mark_names[] = {TALLY_MARK_TABLE(NAME_ROW)};
static const char *const outcome_names[] = {TALLY_OUTCOME_TABLE(NAME_ROW)};
static const char *const finding_names[] = {TALLY_FINDING_TABLE(NAME_ROW)};
static const char *const action_names[] = {TALLY_ACTION_TABLE(NAME_ROW)};

#undef NAME_ROW

static const char *name_at(const char *const *names, size_t count, unsigned index)
{
    if (index >= count || names[index] == NULL) {
        return "?";
    }
    return names[index];
}

#define NAME_AT(names, index) name_at(names, sizeof(names) / sizeof((names)[0]), (unsigned)(index))

const char *tally_verdict_name(enum tally_verdict verdict)
{
    return NAME_AT(verdict_names, verdict);
}

const char *tally_grade_name(enum tally_grade grade)
{
    return NAME_AT(grade_names, grade);
}

const char *tally_reason_name(enum tally_reason reason)
{
    return NAME_AT(reason_names, reason);
}

const char *tally_outcome_name(enum tally_outcome outcome)
{
    return NAME_AT(outcome_names, outcome);
}

const char *tally_finding_name(enum tally_finding finding)
{
    return NAME_AT(finding_names, finding);
}

const char *tally_action_name(enum tally_action action)
{
    return NAME_AT(action_names, action);
}

const char *tally_mark_name(unsigned bit)
{
    return NAME_AT(mark_names, bit);
}

static const char base32_digits[] = "abcdefghijklmnopqrstuvwxyz234567";

enum {
    ID_DIGITS = TALLY_VERDICT_ID_TEXT_BYTES - 1,
    ID_LAST_BITS = 64 - 5 * (ID_DIGITS - 1), /* of the id in the last digit */
    NO_DIGIT = 255,
};

void tally_verdict_id_format(uint64_t id, char text[TALLY_VERDICT_ID_TEXT_BYTES])
{
    for (unsigned i = 0; i < ID_DIGITS - 1; i++) {
        text[i] = base32_digits[id >> (59 - 5 * i) & 31];
    }
    text[ID_DIGITS - 1] = base32_digits[id << (5 - ID_LAST_BITS) & 31];
    text[ID_DIGITS] = '\0';
}

static unsigned base32_value(char digit)
{
    if (digit >= 'a' && digit <= 'z') {
        return (unsigned)(digit - 'a');
    }
    if (digit >= 'A' && digit <= 'Z') {
        return (unsigned)(digit - 'A');
    }
    if (digit >= '2' && digit <= '7') {
        return (unsigned)(digit - '2') + 26;
    }
    return NO_DIGIT;
}

int tally_verdict_id_parse(const char *text, uint64_t *id)
{
    uint64_t value = 0;
    unsigned last;

    *id = 0;
    for (unsigned i = 0; i < ID_DIGITS - 1; i++) {
        unsigned digit = base32_value(text[i]); /* a NUL is no digit: never read past the end */

        if (digit == NO_DIGIT) {
            return 0;
        }
        value = value << 5 | digit;
    }
    last = base32_value(text[ID_DIGITS - 1]);
    if (last == NO_DIGIT || (last & 1) != 0 || text[ID_DIGITS] != '\0') {
        return 0;
    }
    *id = value << ID_LAST_BITS | last >> (5 - ID_LAST_BITS);
    return 1;
}
