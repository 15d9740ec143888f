/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement_numbers.c - bodies about numbers: range, numbering.
 */
#include "base/assert.h"
#include "cdb/core/statement_body.h"
#include "tally/e164.h"

#include <string.h>

static const char *const answers_words[] = {
    [TALLY_CDB_ANSWERS_NONE] = "none",
    [TALLY_CDB_ANSWERS_ROAMING] = "roaming",
    [TALLY_CDB_ANSWERS_CALLS] = "calls",
};
static const char *const mobility_words[] = {
    [TALLY_CDB_MOBILE] = "mobile",
    [TALLY_CDB_HOMED] = "homed",
    [TALLY_CDB_FIXED] = "fixed",
};
static const char *const strictness_words[] = {
    [TALLY_CDB_LENIENT] = "lenient",
    [TALLY_CDB_STRICT] = "strict",
    [TALLY_CDB_STRICT_DIRECT] = "strict-direct",
};
enum { WORD_COUNT = 3 }; /* in each of the tables */

const char *tally_cdb_answers_word(enum tally_cdb_answers answers)
{
    return (unsigned)answers < WORD_COUNT ? answers_words[answers] : "?";
}

const char *tally_cdb_mobility_word(enum tally_cdb_mobility mobility)
{
    return (unsigned)mobility < WORD_COUNT ? mobility_words[mobility] : "?";
}

const char *tally_cdb_strictness_word(enum tally_cdb_strictness strictness)
{
    return (unsigned)strictness < WORD_COUNT ? strictness_words[strictness] : "?";
}

/* --- range --- */

static void read_digits(struct tally_lines *lines, struct tally_range_line *range)
{
    unsigned prefix_digits = tally_e164_digit_count(range->prefix);

    if (!tally_lines_skip(lines, " digits ")) {
        return;
    }
    range->digits_min = (uint8_t)tally_lines_u32(lines, prefix_digits, TALLY_E164_DIGITS_MAX);
    tally_lines_word(lines, "-");
    range->digits_max = (uint8_t)tally_lines_u32(lines, range->digits_min, TALLY_E164_DIGITS_MAX);
}

void tally_range_read(struct tally_lines *lines, struct tally_range_statement *range)
{
    while (tally_lines_skip(lines, "range ")) {
        struct tally_range_line line = {.prefix = tally_lines_prefix(lines)};

        read_digits(lines, &line);
        if (range->range_count == TALLY_STATEMENT_RANGES_MAX) {
            tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "at most 512 ranges in one part");
            return;
        }
        if (range->range_count > 0 &&
            tally_prefix_compare(range->ranges[range->range_count - 1].prefix, line.prefix) >= 0) {
            tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "ranges in ascending order");
        }
        tally_lines_end(lines);
        range->ranges[range->range_count++] = line;
    }
}

void tally_range_write(struct tally_writer *writer, const struct tally_range_statement *range)
{
    for (uint16_t i = 0; i < range->range_count; i++) {
        const struct tally_range_line *line = &range->ranges[i];

        tally_put_text(writer, "range ");
        tally_put_prefix(writer, line->prefix);
        if (line->digits_max != 0) {
            tally_put_text(writer, " digits ");
            tally_put_u32(writer, line->digits_min);
            tally_put_text(writer, "-");
            tally_put_u32(writer, line->digits_max);
        }
        tally_put_text(writer, "\n");
    }
}

/* --- numbering --- */

/*
 * One of three words. They are tried from the last to the first, so that "strict-direct" is not
 * taken for "strict".
 */
static unsigned read_word(struct tally_lines *lines, const char *const words[WORD_COUNT],
                          const char *expected)
{
    for (unsigned i = WORD_COUNT; i > 0; i--) {
        if (tally_lines_skip(lines, words[i - 1])) {
            return i - 1;
        }
    }
    tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, expected);
    return 0;
}

