/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a statement is believed only from who may make it, within what he holds, in its time; and
 * what is not believed makes numbers unknown, never unheld and never somebody else's.
 * Method: small made-up databases (cdb_world.h), each with one thing wrong, judged by what the
 * look-up says afterwards and by the refusal that names the statement.
 */
#include "testing.h"
#include "unit/cdb_world.h"

#include <stdio.h>
#include <string.h>

#define DAY_S INT64_C(86400)
#define STRICT_44 "numbers +44 answers=calls mobility=fixed policy=strict no-porting\n"

static struct cdb_world world; /* too large for the stack */

static int set_up(void **state)
{
    (void)state;
    cdb_world_open(&world);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cdb_world_close(&world);
    return 0;
}

static void expect_refused(uint32_t candidate, enum tally_refusal reason)
{
    if (!cdb_world_is_refused(&world, candidate, reason)) {
        for (uint32_t i = 0; i < world.result.refusal_count; i++) {
            print_message("%u: %s\n", world.result.refusals[i].candidate,
                          tally_refusal_name(world.result.refusals[i].reason));
        }
        fail_msg("%u is not refused as %s", candidate, tally_refusal_name(reason));
    }
}

static void expect(uint64_t number, enum tally_cdb_standing standing)
{
    assert_int_equal(cdb_world_standing(&world, number), standing);
}

/* --- what is right --- */

static void test_usual(void **state)
{
    const struct tally_cdb_entry *entry;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44 digits 11-12\n", "gb-1");
    cdb_world_numbering(
        &world, "alfa", 1, 1,
        STRICT_44 "numbers +4420 answers=none mobility=mobile policy=lenient authorise=bravo\n",
        "alfa");
    cdb_world_stamp(&world, "demo", "w1 w3");
    cdb_world_judge(&world);
    assert_int_equal(cdb_world_refusal_count(&world), 0);
    assert_string_equal(world.result.network, "demo");
    assert_int_equal(world.result.root_serial, 1);
    assert_memory_equal(world.result.facts.network_id, world.candidates[0].text_hash, 32);
    assert_int_equal(world.result.facts.stamped.us, world.now.us - 60 * TALLY_US_PER_S);
    assert_int_equal(tally_cdb_log_size(world.index), 6);

    entry = cdb_world_held(&world, 441234567890);
    assert_string_equal(cdb_world_holder(&world, 441234567890), "alfa");
    assert_int_equal(entry->range.answers, TALLY_CDB_ANSWERS_CALLS);
    assert_int_equal(entry->range.mobility, TALLY_CDB_FIXED);
    assert_int_equal(entry->range.strictness, TALLY_CDB_STRICT);
    assert_true(entry->range.is_no_porting);
    assert_int_equal(entry->entitled_count, 1);

    entry = cdb_world_held(&world, 442012345678);
    assert_int_equal(entry->range.answers, TALLY_CDB_ANSWERS_NONE);
    assert_int_equal(entry->entitled_count, 2);
    expect(4412345678, TALLY_CDB_NO_HOLDER); /* a digit short, also within the nested one */
    expect(4420123456, TALLY_CDB_NO_HOLDER);
    expect(451234567890, TALLY_CDB_NO_HOLDER);
}

static void test_nothing_at_all(void **state)
{
    (void)state;
    cdb_world_judge(&world);
    assert_int_equal(cdb_world_refusal_count(&world), 0);
    assert_string_equal(world.result.network, "");
    expect(441234567890, TALLY_CDB_NO_HOLDER);
}

static void test_range_without_numbering_promises_nothing(void **state)
{
    const struct tally_cdb_entry *entry;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    cdb_world_judge(&world);
    entry = cdb_world_held(&world, 441234567890);
    assert_int_equal(entry->range.answers, TALLY_CDB_ANSWERS_NONE);
    assert_int_equal(entry->range.strictness, TALLY_CDB_LENIENT);
    assert_int_equal(entry->range.mobility, TALLY_CDB_MOBILE);
}

static void test_longer_range_is_anothers(void **state)
{
    uint32_t numbering;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    cdb_world_range(&world, "gb", "bravo", 1, 1, "range +4420\n", "gb-1");
    numbering = cdb_world_numbering(
        &world, "alfa", 1, 1,
        STRICT_44 "numbers +44201 answers=calls mobility=fixed policy=strict\n", "alfa");
    cdb_world_judge(&world);
    assert_string_equal(cdb_world_holder(&world, 441234567890), "alfa");
    assert_string_equal(cdb_world_holder(&world, 442012345678), "bravo");
    expect_refused(numbering, TALLY_REFUSAL_OVERCLAIM);
    assert_int_equal(world.result.refusals[0].line, 9);
    assert_int_equal(world.result.refusals[0].line_count, 1);
}

static void test_parts_add_up(void **state)
{
    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +441\n", "gb-1");
    cdb_world_range(&world, "gb", "alfa", 2, 1, "range +442\n", "gb-1");
    cdb_world_judge(&world);
    assert_string_equal(cdb_world_holder(&world, 441234567890), "alfa");
    assert_string_equal(cdb_world_holder(&world, 442234567890), "alfa");
    assert_int_equal(cdb_world_refusal_count(&world), 0);
}

/* --- roots --- */

