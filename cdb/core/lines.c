/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines.c - reading and writing a statement's lines.
 */
#include "cdb/core/lines.h"

#include "base/assert.h"
#include "base/text.h"
#include "cdb/core/calendar.h"
#include "tally/e164.h"

#include <string.h>

enum { BINARY_BYTES_MAX = 64 };

/* Makes the line that begins at next the current one. */
static void enter_line(struct tally_lines *lines)
{
    const char *newline = NULL;

    lines->line++;
    lines->at = lines->next;
    lines->left = 0;
    if (lines->next == lines->end) {
        return;
    }
    newline = memchr(lines->next, '\n', (size_t)(lines->end - lines->next));
    if (newline == NULL) {
        tally_lines_refuse(lines, TALLY_REFUSAL_TRUNCATED, "a newline at the end of the text");
        return;
    }
    lines->left = (size_t)(newline - lines->at);
    lines->next = newline + 1;
}

struct tally_lines tally_lines_of(const char *text, size_t count)
{
    struct tally_lines lines = {.next = text, .end = text + count};

    enter_line(&lines);
    return lines;
}

void tally_lines_refuse(struct tally_lines *lines, enum tally_refusal refusal, const char *expected)
{
    if (lines->refusal == TALLY_REFUSAL_NONE) {
        lines->refusal = refusal;
        lines->refused_line = lines->line;
        lines->expected = expected;
    }
}

bool tally_lines_failed(const struct tally_lines *lines)
{
    return lines->refusal != TALLY_REFUSAL_NONE;
}

bool tally_lines_at_end(const struct tally_lines *lines)
{
    return tally_lines_failed(lines) || lines->at == lines->end;
}

static void take(struct tally_lines *lines, size_t count)
{
    lines->at += count;
    lines->left -= count;
}

bool tally_lines_is_at(const struct tally_lines *lines, const char *word)
{
    size_t count = strlen(word);

    return !tally_lines_failed(lines) && lines->left >= count &&
           memcmp(lines->at, word, count) == 0;
}

bool tally_lines_skip(struct tally_lines *lines, const char *word)
{
    if (!tally_lines_is_at(lines, word)) {
        return false;
    }
    take(lines, strlen(word));
    return true;
}

void tally_lines_word(struct tally_lines *lines, const char *word)
{
    if (!tally_lines_skip(lines, word)) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, word);
    }
}

uint32_t tally_lines_u32(struct tally_lines *lines, uint32_t min, uint32_t max)
{
    uint64_t value = 0;
    size_t count = 0;

    while (!tally_lines_failed(lines) && count < lines->left && count < 10 &&
           lines->at[count] >= '0' && lines->at[count] <= '9') {
        value = value * 10 + (uint64_t)(lines->at[count] - '0');
        count++;
    }
    if (count == 0 || (count > 1 && lines->at[0] == '0') || value < min || value > max) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "a number within its bounds");
        return min;
    }
    take(lines, count);
    return (uint32_t)value;
}

uint64_t tally_lines_prefix(struct tally_lines *lines)
{
    uint64_t prefix = 0;
    size_t count = 0;

    if (tally_lines_skip(lines, "+")) {
        while (count < lines->left && lines->at[count] >= '0' && lines->at[count] <= '9') {
            count++;
        }
    }
    if (tally_lines_failed(lines) || !tally_e164_parse(lines->at, count, &prefix)) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "'+' and 1 to 15 digits, the first not 0");
        return 0;
    }
    take(lines, count);
    return prefix;
}

struct tally_wall tally_lines_time(struct tally_lines *lines)
{
    struct tally_wall instant = {0};
    size_t count = TALLY_CALENDAR_TEXT_BYTES - 1;

    if (tally_lines_failed(lines) || lines->left < count ||
        !tally_calendar_parse(lines->at, count, &instant)) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "a time like 2026-11-21T00:00:00Z");
        return instant;
    }
    take(lines, count);
    return instant;
}

void tally_lines_base64(struct tally_lines *lines, uint8_t *bytes, size_t count)
{
    uint8_t decoded[BINARY_BYTES_MAX];
    size_t decoded_bytes = 0;
    size_t text_count = TALLY_BASE64_BYTES(count) - 1;

    TALLY_ASSERT(count <= sizeof(decoded));
    memset(bytes, 0, count);
    if (tally_lines_failed(lines) || lines->left < text_count ||
        !tally_base64_decode(lines->at, text_count, decoded, sizeof(decoded), &decoded_bytes) ||
        decoded_bytes != count) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "base64 of the right length");
        return;
    }
    memcpy(bytes, decoded, count);
    take(lines, text_count);
}

void tally_lines_id(struct tally_lines *lines, char *text)
{
    size_t count = 0;

    text[0] = '\0';
    while (!tally_lines_failed(lines) && count < lines->left &&
           tally_operator_id_is_valid(lines->at + count, 1)) {
        count++;
    }
    if (count == 0 || !tally_operator_id_is_valid(lines->at, count)) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "an id of 1 to 63 of a-z 0-9 . -");
        return;
    }
    memcpy(text, lines->at, count);
    text[count] = '\0';
    take(lines, count);
}

void tally_lines_rest(struct tally_lines *lines, char *text, size_t size)
{
    size_t count = tally_lines_failed(lines) ? 0 : lines->left;

    text[0] = '\0';
    if (count == 0 || count >= size || lines->at[0] == ' ' || lines->at[count - 1] == ' ') {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT,
                           "a text that is not too long, without spaces around it");
        return;
    }
    memcpy(text, lines->at, count);
    text[count] = '\0';
    take(lines, count);
}

void tally_lines_end(struct tally_lines *lines)
{
    if (tally_lines_failed(lines)) {
        return;
    }
    if (lines->left != 0) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "the end of the line");
        return;
    }
    if (lines->at == lines->end) {
        tally_lines_refuse(lines, TALLY_REFUSAL_TRUNCATED, "another line");
        return;
    }
    enter_line(lines);
}

void tally_put_text(struct tally_writer *writer, const char *text)
{
    tally_write_bytes(writer, text, strlen(text));
}

void tally_put_u32(struct tally_writer *writer, uint32_t value)
{
    char digits[11];
    size_t at = sizeof(digits) - 1;

    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    tally_put_text(writer, digits + at);
}

void tally_put_prefix(struct tally_writer *writer, uint64_t prefix)
{
    char text[TALLY_E164_TEXT_BYTES];

    (void)tally_e164_format(prefix, text);
    tally_put_text(writer, text);
}

void tally_put_time(struct tally_writer *writer, struct tally_wall instant)
{
    char text[TALLY_CALENDAR_TEXT_BYTES];

    tally_calendar_format(instant, text);
    tally_put_text(writer, text);
}

void tally_put_base64(struct tally_writer *writer, const uint8_t *bytes, size_t count)
{
    char text[TALLY_BASE64_BYTES(BINARY_BYTES_MAX)];

    TALLY_ASSERT(count <= BINARY_BYTES_MAX);
    tally_base64_encode(bytes, count, text);
    tally_put_text(writer, text);
}
