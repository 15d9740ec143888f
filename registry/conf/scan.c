/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libconfig 1.5 reads 4294967356 as 60 and 5000000000 as 705032704, without a word. A limit that
 * silently became another one is worse than no start, so integers are looked at here first. The
 * scanner knows just enough of the syntax to tell comments and strings from the rest.
 */
#include "base/assert.h"
#include "conf/describe.h"

#include <ctype.h>
#include <string.h>

struct scan {
    const char *at;
    int line;
};

static void step(struct scan *scan)
{
    scan->line += *scan->at == '\n';
    scan->at++;
}

static void skip_line(struct scan *scan)
{
    while (*scan->at != '\0' && *scan->at != '\n') {
        step(scan);
    }
}

static void skip_block_comment(struct scan *scan)
{
    scan->at += 2;
    while (*scan->at != '\0' && strncmp(scan->at, "*/", 2) != 0) {
        step(scan);
    }
}

static void skip_string(struct scan *scan)
{
    step(scan);
    while (*scan->at != '\0' && *scan->at != '"') {
        if (*scan->at == '\\' && scan->at[1] != '\0') {
            step(scan);
        }
        step(scan);
    }
    if (*scan->at == '"') {
        step(scan);
    }
}

/* Does a token of digits (0x for hex) with an optional L fit what libconfig makes of it? */
static bool integer_fits(const char *token, size_t count)
{
    bool is_hex = count > 2 && token[0] == '0' && (token[1] == 'x' || token[1] == 'X');
    uint64_t base = is_hex ? 16 : 10;
    uint64_t max = INT32_MAX;
    uint64_t value = 0;

    while (count > 0 && token[count - 1] == 'L') {
        max = INT64_MAX;
        count--;
    }
    for (size_t i = is_hex ? 2 : 0; i < count; i++) {
        int c = tolower((unsigned char)token[i]);
        uint64_t digit = (uint64_t)(isdigit(c) ? c - '0' : c - 'a' + 10);

        if (value > (max - digit) / base) {
            return false;
        }
        value = value * base + digit;
    }
    return true;
}

/* Digits only, or hex: floating point and anything else is libconfig's to judge. */
static bool is_integer(const char *token, size_t count)
{
    bool is_hex = count > 2 && token[0] == '0' && (token[1] == 'x' || token[1] == 'X');

    while (count > 0 && token[count - 1] == 'L') {
        count--;
    }
    for (size_t i = is_hex ? 2 : 0; i < count; i++) {
        unsigned char c = (unsigned char)token[i];

        if (is_hex ? !isxdigit(c) : !isdigit(c)) {
            return false;
        }
    }
    return count > 0;
}

static enum tally_err check_word(const char *name, struct scan *scan, struct tally_fault *fault)
{
    const char *token = scan->at;
    size_t count = 0;

    while (isalnum((unsigned char)token[count]) || token[count] == '_' || token[count] == '.') {
        count++;
    }
    scan->at += count;
    if (isdigit((unsigned char)token[0]) && is_integer(token, count) &&
        !integer_fits(token, count)) {
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "%s:%d: the integer %.*s does not fit; write integers over "
                               "2147483647 with an L at their end, and none over "
                               "9223372036854775807",
                               name, scan->line, count < 40 ? (int)count : 40, token);
    }
    return TALLY_ERR_OK;
}

enum tally_err tally_conf_scan(const char *name, const char *text, struct tally_fault *fault)
{
    struct scan scan = {text, 1};
    enum tally_err err = TALLY_ERR_OK;

    while (err == TALLY_ERR_OK && *scan.at != '\0') {
        if (*scan.at == '#' || strncmp(scan.at, "//", 2) == 0) {
            skip_line(&scan);
        } else if (strncmp(scan.at, "/*", 2) == 0) {
            skip_block_comment(&scan);
        } else if (*scan.at == '"') {
            skip_string(&scan);
        } else if (isalnum((unsigned char)*scan.at)) {
            err = check_word(name, &scan, fault);
        } else if (*scan.at == '@') {
            err = tally_fault_set(fault, TALLY_ERR_CONFIG,
                                  "%s:%d: found @, expected a setting; @include is not supported: "
                                  "write all settings into this file",
                                  name, scan.line);
        } else {
            step(&scan);
        }
    }
    return err;
}
