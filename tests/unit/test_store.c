/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what was acknowledged is there, whole, after a restart; nothing is overwritten; what is old
 * is erased to the microsecond; the participant database never goes back.
 * Method: a real store in a directory under build/, closed and opened again between the questions;
 * instants are numbers.
 */
#include "store/ledger.h"
#include "store/replica.h"
#include "testing.h"
#include "unit/store_samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_codec(void **state)
{
    struct tally_evidence_entry entry = sample_entry(77, 1000000);
    struct tally_evidence_entry back;
    uint8_t bytes[TALLY_EVIDENCE_VALUE_MAX_BYTES + 1];
    size_t size = tally_evidence_encode(&entry, bytes);

    (void)state;
    assert_string_equal(entry.policy_text, tally_policy_line_sentence(TALLY_POLICY_BLOCK_PROVEN));
    assert_int_equal(tally_evidence_decode(bytes, size, &back), TALLY_ERR_OK);
    assert_same_entry(&back, &entry);
    /* One byte too few or too many, or another version, is not an entry. */
    assert_int_equal(tally_evidence_decode(bytes, size - 1, &back), TALLY_ERR_CORRUPT);
    bytes[size] = 0;
    assert_int_equal(tally_evidence_decode(bytes, size + 1, &back), TALLY_ERR_CORRUPT);
    assert_int_equal(back.decision.id, 0);
    bytes[0] = TALLY_EVIDENCE_VERSION + 1;
    assert_int_equal(tally_evidence_decode(bytes, size, &back), TALLY_ERR_VERSION);
}

/* The longest texts fit; longer ones are cut. */
static void test_codec_texts(void **state)
{
    char peer[2 * TALLY_OPERATOR_ID_BYTES];
    struct tally_evidence_entry entry = sample_entry(77, 1000000);
    struct tally_evidence_entry back;
    uint8_t bytes[TALLY_EVIDENCE_VALUE_MAX_BYTES];

    (void)state;
    memset(peer, 'p', sizeof(peer));
    peer[sizeof(peer) - 1] = '\0';
    tally_evidence_entry_of(&entry.decision, peer, peer, &entry);
    memset(entry.policy_text, 'x', sizeof(entry.policy_text) - 1);
    assert_int_equal(strlen(entry.peer_id), TALLY_OPERATOR_ID_BYTES - 1);
    assert_int_equal(strlen(entry.feed_name), TALLY_EVIDENCE_FEED_BYTES - 1);
    assert_int_equal(tally_evidence_decode(bytes, tally_evidence_encode(&entry, bytes), &back),
                     TALLY_ERR_OK);
    assert_same_entry(&back, &entry);
}

static void test_reopening(void **state)
{
    const char *directory = sample_directory();
    struct tally_evidence_entry entries[3] = {sample_entry(1, 100), sample_entry(2, 200),
                                              sample_entry(UINT64_MAX, -5)};
    struct tally_evidence_entry back;
    struct tally_store_usage usage;
    struct tally_store *store = sample_store(directory, SAMPLE_MAP_BYTES);

    (void)state;
    assert_int_equal(tally_store_boot(store), 1);
    assert_int_equal(tally_evidence_put(store, entries, 3, NULL, NULL), TALLY_ERR_OK);
    tally_store_close(store);

    store = sample_store(directory, SAMPLE_MAP_BYTES);
    assert_int_equal(tally_store_boot(store), 2);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tally_evidence_get(store, entries[i].decision.id, &back, NULL),
                         TALLY_ERR_OK);
        assert_same_entry(&back, &entries[i]);
    }
    assert_int_equal(tally_evidence_get(store, 3, &back, NULL), TALLY_ERR_NOT_FOUND);
    assert_int_equal(tally_store_usage(store, &usage, NULL), TALLY_ERR_OK);
    assert_int_equal(usage.map_bytes, SAMPLE_MAP_BYTES);
    assert_int_equal(usage.evidence_count, 3);
    assert_in_range(usage.used_bytes, 5 * 4096, 64 * 4096);
    tally_store_close(store);
    sample_directory_remove(directory);
}

