/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: whatever a peer or an adapter sends, in whatever order, the core keeps its promises:
 * effects within their bound, every acknowledged arrival judged exactly once and by its deadline,
 * no fraud without a denial, tables within their limits, and no assertion within reach. Method:
 * random records of every type, with edge values, from fixed seeds, against one registry with small
 * tables; time jumps about, feeds and links come and go, the database changes.
 */
#include "core/registry.h"
#include "testing.h"
#include "unit/chance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 20, STEPS = 20000, SEQS = 65536 };
#define WALL_US INT64_C(1767225600000000)

struct bench {
    struct test_chance chance;
    struct tally_registry *registry;
    void *memory;
    void *index_memory[2];
    const struct tally_cdb_index *index[2];
    struct tally_now now;
    uint64_t next_seq[2];
    int64_t due_us[2][SEQS]; /* deadline of an acknowledged arrival; 0: none */
    uint64_t query_ids[16];
    uint64_t record_ids[16];
    unsigned id_at;
    uint64_t verdict_count[TALLY_VERDICT_COUNT];
};

static uint64_t roll(struct bench *bench, uint64_t limit)
{
    return test_chance_below(&bench->chance, limit);
}

static uint64_t any_number(struct bench *bench)
{
    static const uint64_t numbers[] = {0,           1,           442012345678,    442012345679,
                                       33123456789, 33123456780, 999999999999999, 12025550123,
                                       112,         999123456789};

    return numbers[roll(bench, sizeof(numbers) / sizeof(numbers[0]))];
}

static struct tally_wall any_instant(struct bench *bench)
{
    static const int64_t apart_us[] = {0, -1000, -500000, -9000000, -11000000, 900000, 2000000};
    uint64_t at = roll(bench, sizeof(apart_us) / sizeof(apart_us[0]) + 3);

    switch (at) {
    case 7:
        return (struct tally_wall){1};
    case 8:
        return (struct tally_wall){INT64_MAX};
    case 9:
        return (struct tally_wall){TALLY_WALL_MAX_US};
    default:
        return tally_wall_after(bench->now.wall, apart_us[at]);
    }
}

static uint64_t any_id(struct bench *bench, const uint64_t *ids)
{
    return roll(bench, 8) == 0 ? 1 + test_chance_u64(&bench->chance) / 2 : ids[roll(bench, 16)];
}

static void build_index(struct bench *bench, unsigned at, enum tally_cdb_strictness strictness)
{
    struct tally_cdb_operator operators[3];
    struct tally_cdb_range ranges[3] = {
        {.prefix = 4420, .holder = 0, .strictness = strictness},
        {.prefix = 33, .holder = 1, .strictness = strictness},
        {.prefix = 1202, .holder = 2, .authorised_count = 1, .authorised = {0}},
    };
    struct tally_cdb_facts facts = {.operators = operators,
                                    .operator_count = at == 0 ? 3 : 2,
                                    .ranges = ranges,
                                    .range_count = at == 0 ? 3 : 2,
                                    .log_size = 5,
                                    .stamped = {WALL_US}};
    static const char *const ids[] = {"alfa", "bravo", "carol"};

    memset(operators, 0, sizeof(operators));
    for (unsigned op = 0; op < 3; op++) {
        (void)snprintf(operators[op].id, sizeof(operators[op].id), "%s", ids[op]);
        operators[op].noise_key_count = 1;
        operators[op].expires.us = TALLY_WALL_MAX_US;
        ranges[op].answers = TALLY_CDB_ANSWERS_CALLS;
        ranges[op].mobility = TALLY_CDB_FIXED;
        ranges[op].is_no_porting = true;
        ranges[op].expires.us = TALLY_WALL_MAX_US;
    }
    bench->index_memory[at] = malloc(tally_cdb_index_bytes(&facts));
    assert_non_null(bench->index_memory[at]);
    assert_int_equal(tally_cdb_index_build(&facts, bench->index_memory[at],
                                           tally_cdb_index_bytes(&facts), &bench->index[at]),
                     TALLY_ERR_OK);
}

