/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/tallyd_conf.h"

#include "base/assert.h"

#include <arpa/inet.h>
#include <string.h>

/* docs/PROTOCOL.md: when a verdict is due, and how old the participant database may be. */
#define DUE_MIN_US (300 * TALLY_US_PER_MS)
#define DUE_MAX_US (800 * TALLY_US_PER_MS)
#define BLOCK_FRESH_US (INT64_C(6) * 3600 * TALLY_US_PER_S)
#define USABLE_FRESH_US (INT64_C(7) * 86400 * TALLY_US_PER_S)
#define SKEW_UNMEASURED_US (2 * TALLY_US_PER_S)
#define US_PER_DAY (INT64_C(86400) * TALLY_US_PER_S)

/* --- what is well formed --- */

static bool is_operator_id(const char *text)
{
    return tally_operator_id_is_valid(text, strlen(text));
}

static bool is_path(const char *text)
{
    return text[0] == '/';
}

static bool is_address(const char *text)
{
    struct in6_addr address;

    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_address_or_empty(const char *text)
{
    return text[0] == '\0' || is_address(text);
}

static bool is_port(const char *text)
{
    uint32_t port = 0;
    size_t count = strlen(text);

    if (count == 0 || count > 5 || text[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        port = port * 10 + (uint32_t)(text[i] - '0');
    }
    return port <= UINT16_MAX;
}

/* tcp://ADDRESS:PORT, an IPv6 address in brackets. */
static bool is_endpoint(const char *text)
{
    static const char scheme[] = "tcp://";
    const char *host = text + strlen(scheme);
    const char *colon = strrchr(text, ':');
    char address[TALLY_DAEMON_ADDRESS_BYTES] = "";
    struct in6_addr ip;
    size_t count;

    if (strncmp(text, scheme, strlen(scheme)) != 0 || colon < host || !is_port(colon + 1)) {
        return false;
    }
    count = (size_t)(colon - host);
    if (host[0] == '[') {
        if (count < 2 || count - 2 >= sizeof(address) || host[count - 1] != ']') {
            return false;
        }
        memcpy(address, host + 1, count - 2);
        return inet_pton(AF_INET6, address, &ip) == 1;
    }
    if (count >= sizeof(address)) {
        return false;
    }
    memcpy(address, host, count);
    return inet_pton(AF_INET, address, &ip) == 1;
}

static bool is_root_hash(const char *text)
{
    uint8_t bytes[TALLY_DAEMON_ROOT_BYTES];
    size_t count;

    return tally_hex_decode(text, strlen(text), bytes, sizeof(bytes), &count) &&
           count == sizeof(bytes);
}

static bool is_feed_name(const char *text)
{
    for (; *text != '\0'; text++) {
        if (!((*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9') || *text == '-')) {
            return false;
        }
    }
    return true;
}

/* --- what fits together --- */

static enum tally_err check_policy(const void *object, char path[TALLY_CONF_PATH_BYTES],
                                   struct tally_fault *fault)
{
    const struct tally_daemon_policy *policy = object;
    int64_t cause = policy->block_cause;

    if (cause == 34 || cause == 38 || cause == 41 || cause == 42) {
        (void)snprintf(path, TALLY_CONF_PATH_BYTES, "block_cause");
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "policy.block_cause is %d, and switches try another route on 34, "
                               "38, 41 and 42; expected a cause that ends the call, such as 21",
                               (int)cause);
    }
    return TALLY_ERR_OK;
}

static enum tally_err check_daemon(const void *object, char path[TALLY_CONF_PATH_BYTES],
                                   struct tally_fault *fault)
{
    const struct tally_daemon_conf *conf = object;

    for (uint32_t i = 1; i < conf->feed_count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(conf->feeds[i].name, conf->feeds[k].name) == 0) {
                (void)snprintf(path, TALLY_CONF_PATH_BYTES, "feeds.[%u].name", (unsigned)i);
                return tally_fault_set(fault, TALLY_ERR_CONFIG,
                                       "two feeds are named \"%s\"; give each a name of its own",
                                       conf->feeds[i].name);
            }
        }
    }
    if (conf->inquiry_max > conf->call_max) {
        (void)snprintf(path, TALLY_CONF_PATH_BYTES, "inquiry_max");
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "inquiry_max is %lld, expected at most call_max, which is %lld: "
                               "raise call_max or lower inquiry_max",
                               (long long)conf->inquiry_max, (long long)conf->call_max);
    }
    return TALLY_ERR_OK;
}

