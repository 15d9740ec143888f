/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sip/sip_conf.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

static bool is_path(const char *text)
{
    return text[0] == '/';
}

static bool is_address(const char *text)
{
    struct tally_sip_address address;

    return tally_sip_address_parse(text, &address);
}

static bool is_network(const char *text)
{
    struct tally_sip_network network;

    return tally_sip_network_parse(text, &network);
}

static bool is_digits(const char *text)
{
    return text[strspn(text, "0123456789")] == '\0';
}

static bool is_plus_digits(const char *text)
{
    return is_digits(text[0] == '+' ? text + 1 : text);
}

static bool is_dialled(const char *text)
{
    return text[strspn(text, "0123456789*#+")] == '\0';
}

/* What may stand in a quoted string of a SIP header, and in a URL. */
static bool is_url(const char *text)
{
    static const char characters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        "-._~:/?#@!$&'()*+,;=%";

    return text[0] == '\0' ||
           (strncmp(text, "https://", 8) == 0 && text[strspn(text, characters)] == '\0');
}

static const struct tally_conf_word roles[] = {
    {"originating", TALLY_SIDE_ORIGINATING, "calls that start at our subscribers"},
    {"terminating", TALLY_SIDE_TERMINATING, "calls for our subscribers"},
    {"both", TALLY_SIDE_BOTH, "the registry tells by the number ranges"},
    {NULL, 0, NULL},
};

static const struct tally_conf_word classes[] = {
    {"interconnect", TALLY_TRUNK_INTERCONNECT, "another network: nothing it says is believed"},
    {"customer", TALLY_TRUNK_CUSTOMER, "our own subscribers"},
    {"exempting", TALLY_TRUNK_EXEMPTING, "trusted to mark emergency and priority calls"},
    {NULL, 0, NULL},
};

static const struct tally_conf_word profiles[] = {
    {"603", TALLY_SIP_PROFILE_603, "603 Decline; the verdict's id is in the Reason"},
    {"603plus", TALLY_SIP_PROFILE_603PLUS, "603 Network Blocked, with redress (ATIS-1000099)"},
    {NULL, 0, NULL},
};

static const struct tally_conf_word locations[] = {
    {"LN", TALLY_SIP_LOCATION_LN, "local network"},
    {"TN", TALLY_SIP_LOCATION_TN, "transit network"},
    {"RLN", TALLY_SIP_LOCATION_RLN, "remote local network"},
    {"LPN", TALLY_SIP_LOCATION_LPN, "private network serving the local user"},
    {"RPN", TALLY_SIP_LOCATION_RPN, "private network serving the remote user"},
    {NULL, 0, NULL},
};

static const struct tally_conf_word bares[] = {
    {"refused", TALLY_NUMBER_BARE_REFUSED, "not understood"},
    {"national", TALLY_NUMBER_BARE_NATIONAL, "national numbers"},
    {"international", TALLY_NUMBER_BARE_INTERNATIONAL, "international numbers"},
    {NULL, 0, NULL},
};

#define RULE(member) TALLY_CONF_AT(struct tally_sip_conf_rule, member)
static const struct tally_conf_setting rule_rows[] = {
    {.key = "match",
     .type = TALLY_CONF_STRING,
     .need = TALLY_CONF_REQUIRED,
     .min = 1,
     .max = TALLY_NUMBER_PREFIX_BYTES - 1,
     .is_well_formed = is_plus_digits,
     .form = "digits, with an optional + in front",
     .sentence = "The numbers that begin so.",
     RULE(match)},
    {.key = "strip",
     .type = TALLY_CONF_INT,
     .by_default = "0",
     .unit = "characters",
     .min = 0,
     .max = TALLY_NUMBER_PREFIX_BYTES - 1,
     .sentence = "How many characters they lose in front.",
     RULE(strip)},
    {.key = "prepend",
     .type = TALLY_CONF_STRING,
     .min = 0,
     .max = TALLY_NUMBER_PREFIX_BYTES - 1,
     .is_well_formed = is_plus_digits,
     .form = "digits, with an optional + in front",
     .sentence = "What they get in front then.",
     RULE(prepend)},
};
static const struct tally_conf_table rule_table =
    TALLY_CONF_TABLE(struct tally_sip_conf_rule, rule_rows, NULL);

#define LISTENER(member) TALLY_CONF_AT(struct tally_sip_conf_listener, member)
#define LISTENER_LIST(member, count)                                                               \
    TALLY_CONF_LIST_AT(struct tally_sip_conf_listener, member, count)