static void test_root_pin(void **state)
{
    uint8_t pin[32];

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    memcpy(pin, world.candidates[0].text_hash, sizeof(pin));
    world.root_pin = pin;
    cdb_world_judge(&world);
    assert_string_equal(cdb_world_holder(&world, 441234567890), "alfa");
    pin[31] ^= 1;
    cdb_world_judge(&world);
    expect_refused(0, TALLY_REFUSAL_WRONG_ROOT);
    expect_refused(1, TALLY_REFUSAL_UNKNOWN_ISSUER);
    assert_string_equal(world.result.network, "");
    expect(441234567890, TALLY_CDB_UNKNOWN); /* what its authority would have held */
}

static void test_two_first_roots_need_a_pin(void **state)
{
    uint32_t other;

    (void)state;
    cdb_world_usual(&world);
    other = cdb_world_root(&world, "other", 1, 1, "x1", "x1");
    cdb_world_judge(&world);
    expect_refused(0, TALLY_REFUSAL_WRONG_ROOT);
    expect_refused(other, TALLY_REFUSAL_WRONG_ROOT);
    world.root_pin = world.candidates[0].text_hash;
    cdb_world_judge(&world);
    expect_refused(other, TALLY_REFUSAL_WRONG_NETWORK);
    assert_string_equal(world.result.network, "demo");
}

static void test_root_below_its_own_threshold(void **state)
{
    (void)state;
    cdb_world_root(&world, "demo", 1, 2, "r1 r2 r3", "r2");
    cdb_world_judge(&world);
    expect_refused(0, TALLY_REFUSAL_BELOW_THRESHOLD);
    world.signers[0] = "r2 r9";
    cdb_world_judge(&world);
    expect_refused(0, TALLY_REFUSAL_BELOW_THRESHOLD);
    world.signers[0] = "r2 !r3";
    cdb_world_judge(&world);
    expect_refused(0, TALLY_REFUSAL_BAD_SIGNATURE);
    world.signers[0] = "r2 r3 !r1";
    cdb_world_judge(&world);
    assert_int_equal(cdb_world_refusal_count(&world), 0);
}

static void test_root_succession(void **state)
{
    uint32_t second, third;

    (void)state;
    cdb_world_root(&world, "demo", 1, 2, "r1 r2 r3", "r1 r2");
    second = cdb_world_root(&world, "demo", 2, 2, "r3 r4 r5", "r1 r3 r4");
    third = cdb_world_root(&world, "demo", 3, 1, "r6", "r4 r5 r6");
    cdb_world_authority(&world, "gb", 1, "44", 1, "gb-1", "r6");
    cdb_world_judge(&world);
    assert_int_equal(cdb_world_refusal_count(&world), 0);
    assert_int_equal(world.result.root_serial, 3);
    assert_memory_equal(world.result.facts.network_id, world.candidates[0].text_hash, 32);

    world.signers[third] = "r6 r4"; /* one of the two that the second demands */
    cdb_world_judge(&world);
    expect_refused(third, TALLY_REFUSAL_BELOW_THRESHOLD);
    assert_int_equal(world.result.root_serial, 2);
    expect_refused(3, TALLY_REFUSAL_WRONG_SIGNER); /* r6 is no root key then */

    world.signers[second] = "r1 r3"; /* enough for the first, not for itself */
    cdb_world_judge(&world);
    expect_refused(second, TALLY_REFUSAL_BELOW_THRESHOLD);
    expect_refused(third, TALLY_REFUSAL_WRONG_ROOT); /* a gap before it */
    assert_int_equal(world.result.root_serial, 1);
}

static void test_root_signed_twice_for_one_serial(void **state)
{
    uint32_t one, other;

    (void)state;
    cdb_world_root(&world, "demo", 1, 1, "r1", "r1");
    one = cdb_world_root(&world, "demo", 2, 1, "r2", "r1 r2");
    other = cdb_world_root(&world, "demo", 2, 1, "r3", "r1 r3");
    cdb_world_judge(&world);
    expect_refused(one, TALLY_REFUSAL_CONFLICTING);
    expect_refused(other, TALLY_REFUSAL_CONFLICTING);
    assert_int_equal(world.result.root_serial, 1);
}

static void test_root_expired(void **state)
{
    (void)state;
    world.from_s = -10;
    world.to_s = 0;
    cdb_world_root(&world, "demo", 1, 1, "r1", "r1");
    world.to_s = DAY_S;
    cdb_world_authority(&world, "gb", 1, "44", 1, "gb-1", "r1");
    cdb_world_operator(&world, "alfa", 1, "gb", "alfa", "alfa gb-1");
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    cdb_world_judge(&world);
    expect_refused(0, TALLY_REFUSAL_EXPIRED);
    expect(441234567890, TALLY_CDB_UNKNOWN);
    world.now.us--; /* its last microsecond */
    cdb_world_judge(&world);
    assert_int_equal(cdb_world_refusal_count(&world), 0);
    expect(441234567890, TALLY_CDB_HELD);
}

static void test_root_not_yet_valid(void **state)
{
    (void)state;
    world.from_s = 5;
    cdb_world_root(&world, "demo", 1, 1, "r1", "r1");
    cdb_world_judge(&world);
    expect_refused(0, TALLY_REFUSAL_NOT_YET_VALID);
    assert_string_equal(world.result.network, "");
    assert_int_equal(world.result.next_change.us, world.now.us + 5 * TALLY_US_PER_S);
}

