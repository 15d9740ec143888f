/* SPDX-License-Identifier: Apache-2.0 */
#include "core/registry.h"

#include "base/assert.h"
#include "core/state.h"

#include <string.h>

/* The signed time of a participant database may be ahead of our clock by this much. */
#define STAMP_AHEAD_MAX_US (300 * TALLY_US_PER_S)

static const char *const trace_names[TALLY_TRACE_TYPE_COUNT] = {
#define TALLY_ENUM(name, sentence) [TALLY_TRACE_##name] = #name,
    TALLY_TRACE_TABLE(TALLY_ENUM)
#undef TALLY_ENUM
};

const char *tally_trace_name(enum tally_trace_type type)
{
    return (unsigned)type < TALLY_TRACE_TYPE_COUNT ? trace_names[type] : "?";
}

/* Memory: one block, parts aligned to 16. */

static size_t aligned(size_t bytes)
{
    return (bytes + 15) & ~(size_t)15;
}

static uint32_t timer_count(const struct tally_registry_config *config)
{
    return config->call_max + 2 * config->inquiry_max + config->peer_max;
}

static bool is_within(int64_t value, int64_t min, int64_t max)
{
    return value >= min && value <= max;
}

static bool is_config_sound(const struct tally_registry_config *config)
{
    return is_within(config->call_max, 1, TALLY_REGISTRY_CALLS_MAX) &&
           is_within(config->inquiry_max, 1, TALLY_REGISTRY_CALLS_MAX) &&
           is_within(config->peer_max, 1, TALLY_REGISTRY_PEERS_MAX) &&
           is_within(config->boot, 1, (1 << TALLY_CALL_BOOT_BITS) - 1) &&
           is_within(config->match_window_us, 1, 600 * TALLY_US_PER_S) &&
           is_within(config->open_leg_us, 0, INT64_C(86400) * TALLY_US_PER_S) &&
           is_within(config->release_tail_us, 0, 3600 * TALLY_US_PER_S) &&
           is_within(config->strict_after_us, 0, INT64_C(3650) * 86400 * TALLY_US_PER_S) &&
           is_within(config->due_min_us, 1, config->due_max_us) &&
           is_within(config->due_max_us, 1, TALLY_QUERY_AGE_MAX_US) &&
           is_within(config->block_fresh_us, 0, config->usable_fresh_us) &&
           is_within(config->skew_unmeasured_us, 0, 60 * TALLY_US_PER_S) &&
           config->feed_count <= TALLY_REGISTRY_FEEDS_MAX &&
           tally_operator_id_is_valid(config->operator_id, strlen(config->operator_id));
}

size_t tally_registry_bytes(const struct tally_registry_config *config)
{
    return aligned(sizeof(struct tally_registry)) + aligned(tally_calls_bytes(config->call_max)) +
           aligned(tally_peers_bytes(config->peer_max)) +
           aligned(config->inquiry_max * sizeof(struct tally_inquiry)) +
           aligned(config->inquiry_max * sizeof(struct tally_pending)) +
           aligned(timer_count(config) * sizeof(struct tally_wheel_node));
}

static void *take(uint8_t **memory, size_t bytes)
{
    void *part = *memory;

    *memory += aligned(bytes);
    return part;
}

static void thread_free_lists(struct tally_registry *registry)
{
    uint32_t count = registry->config.inquiry_max;

    for (uint32_t slot = 0; slot < count; slot++) {
        uint32_t next = slot + 1 < count ? slot + 1 : TALLY_SLOT_NOBODY;

        registry->inquiries[slot] = (struct tally_inquiry){.generation = 1, .next_free = next};
        registry->pendings[slot] = (struct tally_pending){.generation = 1, .next_free = next};
    }
}

