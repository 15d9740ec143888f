/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the call table finds what was put in, by each of its indexes, newest first, and nothing
 * else; ids name one call for ever; a full table refuses; what is removed is wiped.
 * Method: random adds and removes from a fixed seed against a plain array searched from end to end,
 * with few numbers so that chains are long; then each bound by itself.
 */
#include "core/calls.h"
#include "testing.h"
#include "unit/chance.h"

#include <stdlib.h>
#include <string.h>

enum { CALLS = 200, NUMBERS = 6, ROUNDS = 20000 };

static const struct tally_hash_key key = {11, 22};

struct model {
    struct tally_call call;
    uint64_t id;
    uint32_t slot;
    unsigned order; /* 0: not there */
};

static void *open_table(struct tally_calls *calls, uint32_t call_max)
{
    void *memory = malloc(tally_calls_bytes(call_max));

    assert_non_null(memory);
    tally_calls_init(calls, call_max, 7, &key, (struct tally_mono){1000}, memory);
    return memory;
}

static uint64_t number_of(const struct tally_call *call)
{
    return call->kind == TALLY_CALL_ORIGINATION ? call->a_number : call->b_number;
}

/* The slots that a walk must give, newest first. */
static void compare_pair(const struct tally_calls *calls, const struct model *models,
                         enum tally_call_kind kind, uint64_t a_number, uint64_t b_number)
{
    uint32_t slot = tally_calls_first_pair(calls, kind, a_number, b_number);
    unsigned below = UINT32_MAX;

    for (;;) {
        const struct model *best = NULL;

        for (unsigned at = 0; at < CALLS; at++) {
            const struct model *model = &models[at];

            if (model->order != 0 && model->order < below && model->call.kind == kind &&
                model->call.a_number == a_number && model->call.b_number == b_number &&
                (best == NULL || model->order > best->order)) {
                best = model;
            }
        }
        assert_int_equal(slot, best == NULL ? TALLY_CALL_NOBODY : best->slot);
        if (best == NULL) {
            return;
        }
        below = best->order;
        slot = tally_calls_next_pair(calls, slot);
    }
}

static void compare_number(const struct tally_calls *calls, const struct model *models,
                           enum tally_call_kind kind, uint64_t number)
{
    unsigned want_count = 0;
    unsigned found_count = 0;

    for (unsigned at = 0; at < CALLS; at++) {
        want_count += models[at].order != 0 && models[at].call.kind == kind &&
                      number_of(&models[at].call) == number;
    }
    for (uint32_t slot = tally_calls_first_number(calls, kind, number); slot != TALLY_CALL_NOBODY;
         slot = tally_calls_next_number(calls, slot)) {
        assert_int_equal(number_of(&calls->list[slot]), number);
        found_count++;
    }
    assert_int_equal(found_count, want_count);
}

static struct tally_call random_call(struct test_chance *chance)
{
    return (struct tally_call){
        .kind = (uint8_t)(1 + test_chance_below(chance, 3)),
        .a_number = 1000000 + test_chance_below(chance, NUMBERS),
        .b_number = 2000000 + test_chance_below(chance, NUMBERS),
        .leg_key = 1 + test_chance_below(chance, 1000000),
        .peer = (uint32_t)test_chance_below(chance, 3),
    };
}

static void test_against_an_array(void **state)
{
    struct tally_calls calls;
    void *memory = open_table(&calls, CALLS);
    static struct model models[CALLS];
    struct test_chance chance = {1};

    (void)state;
    for (unsigned round = 1; round <= ROUNDS; round++) {
        struct model *model = &models[test_chance_below(&chance, CALLS)];

        if (model->order != 0) {
            assert_int_equal(tally_calls_by_id(&calls, model->id), model->slot);
            tally_calls_remove(&calls, model->slot);
            assert_int_equal(tally_calls_by_id(&calls, model->id), TALLY_CALL_NOBODY);
            assert_int_equal(calls.list[model->slot].a_number, 0);
            assert_int_equal(calls.list[model->slot].b_number, 0);
            model->order = 0;
        } else {
            model->call = random_call(&chance);
            model->slot = tally_calls_add(&calls, &model->call);
            assert_int_not_equal(model->slot, TALLY_CALL_NOBODY);
            model->id = tally_calls_id(&calls, model->slot);
            assert_int_not_equal(model->id, 0);
            model->order = round;
        }
        if (round % 50 == 0) {
            struct tally_call any = random_call(&chance);

            compare_pair(&calls, models, (enum tally_call_kind)any.kind, any.a_number,
                         any.b_number);
            compare_number(&calls, models, (enum tally_call_kind)any.kind, number_of(&any));
        }
    }
    free(memory);
}

