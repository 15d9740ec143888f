/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_bench.h - two session engines, a clock that is only a number, entropy from a seed.
 *
 * End LOW has the lower public key, so it is the one that initiates at once. Each end knows the
 * other as its slot 0. Every helper asserts what it expects.
 */
#pragma once

#include "crypto/session.h"
#include "unit/chance.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOW, HIGH, END_COUNT };

/* Entropy from a seed; random is borrowed for as long as it is used. */
struct tally_entropy bench_entropy(struct test_chance *random);

struct bench_end {
    struct tally_sessions *sessions;
    struct test_chance random;
    uint8_t secret[TALLY_SESSION_KEY_BYTES], public[TALLY_SESSION_KEY_BYTES];
    const char *operator_id;
};

struct bench {
    struct bench_end ends[END_COUNT];
    struct test_chance random; /* the test's own */
    struct tally_now now;
    uint8_t network_id[32];
};

struct bench_frame {
    uint8_t bytes[TALLY_FRAME_BYTES_MAX];
    size_t count;
};

/* Makes both engines; nobody is listed yet. */
void bench_open(struct bench *bench, uint64_t seed);
void bench_close(struct bench *bench);

/* Makes one end's engine again, as if it had been started anew; with its peer not listed. */
void bench_restart(struct bench *bench, int end);

/* What the participant database says of an end. */
struct tally_session_peer bench_peer(const struct bench *bench, int end);

/* Lists each with the other. */
void bench_list(struct bench *bench);

void bench_pass(struct bench *bench, int64_t us);
bool bench_is_up(const struct bench *bench, int end);
struct tally_session_stats bench_stats(const struct bench *bench, int end);

/* Ticks an end; SEND must come, and the frame is given. */
void bench_tick_send(struct bench *bench, int end, struct bench_frame *frame);
/* Ticks an end; nothing may be due. */
void bench_tick_none(struct bench *bench, int end);
/* Ticks an end; the loss of its session must come. */
void bench_tick_down(struct bench *bench, int end);

/* Hands a frame to an end, from an address of its own unless bench_give_from is used. */
void bench_give(struct bench *bench, int end, const struct bench_frame *frame,
                struct tally_session_result *result);
void bench_give_from(struct bench *bench, int end, uint64_t source, const struct bench_frame *frame,
                     struct tally_session_result *result);

/* Hands a frame to an end that must reject it so. */
void bench_give_rejected(struct bench *bench, int end, const struct bench_frame *frame,
                         enum tally_reject reject);

/* Hands a frame to an end that must answer it with a frame. */
void bench_give_answered(struct bench *bench, int end, const struct bench_frame *frame,
                         enum tally_session_event event, struct bench_frame *answer);

/* Seals a text for the other end. */
void bench_seal(struct bench *bench, int end, const char *text, struct bench_frame *frame);
/* Hands a frame to an end that must read this text in it. */
void bench_give_text(struct bench *bench, int end, const struct bench_frame *frame,
                     const char *text);

/* Tick, message 1, message 2, confirmation: afterwards both are up. */
void bench_handshake(struct bench *bench, int initiator);

/* A text each way arrives. */
void bench_talk(struct bench *bench);
