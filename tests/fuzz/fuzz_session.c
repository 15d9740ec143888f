/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no sequence of frames, damage, repetition, time and changes of the participant database
 * breaks the session engine, and none makes it deliver a text that was not sent, or one twice.
 * Method: the input is a script for two engines in an established session: raw frames, genuine
 * frames kept, damaged and given again, time, other peers. Entropy is from a fixed seed, so the
 * same input does the same.
 */
#include "base/assert.h"
#include "base/cursor.h"
#include "crypto/session.h"
#include "crypto/sign.h"
#include "unit/chance.h"

#include <stdlib.h>
#include <string.h>

enum { ENDS = 2, KEPT_MAX = 8, KEPT_BYTES = 1024, TEXTS_MAX = 256, TEXT_BYTES = 5 };

struct kept {
    uint8_t bytes[KEPT_BYTES];
    size_t count;
};

struct end {
    struct tally_sessions *sessions;
    struct test_chance chance;
    uint8_t secret[TALLY_DH_BYTES], public[TALLY_DH_BYTES];
};

static struct world {
    struct end ends[ENDS];
    struct tally_now now;
    struct kept kept[KEPT_MAX];
    uint32_t sent_count;
    uint8_t senders[TEXTS_MAX];
    uint8_t delivered_counts[TEXTS_MAX];
} world;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(void *context, void *bytes, size_t count)
{
    uint8_t *out = bytes;

    for (size_t i = 0; i < count; i++) {
        out[i] = (uint8_t)test_chance_u64(context);
    }
}

static void list(uint32_t at, uint8_t key_count, bool is_listed)
{
    struct tally_session_peer peer = {.operator_id = "op", .key_count = key_count};

    memcpy(peer.static_keys[0], world.ends[1 - at].public, TALLY_DH_BYTES);
    peer.static_keys[1][0] = 77;
    (void)tally_sessions_set_peer(world.ends[at].sessions, 0, is_listed ? &peer : NULL,
                                  world.now.mono);
}

static void open_world(void)
{
    memset(&world, 0, sizeof(world));
    world.now.mono.us = TALLY_US_PER_S;
    world.now.wall.us = INT64_C(1800000000) * TALLY_US_PER_S;
    for (uint32_t at = 0; at < ENDS; at++) {
        struct end *end = &world.ends[at];
        struct tally_sessions_config config = {.operator_id = "op",
                                               .secret_key = end->secret,
                                               .peer_max = 2,
                                               .entropy = {.fill = fill, .context = &end->chance}};
        enum tally_err err;

        end->chance.state = at + 1;
        tally_dh_generate(&config.entropy, end->secret, end->public);
        err = tally_sessions_open(&config, world.now.mono, &end->sessions, NULL);
        TALLY_ASSERT(err == TALLY_ERR_OK);
    }
    list(0, 1, true);
    list(1, 1, true);
}

static void keep(uint32_t slot, const uint8_t *bytes, size_t count)
{
    struct kept *kept = &world.kept[slot % KEPT_MAX];

    TALLY_ASSERT(count <= KEPT_BYTES);
    memcpy(kept->bytes, bytes, count);
    kept->count = count;
}

static void take_text(uint32_t at, const uint8_t *text, size_t count)
{
    struct tally_reader reader = tally_reader_of(text, count);
    const uint32_t id = tally_read_u32(&reader);

    TALLY_ASSERT(tally_read_u8(&reader) == 'T' && tally_reader_is_done(&reader));
    TALLY_ASSERT(id < world.sent_count && world.senders[id] == 1 - at);
    TALLY_ASSERT(world.delivered_counts[id] == 0);
    world.delivered_counts[id]++;
}

/* Replies are kept in the place given. */
static enum tally_reject give(uint32_t at, uint32_t reply_slot, const uint8_t *bytes, size_t count)
{
    struct tally_session_result result;

    tally_sessions_receive(world.ends[at].sessions, world.now, at, bytes, count, &result);
    TALLY_ASSERT((result.event == TALLY_SESSION_REJECTED) == (result.reject != TALLY_REJECT_NONE));
    TALLY_ASSERT(result.event != TALLY_SESSION_REJECTED ||
                 (result.reply_bytes == 0 && result.plaintext_bytes == 0));
    if (result.reply_bytes > 0) {
        keep(reply_slot, result.reply, result.reply_bytes);
    }
    if (result.plaintext_bytes > 0) {
        take_text(at, result.plaintext, result.plaintext_bytes);
    }
    return result.reject;
}

