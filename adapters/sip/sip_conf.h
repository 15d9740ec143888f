/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip_conf.h - the configuration file of tally-sip.
 *
 * Touches: one file. Threads: safe. Memory: the caller's.
 */
#pragma once

#include "adapters/sip/server.h"
#include "conf/conf.h"

enum {
    TALLY_SIP_CONF_PATH_BYTES = 104, /* of a feed's endpoint without its suffix, with NUL */
    TALLY_SIP_CONF_TRUNK_BYTES = 32,
    TALLY_SIP_CONF_NETWORK_BYTES = 52,
};

/* One row of rules, as written. */
struct tally_sip_conf_rule {
    char match[TALLY_NUMBER_PREFIX_BYTES];
    int64_t strip;
    char prepend[TALLY_NUMBER_PREFIX_BYTES];
};

/* One listener, as written; tally_sip_conf_listener makes the struct that the server takes. */
struct tally_sip_conf_listener {
    char address[TALLY_SIP_ADDRESS_TEXT_BYTES];
    char trunk[TALLY_SIP_CONF_TRUNK_BYTES]; /* a name, for the log */
    int64_t trunk_number;
    enum tally_side role;
    enum tally_trunk_class trunk_class; /* key "class" */
    int64_t allow_code;
    enum tally_sip_profile block_profile;
    enum tally_sip_location location;
    char redress[TALLY_SIP_REDRESS_BYTES];
    char allow_from[TALLY_SIP_ALLOW_FROM_MAX][TALLY_SIP_CONF_NETWORK_BYTES];
    uint32_t allow_from_count;
    char emergency[TALLY_SIP_EMERGENCY_MAX][TALLY_SIP_EMERGENCY_BYTES];
    uint32_t emergency_count;
    int64_t country_code;
    char national_prefix[TALLY_NUMBER_PREFIX_BYTES];
    char international_prefixes[TALLY_NUMBER_PREFIXES_MAX][TALLY_NUMBER_PREFIX_BYTES];
    uint32_t international_prefix_count;
    enum tally_number_bare bare;
    int64_t national_digits_min, national_digits_max;
    struct tally_sip_conf_rule rules[TALLY_NUMBER_RULES_MAX];
    uint32_t rule_count;
};

struct tally_sip_conf {
    char feed[TALLY_SIP_CONF_PATH_BYTES];
    int64_t clock_bound_ms;
    int64_t open_leg_s, open_leg_max;
    int64_t pending_max;
    int64_t transaction_max;
    struct tally_sip_conf_listener listeners[TALLY_SIP_LISTENERS_MAX];
    uint32_t listener_count;
};

extern const struct tally_conf_table tally_sip_conf_table;

/* tally_conf_load with the table above. */
TALLY_NODISCARD enum tally_err tally_sip_conf_load(const char *path, struct tally_sip_conf *conf,
                                                   struct tally_fault *fault);

/* What a listener of a loaded configuration comes to. */
void tally_sip_conf_listener(const struct tally_sip_conf_listener *conf,
                             struct tally_sip_listener *listener,
                             struct tally_sip_address *address);