static const struct tally_conf_setting listener_rows[] = {
    {.key = "address",
     .type = TALLY_CONF_STRING,
     .need = TALLY_CONF_REQUIRED,
     .min = 1,
     .max = TALLY_SIP_ADDRESS_TEXT_BYTES - 1,
     .is_well_formed = is_address,
     .form = "ADDRESS:PORT, an IPv6 address in brackets",
     .sentence = "Where to listen for SIP over UDP.",
     LISTENER(address)},
    {.key = "role",
     .type = TALLY_CONF_ENUM,
     .need = TALLY_CONF_REQUIRED,
     .words = roles,
     .sentence = "Which calls the switch asks about here.",
     LISTENER(role)},
    {.key = "trunk",
     .type = TALLY_CONF_STRING,
     .need = TALLY_CONF_REQUIRED,
     .min = 1,
     .max = TALLY_SIP_CONF_TRUNK_BYTES - 1,
     .sentence = "A name for the trunk, used in messages.",
     LISTENER(trunk)},
    {.key = "trunk_number",
     .type = TALLY_CONF_INT,
     .by_default = "0",
     .min = 0,
     .max = UINT16_MAX,
     .sentence = "The trunk's number for the registry's policy; 0: none.",
     LISTENER(trunk_number)},
    {.key = "class",
     .type = TALLY_CONF_ENUM,
     .need = TALLY_CONF_REQUIRED,
     .words = classes,
     .sentence = "What the trunk is trusted with.",
     LISTENER(trunk_class)},
    {.key = "allow_code",
     .type = TALLY_CONF_INT,
     .by_default = "302",
     .min = 302,
     .max = 503,
     .sentence = "The answer that the switch takes as \"go on\": 302, 404, 480 or 503.",
     LISTENER(allow_code)},
    {.key = "block_profile",
     .type = TALLY_CONF_ENUM,
     .by_default = "603",
     .words = profiles,
     .sentence = "How a refusal is worded.",
     LISTENER(block_profile)},
    {.key = "location",
     .type = TALLY_CONF_ENUM,
     .by_default = "LN",
     .words = locations,
     .sentence = "603plus: which network blocked.",
     LISTENER(location)},
    {.key = "redress",
     .type = TALLY_CONF_STRING,
     .min = 0,
     .max = TALLY_SIP_REDRESS_BYTES - 1,
     .is_well_formed = is_url,
     .form = "an https URL",
     .sentence = "603plus: where a caller who was blocked can complain; the verdict's id is put "
                 "behind it.",
     LISTENER(redress)},
    {.key = "allow_from",
     .type = TALLY_CONF_STRINGS,
     .min = 1,
     .max = TALLY_SIP_CONF_NETWORK_BYTES - 1,
     .is_well_formed = is_network,
     .form = "an IP address, or ADDRESS/BITS",
     .sentence = "Who may ask, others get 403; may be left out on a loopback address only.",
     LISTENER_LIST(allow_from, allow_from_count)},
    {.key = "emergency",
     .type = TALLY_CONF_STRINGS,
     .min = 1,
     .max = TALLY_SIP_EMERGENCY_BYTES - 1,
     .is_well_formed = is_dialled,
     .form = "digits, *, # or +",
     .sentence = "Emergency numbers as they are dialled on this trunk.",
     LISTENER_LIST(emergency, emergency_count)},
    {.key = "country_code",
     .type = TALLY_CONF_INT,
     .by_default = "0",
     .min = 0,
     .max = 999,
     .sentence = "The country whose national numbers are understood; 0: none.",
     LISTENER(country_code)},
    {.key = "national_prefix",
     .type = TALLY_CONF_STRING,
     .min = 0,
     .max = TALLY_NUMBER_PREFIX_BYTES - 1,
     .is_well_formed = is_digits,
     .form = "digits",
     .sentence = "What stands before a national number, such as \"0\"; empty where there is none.",
     LISTENER(national_prefix)},
    {.key = "international_prefixes",
     .type = TALLY_CONF_STRINGS,
     .min = 1,
     .max = TALLY_NUMBER_PREFIX_BYTES - 1,
     .is_well_formed = is_digits,
     .form = "digits",
     .sentence = "What stands before an international number, such as \"00\".",
     LISTENER_LIST(international_prefixes, international_prefix_count)},
    {.key = "bare",
     .type = TALLY_CONF_ENUM,
     .by_default = "refused",
     .words = bares,
     .sentence = "What digits without any prefix are.",
     LISTENER(bare)},
    {.key = "national_digits_min",
     .type = TALLY_CONF_INT,
     .by_default = "6",
     .unit = "digits",
     .min = 1,
     .max = 14,
     .sentence = "The shortest national number, without its prefix; shorter ones are short codes.",
     LISTENER(national_digits_min)},
    {.key = "national_digits_max",
     .type = TALLY_CONF_INT,
     .by_default = "14",
     .unit = "digits",
     .min = 1,
     .max = 14,
     .sentence = "The longest national number, without its prefix.",
     LISTENER(national_digits_max)},
    {.key = "rules",
     .type = TALLY_CONF_GROUPS,
     .max = TALLY_NUMBER_RULES_MAX,
     .table = &rule_table,
     .sentence = "Rewrites the head of a number before it is read; the first rule that matches.",
     LISTENER_LIST(rules, rule_count)},
};

