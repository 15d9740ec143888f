/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what an adapter hands in wrongly is an error that it learns of, never the end of it.
 * Method: a feed whose registry is not there, and events just inside and outside of the bounds.
 */
#include "tally/adapter.h"
#include "testing.h"

static const struct tally_now now = {{TALLY_US_PER_S}, {INT64_C(1800000000000000)}};

static struct tally_event good(void)
{
    return (struct tally_event){.kind = TALLY_EVENT_SETUP,
                                .side = TALLY_SIDE_ORIGINATING,
                                .ingress_class = TALLY_TRUNK_CUSTOMER,
                                .at = now.wall,
                                .a_network = 442071838750,
                                .b_number = UINT64_C(999999999999999),
                                .leg_key = 1,
                                .call_ref = 1};
}

static void events_out_of_bounds(void **state)
{
    struct tally_adapter_config config = {.path = "/nowhere/tally-feed",
                                          .adapter_class = TALLY_ADAPTER_CAUSAL,
                                          .pending_max = 2,
                                          .open_leg_max = 2};
    struct tally_adapter *adapter = NULL;
    struct tally_adapter_counters counters;
    struct tally_event event = good();
    struct tally_fault fault = {0};

    (void)state;
    assert_int_equal(tally_adapter_open(&config, now, &adapter, &fault), TALLY_ERR_OK);
    assert_int_equal(tally_adapter_event(adapter, now, &event, 1), TALLY_ERR_AGAIN);
    event.b_number++; /* 16 digits */
    assert_int_equal(tally_adapter_event(adapter, now, &event, 2), TALLY_ERR_LIMIT);
    event = good();
    event.flags = UINT32_MAX;
    assert_int_equal(tally_adapter_event(adapter, now, &event, 3), TALLY_ERR_LIMIT);
    event = good();
    event.at.us = INT64_MAX;
    assert_int_equal(tally_adapter_event(adapter, now, &event, 4), TALLY_ERR_LIMIT);
    event = good();
    event.kind = TALLY_EVENT_KIND_COUNT;
    assert_int_equal(tally_adapter_event(adapter, now, &event, 5), TALLY_ERR_LIMIT);
    tally_adapter_counters_of(adapter, &counters);
    assert_int_equal(counters.gone, 1);
    assert_int_equal(counters.refused, 4);
    tally_adapter_close(adapter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_out_of_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
