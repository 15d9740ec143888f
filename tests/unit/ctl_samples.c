/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/ctl_samples.h"

#include "testing.h"
#include "unit/store_samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void fill_counts(uint64_t *counts, size_t count)
{
    /* The longest number there is: the views must have room for it. */
    for (size_t i = 0; i < count; i++) {
        counts[i] = UINT64_MAX;
    }
}

#define FILL(counts) fill_counts(counts, sizeof(counts) / sizeof((counts)[0]))

static void give_status(void *context, struct tally_ctl_status *status)
{
    struct sample_daemon *daemon = context;

    status->version = "0.1.0";
    (void)snprintf(status->operator_id, sizeof(status->operator_id), "op-a.example");
    status->pid = UINT32_MAX;
    status->boot = 4;
    status->started_at.us = 1763754002118337;
    status->now.us = 1763754062118337;
    status->mode = TALLY_MODE_ENFORCE;
    status->cdb_generation = daemon->is_ready ? 3 : 0;
    status->cdb_log_size = UINT64_MAX;
    status->cdb_stamped.us = 1763754000000000;
    status->cdb_freshness = TALLY_FRESHNESS_FRESH;
    status->peer_count = 3;
    status->peer_up_count = 2;
    status->feeds = daemon->feeds;
    status->feed_count = TALLY_REGISTRY_FEEDS_MAX;
    for (unsigned i = 0; i < TALLY_REGISTRY_FEEDS_MAX; i++) {
        memset(daemon->feeds[i].name, 'f', sizeof(daemon->feeds[i].name) - 1);
        daemon->feeds[i].side = TALLY_SIDE_ORIGINATING;
        status->feed_status[i].event_count = UINT64_MAX;
        status->feed_status[i].gap_count = UINT64_MAX;
        status->feed_status[i].reject_count = UINT64_MAX;
    }
    FILL(status->counters.verdict_count);
    FILL(status->counters.action_count);
    FILL(status->counters.reason_count);
    FILL(status->counters.outcome_count);
    FILL(status->counters.peer_reject_count);
    FILL(status->counters.feed_reject_count);
    status->usage = (struct tally_store_usage){UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    status->evidence_pending_count = UINT64_MAX;
    status->evidence_lost_count = UINT64_MAX;
}

static uint32_t give_peer_count(void *context)
{
    return ((struct sample_daemon *)context)->slot_count;
}

static void give_peer(void *context, uint32_t slot, struct tally_ctl_peer *peer)
{
    (void)context;
    if (slot % 3 == 1) {
        return;
    }
    (void)snprintf(peer->status.operator_id, sizeof(peer->status.operator_id), "op-%05u.example",
                   (unsigned)slot);
    peer->status.is_up = slot % 2 == 0;
    peer->status.op = slot == 0 ? TALLY_CDB_NOBODY : slot;
    peer->status.rtt_us = 1500;
    peer->status.offset_us = -250;
    peer->status.bound_us = 800;
    FILL(peer->status.answer_count);
    peer->status.announce_in_count = UINT64_MAX;
    peer->endpoint = "tcp://127.0.0.1:7301";
    peer->changed_at.us = 1763754002118337;
}

static enum tally_err give_explanation(void *context, uint64_t id,
                                       struct tally_ctl_explanation *explanation,
                                       struct tally_fault *fault)
{
    struct sample_daemon *daemon = context;

    if (id != SAMPLE_VERDICT_ID) {
        return tally_fault_set(fault, TALLY_ERR_NOT_FOUND, "no verdict of this id");
    }
    explanation->entry = sample_entry(id, 1763754002118337);
    explanation->entry.decision.peer_bound_us = 900;
    explanation->is_durable = daemon->is_durable;
    (void)snprintf(explanation->entitled[0], sizeof(explanation->entitled[0]), "op-b.example");
    (void)snprintf(explanation->entitled[1], sizeof(explanation->entitled[1]), "op-c.example");
    explanation->entitled_count = 2;
    return TALLY_ERR_OK;
}

struct tally_ctl_callbacks sample_callbacks(struct sample_daemon *daemon)
{
    return (struct tally_ctl_callbacks){daemon, give_status, give_peer_count, give_peer,
                                        give_explanation};
}

void sample_daemon_open(struct sample_daemon *daemon)
{
    struct tally_ctl_callbacks callbacks = sample_callbacks(daemon);
    struct tally_fault fault;

    memset(daemon, 0, sizeof(*daemon));
    daemon->is_ready = true;
    daemon->slot_count = 5;
    daemon->now.us = 1000;
    (void)snprintf(daemon->directory, sizeof(daemon->directory), "%s", sample_directory());
    (void)snprintf(daemon->path, sizeof(daemon->path), "%s/control", daemon->directory);
    if (tally_ctl_server_open(daemon->path, &callbacks, &daemon->server, &fault) != TALLY_ERR_OK) {
        fail_msg("%s", fault.text);
    }
}

void sample_daemon_close(struct sample_daemon *daemon)
{
    tally_ctl_server_close(daemon->server);
    assert_int_equal(rmdir(daemon->directory), 0);
}

struct tally_outcome_notice sample_outcome(void)
{
    return (struct tally_outcome_notice){
        .id = 99,
        .peer = 2,
        .a_number = 4930123457,
        .b_number = 390655512345,
        .outcome = TALLY_OUTCOME_REFUSED,
        .their_verdict = TALLY_VERDICT_CLI_SPOOFED,
        .their_action = TALLY_ACTION_BLOCK,
        .at = {1763754002118337},
    };
}
