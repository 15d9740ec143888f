/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Scenario second 0 on every wall clock without an offset: 2026-01-01T00:00:00Z. */
#define WALL_START_US INT64_C(1767225600000000)
#define MONO_START_US INT64_C(100000000000)
#define WARM_EXTRA_US (5 * TALLY_US_PER_S)

static void seeded_fill(void *context, void *bytes, size_t count)
{
    uint64_t *state = context;
    uint8_t *out = bytes;

    for (size_t at = 0; at < count; at++) { /* xorshift64* */
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        out[at] = (uint8_t)((*state * UINT64_C(0x2545F4914F6CDD1D)) >> 56);
    }
}

struct tally_now world_clock(const struct world *world, int registry)
{
    return (struct tally_now){
        .mono = {MONO_START_US + world->now_us},
        .wall = {WALL_START_US + world->now_us + world->registries[registry].wall_offset_us}};
}

void world_init(struct world *world)
{
    memset(world, 0, sizeof(*world));
    world->latency_us = 20 * TALLY_US_PER_MS;
    world->log_size = 10;
    world->stamp_age_us = 60 * TALLY_US_PER_S;
    for (int at = 0; at < WORLD_PACKETS_MAX; at++) {
        world->packets[at].at_us = INT64_MAX;
    }
}

void world_free(struct world *world)
{
    for (int at = 0; at < world->registry_count; at++) {
        world_stop(world, at);
    }
}

int world_operator(struct world *world, const char *name)
{
    for (int at = 0; at < world->registry_count; at++) {
        if (strcmp(world->registries[at].name, name) == 0) {
            return at;
        }
    }
    return -1;
}

static struct tally_registry_config default_config(const char *name)
{
    struct tally_registry_config config = {
        .hash_key = {1, 2},
        .token_key = {3, 4},
        .call_max = 256,
        .inquiry_max = 64,
        .peer_max = WORLD_OPERATORS_MAX,
        .match_window_us = 60 * TALLY_US_PER_S,
        .open_leg_us = INT64_C(3600) * TALLY_US_PER_S,
        .release_tail_us = 60 * TALLY_US_PER_S,
        .due_min_us = 300 * TALLY_US_PER_MS,
        .due_max_us = 800 * TALLY_US_PER_MS,
        .block_fresh_us = INT64_C(6) * 3600 * TALLY_US_PER_S,
        .usable_fresh_us = INT64_C(7) * 86400 * TALLY_US_PER_S,
        .skew_unmeasured_us = 2 * TALLY_US_PER_S,
        .policy = {.mode = TALLY_MODE_ENFORCE, .block_cause = 21},
    };

    (void)snprintf(config.operator_id, sizeof(config.operator_id), "%s", name);
    return config;
}

int world_operator_add(struct world *world, const char *name)
{
    struct world_registry *registry = NULL;

    if (world->registry_count == WORLD_OPERATORS_MAX) {
        return -1;
    }
    registry = &world->registries[world->registry_count];
    (void)snprintf(registry->name, sizeof(registry->name), "%s", name);
    registry->config = default_config(name);
    registry->entropy_state = 0x9E3779B97F4A7C15u + (uint64_t)world->registry_count;
    seeded_fill(&registry->entropy_state, registry->secret_key, sizeof(registry->secret_key));
    return world->registry_count++;
}

int world_feed(const struct world_registry *registry, const char *name)
{
    for (int at = 0; at < registry->config.feed_count; at++) {
        if (strcmp(registry->feeds[at].name, name) == 0) {
            return at;
        }
    }
    return -1;
}

