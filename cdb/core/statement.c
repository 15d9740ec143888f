/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.c - the header, and what is common to all statements.
 *
 * Decoding reads, then encodes what it read and compares: so there is one text for each content,
 * whatever the reading may have let pass.
 */
#include "cdb/core/statement.h"

#include "base/assert.h"
#include "cdb/core/lines.h"
#include "cdb/core/statement_body.h"
#include "tally/e164.h"

#include <string.h>

#define DAY_US (INT64_C(86400) * TALLY_US_PER_S)

static const char first_word[] = "tallystick/1 ";

static const struct {
    const char *word;
    int64_t life_max_us;
} types[] = {[TALLY_STATEMENT_NONE] = {"?", 0},
#define TALLY_ROW(name, word, days) [TALLY_STATEMENT_##name] = {word, (days)*DAY_US},
             TALLY_STATEMENT_TABLE(TALLY_ROW)
#undef TALLY_ROW
};

const char *tally_statement_type_word(enum tally_statement_type type)
{
    return (unsigned)type < TALLY_STATEMENT_TYPE_COUNT ? types[type].word : "?";
}

int64_t tally_statement_life_max_us(enum tally_statement_type type)
{
    return (unsigned)type < TALLY_STATEMENT_TYPE_COUNT ? types[type].life_max_us : 0;
}

bool tally_prefix_is_within(uint64_t inner, uint64_t outer)
{
    unsigned inner_digits = tally_e164_digit_count(inner);
    unsigned outer_digits = tally_e164_digit_count(outer);

    for (; inner_digits > outer_digits; inner_digits--) {
        inner /= 10;
    }
    return inner_digits == outer_digits && inner == outer;
}

int tally_prefix_compare(uint64_t first, uint64_t second)
{
    uint64_t first_aligned = tally_e164_align(first);
    uint64_t second_aligned = tally_e164_align(second);

    if (first_aligned != second_aligned) {
        return first_aligned < second_aligned ? -1 : 1;
    }
    return first < second ? -1 : first > second; /* aligned alike: the shorter is the smaller */
}

/* --- header --- */

static bool has_parts(enum tally_statement_type type)
{
    return type == TALLY_STATEMENT_RANGE || type == TALLY_STATEMENT_NUMBERING;
}

/* Issuer and subject are the same where the table in docs/CDB.md says so. */
static bool is_about_itself(enum tally_statement_type type)
{
    return type == TALLY_STATEMENT_ROOT || type == TALLY_STATEMENT_STAMP ||
           type == TALLY_STATEMENT_OPERATOR || type == TALLY_STATEMENT_NUMBERING;
}

static enum tally_statement_type take_type(struct tally_lines *lines)
{
    for (unsigned i = TALLY_STATEMENT_NONE + 1; i < TALLY_STATEMENT_TYPE_COUNT; i++) {
        size_t count = strlen(types[i].word);

        if (lines->left == count && tally_lines_skip(lines, types[i].word)) {
            return (enum tally_statement_type)i;
        }
    }
    lines->at += lines->left; /* whom an unknown type concerns is still wanted */
    lines->left = 0;
    return TALLY_STATEMENT_NONE;
}

static void read_times(struct tally_lines *lines, struct tally_statement_header *header)
{
    int64_t life_us = 0;

    tally_lines_word(lines, "not-before ");
    header->not_before = tally_lines_time(lines);
    tally_lines_end(lines);
    tally_lines_word(lines, "expires ");
    header->expires = tally_lines_time(lines);
    life_us = tally_wall_since_us(header->expires, header->not_before);
    if (life_us <= 0 || life_us > types[header->type].life_max_us) {
        tally_lines_refuse(lines, TALLY_REFUSAL_LIFETIME,
                           "an expiry after not-before, by no more than the type allows");
    }
    tally_lines_end(lines);
}

static void read_header(struct tally_lines *lines, struct tally_statement_header *header)
{
    memset(header, 0, sizeof(*header));
    if (!tally_lines_skip(lines, first_word)) {
        tally_lines_refuse(lines, TALLY_REFUSAL_VERSION, "'tallystick/1 ' and a type");
        return;
    }
    header->type = take_type(lines);
    tally_lines_end(lines);
    tally_lines_word(lines, "issuer ");
    tally_lines_id(lines, header->issuer);
    tally_lines_end(lines);
    tally_lines_word(lines, "subject ");
    tally_lines_id(lines, header->subject);
    if (is_about_itself(header->type) && strcmp(header->issuer, header->subject) != 0) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "the issuer's id as subject");
    }
    tally_lines_end(lines);
    if (header->type == TALLY_STATEMENT_NONE && !tally_lines_failed(lines)) {
        tally_lines_refuse(lines, TALLY_REFUSAL_UNKNOWN_TYPE, NULL);
        lines->refused_line = 1;
        return;
    }
    if (has_parts(header->type)) {
        tally_lines_word(lines, "part ");
        header->part = tally_lines_u32(lines, 1, TALLY_STATEMENT_PARTS_MAX);
        tally_lines_end(lines);
    }
    tally_lines_word(lines, "serial ");
    header->serial = tally_lines_u32(lines, 1, UINT32_MAX);
    tally_lines_end(lines);
    read_times(lines, header);
}

