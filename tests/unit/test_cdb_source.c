/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a directory of notes becomes a snapshot with real signatures verified, every fault named by
 * its file; the same notes from memory give the same; what has been tampered with is not believed.
 * Method: the published signed-note vector; then a small database signed here with keys from fixed
 * seeds, written into a directory under build/, and changed one file at a time.
 */
#include "base/text.h"
#include "cdb/core/note.h"
#include "cdb/log/directory.h"
#include "cdb/log/source.h"
#include "crypto/sign.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct tally_wall now = {INT64_C(1795219200) * TALLY_US_PER_S}; /* 2026-11-21 */

enum { NOTE_COUNT = 5, VECTOR_MISSING = 77 };
static const char vector_note[] = "../shared/vectors/signed-note-c2sp/example.note";
static const char vector_key[] = "../shared/vectors/signed-note-c2sp/example.vkey";

static struct tally_cdb_note notes[NOTE_COUNT + 1]; /* the last: the stamp */
static char note_bytes[NOTE_COUNT + 1][TALLY_NOTE_BYTES_MAX];
static char directory[64];

/* --- the vector --- */

static void test_published_vector(void **state)
{
    uint8_t bytes[TALLY_NOTE_BYTES_MAX + 1];
    uint8_t key_line[TALLY_NOTE_BYTES_MAX + 1];
    size_t count = 0;
    size_t key_count = 0;
    size_t decoded_count = 0;
    uint8_t key[33];
    uint8_t key_id[TALLY_NOTE_KEY_ID_BYTES];
    struct tally_note note;
    char *base64;

    (void)state;
    assert_int_equal(tally_cdb_note_read(vector_note, bytes, &count, NULL), TALLY_ERR_OK);
    assert_int_equal(tally_cdb_note_read(vector_key, key_line, &key_count, NULL), TALLY_ERR_OK);
    key_line[key_count] = '\0';
    base64 = strrchr((char *)key_line, '+') + 1; /* base64 may have '+', this key has not */
    assert_true(
        tally_base64_decode(base64, strcspn(base64, "\n"), key, sizeof(key), &decoded_count));
    assert_int_equal(decoded_count, 33);

    assert_int_equal(tally_note_split(bytes, count, &note, NULL), TALLY_REFUSAL_NONE);
    assert_int_equal(note.signature_count, 1);
    assert_int_equal(note.signatures[0].blob_bytes, TALLY_NOTE_BLOB_BYTES);
    tally_note_key_id("example.com/foo", key + 1, key_id);
    assert_memory_equal(note.signatures[0].blob, key_id, sizeof(key_id));
    assert_true(tally_note_verify_signature("example.com/foo", key + 1, note.text, note.text_count,
                                            note.signatures[0].blob, TALLY_NOTE_BLOB_BYTES));
    bytes[3] ^= 1;
    assert_false(tally_note_verify_signature("example.com/foo", key + 1, note.text, note.text_count,
                                             note.signatures[0].blob, TALLY_NOTE_BLOB_BYTES));
}

/* --- a database --- */

/* Keys are 32 times the first byte of their label. */
static void secret_of(const char *label, uint8_t secret[32])
{
    memset(secret, label[0], 32);
}

static void key_text(const char *label, char text[TALLY_BASE64_BYTES(33)])
{
    uint8_t secret[32];
    uint8_t key[33] = {1};

    secret_of(label, secret);
    tally_sign_public(secret, key + 1);
    tally_base64_encode(key, sizeof(key), text);
}

static void add_signature(unsigned at, size_t text_count, const char *name)
{
    uint8_t secret[32];
    uint8_t blob[TALLY_NOTE_BLOB_BYTES];

    secret_of(name, secret);
    tally_note_sign(name, secret, note_bytes[at], text_count, blob);
    assert_int_equal(tally_note_append_signature(note_bytes[at], sizeof(note_bytes[at]),
                                                 &notes[at].count, name, strlen(name), blob),
                     TALLY_ERR_OK);
}