/* --- the table --- */

static const struct tally_conf_word class_words[] = {
    {"causal", TALLY_FEED_CAUSAL, "The switch waits for the registry before it routes."},
    {"ordered", TALLY_FEED_ORDERED, "Complete and in order up to its watermark."},
    {"best-effort", TALLY_FEED_BEST_EFFORT, "Loss is invisible; never supports a denial."},
    {"record", TALLY_FEED_RECORD, "Written at the end of calls; never live."},
    {NULL, 0, NULL},
};

static const struct tally_conf_word side_words[] = {
    {"originating", TALLY_SIDE_ORIGINATING, "Calls that start at our subscribers."},
    {"terminating", TALLY_SIDE_TERMINATING, "Calls for our subscribers."},
    {"both", TALLY_SIDE_BOTH, "Both kinds; the number ranges tell them apart."},
    {NULL, 0, NULL},
};

static const struct tally_conf_word mode_words[] = {
    {"shadow", TALLY_MODE_SHADOW, "Says what would be done and does nothing."},
    {"label", TALLY_MODE_LABEL, "Labels calls, blocks none."},
    {"enforce", TALLY_MODE_ENFORCE, "Does what the policy says."},
    {NULL, 0, NULL},
};

static const struct tally_conf_word level_words[] = {
    {"error", TALLY_LOG_ERROR, "What stops a part of the daemon."},
    {"warning", TALLY_LOG_WARNING, "What an operator should look at."},
    {"notice", TALLY_LOG_NOTICE, "Starts, stops, peers coming and going."},
    {"info", TALLY_LOG_INFO, "Each judged call, with masked numbers."},
    {"debug", TALLY_LOG_DEBUG, "Everything."},
    {NULL, 0, NULL},
};

static const struct tally_conf_setting feed_settings[] = {
    {.key = "name",
     .type = TALLY_CONF_STRING,
     .need = TALLY_CONF_REQUIRED,
     .min = 1,
     .max = TALLY_DAEMON_FEED_NAME_BYTES - 1,
     .is_well_formed = is_feed_name,
     .form = "lower-case letters, digits and -",
     .sentence = "The feed's name, by which its adapter finds its endpoint.",
     TALLY_CONF_AT(struct tally_daemon_feed, name)},
    {.key = "class",
     .type = TALLY_CONF_ENUM,
     .need = TALLY_CONF_REQUIRED,
     .words = class_words,
     .sentence = "What the feed's silence proves.",
     TALLY_CONF_AT(struct tally_daemon_feed, feed_class)},
    {.key = "side",
     .type = TALLY_CONF_ENUM,
     .by_default = "both",
     .words = side_words,
     .sentence = "Which calls the feed reports.",
     TALLY_CONF_AT(struct tally_daemon_feed, side)},
    {.key = "required",
     .type = TALLY_CONF_BOOL,
     .by_default = "true",
     .sentence = "Whether the registry may deny a call only while this feed is complete.",
     TALLY_CONF_AT(struct tally_daemon_feed, is_required)},
};
static const struct tally_conf_table feed_table =
    TALLY_CONF_TABLE(struct tally_daemon_feed, feed_settings, NULL);

