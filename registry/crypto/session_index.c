/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/session_index.h"

#include "base/assert.h"

#include <stdlib.h>

enum tally_err tally_session_indices_open(struct tally_session_indices *indices,
                                          uint32_t place_count,
                                          const struct tally_hash_key *hash_key)
{
    uint32_t bucket_count = 1;

    while (bucket_count < place_count) {
        bucket_count *= 2;
    }
    *indices = (struct tally_session_indices){
        .bucket_count = bucket_count, .place_count = place_count, .hash_key = *hash_key};
    indices->heads = calloc(bucket_count, sizeof(uint32_t));
    indices->nexts = calloc(place_count, sizeof(uint32_t));
    indices->values = calloc(place_count, sizeof(uint32_t));
    if (indices->heads == NULL || indices->nexts == NULL || indices->values == NULL) {
        return TALLY_ERR_SYSTEM;
    }
    for (uint32_t i = 0; i < bucket_count; i++) {
        indices->heads[i] = TALLY_SESSION_PLACE_NONE;
    }
    return TALLY_ERR_OK;
}

void tally_session_indices_close(struct tally_session_indices *indices)
{
    free(indices->heads);
    free(indices->nexts);
    free(indices->values);
    *indices = (struct tally_session_indices){0};
}

static uint32_t *head_of(const struct tally_session_indices *indices, uint32_t index)
{
    return &indices->heads[tally_hash_u64(&indices->hash_key, index) & (indices->bucket_count - 1)];
}

uint32_t tally_session_indices_find(const struct tally_session_indices *indices, uint32_t index)
{
    uint32_t place = *head_of(indices, index);

    while (place != TALLY_SESSION_PLACE_NONE && indices->values[place] != index) {
        place = indices->nexts[place];
    }
    return place;
}

uint32_t tally_session_indices_draw(const struct tally_session_indices *indices,
                                    const struct tally_entropy *entropy)
{
    uint32_t index;

    /* Ends: the places are few among 2^32 (open's caller bounds them). */
    do {
        tally_entropy_fill(entropy, &index, sizeof(index));
    } while (index == 0 || tally_session_indices_find(indices, index) != TALLY_SESSION_PLACE_NONE);
    return index;
}

void tally_session_indices_set(struct tally_session_indices *indices, uint32_t place,
                               uint32_t index)
{
    uint32_t *head = head_of(indices, index);

    TALLY_ASSERT(place < indices->place_count && index != 0 && indices->values[place] == 0);
    indices->values[place] = index;
    indices->nexts[place] = *head;
    *head = place;
}

void tally_session_indices_clear(struct tally_session_indices *indices, uint32_t place)
{
    uint32_t *link;

    TALLY_ASSERT(place < indices->place_count);
    if (indices->values[place] == 0) {
        return;
    }
    link = head_of(indices, indices->values[place]);
    while (*link != place) {
        TALLY_ASSERT(*link != TALLY_SESSION_PLACE_NONE);
        link = &indices->nexts[*link];
    }
    *link = indices->nexts[place];
    indices->values[place] = 0;
}