/* Makes notes[at] of the text that stands in note_bytes[at]; signer2 may be NULL. */
static void sign(unsigned at, const char *name, const char *signer, const char *signer2)
{
    size_t text_count = strlen(note_bytes[at]);

    note_bytes[at][text_count] = '\n';
    notes[at].name = name;
    notes[at].bytes = (const uint8_t *)note_bytes[at];
    notes[at].count = text_count + 1;
    add_signature(at, text_count, signer);
    if (signer2 != NULL) {
        add_signature(at, text_count, signer2);
    }
}

#define TIMES "not-before 2026-11-20T00:00:00Z\nexpires 2026-11-26T00:00:00Z\n"

static void check_length(int count)
{
    assert_true(count > 0 && count < TALLY_NOTE_BYTES_MAX);
}

/* A macro, so that the compiler sees the formats. */
#define WRITE_TEXT(at, ...)                                                                        \
    check_length(snprintf(note_bytes[at], sizeof(note_bytes[at]), __VA_ARGS__))

static void stamp_all(void)
{
    uint8_t hash[TALLY_CDB_HASH_BYTES];
    char base64[TALLY_BASE64_BYTES(TALLY_CDB_HASH_BYTES)];

    assert_int_equal(tally_cdb_set_hash(notes, NOTE_COUNT, hash), TALLY_ERR_OK);
    tally_base64_encode(hash, sizeof(hash), base64);
    WRITE_TEXT(NOTE_COUNT,
               "tallystick/1 stamp\nissuer demo\nsubject demo\nserial 1\n" TIMES
               "statements %s\nhash %s\n",
               "5", base64);
    sign(NOTE_COUNT, "stamp.note", "witness", NULL);
}

static void make_notes(void)
{
    char one[TALLY_BASE64_BYTES(33)];
    char other[TALLY_BASE64_BYTES(33)];

    memset(note_bytes, 0, sizeof(note_bytes));
    key_text("root", one);
    key_text("witness", other);
    WRITE_TEXT(0,
               "tallystick/1 root\nissuer demo\nsubject demo\nserial 1\n" TIMES
               "wire-minor-min 0\nthreshold 1\nkey root %s\nquorum 1\nwitness witness %s\n",
               one, other);
    sign(0, "root_1.note", "root", NULL);
    key_text("gb", one);
    WRITE_TEXT(1,
               "tallystick/1 authority\nissuer demo\nsubject gb\nserial 1\n" TIMES
               "country %s\nthreshold 1\nkey gb %s\n",
               "+44", one);
    sign(1, "authority_gb.note", "root", NULL);
    key_text("alfa", one);
    key_text("evidence", other);
    WRITE_TEXT(2,
               "tallystick/1 operator\nissuer alfa\nsubject alfa\nserial 1\n" TIMES
               "enrolled-by gb\nstatement-key %s\nevidence-key %s\n"
               "noise-key AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\nwire-minor 0-0\n"
               "endpoint tcp://127.0.0.1:7001\n",
               one, other);
    sign(2, "operator_alfa_1.note", "alfa", "gb");
    WRITE_TEXT(3,
               "tallystick/1 range\nissuer gb\nsubject %s\npart 1\nserial 1\n" TIMES "range %s\n",
               "alfa", "+44");
    sign(3, "range_gb_alfa_1.note", "gb", NULL);
    WRITE_TEXT(4,
               "tallystick/1 numbering\nissuer alfa\nsubject %s\npart 1\nserial 1\n" TIMES
               "numbers %s answers=calls mobility=fixed policy=strict no-porting\n",
               "alfa", "+44");
    sign(4, "numbering_alfa_1.note", "alfa", NULL);
    stamp_all();
}

static void path_of(const char *name, char path[256])
{
    int count = strcmp(name, "stamp.note") == 0 || name[0] == '\0'
                    ? snprintf(path, 256, "%s/%s", directory, name)
                    : snprintf(path, 256, "%s/statements/%s", directory, name);

    assert_true(count > 0 && count < 256);
}

static void write_file(const char *name, const void *bytes, size_t count)
{
    char path[256];

    path_of(name, path);
    assert_int_equal(tally_cdb_note_write(path, bytes, count, NULL), TALLY_ERR_OK);
}

