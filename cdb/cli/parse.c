/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.c - what people type.
 */
#include "base/text.h"
#include "cdb/cli/cli.h"
#include "tally/e164.h"

#include <string.h>

enum tally_err tally_cli_parse_number(const char *text, uint64_t *number, struct tally_fault *fault)
{
    const char *digits = text[0] == '+' ? text + 1 : text;

    if (!tally_e164_parse(digits, strlen(digits), number)) {
        return tally_fault_set(fault, TALLY_ERR_USAGE,
                               "a number or prefix is '+' and 1 to 15 digits, the first not 0");
    }
    return TALLY_ERR_OK;
}

static bool read_digit_count(const char **at, uint8_t *value)
{
    unsigned read = 0;
    const char *start = *at;

    for (; **at >= '0' && **at <= '9' && *at - start < 2; (*at)++) {
        read = read * 10 + (unsigned)(**at - '0');
    }
    *value = (uint8_t)read;
    return *at > start && read <= TALLY_E164_DIGITS_MAX;
}

enum tally_err tally_cli_parse_range(const char *text, struct tally_range_line *line,
                                     struct tally_fault *fault)
{
    const char *digits = text[0] == '+' ? text + 1 : text;
    size_t count = strcspn(digits, ":");
    const char *at = digits + count;

    memset(line, 0, sizeof(*line));
    if (!tally_e164_parse(digits, count, &line->prefix)) {
        return tally_fault_set(fault, TALLY_ERR_USAGE,
                               "a range is '+' and 1 to 15 digits, the first not 0, and may have "
                               "the digit counts of its numbers behind it, as in +44:11-12");
    }
    if (*at == '\0') {
        return TALLY_ERR_OK;
    }
    at++;
    if (!read_digit_count(&at, &line->digits_min) || *at++ != '-' ||
        !read_digit_count(&at, &line->digits_max) || *at != '\0' ||
        line->digits_min > line->digits_max || line->digits_min < count) {
        return tally_fault_set(fault, TALLY_ERR_USAGE,
                               "digit counts are two numbers of at most 15, the first not above "
                               "the second nor below the digits of the prefix, as in +44:11-12");
    }
    return TALLY_ERR_OK;
}

enum tally_err tally_cli_parse_id(const char *what, const char *text,
                                  char id[TALLY_OPERATOR_ID_BYTES], struct tally_fault *fault)
{
    if (text == NULL) {
        return tally_fault_set(fault, TALLY_ERR_USAGE, "--%s is missing", what);
    }
    if (!tally_operator_id_is_valid(text, strlen(text))) {
        return tally_fault_set(fault, TALLY_ERR_USAGE,
                               "--%s: an id has 1 to 63 characters of a-z, 0-9, '.' and '-'", what);
    }
    memset(id, 0, TALLY_OPERATOR_ID_BYTES);
    memcpy(id, text, strlen(text));
    return TALLY_ERR_OK;
}
