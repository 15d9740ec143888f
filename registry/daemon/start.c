/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/start.h"

#include "base/assert.h"
#include "crypto/keyfile.h"
#include "crypto/sign.h"
#include "daemon/clock.h"
#include "daemon/control.h"
#include "daemon/follow.h"
#include "daemon/peers.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Keys and numbers are in our memory: it is not written to a file, whatever happens. */
static enum tally_err set_limits(struct tally_fault *fault)
{
    static const struct rlimit none = {0, 0};
    struct rlimit files;

    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "cannot turn core dumps off: %s",
                               strerror(errno));
    }
    /* As many descriptors as we may have: libzmq spins when they are used up. */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    return TALLY_ERR_OK;
}

/* Before any other thread is there, so that all of them block these signals too. */
static enum tally_err open_signals(struct tally_daemon *daemon, struct tally_fault *fault)
{
    static const int wanted[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        (void)sigaddset(&set, wanted[i]);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
        (daemon->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "cannot take signals: %s", strerror(errno));
    }
    return TALLY_ERR_OK;
}

static void fill(void *bytes, size_t count)
{
    struct tally_entropy entropy = tally_entropy_os();

    tally_entropy_fill(&entropy, bytes, count);
}

/* libzmq draws ids from rand(), which is the same in every fresh process unless it is seeded. */
static void seed_libzmq(void)
{
    unsigned seed = 0;

    fill(&seed, sizeof(seed));
    srand(seed);
}

static enum tally_err open_store(struct tally_daemon *daemon, struct tally_fault *fault)
{
    struct tally_store_options options = {
        .directory = daemon->conf.state_directory,
        .map_bytes = (uint64_t)daemon->conf.state_max_mib << 20,
    };
    enum tally_err err = tally_store_open(&options, &daemon->store, fault);

    if (err != TALLY_ERR_OK) {
        return err;
    }
    daemon->boot = tally_store_boot(daemon->store);
    daemon->work.store = daemon->store;
    err = tally_keeper_commit_open(&daemon->work.commit, daemon->store, fault);
    if (err != TALLY_ERR_OK) {
        return err;
    }
    return tally_participants_work_init(&daemon->work.participants, daemon->store, &daemon->conf,
                                        fault);
}

/* From the directory, or else from the replica, said loudly. */
static enum tally_err load_participants(struct tally_daemon *daemon,
                                        struct tally_participants **loaded,
                                        struct tally_fault *fault)
{
    struct tally_participants_job *job = &daemon->participants_job;
    struct tally_fault replica_fault = {0};

    job->now = daemon->now.wall;
    job->is_forced = true;
    tally_participants_look(&daemon->work.participants, job);
    *loaded = job->loaded;
    job->loaded = NULL;
    if (job->store_fault.err != TALLY_ERR_OK) {
        tally_report_fault(&daemon->report, TALLY_REPORT_STORE_FAILED, &job->store_fault);
    }
    if (*loaded != NULL) {
        return TALLY_ERR_OK;
    }
    if (tally_participants_recall(&daemon->work.participants, daemon->now.wall, loaded,
                                  &replica_fault) != TALLY_ERR_OK) {
        tally_report_fault(&daemon->report, TALLY_REPORT_STORE_FAILED, &replica_fault);
    }
    if (*loaded == NULL) {
        *fault = job->fault;
        return fault->err;
    }
    tally_report_fault(&daemon->report, TALLY_REPORT_CDB_REPLICA, &job->fault);
    return TALLY_ERR_OK;
}

static enum tally_err open_core(struct tally_daemon *daemon, struct tally_fault *fault)
{
    struct tally_registry_config config;
    size_t bytes;
    enum tally_err err;

