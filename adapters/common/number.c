/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/common/number.h"

#include <stdbool.h>
#include <string.h>

/* The number being worked on: an optional '+' and digits. */
struct work {
    bool has_plus;
    size_t digit_count;
    char digits[TALLY_NUMBER_DIGITS_MAX];
};

static const char *const reject_names[] = {
#define TALLY_NAME(name, sentence) #name,
    TALLY_NUMBER_REJECT_TABLE(TALLY_NAME)
#undef TALLY_NAME
};

static const char *const reject_sentences[] = {
#define TALLY_SENTENCE(name, sentence) sentence,
    TALLY_NUMBER_REJECT_TABLE(TALLY_SENTENCE)
#undef TALLY_SENTENCE
};

const char *tally_number_reject_name(enum tally_number_reject reject)
{
    return (unsigned)reject < TALLY_NUMBER_REJECT_COUNT ? reject_names[reject] : "?";
}

const char *tally_number_reject_sentence(enum tally_number_reject reject)
{
    return (unsigned)reject < TALLY_NUMBER_REJECT_COUNT ? reject_sentences[reject] : "?";
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * The character at *at with a %XX escape undone; *at moves behind it. NUL for an escape that is
 * none, which no number holds.
 */
static char next_character(const char *text, size_t size, size_t *at)
{
    char c = text[(*at)++];
    int high, low;

    if (c != '%') {
        return c;
    }
    if (size - *at < 2) {
        return '\0';
    }
    high = hex_value(text[*at]);
    low = hex_value(text[*at + 1]);
    *at += 2;
    return high < 0 || low < 0 ? '\0' : (char)(unsigned char)(high * 16 + low);
}

/* Visual separators of RFC 3966, and the space that an escape can bring. */
static bool is_separator(char c)
{
    return c == '-' || c == '.' || c == '(' || c == ')' || c == ' ';
}

static enum tally_number_reject read_work(const char *text, size_t size, struct work *work)
{
    bool is_first = true;

    work->has_plus = false;
    work->digit_count = 0;
    if (size > TALLY_NUMBER_TEXT_BYTES_MAX) {
        return TALLY_NUMBER_REJECT_LONG;
    }
    for (size_t at = 0; at < size;) {
        char c = next_character(text, size, &at);

        if (is_digit(c)) {
            if (work->digit_count == TALLY_NUMBER_DIGITS_MAX) {
                return TALLY_NUMBER_REJECT_LONG;
            }
            work->digits[work->digit_count++] = c;
        } else if (c == '+' && is_first) {
            work->has_plus = true;
        } else if (!is_separator(c)) {
            return TALLY_NUMBER_REJECT_CHARACTER;
        }
        is_first = is_first && is_separator(c);
    }
    return work->digit_count == 0 ? TALLY_NUMBER_REJECT_EMPTY : TALLY_NUMBER_REJECT_NONE;
}

/* Does the number begin with the prefix, '+' for '+' and digit for digit? */
static bool begins_with(const struct work *work, const char *prefix)
{
    bool wants_plus = prefix[0] == '+';
    const char *digits = wants_plus ? prefix + 1 : prefix;
    size_t count = strlen(digits);

    return wants_plus == work->has_plus && count <= work->digit_count &&
           memcmp(work->digits, digits, count) == 0;
}

/* Takes count characters off the head, of which '+' is one. */
static void strip(struct work *work, size_t count)
{
    if (work->has_plus && count > 0) {
        work->has_plus = false;
        count--;
    }
    work->digit_count -= count;
    memmove(work->digits, work->digits + count, work->digit_count);
}

static enum tally_number_reject prepend(struct work *work, const char *text)
{
    size_t count;

    if (text[0] == '+') {
        work->has_plus = true;
        text++;
    }
    count = strlen(text);
    if (count > TALLY_NUMBER_DIGITS_MAX - work->digit_count) {
        return TALLY_NUMBER_REJECT_LONG;
    }
    memmove(work->digits + count, work->digits, work->digit_count);
    memcpy(work->digits, text, count);
    work->digit_count += count;
    return TALLY_NUMBER_REJECT_NONE;
}

static enum tally_number_reject apply_rules(const struct tally_number_plan *plan, struct work *work)
{
    for (uint8_t i = 0; i < plan->rule_count; i++) {
        const struct tally_number_rule *rule = &plan->rules[i];

        if (begins_with(work, rule->match)) {
            strip(work, rule->strip_count);
            return prepend(work, rule->prepend);
        }
    }
    return TALLY_NUMBER_REJECT_NONE;
}

static enum tally_number_reject finish(const struct work *work, uint64_t *number)
{
    if (work->digit_count == 0) {
        return TALLY_NUMBER_REJECT_EMPTY;
    }
    if (work->digit_count > TALLY_E164_DIGITS_MAX) {
        return TALLY_NUMBER_REJECT_LONG;
    }
    return tally_e164_parse(work->digits, work->digit_count, number) ? TALLY_NUMBER_REJECT_NONE
                                                                     : TALLY_NUMBER_REJECT_ZERO;
}

static enum tally_number_reject finish_national(const struct tally_number_plan *plan,
                                                struct work *work, uint64_t *number)
{
    char code[4] = {0};
    size_t code_count = 0;
    size_t digits_max =
        plan->national_digits_max == 0 ? TALLY_E164_DIGITS_MAX : plan->national_digits_max;
    enum tally_number_reject reject;

    if (plan->country_code == 0) {
        return TALLY_NUMBER_REJECT_COUNTRY;
    }
    if (plan->national_prefix[0] != '\0' && begins_with(work, plan->national_prefix)) {
        strip(work, strlen(plan->national_prefix));
    }
    if (work->digit_count == 0 || work->digit_count < plan->national_digits_min ||
        work->digit_count > digits_max) {
        return TALLY_NUMBER_REJECT_NATIONAL_LENGTH;
    }
    for (unsigned unit = 100; unit > 0; unit /= 10) {
        if (plan->country_code >= unit) {
            code[code_count++] = (char)('0' + plan->country_code / unit % 10);
        }
    }
    reject = prepend(work, code);
    return reject == TALLY_NUMBER_REJECT_NONE ? finish(work, number) : reject;
}

/*
 * A context of '+' and digits names a country only when it is a country code, and how national
 * numbers are written there is known only of our own (RFC 3966 section 5.1.5 allows longer
 * contexts, and forbids to simply concatenate). A domain as context says "as in my domain", which
 * is what the trunk's plan describes.
 */
static enum tally_number_reject context_nature(const struct tally_number_plan *plan,
                                               const struct tally_number_text *text,
                                               enum tally_number_nature *nature)
{
    struct work context;
    uint64_t code = 0;
    enum tally_number_reject reject;

    if (text->context == NULL || text->context_size == 0) {
        return TALLY_NUMBER_REJECT_NONE;
    }
    if (text->context[0] != '+' && text->context[0] != '%') {
        return TALLY_NUMBER_REJECT_NONE;
    }
    reject = read_work(text->context, text->context_size, &context);
    if (reject != TALLY_NUMBER_REJECT_NONE || !context.has_plus ||
        finish(&context, &code) != TALLY_NUMBER_REJECT_NONE || code != plan->country_code) {
        return TALLY_NUMBER_REJECT_CONTEXT;
    }
    *nature = TALLY_NUMBER_NATURE_NATIONAL;
    return TALLY_NUMBER_REJECT_NONE;
}

/* The longest matching international prefix; NULL if none does. */
static const char *international_prefix(const struct tally_number_plan *plan,
                                        const struct work *work)
{
    const char *best = NULL;

    for (size_t i = 0; i < TALLY_NUMBER_PREFIXES_MAX; i++) {
        const char *prefix = plan->international_prefixes[i];

        if (prefix[0] != '\0' && begins_with(work, prefix) &&
            (best == NULL || strlen(prefix) > strlen(best))) {
            best = prefix;
        }
    }
    return best;
}

static enum tally_number_reject finish_unknown(const struct tally_number_plan *plan,
                                               struct work *work, uint64_t *number)
{
    const char *prefix = international_prefix(plan, work);

    if (prefix != NULL) {
        strip(work, strlen(prefix));
        return finish(work, number);
    }
    if (plan->national_prefix[0] != '\0' && begins_with(work, plan->national_prefix)) {
        return finish_national(plan, work, number);
    }
    switch (plan->bare) {
    case TALLY_NUMBER_BARE_NATIONAL:
        return finish_national(plan, work, number);
    case TALLY_NUMBER_BARE_INTERNATIONAL:
        return finish(work, number);
    case TALLY_NUMBER_BARE_REFUSED:
    case TALLY_NUMBER_BARE_COUNT:
        break;
    }
    return TALLY_NUMBER_REJECT_BARE;
}

enum tally_number_reject tally_number_normalise(const struct tally_number_plan *plan,
                                                const struct tally_number_text *text,
                                                uint64_t *number)
{
    enum tally_number_nature nature = text->nature;
    struct work work;
    enum tally_number_reject reject;

    *number = 0;
    reject = read_work(text->digits, text->digits_size, &work);
    if (reject == TALLY_NUMBER_REJECT_NONE) {
        reject = apply_rules(plan, &work);
    }
    if (reject == TALLY_NUMBER_REJECT_NONE && !work.has_plus) {
        reject = context_nature(plan, text, &nature);
    }
    if (reject != TALLY_NUMBER_REJECT_NONE) {
        return reject;
    }
    if (work.has_plus || nature == TALLY_NUMBER_NATURE_INTERNATIONAL) {
        return finish(&work, number);
    }
    if (nature == TALLY_NUMBER_NATURE_NATIONAL) {
        return finish_national(plan, &work, number);
    }
    return finish_unknown(plan, &work, number);
}

static bool is_prefix(const char *text, bool may_have_plus)
{
    const char *end = memchr(text, '\0', TALLY_NUMBER_PREFIX_BYTES);

    if (end == NULL) {
        return false;
    }
    if (may_have_plus && text[0] == '+') {
        text++;
    }
    while (is_digit(*text)) {
        text++;
    }
    return text == end;
}

static const char *rule_check(const struct tally_number_rule *rule)
{
    if (!is_prefix(rule->match, true) || rule->match[0] == '\0') {
        return "a rule's match is not 1 to 16 digits with an optional + in front";
    }
    if (!is_prefix(rule->prepend, true)) {
        return "what a rule prepends is not up to 16 digits with an optional + in front";
    }
    if (rule->strip_count > strlen(rule->match)) {
        return "a rule strips more than it matches";
    }
    if (rule->match[0] == '+' && rule->strip_count == 0 && rule->prepend[0] != '\0') {
        return "a rule would put something in front of a +";
    }
    return NULL;
}

const char *tally_number_plan_check(const struct tally_number_plan *plan)
{
    const char *sentence = NULL;

    if (plan->country_code != 0 && tally_e164_country_digit_count(plan->country_code) !=
                                       tally_e164_digit_count(plan->country_code)) {
        return "the country code is not assigned";
    }
    if (!is_prefix(plan->national_prefix, false)) {
        return "the national prefix is not up to 16 digits";
    }
    for (size_t i = 0; i < TALLY_NUMBER_PREFIXES_MAX; i++) {
        if (!is_prefix(plan->international_prefixes[i], false)) {
            return "an international prefix is not up to 16 digits";
        }
    }
    if (plan->bare == TALLY_NUMBER_BARE_NATIONAL && plan->country_code == 0) {
        return "digits without prefix are said to be national, but there is no country code";
    }
    if (plan->national_digits_max != 0 && plan->national_digits_min > plan->national_digits_max) {
        return "the least number of national digits exceeds the greatest";
    }
    for (uint8_t i = 0; i < plan->rule_count && sentence == NULL; i++) {
        sentence = rule_check(&plan->rules[i]);
    }
    return sentence;
}
