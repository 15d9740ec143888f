/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.h - what an INVITE says about a call, as an event for the registry.
 *
 * The number of the network is the asserted one (P-Asserted-Identity, RFC 3325) if there is one,
 * else From; the presented number is From, if it differs. A number that the trunk's plan refuses is
 * absent. When several asserted identities make different numbers none is believed.
 *
 * Pure. Threads: safe. Memory: the caller's.
 */
#pragma once

#include "adapters/common/number.h"
#include "adapters/sip/parse.h"
#include "base/hash.h"
#include "tally/event.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TALLY_SIP_EMERGENCY_MAX = 16,
    TALLY_SIP_EMERGENCY_BYTES = 16, /* with NUL */
    TALLY_SIP_SHORT_DIGITS_MAX = 6, /* a user part with more digits may be a telephone number */
    TALLY_SIP_SOS = 112,            /* what urn:service:sos is as a number (ITU-T E.161.1) */
};

/* What is known of the trunk that a listener serves. */
struct tally_sip_trunk {
    enum tally_side side;
    enum tally_trunk_class trunk_class;
    uint16_t number; /* for the registry; 0: none */
    struct tally_number_plan plan;
    char emergency[TALLY_SIP_EMERGENCY_MAX][TALLY_SIP_EMERGENCY_BYTES]; /* as dialled: "112" */
    uint32_t emergency_count;
};

enum tally_sip_called {
    TALLY_SIP_CALLED_NUMBER,    /* the event is complete */
    TALLY_SIP_CALLED_SHORT,     /* a short code: the event has its digits as B, or TALLY_SIP_SOS */
    TALLY_SIP_CALLED_OTHER,     /* no digits at all: no event */
    TALLY_SIP_CALLED_UNCERTAIN, /* refused by the plan, yet long enough to be one: no event */
};

/*
 * Makes the SETUP event of an INVITE.
 *
 * at       when it was received.
 * key      secret: Call-ID and tag come from strangers.
 * event    written in every case; to be sent only for TALLY_SIP_CALLED_NUMBER and _SHORT.
 */
enum tally_sip_called tally_sip_call_of(const struct tally_sip_trunk *trunk,
                                        const struct tally_sip_request *request,
                                        struct tally_wall at, const struct tally_hash_key *key,
                                        struct tally_event *event);
