/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.h - what an adapter tells its registry about a call.
 *
 * One event is one thing that happened to one leg of a call at the switch. The adapter has already
 * normalised the numbers to E.164 by the rules of the trunk; what could not be made a number is
 * absent, never guessed.
 *
 * Pure. Threads: safe. Memory: none.
 */
#pragma once

#include "tally/time.h"

#include <stdint.h>

enum tally_event_kind {
    TALLY_EVENT_NONE,
    TALLY_EVENT_SETUP,   /* INVITE, IAM, InitialDP */
    TALLY_EVENT_RINGING, /* 180, ACM or CPG "alerting" */
    TALLY_EVENT_ANSWER,  /* 200, ANM, CON; early media is not an answer */
    TALLY_EVENT_RELEASE, /* BYE, CANCEL, final error, REL */
    TALLY_EVENT_DIVERT,  /* our subscriber's call leaves again to another number */
    TALLY_EVENT_ROAM,    /* our subscriber originates abroad (CAMEL, IMS) */
    TALLY_EVENT_KIND_COUNT
};

enum tally_side {
    TALLY_SIDE_NONE,
    TALLY_SIDE_ORIGINATING, /* the call starts at a subscriber of ours */
    TALLY_SIDE_TERMINATING, /* the call is for a subscriber of ours */
    TALLY_SIDE_BOTH,        /* the switch cannot tell; the registry decides by the number ranges */
    TALLY_SIDE_COUNT
};

/* What a trunk is trusted with. */
enum tally_trunk_class {
    TALLY_TRUNK_INTERCONNECT, /* another network: nothing it says is believed */
    TALLY_TRUNK_CUSTOMER,     /* our own subscribers */
    TALLY_TRUNK_EXEMPTING,    /* a network trusted to mark emergency and priority calls */
    TALLY_TRUNK_CLASS_COUNT
};

/* Bits of tally_event.flags. Unknown bits are refused by the decoder. */
enum {
    TALLY_EVENT_RESTRICTED = 1u << 0,    /* presentation restricted: matched, never displayed */
    TALLY_EVENT_SCREENED = 1u << 1,      /* the network number was verified by a network */
    TALLY_EVENT_EMERGENCY = 1u << 2,     /* emergency call or PSAP call-back */
    TALLY_EVENT_PRIORITY = 1u << 3,      /* priority service (RPH, IEPS) */
    TALLY_EVENT_INCOMPLETE = 1u << 4,    /* overlap dialling: more digits of B may follow */
    TALLY_EVENT_CHARGED = 1u << 5,       /* the answer starts charging */
    TALLY_EVENT_CLI_MALFORMED = 1u << 6, /* a CLI was there and is no E.164 number */
    TALLY_EVENT_FLAGS_ALL = (1u << 7) - 1u,
};

struct tally_event {
    enum tally_event_kind kind;
    enum tally_side side;
    uint32_t flags;
    enum tally_trunk_class ingress_class;
    uint16_t ingress_trunk; /* the adapter's number for the trunk, 0: none */
    uint16_t egress_trunk;
    uint64_t a_network;   /* E.164; network number (P-Asserted-Identity, calling party number) */
    uint64_t a_presented; /* E.164; presented number (From, generic number); 0: as a_network */
    uint64_t b_number;    /* E.164; 0 only for non-SETUP kinds */
    uint64_t original_called; /* E.164; 0: not diverted, or not told */
    uint64_t redirecting;     /* E.164; 0: not diverted, or not told */
    struct tally_wall at;     /* when it happened at the switch */
    uint64_t leg_key;         /* the same for all events of one leg; not 0 */
    uint64_t call_ref;        /* shared by all attempts of one call; 0: this leg alone */
};

/* The number a called person would see: the presented one, else the network one; 0 if neither. */
static inline uint64_t tally_event_displayed(const struct tally_event *event)
{
    return event->a_presented != 0 ? event->a_presented : event->a_network;
}