static void seal(uint32_t at, uint32_t slot)
{
    uint8_t text[TEXT_BYTES];
    uint8_t frame[TEXT_BYTES + 32];
    struct tally_writer writer = tally_writer_of(text, sizeof(text));
    size_t count;

    if (world.sent_count == TEXTS_MAX) {
        return;
    }
    tally_write_u32(&writer, world.sent_count);
    tally_write_u8(&writer, 'T');
    if (tally_sessions_seal(world.ends[at].sessions, world.now.mono, 0, text, sizeof(text), frame,
                            &count) == TALLY_ERR_OK) {
        world.senders[world.sent_count++] = (uint8_t)at;
        keep(slot, frame, count);
    }
}

static void tick(uint32_t at, uint32_t slot)
{
    uint8_t frame[TALLY_SESSION_HANDSHAKE_BYTES_MAX];
    enum tally_session_tick did;
    uint32_t done = 0;

    do {
        uint32_t peer;
        size_t count;

        did = tally_sessions_tick(world.ends[at].sessions, world.now, &peer, frame, &count);
        if (did == TALLY_SESSION_TICK_SEND) {
            keep(slot, frame, count);
        }
        TALLY_ASSERT(done++ < 16); /* what is due ends */
    } while (did != TALLY_SESSION_TICK_NONE);
}

/* A handshake as it should be, ending with both ends up. */
static void establish(void)
{
    world.now.mono.us += 2 * TALLY_SESSION_YIELD_US;
    tick(0, 0);
    (void)give(1, 1, world.kept[0].bytes, world.kept[0].count);
    (void)give(0, 2, world.kept[1].bytes, world.kept[1].count);
    (void)give(1, 3, world.kept[2].bytes, world.kept[2].count);
    TALLY_ASSERT(tally_sessions_is_up(world.ends[0].sessions, world.now.mono, 0));
    TALLY_ASSERT(tally_sessions_is_up(world.ends[1].sessions, world.now.mono, 0));
}

/* Gives a frame that was kept, with one byte changed; a change must never be taken. */
static void give_damaged(uint32_t at, uint32_t slot, uint32_t offset, uint8_t change)
{
    struct kept frame = world.kept[slot % KEPT_MAX];
    enum tally_reject reject;

    if (frame.count == 0) {
        return;
    }
    frame.bytes[offset % frame.count] ^= change;
    reject = give(at, slot + 1, frame.bytes, frame.count);
    TALLY_ASSERT(change == 0 || reject != TALLY_REJECT_NONE);
}

static void step(struct tally_reader *script)
{
    const uint8_t command = tally_read_u8(script);
    const uint32_t at = command >> 7;
    const uint32_t slot = command >> 4 & 7;
    uint32_t length;

    switch (command & 15) {
    case 0:
        length = tally_read_u16(script) % 512;
        if (length <= tally_reader_left(script)) {
            (void)give(at, slot, tally_read_span(script, length), length);
        }
        break;
    case 1:
        seal(at, slot);
        break;
    case 2:
    case 3:
        (void)give_damaged(at, slot, 0, 0);
        break;
    case 4:
        length = tally_read_u16(script);
        give_damaged(at, slot, length, tally_read_u8(script));
        break;
    case 5:
        world.now.mono.us += (int64_t)tally_read_u16(script) * TALLY_US_PER_MS;
        break;
    case 6:
        world.now.mono.us += (int64_t)tally_read_u8(script) * TALLY_US_PER_S;
        world.now.wall.us += (int64_t)tally_read_u8(script) * TALLY_US_PER_S;
        break;
    case 7:
        tick(at, slot);
        break;
    case 8:
        tally_sessions_unsent(world.ends[at].sessions, world.now.mono, 0);
        break;
    case 9:
        tally_sessions_hurry(world.ends[at].sessions, world.now.mono, 0);
        break;
    case 10:
        list(at, slot % 2 == 0 ? 1 : 2, slot < 6);
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally_reader script = tally_reader_of(data, size);

    open_world();
    establish();
    while (tally_reader_left(&script) > 0 && !script.failed) {
        step(&script);
    }
    tally_sessions_close(world.ends[0].sessions);
    tally_sessions_close(world.ends[1].sessions);
    return 0;
}
