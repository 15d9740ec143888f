/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/cdb_world.h"

#include "base/hash.h"
#include "base/text.h"
#include "cdb/core/calendar.h"
#include "testing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_S INT64_C(1795219200)
#define DAY_S INT64_C(86400)

static void hash_of(const char *bytes, size_t count, uint8_t out[32])
{
    for (uint64_t i = 0; i < 4; i++) {
        struct tally_hash_key key = {i, 0};
        uint64_t hash = tally_hash(&key, bytes, count);

        memcpy(out + 8 * i, &hash, 8);
    }
}

void cdb_world_open(struct cdb_world *world)
{
    memset(world, 0, sizeof(*world));
    world->now.us = NOW_S * TALLY_US_PER_S;
    world->from_s = -60;
    world->to_s = 20 * DAY_S;
}

void cdb_world_close(struct cdb_world *world)
{
    free(world->memory);
    free(world->index_memory);
    world->memory = NULL;
    world->index_memory = NULL;
}

/* --- who signed --- */

/* Keys are made from their names, so that a key's name can be found again by trying. */
static bool is_key_of(const char *label, size_t count, const uint8_t *key)
{
    uint8_t made[32];

    hash_of(label, count, made);
    return memcmp(made, key, sizeof(made)) == 0;
}

static enum tally_cdb_signed is_signed(void *context, uint32_t candidate, const char *name,
                                       const uint8_t key[TALLY_CDB_KEY_BYTES])
{
    const struct cdb_world *world = context;
    const char *at = world->signers[candidate == TALLY_CDB_STAMP ? CDB_WORLD_NOTES_MAX : candidate];

    while (*at != '\0') {
        size_t count = strcspn(at, " ");
        bool is_bad = *at == '!';
        const char *signer = at + is_bad;
        size_t name_count = strcspn(signer, "/ ");
        const char *label = signer[name_count] == '/' ? signer + name_count + 1 : signer;

        if (name_count == strlen(name) && memcmp(signer, name, name_count) == 0 &&
            is_key_of(label, (size_t)(at + count - label), key)) {
            return is_bad ? TALLY_CDB_SIGNED_BADLY : TALLY_CDB_SIGNED_WELL;
        }
        at += count;
        at += strspn(at, " ");
    }
    return TALLY_CDB_SIGNED_NOT;
}

/* --- writing --- */

static void append(char *text, const char *format, ...) TALLY_PRINTF(2, 3);

static void append(char *text, const char *format, ...)
{
    size_t at = strlen(text);
    va_list list;
    int count;

    va_start(list, format);
    count = vsnprintf(text + at, CDB_WORLD_TEXT_BYTES - at, format, list);
    va_end(list);
    assert_true(count >= 0 && (size_t)count < CDB_WORLD_TEXT_BYTES - at);
}

static void append_key(char *text, const char *before, const char *label, size_t count)
{
    uint8_t bytes[33] = {1};
    char base64[TALLY_BASE64_BYTES(33)];

    hash_of(label, count, bytes + 1);
    tally_base64_encode(bytes, sizeof(bytes), base64);
    append(text, "%s%s\n", before, base64);
}

/* "key r1 ...", "key r2 ...", from "r1 r2" */
static void append_keys(char *text, const char *word, const char *names)
{
    while (*names != '\0') {
        size_t count = strcspn(names, " ");
        char before[100];

        (void)snprintf(before, sizeof(before), "%s %.*s ", word, (int)count, names);
        append_key(text, before, names, count);
        names += count;
        names += strspn(names, " ");
    }
}