static void test_never_overwritten(void **state)
{
    const char *directory = sample_directory();
    struct tally_store *store = sample_store(directory, SAMPLE_MAP_BYTES);
    struct tally_evidence_entry first = sample_entry(1, 100);
    struct tally_evidence_entry batch[3] = {sample_entry(2, 100), sample_entry(1, 101), first};
    struct tally_evidence_entry back;
    enum tally_err results[3];

    (void)state;
    assert_int_equal(tally_evidence_put(store, &first, 1, results, NULL), TALLY_ERR_OK);
    assert_int_equal(results[0], TALLY_ERR_OK);
    assert_int_equal(tally_evidence_put(store, batch, 3, results, NULL), TALLY_ERR_OK);
    assert_int_equal(results[0], TALLY_ERR_OK);
    assert_int_equal(results[1], TALLY_ERR_EXISTS);
    assert_int_equal(results[2], TALLY_ERR_OK);
    assert_int_equal(tally_evidence_get(store, 1, &back, NULL), TALLY_ERR_OK);
    assert_same_entry(&back, &first);
    assert_int_equal(tally_evidence_put(store, NULL, 0, NULL, NULL), TALLY_ERR_OK);
    tally_store_close(store);
    sample_directory_remove(directory);
}

/* Newest first, ties by id, in pages; nothing twice and nothing left out. */
static void test_newest(void **state)
{
    static const struct {
        uint64_t id;
        int64_t at_us;
    } order[] = {{9, 500}, {3, 400}, {2, 400}, {8, 300}, {1, 0}, {5, -1}};
    enum { COUNT = sizeof(order) / sizeof(order[0]) };
    const char *directory = sample_directory();
    struct tally_store *store = sample_store(directory, SAMPLE_MAP_BYTES);
    struct tally_evidence_entry entries[COUNT];
    struct tally_evidence_entry page[4];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        entries[i] = sample_entry(order[(i * 5) % COUNT].id, order[(i * 5) % COUNT].at_us);
    }
    assert_int_equal(tally_evidence_put(store, entries, COUNT, NULL, NULL), TALLY_ERR_OK);
    for (size_t page_max = 1; page_max <= 4; page_max++) {
        struct tally_evidence_mark mark = {.is_set = 0};
        size_t seen = 0;
        size_t count = 1;

        while (count > 0) {
            assert_int_equal(tally_evidence_newest(store, &mark, page, page_max, &count, NULL),
                             TALLY_ERR_OK);
            for (size_t i = 0; i < count; i++, seen++) {
                assert_in_range(seen, 0, COUNT - 1);
                assert_int_equal(page[i].decision.id, order[seen].id);
                assert_int_equal(page[i].decision.decided_at.us, order[seen].at_us);
            }
        }
        assert_int_equal(seen, COUNT);
    }
    tally_store_close(store);
    sample_directory_remove(directory);
}

static void test_newest_of_nothing(void **state)
{
    const char *directory = sample_directory();
    struct tally_store *store = sample_store(directory, SAMPLE_MAP_BYTES);
    struct tally_evidence_mark mark = {{400}, 3, 1};
    struct tally_evidence_entry entry;
    size_t count = 7;

    (void)state;
    assert_int_equal(tally_evidence_newest(store, &mark, &entry, 1, &count, NULL), TALLY_ERR_OK);
    assert_int_equal(count, 0);
    tally_store_close(store);
    sample_directory_remove(directory);
}