static enum tally_err check_listener(const void *object, char path[TALLY_CONF_PATH_BYTES],
                                     struct tally_fault *fault)
{
    const struct tally_sip_conf_listener *conf = object;
    struct tally_sip_listener listener;
    struct tally_sip_address address;
    const char *sentence;

    if (conf->allow_code != 302 && conf->allow_code != 404 && conf->allow_code != 480 &&
        conf->allow_code != 503) {
        (void)snprintf(path, TALLY_CONF_PATH_BYTES, "allow_code");
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "allow_code is %d; expected 302, 404, 480 or 503",
                               (int)conf->allow_code);
    }
    if (conf->block_profile == TALLY_SIP_PROFILE_603PLUS && conf->redress[0] == '\0') {
        (void)snprintf(path, TALLY_CONF_PATH_BYTES, "block_profile");
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "block_profile is \"603plus\", which must tell where to complain: "
                               "set redress to an https URL");
    }
    tally_sip_conf_listener(conf, &listener, &address);
    sentence = tally_number_plan_check(&listener.trunk.plan);
    if (sentence != NULL) {
        (void)snprintf(path, TALLY_CONF_PATH_BYTES, "trunk");
        return tally_fault_set(fault, TALLY_ERR_CONFIG, "trunk \"%s\": %s", conf->trunk, sentence);
    }
    return TALLY_ERR_OK;
}

static const struct tally_conf_table listener_table =
    TALLY_CONF_TABLE(struct tally_sip_conf_listener, listener_rows, check_listener);

#define SIP(member) TALLY_CONF_AT(struct tally_sip_conf, member)
static const struct tally_conf_setting sip_rows[] = {
    {.key = "feed",
     .type = TALLY_CONF_STRING,
     .need = TALLY_CONF_REQUIRED,
     .min = 1,
     .max = TALLY_SIP_CONF_PATH_BYTES - 1,
     .is_well_formed = is_path,
     .form = "an absolute path",
     .sentence =
         "The feed's endpoints: tallyd's run_directory, \"/feed-\" and the feed's name there.",
     SIP(feed)},
    {.key = "clock_bound_ms",
     .type = TALLY_CONF_INT,
     .by_default = "10",
     .unit = "ms",
     .min = 0,
     .max = 60000,
     .sentence = "How far this host's clock may be off.",
     SIP(clock_bound_ms)},
    {.key = "open_leg_s",
     .type = TALLY_CONF_INT,
     .by_default = "3600",
     .unit = "s",
     .min = 1,
     .max = 86400,
     .sentence = "How long an originating call counts as open; at least what tallyd says.",
     SIP(open_leg_s)},
    {.key = "open_leg_max",
     .type = TALLY_CONF_INT,
     .by_default = "262144",
     .unit = "calls",
     .min = 1,
     .max = TALLY_ADAPTER_OPEN_LEGS_MAX,
     .sentence = "How many originating calls are remembered for a tallyd that restarts.",
     SIP(open_leg_max)},
    {.key = "pending_max",
     .type = TALLY_CONF_INT,
     .by_default = "65536",
     .unit = "events",
     .min = 2,
     .max = TALLY_ADAPTER_PENDING_MAX,
     .sentence = "How many events may wait for tallyd; a power of two.",
     SIP(pending_max)},
    {.key = "transaction_max",
     .type = TALLY_CONF_INT,
     .by_default = "131072",
     .unit = "transactions",
     .min = 1,
     .max = TALLY_SIP_TRANSACTIONS_MAX,
     .sentence = "How many INVITE are remembered, each for 32 s; others go on unverified.",
     SIP(transaction_max)},
    {.key = "listeners",
     .type = TALLY_CONF_GROUPS,
     .need = TALLY_CONF_REQUIRED,
     .min = 1,
     .max = TALLY_SIP_LISTENERS_MAX,
     .table = &listener_table,
     .sentence = "The addresses to listen at, one per trunk or group of trunks.",
     TALLY_CONF_LIST_AT(struct tally_sip_conf, listeners, listener_count)},
};