/* --- authorities --- */

static void test_authority_below_threshold(void **state)
{
    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    world.signers[1] = "r1";
    cdb_world_judge(&world);
    expect_refused(1, TALLY_REFUSAL_BELOW_THRESHOLD);
    expect_refused(4, TALLY_REFUSAL_UNKNOWN_ISSUER);
    expect(441234567890, TALLY_CDB_UNKNOWN);
    expect(451234567890, TALLY_CDB_NO_HOLDER);
}

static void test_authority_of_another_network(void **state)
{
    uint32_t candidate;

    (void)state;
    cdb_world_usual(&world);
    candidate = cdb_world_add(&world,
                              "tallystick/1 authority\nissuer other\nsubject fr\nserial 1\n"
                              "not-before 2026-11-21T00:00:00Z\nexpires 2026-11-22T00:00:00Z\n"
                              "country +33\nthreshold 1\n"
                              "key f AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n",
                              "r1 r2");
    cdb_world_judge(&world);
    expect_refused(candidate, TALLY_REFUSAL_WRONG_NETWORK);
}

static void test_authority_claims_are_pruned(void **state)
{
    uint32_t range;

    (void)state;
    cdb_world_usual(&world);
    range =
        cdb_world_range(&world, "gb", "alfa", 1, 1, "range +33\nrange +34\nrange +44\n", "gb-1");
    cdb_world_judge(&world);
    expect_refused(range, TALLY_REFUSAL_OVERCLAIM);
    assert_int_equal(world.result.refusals[0].line, 8);
    assert_int_equal(world.result.refusals[0].line_count, 2);
    expect(33123456789, TALLY_CDB_NO_HOLDER);
    expect(441234567890, TALLY_CDB_HELD); /* the rest stands */
}

static void test_country_within_a_country(void **state)
{
    uint32_t range;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_authority(&world, "us", 1, "1", 1, "us-1", "r1 r2");
    cdb_world_authority(&world, "bs", 1, "1242", 1, "bs-1", "r1 r2");
    range = cdb_world_range(&world, "us", "alfa", 1, 1, "range +1\nrange +12421\n", "us-1");
    cdb_world_judge(&world);
    expect_refused(range, TALLY_REFUSAL_OVERCLAIM);
    assert_string_equal(cdb_world_holder(&world, 12125550000), "alfa");
    expect(12425550000, TALLY_CDB_UNKNOWN); /* not alfa's by way of +1 */
    cdb_world_range(&world, "bs", "bravo", 1, 1, "range +1242\n", "bs-1");
    cdb_world_judge(&world);
    assert_string_equal(cdb_world_holder(&world, 12425550000), "bravo");
}

static void test_contested_country(void **state)
{
    uint32_t second;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\nrange +4420\n", "gb-1");
    second = cdb_world_authority(&world, "uk", 1, "44", 1, "uk-1", "r1 r2");
    cdb_world_judge(&world);
    expect_refused(1, TALLY_REFUSAL_CONTESTED);
    expect_refused(second, TALLY_REFUSAL_CONTESTED);
    expect(441234567890, TALLY_CDB_UNKNOWN);
    expect(442012345678, TALLY_CDB_UNKNOWN);
}

static void test_authority_expired(void **state)
{
    (void)state;
    cdb_world_root(&world, "demo", 1, 1, "r1", "r1");
    world.from_s = -DAY_S;
    world.to_s = 0;
    cdb_world_authority(&world, "gb", 1, "44", 1, "gb-1", "r1");
    world.to_s = DAY_S;
    cdb_world_operator(&world, "alfa", 1, "gb", "alfa", "alfa gb-1");
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    cdb_world_judge(&world);
    expect_refused(1, TALLY_REFUSAL_EXPIRED);
    expect(441234567890, TALLY_CDB_UNKNOWN);
}

/* --- operators --- */

static void test_operator_without_countersignature(void **state)
{
    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    world.signers[2] = "alfa";
    cdb_world_judge(&world);
    expect_refused(2, TALLY_REFUSAL_WRONG_SIGNER);
    expect_refused(4, TALLY_REFUSAL_UNKNOWN_OPERATOR);
    expect(441234567890, TALLY_CDB_UNKNOWN);
    world.signers[2] = "gb-1"; /* nor by the authority alone */
    cdb_world_judge(&world);
    expect_refused(2, TALLY_REFUSAL_WRONG_SIGNER);
    world.signers[2] = "gb-1 !alfa";
    cdb_world_judge(&world);
    expect_refused(2, TALLY_REFUSAL_BAD_SIGNATURE);
}