/* Decided one microsecond before the instant: erased. At it: kept. */
static void test_erase(void **state)
{
    const char *directory = sample_directory();
    struct tally_store *store = sample_store(directory, SAMPLE_MAP_BYTES);
    struct tally_evidence_entry entries[5] = {sample_entry(1, 997), sample_entry(2, 998),
                                              sample_entry(3, 999), sample_entry(4, 1000),
                                              sample_entry(5, 1001)};
    struct tally_evidence_entry back;
    struct tally_store_usage usage;
    uint32_t erased_count;

    (void)state;
    assert_int_equal(tally_evidence_put(store, entries, 5, NULL, NULL), TALLY_ERR_OK);
    assert_int_equal(tally_evidence_erase(store, (struct tally_wall){1000}, 2, &erased_count, NULL),
                     TALLY_ERR_OK);
    assert_int_equal(erased_count, 2);
    assert_int_equal(tally_evidence_get(store, 3, &back, NULL), TALLY_ERR_OK);
    assert_int_equal(tally_evidence_erase(store, (struct tally_wall){1000}, 2, &erased_count, NULL),
                     TALLY_ERR_OK);
    assert_int_equal(erased_count, 1);
    assert_int_equal(tally_evidence_get(store, 3, &back, NULL), TALLY_ERR_NOT_FOUND);
    assert_int_equal(tally_evidence_get(store, 4, &back, NULL), TALLY_ERR_OK);
    assert_int_equal(tally_evidence_erase(store, (struct tally_wall){1000}, 2, &erased_count, NULL),
                     TALLY_ERR_OK);
    assert_int_equal(erased_count, 0);
    assert_int_equal(tally_store_usage(store, &usage, NULL), TALLY_ERR_OK);
    assert_int_equal(usage.evidence_count, 2);
    tally_store_close(store);
    sample_directory_remove(directory);
}

/* --- the replica --- */

static struct tally_replica_note note_of(uint8_t first, const char *text)
{
    struct tally_replica_note note = {.bytes = text, .size = strlen(text)};

    note.hash[0] = first;
    note.hash[31] = (uint8_t)~first;
    return note;
}

struct seen {
    char text[256];
    uint32_t count;
    uint32_t stop_at; /* 0: never */
};

static bool see(void *context, const struct tally_replica_note *note)
{
    struct seen *seen = context;

    (void)snprintf(seen->text + strlen(seen->text), sizeof(seen->text) - strlen(seen->text),
                   "%02x=%.*s ", note->hash[0], (int)note->size, (const char *)note->bytes);
    seen->count++;
    return seen->count != seen->stop_at;
}

static struct tally_replica_marks marks_of(int64_t stamped_us, uint64_t root_version, uint8_t hash)
{
    struct tally_replica_marks marks = {{stamped_us}, root_version, {hash}};

    return marks;
}

static void assert_replica(struct tally_store *store, const char *text, const char *stamp,
                           uint64_t generation)
{
    struct seen seen = {"", 0, 0};
    struct tally_replica_state replica;
    uint8_t bytes[TALLY_REPLICA_NOTE_MAX_BYTES];
    size_t size;

    assert_int_equal(tally_replica_read(store, see, &seen, bytes, &size, &replica, NULL),
                     TALLY_ERR_OK);
    assert_string_equal(seen.text, text);
    assert_int_equal(size, strlen(stamp));
    assert_memory_equal(bytes, stamp, size);
    assert_int_equal(replica.generation, generation);
    assert_int_equal(replica.note_count, seen.count);
}

