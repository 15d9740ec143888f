/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/store_samples.h"

#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *sample_directory(void)
{
    static char path[64];

    (void)mkdir("build", 0755);
    (void)snprintf(path, sizeof(path), "build/test-state-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

void sample_directory_remove(const char *directory)
{
    static const char *const names[] = {"store.mdb", "store.mdb-lock", "lock"};
    char path[128];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(directory), 0);
}

struct tally_store *sample_store(const char *directory, uint64_t map_bytes)
{
    struct tally_store_options options = {directory, map_bytes};
    struct tally_store *store = NULL;
    struct tally_fault fault;

    if (tally_store_open(&options, &store, &fault) != TALLY_ERR_OK) {
        fail_msg("%s", fault.text);
    }
    return store;
}

static void fill_event(struct tally_event *event, uint64_t id, int64_t at_us)
{
    event->kind = TALLY_EVENT_SETUP;
    event->side = TALLY_SIDE_TERMINATING;
    event->flags = TALLY_EVENT_RESTRICTED | TALLY_EVENT_CLI_MALFORMED;
    event->ingress_class = TALLY_TRUNK_EXEMPTING;
    event->ingress_trunk = 0x1234;
    event->egress_trunk = 0x4321;
    event->a_network = 4930123456;
    event->a_presented = 4930123457;
    event->b_number = 390655512345;
    event->original_called = 390655512346;
    event->redirecting = 390655512347;
    event->at.us = at_us - 5000;
    event->leg_key = id ^ 0x55;
    event->call_ref = id ^ 0xaa;
}

static void fill_evidence(struct tally_evidence *evidence)
{
    evidence->a_network = 4930123456;
    evidence->a_presented = 4930123457;
    evidence->b_number = 390655512345;
    evidence->exemption = TALLY_EXEMPTION_NOT_E164;
    evidence->cli = TALLY_CLI_IMPLAUSIBLE;
    evidence->is_presented_apart = true;
    evidence->is_incomplete = true;
    evidence->is_tracked = true;
    evidence->standing = TALLY_CDB_HELD;
    evidence->answers_policy = TALLY_CDB_ANSWERS_CALLS;
    evidence->strictness = TALLY_CDB_STRICT_DIRECT;
    evidence->freshness = TALLY_FRESHNESS_FRESH;
    evidence->is_holder_ourselves = true;
    evidence->is_log_agreed = true;
    evidence->is_in_good_standing = true;
    evidence->credit = TALLY_CREDIT_NETWORK_ONLY;
    evidence->token = TALLY_TOKEN_DENIED;
    evidence->answers = (struct tally_answers){7, 1, 2, 3, 4, 5, 6};
    evidence->is_campaign = true;
    evidence->marks = TALLY_MARK_LISTED | TALLY_MARK_CAMPAIGN;
}

struct tally_evidence_entry sample_entry(uint64_t id, int64_t at_us)
{
    struct tally_decision decision;
    struct tally_evidence_entry entry;

    memset(&decision, 0, sizeof(decision));
    decision.id = id;
    decision.feed = 3;
    decision.feed_seq = 1000 + id;
    fill_event(&decision.event, id, at_us);
    decision.peer = 17;
    decision.peer_record_id = id + 1;
    decision.peer_at.us = at_us - 4000; /* 1 ms after our half */
    decision.peer_offset_us = -1500;
    decision.peer_bound_us = 900;
    fill_evidence(&decision.evidence);
    decision.judgement.verdict = TALLY_VERDICT_CLI_SPOOFED;
    decision.judgement.grade = TALLY_GRADE_PROVEN;
    decision.judgement.reason = TALLY_REASON_NOT_ASKED;
    decision.judgement.marks = TALLY_MARK_NO_DIRECT_CALL;
    decision.ruling.action = TALLY_ACTION_BLOCK;
    decision.ruling.would_action = TALLY_ACTION_RELEASE;
    decision.ruling.cause = 21;
    decision.ruling.line = TALLY_POLICY_BLOCK_PROVEN;
    decision.decided_at.us = at_us;
    decision.wait_us = 1234;
    decision.log_size = 99;
    tally_evidence_entry_of(&decision, "op-b.example", "sip", &entry);
    return entry;
}

void assert_same_entry(const struct tally_evidence_entry *found,
                       const struct tally_evidence_entry *expected)
{
    struct tally_evidence_entry slotless = *expected;

    slotless.decision.peer = TALLY_PEER_NOBODY;
    assert_memory_equal(found, &slotless, sizeof(slotless));
}