static void test_operator_renews_by_itself(void **state)
{
    uint32_t second, third;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    second = cdb_world_operator(&world, "alfa", 2, "gb", "alfa", "alfa");
    third = cdb_world_operator(&world, "alfa", 3, "gb", "new", "alfa alfa/new");
    cdb_world_numbering(&world, "alfa", 1, 1, STRICT_44, "alfa/new");
    cdb_world_judge(&world);
    assert_int_equal(cdb_world_refusal_count(&world), 0);
    assert_true(world.result.is_in_force[2]); /* the link to the countersignature */
    assert_int_equal(cdb_world_held(&world, 441234567890)->range.strictness, TALLY_CDB_STRICT);

    world.signers[third] = "alfa/new"; /* not signed by the key before it */
    cdb_world_judge(&world);
    expect_refused(third, TALLY_REFUSAL_WRONG_SIGNER);
    expect(441234567890, TALLY_CDB_UNKNOWN);

    world.signers[third] = "alfa/new gb-1"; /* the key was lost: the authority says so */
    cdb_world_judge(&world);
    expect_refused(second, TALLY_REFUSAL_SUPERSEDED);
    expect(441234567890, TALLY_CDB_HELD);
}

static void test_old_operator_key_is_worth_nothing(void **state)
{
    uint32_t thief;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_operator(&world, "alfa", 2, "gb", "new", "alfa alfa/new");
    thief = cdb_world_operator(&world, "alfa", 3, "gb", "alfa", "alfa");
    cdb_world_judge(&world);
    expect_refused(thief, TALLY_REFUSAL_WRONG_SIGNER);
}

static void test_operator_link_may_have_expired(void **state)
{
    (void)state;
    cdb_world_root(&world, "demo", 1, 1, "r1", "r1");
    cdb_world_authority(&world, "gb", 1, "44", 1, "gb-1", "r1");
    world.from_s = -2 * DAY_S;
    world.to_s = -DAY_S;
    cdb_world_operator(&world, "alfa", 1, "gb", "alfa", "alfa gb-1");
    cdb_world_judge(&world);
    expect_refused(2, TALLY_REFUSAL_EXPIRED);
    world.to_s = DAY_S;
    cdb_world_operator(&world, "alfa", 2, "gb", "alfa", "alfa");
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    cdb_world_judge(&world);
    assert_int_equal(cdb_world_refusal_count(&world), 0);
    expect(441234567890, TALLY_CDB_HELD);
}

static void test_operator_enrolled_by_two_authorities(void **state)
{
    uint32_t other;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    cdb_world_authority(&world, "fr", 1, "33", 1, "fr-1", "r1 r2");
    other = cdb_world_operator(&world, "alfa", 9, "fr", "thief", "alfa/thief fr-1");
    cdb_world_judge(&world);
    expect_refused(2, TALLY_REFUSAL_CONTESTED);
    expect_refused(other, TALLY_REFUSAL_CONTESTED);
    expect(441234567890, TALLY_CDB_UNKNOWN);       /* and not the thief's */
    world.signers[other] = "alfa/thief alfa fr-1"; /* it moves of its own will */
    cdb_world_judge(&world);
    expect(441234567890, TALLY_CDB_HELD);
}

static void test_operator_says_two_things_under_one_serial(void **state)
{
    uint32_t other;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    other = cdb_world_operator(&world, "alfa", 1, "gb", "second", "alfa/second gb-1");
    cdb_world_judge(&world);
    expect_refused(2, TALLY_REFUSAL_CONFLICTING);
    expect_refused(other, TALLY_REFUSAL_CONFLICTING);
    expect(441234567890, TALLY_CDB_UNKNOWN);
}

static void test_operator_expired(void **state)
{
    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "bravo", 1, 1, "range +4420\n", "gb-1");
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    world.from_s = -DAY_S;
    world.to_s = 0;
    cdb_world_operator(&world, "bravo", 2, "gb", "bravo", "bravo");
    cdb_world_judge(&world);
    expect_refused(6, TALLY_REFUSAL_EXPIRED);
    expect(442012345678, TALLY_CDB_UNKNOWN); /* not alfa's, whose range is around it */
    assert_string_equal(cdb_world_holder(&world, 441234567890), "alfa");
    assert_int_equal(tally_cdb_operator_find(world.index, "bravo"), TALLY_CDB_NOBODY);
}

/* --- ranges --- */

static void test_range_signed_by_a_stranger(void **state)
{
    uint32_t range;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    range = cdb_world_range(&world, "gb", "bravo", 1, 1, "range +4420\n", "bravo r1");
    cdb_world_judge(&world);
    expect_refused(range, TALLY_REFUSAL_WRONG_SIGNER);
    expect(442012345678, TALLY_CDB_UNKNOWN);
    expect(441234567890, TALLY_CDB_HELD);
    world.signers[range] = "!gb-1";
    cdb_world_judge(&world);
    expect_refused(range, TALLY_REFUSAL_BAD_SIGNATURE);
    expect(442012345678, TALLY_CDB_UNKNOWN);
}

static void test_a_stranger_taints_nothing_beyond_his_word(void **state)
{
    uint32_t range;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    cdb_world_authority(&world, "fr", 1, "33", 1, "fr-1", "r1 r2");
    range = cdb_world_range(&world, "fr", "bravo", 1, 1, "range +44\n", "!fr-1");
    cdb_world_judge(&world);
    expect_refused(range, TALLY_REFUSAL_BAD_SIGNATURE);
    expect(441234567890, TALLY_CDB_HELD);
    range = cdb_world_range(&world, "nobody", "bravo", 1, 1, "range +44\n", "bravo");
    cdb_world_judge(&world);
    expect_refused(range, TALLY_REFUSAL_UNKNOWN_ISSUER);
    expect(441234567890, TALLY_CDB_HELD);
}

