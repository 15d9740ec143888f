/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the SIP side of the verdict server: transactions without sockets and clocks.
 *
 * A datagram and the time go in; datagrams to send, an event for the registry and gaps come out, as
 * plain data. The transaction is the minimum that RFC 3261 section 17.2.1 asks of a server which
 * refuses or redirects: one INVITE is one event however often it is retransmitted, its answer is
 * given again byte for byte, ACK is absorbed, CANCEL is answered, all is forgotten after 32 s.
 *
 * When the switch is let go, for the two sides of a call:
 *   originating   once the registry acknowledged the event, or did not within 50 ms;
 *   terminating   once it gave a verdict; or said that none comes; or 20 ms after the verdict was
 *                 due; or 320 ms after the INVITE, if no acknowledgement came at all;
 *   both          at once when the registry is gone. Whatever goes wrong, the call goes through.
 *
 * Touches: nothing. Threads: one owner. Memory: fixed at open.
 */
#pragma once

#include "adapters/sip/call.h"
#include "adapters/sip/respond.h"
#include "base/hash.h"
#include "tally/adapter.h"
#include "tally/err.h"
#include "tally/time.h"

enum {
    TALLY_SIP_LISTENERS_MAX = 16,
    TALLY_SIP_ALLOW_FROM_MAX = 64,
    TALLY_SIP_TRANSACTIONS_MAX = 1 << 22,
    TALLY_SIP_SENDS_MAX = 2, /* datagrams that one input can cause */

    TALLY_SIP_TRYING_AFTER_US = 200000,
    TALLY_SIP_UNACKED_WAIT_US = 319000, /* 320 ms less the tick of the timers */
    TALLY_SIP_OVERDUE_US = 20000,
    TALLY_SIP_FORGET_AFTER_US = 32000000, /* 64 * T1, RFC 3261 timer H */
    TALLY_SIP_T1_US = 500000,
    TALLY_SIP_T2_US = 4000000,
};

/* One listening address and the trunk behind it. */
struct tally_sip_listener {
    struct tally_sip_trunk trunk;
    struct tally_sip_wording wording;
    struct tally_sip_network allow_from[TALLY_SIP_ALLOW_FROM_MAX]; /* none: anybody */
    uint32_t allow_from_count;
};

/* X(name): since open; what each means is in the manual page. */
#define TALLY_SIP_COUNTER_TABLE(X)                                                                 \
    X(datagrams)                                                                                   \
    X(rejected)                                                                                    \
    X(forbidden)                                                                                   \
    X(invites)                                                                                     \
    X(retransmitted)                                                                               \
    X(reinvites)                                                                                   \
    X(options)                                                                                     \
    X(cancels)                                                                                     \
    X(acks)                                                                                        \
    X(other_methods)                                                                               \
    X(events)                                                                                      \
    X(short_codes)                                                                                 \
    X(bad_numbers)                                                                                 \
    X(full)                                                                                        \
    X(oversized)                                                                                   \
    X(allowed)                                                                                     \
    X(labelled)                                                                                    \
    X(stripped)                                                                                    \
    X(label_unsaid)                                                                                \
    X(blocked)                                                                                     \
    X(cancelled)                                                                                   \
    X(open_gone)                                                                                   \
    X(open_unacked)                                                                                \
    X(open_overdue)                                                                                \
    X(late_verdicts)                                                                               \
    X(gaps)

struct tally_sip_counters {
#define TALLY_COUNTER(name) uint64_t name;
    TALLY_SIP_COUNTER_TABLE(TALLY_COUNTER)
#undef TALLY_COUNTER
    uint64_t rejects[TALLY_SIP_REJECT_COUNT];
};

struct tally_sip_server_config {
    const struct tally_sip_listener *listeners; /* borrowed until close */
    uint16_t listener_count;                    /* 1 .. TALLY_SIP_LISTENERS_MAX */
    uint32_t transaction_max;
    uint32_t chunk_max;        /* of TALLY_SIP_CHUNK_BYTES; four serve most transactions */
    struct tally_hash_key key; /* secret, random */
};

struct tally_sip_send {
    struct tally_sip_address to;
    uint16_t listener;
    size_t size;
    char bytes[TALLY_SIP_RESPONSE_BYTES_MAX];
};

/* No transaction has it. */
#define TALLY_SIP_COOKIE_NOBODY UINT64_MAX

/* What an input brought about. Cleared by the call that fills it in. */
struct tally_sip_effects {
    uint8_t send_count;
    bool has_event; /* hand it to the registry; if that fails, tally_sip_server_unsent */
    bool has_gap;
    struct tally_event event;
    uint64_t cookie; /* of the event; NOBODY: the call does not wait for what becomes of it */
    struct tally_wall gap_from, gap_to;
    struct tally_sip_send sends[TALLY_SIP_SENDS_MAX];
};

struct tally_sip_server;

/* TALLY_ERR_SYSTEM: no memory. */
TALLY_NODISCARD enum tally_err tally_sip_server_open(const struct tally_sip_server_config *config,
                                                     struct tally_now now,
                                                     struct tally_sip_server **server,
                                                     struct tally_fault *fault);
/* NULL allowed. */
void tally_sip_server_close(struct tally_sip_server *server);

/* Whether OPTIONS is answered with 200 or 503. Gone at open. */
enum tally_sip_registry { TALLY_SIP_REGISTRY_GONE, TALLY_SIP_REGISTRY_HERE };
void tally_sip_server_set_registry(struct tally_sip_server *server,
                                   enum tally_sip_registry registry);

/* A datagram came to a listener. */
void tally_sip_server_receive(struct tally_sip_server *server, struct tally_now now,
                              uint16_t listener, const struct tally_sip_address *source,
                              const void *bytes, size_t size, struct tally_sip_effects *effects);

/* The event of this cookie could not be handed over: the call goes on, if it waited. */
void tally_sip_server_unsent(struct tally_sip_server *server, struct tally_now now, uint64_t cookie,
                             struct tally_sip_effects *effects);

/* The registry said something. After DOWN, call tally_sip_server_release_one until it is false. */
void tally_sip_server_notice(struct tally_sip_server *server, struct tally_now now,
                             const struct tally_adapter_notice *notice,
                             struct tally_sip_effects *effects);

/* Lets the oldest waiting call go. False: none waits. */
bool tally_sip_server_release_one(struct tally_sip_server *server, struct tally_now now,
                                  struct tally_sip_effects *effects);

/* What time brought about, one thing at a time; call until it returns false. */
bool tally_sip_server_expire_one(struct tally_sip_server *server, struct tally_now now,
                                 struct tally_sip_effects *effects);

/* A lower bound of when expire_one has something to do; us is TALLY_MONO_NEVER_US if never. */
struct tally_mono tally_sip_server_next_due(const struct tally_sip_server *server);

const struct tally_sip_counters *tally_sip_server_counters(const struct tally_sip_server *server);

/* Transactions, and chunks of their texts, in use. */
uint32_t tally_sip_server_transaction_count(const struct tally_sip_server *server);
uint32_t tally_sip_server_chunk_count(const struct tally_sip_server *server);