static void test_replica(void **state)
{
    const char *directory = sample_directory();
    struct tally_store *store = sample_store(directory, SAMPLE_MAP_BYTES);
    struct tally_replica_note first[3] = {note_of(9, "nine"), note_of(2, "two"),
                                          note_of(5, "five")};
    struct tally_replica_note second[2] = {note_of(7, "seven"), note_of(5, "five")};
    struct tally_replica_note stamp = note_of(0, "stamp");
    struct tally_replica_marks marks = marks_of(1000, 1, 0xab);
    struct tally_replica_state replica;
    struct seen seen = {"", 0, 2};

    (void)state;
    assert_replica(store, "", "", 0);
    assert_int_equal(tally_replica_replace(store, first, 3, &stamp, &marks, &replica, NULL),
                     TALLY_ERR_OK);
    assert_int_equal(replica.generation, 1);
    assert_int_equal(replica.note_count, 3);
    assert_replica(store, "02=two 05=five 09=nine ", "stamp", 1);
    assert_int_equal(tally_replica_read(store, see, &seen, NULL, NULL, NULL, NULL), TALLY_ERR_OK);
    assert_int_equal(seen.count, 2);
    tally_store_close(store);

    store = sample_store(directory, SAMPLE_MAP_BYTES);
    assert_replica(store, "02=two 05=five 09=nine ", "stamp", 1);
    assert_int_equal(tally_replica_replace(store, second, 2, NULL, &marks, &replica, NULL),
                     TALLY_ERR_OK);
    assert_replica(store, "05=five 07=seven ", "", 2);
    assert_int_equal(tally_replica_replace(store, NULL, 0, NULL, &marks, &replica, NULL),
                     TALLY_ERR_OK);
    assert_replica(store, "", "", 3);
    tally_store_close(store);
    sample_directory_remove(directory);
}

/* What is offered after {stamped 1000, root 2 of hash 7}, and whether it may come. */
static void test_replica_never_goes_back(void **state)
{
    static const struct {
        const char *what;
        int64_t stamped_us;
        uint64_t root_version;
        uint8_t root_hash;
        enum tally_err want;
    } rows[] = {
        {"the same again", 1000, 2, 7, TALLY_ERR_OK},
        {"one microsecond older", 999, 2, 7, TALLY_ERR_EXPIRED},
        {"older with a newer root", 999, 3, 8, TALLY_ERR_EXPIRED},
        {"an older root", 1001, 1, 6, TALLY_ERR_EXPIRED},
        {"another root of that version", 1001, 2, 8, TALLY_ERR_EXPIRED},
        {"newer", 1001, 2, 7, TALLY_ERR_OK},
        {"newer with the next root", 1002, 3, 8, TALLY_ERR_OK},
        {"what was good before", 1001, 2, 7, TALLY_ERR_EXPIRED},
    };
    const char *directory = sample_directory();
    struct tally_store *store = sample_store(directory, SAMPLE_MAP_BYTES);
    struct tally_replica_note note = note_of(1, "one");
    struct tally_replica_marks marks = marks_of(1000, 2, 7);
    struct tally_replica_state replica;
    struct tally_replica_state before;

    (void)state;
    assert_int_equal(tally_replica_replace(store, &note, 1, NULL, &marks, &replica, NULL),
                     TALLY_ERR_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum tally_err err;

        marks = marks_of(rows[i].stamped_us, rows[i].root_version, rows[i].root_hash);
        before = replica;
        err = tally_replica_replace(store, &note, 1, NULL, &marks, &replica, NULL);
        if (err != rows[i].want) {
            fail_msg("%s: %s", rows[i].what, tally_err_name(err));
        }
        if (err != TALLY_ERR_OK) {
            assert_int_equal(replica.generation, before.generation);
            assert_int_equal(replica.note_count, before.note_count);
            assert_memory_equal(&replica.marks, &before.marks, sizeof(before.marks));
        }
        tally_store_close(store);
        store = sample_store(directory, SAMPLE_MAP_BYTES);
    }
    tally_store_close(store);
    sample_directory_remove(directory);
}