static void test_range_below_threshold(void **state)
{
    uint32_t range;

    (void)state;
    cdb_world_root(&world, "demo", 1, 1, "r1", "r1");
    cdb_world_authority(&world, "gb", 1, "44", 2, "gb-1 gb-2 gb-3", "r1");
    cdb_world_operator(&world, "alfa", 1, "gb", "alfa", "alfa gb-1 gb-2");
    range = cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-3");
    cdb_world_judge(&world);
    expect_refused(range, TALLY_REFUSAL_BELOW_THRESHOLD);
    expect(441234567890, TALLY_CDB_UNKNOWN);
    world.signers[range] = "gb-3 gb-1";
    cdb_world_judge(&world);
    expect(441234567890, TALLY_CDB_HELD);
}

static void test_range_expired(void **state)
{
    uint32_t range;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    world.from_s = -DAY_S;
    world.to_s = 0;
    range = cdb_world_range(&world, "gb", "bravo", 1, 2, "range +4420\n", "gb-1");
    world.to_s = DAY_S;
    cdb_world_range(&world, "gb", "bravo", 1, 1, "range +4420\n", "gb-1");
    cdb_world_judge(&world);
    expect_refused(range, TALLY_REFUSAL_EXPIRED);
    expect_refused(range + 1, TALLY_REFUSAL_SUPERSEDED); /* nothing older takes its place */
    expect(442012345678, TALLY_CDB_UNKNOWN);
    world.now.us--;
    cdb_world_judge(&world);
    assert_string_equal(cdb_world_holder(&world, 442012345678), "bravo");
}

static void test_range_not_yet_valid(void **state)
{
    uint32_t range;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    world.from_s = 60;
    range = cdb_world_range(&world, "gb", "alfa", 1, 2, "range +441\n", "gb-1");
    cdb_world_judge(&world);
    expect_refused(range, TALLY_REFUSAL_NOT_YET_VALID);
    assert_string_equal(cdb_world_holder(&world, 442012345678), "alfa"); /* the older still holds */
    assert_int_equal(world.result.next_change.us, world.now.us + 60 * TALLY_US_PER_S);
    world.now = world.result.next_change;
    cdb_world_judge(&world);
    expect_refused(4, TALLY_REFUSAL_SUPERSEDED);
    expect(442012345678, TALLY_CDB_NO_HOLDER);
    assert_int_equal(world.result.next_change.us, 0);
}

static void test_replayed_old_serial(void **state)
{
    uint32_t old;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 2, "range +441\n", "gb-1");
    old = cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    cdb_world_judge(&world);
    expect_refused(old, TALLY_REFUSAL_SUPERSEDED);
    expect(441234567890, TALLY_CDB_HELD);
    expect(442012345678, TALLY_CDB_NO_HOLDER); /* a replay taints nothing */
    assert_true(tally_refusal_is_notice(TALLY_REFUSAL_SUPERSEDED));
}

static void test_forged_newer_serial_supersedes_nothing(void **state)
{
    uint32_t forged;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    forged = cdb_world_range(&world, "gb", "alfa", 1, 9, "range +4420\n", "bravo");
    cdb_world_judge(&world);
    expect_refused(forged, TALLY_REFUSAL_WRONG_SIGNER);
    assert_false(cdb_world_is_refused(&world, 4, TALLY_REFUSAL_SUPERSEDED));
    expect(441234567890, TALLY_CDB_HELD);
    expect(442012345678, TALLY_CDB_UNKNOWN);
}

static void test_duplicate_is_harmless(void **state)
{
    uint32_t range;

    (void)state;
    cdb_world_usual(&world);
    range = cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    cdb_world_add(&world, world.texts[range], "gb-1");
    cdb_world_judge(&world);
    assert_int_equal(cdb_world_refusal_count(&world), 1);
    assert_int_equal(world.result.refusals[0].reason, TALLY_REFUSAL_DUPLICATE);
    expect(441234567890, TALLY_CDB_HELD);
}

static void test_conflicting_serials(void **state)
{
    uint32_t one, other;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    one = cdb_world_range(&world, "gb", "alfa", 1, 2, "range +441\n", "gb-1");
    other = cdb_world_range(&world, "gb", "alfa", 1, 2, "range +442\n", "gb-1");
    cdb_world_judge(&world);
    expect_refused(one, TALLY_REFUSAL_CONFLICTING);
    expect_refused(other, TALLY_REFUSAL_CONFLICTING);
    expect_refused(4, TALLY_REFUSAL_SUPERSEDED);
    expect(441234567890, TALLY_CDB_UNKNOWN);
    expect(442234567890, TALLY_CDB_UNKNOWN);
}

static void test_contested_overlap(void **state)
{
    uint32_t one, other;

    (void)state;
    cdb_world_usual(&world);
    one = cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\nrange +4420\n", "gb-1");
    other = cdb_world_range(&world, "gb", "bravo", 1, 1, "range +4420\n", "gb-1");
    cdb_world_numbering(&world, "alfa", 1, 1,
                        "numbers +442012 answers=calls mobility=fixed policy=strict\n", "alfa");
    cdb_world_judge(&world);
    expect_refused(one, TALLY_REFUSAL_CONTESTED);
    expect_refused(other, TALLY_REFUSAL_CONTESTED);
    expect(442034567890, TALLY_CDB_CONTESTED);
    expect(442012345678, TALLY_CDB_CONTESTED); /* numbering does not settle it */
    expect(441234567890, TALLY_CDB_HELD);
}

