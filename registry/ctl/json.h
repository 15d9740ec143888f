/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - writing JSON into a buffer of fixed size. Private to registry/ctl.
 *
 * The daemon tells of calls from its loop, so nothing here allocates. A writer carries a sticky
 * `failed` flag: what does not fit sets it and is checked once, at the end.
 *
 * Pure, but for snprintf and gmtime_r. Threads: one owner. Memory: borrows the caller's buffer.
 */
#pragma once

#include "tally/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally_json {
    char *text;
    size_t size;
    size_t at; /* invariant: < size, text[at] is NUL */
    bool needs_comma;
    bool failed;
};

struct tally_json tally_json_of(char *text, size_t size);

/* In each of these key is the member's name, or NULL within an array or at the top. */
void tally_json_open(struct tally_json *json, const char *key, char bracket); /* '{' or '[' */
void tally_json_close(struct tally_json *json, char bracket);                 /* '}' or ']' */
void tally_json_text(struct tally_json *json, const char *key, const char *text);
/* Values over INT64_MAX are written as INT64_MAX. */
void tally_json_u64(struct tally_json *json, const char *key, uint64_t value);
void tally_json_i64(struct tally_json *json, const char *key, int64_t value);
void tally_json_bool(struct tally_json *json, const char *key, bool value);
void tally_json_null(struct tally_json *json, const char *key);
/* Microseconds as milliseconds with three decimals. */
void tally_json_ms(struct tally_json *json, const char *key, int64_t us);
/* RFC 3339, UTC, with microseconds; null for 0. */
void tally_json_time(struct tally_json *json, const char *key, struct tally_wall at);

/* Ends the line with '\n'. Returns its size without NUL; 0 if it did not fit. */
size_t tally_json_end_line(struct tally_json *json);