static void append_head(const struct cdb_world *world, char *text, const char *type,
                        const char *issuer, const char *subject, unsigned part, unsigned serial)
{
    char from[TALLY_CALENDAR_TEXT_BYTES];
    char to[TALLY_CALENDAR_TEXT_BYTES];

    tally_calendar_format((struct tally_wall){world->now.us + world->from_s * TALLY_US_PER_S},
                          from);
    tally_calendar_format((struct tally_wall){world->now.us + world->to_s * TALLY_US_PER_S}, to);
    append(text, "tallystick/1 %s\nissuer %s\nsubject %s\n", type, issuer, subject);
    if (part != 0) {
        append(text, "part %u\n", part);
    }
    append(text, "serial %u\nnot-before %s\nexpires %s\n", serial, from, to);
}

uint32_t cdb_world_add(struct cdb_world *world, const char *text, const char *signers)
{
    uint32_t at = world->count++;

    assert_true(at < CDB_WORLD_NOTES_MAX);
    if (text != world->texts[at]) {
        world->texts[at][0] = '\0';
        append(world->texts[at], "%s", text);
    }
    world->signers[at] = signers;
    world->candidates[at].text = world->texts[at];
    world->candidates[at].text_count = strlen(world->texts[at]);
    hash_of(world->texts[at], strlen(world->texts[at]), world->candidates[at].text_hash);
    return at;
}

static char *next_text(struct cdb_world *world)
{
    char *text = world->texts[world->count];

    assert_true(world->count < CDB_WORLD_NOTES_MAX);
    text[0] = '\0';
    return text;
}

uint32_t cdb_world_root(struct cdb_world *world, const char *network, unsigned serial,
                        unsigned threshold, const char *keys, const char *signers)
{
    char *text = next_text(world);

    append_head(world, text, "root", network, network, 0, serial);
    append(text, "wire-minor-min 0\nthreshold %u\n", threshold);
    append_keys(text, "key", keys);
    append(text, "quorum 2\n");
    append_keys(text, "witness", "w1 w2 w3");
    return cdb_world_add(world, text, signers);
}

uint32_t cdb_world_authority(struct cdb_world *world, const char *id, unsigned serial,
                             const char *countries, unsigned threshold, const char *keys,
                             const char *signers)
{
    char *text = next_text(world);

    append_head(world, text, "authority", "demo", id, 0, serial);
    while (*countries != '\0') {
        size_t count = strcspn(countries, " ");

        append(text, "country +%.*s\n", (int)count, countries);
        countries += count;
        countries += strspn(countries, " ");
    }
    append(text, "threshold %u\n", threshold);
    append_keys(text, "key", keys);
    return cdb_world_add(world, text, signers);
}

uint32_t cdb_world_operator(struct cdb_world *world, const char *id, unsigned serial,
                            const char *authority, const char *key, const char *signers)
{
    char *text = next_text(world);

    append_head(world, text, "operator", id, id, 0, serial);
    append(text, "enrolled-by %s\n", authority);
    append_key(text, "statement-key ", key, strlen(key));
    append_key(text, "evidence-key ", "evidence", 8);
    append(text, "noise-key AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\n"
                 "wire-minor 0-0\nendpoint tcp://127.0.0.1:7001\n");
    return cdb_world_add(world, text, signers);
}

uint32_t cdb_world_range(struct cdb_world *world, const char *authority, const char *op,
                         unsigned part, unsigned serial, const char *lines, const char *signers)
{
    char *text = next_text(world);

    append_head(world, text, "range", authority, op, part, serial);
    append(text, "%s", lines);
    return cdb_world_add(world, text, signers);
}

uint32_t cdb_world_numbering(struct cdb_world *world, const char *op, unsigned part,
                             unsigned serial, const char *lines, const char *signers)
{
    char *text = next_text(world);

    append_head(world, text, "numbering", op, op, part, serial);
    append(text, "%s", lines);
    return cdb_world_add(world, text, signers);
}

static void make_set_hash(struct cdb_world *world)
{
    memset(world->set_hash, 0, sizeof(world->set_hash));
    for (uint32_t i = 0; i < world->count; i++) {
        for (size_t k = 0; k < sizeof(world->set_hash); k++) {
            world->set_hash[k] ^= world->candidates[i].text_hash[k];
        }
    }
}

