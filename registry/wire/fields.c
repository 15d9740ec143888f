/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/fields.h"

#define NUMBER_MAX UINT64_C(999999999999999)

static void refuse(struct tally_fields *fields, enum tally_reject reject)
{
    if (fields->reject == TALLY_REJECT_NONE) {
        fields->reject = reject;
    }
}

struct tally_wall tally_fields_wall(struct tally_fields *fields)
{
    return (struct tally_wall){tally_read_i64(&fields->reader)};
}

bool tally_fields_flag(struct tally_fields *fields)
{
    uint8_t value = tally_read_u8(&fields->reader);

    if (value > 1) {
        refuse(fields, TALLY_REJECT_VALUE);
    }
    return value == 1;
}

void tally_fields_reserved(struct tally_fields *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (tally_read_u8(&fields->reader) != 0) {
            refuse(fields, TALLY_REJECT_RESERVED);
        }
    }
}

bool tally_number_is_in_range(uint64_t number)
{
    return number <= NUMBER_MAX;
}

bool tally_flags_are_known(uint32_t flags)
{
    return (flags & ~(uint32_t)TALLY_EVENT_FLAGS_ALL) == 0;
}

bool tally_wall_is_in_range(struct tally_wall at)
{
    return at.us > 0 && at.us <= TALLY_WALL_MAX_US;
}

bool tally_numbers_are_complete(uint64_t a_network, uint64_t a_presented, uint64_t b_number,
                                uint64_t original_called, uint64_t redirecting)
{
    return tally_number_is_in_range(a_network) && tally_number_is_in_range(a_presented) &&
           tally_number_is_in_range(b_number) && tally_number_is_in_range(original_called) &&
           tally_number_is_in_range(redirecting) && b_number != 0 &&
           (a_network != 0 || a_presented != 0);
}