int world_feed_add(struct world_registry *registry, const char *name,
                   const struct tally_feed_config *config)
{
    int at = registry->config.feed_count;

    if (at == WORLD_FEEDS_MAX) {
        return -1;
    }
    registry->config.feeds[at] = *config;
    registry->config.feed_count++;
    registry->feeds[at] = (struct world_feed){.config = *config,
                                              .boot_id = 100 + (uint64_t)at,
                                              .next_seq = 1,
                                              .is_snapshot = true,
                                              .flush_us = TALLY_US_PER_MS,
                                              .watermark_at = INT64_MAX};
    (void)snprintf(registry->feeds[at].name, sizeof(registry->feeds[at].name), "%s", name);
    return at;
}

struct world_call *world_call(struct world *world, const char *name)
{
    for (int at = 0; at < world->call_count; at++) {
        if (strcmp(world->calls[at].name, name) == 0) {
            return &world->calls[at];
        }
    }
    return NULL;
}

struct world_call *world_call_add(struct world *world, const char *name)
{
    struct world_call *call = NULL;

    if (world->call_count == WORLD_CALLS_MAX || world_call(world, name) != NULL) {
        return NULL;
    }
    call = &world->calls[world->call_count++];
    (void)snprintf(call->name, sizeof(call->name), "%s", name);
    return call;
}

/* Effects. */

static void step(struct world *world, int at, const struct tally_input *input);

static struct world_packet *packet_new(struct world *world, int from, int to, int64_t at_us)
{
    for (int at = 0; at < WORLD_PACKETS_MAX; at++) {
        if (world->packets[at].at_us == INT64_MAX) {
            world->packets[at] = (struct world_packet){
                .at_us = at_us, .order = world->packet_order++, .from = from, .to = to, .feed = -1};
            return &world->packets[at];
        }
    }
    TALLY_ASSERT(!"the scenario's network is full");
    return NULL;
}

static void carry(struct world *world, int from, int to, const uint8_t *bytes, size_t count,
                  int64_t delay_us)
{
    struct world_packet *packet = NULL;

    if (world->link_is_down[from][to] || !world->registries[to].is_running) {
        return;
    }
    packet = packet_new(world, from, to, world->now_us + world->latency_us + delay_us);
    TALLY_ASSERT(count <= sizeof(packet->data));
    memcpy(packet->data, bytes, count);
    packet->bytes = count;
}

static void carry_frame(struct world *world, int from, int to, const uint8_t *bytes, size_t count,
                        int64_t delay_us)
{
    struct world_frame *kept = &world->kept[world->kept_count++ % WORLD_FRAMES_KEPT];

    kept->from = from;
    kept->to = to;
    kept->bytes = count;
    TALLY_ASSERT(count <= sizeof(kept->data));
    memcpy(kept->data, bytes, count);
    carry(world, from, to, bytes, count, delay_us);
}

static int slot_to_registry(struct world *world, int from, uint32_t slot)
{
    struct tally_peer_status status;

    tally_registry_peer_status(world->registries[from].core, slot, &status);
    return world_operator(world, status.operator_id);
}

static uint32_t registry_to_slot(const struct world *world, int at, int peer)
{
    return tally_registry_peer_find(world->registries[at].core, world->registries[peer].name);
}

static struct world_rule *rule_for(struct world *world, int from, int to,
                                   enum tally_record_type type)
{
    for (int at = 0; at < WORLD_RULES_MAX; at++) {
        struct world_rule *rule = &world->rules[at];

        if (rule->count > 0 && rule->from == from && rule->to == to && rule->type == type) {
            rule->count--;
            return rule;
        }
    }
    return NULL;
}

