/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed_state.h - the adapter's end of a feed, without its sockets.
 *
 * Records in, records out, notices out; the time is passed in. include/tally/adapter.h says what it
 * does, registry/wire/feed.h what the contract with the registry is, feed_client.c is what puts
 * sockets around it.
 *
 * The registry is gone until its first PING, and again when no PING came for
 * TALLY_FEED_SILENT_AFTER_US, a PING names another boot, or something could not be sent. It comes
 * back with the next PING: then HELLO goes out first, one GAP for everything missed, and the open
 * legs.
 *
 * Pure. Threads: one owner. Memory: the caller's, fixed at init.
 */
#pragma once

#include "tally/adapter.h"
#include "wire/feed.h"

enum {
    TALLY_FEED_STATE_FLUSHES_MAX = 1024, /* waiting for their watermark; the registry does not ask
                                            again, its query then ends in UNKNOWN */
    /* After a GAP the snapshot is told again, so that one late answer does not bar denials for as
     * long as a leg may be open; not more often than this, and more rarely with many legs. */
    TALLY_FEED_STATE_RETELL_US = 10000000,
    TALLY_FEED_STATE_RETELL_LEG_US = 1000,
    /* Leaves the registry's 50 ms with room for a late turn. */
    TALLY_FEED_STATE_WATERMARK_US = 40000,
};

enum tally_feed_wait {
    TALLY_FEED_WAIT_NOTHING,
    TALLY_FEED_WAIT_ACK,
    TALLY_FEED_WAIT_LATE, /* LOST was said; an answer is still passed on */
    TALLY_FEED_WAIT_VERDICT,
};

/* An event whose answer is awaited. */
struct tally_feed_pending {
    uint64_t seq;
    uint64_t cookie;
    struct tally_mono sent_at;
    struct tally_wall at;
    enum tally_feed_wait wait;
};

struct tally_feed_state_config {
    enum tally_adapter_class adapter_class;
    uint64_t boot_id; /* random, not 0 */
    uint32_t clock_bound_us;
    int64_t open_leg_us;
    struct tally_feed_pending *pendings; /* borrowed, zeroed */
    uint32_t pending_count;              /* a power of two */
    struct tally_event *legs;            /* borrowed */
    uint32_t leg_count;                  /* at least 1 */
};

enum tally_feed_link {
    TALLY_FEED_LINK_GONE,
    TALLY_FEED_LINK_HEARD, /* a PING came; HELLO is to go out */
    TALLY_FEED_LINK_UP,
};

struct tally_feed_state {
    struct tally_feed_state_config config;
    enum tally_feed_link link;
    bool owes_down, owes_up; /* notices */
    uint64_t daemon_boot;    /* 0: never heard */
    struct tally_mono pinged_at;
    struct tally_wall pinged_wall;

    uint64_t next_seq;
    uint64_t ack_head;  /* the oldest seq that may wait for its ACK */
    uint64_t seq_floor; /* answers below it are of an earlier daemon */
    bool has_gap;
    struct tally_wall gap_from, gap_to;
    uint32_t gap_lost_count;
    bool has_hello_given, has_gap_given; /* given out and not known to be sent */
    struct tally_feed_gap gap_given;

    bool has_drained;
    struct tally_now drained_at;
    struct tally_mono watermark_sent;
    struct tally_wall watermark_at; /* the newest sent */
    struct {
        uint64_t id;
        struct tally_mono asked_at;
    } flushes[TALLY_FEED_STATE_FLUSHES_MAX]; /* a ring */
    uint32_t flush_oldest, flush_count;

    /* The legs are a ring: places are counted up, a leg's index is its place modulo leg_count. */
    uint64_t leg_oldest, leg_end;
    struct tally_wall leg_since; /* all later legs are in the ring */
    int64_t wall_ahead_us;       /* of the monotonic clock, when the legs were last looked at */
    bool is_telling_legs, is_retelling_wanted;
    struct tally_mono hello_at;
    uint64_t leg_next;
    uint32_t legs_told;

    struct tally_adapter_counters counters;
};

void tally_feed_state_init(struct tally_feed_state *state, struct tally_now now,
                           const struct tally_feed_state_config *config);

/*
 * As tally_adapter_event. On TALLY_ERR_OK `record` is to be sent after everything that
 * tally_feed_state_next still has, which must have been taken before.
 */
TALLY_NODISCARD enum tally_err tally_feed_state_event(struct tally_feed_state *state,
                                                      struct tally_now now,
                                                      const struct tally_event *event,
                                                      uint64_t cookie,
                                                      struct tally_feed_record *record);

/* The registry may not have learnt of something that is known here. */
void tally_feed_state_gap(struct tally_feed_state *state, struct tally_wall from,
                          struct tally_wall to, uint32_t lost_count);

/* As tally_adapter_gap: what happened is not known here either, and no snapshot claims it. */
void tally_feed_state_lost(struct tally_feed_state *state, struct tally_wall from,
                           struct tally_wall to, uint32_t lost_count);
void tally_feed_state_drained(struct tally_feed_state *state, struct tally_now at);

/* The next record to send now, in the order of sending: HELLO, GAP, WATERMARK. Some time after a
 * GAP another HELLO comes, for a new snapshot. */
bool tally_feed_state_next(struct tally_feed_state *state, struct tally_now now,
                           struct tally_feed_record *record);

/*
 * The next record of the snapshot: OPEN_LEG, at the end OPEN_LEGS_END. They may be sent between
 * other records. When they could not be sent, *state's leg_next, is_telling_legs and legs_told are
 * put back to what they were.
 */
bool tally_feed_state_next_leg(struct tally_feed_state *state, struct tally_now now,
                               struct tally_feed_record *record);

/* Everything given out has been sent. Only then a HELLO makes the registry count as back. */
void tally_feed_state_sent(struct tally_feed_state *state);

/* What was given out last could not be sent: the registry counts as gone until the next PING. */
void tally_feed_state_unsent(struct tally_feed_state *state, struct tally_now now);

/* A record from the registry. notice->type is NONE when there is nothing to tell. */
void tally_feed_state_consume(struct tally_feed_state *state, struct tally_now now,
                              const struct tally_feed_record *record,
                              struct tally_adapter_notice *notice);

/* What time has brought about; call until it returns false. */
bool tally_feed_state_expire_one(struct tally_feed_state *state, struct tally_now now,
                                 struct tally_adapter_notice *notice);

/* When expire_one or next have something to do; us is TALLY_MONO_NEVER_US if never. */
struct tally_mono tally_feed_state_next_due(const struct tally_feed_state *state);