static void open_bench(struct bench *bench, uint64_t seed)
{
    struct tally_registry_config config = {
        .operator_id = "bravo",
        .boot = 3,
        .hash_key = {1, 2},
        .token_key = {3, 4},
        .call_max = 40,
        .inquiry_max = 6,
        .peer_max = 4,
        .match_window_us = 10 * TALLY_US_PER_S,
        .open_leg_us = 20 * TALLY_US_PER_S,
        .release_tail_us = 2 * TALLY_US_PER_S,
        .due_min_us = 300 * TALLY_US_PER_MS,
        .due_max_us = 800 * TALLY_US_PER_MS,
        .block_fresh_us = INT64_C(6) * 3600 * TALLY_US_PER_S,
        .usable_fresh_us = INT64_C(7) * 86400 * TALLY_US_PER_S,
        .skew_unmeasured_us = 2 * TALLY_US_PER_S,
        .policy = {.mode = TALLY_MODE_ENFORCE, .block_cause = 21},
        .feeds = {{TALLY_FEED_CAUSAL, TALLY_SIDE_BOTH, true},
                  {TALLY_FEED_CAUSAL, TALLY_SIDE_TERMINATING, true}},
        .feed_count = 2};

    memset(bench, 0, sizeof(*bench));
    bench->chance.state = seed;
    bench->now = (struct tally_now){.mono = {5000000}, .wall = {WALL_US + 5000000}};
    bench->next_seq[0] = bench->next_seq[1] = 1;
    bench->memory = malloc(tally_registry_bytes(&config));
    assert_non_null(bench->memory);
    assert_int_equal(tally_registry_init(&config, bench->now, bench->memory,
                                         tally_registry_bytes(&config), &bench->registry),
                     TALLY_ERR_OK);
    build_index(bench, 0, TALLY_CDB_STRICT);
    build_index(bench, 1, TALLY_CDB_STRICT_DIRECT);
}

static void take_ack(struct bench *bench, uint8_t feed, const struct tally_feed_ack *ack)
{
    if (ack->due_us != 0) {
        assert_true(ack->due_us >= 300000 && ack->due_us <= 800000);
        assert_true(ack->seq < SEQS);
        assert_int_equal(bench->due_us[feed][ack->seq], 0);
        bench->due_us[feed][ack->seq] = bench->now.mono.us + ack->due_us;
    }
}

static void take_decision(struct bench *bench, const struct tally_decision *decision)
{
    int64_t *due_us = &bench->due_us[decision->feed][decision->feed_seq];
    const struct tally_answers *answers = &decision->evidence.answers;

    assert_true(*due_us > 0); /* acknowledged, and not judged before */
    *due_us = -1;
    bench->verdict_count[decision->judgement.verdict]++;
    if (decision->judgement.verdict == TALLY_VERDICT_CLI_SPOOFED) {
        assert_int_equal(answers->none_count + answers->none_direct_count, answers->asked_count);
        assert_true(answers->asked_count > 0);
    }
}

static void take_effects(struct bench *bench, const struct tally_effects *effects)
{
    for (uint32_t at = 0; at < effects->count; at++) {
        const struct tally_effect *effect = &effects->list[at];

        if (effect->type == TALLY_EFFECT_FEED && effect->feed.record.type == TALLY_FEED_ACK) {
            take_ack(bench, effect->feed.feed, &effect->feed.record.ack);
        } else if (effect->type == TALLY_EFFECT_DECIDED) {
            take_decision(bench, &effect->decision);
        } else if (effect->type == TALLY_EFFECT_SEND) {
            const struct tally_record *record = &effect->send.record;

            bench->id_at = (bench->id_at + 1) % 16;
            if (record->type == TALLY_RECORD_QUERY) {
                bench->query_ids[bench->id_at] = record->query.query_id;
            } else if (record->type == TALLY_RECORD_ANNOUNCE) {
                bench->record_ids[bench->id_at] = record->announce.record_id;
            }
        }
    }
}

static void step(struct bench *bench, const struct tally_input *input)
{
    static struct tally_effect list[TALLY_EFFECTS_MAX];
    struct tally_effects effects = {.list = list};
    struct tally_registry_counters counters;

    tally_registry_step(bench->registry, bench->now, input, &effects);
    assert_true(effects.count <= TALLY_EFFECTS_MAX);
    take_effects(bench, &effects);
    tally_registry_counters(bench->registry, &counters);
    assert_true(counters.call_count <= counters.call_max);
    assert_true(counters.inquiry_count <= counters.inquiry_max);
}

