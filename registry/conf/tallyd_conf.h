/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tallyd_conf.h - the settings of tallyd: the struct, its table, and the registry's limits from it.
 *
 * Each member is one key of the file, of the same name; docs/man/tallyd.conf.5 lists them with
 * bounds and defaults, generated from the same table.
 *
 * Touches: libconfig through conf.h. Threads: safe. Memory: the caller's struct.
 */
#pragma once

#include "conf/conf.h"
#include "core/registry.h"

enum {
    TALLY_DAEMON_PATH_BYTES = 256,   /* with NUL */
    TALLY_DAEMON_SOCKET_BYTES = 108, /* of a UNIX socket's path, with NUL (sun_path) */
    TALLY_DAEMON_FEED_NAME_BYTES = 24,
    /* So that run_directory "/" name ".in" or any suffix up to 15 characters fits a socket path. */
    TALLY_DAEMON_RUN_BYTES = TALLY_DAEMON_SOCKET_BYTES - TALLY_DAEMON_FEED_NAME_BYTES - 16,
    TALLY_DAEMON_ENDPOINT_BYTES = 80, /* "tcp://[IPv6]:port" and NUL */
    TALLY_DAEMON_ADDRESS_BYTES = 46,  /* an IPv4 or IPv6 address and NUL */
    TALLY_DAEMON_ROOT_BYTES = 32,     /* SHA-256 */
};

/* Where tallyctl looks when it is not told. */
#define TALLY_DAEMON_CONTROL_SOCKET "/run/tally/control"

enum tally_log_level {
    TALLY_LOG_ERROR,
    TALLY_LOG_WARNING,
    TALLY_LOG_NOTICE,
    TALLY_LOG_INFO,
    TALLY_LOG_DEBUG,
};
const char *tally_log_level_name(enum tally_log_level level); /* "error", ... */

struct tally_daemon_feed {
    char name[TALLY_DAEMON_FEED_NAME_BYTES]; /* [a-z0-9-]+, no two alike */
    enum tally_feed_class feed_class;        /* key "class" */
    enum tally_side side;                    /* what it reports */
    bool is_required;                        /* key "required": a "no" needs it */
};

struct tally_daemon_policy {
    enum tally_mode mode;
    int64_t block_cause; /* Q.850 */
};

struct tally_daemon_conf {
    char operator_id[TALLY_OPERATOR_ID_BYTES]; /* key "operator" */
    char noise_key_file[TALLY_DAEMON_PATH_BYTES];
    char listen[TALLY_DAEMON_ENDPOINT_BYTES]; /* where peers reach us */
    char
        source_address[TALLY_DAEMON_ADDRESS_BYTES]; /* of outgoing links; "": the system's choice */
    char cdb_directory[TALLY_DAEMON_PATH_BYTES];
    char cdb_root[TALLY_HEX_BYTES(TALLY_DAEMON_ROOT_BYTES)]; /* hex SHA-256, see cdb_root below */
    int64_t cdb_poll_s;
    char state_directory[TALLY_DAEMON_PATH_BYTES];
    int64_t state_max_mib; /* of the database in it */
    char control_socket[TALLY_DAEMON_SOCKET_BYTES];
    char run_directory[TALLY_DAEMON_RUN_BYTES]; /* the feeds' endpoints */
    int64_t call_max, inquiry_max, peer_max;
    int64_t match_window_s, open_leg_s, release_tail_s;
    int64_t strict_after_days, evidence_days;
    struct tally_daemon_policy policy;
    struct tally_daemon_feed feeds[TALLY_REGISTRY_FEEDS_MAX];
    uint32_t feed_count;
    enum tally_log_level log_level;
};

extern const struct tally_conf_table tally_daemon_conf_table;

/* tally_conf_load with the table above. */
TALLY_NODISCARD enum tally_err
tally_daemon_conf_load(const char *path, struct tally_daemon_conf *conf, struct tally_fault *fault);

/*
 * Everything of the registry's configuration that the file decides, and the constants of
 * docs/PROTOCOL.md. boot, hash_key and token_key are left zeroed: they are not settings.
 *
 * conf      as loaded: the bounds are asserted.
 * config    written whole.
 */
void tally_daemon_conf_registry(const struct tally_daemon_conf *conf,
                                struct tally_registry_config *config);

/* The pin of the first root statement as bytes. */
void tally_daemon_conf_root(const struct tally_daemon_conf *conf,
                            uint8_t root[TALLY_DAEMON_ROOT_BYTES]);