enum tally_err tally_registry_init(const struct tally_registry_config *config, struct tally_now now,
                                   void *memory, size_t memory_bytes, struct tally_registry **out)
{
    uint8_t *at = memory;
    struct tally_registry *registry = NULL;
    struct tally_wheel_node *nodes = NULL;

    *out = NULL;
    if (!is_config_sound(config) || memory_bytes < tally_registry_bytes(config)) {
        return TALLY_ERR_LIMIT;
    }
    registry = take(&at, sizeof(*registry));
    memset(registry, 0, sizeof(*registry));
    registry->config = *config;
    registry->policy = config->policy;
    registry->self_op = TALLY_CDB_NOBODY;
    registry->wall_ahead_us = now.wall.us - now.mono.us;
    tally_calls_init(&registry->calls, config->call_max, config->boot, &config->hash_key, now.mono,
                     take(&at, tally_calls_bytes(config->call_max)));
    tally_peers_init(&registry->peers, config->peer_max, &config->hash_key,
                     take(&at, tally_peers_bytes(config->peer_max)));
    registry->inquiries = take(&at, config->inquiry_max * sizeof(struct tally_inquiry));
    registry->pendings = take(&at, config->inquiry_max * sizeof(struct tally_pending));
    thread_free_lists(registry);
    nodes = take(&at, timer_count(config) * sizeof(*nodes));
    tally_wheel_init(&registry->wheel, now.mono, nodes, timer_count(config));
    for (uint8_t feed = 0; feed < config->feed_count; feed++) {
        tally_feed_init(&registry->feeds[feed], &config->feeds[feed]);
    }
    *out = registry;
    return TALLY_ERR_OK;
}

uint32_t tally_timer_of_inquiry(const struct tally_registry *registry, uint32_t slot)
{
    return registry->config.call_max + slot;
}

uint32_t tally_timer_of_pending(const struct tally_registry *registry, uint32_t slot)
{
    return registry->config.call_max + registry->config.inquiry_max + slot;
}

uint32_t tally_timer_of_peer(const struct tally_registry *registry, uint32_t slot)
{
    return registry->config.call_max + 2 * registry->config.inquiry_max + slot;
}

struct tally_effect *tally_effect_add(struct tally_effects *effects, enum tally_effect_type type)
{
    struct tally_effect *effect = NULL;

    TALLY_ASSERT(effects->count < TALLY_EFFECTS_MAX);
    effect = &effects->list[effects->count++];
    memset(effect, 0, sizeof(*effect));
    effect->type = type;
    return effect;
}

void tally_effect_trace(struct tally_effects *effects, enum tally_trace_type type, uint32_t peer,
                        uint8_t feed, enum tally_reject reject, int64_t value)
{
    struct tally_effect *effect = tally_effect_add(effects, TALLY_EFFECT_TRACE);

    effect->trace = (struct tally_trace){
        .type = type, .peer = peer, .feed = feed, .reject = reject, .value = value};
}

struct tally_record *tally_effect_send(struct tally_effects *effects, uint32_t peer,
                                       enum tally_record_type type)
{
    struct tally_effect *effect = tally_effect_add(effects, TALLY_EFFECT_SEND);

    effect->send.peer = peer;
    effect->send.record.type = type;
    return &effect->send.record;
}

void tally_effect_ack(struct tally_effects *effects, uint8_t feed, uint64_t seq, int64_t due_us)
{
    struct tally_effect *effect = tally_effect_add(effects, TALLY_EFFECT_FEED);

    effect->feed.feed = feed;
    effect->feed.record.type = TALLY_FEED_ACK;
    effect->feed.record.ack = (struct tally_feed_ack){.seq = seq, .due_us = (uint32_t)due_us};
}

void tally_count_feed_reject(struct tally_registry *registry, struct tally_effects *effects,
                             uint8_t feed, enum tally_reject reject)
{
    registry->counters.feed_reject_count[reject]++;
    registry->feeds[feed].reject_count++;
    tally_effect_trace(effects, TALLY_TRACE_FEED_REJECT, TALLY_PEER_NOBODY, feed, reject, 0);
}

void tally_count_peer_reject(struct tally_registry *registry, struct tally_effects *effects,
                             uint32_t peer, enum tally_reject reject)
{
    registry->counters.peer_reject_count[reject]++;
    registry->peers.list[peer].status.reject_count++;
    tally_effect_trace(effects, TALLY_TRACE_PEER_REJECT, peer, 0, reject, 0);
}

enum tally_cdb_standing tally_lookup(const struct tally_registry *registry, uint64_t number,
                                     struct tally_now now, const struct tally_cdb_entry **entry)
{
    *entry = NULL;
    if (registry->cdb == NULL) {
        return TALLY_CDB_UNKNOWN;
    }
    return tally_cdb_lookup(registry->cdb, number, now.wall, entry);
}

bool tally_is_ours(const struct tally_registry *registry, uint64_t number, struct tally_now now)
{
    const struct tally_cdb_entry *entry = NULL;

    return tally_lookup(registry, number, now, &entry) == TALLY_CDB_HELD &&
           entry->range.holder == registry->self_op;
}