    tally_daemon_conf_registry(&daemon->conf, &config);
    config.boot = daemon->boot;
    fill(&config.hash_key, sizeof(config.hash_key));
    fill(&config.token_key, sizeof(config.token_key));
    bytes = tally_registry_bytes(&config);
    daemon->registry_memory = malloc(bytes);
    if (daemon->registry_memory == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM,
                               "no memory for %lld calls (%zu bytes); lower call_max",
                               (long long)daemon->conf.call_max, bytes);
    }
    err = tally_registry_init(&config, daemon->now, daemon->registry_memory, bytes,
                              &daemon->registry);
    if (err != TALLY_ERR_OK) {
        return tally_fault_set(fault, TALLY_ERR_CONFIG, "the registry's limits are refused: %s",
                               tally_err_sentence(err));
    }
    return TALLY_ERR_OK;
}

static enum tally_err open_sessions(struct tally_daemon *daemon,
                                    const struct tally_participants *participants,
                                    struct tally_fault *fault)
{
    uint8_t secret[TALLY_SESSION_KEY_BYTES];
    struct tally_sessions_config config = {
        .operator_id = daemon->conf.operator_id,
        .secret_key = secret,
        .peer_max = (uint32_t)daemon->conf.peer_max,
        .entropy = tally_entropy_os(),
    };
    enum tally_err err = tally_keyfile_read_noise(daemon->conf.noise_key_file, secret, fault);

    if (err != TALLY_ERR_OK) {
        return err;
    }
    memcpy(config.network_id, tally_cdb_network_id(participants->index), sizeof(config.network_id));
    fill(config.hash_seed, sizeof(config.hash_seed));
    err = tally_sessions_open(&config, daemon->now.mono, &daemon->sessions, fault);
    tally_wipe(secret, sizeof(secret));
    return err;
}

static enum tally_err open_links(struct tally_daemon *daemon, struct tally_fault *fault)
{
    struct tally_links_config config = {
        .listen = daemon->conf.listen,
        .source = daemon->conf.source_address,
        .peer_max = (uint32_t)daemon->conf.peer_max,
    };

    fill(&config.hash_key, sizeof(config.hash_key));
    return tally_links_open(&config, &daemon->links, fault);
}

static enum tally_err open_feeds(struct tally_daemon *daemon, struct tally_fault *fault)
{
    struct tally_feeds_config config = {.run_directory = daemon->conf.run_directory,
                                        .feed_count = (uint8_t)daemon->conf.feed_count};

    TALLY_STATIC_ASSERT((int)TALLY_FEEDS_NAME_BYTES >= (int)TALLY_DAEMON_FEED_NAME_BYTES,
                        "names fit");
    for (uint8_t feed = 0; feed < config.feed_count; feed++) {
        memcpy(config.names[feed], daemon->conf.feeds[feed].name,
               sizeof(daemon->conf.feeds[feed].name));
    }
    tally_feedport_init(&daemon->feedport, config.feed_count, daemon->now.mono);
    return tally_feeds_open(&config, &daemon->feeds, fault);
}

static void send_to_feed(void *context, uint32_t feed, const uint8_t *batch, size_t batch_bytes)
{
    struct tally_daemon *daemon = context;

    if (tally_feeds_send(daemon->feeds, (uint8_t)feed, batch, batch_bytes) == TALLY_ERR_OK) {
        return;
    }
    daemon->counters.feed_unsent_count++;
    /* Without an adapter nobody misses anything. */
    if (daemon->feedport.feeds[feed].is_heard) {
        tally_report(&daemon->report, TALLY_REPORT_FEED_UNSENT, "feed=%s",
                     daemon->conf.feeds[feed].name);
    }
}

static enum tally_err open_tables(struct tally_daemon *daemon, struct tally_fault *fault)
{
    uint32_t peer_max = (uint32_t)daemon->conf.peer_max;
    enum tally_err err = tally_outbox_open(&daemon->outbox, peer_max, tally_daemon_peers_send,
                                           send_to_feed, daemon, fault);