static void test_one_prefix_twice_with_other_digits(void **state)
{
    uint32_t one;

    (void)state;
    cdb_world_usual(&world);
    one = cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44 digits 11-12\n", "gb-1");
    cdb_world_range(&world, "gb", "alfa", 2, 1, "range +44 digits 11-13\n", "gb-1");
    cdb_world_judge(&world);
    expect_refused(one, TALLY_REFUSAL_CONFLICTING);
    expect_refused(one + 1, TALLY_REFUSAL_CONFLICTING);
    expect(441234567890, TALLY_CDB_UNKNOWN);
}

/* --- numbering --- */

static void test_numbering_signed_by_another(void **state)
{
    uint32_t numbering;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\nrange +45\n", "gb-1");
    cdb_world_range(&world, "gb", "bravo", 1, 1, "range +4430\n", "gb-1");
    numbering = cdb_world_numbering(&world, "alfa", 1, 1,
                                    "numbers +4420 answers=calls mobility=fixed policy=strict\n",
                                    "bravo gb-1");
    cdb_world_judge(&world);
    expect_refused(numbering, TALLY_REFUSAL_WRONG_SIGNER);
    expect(441234567890, TALLY_CDB_UNKNOWN); /* the whole range around it */
    assert_string_equal(cdb_world_holder(&world, 443012345678), "bravo");
}

static void test_numbering_over_claim(void **state)
{
    uint32_t numbering;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +441\n", "gb-1");
    cdb_world_range(&world, "gb", "bravo", 1, 1, "range +442\n", "gb-1");
    numbering = cdb_world_numbering(&world, "alfa", 1, 1,
                                    "numbers +44 answers=calls mobility=fixed policy=strict\n"
                                    "numbers +441 answers=calls mobility=fixed policy=strict\n"
                                    "numbers +442 answers=calls mobility=fixed policy=strict\n"
                                    "numbers +443 answers=calls mobility=fixed policy=strict\n",
                                    "alfa");
    cdb_world_judge(&world);
    expect_refused(numbering, TALLY_REFUSAL_OVERCLAIM);
    assert_int_equal(world.result.refusals[0].line_count, 3);
    assert_int_equal(cdb_world_held(&world, 441234567890)->range.strictness, TALLY_CDB_STRICT);
    assert_string_equal(cdb_world_holder(&world, 442012345678), "bravo");
    assert_int_equal(cdb_world_held(&world, 442012345678)->range.strictness, TALLY_CDB_LENIENT);
    expect(443012345678, TALLY_CDB_NO_HOLDER);
}

static void test_numbering_expired(void **state)
{
    uint32_t numbering;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +441\nrange +442\n", "gb-1");
    cdb_world_numbering(&world, "alfa", 2, 1,
                        "numbers +44120 answers=calls mobility=fixed policy=strict\n", "alfa");
    world.from_s = -DAY_S;
    world.to_s = 0;
    numbering =
        cdb_world_numbering(&world, "alfa", 1, 1,
                            "numbers +44121 answers=calls mobility=fixed policy=strict\n", "alfa");
    cdb_world_judge(&world);
    expect_refused(numbering, TALLY_REFUSAL_EXPIRED);
    expect(441212345678, TALLY_CDB_UNKNOWN);
    expect(441202345678, TALLY_CDB_UNKNOWN); /* of another part, in the same range */
    expect(441992345678, TALLY_CDB_UNKNOWN);
    expect(442012345678, TALLY_CDB_HELD);
    world.now.us--;
    cdb_world_judge(&world);
    expect(441212345678, TALLY_CDB_HELD);
    world.now.us++; /* the index alone knows it too, without a new evaluation */
    expect(441212345678, TALLY_CDB_UNKNOWN);
}

static void test_numbering_names_an_unknown_operator(void **state)
{
    uint32_t numbering;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    numbering = cdb_world_numbering(
        &world, "alfa", 1, 1,
        STRICT_44 "numbers +4420 answers=calls mobility=fixed policy=strict authorise=zulu\n",
        "alfa");
    cdb_world_judge(&world);
    expect_refused(numbering, TALLY_REFUSAL_UNKNOWN_OPERATOR);
    expect(442012345678, TALLY_CDB_UNKNOWN); /* zulu cannot be asked */
    expect(441234567890, TALLY_CDB_HELD);
}

static void test_numbering_says_two_things(void **state)
{
    uint32_t one;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    one = cdb_world_numbering(&world, "alfa", 1, 1,
                              "numbers +4420 answers=calls mobility=fixed policy=strict\n", "alfa");
    cdb_world_numbering(&world, "alfa", 2, 1,
                        "numbers +4420 answers=calls mobility=fixed policy=lenient\n", "alfa");
    cdb_world_judge(&world);
    expect_refused(one, TALLY_REFUSAL_CONFLICTING);
    expect_refused(one + 1, TALLY_REFUSAL_CONFLICTING);
    expect(442012345678, TALLY_CDB_UNKNOWN);
    expect(441234567890, TALLY_CDB_HELD);
}

