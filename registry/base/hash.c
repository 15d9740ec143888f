/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include "base/bytes.h"

/* The four words of state, named as in the paper. */
struct sip_state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_round(struct sip_state *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

static struct sip_state sip_start(const struct tally_hash_key *key)
{
    /* "somepseudorandomlygeneratedbytes", from the paper. */
    return (struct sip_state){
        .v0 = key->k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = key->k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = key->k1 ^ UINT64_C(0x7465646279746573),
    };
}

static void sip_absorb(struct sip_state *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    sip_round(s);
    s->v0 ^= word;
}

static uint64_t sip_finish(struct sip_state *s)
{
    s->v2 ^= 0xff;
    sip_round(s);
    sip_round(s);
    sip_round(s);
    sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

static uint64_t load_rest(const uint8_t *bytes, size_t count)
{
    uint64_t word = 0;

    for (size_t i = 0; i < count; i++) {
        word |= (uint64_t)bytes[i] << (8 * i);
    }
    return word;
}

/* The last word holds what is left over and, on top, the length modulo 256. */
static uint64_t length_mark(size_t count)
{
    return (uint64_t)count << 56;
}

uint64_t tally_hash(const struct tally_hash_key *key, const void *bytes, size_t count)
{
    struct sip_state state = sip_start(key);
    const uint8_t *at = bytes;
    size_t left = count;

    for (; left >= 8; left -= 8, at += 8) {
        sip_absorb(&state, tally_le64_load(at));
    }
    sip_absorb(&state, length_mark(count) | load_rest(at, left));
    return sip_finish(&state);
}

uint64_t tally_hash_u64(const struct tally_hash_key *key, uint64_t value)
{
    struct sip_state state = sip_start(key);

    sip_absorb(&state, value);
    sip_absorb(&state, length_mark(8));
    return sip_finish(&state);
}

uint64_t tally_hash_u64_pair(const struct tally_hash_key *key, uint64_t first, uint64_t second)
{
    struct sip_state state = sip_start(key);

    sip_absorb(&state, first);
    sip_absorb(&state, second);
    sip_absorb(&state, length_mark(16));
    return sip_finish(&state);
}
