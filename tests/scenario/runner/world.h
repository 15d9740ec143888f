/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.h - a small telephone world in virtual time, for scenarios.
 *
 * Several registries, each the shipping core, with made-up switches (feeds) and a made-up network
 * between them. Every record passes the shipping encoder and decoder; with `sessions real` also
 * shipping Noise sessions. Nothing sleeps: time is a number.
 */
#pragma once

#include "cdb/core/index.h"
#include "core/registry.h"
#include "crypto/session.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    WORLD_OPERATORS_MAX = 8,
    WORLD_RANGES_MAX = 32,
    WORLD_FEEDS_MAX = 4,
    WORLD_CALLS_MAX = 64,
    WORLD_RULES_MAX = 32,
    WORLD_PACKETS_MAX = 4096,
    WORLD_NAME_BYTES = 32,
    WORLD_LEGS_MAX = 16,
    WORLD_FRAMES_KEPT = 2048,
};

/* One line of a scenario names a call; what became of it is kept here. */
struct world_call {
    char name[WORLD_NAME_BYTES];
    int registry; /* -1: free */
    int feed;
    uint64_t seq; /* 0 for a query made by hand */
    uint64_t query_id;
    uint64_t a_number, b_number;
    bool is_acked;
    uint32_t due_us;
    unsigned decided_count;
    struct tally_decision decision;
    unsigned persisted_count;
    bool has_outcome;
    enum tally_outcome outcome;
    unsigned outcome_count;
    unsigned answer_count;
    enum tally_answer_kind answer;
    bool is_answer_spent;
};

/* A made-up switch. */
struct world_feed {
    char name[WORLD_NAME_BYTES];
    struct tally_feed_config config;
    uint64_t boot_id, next_seq;
    bool is_silent;                          /* sends nothing at all */
    bool is_deaf;                            /* answers no FLUSH */
    bool loses_next;                         /* the next event is lost on its way */
    bool is_snapshot;                        /* HELLO is followed by a snapshot of open legs */
    uint32_t lost_leg_count;                 /* of the snapshot */
    struct tally_event legs[WORLD_LEGS_MAX]; /* SETUPs of originating calls, for snapshots */
    unsigned leg_count;
    int64_t flush_us;
    int64_t watermark_at; /* when the next is due */
};

struct world_registry {
    char name[WORLD_NAME_BYTES];
    bool is_running;
    bool is_cold; /* starts at 0 instead of long before */
    struct tally_registry_config config;
    void *memory;
    struct tally_registry *core;
    struct tally_sessions *sessions;
    uint8_t secret_key[32], public_key[32];
    uint64_t entropy_state;
    int64_t wall_offset_us;
    uint32_t boot;
    struct world_feed feeds[WORLD_FEEDS_MAX];
    void *index_memory;
    uint64_t frame_reject_count[TALLY_REJECT_COUNT];
};

/* "The next `count` records of `type` from `from` to `to` are dropped, delayed or doubled." */
struct world_rule {
    int from, to;
    enum tally_record_type type;
    unsigned count; /* 0: free */
    enum world_rule_kind { RULE_DROP, RULE_DELAY, RULE_DOUBLE } kind;
    int64_t delay_us;
};

struct world_packet {
    int64_t at_us; /* delivery; INT64_MAX: free */
    uint64_t order;
    int from, to;
    int feed; /* >= 0: a FLUSH answer of this feed of `from` */
    uint64_t flush_id;
    size_t bytes;
    uint8_t data[1024];
};

struct world_frame {
    int from, to;
    size_t bytes;
    uint8_t data[1024];
};

struct world {
    int64_t now_us; /* scenario time */
    bool has_sessions;
    int64_t latency_us;
    bool link_is_down[WORLD_OPERATORS_MAX][WORLD_OPERATORS_MAX];
    struct world_registry registries[WORLD_OPERATORS_MAX];
    int registry_count;
    struct tally_cdb_range ranges[WORLD_RANGES_MAX];
    int range_count;
    bool is_unlisted[WORLD_OPERATORS_MAX]; /* not in the participant database */
    int64_t stamp_age_us;
    uint64_t log_size;
    struct world_call calls[WORLD_CALLS_MAX];
    int call_count;
    struct world_rule rules[WORLD_RULES_MAX];
    struct world_packet packets[WORLD_PACKETS_MAX];
    uint64_t packet_order;
    struct world_frame kept[WORLD_FRAMES_KEPT]; /* every frame sent, newest overwrites oldest */
    unsigned kept_count;
    uint64_t step_count;
};

void world_init(struct world *world);
void world_free(struct world *world);

int world_operator(struct world *world, const char *name); /* -1: none; makes none */
int world_operator_add(struct world *world, const char *name);
int world_feed(const struct world_registry *registry, const char *name);
int world_feed_add(struct world_registry *registry, const char *name,
                   const struct tally_feed_config *config);
struct world_call *world_call(struct world *world, const char *name);
struct world_call *world_call_add(struct world *world, const char *name);

/* Starts every registry that is not running. Warm ones have run for `match window + 5 s` by 0. */
void world_start(struct world *world);
void world_stop(struct world *world, int at);
void world_boot(struct world *world, int at);

/* Gives the current facts to one registry, or to all with -1. */
void world_publish(struct world *world, int registry);

void world_run(struct world *world, int64_t until_us);

void world_hello(struct world *world, int registry, int feed);
void world_event(struct world *world, struct world_call *call, struct tally_event *event);
void world_feed_record(struct world *world, int registry, int feed,
                       const struct tally_feed_record *record);
void world_send(struct world *world, int from, int to, const struct tally_record *record);
void world_link(struct world *world, int one, int other, bool is_up);
/* Sends kept frames of a type again. Returns how many. */
unsigned world_replay(struct world *world, int from, int to, enum tally_frame_type type);

struct tally_now world_clock(const struct world *world, int registry);