static const struct tally_conf_setting policy_settings[] = {
    {.key = "mode",
     .type = TALLY_CONF_ENUM,
     .by_default = "shadow",
     .words = mode_words,
     .sentence = "How far the registry may act on calls.",
     TALLY_CONF_AT(struct tally_daemon_policy, mode)},
    {.key = "block_cause",
     .type = TALLY_CONF_INT,
     .by_default = "21",
     .unit = "(Q.850)",
     .min = 1,
     .max = 127,
     .sentence = "The release cause of a blocked call; never 34, 38, 41 or 42, on which switches "
                 "try another route.",
     TALLY_CONF_AT(struct tally_daemon_policy, block_cause)},
};
static const struct tally_conf_table policy_table =
    TALLY_CONF_TABLE(struct tally_daemon_policy, policy_settings, check_policy);

static const struct tally_conf_setting daemon_settings[] = {
    {.key = "operator",
     .type = TALLY_CONF_STRING,
     .need = TALLY_CONF_REQUIRED,
     .min = 1,
     .max = TALLY_OPERATOR_ID_BYTES - 1,
     .is_well_formed = is_operator_id,
     .form = "lower-case letters, digits, . and -",
     .sentence = "Our operator id, as enrolled in the participant database.",
     TALLY_CONF_AT(struct tally_daemon_conf, operator_id)},
    {.key = "noise_key_file",
     .type = TALLY_CONF_STRING,
     .need = TALLY_CONF_REQUIRED,
     .min = 2,
     .max = TALLY_DAEMON_PATH_BYTES - 1,
     .is_well_formed = is_path,
     .form = "an absolute path",
     .sentence = "The file of mode 0600 that holds our secret channel key.",
     TALLY_CONF_AT(struct tally_daemon_conf, noise_key_file)},
    {.key = "listen",
     .type = TALLY_CONF_STRING,
     .need = TALLY_CONF_REQUIRED,
     .min = 10,
     .max = TALLY_DAEMON_ENDPOINT_BYTES - 1,
     .is_well_formed = is_endpoint,
     .form = "tcp://ADDRESS:PORT, an IPv6 address in brackets",
     .sentence = "Where peers reach this registry; the participant database names the same place.",
     TALLY_CONF_AT(struct tally_daemon_conf, listen)},
    {.key = "source_address",
     .type = TALLY_CONF_STRING,
     .by_default = "",
     .min = 0,
     .max = TALLY_DAEMON_ADDRESS_BYTES - 1,
     .is_well_formed = is_address_or_empty,
     .form = "an IPv4 or IPv6 address, or nothing",
     .sentence = "The address that our links to peers come from; empty: the system chooses.",
     TALLY_CONF_AT(struct tally_daemon_conf, source_address)},
    {.key = "cdb_directory",
     .type = TALLY_CONF_STRING,
     .need = TALLY_CONF_REQUIRED,
     .min = 2,
     .max = TALLY_DAEMON_PATH_BYTES - 1,
     .is_well_formed = is_path,
     .form = "an absolute path",
     .sentence = "The directory of signed statements that is followed.",
     TALLY_CONF_AT(struct tally_daemon_conf, cdb_directory)},
    {.key = "cdb_root",
     .type = TALLY_CONF_STRING,
     .need = TALLY_CONF_REQUIRED,
     .min = INT64_C(2) * TALLY_DAEMON_ROOT_BYTES,
     .max = INT64_C(2) * TALLY_DAEMON_ROOT_BYTES,
     .is_well_formed = is_root_hash,
     .form = "hexadecimal digits in lower case",
     .sentence = "The SHA-256 of the first root statement: the one thing that is taken on trust.",
     TALLY_CONF_AT(struct tally_daemon_conf, cdb_root)},
    {.key = "cdb_poll_s",
     .type = TALLY_CONF_INT,
     .by_default = "5",
     .unit = "s",
     .min = 1,
     .max = 3600,
     .sentence = "How often the directory is looked at for changes.",
     TALLY_CONF_AT(struct tally_daemon_conf, cdb_poll_s)},
    {.key = "state_directory",
     .type = TALLY_CONF_STRING,
     .by_default = "/var/lib/tally",
     .min = 2,
     .max = TALLY_DAEMON_PATH_BYTES - 1,
     .is_well_formed = is_path,
     .form = "an absolute path",
     .sentence = "Where evidence and the accepted participant database are kept; on a local disk.",
     TALLY_CONF_AT(struct tally_daemon_conf, state_directory)},
    {.key = "state_max_mib",
     .type = TALLY_CONF_INT,
     .by_default = "1024",
     .unit = "MiB",
     .min = 1,
     .max = 1 << 20,
     .sentence = "How large the database in state_directory may become.",
     TALLY_CONF_AT(struct tally_daemon_conf, state_max_mib)},
    {.key = "control_socket",
     .type = TALLY_CONF_STRING,
     .by_default = TALLY_DAEMON_CONTROL_SOCKET,
     .min = 2,
     .max = TALLY_DAEMON_SOCKET_BYTES - 1,
     .is_well_formed = is_path,
     .form = "an absolute path",
     .sentence = "The socket for tallyctl; only the daemon's own user may open it.",
     TALLY_CONF_AT(struct tally_daemon_conf, control_socket)},
    {.key = "run_directory",
     .type = TALLY_CONF_STRING,
     .by_default = "/run/tally",
     .min = 2,
     .max = TALLY_DAEMON_RUN_BYTES - 1,
     .is_well_formed = is_path,
     .form = "an absolute path",
     .sentence = "Where the endpoints for adapters are made.",
     TALLY_CONF_AT(struct tally_daemon_conf, run_directory)},
    {.key = "call_max",
     .type = TALLY_CONF_INT,
     .by_default = "1048576",
     .unit = "calls",
     .min = 16,
     .max = TALLY_REGISTRY_CALLS_MAX,
     .sentence = "How many calls are followed at a time; their memory is taken at the start.",
     TALLY_CONF_AT(struct tally_daemon_conf, call_max)},
    {.key = "inquiry_max",
     .type = TALLY_CONF_INT,
     .by_default = "65536",
     .unit = "inquiries",
     .min = 16,
     .max = 1 << 20,
     .sentence = "How many calls wait for peers' answers, and peers for ours, at a time.",
     TALLY_CONF_AT(struct tally_daemon_conf, inquiry_max)},
    {.key = "peer_max",
     .type = TALLY_CONF_INT,
     .by_default = "1024",
     .unit = "operators",
     .min = 1,
     .max = TALLY_REGISTRY_PEERS_MAX,
     .sentence = "How many other operators are spoken with.",
     TALLY_CONF_AT(struct tally_daemon_conf, peer_max)},
    {.key = "match_window_s",
     .type = TALLY_CONF_INT,
     .by_default = "60",
     .unit = "s",
     .min = 1,
     .max = 600,
     .sentence = "How long after its start at the originating end a call may arrive.",
     TALLY_CONF_AT(struct tally_daemon_conf, match_window_s)},
    {.key = "open_leg_s",
     .type = TALLY_CONF_INT,
     .by_default = "3600",
     .unit = "s",
     .min = 1,
     .max = 86400,
     .sentence = "How long a call without a release event counts as open.",
     TALLY_CONF_AT(struct tally_daemon_conf, open_leg_s)},
    {.key = "release_tail_s",
     .type = TALLY_CONF_INT,
     .by_default = "60",
     .unit = "s",
     .min = 0,
     .max = 3600,
     .sentence = "How long after its release a call still counts as open.",
     TALLY_CONF_AT(struct tally_daemon_conf, release_tail_s)},
    {.key = "strict_after_days",
     .type = TALLY_CONF_INT,
     .by_default = "14",
     .unit = "days",
     .min = 0,
     .max = 365,
     .sentence = "How long an operator must have called a range strict before its denials block "
                 "calls here; 0, at once, is for tests and closed groups.",
     TALLY_CONF_AT(struct tally_daemon_conf, strict_after_days)},
    {.key = "evidence_days",
     .type = TALLY_CONF_INT,
     .by_default = "30",
     .unit = "days",
     .min = 1,
     .max = 3650,
     .sentence = "How long evidence is kept; after that it is erased.",
     TALLY_CONF_AT(struct tally_daemon_conf, evidence_days)},
    {.key = "policy",
     .type = TALLY_CONF_GROUP,
     .table = &policy_table,
     .sentence = "What is done about a verdict.",
     TALLY_CONF_AT(struct tally_daemon_conf, policy)},
    {.key = "feeds",
     .type = TALLY_CONF_GROUPS,
     .table = &feed_table,
     .min = 0,
     .max = TALLY_REGISTRY_FEEDS_MAX,
     .sentence = "The adapters that report calls; without one the registry knows of no call.",
     TALLY_CONF_LIST_AT(struct tally_daemon_conf, feeds, feed_count)},
    {.key = "log_level",
     .type = TALLY_CONF_ENUM,
     .by_default = "notice",
     .words = level_words,
     .sentence = "What is written to the log; each level includes the ones above it.",
     TALLY_CONF_AT(struct tally_daemon_conf, log_level)},
};
const struct tally_conf_table tally_daemon_conf_table =
    TALLY_CONF_TABLE(struct tally_daemon_conf, daemon_settings, check_daemon);

