/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines.h - reading a statement's text line by line, and writing one.
 *
 * Of cdb/core's own use. A reader stands on one line; what is read from it is taken off its front.
 * The first thing that is not as expected is kept with its line number, and from then on every read
 * gives nothing, so that a decoder reads like the text it decodes and is checked once.
 *
 * Pure. Threads: one owner. Memory: borrows the text.
 */
#pragma once

#include "base/cursor.h"
#include "cdb/core/refusal.h"
#include "tally/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally_lines {
    const char *next; /* behind the current line's newline */
    const char *end;
    const char *at; /* rest of the current line */
    size_t left;
    uint32_t line; /* from 1; the line after the last one at the end */
    enum tally_refusal refusal;
    uint32_t refused_line;
    const char *expected; /* a phrase that ends "expected ..."; NULL: nothing refused */
};

struct tally_lines tally_lines_of(const char *text, size_t count);

/* Keeps a refusal, unless there is one already. */
void tally_lines_refuse(struct tally_lines *lines, enum tally_refusal refusal,
                        const char *expected);

bool tally_lines_failed(const struct tally_lines *lines);
bool tally_lines_at_end(const struct tally_lines *lines); /* no line is left, or failed */

/* Does the rest of the line begin with this word? Takes nothing. */
bool tally_lines_is_at(const struct tally_lines *lines, const char *word);

/* Takes the word if it is there. */
bool tally_lines_skip(struct tally_lines *lines, const char *word);

/* Each takes one thing, or refuses. */
void tally_lines_word(struct tally_lines *lines, const char *word);
uint32_t tally_lines_u32(struct tally_lines *lines, uint32_t min, uint32_t max);
uint64_t tally_lines_prefix(struct tally_lines *lines); /* "+44" */
struct tally_wall tally_lines_time(struct tally_lines *lines);
void tally_lines_base64(struct tally_lines *lines, uint8_t *bytes, size_t count);

/* An id of [a-z0-9.-]{1,63}, up to the next character that is not of these; text[64]. */
void tally_lines_id(struct tally_lines *lines, char *text);

/* Everything up to the end of the line, 1 to size - 1 characters, NUL-terminated. */
void tally_lines_rest(struct tally_lines *lines, char *text, size_t size);

/* The line must be used up; goes to the next. */
void tally_lines_end(struct tally_lines *lines);

/* --- writing --- */

void tally_put_text(struct tally_writer *writer, const char *text);
void tally_put_u32(struct tally_writer *writer, uint32_t value);
void tally_put_prefix(struct tally_writer *writer, uint64_t prefix);
void tally_put_time(struct tally_writer *writer, struct tally_wall instant);
void tally_put_base64(struct tally_writer *writer, const uint8_t *bytes, size_t count);