void world_send(struct world *world, int from, int to, const struct tally_record *record)
{
    uint8_t batch[1024];
    uint8_t frame[1100];
    size_t frame_bytes = 0;
    struct tally_writer writer = tally_writer_of(batch, sizeof(batch));
    const struct world_rule *rule = rule_for(world, from, to, record->type);
    struct tally_now now = world_clock(world, from);
    size_t bytes = 0;
    unsigned copies = rule != NULL && rule->kind == RULE_DOUBLE ? 2 : 1;
    int64_t delay_us = rule != NULL && rule->kind == RULE_DELAY ? rule->delay_us : 0;

    if (rule != NULL && rule->kind == RULE_DROP) {
        return;
    }
    tally_batch_start(&writer);
    TALLY_ASSERT(tally_batch_add(&writer, record));
    bytes = tally_batch_end(&writer, now.wall);
    if (!world->has_sessions) {
        for (; copies > 0; copies--) {
            carry(world, from, to, batch, bytes, delay_us);
        }
        return;
    }
    if (tally_sessions_seal(world->registries[from].sessions, now.mono,
                            registry_to_slot(world, from, to), batch, bytes, frame,
                            &frame_bytes) == TALLY_ERR_OK) {
        for (; copies > 0; copies--) {
            carry_frame(world, from, to, frame, frame_bytes, delay_us);
        }
    }
}

static struct world_call *call_of_seq(struct world *world, int registry, int feed, uint64_t seq)
{
    for (int at = 0; at < world->call_count; at++) {
        struct world_call *call = &world->calls[at];

        if (call->registry == registry && call->feed == feed && call->seq == seq && seq != 0) {
            return call;
        }
    }
    return NULL;
}

static void take_feed_effect(struct world *world, int at, int feed,
                             const struct tally_feed_record *record)
{
    struct world_feed *from = &world->registries[at].feeds[feed];
    struct world_call *call = NULL;

    if (record->type == TALLY_FEED_ACK) {
        call = call_of_seq(world, at, feed, record->ack.seq);
        if (call != NULL) {
            call->is_acked = true;
            call->due_us = record->ack.due_us;
        }
    }
    if (record->type == TALLY_FEED_FLUSH && !from->is_deaf && !from->is_silent) {
        struct world_packet *packet = packet_new(world, at, at, world->now_us + from->flush_us);

        packet->feed = feed;
        packet->flush_id = record->flush.flush_id;
    }
}

static void take_decision(struct world *world, int at, const struct tally_decision *decision)
{
    struct world_call *call = call_of_seq(world, at, decision->feed, decision->feed_seq);

    if (call != NULL) {
        call->decided_count++;
        call->decision = *decision;
    }
}

static void take_persist(struct world *world, int at, const struct tally_decision *decision)
{
    struct world_call *call = call_of_seq(world, at, decision->feed, decision->feed_seq);

    if (call != NULL) {
        call->persisted_count++;
    }
}

static void take_outcome(struct world *world, int at, const struct tally_outcome_notice *notice)
{
    for (int place = world->call_count - 1; place >= 0; place--) {
        struct world_call *call = &world->calls[place];

        if (call->registry == at && call->a_number == notice->a_number &&
            call->b_number == notice->b_number && call->seq != 0) {
            call->has_outcome = true;
            call->outcome = notice->outcome;
            call->outcome_count++;
            return;
        }
    }
}

static void take_effect(struct world *world, int at, const struct tally_effect *effect)
{
    switch (effect->type) {
    case TALLY_EFFECT_SEND:
        world_send(world, at, slot_to_registry(world, at, effect->send.peer), &effect->send.record);
        return;
    case TALLY_EFFECT_FEED:
        take_feed_effect(world, at, effect->feed.feed, &effect->feed.record);
        return;
    case TALLY_EFFECT_DECIDED:
        take_decision(world, at, &effect->decision);
        return;
    case TALLY_EFFECT_PERSIST:
        take_persist(world, at, &effect->decision);
        return;
    case TALLY_EFFECT_OUTCOME:
        take_outcome(world, at, &effect->outcome);
        return;
    case TALLY_EFFECT_RELEASE_CDB:
    case TALLY_EFFECT_TRACE:
        return;
    }
}

static void step(struct world *world, int at, const struct tally_input *input)
{
    static struct tally_effect list[TALLY_EFFECTS_MAX];
    struct tally_effects effects = {.list = list};
    struct tally_effect mine[TALLY_EFFECTS_MAX];

    world->step_count++;
    tally_registry_step(world->registries[at].core, world_clock(world, at), input, &effects);
    memcpy(mine, list, effects.count * sizeof(*list));
    for (uint32_t effect = 0; effect < effects.count; effect++) {
        take_effect(world, at, &mine[effect]);
    }
}

