/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/json.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct tally_json tally_json_of(char *text, size_t size)
{
    TALLY_ASSERT(size > 0);
    text[0] = '\0';
    return (struct tally_json){.text = text, .size = size};
}

static void add(struct tally_json *json, const char *text, size_t count)
{
    if (json->failed || count >= json->size - json->at) {
        json->failed = true;
        return;
    }
    memcpy(json->text + json->at, text, count);
    json->at += count;
    json->text[json->at] = '\0';
}

static void add_quoted(struct tally_json *json, const char *text)
{
    add(json, "\"", 1);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        char escape[8];

        if (c == '"' || c == '\\') {
            add(json, "\\", 1);
            add(json, text, 1);
        } else if (c < 0x20 || c >= 0x7f) {
            /* Byte by byte: a text of unknown encoding still gives valid JSON. */
            (void)snprintf(escape, sizeof(escape), "\\u%04x", c);
            add(json, escape, 6);
        } else {
            add(json, text, 1);
        }
    }
    add(json, "\"", 1);
}

static void start(struct tally_json *json, const char *key)
{
    if (json->needs_comma) {
        add(json, ",", 1);
    }
    if (key != NULL) {
        add_quoted(json, key);
        add(json, ":", 1);
    }
    json->needs_comma = true;
}

void tally_json_open(struct tally_json *json, const char *key, char bracket)
{
    start(json, key);
    add(json, &bracket, 1);
    json->needs_comma = false;
}

void tally_json_close(struct tally_json *json, char bracket)
{
    add(json, &bracket, 1);
    json->needs_comma = true;
}

void tally_json_text(struct tally_json *json, const char *key, const char *text)
{
    start(json, key);
    add_quoted(json, text);
}

void tally_json_u64(struct tally_json *json, const char *key, uint64_t value)
{
    char digits[24];

    /* Readers of JSON take 63 bits and refuse the whole line for one more. */
    (void)snprintf(digits, sizeof(digits), "%" PRIu64, value > INT64_MAX ? INT64_MAX : value);
    start(json, key);
    add(json, digits, strlen(digits));
}

void tally_json_i64(struct tally_json *json, const char *key, int64_t value)
{
    char digits[24];

    (void)snprintf(digits, sizeof(digits), "%" PRId64, value);
    start(json, key);
    add(json, digits, strlen(digits));
}

void tally_json_bool(struct tally_json *json, const char *key, bool value)
{
    start(json, key);
    add(json, value ? "true" : "false", value ? 4 : 5);
}

void tally_json_null(struct tally_json *json, const char *key)
{
    start(json, key);
    add(json, "null", 4);
}

void tally_json_ms(struct tally_json *json, const char *key, int64_t us)
{
    uint64_t magnitude = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    char digits[32];

    (void)snprintf(digits, sizeof(digits), "%s%" PRIu64 ".%03" PRIu64, us < 0 ? "-" : "",
                   magnitude / 1000, magnitude % 1000);
    start(json, key);
    add(json, digits, strlen(digits));
}

void tally_json_time(struct tally_json *json, const char *key, struct tally_wall at)
{
    int64_t second = at.us / TALLY_US_PER_S - (at.us % TALLY_US_PER_S < 0);
    int64_t us = at.us - second * TALLY_US_PER_S;
    time_t time = (time_t)second;
    struct tm parts;
    char text[64];

    if (at.us == 0 || gmtime_r(&time, &parts) == NULL) {
        tally_json_null(json, key);
        return;
    }
    (void)snprintf(text, sizeof(text), "%04ld-%02d-%02dT%02d:%02d:%02d.%06dZ",
                   parts.tm_year + 1900L, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                   parts.tm_min, parts.tm_sec, (int)(us % TALLY_US_PER_S));
    tally_json_text(json, key, text);
}

size_t tally_json_end_line(struct tally_json *json)
{
    add(json, "\n", 1);
    return json->failed ? 0 : json->at;
}
