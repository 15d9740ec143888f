/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/loop.h"

#include "base/assert.h"
#include "daemon/clock.h"
#include "daemon/effects.h"
#include "daemon/follow.h"
#include "daemon/notify.h"
#include "daemon/peers.h"
#include "wire/feed.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* How often a link that was full is tried again, and the store is looked after. */
#define SLOW_RETRY_US (100 * TALLY_US_PER_MS)
#define TIDY_EVERY_US (10 * TALLY_US_PER_S)

#define CONTROL_EVERY_US TALLY_US_PER_S

enum { FD_LINKS, FD_FEEDS, FD_WORKER, FD_SIGNALS, FD_CONTROL };

static bool is_ready(const struct tally_daemon *daemon, unsigned fd)
{
    return (daemon->ready_mask >> fd & 1) != 0;
}

static void read_clock(struct tally_daemon *daemon)
{
    daemon->now = tally_clock_read();
    daemon->report.now = daemon->now;
    daemon->outbox.now = daemon->now.wall;
}

static void ping(struct tally_daemon *daemon, uint8_t feed)
{
    struct tally_feed_record record = {.type = TALLY_FEED_PING,
                                       .ping = {.daemon_boot = daemon->ping_boot}};

    tally_outbox_add_feed(&daemon->outbox, feed, &record);
}

static void count_feed_reject(struct tally_daemon *daemon, uint8_t feed, enum tally_reject reject)
{
    daemon->counters.record_reject_count++;
    tally_report(&daemon->report, TALLY_REPORT_FEED_REJECT, "feed=%s record=%s",
                 tally_daemon_feed_name(daemon, feed), tally_reject_name(reject));
}

static void take_feed_batch(struct tally_daemon *daemon, const struct tally_feeds_batch *from)
{
    struct tally_batch_reader batch;
    struct tally_input input = {.type = TALLY_INPUT_FEED};
    enum tally_reject reject =
        from->is_multipart ? TALLY_REJECT_LONG : tally_batch_open(from->bytes, from->size, &batch);

    if (reject != TALLY_REJECT_NONE) {
        daemon->counters.batch_reject_count++;
        tally_report(&daemon->report, TALLY_REPORT_FEED_REJECT, "feed=%s batch=%s",
                     tally_daemon_feed_name(daemon, from->feed), tally_reject_name(reject));
        return;
    }
    input.feed.feed = from->feed;
    while (tally_feed_batch_next(&batch, &input.feed.record, &reject)) {
        if (reject != TALLY_REJECT_NONE) {
            count_feed_reject(daemon, from->feed, reject);
            continue;
        }
        if (tally_feedport_heard(&daemon->feedport, daemon->now.mono, from->feed,
                                 input.feed.record.type)) {
            ping(daemon, from->feed);
        }
        tally_daemon_step(daemon, &input);
    }
}

static void take_feeds(struct tally_daemon *daemon)
{
    struct tally_feeds_batch batch;

    if (!is_ready(daemon, FD_FEEDS) && !tally_feeds_is_pending(daemon->feeds)) {
        return;
    }
    for (int taken = 0; taken < TALLY_TURN_BATCHES_MAX; taken++) {
        if (!tally_feeds_next(daemon->feeds, &batch)) {
            return;
        }
        take_feed_batch(daemon, &batch);
    }
}

static void take_links(struct tally_daemon *daemon)
{
    struct tally_link_event event;

    if (!is_ready(daemon, FD_LINKS) && !tally_links_is_pending(daemon->links)) {
        return;
    }
    for (int taken = 0; taken < TALLY_TURN_EVENTS_MAX; taken++) {
        tally_links_next(daemon->links, &event);
        if (event.type == TALLY_LINK_NOTHING) {
            return;
        }
        tally_daemon_peers_take(daemon, &event);
    }
}

static void take_evidence_back(struct tally_daemon *daemon, struct tally_keeper_job *job)
{
    if (job->fault.err != TALLY_ERR_OK) {
        tally_report_fault(&daemon->report, TALLY_REPORT_EVIDENCE_FAILED, &job->fault);
    } else if (job->err != TALLY_ERR_OK) {
        tally_report(&daemon->report, TALLY_REPORT_EVIDENCE_FAILED, "err=%s",
                     tally_err_name(job->err));
    }
    tally_keeper_take_back(&daemon->keeper, &daemon->ring, job);
}

