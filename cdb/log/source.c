/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.c - from notes to a snapshot.
 */
#include "cdb/log/source.h"

#include "base/assert.h"
#include "cdb/core/note.h"
#include "cdb/log/directory.h"
#include "crypto/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TALLY_STATIC_ASSERT((int)TALLY_CDB_HASH_BYTES == (int)TALLY_SHA256_BYTES,
                    "statements are named by SHA-256");
TALLY_STATIC_ASSERT((int)TALLY_NOTE_BLOB_BYTES == (int)TALLY_NOTE_SIGNATURE_BYTES,
                    "a note's blob is what tally_note_sign makes");

static const char stamp_name[] = "stamp.note";

/* What close frees. The snapshot that is handed out is its first member. */
struct whole {
    struct tally_cdb_snapshot face;
    struct tally_cdb_note *notes; /* names and bytes stand in `contents` */
    char *contents;
    struct tally_cdb_report *reports;
    void *index_memory;
};

/* Between reading and having an index. */
struct work {
    struct tally_note *split; /* per note */
    struct tally_note stamp_split;
    struct tally_cdb_candidate *candidates;
    struct tally_cdb_candidate stamp;
    uint8_t set_hash[TALLY_CDB_HASH_BYTES];
    void *memory;
};

static enum tally_err no_memory(struct tally_fault *fault)
{
    return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for the participant database");
}

/* --- hashing --- */

static int compare_hashes(const void *one, const void *other)
{
    return memcmp(one, other, TALLY_CDB_HASH_BYTES);
}

enum tally_err tally_cdb_set_hash(const struct tally_cdb_note *notes, uint32_t note_count,
                                  uint8_t out[TALLY_CDB_HASH_BYTES])
{
    uint8_t *hashes = malloc((size_t)note_count * TALLY_CDB_HASH_BYTES + 1);

    if (hashes == NULL) {
        return TALLY_ERR_SYSTEM;
    }
    for (uint32_t i = 0; i < note_count; i++) {
        tally_sha256(notes[i].bytes, notes[i].count, hashes + (size_t)i * TALLY_CDB_HASH_BYTES);
    }
    qsort(hashes, note_count, TALLY_CDB_HASH_BYTES, compare_hashes);
    tally_sha256(hashes, (size_t)note_count * TALLY_CDB_HASH_BYTES, out);
    free(hashes);
    return TALLY_ERR_OK;
}

/* --- signatures --- */

static bool has_name(const struct tally_note_signature *signature, const char *name)
{
    return signature->name_count == strlen(name) &&
           memcmp(signature->name, name, signature->name_count) == 0;
}

/* Of the signatures under a name, the one with the key's id speaks for the key. */
static enum tally_cdb_signed is_signed(void *context, uint32_t candidate, const char *name,
                                       const uint8_t key[TALLY_CDB_KEY_BYTES])
{
    const struct work *work = context;
    const struct tally_note *note =
        candidate == TALLY_CDB_STAMP ? &work->stamp_split : &work->split[candidate];
    uint8_t key_id[TALLY_NOTE_KEY_ID_BYTES];

    tally_note_key_id(name, key, key_id);
    for (uint32_t i = 0; i < note->signature_count; i++) {
        const struct tally_note_signature *signature = &note->signatures[i];

        if (has_name(signature, name) && memcmp(signature->blob, key_id, sizeof(key_id)) == 0) {
            return signature->blob_bytes == TALLY_NOTE_SIGNATURE_BYTES &&
                           tally_note_verify_signature(name, key, note->text, note->text_count,
                                                       signature->blob, signature->blob_bytes)
                       ? TALLY_CDB_SIGNED_WELL
                       : TALLY_CDB_SIGNED_BADLY;
        }
    }
    return TALLY_CDB_SIGNED_NOT;
}

/* --- notes of our own --- */

static int compare_notes(const void *one, const void *other)
{
    const struct tally_cdb_note *first = one;
    const struct tally_cdb_note *second = other;

    return strcmp(first->name, second->name);
}

static size_t bytes_of(const struct tally_cdb_note *note)
{
    return strlen(note->name) + 1 + note->count;
}

static struct tally_cdb_note copy_note(const struct tally_cdb_note *from, char **at)
{
    size_t name_bytes = strlen(from->name) + 1;
    struct tally_cdb_note note = {.name = *at, .count = from->count};