bool tally_is_entitled_self(const struct tally_registry *registry, uint64_t number,
                            struct tally_now now)
{
    return registry->cdb != NULL && registry->self_op != TALLY_CDB_NOBODY &&
           tally_cdb_is_entitled(registry->cdb, number, registry->self_op, now.wall);
}

enum tally_freshness tally_freshness_now(const struct tally_registry *registry,
                                         struct tally_now now)
{
    int64_t age_us = 0;

    if (registry->cdb == NULL || tally_cdb_stamped(registry->cdb).us == 0) {
        return TALLY_FRESHNESS_UNUSABLE;
    }
    age_us = tally_wall_since_us(now.wall, tally_cdb_stamped(registry->cdb));
    if (age_us < -STAMP_AHEAD_MAX_US) {
        return TALLY_FRESHNESS_STALE; /* our clock is behind: how old it is nobody knows */
    }
    if (age_us > registry->config.usable_fresh_us) {
        return TALLY_FRESHNESS_UNUSABLE;
    }
    return age_us > registry->config.block_fresh_us ? TALLY_FRESHNESS_STALE : TALLY_FRESHNESS_FRESH;
}

int64_t tally_peer_bound_us(const struct tally_registry *registry, uint32_t peer)
{
    if (peer == TALLY_PEER_SELF) {
        return 0;
    }
    return registry->peers.list[peer].rtt_us > 0 ? registry->peers.list[peer].bound_us
                                                 : registry->config.skew_unmeasured_us;
}

bool tally_feed_reports(const struct tally_feed *feed, enum tally_side side)
{
    return feed->config.side == side || feed->config.side == TALLY_SIDE_BOTH;
}

enum tally_coverage tally_side_coverage(const struct tally_registry *registry, enum tally_side side,
                                        struct tally_now now)
{
    enum tally_coverage least = TALLY_COVERAGE_LEGS;
    bool is_any = false;

    for (uint8_t at = 0; at < registry->config.feed_count; at++) {
        const struct tally_feed *feed = &registry->feeds[at];
        enum tally_coverage coverage = TALLY_COVERAGE_NOTHING;

        if (!feed->config.is_required || !tally_feed_reports(feed, side)) {
            continue;
        }
        /* A record may be as much older as its query may be on its way. */
        coverage = tally_feed_coverage(feed, now,
                                       registry->config.match_window_us + TALLY_QUERY_AGE_MAX_US,
                                       registry->config.open_leg_us);
        least = coverage < least ? coverage : least;
        is_any = true;
    }
    return is_any ? least : TALLY_COVERAGE_NOTHING;
}

void tally_registry_feed_status(const struct tally_registry *registry, uint8_t at,
                                struct tally_now now, struct tally_feed_status *status)
{
    const struct tally_feed *feed = &registry->feeds[at];

    TALLY_ASSERT(at < registry->config.feed_count);
    *status = (struct tally_feed_status){
        .is_up = feed->is_up,
        .coverage = tally_feed_coverage(feed, now,
                                        registry->config.match_window_us + TALLY_QUERY_AGE_MAX_US,
                                        registry->config.open_leg_us),
        .boot_id = feed->boot_id,
        .event_count = feed->event_count,
        .gap_count = feed->gap_count,
        .reject_count = feed->reject_count,
    };
}

void tally_registry_peer_status(const struct tally_registry *registry, uint32_t slot,
                                struct tally_peer_status *status)
{
    const struct tally_peer *peer = &registry->peers.list[slot];

    TALLY_ASSERT(slot < registry->config.peer_max);
    *status = peer->status;
    memcpy(status->operator_id, peer->id, sizeof(status->operator_id));
    status->op = slot < registry->peers.peer_count ? peer->op : TALLY_CDB_NOBODY;
    status->is_up = peer->is_up;
    status->rtt_us = peer->rtt_us;
    status->offset_us = peer->offset_us;
    status->bound_us = peer->bound_us;
}

uint32_t tally_registry_peer_count(const struct tally_registry *registry)
{
    return registry->peers.peer_count;
}

uint32_t tally_registry_peer_find(const struct tally_registry *registry, const char *operator_id)
{
    return tally_peers_find(&registry->peers, operator_id);
}

void tally_registry_counters(const struct tally_registry *registry,
                             struct tally_registry_counters *counters)
{
    *counters = registry->counters;
    counters->call_count = registry->calls.call_count;
    counters->call_max = registry->config.call_max;
    counters->inquiry_count = registry->inquiry_count + registry->pending_count;
    counters->inquiry_max = 2 * registry->config.inquiry_max;
}
