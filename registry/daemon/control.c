/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control.h"

#include "daemon/effects.h"

#include <string.h>
#include <unistd.h>

static enum tally_freshness freshness(const struct tally_daemon *daemon,
                                      const struct tally_registry_config *limits)
{
    struct tally_wall stamped = tally_cdb_stamped(daemon->participants->index);
    int64_t age_us = tally_wall_since_us(daemon->now.wall, stamped);

    if (stamped.us == 0 || age_us > limits->usable_fresh_us) {
        return TALLY_FRESHNESS_UNUSABLE;
    }
    return age_us > limits->block_fresh_us ? TALLY_FRESHNESS_STALE : TALLY_FRESHNESS_FRESH;
}

static void tell_participants(const struct tally_daemon *daemon, struct tally_ctl_status *status)
{
    const struct tally_cdb_index *index = daemon->participants->index;
    struct tally_registry_config limits;

    tally_daemon_conf_registry(&daemon->conf, &limits);
    status->cdb_generation = daemon->participants->generation;
    status->cdb_log_size = tally_cdb_log_size(index);
    status->cdb_stamped = tally_cdb_stamped(index);
    status->cdb_freshness = freshness(daemon, &limits);
    status->operator_count = tally_cdb_operator_count(index);
    status->range_count = tally_cdb_range_count(index);
}

static void tell_peers(const struct tally_daemon *daemon, struct tally_ctl_status *status)
{
    uint32_t slot_count = tally_registry_peer_count(daemon->registry);

    for (uint32_t slot = 0; slot < slot_count; slot++) {
        status->peer_count += daemon->peers[slot].is_listed ? 1 : 0;
        status->peer_up_count += daemon->peers[slot].is_told_up ? 1 : 0;
    }
}

/* Frames that no session opened are rejects of peers as well. */
static void add_session_rejects(const struct tally_daemon *daemon,
                                struct tally_registry_counters *counters)
{
    struct tally_session_stats stats;

    tally_sessions_stats(daemon->sessions, &stats);
    for (unsigned reason = TALLY_REJECT_NONE + 1; reason < TALLY_REJECT_COUNT; reason++) {
        counters->peer_reject_count[reason] += stats.rejects[reason];
    }
}

static void tell_status(void *context, struct tally_ctl_status *status)
{
    struct tally_daemon *daemon = context;

    status->version = TALLY_VERSION;
    memcpy(status->operator_id, daemon->conf.operator_id, sizeof(status->operator_id));
    status->pid = (uint32_t)getpid();
    status->boot = daemon->boot;
    status->started_at = daemon->started_at;
    status->now = daemon->now.wall;
    status->mode = daemon->conf.policy.mode;
    tell_participants(daemon, status);
    tell_peers(daemon, status);
    status->feeds = daemon->conf.feeds;
    status->feed_count = daemon->conf.feed_count;
    for (uint32_t feed = 0; feed < daemon->conf.feed_count; feed++) {
        tally_registry_feed_status(daemon->registry, (uint8_t)feed, daemon->now,
                                   &status->feed_status[feed]);
    }
    tally_registry_counters(daemon->registry, &status->counters);
    add_session_rejects(daemon, &status->counters);
    if (tally_store_usage(daemon->store, &status->usage, NULL) != TALLY_ERR_OK) {
        memset(&status->usage, 0, sizeof(status->usage));
    }
    status->evidence_pending_count = daemon->keeper.pending_count;
    status->evidence_lost_count = daemon->keeper.lost_count;
}

static uint32_t count_peers(void *context)
{
    const struct tally_daemon *daemon = context;

    return tally_registry_peer_count(daemon->registry);
}

static void tell_peer(void *context, uint32_t slot, struct tally_ctl_peer *peer)
{
    const struct tally_daemon *daemon = context;
    const struct tally_daemon_peer *known = &daemon->peers[slot];

    tally_registry_peer_status(daemon->registry, slot, &peer->status);
    peer->endpoint = known->endpoint[0] == '\0' ? NULL : known->endpoint;
    peer->changed_at = known->changed_at;
    peer->strict_since = known->strict_since;
}

/* Who is entitled for the displayed number now. */
static void tell_entitled(const struct tally_daemon *daemon,
                          struct tally_ctl_explanation *explanation)
{
    const struct tally_cdb_index *index = daemon->participants->index;
    const struct tally_cdb_entry *entry = NULL;
    uint64_t number = tally_event_displayed(&explanation->entry.decision.event);

    if (tally_cdb_lookup(index, number, daemon->now.wall, &entry) != TALLY_CDB_HELD) {
        return;
    }
    for (uint8_t i = 0; i < entry->entitled_count; i++) {
        memcpy(explanation->entitled[i], tally_cdb_operator_at(index, entry->entitled[i])->id,
               sizeof(explanation->entitled[i]));
    }
    explanation->entitled_count = entry->entitled_count;
}

static void tell_keeping(enum tally_keeping keeping, struct tally_ctl_explanation *explanation)
{
    switch (keeping) {
    case TALLY_KEEPING_PENDING:
        return;
    case TALLY_KEEPING_DURABLE:
        explanation->is_durable = true;
        return;
    case TALLY_KEEPING_NONE:
    case TALLY_KEEPING_LOST:
        explanation->is_in_memory_only = true;
        return;
    }
}

static enum tally_err explain(void *context, uint64_t id, struct tally_ctl_explanation *explanation,
                              struct tally_fault *fault)
{
    struct tally_daemon *daemon = context;
    uint32_t place = tally_ring_find(&daemon->ring, id);

    if (place != TALLY_RING_NOBODY) {
        const struct tally_decision *decision = &daemon->ring.decisions[place];

        tally_evidence_entry_of(decision, tally_daemon_peer_id(daemon, decision->peer),
                                tally_daemon_feed_name(daemon, decision->feed),
                                &explanation->entry);
        tell_keeping(daemon->ring.keepings[place], explanation);
    } else {
        enum tally_err err = tally_evidence_get(daemon->store, id, &explanation->entry, fault);

        if (err != TALLY_ERR_OK) {
            return err;
        }
        explanation->is_durable = true;
    }
    tell_entitled(daemon, explanation);
    return TALLY_ERR_OK;
}

struct tally_ctl_callbacks tally_daemon_control(struct tally_daemon *daemon)
{
    return (struct tally_ctl_callbacks){
        .context = daemon,
        .status = tell_status,
        .peer_count = count_peers,
        .peer_at = tell_peer,
        .explain = explain,
    };
}
