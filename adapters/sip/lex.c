/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sip/lex.h"

#define T TALLY_SIP_CLASS_TOKEN
#define S TALLY_SIP_CLASS_SPACE
#define H TALLY_SIP_CLASS_HOST
#define X TALLY_SIP_CLASS_HEX
#define U TALLY_SIP_CLASS_URI

/* Bytes above 0x7e stay 0: no SIP token holds them, and a URI must escape them. */
const uint8_t tally_sip_class[256] = {
    ['\t'] = S,
    ['\n'] = S,
    ['\r'] = S,
    [' '] = S,
    ['!'] = T | U,
    ['#'] = U,
    ['$'] = U,
    ['%'] = T | U,
    ['&'] = U,
    ['\''] = T | U,
    ['('] = U,
    [')'] = U,
    ['*'] = T | U,
    ['+'] = T | U,
    [','] = U,
    ['-'] = T | H | U,
    ['.'] = T | H | U,
    ['/'] = U,
    ['0'] = T | H | X | U,
    ['1'] = T | H | X | U,
    ['2'] = T | H | X | U,
    ['3'] = T | H | X | U,
    ['4'] = T | H | X | U,
    ['5'] = T | H | X | U,
    ['6'] = T | H | X | U,
    ['7'] = T | H | X | U,
    ['8'] = T | H | X | U,
    ['9'] = T | H | X | U,
    [':'] = U,
    [';'] = U,
    ['='] = U,
    ['?'] = U,
    ['@'] = U,
    ['A'] = T | H | X | U,
    ['B'] = T | H | X | U,
    ['C'] = T | H | X | U,
    ['D'] = T | H | X | U,
    ['E'] = T | H | X | U,
    ['F'] = T | H | X | U,
    ['G'] = T | H | U,
    ['H'] = T | H | U,
    ['I'] = T | H | U,
    ['J'] = T | H | U,
    ['K'] = T | H | U,
    ['L'] = T | H | U,
    ['M'] = T | H | U,
    ['N'] = T | H | U,
    ['O'] = T | H | U,
    ['P'] = T | H | U,
    ['Q'] = T | H | U,
    ['R'] = T | H | U,
    ['S'] = T | H | U,
    ['T'] = T | H | U,
    ['U'] = T | H | U,
    ['V'] = T | H | U,
    ['W'] = T | H | U,
    ['X'] = T | H | U,
    ['Y'] = T | H | U,
    ['Z'] = T | H | U,
    ['['] = U,
    ['\\'] = U,
    [']'] = U,
    ['^'] = U,
    ['_'] = T | H | U,
    ['`'] = T | U,
    ['a'] = T | H | X | U,
    ['b'] = T | H | X | U,
    ['c'] = T | H | X | U,
    ['d'] = T | H | X | U,
    ['e'] = T | H | X | U,
    ['f'] = T | H | X | U,
    ['g'] = T | H | U,
    ['h'] = T | H | U,
    ['i'] = T | H | U,
    ['j'] = T | H | U,
    ['k'] = T | H | U,
    ['l'] = T | H | U,
    ['m'] = T | H | U,
    ['n'] = T | H | U,
    ['o'] = T | H | U,
    ['p'] = T | H | U,
    ['q'] = T | H | U,
    ['r'] = T | H | U,
    ['s'] = T | H | U,
    ['t'] = T | H | U,
    ['u'] = T | H | U,
    ['v'] = T | H | U,
    ['w'] = T | H | U,
    ['x'] = T | H | U,
    ['y'] = T | H | U,
    ['z'] = T | H | U,
    ['{'] = U,
    ['|'] = U,
    ['}'] = U,
    ['~'] = T | U,
};

#undef T
#undef S
#undef H
#undef X
#undef U

bool tally_sip_skip_quoted(struct tally_sip_cursor *cursor)
{
    if (!tally_sip_take(cursor, '"')) {
        return false;
    }
    while (cursor->at < cursor->end) {
        char c = *cursor->at++;

        if (c == '"') {
            return true;
        }
        if (c == '\\' && cursor->at < cursor->end) {
            cursor->at++;
        }
    }
    return false;
}

/* A parameter's value runs to what separates parameters; a quoted one may hold those. */
static bool read_value(struct tally_sip_cursor *cursor, struct tally_sip_text *value)
{
    const char *from = cursor->at;

    if (tally_sip_peek(cursor) == '"') {
        if (!tally_sip_skip_quoted(cursor)) {
            return false;
        }
    } else {
        const char *at = from;

        while (at < cursor->end && *at != ';' && *at != ',' &&
               !tally_sip_is(*at, TALLY_SIP_CLASS_SPACE)) {
            at++;
        }
        cursor->at = at;
    }
    *value = tally_sip_text_of(from, cursor->at);
    return true;
}

enum tally_sip_step tally_sip_next_param(struct tally_sip_cursor *cursor,
                                         struct tally_sip_param *param)
{
    *param = (struct tally_sip_param){0};
    tally_sip_skip_space(cursor);
    if (tally_sip_at_end(cursor) || *cursor->at == ',') {
        return TALLY_SIP_STEP_END;
    }
    if (!tally_sip_take(cursor, ';')) {
        return TALLY_SIP_STEP_BAD;
    }
    tally_sip_skip_space(cursor);
    param->name = tally_sip_run(cursor, TALLY_SIP_CLASS_TOKEN);
    if (param->name.size == 0) {
        return TALLY_SIP_STEP_BAD;
    }
    tally_sip_skip_space(cursor);
    if (!tally_sip_take(cursor, '=')) {
        return TALLY_SIP_STEP_PARAM;
    }
    tally_sip_skip_space(cursor);
    param->has_value = true;
    return read_value(cursor, &param->value) ? TALLY_SIP_STEP_PARAM : TALLY_SIP_STEP_BAD;
}

bool tally_sip_read_number(struct tally_sip_text text, uint32_t max, uint32_t *value)
{
    uint64_t sum = 0;

    *value = 0;
    if (text.size == 0 || text.size > 10) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return false;
        }
        sum = sum * 10 + (uint64_t)(text.at[i] - '0');
    }
    if (sum > max) {
        return false;
    }
    *value = (uint32_t)sum;
    return true;
}

bool tally_sip_find_param(struct tally_sip_text params, const char *name,
                          struct tally_sip_text *value)
{
    struct tally_sip_cursor cursor = tally_sip_cursor_of(params);
    size_t name_bytes = strlen(name);
    struct tally_sip_param param;

    *value = (struct tally_sip_text){0};
    while (tally_sip_next_param(&cursor, &param) == TALLY_SIP_STEP_PARAM) {
        if (tally_sip_is_word(param.name, name, name_bytes)) {
            *value = param.value;
            return true;
        }
    }
    return false;
}