static bool is_loopback(const char *text)
{
    static const char *const networks[] = {"127.0.0.0/8", "::1"};
    struct tally_sip_address address;
    struct tally_sip_network network;

    for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
        if (tally_sip_address_parse(text, &address) &&
            tally_sip_network_parse(networks[i], &network) &&
            tally_sip_network_has(&network, &address)) {
            return true;
        }
    }
    return false;
}

/*
 * Whoever may send an INVITE can have a call announced that nobody made, or learn from the answer
 * that a call is under way.
 */
static enum tally_err check_allowed(const struct tally_sip_conf *conf,
                                    char path[TALLY_CONF_PATH_BYTES], struct tally_fault *fault)
{
    for (uint32_t i = 0; i < conf->listener_count; i++) {
        if (conf->listeners[i].allow_from_count == 0 && !is_loopback(conf->listeners[i].address)) {
            (void)snprintf(path, TALLY_CONF_PATH_BYTES, "listeners.[%u].address", (unsigned)i);
            return tally_fault_set(fault, TALLY_ERR_CONFIG,
                                   "anybody who reaches %s could speak for the switch; name the "
                                   "switch's addresses in allow_from",
                                   conf->listeners[i].address);
        }
    }
    return TALLY_ERR_OK;
}

static enum tally_err check_sip(const void *object, char path[TALLY_CONF_PATH_BYTES],
                                struct tally_fault *fault)
{
    const struct tally_sip_conf *conf = object;

    if ((conf->pending_max & (conf->pending_max - 1)) != 0) {
        (void)snprintf(path, TALLY_CONF_PATH_BYTES, "pending_max");
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "pending_max is %lld; expected a power of two",
                               (long long)conf->pending_max);
    }
    for (uint32_t i = 1; i < conf->listener_count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(conf->listeners[i].address, conf->listeners[k].address) == 0) {
                (void)snprintf(path, TALLY_CONF_PATH_BYTES, "listeners.[%u].address", (unsigned)i);
                return tally_fault_set(fault, TALLY_ERR_CONFIG,
                                       "two listeners have the address %s; give each its own",
                                       conf->listeners[i].address);
            }
        }
    }
    return check_allowed(conf, path, fault);
}

const struct tally_conf_table tally_sip_conf_table =
    TALLY_CONF_TABLE(struct tally_sip_conf, sip_rows, check_sip);

enum tally_err tally_sip_conf_load(const char *path, struct tally_sip_conf *conf,
                                   struct tally_fault *fault)
{
    return tally_conf_load(&tally_sip_conf_table, path, conf, fault);
}

static void set_plan(const struct tally_sip_conf_listener *conf, struct tally_number_plan *plan)
{
    plan->country_code = (uint16_t)conf->country_code;
    memcpy(plan->national_prefix, conf->national_prefix, sizeof(plan->national_prefix));
    for (uint32_t i = 0; i < conf->international_prefix_count; i++) {
        memcpy(plan->international_prefixes[i], conf->international_prefixes[i],
               sizeof(plan->international_prefixes[i]));
    }
    plan->bare = conf->bare;
    plan->national_digits_min = (uint8_t)conf->national_digits_min;
    plan->national_digits_max = (uint8_t)conf->national_digits_max;
    plan->rule_count = (uint8_t)conf->rule_count;
    for (uint32_t i = 0; i < conf->rule_count; i++) {
        struct tally_number_rule *rule = &plan->rules[i];

        memcpy(rule->match, conf->rules[i].match, sizeof(rule->match));
        memcpy(rule->prepend, conf->rules[i].prepend, sizeof(rule->prepend));
        rule->strip_count = (uint8_t)conf->rules[i].strip;
    }
}

void tally_sip_conf_listener(const struct tally_sip_conf_listener *conf,
                             struct tally_sip_listener *listener, struct tally_sip_address *address)
{
    bool is_good = tally_sip_address_parse(conf->address, address);

    TALLY_ASSERT(is_good);
    memset(listener, 0, sizeof(*listener));
    listener->trunk.side = conf->role;
    listener->trunk.trunk_class = conf->trunk_class;
    listener->trunk.number = (uint16_t)conf->trunk_number;
    memcpy(listener->trunk.emergency, conf->emergency, sizeof(conf->emergency));
    listener->trunk.emergency_count = conf->emergency_count;
    set_plan(conf, &listener->trunk.plan);
    listener->wording.allow_code = (uint16_t)conf->allow_code;
    listener->wording.profile = conf->block_profile;
    listener->wording.location = conf->location;
    memcpy(listener->wording.redress, conf->redress, sizeof(conf->redress));
    listener->allow_from_count = conf->allow_from_count;
    for (uint32_t i = 0; i < conf->allow_from_count; i++) {
        is_good = tally_sip_network_parse(conf->allow_from[i], &listener->allow_from[i]);
        TALLY_ASSERT(is_good);
    }
}