static int set_up(void **state)
{
    char path[256];

    (void)state;
    make_notes();
    (void)mkdir("build", 0755);
    memcpy(directory, "build/test_cdb_source_XXXXXX", 29);
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/statements", directory);
    assert_int_equal(mkdir(path, 0755), 0);
    for (unsigned i = 0; i <= NOTE_COUNT; i++) {
        write_file(notes[i].name, notes[i].bytes, notes[i].count);
    }
    return 0;
}

static int tear_down(void **state)
{
    static const char *const more[] = {"x.note", "x", "fifo.note", "link.note", "empty.note"};
    char path[256];

    (void)state;
    for (unsigned i = 0; i <= NOTE_COUNT; i++) {
        path_of(notes[i].name, path);
        (void)unlink(path);
    }
    for (unsigned i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        path_of(more[i], path);
        (void)unlink(path);
    }
    path_of("", path);
    (void)snprintf(path, sizeof(path), "%s/statements", directory);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(directory), 0);
    return 0;
}

static struct tally_cdb_snapshot *open_directory(void)
{
    struct tally_cdb_source source = {.now = now};
    struct tally_cdb_snapshot *snapshot = NULL;

    assert_int_equal(tally_cdb_snapshot_open(directory, &source, &snapshot, NULL), TALLY_ERR_OK);
    return snapshot;
}

static enum tally_cdb_standing standing(const struct tally_cdb_snapshot *snapshot)
{
    const struct tally_cdb_entry *entry;

    return tally_cdb_lookup(snapshot->index, 441234567890, now, &entry);
}

static bool is_reported(const struct tally_cdb_snapshot *snapshot, const char *name,
                        enum tally_refusal reason)
{
    for (uint32_t i = 0; i < snapshot->report_count; i++) {
        if (strcmp(snapshot->reports[i].name, name) == 0 &&
            snapshot->reports[i].refusal.reason == reason) {
            return true;
        }
    }
    return false;
}

static void expect_whole(const struct tally_cdb_snapshot *snapshot)
{
    uint8_t id[TALLY_CDB_HASH_BYTES];
    const char *end = strstr(note_bytes[0], "\n\n");

    assert_int_equal(snapshot->report_count, 0);
    assert_int_equal(snapshot->fault_count, 0);
    assert_string_equal(snapshot->network, "demo");
    tally_sha256(note_bytes[0], (size_t)(end - note_bytes[0]) + 1, id);
    assert_memory_equal(snapshot->network_id, id, sizeof(id));
    assert_memory_equal(tally_cdb_network_id(snapshot->index), id, sizeof(id));
    assert_int_equal(snapshot->log_size, NOTE_COUNT);
    assert_int_equal(snapshot->note_count, NOTE_COUNT);
    assert_int_equal(snapshot->stamped.us, now.us - INT64_C(86400) * TALLY_US_PER_S);
    assert_int_equal(standing(snapshot), TALLY_CDB_HELD);
    for (uint32_t i = 0; i < NOTE_COUNT; i++) {
        assert_true(snapshot->notes[i].is_in_force);
    }
}

static void test_directory(void **state)
{
    struct tally_cdb_snapshot *snapshot = open_directory();

    (void)state;
    expect_whole(snapshot);
    tally_cdb_snapshot_close(snapshot);
    tally_cdb_snapshot_close(NULL);
}

/* What a snapshot hands out can be kept and made into the same snapshot again. */
static void test_from_kept_notes(void **state)
{
    struct tally_cdb_source source = {.now = now};
    struct tally_cdb_snapshot *first = open_directory();
    struct tally_cdb_snapshot *second = NULL;

    (void)state;
    assert_int_equal(tally_cdb_snapshot_from_notes(first->notes, first->note_count, &first->stamp,
                                                   &source, &second, NULL),
                     TALLY_ERR_OK);
    tally_cdb_snapshot_close(first); /* nothing of it is borrowed */
    expect_whole(second);
    tally_cdb_snapshot_close(second);
}