static void test_numbering_says_two_things_of_a_whole_range(void **state)
{
    uint32_t one;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    one = cdb_world_numbering(&world, "alfa", 1, 1, STRICT_44, "alfa");
    cdb_world_numbering(&world, "alfa", 2, 1,
                        "numbers +44 answers=calls mobility=fixed policy=lenient\n", "alfa");
    cdb_world_judge(&world);
    expect_refused(one + 1, TALLY_REFUSAL_CONFLICTING);
    expect(441234567890, TALLY_CDB_UNKNOWN);
}

/* --- what cannot be read --- */

static void test_unreadable_statements_taint_their_issuers(void **state)
{
    uint32_t bad;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +441\n", "gb-1");
    cdb_world_range(&world, "gb", "bravo", 1, 1, "range +442\n", "gb-1");
    bad = cdb_world_numbering(&world, "alfa", 1, 1, "numbers +441 answers=perhaps\n", "alfa");
    cdb_world_judge(&world);
    expect_refused(bad, TALLY_REFUSAL_FORMAT);
    assert_int_equal(world.result.refusals[0].line, 8);
    assert_non_null(world.result.refusals[0].expected);
    expect(441234567890, TALLY_CDB_UNKNOWN);
    expect(442012345678, TALLY_CDB_HELD);
}

static void test_unknown_type_taints_its_issuer(void **state)
{
    uint32_t bad;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +441\n", "gb-1");
    cdb_world_range(&world, "gb", "bravo", 1, 1, "range +442\n", "gb-1");
    bad =
        cdb_world_add(&world, "tallystick/1 revoke\nissuer bravo\nsubject bravo\nkey x\n", "bravo");
    cdb_world_judge(&world);
    expect_refused(bad, TALLY_REFUSAL_UNKNOWN_TYPE);
    expect(441234567890, TALLY_CDB_HELD);
    expect(442012345678, TALLY_CDB_UNKNOWN);
    bad = cdb_world_add(&world, "tallystick/1 ported\nissuer gb\nsubject gb\n", "gb-1");
    cdb_world_judge(&world);
    expect_refused(bad, TALLY_REFUSAL_UNKNOWN_TYPE);
    expect(441234567890, TALLY_CDB_UNKNOWN);
}

static void test_no_note_at_all(void **state)
{
    (void)state;
    cdb_world_usual(&world);
    world.candidates[2].refusal = TALLY_REFUSAL_TRUNCATED;
    world.candidates[2].line = 3;
    cdb_world_judge(&world);
    expect_refused(2, TALLY_REFUSAL_TRUNCATED);
    assert_int_equal(world.result.refusals[0].line, 3);
    assert_int_equal(tally_cdb_operator_count(world.index), 1);
}

/* --- the stamp --- */

static struct tally_wall stamped_when_signed_by(const char *signers)
{
    cdb_world_stamp(&world, "demo", signers);
    cdb_world_judge(&world);
    return world.result.facts.stamped;
}

static void test_stamp_needs_its_quorum(void **state)
{
    (void)state;
    cdb_world_usual(&world);
    assert_int_equal(stamped_when_signed_by("w2 w3").us, world.now.us - 60 * TALLY_US_PER_S);
    assert_int_equal(cdb_world_refusal_count(&world), 0);
    assert_int_equal(stamped_when_signed_by("w2").us, 0);
    expect_refused(TALLY_CDB_STAMP, TALLY_REFUSAL_BELOW_THRESHOLD);
    assert_int_equal(stamped_when_signed_by("r1 r2").us, 0);
    expect_refused(TALLY_CDB_STAMP, TALLY_REFUSAL_WRONG_SIGNER);
    assert_int_equal(stamped_when_signed_by("w1 !w2").us, 0);
    expect_refused(TALLY_CDB_STAMP, TALLY_REFUSAL_BAD_SIGNATURE);
}

static void test_stamp_over_other_statements(void **state)
{
    (void)state;
    cdb_world_usual(&world);
    cdb_world_stamp(&world, "demo", "w1 w2");
    world.count--; /* one is withheld */
    cdb_world_judge(&world);
    expect_refused(TALLY_CDB_STAMP, TALLY_REFUSAL_STAMP_OTHER);
    assert_int_equal(world.result.facts.stamped.us, 0);
    cdb_world_operator(&world, "bravo", 1, "gb", "other", "bravo/other gb-1"); /* or exchanged */
    cdb_world_judge(&world);
    expect_refused(TALLY_CDB_STAMP, TALLY_REFUSAL_STAMP_OTHER);
}