/* The participant database. */

static int by_id(const void *one, const void *other)
{
    return strcmp(((const struct tally_cdb_operator *)one)->id,
                  ((const struct tally_cdb_operator *)other)->id);
}

static uint32_t op_of(const struct tally_cdb_operator *operators, uint32_t count, const char *name)
{
    for (uint32_t op = 0; op < count; op++) {
        if (strcmp(operators[op].id, name) == 0) {
            return op;
        }
    }
    return TALLY_CDB_NOBODY;
}

static void set_session_peers(struct world *world, int at, const struct tally_cdb_index *index)
{
    struct world_registry *registry = &world->registries[at];
    struct tally_now now = world_clock(world, at);

    for (uint32_t slot = 0; slot < tally_registry_peer_count(registry->core); slot++) {
        struct tally_peer_status status;
        struct tally_session_peer peer = {.key_count = 1};
        const struct tally_cdb_operator *op = NULL;
        bool was_up = false;

        tally_registry_peer_status(registry->core, slot, &status);
        if (status.op == TALLY_CDB_NOBODY) {
            was_up = tally_sessions_set_peer(registry->sessions, slot, NULL, now.mono);
        } else {
            op = tally_cdb_operator_at(index, status.op);
            memcpy(peer.operator_id, op->id, sizeof(peer.operator_id));
            memcpy(peer.static_keys[0], op->noise_keys[0], 32);
            was_up = tally_sessions_set_peer(registry->sessions, slot, &peer, now.mono);
            tally_sessions_hurry(registry->sessions, now.mono, slot);
        }
        if (was_up) {
            step(world, at, &(struct tally_input){.type = TALLY_INPUT_LINK_DOWN, .link = slot});
        }
    }
}

static void publish_to(struct world *world, int at)
{
    struct world_registry *registry = &world->registries[at];
    struct tally_cdb_operator operators[WORLD_OPERATORS_MAX];
    struct tally_cdb_range ranges[WORLD_RANGES_MAX];
    struct tally_cdb_facts facts = {
        .operators = operators, .ranges = ranges, .log_size = world->log_size};
    const struct tally_cdb_index *index = NULL;
    void *old = registry->index_memory;

    memset(operators, 0, sizeof(operators));
    for (int op = 0; op < world->registry_count; op++) {
        struct tally_cdb_operator *entry = &operators[facts.operator_count];

        if (world->is_unlisted[op]) {
            continue;
        }
        (void)snprintf(entry->id, sizeof(entry->id), "%s", world->registries[op].name);
        memcpy(entry->noise_keys[0], world->registries[op].public_key, 32);
        entry->noise_key_count = 1;
        entry->expires.us = TALLY_WALL_MAX_US;
        facts.operator_count++;
    }
    qsort(operators, facts.operator_count, sizeof(*operators), by_id);
    for (int range = 0; range < world->range_count; range++) {
        struct tally_cdb_range *entry = &ranges[facts.range_count];

        *entry = world->ranges[range];
        entry->holder =
            op_of(operators, facts.operator_count, world->registries[entry->holder].name);
        for (unsigned who = 0; who < entry->authorised_count; who++) {
            entry->authorised[who] =
                op_of(operators, facts.operator_count,
                      world->registries[world->ranges[range].authorised[who]].name);
        }
        facts.range_count += entry->holder != TALLY_CDB_NOBODY;
    }
    facts.stamped.us = WALL_START_US + world->now_us - world->stamp_age_us;
    registry->index_memory = malloc(tally_cdb_index_bytes(&facts));
    TALLY_ASSERT(registry->index_memory != NULL);
    TALLY_ASSERT(tally_cdb_index_build(&facts, registry->index_memory,
                                       tally_cdb_index_bytes(&facts), &index) == TALLY_ERR_OK);
    step(world, at, &(struct tally_input){.type = TALLY_INPUT_CDB, .cdb = index});
    if (world->has_sessions) {
        set_session_peers(world, at, index);
    }
    free(old);
}