static void test_replica_limits(void **state)
{
    const char *directory = sample_directory();
    struct tally_store *store = sample_store(directory, SAMPLE_MAP_BYTES);
    struct tally_replica_note notes[2] = {note_of(1, "one"), note_of(2, "two")};
    struct tally_replica_marks marks = marks_of(1, 1, 1);
    struct tally_replica_state replica;
    char *large = calloc(1, TALLY_REPLICA_NOTE_MAX_BYTES + 1);

    (void)state;
    assert_non_null(large);
    notes[1].bytes = large;
    notes[1].size = TALLY_REPLICA_NOTE_MAX_BYTES + 1;
    assert_int_equal(tally_replica_replace(store, notes, 2, NULL, &marks, &replica, NULL),
                     TALLY_ERR_LIMIT);
    notes[1].size = 0;
    assert_int_equal(tally_replica_replace(store, notes, 2, NULL, &marks, &replica, NULL),
                     TALLY_ERR_LIMIT);
    notes[1] = notes[0];
    assert_int_equal(tally_replica_replace(store, notes, 2, NULL, &marks, &replica, NULL),
                     TALLY_ERR_EXISTS);
    assert_int_equal(tally_replica_replace(store, notes, TALLY_REPLICA_NOTES_MAX + 1, NULL, &marks,
                                           &replica, NULL),
                     TALLY_ERR_LIMIT);
    assert_replica(store, "", "", 0);
    notes[1] = note_of(2, "");
    notes[1].bytes = large;
    notes[1].size = TALLY_REPLICA_NOTE_MAX_BYTES;
    assert_int_equal(tally_replica_replace(store, notes, 2, NULL, &marks, &replica, NULL),
                     TALLY_ERR_OK);
    assert_int_equal(replica.note_count, 2);
    free(large);
    tally_store_close(store);
    sample_directory_remove(directory);
}

/* --- the ledger --- */

static bool list_ids(void *context, const struct tally_ledger_entry *entry)
{
    char *text = context;

    (void)snprintf(text + strlen(text), 64 - strlen(text), "%s=%lld ", entry->operator_id,
                   (long long)entry->strict_since.us);
    return true;
}

static void test_ledger(void **state)
{
    const char *directory = sample_directory();
    struct tally_store *store = sample_store(directory, SAMPLE_MAP_BYTES);
    struct tally_ledger_entry entries[2] = {{"op-b", {500}}, {"op-a", {400}}};
    struct tally_ledger_entry later = {"op-b", {501}};
    struct tally_ledger_entry earlier = {"op-b", {499}};
    struct tally_ledger_entry none = {"op-b", {0}};
    struct tally_ledger_entry wrong[2] = {{"op-c", {1}}, {"Op-D", {1}}};
    struct tally_wall since;
    char text[64] = "";

    (void)state;
    assert_int_equal(tally_ledger_put(store, entries, 2, NULL), TALLY_ERR_OK);
    assert_int_equal(tally_ledger_put(store, &later, 1, NULL), TALLY_ERR_OK);
    assert_int_equal(later.strict_since.us, 500);
    assert_int_equal(tally_ledger_put(store, &earlier, 1, NULL), TALLY_ERR_OK);
    assert_int_equal(earlier.strict_since.us, 499);
    assert_int_equal(tally_ledger_put(store, wrong, 2, NULL), TALLY_ERR_FORMAT);
    tally_store_close(store);

    store = sample_store(directory, SAMPLE_MAP_BYTES);
    assert_int_equal(tally_ledger_get(store, "op-b", &since, NULL), TALLY_ERR_OK);
    assert_int_equal(since.us, 499);
    assert_int_equal(tally_ledger_get(store, "op-c", &since, NULL), TALLY_ERR_OK);
    assert_int_equal(since.us, 0);
    assert_int_equal(tally_ledger_read(store, list_ids, text, NULL), TALLY_ERR_OK);
    assert_string_equal(text, "op-a=400 op-b=499 ");
    assert_int_equal(tally_ledger_put(store, &none, 1, NULL), TALLY_ERR_OK);
    assert_int_equal(tally_ledger_get(store, "op-b", &since, NULL), TALLY_ERR_OK);
    assert_int_equal(since.us, 0);
    tally_store_close(store);
    sample_directory_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec),
        cmocka_unit_test(test_codec_texts),
        cmocka_unit_test(test_reopening),
        cmocka_unit_test(test_never_overwritten),
        cmocka_unit_test(test_newest),
        cmocka_unit_test(test_newest_of_nothing),
        cmocka_unit_test(test_erase),
        cmocka_unit_test(test_replica),
        cmocka_unit_test(test_replica_never_goes_back),
        cmocka_unit_test(test_replica_limits),
        cmocka_unit_test(test_ledger),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