static void random_event(struct bench *bench, uint8_t feed, struct tally_feed_record *record)
{
    static const enum tally_event_kind kinds[] = {TALLY_EVENT_SETUP, TALLY_EVENT_SETUP,
                                                  TALLY_EVENT_SETUP, TALLY_EVENT_RELEASE,
                                                  TALLY_EVENT_ANSWER};

    record->type = TALLY_FEED_EVENT;
    record->event = (struct tally_feed_event){
        .seq = bench->next_seq[feed]++,
        .event = {.kind = kinds[roll(bench, 5)],
                  .side = (enum tally_side)(1 + roll(bench, 3)),
                  .flags = roll(bench, 4) == 0 ? 1u << roll(bench, 7) : 0,
                  .ingress_class = (enum tally_trunk_class)roll(bench, 3),
                  .a_network = any_number(bench),
                  .a_presented = roll(bench, 4) == 0 ? any_number(bench) : 0,
                  .b_number = 1 + any_number(bench) % 999999999999999,
                  .at = roll(bench, 4) == 0 ? any_instant(bench) : bench->now.wall,
                  .leg_key = 1 + roll(bench, 30),
                  .call_ref = roll(bench, 4)}};
    if (roll(bench, 3) != 0) {
        record->event.event.b_number = 33123456789;
    }
    if (roll(bench, 30) == 0) {
        bench->next_seq[feed] += roll(bench, 3);
    }
}

static void random_feed(struct bench *bench)
{
    struct tally_input input = {.type = TALLY_INPUT_FEED};
    struct tally_feed_record *record = &input.feed.record;
    uint8_t feed = (uint8_t)roll(bench, 2);

    input.feed.feed = feed;
    switch (roll(bench, 40)) {
    case 0:
        record->type = TALLY_FEED_HELLO;
        record->hello = (struct tally_feed_hello){.version = TALLY_FEED_VERSION,
                                                  .feed_class = TALLY_FEED_CAUSAL,
                                                  .boot_id = 1 + roll(bench, 9),
                                                  .next_seq = bench->next_seq[feed],
                                                  .clock_bound_us = (uint32_t)roll(bench, 5000)};
        break;
    case 1:
        record->type = TALLY_FEED_GAP;
        record->gap = (struct tally_feed_gap){.seq = bench->next_seq[feed]++};
        break;
    case 2:
        record->type = TALLY_FEED_OPEN_LEG;
        random_event(bench, feed, record);
        bench->next_seq[feed] = record->event.seq;
        record->type = TALLY_FEED_OPEN_LEG;
        record->event.event.kind = TALLY_EVENT_SETUP;
        record->event.seq = 0;
        break;
    case 3:
        record->type = TALLY_FEED_OPEN_LEGS_END;
        record->legs_end.since = any_instant(bench);
        break;
    case 4:
        step(bench, &(struct tally_input){.type = TALLY_INPUT_FEED_DOWN, .feed_down = feed});
        return;
    default:
        if (roll(bench, 2) == 0) {
            random_event(bench, feed, record);
            break;
        }
        record->type = TALLY_FEED_WATERMARK;
        record->watermark = (struct tally_feed_watermark){
            .seq = bench->next_seq[feed] - 1,
            .at = bench->now.wall,
            .flush_id = roll(bench, 3) == 0 ? (roll(bench, 8) + 1) << 32 | roll(bench, 8) : 0};
        break;
    }
    step(bench, &input);
}