void world_publish(struct world *world, int registry)
{
    for (int at = 0; at < world->registry_count; at++) {
        if ((registry < 0 || registry == at) && world->registries[at].is_running) {
            publish_to(world, at);
        }
    }
}

/* Starting and stopping. */

void world_feed_record(struct world *world, int registry, int feed,
                       const struct tally_feed_record *record)
{
    uint8_t bytes[512];
    struct tally_writer writer = tally_writer_of(bytes, sizeof(bytes));
    struct tally_batch_reader batch;
    struct tally_input input = {.type = TALLY_INPUT_FEED};
    enum tally_reject reject = TALLY_REJECT_NONE;

    if (!world->registries[registry].is_running) {
        return;
    }
    tally_batch_start(&writer);
    TALLY_ASSERT(tally_feed_batch_add(&writer, record));
    TALLY_ASSERT(tally_batch_open(bytes,
                                  tally_feed_batch_end(&writer, world_clock(world, registry).wall),
                                  &batch) == TALLY_REJECT_NONE);
    TALLY_ASSERT(tally_feed_batch_next(&batch, &input.feed.record, &reject));
    TALLY_ASSERT(reject == TALLY_REJECT_NONE);
    input.feed.feed = (uint8_t)feed;
    step(world, registry, &input);
}

void world_hello(struct world *world, int registry, int feed)
{
    struct world_feed *from = &world->registries[registry].feeds[feed];
    struct tally_feed_record record = {.type = TALLY_FEED_HELLO,
                                       .hello = {.version = TALLY_FEED_VERSION,
                                                 .feed_class = from->config.feed_class,
                                                 .boot_id = from->boot_id,
                                                 .next_seq = from->next_seq}};

    world_feed_record(world, registry, feed, &record);
    from->watermark_at = world->now_us;
    if (from->is_snapshot) {
        for (unsigned leg = 0; leg < from->leg_count; leg++) {
            record = (struct tally_feed_record){.type = TALLY_FEED_OPEN_LEG};
            record.event.event = from->legs[leg];
            world_feed_record(world, registry, feed, &record);
        }
        record = (struct tally_feed_record){
            .type = TALLY_FEED_OPEN_LEGS_END,
            .legs_end = {.leg_count = from->leg_count + from->lost_leg_count,
                         .since = {world_clock(world, registry).wall.us - 86400 * TALLY_US_PER_S}}};
        world_feed_record(world, registry, feed, &record);
    }
}

static void open_sessions(struct world *world, int at)
{
    struct world_registry *registry = &world->registries[at];
    struct tally_sessions_config config = {
        .operator_id = registry->name,
        .network_id = {1},
        .secret_key = registry->secret_key,
        .peer_max = WORLD_OPERATORS_MAX,
        .hash_seed = {5, 6},
        .entropy = {.fill = seeded_fill, .context = &registry->entropy_state}};

    TALLY_ASSERT(tally_sessions_open(&config, world_clock(world, at).mono, &registry->sessions,
                                     NULL) == TALLY_ERR_OK);
    tally_sessions_public_key(registry->sessions, registry->public_key);
}

void world_boot(struct world *world, int at)
{
    struct world_registry *registry = &world->registries[at];

    registry->config.boot = ++registry->boot;
    registry->memory = calloc(1, tally_registry_bytes(&registry->config));
    TALLY_ASSERT(registry->memory != NULL);
    TALLY_ASSERT(tally_registry_init(&registry->config, world_clock(world, at), registry->memory,
                                     tally_registry_bytes(&registry->config),
                                     &registry->core) == TALLY_ERR_OK);
    registry->is_running = true;
    if (world->has_sessions && registry->sessions == NULL) {
        open_sessions(world, at);
    }
}