static void test_pinned_root(void **state)
{
    struct tally_cdb_snapshot *snapshot = open_directory();
    uint8_t pin[TALLY_CDB_HASH_BYTES];
    struct tally_cdb_source source = {.root_pin = pin, .now = now};

    (void)state;
    memcpy(pin, snapshot->network_id, sizeof(pin));
    tally_cdb_snapshot_close(snapshot);
    assert_int_equal(tally_cdb_snapshot_open(directory, &source, &snapshot, NULL), TALLY_ERR_OK);
    expect_whole(snapshot);
    tally_cdb_snapshot_close(snapshot);
    pin[0] ^= 1;
    assert_int_equal(tally_cdb_snapshot_open(directory, &source, &snapshot, NULL), TALLY_ERR_OK);
    assert_true(is_reported(snapshot, "root_1.note", TALLY_REFUSAL_WRONG_ROOT));
    assert_string_equal(snapshot->network, "");
    assert_int_equal(snapshot->stamped.us, 0);
    tally_cdb_snapshot_close(snapshot);
}

static void test_replayed_stamp(void **state)
{
    struct tally_cdb_source source = {.now = now,
                                      .stamped_min = {now.us - INT64_C(86400000000) + 1}};
    struct tally_cdb_snapshot *snapshot = NULL;

    (void)state;
    assert_int_equal(tally_cdb_snapshot_open(directory, &source, &snapshot, NULL), TALLY_ERR_OK);
    assert_true(is_reported(snapshot, "stamp.note", TALLY_REFUSAL_STAMP_REPLAYED));
    assert_int_equal(snapshot->stamped.us, 0);
    tally_cdb_snapshot_close(snapshot);
}

/* One bit of any byte of any statement: the stamp does not fit, and nothing false is believed. */
static void test_every_statement_is_covered(void **state)
{
    static const uint64_t others = 451234567890;

    (void)state;
    for (unsigned i = 0; i < NOTE_COUNT; i++) {
        for (size_t at = 0; at < notes[i].count; at += 7) {
            struct tally_cdb_source source = {.now = now};
            struct tally_cdb_snapshot *snapshot = NULL;
            const struct tally_cdb_entry *entry;

            note_bytes[i][at] = (char)(note_bytes[i][at] ^ 1);
            assert_int_equal(tally_cdb_snapshot_from_notes(notes, NOTE_COUNT, &notes[NOTE_COUNT],
                                                           &source, &snapshot, NULL),
                             TALLY_ERR_OK);
            assert_int_equal(snapshot->stamped.us, 0);
            assert_true(snapshot->fault_count >= 1);
            assert_int_not_equal(tally_cdb_lookup(snapshot->index, others, now, &entry),
                                 TALLY_CDB_HELD);
            if (tally_cdb_lookup(snapshot->index, 441234567890, now, &entry) == TALLY_CDB_HELD) {
                assert_int_equal(i, 4); /* only what alfa says of its numbers may be missing */
                assert_int_equal(entry->range.answers, TALLY_CDB_ANSWERS_NONE);
                assert_int_equal(entry->range.strictness, TALLY_CDB_LENIENT);
            }
            tally_cdb_snapshot_close(snapshot);
            note_bytes[i][at] = (char)(note_bytes[i][at] ^ 1);
        }
    }
}

static void test_bad_signature(void **state)
{
    char *last = strrchr(note_bytes[3], '=');
    struct tally_cdb_snapshot *snapshot;

    (void)state;
    last[-5] = last[-5] == 'A' ? 'B' : 'A';
    write_file(notes[3].name, notes[3].bytes, notes[3].count);
    snapshot = open_directory();
    assert_true(is_reported(snapshot, notes[3].name, TALLY_REFUSAL_BAD_SIGNATURE));
    assert_true(is_reported(snapshot, "stamp.note", TALLY_REFUSAL_STAMP_OTHER));
    assert_int_equal(standing(snapshot), TALLY_CDB_UNKNOWN);
    tally_cdb_snapshot_close(snapshot);
}