static void test_stamp_times(void **state)
{
    (void)state;
    cdb_world_usual(&world);
    world.from_s = -7 * DAY_S;
    world.to_s = 0;
    assert_int_equal(stamped_when_signed_by("w1 w2").us, /* its age is to be seen */
                     world.now.us - 7 * DAY_S * TALLY_US_PER_S);
    expect_refused(TALLY_CDB_STAMP, TALLY_REFUSAL_EXPIRED);
    world.to_s = 1;
    world.from_s = -6 * DAY_S;
    assert_int_not_equal(stamped_when_signed_by("w1 w2").us, 0);
    assert_int_equal(cdb_world_refusal_count(&world), 0);

    world.stamped_min.us = world.now.us - 6 * DAY_S * TALLY_US_PER_S;
    cdb_world_judge(&world);
    assert_int_equal(cdb_world_refusal_count(&world), 0);
    world.stamped_min.us++;
    cdb_world_judge(&world);
    expect_refused(TALLY_CDB_STAMP, TALLY_REFUSAL_STAMP_REPLAYED);
    assert_int_equal(world.result.facts.stamped.us, 0);

    world.stamped_min.us = 0;
    world.from_s = 60;
    world.to_s = 120;
    assert_int_not_equal(stamped_when_signed_by("w1 w2").us, 0);
    world.from_s = 61;
    assert_int_equal(stamped_when_signed_by("w1 w2").us, 0);
    expect_refused(TALLY_CDB_STAMP, TALLY_REFUSAL_NOT_YET_VALID);
}

static void test_stamp_of_another_kind(void **state)
{
    (void)state;
    cdb_world_usual(&world);
    cdb_world_stamp(&world, "other", "w1 w2");
    cdb_world_judge(&world);
    expect_refused(TALLY_CDB_STAMP, TALLY_REFUSAL_WRONG_NETWORK);
    world.candidates[CDB_WORLD_NOTES_MAX] = world.candidates[1]; /* a statement, but no stamp */
    cdb_world_judge(&world);
    expect_refused(TALLY_CDB_STAMP, TALLY_REFUSAL_UNKNOWN_TYPE);
    world.candidates[CDB_WORLD_NOTES_MAX].text = "tallystick/1 stamp\n";
    world.candidates[CDB_WORLD_NOTES_MAX].text_count = 19;
    cdb_world_judge(&world);
    expect_refused(TALLY_CDB_STAMP, TALLY_REFUSAL_FORMAT);
    world.count = 0;
    cdb_world_stamp(&world, "demo", "w1 w2");
    cdb_world_judge(&world);
    expect_refused(TALLY_CDB_STAMP, TALLY_REFUSAL_UNKNOWN_ISSUER);
}

/* Whatever order the statements come in, the same is found. */
static void test_order_does_not_matter(void **state)
{
    struct tally_cdb_candidate candidate;
    const char *signers;

    (void)state;
    cdb_world_usual(&world);
    cdb_world_range(&world, "gb", "alfa", 1, 1, "range +44\n", "gb-1");
    cdb_world_range(&world, "gb", "bravo", 1, 1, "range +4420\n", "gb-1");
    cdb_world_numbering(&world, "alfa", 1, 1, STRICT_44, "alfa");
    for (uint32_t turn = 0; turn < world.count; turn++) {
        cdb_world_judge(&world);
        assert_int_equal(cdb_world_refusal_count(&world), 0);
        assert_string_equal(cdb_world_holder(&world, 441234567890), "alfa");
        assert_string_equal(cdb_world_holder(&world, 442012345678), "bravo");
        candidate = world.candidates[0];
        signers = world.signers[0];
        for (uint32_t i = 1; i < world.count; i++) {
            world.candidates[i - 1] = world.candidates[i];
            world.signers[i - 1] = world.signers[i];
        }
        world.candidates[world.count - 1] = candidate;
        world.signers[world.count - 1] = signers;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(usual),
        TEST(nothing_at_all),
        TEST(range_without_numbering_promises_nothing),
        TEST(longer_range_is_anothers),
        TEST(parts_add_up),
        TEST(root_pin),
        TEST(two_first_roots_need_a_pin),
        TEST(root_below_its_own_threshold),
        TEST(root_succession),
        TEST(root_signed_twice_for_one_serial),
        TEST(root_expired),
        TEST(root_not_yet_valid),
        TEST(authority_below_threshold),
        TEST(authority_of_another_network),
        TEST(authority_claims_are_pruned),
        TEST(country_within_a_country),
        TEST(contested_country),
        TEST(authority_expired),
        TEST(operator_without_countersignature),
        TEST(operator_renews_by_itself),
        TEST(old_operator_key_is_worth_nothing),
        TEST(operator_link_may_have_expired),
        TEST(operator_enrolled_by_two_authorities),
        TEST(operator_says_two_things_under_one_serial),
        TEST(operator_expired),
        TEST(range_signed_by_a_stranger),
        TEST(a_stranger_taints_nothing_beyond_his_word),
        TEST(range_below_threshold),
        TEST(range_expired),
        TEST(range_not_yet_valid),
        TEST(replayed_old_serial),
        TEST(forged_newer_serial_supersedes_nothing),
        TEST(duplicate_is_harmless),
        TEST(conflicting_serials),
        TEST(contested_overlap),
        TEST(one_prefix_twice_with_other_digits),
        TEST(numbering_signed_by_another),
        TEST(numbering_over_claim),
        TEST(numbering_expired),
        TEST(numbering_names_an_unknown_operator),
        TEST(numbering_says_two_things),
        TEST(numbering_says_two_things_of_a_whole_range),
        TEST(unreadable_statements_taint_their_issuers),
        TEST(unknown_type_taints_its_issuer),
        TEST(no_note_at_all),
        TEST(stamp_needs_its_quorum),
        TEST(stamp_over_other_statements),
        TEST(stamp_times),
        TEST(stamp_of_another_kind),
        TEST(order_does_not_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