static void join(struct world *world, int at)
{
    world_publish(world, at);
    for (int feed = 0; feed < world->registries[at].config.feed_count; feed++) {
        world_hello(world, at, feed);
    }
    for (int peer = 0; !world->has_sessions && peer < world->registry_count; peer++) {
        if (peer != at && world->registries[peer].is_running) {
            world_link(world, at, peer, true);
        }
    }
}

void world_start(struct world *world)
{
    int64_t warm_us = 0;

    for (int at = 0; at < world->registry_count; at++) {
        int64_t window_us = world->registries[at].config.match_window_us;

        warm_us = window_us > warm_us ? window_us : warm_us;
    }
    world->now_us = -(warm_us + WARM_EXTRA_US);
    for (int at = 0; world->has_sessions && at < world->registry_count; at++) {
        open_sessions(world, at); /* all keys must be known before the first index */
    }
    for (int at = 0; at < world->registry_count; at++) {
        if (!world->registries[at].is_cold) {
            world_boot(world, at);
        }
    }
    for (int at = 0; at < world->registry_count; at++) {
        if (world->registries[at].is_running) {
            join(world, at);
        }
    }
    world_run(world, 0);
    for (int at = 0; at < world->registry_count; at++) {
        if (!world->registries[at].is_running) {
            world_boot(world, at);
            join(world, at);
        }
    }
}

void world_stop(struct world *world, int at)
{
    struct world_registry *registry = &world->registries[at];

    for (int peer = 0; registry->is_running && peer < world->registry_count; peer++) {
        if (peer != at && world->registries[peer].is_running) {
            uint32_t slot = registry_to_slot(world, peer, at);

            if (slot != TALLY_PEER_NOBODY) {
                step(world, peer,
                     &(struct tally_input){.type = TALLY_INPUT_LINK_DOWN, .link = slot});
            }
        }
    }
    registry->is_running = false;
    tally_sessions_close(registry->sessions);
    registry->sessions = NULL;
    free(registry->memory);
    free(registry->index_memory);
    registry->memory = NULL;
    registry->index_memory = NULL;
    registry->core = NULL;
}

void world_link(struct world *world, int one, int other, bool is_up)
{
    enum tally_input_type type = is_up ? TALLY_INPUT_LINK_UP : TALLY_INPUT_LINK_DOWN;
    int ends[2] = {one, other};

    world->link_is_down[one][other] = !is_up;
    world->link_is_down[other][one] = !is_up;
    for (int end = 0; end < 2; end++) {
        uint32_t slot = TALLY_PEER_NOBODY;

        if (!world->registries[ends[end]].is_running) {
            continue;
        }
        slot = registry_to_slot(world, ends[end], ends[1 - end]);
        if (slot != TALLY_PEER_NOBODY) {
            step(world, ends[end], &(struct tally_input){.type = type, .link = slot});
        }
    }
}

/* Time. */

static void open_batch(struct world *world, int to, uint32_t slot, const uint8_t *bytes,
                       size_t count)
{
    struct tally_batch_reader batch;
    struct tally_input input = {.type = TALLY_INPUT_PEER};
    enum tally_reject reject = tally_batch_open(bytes, count, &batch);

    TALLY_ASSERT(reject == TALLY_REJECT_NONE);
    while (tally_batch_next(&batch, &input.peer.record, &reject)) {
        TALLY_ASSERT(reject == TALLY_REJECT_NONE);
        input.peer.peer = slot;
        input.peer.sealed_at = batch.sealed_at;
        if (input.peer.record.type == TALLY_RECORD_ANSWER) {
            for (int at = 0; at < world->call_count; at++) {
                struct world_call *call = &world->calls[at];

                if (call->registry == to && call->query_id != 0 &&
                    call->query_id == input.peer.record.answer.query_id) {
                    call->answer_count++;
                    call->answer = input.peer.record.answer.kind;
                    call->is_answer_spent = input.peer.record.answer.is_spent;
                }
            }
        }
        step(world, to, &input);
    }
}