    memcpy(*at, from->name, name_bytes);
    *at += name_bytes;
    note.bytes = (const uint8_t *)*at;
    if (from->count > 0) {
        memcpy(*at, from->bytes, from->count);
    }
    *at += from->count;
    return note;
}

static bool copy_notes(struct whole *whole, const struct tally_cdb_note *notes, uint32_t note_count,
                       const struct tally_cdb_note *stamp)
{
    size_t total = stamp != NULL ? bytes_of(stamp) : 0;
    char *at = NULL;

    for (uint32_t i = 0; i < note_count; i++) {
        total += bytes_of(&notes[i]);
    }
    whole->contents = malloc(total + 1);
    whole->notes = calloc((size_t)note_count + 1, sizeof(*whole->notes));
    if (whole->contents == NULL || whole->notes == NULL) {
        return false;
    }
    at = whole->contents;
    for (uint32_t i = 0; i < note_count; i++) {
        whole->notes[i] = copy_note(&notes[i], &at);
    }
    qsort(whole->notes, note_count, sizeof(*whole->notes), compare_notes);
    if (stamp != NULL) {
        whole->face.stamp = copy_note(stamp, &at);
        whole->face.stamp.name = stamp_name;
    }
    whole->face.notes = whole->notes;
    whole->face.note_count = note_count;
    return true;
}

/* --- evaluating --- */

static struct tally_cdb_candidate candidate_of(const struct tally_cdb_note *note,
                                               struct tally_note *split)
{
    struct tally_cdb_candidate candidate = {0};

    candidate.refusal = note->bytes == NULL || note->count == 0
                            ? TALLY_REFUSAL_UNREADABLE
                            : tally_note_split(note->bytes, note->count, split, &candidate.line);
    if (candidate.refusal == TALLY_REFUSAL_NONE) {
        candidate.text = split->text;
        candidate.text_count = split->text_count;
        tally_sha256(split->text, split->text_count, candidate.text_hash);
    }
    return candidate;
}

static bool prepare(const struct tally_cdb_snapshot *face, struct work *work)
{
    work->split = calloc((size_t)face->note_count + 1, sizeof(*work->split));
    work->candidates = calloc((size_t)face->note_count + 1, sizeof(*work->candidates));
    if (work->split == NULL || work->candidates == NULL ||
        tally_cdb_set_hash(face->notes, face->note_count, work->set_hash) != TALLY_ERR_OK) {
        return false;
    }
    for (uint32_t i = 0; i < face->note_count; i++) {
        work->candidates[i] = candidate_of(&face->notes[i], &work->split[i]);
    }
    if (face->stamp.bytes != NULL) {
        work->stamp = candidate_of(&face->stamp, &work->stamp_split);
    }
    return true;
}

static bool keep_reports(struct whole *whole, const struct tally_cdb_evaluation *evaluation)
{
    whole->reports = calloc((size_t)evaluation->refusal_count + 1, sizeof(*whole->reports));
    if (whole->reports == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < evaluation->refusal_count; i++) {
        const struct tally_cdb_refusal *refusal = &evaluation->refusals[i];

        whole->reports[i].refusal = *refusal;
        whole->reports[i].name = refusal->candidate == TALLY_CDB_STAMP
                                     ? stamp_name
                                     : whole->notes[refusal->candidate].name;
        whole->face.fault_count += !tally_refusal_is_notice(refusal->reason);
    }
    whole->face.reports = whole->reports;
    whole->face.report_count = evaluation->refusal_count;
    return true;
}

static enum tally_err build(struct whole *whole, const struct tally_cdb_evaluation *evaluation,
                            struct tally_fault *fault)
{
    size_t bytes = tally_cdb_index_bytes(&evaluation->facts);
    enum tally_err err;

    whole->index_memory = malloc(bytes);
    if (whole->index_memory == NULL || !keep_reports(whole, evaluation)) {
        return no_memory(fault);
    }
    err = tally_cdb_index_build(&evaluation->facts, whole->index_memory, bytes, &whole->face.index);
    TALLY_ASSERT(err == TALLY_ERR_OK); /* evaluation gives sound facts, whatever it was given */
    for (uint32_t i = 0; i < whole->face.note_count; i++) {
        whole->notes[i].is_in_force = evaluation->is_in_force[i];
    }
    memcpy(whole->face.network, evaluation->network, sizeof(whole->face.network));
    memcpy(whole->face.network_id, evaluation->facts.network_id, TALLY_CDB_HASH_BYTES);
    whole->face.root_serial = evaluation->root_serial;
    whole->face.log_size = evaluation->facts.log_size;
    whole->face.stamped = evaluation->facts.stamped;
    whole->face.next_change = evaluation->next_change;
    return TALLY_ERR_OK;
}

