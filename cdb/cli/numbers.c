/* SPDX-License-Identifier: Apache-2.0 */
/*
 * numbers.c - ranges and numbering.
 */
#include "cdb/cli/cli.h"

#include <stdlib.h>
#include <string.h>

/* The newest statement of its kind, or an empty one, with the next serial and new times. */
static enum tally_err open_statement(const struct tally_cli_options *options,
                                     enum tally_statement_type type, const char *issuer_option,
                                     const char *issuer, struct tally_statement **statement,
                                     struct tally_fault *fault)
{
    struct tally_statement_header wanted = {.type = type,
                                            .part = options->part != 0 ? options->part : 1};
    enum tally_err err = tally_cli_parse_id(issuer_option, issuer, wanted.issuer, fault);

    if (err == TALLY_ERR_OK) {
        err = tally_cli_parse_id("operator", options->op, wanted.subject, fault);
    }
    *statement = tally_cli_new_statement(fault);
    if (*statement == NULL) {
        return TALLY_ERR_SYSTEM;
    }
    if (err == TALLY_ERR_OK) {
        err = tally_cli_find_newest(options->args.items[0], &wanted, *statement, fault);
    }
    if (err == TALLY_ERR_OK || (err == TALLY_ERR_NOT_FOUND && fault->err == TALLY_ERR_OK)) {
        (*statement)->header.serial++;
        tally_cli_set_times(options, &(*statement)->header);
        err = TALLY_ERR_OK;
    }
    return err;
}

static enum tally_err finish(const struct tally_cli_options *options,
                             const struct tally_statement *statement, struct tally_fault *fault)
{
    struct tally_cli_note note;
    enum tally_err err = tally_cli_make_note(statement, &options->keys, &note, fault);

    return err == TALLY_ERR_OK ? tally_cli_put_note(options, options->args.items[0], &note, fault)
                               : err;
}

/* --- ranges --- */

/* Where the prefix stands, or would have to. */
static uint16_t find_range(const struct tally_range_statement *range, uint64_t prefix)
{
    uint16_t at = 0;

    while (at < range->range_count && tally_prefix_compare(range->ranges[at].prefix, prefix) < 0) {
        at++;
    }
    return at;
}

static enum tally_err put_range(struct tally_range_statement *range,
                                const struct tally_range_line *line, struct tally_fault *fault)
{
    uint16_t at = find_range(range, line->prefix);

    if (at == range->range_count || range->ranges[at].prefix != line->prefix) {
        if (range->range_count == TALLY_STATEMENT_RANGES_MAX) {
            return tally_fault_set(fault, TALLY_ERR_LIMIT,
                                   "%d ranges are as many as one part holds; use --part",
                                   TALLY_STATEMENT_RANGES_MAX);
        }
        memmove(&range->ranges[at + 1], &range->ranges[at],
                (size_t)(range->range_count - at) * sizeof(range->ranges[0]));
        range->range_count++;
    }
    range->ranges[at] = *line;
    return TALLY_ERR_OK;
}

static enum tally_err drop_range(struct tally_range_statement *range,
                                 const struct tally_range_line *line, struct tally_fault *fault)
{
    uint16_t at = find_range(range, line->prefix);

    if (at == range->range_count || range->ranges[at].prefix != line->prefix) {
        return tally_fault_set(fault, TALLY_ERR_NOT_FOUND,
                               "one of the ranges is not in the statement; nothing is changed");
    }
    range->range_count--;
    memmove(&range->ranges[at], &range->ranges[at + 1],
            (size_t)(range->range_count - at) * sizeof(range->ranges[0]));
    return TALLY_ERR_OK;
}

typedef enum tally_err change_range_fn(struct tally_range_statement *range,
                                       const struct tally_range_line *line,
                                       struct tally_fault *fault);

static enum tally_err change_ranges(const struct tally_cli_options *options,
                                    change_range_fn *change, struct tally_fault *fault)
{
    struct tally_statement *statement = NULL;
    enum tally_err err = open_statement(options, TALLY_STATEMENT_RANGE, "authority",
                                        options->authority, &statement, fault);

    for (unsigned i = 1; err == TALLY_ERR_OK && i < options->args.count; i++) {
        struct tally_range_line line;

        err = tally_cli_parse_range(options->args.items[i], &line, fault);
        if (err == TALLY_ERR_OK) {
            err = change(&statement->range, &line, fault);
        }
    }
    if (err == TALLY_ERR_OK) {
        err = finish(options, statement, fault);
    }
    free(statement);
    return err;
}

enum tally_err tally_cli_range_add(const struct tally_cli_options *options,
                                   struct tally_fault *fault)
{
    return change_ranges(options, put_range, fault);
}

enum tally_err tally_cli_range_remove(const struct tally_cli_options *options,
                                      struct tally_fault *fault)
{
    return change_ranges(options, drop_range, fault);
}

/* --- numbering --- */

static uint16_t find_line(const struct tally_numbering_statement *numbering, uint64_t prefix)
{
    uint16_t at = 0;

    while (at < numbering->line_count &&
           tally_prefix_compare(numbering->lines[at].prefix, prefix) < 0) {
        at++;
    }
    return at;
}

static enum tally_err put_line(struct tally_numbering_statement *numbering,
                               const struct tally_numbering_line *line, struct tally_fault *fault)
{
    uint16_t at = find_line(numbering, line->prefix);

    if (at == numbering->line_count || numbering->lines[at].prefix != line->prefix) {
        if (numbering->line_count == TALLY_STATEMENT_NUMBERS_MAX) {
            return tally_fault_set(fault, TALLY_ERR_LIMIT,
                                   "%d lines are as many as one part holds; use --part",
                                   TALLY_STATEMENT_NUMBERS_MAX);
        }
        memmove(&numbering->lines[at + 1], &numbering->lines[at],
                (size_t)(numbering->line_count - at) * sizeof(numbering->lines[0]));
        numbering->line_count++;
    }
    numbering->lines[at] = *line;
    return TALLY_ERR_OK;
}