static void take_job_back(struct tally_daemon *daemon, struct tally_job *job)
{
    void *whole = job;

    switch (job->type) {
    case TALLY_JOB_EVIDENCE:
        take_evidence_back(daemon, tally_keeper_job_of(job));
        return;
    case TALLY_JOB_CDB:
        tally_daemon_follow_take_back(daemon);
        return;
    case TALLY_JOB_TIDY:
        daemon->is_tidy_job_out = false;
        if (daemon->tidy_job.fault.err != TALLY_ERR_OK) {
            tally_report_fault(&daemon->report, TALLY_REPORT_STORE_FAILED, &daemon->tidy_job.fault);
        }
        return;
    case TALLY_JOB_FREE:
        tally_participants_free(whole);
        return;
    case TALLY_JOB_NONE:
    case TALLY_JOB_STOP:
        break;
    }
    TALLY_ASSERT(!"a job that the loop has given");
}

static void take_jobs_back(struct tally_daemon *daemon)
{
    for (int taken = 0; taken < TALLY_TURN_JOBS_MAX && is_ready(daemon, FD_WORKER); taken++) {
        struct tally_job *job = tally_worker_take_done(daemon->worker);

        if (job == NULL) {
            return;
        }
        take_job_back(daemon, job);
    }
}

static void take_signals(struct tally_daemon *daemon)
{
    struct signalfd_siginfo signal;

    while (is_ready(daemon, FD_SIGNALS) &&
           read(daemon->signal_fd, &signal, sizeof(signal)) == (ssize_t)sizeof(signal)) {
        if (signal.ssi_signo == SIGHUP) {
            tally_report(&daemon->report, TALLY_REPORT_REREAD, "signal=%u", signal.ssi_signo);
            daemon->is_reread_wanted = true;
            daemon->participants_due = daemon->now.mono;
        } else {
            tally_report(&daemon->report, TALLY_REPORT_STOP, "signal=%u", signal.ssi_signo);
            daemon->is_stopping = true;
        }
    }
}

/* True when it is due; it is then not due for another while. */
static bool is_due(struct tally_mono *due, struct tally_mono now, int64_t every_us)
{
    if (!tally_mono_is_due(*due, now)) {
        return false;
    }
    *due = tally_mono_after(now, every_us);
    return true;
}

static void tend_feeds(struct tally_daemon *daemon)
{
    bool is_ping_due = tally_feedport_is_ping_due(&daemon->feedport, daemon->now.mono);

    for (uint8_t feed = 0; feed < daemon->feedport.feed_count; feed++) {
        if (is_ping_due) {
            ping(daemon, feed);
        }
        if (tally_feedport_fell_silent(&daemon->feedport, daemon->now.mono, feed)) {
            struct tally_input input = {.type = TALLY_INPUT_FEED_DOWN, .feed_down = feed};

            tally_report(&daemon->report, TALLY_REPORT_FEED_DOWN, "feed=%s",
                         tally_daemon_feed_name(daemon, feed));
            tally_daemon_step(daemon, &input);
        }
    }
}

static void give_tidy_job(struct tally_daemon *daemon)
{
    struct tally_tidy_job *job = &daemon->tidy_job;

    if (daemon->is_tidy_job_out) {
        return;
    }
    job->job.type = TALLY_JOB_TIDY;
    job->before =
        tally_wall_after(daemon->now.wall, -daemon->conf.evidence_days * 86400 * TALLY_US_PER_S);
    job->fault.err = TALLY_ERR_OK;
    daemon->is_tidy_job_out = tally_worker_put(daemon->worker, &job->job);
}

static void tend(struct tally_daemon *daemon)
{
    struct tally_mono now = daemon->now.mono;

    tend_feeds(daemon);
    if (daemon->slow_count > 0 && is_due(&daemon->slow_due, now, SLOW_RETRY_US)) {
        tally_daemon_peers_retry(daemon);
    }
    if (is_due(&daemon->second_due, now, TALLY_US_PER_S)) {
        tally_links_tick(daemon->links, now);
        tally_report_tick(&daemon->report);
    }
    if (is_due(&daemon->tidy_due, now, TIDY_EVERY_US)) {
        give_tidy_job(daemon);
    }
    if (is_due(&daemon->participants_due, now, daemon->conf.cdb_poll_s * TALLY_US_PER_S)) {
        tally_daemon_follow_look(daemon);
    }
}