void cdb_world_stamp(struct cdb_world *world, const char *network, const char *signers)
{
    char *text = world->texts[CDB_WORLD_NOTES_MAX];
    char base64[TALLY_BASE64_BYTES(32)];
    int64_t to_s = world->to_s;

    if (to_s - world->from_s > 7 * DAY_S) {
        world->to_s = world->from_s + 7 * DAY_S;
    }
    make_set_hash(world);
    tally_base64_encode(world->set_hash, sizeof(world->set_hash), base64);
    text[0] = '\0';
    append_head(world, text, "stamp", network, network, 0, 1);
    world->to_s = to_s;
    append(text, "statements %u\nhash %s\n", world->count, base64);
    world->signers[CDB_WORLD_NOTES_MAX] = signers;
    world->candidates[CDB_WORLD_NOTES_MAX].text = text;
    world->candidates[CDB_WORLD_NOTES_MAX].text_count = strlen(text);
    world->has_stamp = true;
}

void cdb_world_usual(struct cdb_world *world)
{
    cdb_world_root(world, "demo", 1, 2, "r1 r2 r3", "r1 r3");
    cdb_world_authority(world, "gb", 1, "44", 1, "gb-1", "r2 r3");
    cdb_world_operator(world, "alfa", 1, "gb", "alfa", "alfa gb-1");
    cdb_world_operator(world, "bravo", 1, "gb", "bravo", "bravo gb-1");
}

/* --- judging --- */

void cdb_world_judge(struct cdb_world *world)
{
    struct tally_cdb_question question = {
        .candidates = world->candidates,
        .candidate_count = world->count,
        .stamp = world->has_stamp ? &world->candidates[CDB_WORLD_NOTES_MAX] : NULL,
        .set_hash = world->set_hash,
        .root_pin = world->root_pin,
        .now = world->now,
        .stamped_min = world->stamped_min,
        .is_signed = is_signed,
        .context = world,
    };
    size_t bytes = tally_cdb_evaluate_bytes(&question);
    size_t index_bytes;

    make_set_hash(world);
    cdb_world_close(world);
    world->memory = malloc(bytes);
    assert_non_null(world->memory);
    memset(world->memory, 0xee, bytes); /* nothing may depend on what was there */
    tally_cdb_evaluate(&question, world->memory, bytes, &world->result);
    index_bytes = tally_cdb_index_bytes(&world->result.facts);
    world->index_memory = malloc(index_bytes);
    assert_non_null(world->index_memory);
    assert_int_equal(tally_cdb_index_build(&world->result.facts, world->index_memory, index_bytes,
                                           &world->index),
                     TALLY_ERR_OK);
}

enum tally_cdb_standing cdb_world_standing(const struct cdb_world *world, uint64_t number)
{
    const struct tally_cdb_entry *entry;

    return tally_cdb_lookup(world->index, number, world->now, &entry);
}

const struct tally_cdb_entry *cdb_world_held(const struct cdb_world *world, uint64_t number)
{
    const struct tally_cdb_entry *entry;

    assert_int_equal(tally_cdb_lookup(world->index, number, world->now, &entry), TALLY_CDB_HELD);
    return entry;
}

const char *cdb_world_holder(const struct cdb_world *world, uint64_t number)
{
    const struct tally_cdb_entry *entry;

    return tally_cdb_lookup(world->index, number, world->now, &entry) == TALLY_CDB_HELD
               ? tally_cdb_operator_at(world->index, entry->range.holder)->id
               : "-";
}

bool cdb_world_is_refused(const struct cdb_world *world, uint32_t candidate,
                          enum tally_refusal reason)
{
    for (uint32_t i = 0; i < world->result.refusal_count; i++) {
        if (world->result.refusals[i].candidate == candidate &&
            world->result.refusals[i].reason == reason) {
            return true;
        }
    }
    return false;
}

uint32_t cdb_world_refusal_count(const struct cdb_world *world)
{
    return world->result.refusal_count;
}