    if (err == TALLY_ERR_OK) {
        err = tally_ring_open(&daemon->ring, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = tally_keeper_open(&daemon->keeper, fault);
    }
    if (err != TALLY_ERR_OK) {
        return err;
    }
    daemon->peers = calloc(peer_max, sizeof(*daemon->peers));
    daemon->dirty_slots = calloc(peer_max, sizeof(*daemon->dirty_slots));
    if (daemon->peers == NULL || daemon->dirty_slots == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for %u peers", peer_max);
    }
    daemon->outbox.now = daemon->now.wall;
    return TALLY_ERR_OK;
}

static enum tally_err open_ports(struct tally_daemon *daemon, struct tally_fault *fault)
{
    struct tally_ctl_callbacks callbacks = tally_daemon_control(daemon);
    enum tally_err err;

    seed_libzmq();
    err = open_links(daemon, fault);
    if (err == TALLY_ERR_OK) {
        err = open_feeds(daemon, fault);
    }
    if (err == TALLY_ERR_OK) {
        err =
            tally_ctl_server_open(daemon->conf.control_socket, &callbacks, &daemon->control, fault);
    }
    return err;
}

/* The clocks of the first turn's duties. */
static void set_due(struct tally_daemon *daemon)
{
    daemon->second_due = daemon->now.mono;
    daemon->slow_due = daemon->now.mono;
    daemon->tidy_due = daemon->now.mono;
    daemon->control_due = daemon->now.mono;
    daemon->participants_due =
        tally_mono_after(daemon->now.mono, daemon->conf.cdb_poll_s * TALLY_US_PER_S);
}

static enum tally_err open_around(struct tally_daemon *daemon,
                                  struct tally_participants *participants,
                                  struct tally_fault *fault)
{
    struct tally_worker_operations operations = tally_work_operations(&daemon->work);
    enum tally_err err = open_sessions(daemon, participants, fault);

    if (err == TALLY_ERR_OK) {
        err = tally_daemon_follow_check_key(daemon, participants, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = open_core(daemon, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = open_tables(daemon, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = open_ports(daemon, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = tally_worker_open(&operations, &daemon->worker, fault);
    }
    return err;
}

enum tally_err tally_daemon_start(struct tally_daemon *daemon, struct tally_fault *fault)
{
    struct tally_participants *participants = NULL;
    enum tally_err err = set_limits(fault);

    daemon->signal_fd = -1;
    daemon->now = tally_clock_read();
    daemon->started_at = daemon->now.wall;
    tally_report_init(&daemon->report, STDERR_FILENO, daemon->conf.log_level, daemon->now);
    tally_report(&daemon->report, TALLY_REPORT_START, "version=%s operator=%s config=%s",
                 TALLY_VERSION, daemon->conf.operator_id, daemon->conf_path);
    if (err == TALLY_ERR_OK) {
        err = open_signals(daemon, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = tally_crypto_init(fault);
    }
    if (err != TALLY_ERR_OK) {
        return err;
    }
    fill(&daemon->ping_boot, sizeof(daemon->ping_boot));
    err = open_store(daemon, fault);
    if (err == TALLY_ERR_OK) {
        err = load_participants(daemon, &participants, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = open_around(daemon, participants, fault);
    }
    if (err != TALLY_ERR_OK) {
        tally_participants_free(participants);
        return err;
    }
    set_due(daemon);
    tally_daemon_follow_adopt(daemon, participants);
    return TALLY_ERR_OK;
}

void tally_daemon_stop(struct tally_daemon *daemon)
{
    /* The worker first: libzmq's contexts and the store may go only when no thread uses them. */
    tally_worker_close(daemon->worker);
    tally_ctl_server_close(daemon->control);
    tally_feeds_close(daemon->feeds);
    tally_links_close(daemon->links);
    tally_sessions_close(daemon->sessions);
    tally_outbox_close(&daemon->outbox);
    tally_keeper_close(&daemon->keeper);
    tally_ring_close(&daemon->ring);
    free(daemon->registry_memory);
    free(daemon->peers);
    free(daemon->dirty_slots);
    tally_participants_free(daemon->participants);
    tally_keeper_commit_close(&daemon->work.commit);
    tally_store_close(daemon->store);
    if (daemon->signal_fd >= 0) {
        (void)close(daemon->signal_fd);
    }
}