static void open_frame(struct world *world, const struct world_packet *packet)
{
    struct world_registry *registry = &world->registries[packet->to];
    struct tally_session_result result;
    uint8_t plaintext[1024];
    size_t plaintext_bytes = 0;

    tally_sessions_receive(registry->sessions, world_clock(world, packet->to),
                           (uint64_t)packet->from + 1, packet->data, packet->bytes, &result);
    if (result.event == TALLY_SESSION_REJECTED) {
        registry->frame_reject_count[result.reject]++;
        return;
    }
    if (result.event == TALLY_SESSION_PLAINTEXT && result.plaintext_bytes > 0) {
        plaintext_bytes = result.plaintext_bytes;
        TALLY_ASSERT(plaintext_bytes <= sizeof(plaintext));
        memcpy(plaintext, result.plaintext, plaintext_bytes);
    }
    if (result.reply_bytes > 0) {
        carry_frame(world, packet->to, slot_to_registry(world, packet->to, result.peer),
                    result.reply, result.reply_bytes, 0);
    }
    if (result.came_up) {
        step(world, packet->to,
             &(struct tally_input){.type = TALLY_INPUT_LINK_UP, .link = result.peer});
    }
    if (plaintext_bytes > 0) {
        open_batch(world, packet->to, result.peer, plaintext, plaintext_bytes);
    }
}

static void deliver(struct world *world, struct world_packet *slot)
{
    struct world_packet packet = *slot;
    struct world_registry *registry = &world->registries[packet.to];

    slot->at_us = INT64_MAX;
    if (packet.feed >= 0) {
        struct world_feed *feed = &registry->feeds[packet.feed];
        struct tally_feed_record record = {.type = TALLY_FEED_WATERMARK,
                                           .watermark = {.seq = feed->next_seq - 1,
                                                         .at = world_clock(world, packet.to).wall,
                                                         .flush_id = packet.flush_id}};

        world_feed_record(world, packet.to, packet.feed, &record);
        return;
    }
    if (!registry->is_running || world->link_is_down[packet.from][packet.to]) {
        return;
    }
    if (world->has_sessions) {
        open_frame(world, &packet);
        return;
    }
    open_batch(world, packet.to, registry_to_slot(world, packet.to, packet.from), packet.data,
               packet.bytes);
}

static struct world_packet *first_packet(struct world *world)
{
    struct world_packet *first = &world->packets[0];

    for (int at = 1; at < WORLD_PACKETS_MAX; at++) {
        struct world_packet *packet = &world->packets[at];

        if (packet->at_us < first->at_us ||
            (packet->at_us == first->at_us && packet->order < first->order)) {
            first = packet;
        }
    }
    return first;
}

static int64_t registry_due_us(const struct world *world, int at)
{
    const struct world_registry *registry = &world->registries[at];
    int64_t due_us = INT64_MAX;

    if (!registry->is_running) {
        return INT64_MAX;
    }
    due_us = tally_registry_next_due(registry->core).us;
    if (registry->sessions != NULL) {
        int64_t sessions_us = tally_sessions_next_due(registry->sessions).us;

        due_us = sessions_us < due_us ? sessions_us : due_us;
    }
    if (due_us < MONO_START_US + world->now_us) {
        return world->now_us;
    }
    return due_us == INT64_MAX ? INT64_MAX : due_us - MONO_START_US;
}

