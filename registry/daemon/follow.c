/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/follow.h"

#include "base/assert.h"
#include "daemon/effects.h"
#include "daemon/peers.h"

#include <inttypes.h>
#include <string.h>

enum { REPORT_TEXT_BYTES = 512 };

void tally_daemon_follow_look(struct tally_daemon *daemon)
{
    struct tally_participants_job *job = &daemon->participants_job;

    if (daemon->is_participants_job_out) {
        return;
    }
    job->job.type = TALLY_JOB_CDB;
    job->now = daemon->now.wall;
    job->is_forced = daemon->is_reread_wanted;
    daemon->is_participants_job_out = tally_worker_put(daemon->worker, &job->job);
    if (daemon->is_participants_job_out) {
        daemon->is_reread_wanted = false;
    }
}

/* Names what was not believed, as far as somebody has to put it right. */
static void report_refusals(struct tally_daemon *daemon, const struct tally_cdb_snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->report_count; i++) {
        const struct tally_cdb_report *refused = &snapshot->reports[i];
        struct tally_fault fault = {.err = TALLY_ERR_FORMAT};

        TALLY_STATIC_ASSERT(sizeof(fault.text) >= REPORT_TEXT_BYTES, "a report fits a fault");
        if (!tally_refusal_is_notice(refused->refusal.reason)) {
            tally_cdb_report_format(refused, fault.text, sizeof(fault.text));
            tally_report_fault(&daemon->report, TALLY_REPORT_CDB_NOTE, &fault);
        }
    }
}

enum tally_err tally_daemon_follow_check_key(const struct tally_daemon *daemon,
                                             const struct tally_participants *participants,
                                             struct tally_fault *fault)
{
    uint32_t op = tally_cdb_operator_find(participants->index, daemon->conf.operator_id);
    const struct tally_cdb_operator *ours;
    uint8_t key[TALLY_SESSION_KEY_BYTES];

    TALLY_ASSERT(op != TALLY_CDB_NOBODY);
    ours = tally_cdb_operator_at(participants->index, op);
    tally_sessions_public_key(daemon->sessions, key);
    for (uint8_t i = 0; i < ours->noise_key_count; i++) {
        if (memcmp(ours->noise_keys[i], key, sizeof(key)) == 0) {
            return TALLY_ERR_OK;
        }
    }
    return tally_fault_set(fault, TALLY_ERR_CONFIG,
                           "the key in %s is not one that the participant database lists for %s: "
                           "no peer would talk to us; use the listed key, or publish this one with "
                           "tally-cdb",
                           daemon->conf.noise_key_file, daemon->conf.operator_id);
}

/* An address translator may stand between us and the peers, so this is no reason to stop. */
static void report_addresses(struct tally_daemon *daemon,
                             const struct tally_participants *participants)
{
    const struct tally_daemon_conf *conf = &daemon->conf;
    uint32_t op = tally_cdb_operator_find(participants->index, conf->operator_id);
    const struct tally_cdb_operator *ours;
    struct tally_address source, listed;
    bool has_listen = false;
    bool has_source = !tally_address_parse(conf->source_address, &source);

    if (op == TALLY_CDB_NOBODY) {
        return;
    }
    ours = tally_cdb_operator_at(participants->index, op);
    for (uint8_t i = 0; i < ours->endpoint_count; i++) {
        has_listen = has_listen || strcmp(ours->endpoints[i], conf->listen) == 0;
        has_source = has_source || (tally_address_of_endpoint(ours->endpoints[i], &listed) &&
                                    tally_address_compare(&listed, &source) == 0);
    }
    for (uint8_t i = 0; i < ours->egress_count; i++) {
        has_source = has_source || (tally_address_parse(ours->egress[i], &listed) &&
                                    tally_address_compare(&listed, &source) == 0);
    }
    if (!has_listen) {
        tally_report(
            &daemon->report, TALLY_REPORT_CDB_NO_LISTEN,
            "listen=%s endpoint=%s text=\"peers connect to the endpoint, which has to lead "
            "here: correct listen, or publish it with tally-cdb operator set\"",
            conf->listen, ours->endpoint_count == 0 ? "-" : ours->endpoints[0]);
    }
    if (!has_source) {
        tally_report(&daemon->report, TALLY_REPORT_CDB_NO_SOURCE,
                     "source_address=%s text=\"peers refuse addresses that are not listed: correct "
                     "it, or publish it with tally-cdb operator set --egress\"",
                     conf->source_address);
    }
}

void tally_daemon_follow_adopt(struct tally_daemon *daemon, struct tally_participants *participants)
{
    struct tally_input input = {.type = TALLY_INPUT_CDB, .cdb = participants->index};
    struct tally_fault fault = {0};

    TALLY_ASSERT(daemon->former == NULL);
    daemon->former = daemon->participants;
    daemon->participants = participants;
    report_refusals(daemon, participants->snapshot);
    if (tally_daemon_follow_check_key(daemon, participants, &fault) != TALLY_ERR_OK) {
        tally_report_fault(&daemon->report, TALLY_REPORT_CDB_NOT_IN_IT, &fault);
    }
    report_addresses(daemon, participants);
    tally_daemon_step(daemon, &input);
    tally_daemon_peers_renew(daemon);
    tally_report(&daemon->report, TALLY_REPORT_CDB_CHANGED,
                 "generation=%" PRIu64 " statements=%" PRIu64 " operators=%u ranges=%u refused=%u",
                 participants->generation, tally_cdb_log_size(participants->index),
                 tally_cdb_operator_count(participants->index),
                 tally_cdb_range_count(participants->index), participants->snapshot->fault_count);
}

void tally_daemon_follow_release(struct tally_daemon *daemon, const struct tally_cdb_index *index)
{
    struct tally_participants *former = daemon->former;

    TALLY_ASSERT(former != NULL && former->index == index);
    daemon->former = NULL;
    if (!tally_worker_put(daemon->worker, &former->job)) {
        tally_participants_free(former);
    }
}

void tally_daemon_follow_take_back(struct tally_daemon *daemon)
{
    struct tally_participants_job *job = &daemon->participants_job;

    daemon->is_participants_job_out = false;
    if (job->fault.err != TALLY_ERR_OK) {
        tally_report_fault(&daemon->report, TALLY_REPORT_CDB_FAILED, &job->fault);
    }
    if (job->store_fault.err != TALLY_ERR_OK) {
        tally_report_fault(&daemon->report, TALLY_REPORT_STORE_FAILED, &job->store_fault);
    }
    if (job->loaded != NULL) {
        tally_daemon_follow_adopt(daemon, job->loaded);
        job->loaded = NULL;
    }
}