static enum tally_err evaluate(struct whole *whole, const struct tally_cdb_source *source,
                               struct tally_fault *fault)
{
    struct work work = {0};
    struct tally_cdb_evaluation evaluation;
    struct tally_cdb_question question = {0};
    size_t bytes = 0;
    enum tally_err err = TALLY_ERR_SYSTEM;

    if (!prepare(&whole->face, &work)) {
        err = no_memory(fault);
        goto out;
    }
    question = (struct tally_cdb_question){
        .candidates = work.candidates,
        .candidate_count = whole->face.note_count,
        .stamp = whole->face.stamp.bytes != NULL ? &work.stamp : NULL,
        .set_hash = work.set_hash,
        .root_pin = source->root_pin,
        .now = source->now,
        .stamped_min = source->stamped_min,
        .is_signed = is_signed,
        .context = &work,
    };
    bytes = tally_cdb_evaluate_bytes(&question);
    work.memory = malloc(bytes);
    if (work.memory == NULL) {
        err = no_memory(fault);
        goto out;
    }
    tally_cdb_evaluate(&question, work.memory, bytes, &evaluation);
    err = build(whole, &evaluation, fault);

out:
    free(work.memory);
    free(work.candidates);
    free(work.split);
    return err;
}

enum tally_err tally_cdb_snapshot_from_notes(const struct tally_cdb_note *notes,
                                             uint32_t note_count,
                                             const struct tally_cdb_note *stamp,
                                             const struct tally_cdb_source *source,
                                             struct tally_cdb_snapshot **snapshot,
                                             struct tally_fault *fault)
{
    struct whole *whole = NULL;
    enum tally_err err = TALLY_ERR_OK;

    *snapshot = NULL;
    if (note_count > TALLY_CDB_NOTES_MAX) {
        return tally_fault_set(fault, TALLY_ERR_LIMIT,
                               "%u statements, more than the %d that one database may have",
                               note_count, TALLY_CDB_NOTES_MAX);
    }
    whole = calloc(1, sizeof(*whole));
    if (whole == NULL || !copy_notes(whole, notes, note_count, stamp)) {
        err = no_memory(fault);
    } else {
        err = evaluate(whole, source, fault);
    }
    if (err != TALLY_ERR_OK) {
        tally_cdb_snapshot_close(whole != NULL ? &whole->face : NULL);
        return err;
    }
    *snapshot = &whole->face;
    return TALLY_ERR_OK;
}

enum tally_err tally_cdb_snapshot_open(const char *directory, const struct tally_cdb_source *source,
                                       struct tally_cdb_snapshot **snapshot,
                                       struct tally_fault *fault)
{
    struct tally_cdb_directory files = {0};
    enum tally_err err = tally_cdb_directory_read(directory, &files, fault);

    *snapshot = NULL;
    if (err == TALLY_ERR_OK) {
        err = tally_cdb_snapshot_from_notes(files.notes, files.note_count,
                                            files.has_stamp ? &files.stamp : NULL, source, snapshot,
                                            fault);
    }
    tally_cdb_directory_free(&files);
    return err;
}

void tally_cdb_snapshot_close(struct tally_cdb_snapshot *snapshot)
{
    struct whole *whole = (struct whole *)snapshot; /* the face is its first member */

    if (whole == NULL) {
        return;
    }
    free(whole->index_memory);
    free(whole->reports);
    free(whole->notes);
    free(whole->contents);
    free(whole);
}

/* --- words --- */

void tally_cdb_report_format(const struct tally_cdb_report *report, char *text, size_t size)
{
    const struct tally_cdb_refusal *refusal = &report->refusal;
    char line[24] = "";
    char more[40] = "";

    if (refusal->line != 0) {
        (void)snprintf(line, sizeof(line), ", line %u", refusal->line);
    }
    if (refusal->line_count > 1) {
        (void)snprintf(more, sizeof(more), " (and %u more lines)", refusal->line_count - 1);
    }
    (void)snprintf(text, size, "%s%s%s: %s%s%s", report->name, line, more,
                   tally_refusal_sentence(refusal->reason),
                   refusal->expected != NULL ? "; expected: " : "",
                   refusal->expected != NULL ? refusal->expected : "");
}