static void tick_sessions(struct world *world, int at)
{
    struct world_registry *registry = &world->registries[at];
    uint8_t frame[TALLY_SESSION_HANDSHAKE_BYTES_MAX];
    size_t frame_bytes = 0;
    uint32_t peer = 0;
    enum tally_session_tick tick = TALLY_SESSION_TICK_NONE;

    while (registry->sessions != NULL &&
           (tick = tally_sessions_tick(registry->sessions, world_clock(world, at), &peer, frame,
                                       &frame_bytes)) != TALLY_SESSION_TICK_NONE) {
        if (tick == TALLY_SESSION_TICK_DOWN) {
            step(world, at, &(struct tally_input){.type = TALLY_INPUT_LINK_DOWN, .link = peer});
            continue;
        }
        carry_frame(world, at, slot_to_registry(world, at, peer), frame, frame_bytes, 0);
    }
}

static void watermark(struct world *world, int at, int feed)
{
    struct world_feed *from = &world->registries[at].feeds[feed];
    struct tally_feed_record record = {
        .type = TALLY_FEED_WATERMARK,
        .watermark = {.seq = from->next_seq - 1, .at = world_clock(world, at).wall}};

    from->watermark_at = world->now_us + TALLY_FEED_WATERMARK_EVERY_US;
    if (!from->is_silent) {
        world_feed_record(world, at, feed, &record);
    }
}

/* Does the earliest thing that is due by then. */
static bool run_one(struct world *world, int64_t until_us)
{
    struct world_packet *packet = first_packet(world);
    int64_t best_us = packet->at_us;
    int best_registry = -1;
    int best_feed = -1;

    for (int at = 0; at < world->registry_count; at++) {
        int64_t due_us = registry_due_us(world, at);

        if (due_us < best_us) {
            best_us = due_us;
            best_registry = at;
            best_feed = -1;
        }
        for (int feed = 0; feed < world->registries[at].config.feed_count; feed++) {
            if (world->registries[at].is_running &&
                world->registries[at].feeds[feed].watermark_at < best_us) {
                best_us = world->registries[at].feeds[feed].watermark_at;
                best_registry = at;
                best_feed = feed;
            }
        }
    }
    if (best_us > until_us) {
        return false;
    }
    world->now_us = best_us > world->now_us ? best_us : world->now_us;
    if (best_registry < 0) {
        deliver(world, packet);
    } else if (best_feed >= 0) {
        watermark(world, best_registry, best_feed);
    } else {
        step(world, best_registry, &(struct tally_input){.type = TALLY_INPUT_TICK});
        tick_sessions(world, best_registry);
    }
    return true;
}

void world_run(struct world *world, int64_t until_us)
{
    while (run_one(world, until_us)) {
    }
    world->now_us = until_us;
}

void world_event(struct world *world, struct world_call *call, struct tally_event *event)
{
    struct world_feed *feed = &world->registries[call->registry].feeds[call->feed];
    struct tally_feed_record record = {.type = TALLY_FEED_EVENT};

    if (event->at.us == 0) {
        event->at = world_clock(world, call->registry).wall;
    }
    call->seq = feed->next_seq++;
    record.event = (struct tally_feed_event){.seq = call->seq, .event = *event};
    if (event->kind == TALLY_EVENT_SETUP && event->side != TALLY_SIDE_TERMINATING &&
        feed->leg_count < WORLD_LEGS_MAX) {
        feed->legs[feed->leg_count++] = *event;
    }
    if (feed->loses_next || feed->is_silent) {
        feed->loses_next = false;
        return;
    }
    world_feed_record(world, call->registry, call->feed, &record);
}

unsigned world_replay(struct world *world, int from, int to, enum tally_frame_type type)
{
    unsigned count = world->kept_count < WORLD_FRAMES_KEPT ? world->kept_count : WORLD_FRAMES_KEPT;
    unsigned sent_count = 0;

    for (unsigned at = 0; at < count; at++) {
        const struct world_frame *frame = &world->kept[at];

        if (frame->from == from && frame->to == to && frame->data[1] == (uint8_t)type) {
            carry(world, from, to, frame->data, frame->bytes, 0);
            sent_count++;
        }
    }
    return sent_count;
}