static void test_full_table_refuses(void **state)
{
    struct tally_calls calls;
    void *memory = open_table(&calls, 3);
    struct tally_call call = {.kind = TALLY_CALL_ARRIVAL, .b_number = 5};

    (void)state;
    for (unsigned at = 0; at < 3; at++) {
        assert_int_not_equal(tally_calls_add(&calls, &call), TALLY_CALL_NOBODY);
    }
    assert_int_equal(tally_calls_add(&calls, &call), TALLY_CALL_NOBODY);
    assert_int_equal(calls.call_count, 3);
    tally_calls_remove(&calls, 1);
    assert_int_equal(tally_calls_add(&calls, &call), 1);
    free(memory);
}

/* The same record id from two peers is two announcements. */
static void test_legs_of_peers_are_apart(void **state)
{
    struct tally_calls calls;
    void *memory = open_table(&calls, 8);
    struct tally_call one = {.kind = TALLY_CALL_ANNOUNCED, .leg_key = 42, .peer = 1};
    struct tally_call other = {.kind = TALLY_CALL_ANNOUNCED, .leg_key = 42, .peer = 2};
    struct tally_call own = {.kind = TALLY_CALL_ORIGINATION, .leg_key = 42, .peer = 9};
    uint32_t one_at = tally_calls_add(&calls, &one);
    uint32_t other_at = tally_calls_add(&calls, &other);
    uint32_t own_at = tally_calls_add(&calls, &own);

    (void)state;
    assert_int_equal(tally_calls_by_leg(&calls, TALLY_CALL_ANNOUNCED, 1, 42), one_at);
    assert_int_equal(tally_calls_by_leg(&calls, TALLY_CALL_ANNOUNCED, 2, 42), other_at);
    assert_int_equal(tally_calls_by_leg(&calls, TALLY_CALL_ANNOUNCED, 3, 42), TALLY_CALL_NOBODY);
    assert_int_equal(tally_calls_by_leg(&calls, TALLY_CALL_ORIGINATION, 0, 42), own_at);
    assert_int_equal(tally_calls_by_leg(&calls, TALLY_CALL_ARRIVAL, 0, 42), TALLY_CALL_NOBODY);
    free(memory);
}

/* An id of another boot, of a slot that does not exist, of an earlier call in the same slot. */
static void test_foreign_ids(void **state)
{
    struct tally_calls calls;
    void *memory = open_table(&calls, 1);
    struct tally_call call = {.kind = TALLY_CALL_ORIGINATION, .a_number = 1, .b_number = 2};
    uint64_t id = tally_calls_id(&calls, tally_calls_add(&calls, &call));

    (void)state;
    assert_int_equal(tally_calls_by_id(&calls, id), 0);
    assert_int_equal(tally_calls_by_id(&calls, id + 1), TALLY_CALL_NOBODY);
    assert_int_equal(tally_calls_by_id(&calls, id ^ (UINT64_C(1) << 50)), TALLY_CALL_NOBODY);
    assert_int_equal(tally_calls_by_id(&calls, 0), TALLY_CALL_NOBODY);
    assert_int_equal(tally_calls_by_id(&calls, UINT64_MAX), TALLY_CALL_NOBODY);
    tally_calls_remove(&calls, 0);
    (void)tally_calls_add(&calls, &call);
    assert_int_equal(tally_calls_by_id(&calls, id), TALLY_CALL_NOBODY);
    free(memory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_an_array),
        cmocka_unit_test(test_full_table_refuses),
        cmocka_unit_test(test_legs_of_peers_are_apart),
        cmocka_unit_test(test_foreign_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