static void test_wrong_signer(void **state)
{
    struct tally_cdb_snapshot *snapshot;

    (void)state;
    *strstr(note_bytes[3], "\n\n") = '\0';
    (void)snprintf(note_bytes[3] + strlen(note_bytes[3]), 2, "\n");
    sign(3, notes[3].name, "alfa", NULL); /* it gives the range to itself */
    write_file(notes[3].name, notes[3].bytes, notes[3].count);
    snapshot = open_directory();
    assert_true(is_reported(snapshot, notes[3].name, TALLY_REFUSAL_WRONG_SIGNER));
    assert_int_equal(standing(snapshot), TALLY_CDB_UNKNOWN);
    tally_cdb_snapshot_close(snapshot);
}

/* Another key under the right name has another id: it has not signed at all. */
static void test_right_name_wrong_key(void **state)
{
    uint8_t secret[32];
    uint8_t blob[TALLY_NOTE_BLOB_BYTES];
    struct tally_cdb_snapshot *snapshot;
    size_t text_count;

    (void)state;
    text_count = (size_t)(strstr(note_bytes[3], "\n\n") - note_bytes[3]) + 1;
    notes[3].count = text_count + 1;
    memset(secret, 'z', sizeof(secret));
    tally_note_sign("gb", secret, note_bytes[3], text_count, blob);
    assert_int_equal(tally_note_append_signature(note_bytes[3], sizeof(note_bytes[3]),
                                                 &notes[3].count, "gb", 2, blob),
                     TALLY_ERR_OK);
    write_file(notes[3].name, notes[3].bytes, notes[3].count);
    snapshot = open_directory();
    assert_true(is_reported(snapshot, notes[3].name, TALLY_REFUSAL_WRONG_SIGNER));
    tally_cdb_snapshot_close(snapshot);
}

static void test_missing_stamp(void **state)
{
    char path[256];
    struct tally_cdb_snapshot *snapshot;

    (void)state;
    path_of("stamp.note", path);
    assert_int_equal(unlink(path), 0);
    snapshot = open_directory();
    assert_int_equal(snapshot->stamped.us, 0);
    assert_int_equal(snapshot->fault_count, 0);
    assert_null(snapshot->stamp.bytes);
    assert_int_equal(standing(snapshot), TALLY_CDB_HELD);
    tally_cdb_snapshot_close(snapshot);
}

static void test_withheld_statement(void **state)
{
    char path[256];
    struct tally_cdb_snapshot *snapshot;

    (void)state;
    path_of(notes[4].name, path);
    assert_int_equal(unlink(path), 0);
    snapshot = open_directory();
    assert_true(is_reported(snapshot, "stamp.note", TALLY_REFUSAL_STAMP_OTHER));
    assert_int_equal(snapshot->stamped.us, 0);
    tally_cdb_snapshot_close(snapshot);
}