/* Ids separated by commas; appended to the line's others. Returns how many. */
static uint8_t read_others(struct tally_lines *lines, struct tally_numbering_line *line,
                           uint8_t first)
{
    uint8_t count = 0;

    do {
        char *id = NULL;

        if (first + count == TALLY_STATEMENT_OTHERS_MAX) {
            tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "at most 7 other operators");
            return count;
        }
        id = line->others[first + count];
        tally_lines_id(lines, id);
        if (count > 0 && strcmp(line->others[first + count - 1], id) >= 0) {
            tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "operator ids in ascending order");
        }
        count++;
    } while (tally_lines_skip(lines, ","));
    return count;
}

static void read_numbering_line(struct tally_lines *lines, struct tally_numbering_line *line)
{
    memset(line, 0, sizeof(*line));
    line->prefix = tally_lines_prefix(lines);
    tally_lines_word(lines, " answers=");
    line->answers = (enum tally_cdb_answers)read_word(lines, answers_words, "none, roaming, calls");
    tally_lines_word(lines, " mobility=");
    line->mobility =
        (enum tally_cdb_mobility)read_word(lines, mobility_words, "mobile, homed or fixed");
    tally_lines_word(lines, " policy=");
    line->strictness = (enum tally_cdb_strictness)read_word(lines, strictness_words,
                                                            "lenient, strict or strict-direct");
    line->is_busy = tally_lines_skip(lines, " busy");
    line->is_onward = tally_lines_skip(lines, " onward");
    line->is_no_porting = tally_lines_skip(lines, " no-porting");
    if (tally_lines_skip(lines, " authorise=")) {
        line->authorise_count = read_others(lines, line, 0);
    }
    if (tally_lines_skip(lines, " served-by=")) {
        line->served_by_count = read_others(lines, line, line->authorise_count);
    }
    tally_lines_end(lines);
}

void tally_numbering_read(struct tally_lines *lines, struct tally_numbering_statement *numbering)
{
    while (tally_lines_skip(lines, "numbers ")) {
        struct tally_numbering_line *line = NULL;

        if (numbering->line_count == TALLY_STATEMENT_NUMBERS_MAX) {
            tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "at most 128 lines in one part");
            return;
        }
        line = &numbering->lines[numbering->line_count];
        read_numbering_line(lines, line);
        if (!tally_lines_failed(lines) && numbering->line_count > 0 &&
            tally_prefix_compare(line[-1].prefix, line->prefix) >= 0) {
            tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "prefixes in ascending order");
            lines->refused_line--; /* the line is behind us */
        }
        numbering->line_count++;
    }
}

static void write_others(struct tally_writer *writer, const char *word,
                         const struct tally_numbering_line *line, uint8_t first, uint8_t count)
{
    for (uint8_t i = 0; i < count; i++) {
        tally_put_text(writer, i == 0 ? word : ",");
        tally_put_text(writer, line->others[first + i]);
    }
}

static void write_numbering_line(struct tally_writer *writer,
                                 const struct tally_numbering_line *line)
{
    TALLY_ASSERT(line->authorise_count + line->served_by_count <= TALLY_STATEMENT_OTHERS_MAX);
    tally_put_text(writer, "numbers ");
    tally_put_prefix(writer, line->prefix);
    tally_put_text(writer, " answers=");
    tally_put_text(writer, tally_cdb_answers_word(line->answers));
    tally_put_text(writer, " mobility=");
    tally_put_text(writer, tally_cdb_mobility_word(line->mobility));
    tally_put_text(writer, " policy=");
    tally_put_text(writer, tally_cdb_strictness_word(line->strictness));
    tally_put_text(writer, line->is_busy ? " busy" : "");
    tally_put_text(writer, line->is_onward ? " onward" : "");
    tally_put_text(writer, line->is_no_porting ? " no-porting" : "");
    write_others(writer, " authorise=", line, 0, line->authorise_count);
    write_others(writer, " served-by=", line, line->authorise_count, line->served_by_count);
    tally_put_text(writer, "\n");
}

void tally_numbering_write(struct tally_writer *writer,
                           const struct tally_numbering_statement *numbering)
{
    for (uint16_t i = 0; i < numbering->line_count; i++) {
        write_numbering_line(writer, &numbering->lines[i]);
    }
}
