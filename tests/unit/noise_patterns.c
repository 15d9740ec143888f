/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/noise_patterns.h"

#include <stddef.h>
#include <string.h>

enum known { NEITHER, INITIATOR, RESPONDER, BOTH };

/* Sections 7.4, 7.5 and 18.1, letter by letter. */
static const struct {
    const char *name;
    enum known known; /* whose static key is in a pre-message */
    const char *messages[TALLY_NOISE_MESSAGES_MAX];
} patterns[] = {
    {"N", RESPONDER, {"e es"}},
    {"K", BOTH, {"e es ss"}},
    {"X", RESPONDER, {"e es s ss"}},

    {"NN", NEITHER, {"e", "e ee"}},
    {"NK", RESPONDER, {"e es", "e ee"}},
    {"NX", NEITHER, {"e", "e ee s es"}},
    {"XN", NEITHER, {"e", "e ee", "s se"}},
    {"XK", RESPONDER, {"e es", "e ee", "s se"}},
    {"XX", NEITHER, {"e", "e ee s es", "s se"}},
    {"KN", INITIATOR, {"e", "e ee se"}},
    {"KK", BOTH, {"e es ss", "e ee se"}},
    {"KX", INITIATOR, {"e", "e ee se s es"}},
    {"IN", NEITHER, {"e s", "e ee se"}},
    {"IK", RESPONDER, {"e es s ss", "e ee se"}},
    {"IX", NEITHER, {"e s", "e ee se s es"}},

    {"NK1", RESPONDER, {"e", "e ee es"}},
    {"NX1", NEITHER, {"e", "e ee s", "es"}},
    {"X1N", NEITHER, {"e", "e ee", "s", "se"}},
    {"X1K", RESPONDER, {"e es", "e ee", "s", "se"}},
    {"XK1", RESPONDER, {"e", "e ee es", "s se"}},
    {"X1K1", RESPONDER, {"e", "e ee es", "s", "se"}},
    {"X1X", NEITHER, {"e", "e ee s es", "s", "se"}},
    {"XX1", NEITHER, {"e", "e ee s", "es s se"}},
    {"X1X1", NEITHER, {"e", "e ee s", "es s", "se"}},
    {"K1N", INITIATOR, {"e", "e ee", "se"}},
    {"K1K", BOTH, {"e es", "e ee", "se"}},
    {"KK1", BOTH, {"e", "e ee se es"}},
    {"K1K1", BOTH, {"e", "e ee es", "se"}},
    {"K1X", INITIATOR, {"e", "e ee s es", "se"}},
    {"KX1", INITIATOR, {"e", "e ee se s", "es"}},
    {"K1X1", INITIATOR, {"e", "e ee s", "se es"}},
    {"I1N", NEITHER, {"e s", "e ee", "se"}},
    {"I1K", RESPONDER, {"e es s", "e ee", "se"}},
    {"IK1", RESPONDER, {"e s", "e ee se es"}},
    {"I1K1", RESPONDER, {"e s", "e ee es", "se"}},
    {"I1X", NEITHER, {"e s", "e ee s es", "se"}},
    {"IX1", NEITHER, {"e s", "e ee se s", "es"}},
    {"I1X1", NEITHER, {"e s", "e ee s", "se es"}},
};

static enum tally_noise_token token_of(const char *word, size_t count)
{
    static const struct {
        const char *word;
        enum tally_noise_token token;
    } tokens[] = {
        {"e", TALLY_NOISE_E},   {"s", TALLY_NOISE_S},   {"ee", TALLY_NOISE_EE},
        {"es", TALLY_NOISE_ES}, {"se", TALLY_NOISE_SE}, {"ss", TALLY_NOISE_SS},
    };

    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        if (strlen(tokens[i].word) == count && memcmp(tokens[i].word, word, count) == 0) {
            return tokens[i].token;
        }
    }
    return TALLY_NOISE_NONE;
}

static void compile_message(const char *text, uint8_t tokens[TALLY_NOISE_TOKENS_MAX])
{
    size_t token_count = 0;

    while (*text != '\0') {
        const size_t count = strcspn(text, " ");

        tokens[token_count++] = (uint8_t)token_of(text, count);
        text += count;
        text += strspn(text, " ");
    }
}

static bool add_psk(struct tally_noise_pattern *pattern, unsigned place)
{
    uint8_t *tokens;
    size_t token_count;

    if (place > pattern->message_count || pattern->psk_count == TALLY_NOISE_PSKS_MAX) {
        return false;
    }
    tokens = pattern->tokens[place == 0 ? 0 : place - 1];
    token_count = strlen((const char *)tokens); /* NONE is 0 and ends them */
    if (token_count + 1 >= TALLY_NOISE_TOKENS_MAX) {
        return false;
    }
    if (place == 0) {
        memmove(tokens + 1, tokens, token_count);
        tokens[0] = TALLY_NOISE_PSK;
    } else {
        tokens[token_count] = TALLY_NOISE_PSK;
    }
    pattern->psk_count++;
    return true;
}

/* Section 9.4: psk0 stands before the first message's tokens, pskN after message N's. */
static bool add_modifiers(struct tally_noise_pattern *pattern, const char *modifiers)
{
    while (*modifiers != '\0') {
        if (strncmp(modifiers, "psk", 3) != 0 || modifiers[3] < '0' || modifiers[3] > '9' ||
            !add_psk(pattern, (unsigned)(modifiers[3] - '0'))) {
            return false;
        }
        modifiers += 4;
        modifiers += *modifiers == '+' ? 1 : 0;
    }
    return true;
}

bool noise_pattern_find(const char *name, struct tally_noise_pattern *pattern)
{
    const size_t base_count = strcspn(name, "p");

    memset(pattern, 0, sizeof(*pattern));
    if (strcmp(name, tally_noise_ik.name) == 0) {
        *pattern = tally_noise_ik;
        return true;
    }
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        if (strlen(patterns[i].name) != base_count ||
            memcmp(patterns[i].name, name, base_count) != 0 ||
            strlen(name) >= sizeof(pattern->name)) {
            continue;
        }
        memcpy(pattern->name, name, strlen(name) + 1);
        pattern->is_initiator_known = (patterns[i].known & INITIATOR) != 0;
        pattern->is_responder_known = (patterns[i].known & RESPONDER) != 0;
        while (pattern->message_count < TALLY_NOISE_MESSAGES_MAX &&
               patterns[i].messages[pattern->message_count] != NULL) {
            compile_message(patterns[i].messages[pattern->message_count],
                            pattern->tokens[pattern->message_count]);
            pattern->message_count++;
        }
        return add_modifiers(pattern, name + base_count);
    }
    return false;
}