static void tick_core(struct tally_daemon *daemon)
{
    static const struct tally_input tick = {.type = TALLY_INPUT_TICK};

    for (int done = 0; done < TALLY_TURN_TICKS_MAX; done++) {
        if (!tally_mono_is_due(tally_registry_next_due(daemon->registry), daemon->now.mono)) {
            return;
        }
        tally_daemon_step(daemon, &tick);
    }
}

static struct tally_mono earlier(struct tally_mono left, struct tally_mono right)
{
    return left.us < right.us ? left : right;
}

static int sleep_ms(const struct tally_daemon *daemon)
{
    struct tally_mono due = earlier(daemon->second_due, daemon->participants_due);

    if (daemon->is_stopping || daemon->dirty_count > 0 || tally_links_is_pending(daemon->links) ||
        tally_feeds_is_pending(daemon->feeds)) {
        return 0;
    }
    due = earlier(due, tally_registry_next_due(daemon->registry));
    due = earlier(due, tally_sessions_next_due(daemon->sessions));
    due = earlier(due, tally_feedport_next_due(&daemon->feedport));
    if (daemon->slow_count > 0) {
        due = earlier(due, daemon->slow_due);
    }
    return tally_clock_wait_ms(daemon->now.mono, due, TALLY_TURN_SLEEP_MAX_MS);
}

static void wait_for_something(struct tally_daemon *daemon)
{
    struct pollfd fds[FD_CONTROL + TALLY_CTL_FDS_MAX] = {
        [FD_LINKS] = {.fd = tally_links_fd(daemon->links), .events = POLLIN},
        [FD_FEEDS] = {.fd = tally_feeds_fd(daemon->feeds), .events = POLLIN},
        [FD_WORKER] = {.fd = tally_worker_fd(daemon->worker), .events = POLLIN},
        [FD_SIGNALS] = {.fd = daemon->signal_fd, .events = POLLIN},
    };
    uint32_t control_count = tally_ctl_server_fds(daemon->control, &fds[FD_CONTROL]);
    int rc = poll(fds, FD_CONTROL + control_count, sleep_ms(daemon));

    TALLY_ASSERT(rc >= 0 || errno == EINTR);
    daemon->ready_mask = 0;
    for (uint32_t at = 0; rc > 0 && at < FD_CONTROL + control_count; at++) {
        if (fds[at].revents != 0) {
            daemon->ready_mask |= UINT32_C(1) << (at < FD_CONTROL ? at : FD_CONTROL);
        }
    }
}

static void serve_control(struct tally_daemon *daemon)
{
    if (is_ready(daemon, FD_CONTROL) || tally_ctl_server_is_followed(daemon->control) ||
        is_due(&daemon->control_due, daemon->now.mono, CONTROL_EVERY_US)) {
        tally_ctl_server_turn(daemon->control, daemon->now.mono);
    }
}

static void turn(struct tally_daemon *daemon)
{
    read_clock(daemon);
    take_signals(daemon);
    take_feeds(daemon);
    take_links(daemon);
    take_jobs_back(daemon);
    tend(daemon);
    tick_core(daemon);
    tally_daemon_peers_tick(daemon);
    tally_daemon_peers_settle(daemon);
    tally_outbox_flush(&daemon->outbox);
    serve_control(daemon);
    tally_worker_kick(daemon->worker);
}

void tally_daemon_loop(struct tally_daemon *daemon)
{
    while (!daemon->is_stopping) {
        turn(daemon);
        wait_for_something(daemon);
    }
}

void tally_daemon_drain(struct tally_daemon *daemon)
{
    tally_notify("STOPPING=1");
    tally_worker_stop(daemon->worker);
    read_clock(daemon);
    for (struct tally_job *job = tally_worker_take_done(daemon->worker); job != NULL;
         job = tally_worker_take_done(daemon->worker)) {
        take_job_back(daemon, job);
    }
}