static void random_peer(struct bench *bench)
{
    struct tally_input input = {.type = TALLY_INPUT_PEER};
    struct tally_record *record = &input.peer.record;
    uint64_t hash = roll(bench, 2) == 0 ? 0 : test_chance_u64(&bench->chance);
    const struct tally_cdb_entry *entry = NULL;

    if (tally_cdb_lookup(bench->index[0], 442012345678, bench->now.wall, &entry) ==
            TALLY_CDB_HELD &&
        roll(bench, 4) != 0) {
        hash = entry->entitled_hash;
    }
    input.peer.peer = (uint32_t)roll(bench, tally_registry_peer_count(bench->registry));
    input.peer.sealed_at = roll(bench, 8) == 0 ? any_instant(bench) : bench->now.wall;
    switch (roll(bench, 5)) {
    case 0:
        record->type = TALLY_RECORD_ANNOUNCE;
        record->announce = (struct tally_announce){.record_id = 1 + roll(bench, 50),
                                                   .at = any_instant(bench),
                                                   .a_network = any_number(bench),
                                                   .b_number = 33123456789,
                                                   .token = 1,
                                                   .kind = (enum tally_leg_kind)roll(bench, 2)};
        break;
    case 1:
        record->type = TALLY_RECORD_QUERY;
        record->query =
            (struct tally_query){.query_id = 1 + roll(bench, 50),
                                 .at = any_instant(bench),
                                 .budget_us = 1 + (uint32_t)roll(bench, 2000000),
                                 .clock_bound_us = (uint32_t)roll(bench, 2) * UINT32_MAX,
                                 .a_network = any_number(bench),
                                 .b_number = any_number(bench),
                                 .entitled_hash = hash};
        break;
    case 2:
        record->type = TALLY_RECORD_ANSWER;
        record->answer = (struct tally_answer){
            .query_id = any_id(bench, bench->query_ids),
            .kind = (enum tally_answer_kind)roll(bench, TALLY_ANSWER_KIND_COUNT),
            .is_spent = roll(bench, 4) == 0,
            .which = (enum tally_which_number)roll(bench, TALLY_WHICH_COUNT),
            .record_id = 1 + roll(bench, 50),
            .at = any_instant(bench),
            .log_size = 4 + roll(bench, 3),
            .entitled_hash = hash};
        break;
    case 3:
        record->type = TALLY_RECORD_REPORT;
        record->report = (struct tally_report){
            .record_id = any_id(bench, bench->record_ids),
            .at = any_instant(bench),
            .kind = (enum tally_report_kind)(1 + roll(bench, TALLY_REPORT_KIND_COUNT - 1))};
        break;
    default:
        record->type = TALLY_RECORD_PROBE;
        record->probe = (struct tally_probe){.probe_id = 1 + (uint32_t)roll(bench, 20),
                                             .is_reply = roll(bench, 2) != 0,
                                             .t1 = any_instant(bench),
                                             .t2 = any_instant(bench),
                                             .t3 = any_instant(bench)};
        break;
    }
    step(bench, &input);
}

/* Steps until nothing is due, then checks that no verdict is overdue. */
static void tick(struct bench *bench)
{
    unsigned turn_count = 0;

    while (tally_registry_next_due(bench->registry).us <= bench->now.mono.us) {
        step(bench, &(struct tally_input){.type = TALLY_INPUT_TICK});
        assert_true(++turn_count < 10000);
    }
    for (unsigned feed = 0; feed < 2; feed++) {
        for (uint64_t seq = 0; seq < SEQS && seq < bench->next_seq[feed]; seq++) {
            /* A tick of the wheel is a millisecond. */
            assert_true(bench->due_us[feed][seq] <= 0 ||
                        bench->due_us[feed][seq] + 1000 > bench->now.mono.us);
        }
    }
}

static void play(uint64_t seed)
{
    static struct bench bench;
    int64_t jumps_us[] = {0, 1000, 20000, 150000, 400000, 1200000, 12000000};

    open_bench(&bench, seed);
    step(&bench, &(struct tally_input){.type = TALLY_INPUT_CDB, .cdb = bench.index[0]});
    for (unsigned at = 0; at < STEPS; at++) {
        uint64_t what = roll(&bench, 100);

        if (what < 45) {
            random_feed(&bench);
        } else if (what < 85) {
            random_peer(&bench);
        } else if (what < 98) {
            int64_t jump_us = jumps_us[roll(&bench, roll(&bench, 20) == 0 ? 7 : 5)];

            bench.now.mono.us += jump_us;
            bench.now.wall.us += jump_us;
            tick(&bench);
        } else if (what == 98) {
            uint32_t link = (uint32_t)roll(&bench, tally_registry_peer_count(bench.registry));

            step(&bench, &(struct tally_input){.type = roll(&bench, 3) != 0 ? TALLY_INPUT_LINK_UP
                                                                            : TALLY_INPUT_LINK_DOWN,
                                               .link = link});
        } else {
            step(&bench, &(struct tally_input){.type = TALLY_INPUT_CDB,
                                               .cdb = bench.index[roll(&bench, 5) == 0]});
        }
    }
    bench.now.mono.us += TALLY_US_PER_S;
    bench.now.wall.us += TALLY_US_PER_S;
    tick(&bench);
    /* The play reached what it is for. */
    assert_true(bench.verdict_count[TALLY_VERDICT_VALID] > 0);
    assert_true(bench.verdict_count[TALLY_VERDICT_INDETERMINATE] > 0);
    assert_true(bench.verdict_count[TALLY_VERDICT_EXEMPT] > 0);
    free(bench.memory);
    free(bench.index_memory[0]);
    free(bench.index_memory[1]);
}

static void test_seeds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        play(seed);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_seeds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