static void write_header(struct tally_writer *writer, const struct tally_statement_header *header)
{
    tally_put_text(writer, first_word);
    tally_put_text(writer, types[header->type].word);
    tally_put_text(writer, "\nissuer ");
    tally_put_text(writer, header->issuer);
    tally_put_text(writer, "\nsubject ");
    tally_put_text(writer, header->subject);
    if (has_parts(header->type)) {
        tally_put_text(writer, "\npart ");
        tally_put_u32(writer, header->part);
    }
    tally_put_text(writer, "\nserial ");
    tally_put_u32(writer, header->serial);
    tally_put_text(writer, "\nnot-before ");
    tally_put_time(writer, header->not_before);
    tally_put_text(writer, "\nexpires ");
    tally_put_time(writer, header->expires);
    tally_put_text(writer, "\n");
}

/* --- whole statements --- */

static void read_body(struct tally_lines *lines, struct tally_statement *statement)
{
    switch (statement->header.type) {
    case TALLY_STATEMENT_ROOT:
        tally_root_read(lines, &statement->root);
        break;
    case TALLY_STATEMENT_AUTHORITY:
        tally_authority_read(lines, &statement->authority);
        break;
    case TALLY_STATEMENT_RANGE:
        tally_range_read(lines, &statement->range);
        break;
    case TALLY_STATEMENT_NUMBERING:
        tally_numbering_read(lines, &statement->numbering);
        break;
    case TALLY_STATEMENT_OPERATOR:
        tally_operator_read(lines, &statement->op);
        break;
    case TALLY_STATEMENT_STAMP:
        tally_stamp_read(lines, &statement->stamp);
        break;
    case TALLY_STATEMENT_NONE:
    case TALLY_STATEMENT_TYPE_COUNT:
        break;
    }
    if (!tally_lines_at_end(lines)) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "the end of the text");
    }
}

static void write_body(struct tally_writer *writer, const struct tally_statement *statement)
{
    switch (statement->header.type) {
    case TALLY_STATEMENT_ROOT:
        tally_root_write(writer, &statement->root);
        break;
    case TALLY_STATEMENT_AUTHORITY:
        tally_authority_write(writer, &statement->authority);
        break;
    case TALLY_STATEMENT_RANGE:
        tally_range_write(writer, &statement->range);
        break;
    case TALLY_STATEMENT_NUMBERING:
        tally_numbering_write(writer, &statement->numbering);
        break;
    case TALLY_STATEMENT_OPERATOR:
        tally_operator_write(writer, &statement->op);
        break;
    case TALLY_STATEMENT_STAMP:
        tally_stamp_write(writer, &statement->stamp);
        break;
    case TALLY_STATEMENT_NONE:
    case TALLY_STATEMENT_TYPE_COUNT:
        break;
    }
}

enum tally_err tally_statement_encode(const struct tally_statement *statement, char *text,
                                      size_t size, size_t *count)
{
    struct tally_writer writer = tally_writer_of(text, size);

    TALLY_ASSERT(statement->header.type > TALLY_STATEMENT_NONE &&
                 statement->header.type < TALLY_STATEMENT_TYPE_COUNT);
    write_header(&writer, &statement->header);
    write_body(&writer, statement);
    *count = writer.failed ? 0 : writer.at;
    return writer.failed ? TALLY_ERR_LIMIT : TALLY_ERR_OK;
}

/* The line of the first byte in which two texts differ. */
static uint32_t differing_line(const char *text, size_t count, const char *other,
                               size_t other_count)
{
    uint32_t line = 1;

    for (size_t i = 0; i < count && i < other_count && text[i] == other[i]; i++) {
        line += text[i] == '\n';
    }
    return line;
}

static void compare_with_encoding(struct tally_lines *lines, const char *text, size_t count,
                                  const struct tally_statement *statement)
{
    char again[TALLY_NOTE_BYTES_MAX];
    size_t again_count = 0;

    if (tally_lines_failed(lines)) {
        return;
    }
    if (tally_statement_encode(statement, again, sizeof(again), &again_count) != TALLY_ERR_OK ||
        again_count != count || memcmp(again, text, count) != 0) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "the one encoding of this content");
        lines->refused_line = differing_line(text, count, again, again_count);
    }
}

static void check_characters(struct tally_lines *lines, const char *text, size_t count)
{
    uint32_t line = 1;

    for (size_t i = 0; i < count; i++) {
        if (text[i] == '\n') {
            line++;
        } else if (text[i] < ' ' || text[i] > '~') {
            tally_lines_refuse(lines, TALLY_REFUSAL_CHARACTER, NULL);
            lines->refused_line = line;
            return;
        }
    }
}

static bool finish(const struct tally_lines *lines, struct tally_statement_fault *fault)
{
    if (fault != NULL) {
        *fault =
            (struct tally_statement_fault){lines->refusal, lines->refused_line, lines->expected};
    }
    return !tally_lines_failed(lines);
}

bool tally_statement_decode_header(const char *text, size_t count,
                                   struct tally_statement_header *header,
                                   struct tally_statement_fault *fault)
{
    struct tally_lines lines = tally_lines_of(text, count);

    check_characters(&lines, text, count);
    read_header(&lines, header);
    return finish(&lines, fault);
}

bool tally_statement_decode(const char *text, size_t count, struct tally_statement *statement,
                            struct tally_statement_fault *fault)
{
    struct tally_lines lines = tally_lines_of(text, count);

    memset(statement, 0, sizeof(*statement));
    check_characters(&lines, text, count);
    read_header(&lines, &statement->header);
    if (!tally_lines_failed(&lines)) {
        read_body(&lines, statement);
    }
    compare_with_encoding(&lines, text, count, statement);
    return finish(&lines, fault);
}