const char *tally_log_level_name(enum tally_log_level level)
{
    for (uint32_t i = 0; level_words[i].word != NULL; i++) {
        if (level_words[i].value == (int32_t)level) {
            return level_words[i].word;
        }
    }
    return "?";
}

enum tally_err tally_daemon_conf_load(const char *path, struct tally_daemon_conf *conf,
                                      struct tally_fault *fault)
{
    return tally_conf_load(&tally_daemon_conf_table, path, conf, fault);
}

static uint32_t count_in(int64_t value, int64_t max)
{
    TALLY_ASSERT(value >= 0 && value <= max);
    return (uint32_t)value;
}

void tally_daemon_conf_registry(const struct tally_daemon_conf *conf,
                                struct tally_registry_config *config)
{
    memset(config, 0, sizeof(*config));
    memcpy(config->operator_id, conf->operator_id, sizeof(config->operator_id));
    config->call_max = count_in(conf->call_max, TALLY_REGISTRY_CALLS_MAX);
    config->inquiry_max = count_in(conf->inquiry_max, TALLY_REGISTRY_CALLS_MAX);
    config->peer_max = count_in(conf->peer_max, TALLY_REGISTRY_PEERS_MAX);
    config->match_window_us = conf->match_window_s * TALLY_US_PER_S;
    config->open_leg_us = conf->open_leg_s * TALLY_US_PER_S;
    config->release_tail_us = conf->release_tail_s * TALLY_US_PER_S;
    config->strict_after_us = conf->strict_after_days * US_PER_DAY;
    config->due_min_us = DUE_MIN_US;
    config->due_max_us = DUE_MAX_US;
    config->block_fresh_us = BLOCK_FRESH_US;
    config->usable_fresh_us = USABLE_FRESH_US;
    config->skew_unmeasured_us = SKEW_UNMEASURED_US;
    config->policy.mode = conf->policy.mode;
    config->policy.block_cause = (uint8_t)count_in(conf->policy.block_cause, 127);
    config->feed_count = (uint8_t)count_in(conf->feed_count, TALLY_REGISTRY_FEEDS_MAX);
    for (uint32_t i = 0; i < conf->feed_count; i++) {
        config->feeds[i].feed_class = conf->feeds[i].feed_class;
        config->feeds[i].side = conf->feeds[i].side;
        config->feeds[i].is_required = conf->feeds[i].is_required;
    }
}

void tally_daemon_conf_root(const struct tally_daemon_conf *conf,
                            uint8_t root[TALLY_DAEMON_ROOT_BYTES])
{
    size_t count;
    bool is_hex = tally_hex_decode(conf->cdb_root, strlen(conf->cdb_root), root,
                                   TALLY_DAEMON_ROOT_BYTES, &count);

    TALLY_ASSERT(is_hex && count == TALLY_DAEMON_ROOT_BYTES);
}
