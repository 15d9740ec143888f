/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/session_directory.h"

#include "base/assert.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { REMEMBERED_FACTOR = 2 }; /* entries per key that may be listed */

enum tally_err tally_session_directory_open(struct tally_session_directory *directory,
                                            uint32_t key_max, const struct tally_hash_key *hash_key)
{
    uint32_t head_count = 1;

    while (head_count < key_max * REMEMBERED_FACTOR) {
        head_count *= 2;
    }
    *directory = (struct tally_session_directory){
        .entry_max = key_max * REMEMBERED_FACTOR, .head_count = head_count, .hash_key = *hash_key};
    directory->entries = calloc(directory->entry_max, sizeof(struct tally_session_entry));
    directory->heads = calloc(head_count, sizeof(uint32_t));
    if (directory->entries == NULL || directory->heads == NULL) {
        return TALLY_ERR_SYSTEM;
    }
    for (uint32_t i = 0; i < head_count; i++) {
        directory->heads[i] = TALLY_SESSION_NOBODY;
    }
    return TALLY_ERR_OK;
}

void tally_session_directory_close(struct tally_session_directory *directory)
{
    free(directory->entries);
    free(directory->heads);
    *directory = (struct tally_session_directory){0};
}

static uint32_t *head_of(const struct tally_session_directory *directory,
                         const uint8_t key[TALLY_SESSION_KEY_BYTES])
{
    const uint64_t hash = tally_hash(&directory->hash_key, key, TALLY_SESSION_KEY_BYTES);

    return &directory->heads[hash & (directory->head_count - 1)];
}

/* Listed or only remembered. */
static uint32_t find_entry(const struct tally_session_directory *directory,
                           const uint8_t key[TALLY_SESSION_KEY_BYTES])
{
    uint32_t at = *head_of(directory, key);

    while (at != TALLY_SESSION_NOBODY &&
           sodium_memcmp(directory->entries[at].key, key, TALLY_SESSION_KEY_BYTES) != 0) {
        at = directory->entries[at].next;
    }
    return at;
}

uint32_t tally_session_directory_find(const struct tally_session_directory *directory,
                                      const uint8_t key[TALLY_SESSION_KEY_BYTES])
{
    const uint32_t at = find_entry(directory, key);

    if (at == TALLY_SESSION_NOBODY || directory->entries[at].slot == TALLY_SESSION_NOBODY) {
        return TALLY_SESSION_NOBODY;
    }
    return at;
}

static void unlink_entry(struct tally_session_directory *directory, uint32_t at)
{
    uint32_t *link = head_of(directory, directory->entries[at].key);

    while (*link != at) {
        TALLY_ASSERT(*link != TALLY_SESSION_NOBODY);
        link = &directory->entries[*link].next;
    }
    *link = directory->entries[at].next;
}

/* Never-used places first, then those of keys not listed any more, in turn. */
static uint32_t take_place(struct tally_session_directory *directory)
{
    if (directory->entry_count < directory->entry_max) {
        return directory->entry_count++;
    }
    for (uint32_t i = 0; i < directory->entry_max; i++) {
        const uint32_t at = directory->evict_at;

        directory->evict_at = (at + 1) % directory->entry_max;
        if (directory->entries[at].slot == TALLY_SESSION_NOBODY) {
            unlink_entry(directory, at);
            return at;
        }
    }
    tally_assert_failed("fewer keys are listed than there are places", __FILE__, __LINE__);
}

uint32_t tally_session_directory_claim(struct tally_session_directory *directory,
                                       const uint8_t key[TALLY_SESSION_KEY_BYTES], uint32_t slot)
{
    uint32_t at = find_entry(directory, key);
    struct tally_session_entry *entry;
    uint32_t *head;

    if (at != TALLY_SESSION_NOBODY) {
        entry = &directory->entries[at];
        if (entry->slot != TALLY_SESSION_NOBODY && entry->slot != slot) {
            return TALLY_SESSION_NOBODY;
        }
        entry->slot = slot;
        return at;
    }
    at = take_place(directory);
    head = head_of(directory, key);
    entry = &directory->entries[at];
    *entry = (struct tally_session_entry){.slot = slot, .next = *head};
    memcpy(entry->key, key, TALLY_SESSION_KEY_BYTES);
    *head = at;
    return at;
}

void tally_session_directory_release(struct tally_session_directory *directory, uint32_t entry)
{
    TALLY_ASSERT(entry < directory->entry_count);
    directory->entries[entry].slot = TALLY_SESSION_NOBODY;
}
