/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no digits, and no plan that passes its check, lead the number rules beyond their bounds or
 * to something that is no E.164 number.
 * Method: the head of the input is a plan as it would lie in memory, one byte the nature, then the
 * digits up to a NUL, then the phone-context.
 */
#include "adapters/common/number.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct input {
    const uint8_t *bytes;
    size_t size;
};

static uint8_t take(struct input *input)
{
    if (input->size == 0) {
        return 0;
    }
    input->size--;
    return *input->bytes++;
}

/* A prefix: a length, then characters; most of them digits, so that plans pass their check. */
static void take_prefix(struct input *input, char prefix[TALLY_NUMBER_PREFIX_BYTES])
{
    uint8_t count = take(input) % (TALLY_NUMBER_PREFIX_BYTES + 1);

    for (uint8_t i = 0; i < count && i < TALLY_NUMBER_PREFIX_BYTES; i++) {
        prefix[i] = (char)take(input);
    }
}

static void take_plan(struct input *input, struct tally_number_plan *plan)
{
    memset(plan, 0, sizeof(*plan));
    plan->country_code = (uint16_t)(take(input) << 8 | take(input)) % 1000;
    plan->bare = (enum tally_number_bare)(take(input) % TALLY_NUMBER_BARE_COUNT);
    plan->national_digits_min = take(input);
    plan->national_digits_max = take(input);
    take_prefix(input, plan->national_prefix);
    for (size_t i = 0; i < 2; i++) {
        take_prefix(input, plan->international_prefixes[i]);
    }
    plan->rule_count = take(input) % 3;
    for (uint8_t i = 0; i < plan->rule_count; i++) {
        take_prefix(input, plan->rules[i].match);
        plan->rules[i].strip_count = take(input);
        take_prefix(input, plan->rules[i].prepend);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct input input = {bytes, size};
    struct tally_number_plan plan;
    struct tally_number_text text = {0};
    enum tally_number_reject reject;
    const uint8_t *end;
    uint64_t number = 1;

    take_plan(&input, &plan);
    if (tally_number_plan_check(&plan) != NULL) {
        memset(&plan, 0, sizeof(plan));
    }
    text.nature = (enum tally_number_nature)(take(&input) % TALLY_NUMBER_NATURE_COUNT);
    end = input.size == 0 ? NULL : memchr(input.bytes, '\0', input.size);
    text.digits = (const char *)input.bytes;
    text.digits_size = end == NULL ? input.size : (size_t)(end - input.bytes);
    if (end != NULL) {
        text.context = (const char *)end + 1;
        text.context_size = input.size - text.digits_size - 1;
    }
    reject = tally_number_normalise(&plan, &text, &number);
    if ((reject == TALLY_NUMBER_REJECT_NONE) != (number != 0) ||
        tally_e164_digit_count(number) > TALLY_E164_DIGITS_MAX ||
        tally_number_reject_name(reject)[0] == '?' ||
        tally_number_reject_sentence(reject)[0] == '?') {
        abort();
    }
    return 0;
}