static enum tally_err drop_line(struct tally_numbering_statement *numbering,
                                const struct tally_numbering_line *line, struct tally_fault *fault)
{
    uint16_t at = find_line(numbering, line->prefix);

    if (at == numbering->line_count || numbering->lines[at].prefix != line->prefix) {
        return tally_fault_set(fault, TALLY_ERR_NOT_FOUND,
                               "one of the prefixes is not in the statement; nothing is changed");
    }
    numbering->line_count--;
    memmove(&numbering->lines[at], &numbering->lines[at + 1],
            (size_t)(numbering->line_count - at) * sizeof(numbering->lines[0]));
    return TALLY_ERR_OK;
}

static int compare_ids(const void *one, const void *other)
{
    return strcmp(one, other);
}

/* Ids separated by commas, behind those that are there; sorted. */
static enum tally_err add_others(const char *what, const char *text,
                                 struct tally_numbering_line *line, uint8_t *count,
                                 struct tally_fault *fault)
{
    unsigned first = line->authorise_count + line->served_by_count;

    while (text != NULL && *text != '\0') {
        size_t length = strcspn(text, ",");
        unsigned at = first + *count;

        if (at == TALLY_STATEMENT_OTHERS_MAX || !tally_operator_id_is_valid(text, length)) {
            return tally_fault_set(fault, TALLY_ERR_USAGE,
                                   "--%s: operator ids separated by commas, at most %d others",
                                   what, TALLY_STATEMENT_OTHERS_MAX);
        }
        memcpy(line->others[at], text, length);
        (*count)++;
        text += length + (text[length] == ',');
    }
    qsort(line->others[first], *count, sizeof(line->others[0]), compare_ids);
    return TALLY_ERR_OK;
}

typedef const char *word_fn(unsigned value);

static const char *answers_word(unsigned value)
{
    return tally_cdb_answers_word((enum tally_cdb_answers)value);
}

static const char *mobility_word(unsigned value)
{
    return tally_cdb_mobility_word((enum tally_cdb_mobility)value);
}

static const char *strictness_word(unsigned value)
{
    return tally_cdb_strictness_word((enum tally_cdb_strictness)value);
}

/* The value that goes by a word; the first one if none is given. */
static enum tally_err read_word(const char *what, const char *text, word_fn *word, unsigned *value,
                                struct tally_fault *fault)
{
    for (*value = 0; text != NULL && *value < 3; (*value)++) {
        if (strcmp(text, word(*value)) == 0) {
            return TALLY_ERR_OK;
        }
    }
    if (text != NULL) {
        return tally_fault_set(fault, TALLY_ERR_USAGE, "--%s: '%s'; expected %s, %s or %s", what,
                               text, word(0), word(1), word(2));
    }
    *value = 0;
    return TALLY_ERR_OK;
}

static enum tally_err fill_line(const struct tally_cli_options *options,
                                struct tally_numbering_line *line, struct tally_fault *fault)
{
    unsigned answers = 0;
    unsigned mobility = 0;
    unsigned strictness = 0;
    enum tally_err err = read_word("answers", options->answers, answers_word, &answers, fault);

    if (err == TALLY_ERR_OK) {
        err = read_word("mobility", options->mobility, mobility_word, &mobility, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = read_word("policy", options->policy, strictness_word, &strictness, fault);
    }
    memset(line, 0, sizeof(*line));
    line->answers = (enum tally_cdb_answers)answers;
    line->mobility = (enum tally_cdb_mobility)mobility;
    line->strictness = (enum tally_cdb_strictness)strictness;
    line->is_busy = options->is_busy;
    line->is_onward = options->is_onward;
    line->is_no_porting = options->is_no_porting;
    if (err == TALLY_ERR_OK) {
        err = add_others("authorise", options->authorise, line, &line->authorise_count, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = add_others("served-by", options->served_by, line, &line->served_by_count, fault);
    }
    return err;
}

typedef enum tally_err change_line_fn(struct tally_numbering_statement *numbering,
                                      const struct tally_numbering_line *line,
                                      struct tally_fault *fault);

static enum tally_err change_lines(const struct tally_cli_options *options, change_line_fn *change,
                                   struct tally_fault *fault)
{
    struct tally_statement *statement = NULL;
    struct tally_numbering_line line;
    enum tally_err err = fill_line(options, &line, fault);

    if (err == TALLY_ERR_OK) {
        err = open_statement(options, TALLY_STATEMENT_NUMBERING, "operator", options->op,
                             &statement, fault);
    }
    for (unsigned i = 1; err == TALLY_ERR_OK && i < options->args.count; i++) {
        err = tally_cli_parse_number(options->args.items[i], &line.prefix, fault);
        if (err == TALLY_ERR_OK) {
            err = change(&statement->numbering, &line, fault);
        }
    }
    if (err == TALLY_ERR_OK) {
        err = finish(options, statement, fault);
    }
    free(statement);
    return err;
}

enum tally_err tally_cli_numbering_set(const struct tally_cli_options *options,
                                       struct tally_fault *fault)
{
    return change_lines(options, put_line, fault);
}

enum tally_err tally_cli_numbering_remove(const struct tally_cli_options *options,
                                          struct tally_fault *fault)
{
    return change_lines(options, drop_line, fault);
}