static void test_files_that_are_no_notes(void **state)
{
    static char large[TALLY_NOTE_BYTES_MAX + 100];
    char path[256];
    struct tally_cdb_snapshot *snapshot;

    (void)state;
    memset(large, 'x', sizeof(large));
    write_file("x.note", large, sizeof(large));
    write_file("x", notes[0].bytes, notes[0].count);
    write_file("empty.note", "", 0);
    path_of("fifo.note", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    path_of("link.note", path);
    assert_int_equal(symlink("root_1.note", path), 0);
    snapshot = open_directory();
    assert_true(is_reported(snapshot, "x.note", TALLY_REFUSAL_OVERSIZED));
    assert_true(is_reported(snapshot, "x", TALLY_REFUSAL_UNREADABLE));
    assert_true(is_reported(snapshot, "empty.note", TALLY_REFUSAL_UNREADABLE));
    assert_true(is_reported(snapshot, "fifo.note", TALLY_REFUSAL_UNREADABLE));
    assert_true(is_reported(snapshot, "link.note", TALLY_REFUSAL_UNREADABLE));
    assert_int_equal(standing(snapshot), TALLY_CDB_HELD);
    assert_int_equal(snapshot->note_count, NOTE_COUNT + 5);
    tally_cdb_snapshot_close(snapshot);
}

static void test_truncated_file(void **state)
{
    struct tally_cdb_snapshot *snapshot;

    (void)state;
    write_file(notes[4].name, notes[4].bytes, notes[4].count - 1);
    snapshot = open_directory();
    assert_true(is_reported(snapshot, notes[4].name, TALLY_REFUSAL_TRUNCATED));
    tally_cdb_snapshot_close(snapshot);
}

static void test_no_directory(void **state)
{
    struct tally_cdb_source source = {.now = now};
    struct tally_cdb_snapshot *snapshot = NULL;
    struct tally_fault fault = {0};

    (void)state;
    assert_int_equal(tally_cdb_snapshot_open("build/nothing here", &source, &snapshot, &fault),
                     TALLY_ERR_NOT_FOUND);
    assert_null(snapshot);
    assert_non_null(strstr(fault.text, "build/nothing here/statements"));
}

static void test_too_many_notes(void **state)
{
    struct tally_cdb_source source = {.now = now};
    struct tally_cdb_snapshot *snapshot = NULL;

    (void)state;
    assert_int_equal(tally_cdb_snapshot_from_notes(notes, TALLY_CDB_NOTES_MAX + 1, NULL, &source,
                                                   &snapshot, NULL),
                     TALLY_ERR_LIMIT);
}

static void test_words_of_a_report(void **state)
{
    struct tally_cdb_report report = {
        .name = "x.note",
        .refusal = {.reason = TALLY_REFUSAL_OVERCLAIM, .line = 9, .line_count = 3}};
    char text[512];

    (void)state;
    tally_cdb_report_format(&report, text, sizeof(text));
    assert_string_equal(text,
                        "x.note, line 9 (and 2 more lines): it claims numbers that its issuer does "
                        "not hold; those lines are left out");
    report.refusal =
        (struct tally_cdb_refusal){.reason = TALLY_REFUSAL_FORMAT, .line = 2, .expected = "issuer"};
    tally_cdb_report_format(&report, text, sizeof(text));
    assert_non_null(strstr(text, "; expected: issuer"));
}

static void test_writing_is_all_or_nothing(void **state)
{
    struct tally_fault fault = {0};
    uint8_t bytes[TALLY_NOTE_BYTES_MAX + 1];
    size_t count = 0;
    char path[256];

    (void)state;
    assert_int_not_equal(tally_cdb_note_write("build/no such/x.note", "x", 1, &fault),
                         TALLY_ERR_OK);
    assert_true(fault.text[0] != '\0');
    write_file("x.note", "first", 5);
    write_file("x.note", "second", 6);
    path_of("x.note", path);
    assert_int_equal(tally_cdb_note_read(path, bytes, &count, NULL), TALLY_ERR_OK);
    assert_int_equal(count, 6);
    assert_memory_equal(bytes, "second", 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest vector_tests[] = {cmocka_unit_test(test_published_vector)};
    const struct CMUnitTest tests[] = {
        TEST(directory),
        TEST(from_kept_notes),
        TEST(pinned_root),
        TEST(replayed_stamp),
        TEST(every_statement_is_covered),
        TEST(bad_signature),
        TEST(wrong_signer),
        TEST(right_name_wrong_key),
        TEST(missing_stamp),
        TEST(withheld_statement),
        TEST(files_that_are_no_notes),
        TEST(truncated_file),
        TEST(no_directory),
        TEST(too_many_notes),
        TEST(words_of_a_report),
        TEST(writing_is_all_or_nothing),
    };
    int failed_count;

    if (tally_crypto_init(NULL) != TALLY_ERR_OK) {
        return 1;
    }
    failed_count = cmocka_run_group_tests(tests, NULL, NULL);
    if (access(vector_note, R_OK) != 0) {
        print_message("SKIP: %s is not there\n", vector_note);
        return failed_count != 0 ? failed_count : VECTOR_MISSING;
    }
    return failed_count + cmocka_run_group_tests(vector_tests, NULL, NULL);
}
