/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/participants.h"

#include "base/assert.h"
#include "cdb/core/note.h"
#include "cdb/core/statement.h"
#include "crypto/sign.h"
#include "store/ledger.h"
#include "store/replica.h"
#include "wire/frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TALLY_STATIC_ASSERT(offsetof(struct tally_participants, job) == 0, "a job is its head");
TALLY_STATIC_ASSERT(offsetof(struct tally_participants_job, job) == 0, "a job is its head");

enum tally_err tally_participants_work_init(struct tally_participants_work *work,
                                            struct tally_store *store,
                                            const struct tally_daemon_conf *conf,
                                            struct tally_fault *fault)
{
    struct tally_replica_state state;
    enum tally_err err = tally_replica_state(store, &state, fault);

    *work = (struct tally_participants_work){.store = store,
                                             .directory = conf->cdb_directory,
                                             .operator_id = conf->operator_id,
                                             .stamped_min = state.marks.stamped};
    tally_daemon_conf_root(conf, work->root_pin);
    return err;
}

void tally_participants_empty(struct tally_participants *participants)
{
    tally_cdb_snapshot_close(participants->snapshot);
    participants->snapshot = NULL;
    participants->index = NULL;
    free(participants->strict_since);
    participants->strict_since = NULL;
}

void tally_participants_free(struct tally_participants *participants)
{
    if (participants != NULL) {
        tally_participants_empty(participants);
        free(participants);
    }
}

/* Has a snapshot everything that a registry rests on? */
static enum tally_err check_usable(const struct tally_participants_work *work, const char *where,
                                   const struct tally_cdb_snapshot *snapshot,
                                   struct tally_fault *fault)
{
    if (snapshot->network[0] == '\0') {
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "%s holds no root statement of the network that cdb_root names; "
                               "%u files were refused; correct cdb_root, or cdb_directory: "
                               "tally-cdb verify tells a directory's id",
                               where, snapshot->fault_count);
    }
    if (snapshot->stamped.us == 0) {
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "%s has no timestamp to be believed for its statements; "
                               "tally-cdb verify tells why",
                               where);
    }
    if (tally_cdb_wire_minor_min(snapshot->index) > TALLY_WIRE_MINOR) {
        return tally_fault_set(fault, TALLY_ERR_VERSION,
                               "%s asks for wire version %d.%u, this program speaks %d.%d: "
                               "install a newer one",
                               where, TALLY_WIRE_MAJOR, tally_cdb_wire_minor_min(snapshot->index),
                               TALLY_WIRE_MAJOR, TALLY_WIRE_MINOR);
    }
    if (tally_cdb_operator_find(snapshot->index, work->operator_id) == TALLY_CDB_NOBODY) {
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "operator %s has no statement in force in %s; enrol it, or correct "
                               "the setting operator",
                               work->operator_id, where);
    }
    return TALLY_ERR_OK;
}

/* Takes the snapshot over. NULL: no memory, and the snapshot is closed. */
static struct tally_participants *wrap(struct tally_cdb_snapshot *snapshot,
                                       struct tally_fault *fault)
{
    uint32_t operator_count = tally_cdb_operator_count(snapshot->index);
    struct tally_participants *made = calloc(1, sizeof(*made));
    struct tally_wall *strict_since = calloc(operator_count + 1u, sizeof(*strict_since));

    if (made == NULL || strict_since == NULL) {
        free(made);
        free(strict_since);
        tally_cdb_snapshot_close(snapshot);
        (void)tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for %u operators",
                              operator_count);
        return NULL;
    }
    made->job.type = TALLY_JOB_FREE;
    made->snapshot = snapshot;
    made->index = snapshot->index;
    made->strict_since = strict_since;
    return made;
}

/* The hash of the root in force, which the replica holds against a second one of its version. */
static void root_hash(const struct tally_cdb_snapshot *snapshot,
                      uint8_t hash[TALLY_REPLICA_HASH_BYTES])
{
    memset(hash, 0, TALLY_REPLICA_HASH_BYTES);
    for (uint32_t i = 0; i < snapshot->note_count; i++) {
        const struct tally_cdb_note *stored = &snapshot->notes[i];
        struct tally_statement_header header;
        struct tally_note note;

        if (stored->is_in_force &&
            tally_note_split(stored->bytes, stored->count, &note, NULL) == TALLY_REFUSAL_NONE &&
            tally_statement_decode_header(note.text, note.text_count, &header, NULL) &&
            header.type == TALLY_STATEMENT_ROOT && header.serial == snapshot->root_serial) {
            tally_sha256(note.text, note.text_count, hash);
            return;
        }
    }
}

static struct tally_replica_note replica_note(const struct tally_cdb_note *from)
{
    struct tally_replica_note note = {.bytes = from->bytes, .size = from->count};

    tally_sha256(from->bytes, from->count, note.hash);
    return note;
}

/* A note that is too large or empty was refused by name already; the replica has no place for it.
 */
static bool is_storable(const struct tally_cdb_note *note)
{
    return note->bytes != NULL && note->count > 0 && note->count <= TALLY_REPLICA_NOTE_MAX_BYTES;
}

static enum tally_err keep(struct tally_participants_work *work,
                           struct tally_participants *participants, struct tally_fault *fault)
{
    const struct tally_cdb_snapshot *snapshot = participants->snapshot;
    struct tally_replica_note *notes = calloc(snapshot->note_count + 1u, sizeof(*notes));
    struct tally_replica_note stamp = replica_note(&snapshot->stamp);
    struct tally_replica_marks marks = {.stamped = snapshot->stamped,
                                        .root_version = snapshot->root_serial};
    struct tally_replica_state state;
    size_t note_count = 0;
    enum tally_err err;

    if (notes == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for %u notes",
                               snapshot->note_count);
    }
    root_hash(snapshot, marks.root_hash);
    for (uint32_t i = 0; i < snapshot->note_count; i++) {
        if (is_storable(&snapshot->notes[i])) {
            notes[note_count++] = replica_note(&snapshot->notes[i]);
        }
    }
    err = tally_replica_replace(work->store, notes, note_count, &stamp, &marks, &state, fault);
    free(notes);
    participants->generation = err == TALLY_ERR_OK ? state.generation : 0;
    return err;
}

/* Which operators are in the ledger but no longer strict. */
struct ledger_search {
    const struct tally_cdb_index *index;
    const bool *is_strict;
    struct tally_ledger_entry *entries; /* room for all that come */
    size_t count, max;
};

static bool find_lapsed(void *context, const struct tally_ledger_entry *entry)
{
    struct ledger_search *search = context;
    uint32_t op = tally_cdb_operator_find(search->index, entry->operator_id);

    if ((op == TALLY_CDB_NOBODY || !search->is_strict[op]) && search->count < search->max) {
        search->entries[search->count] = *entry;
        search->entries[search->count].strict_since.us = 0;
        search->count++;
    }
    return search->count < search->max;
}

static void find_strict(const struct tally_cdb_index *index, bool *is_strict)
{
    uint32_t range_count = tally_cdb_range_count(index);

    for (uint32_t at = 0; at < range_count; at++) {
        const struct tally_cdb_range *range = &tally_cdb_entry_at(index, at)->range;

        if (range->strictness != TALLY_CDB_LENIENT && range->holder != TALLY_CDB_NOBODY) {
            is_strict[range->holder] = true;
        }
    }
}

/* Writes down who is strict from now on, or no longer, and reads since when. `entries` has room for
 * every operator, and as many that have lapsed. */
static enum tally_err update_ledger(struct tally_participants_work *work,
                                    struct tally_participants *participants, struct tally_wall now,
                                    const bool *is_strict, struct tally_ledger_entry *entries,
                                    struct tally_fault *fault)
{
    const struct tally_cdb_index *index = participants->index;
    uint32_t operator_count = tally_cdb_operator_count(index);
    struct ledger_search search = {
        .index = index, .is_strict = is_strict, .max = operator_count + 1u};
    size_t strict_count = 0, at = 0;
    enum tally_err err;

    for (uint32_t op = 0; op < operator_count; op++) {
        if (is_strict[op]) {
            memcpy(entries[strict_count].operator_id, tally_cdb_operator_at(index, op)->id,
                   sizeof(entries[strict_count].operator_id));
            entries[strict_count++].strict_since = now;
        }
    }
    search.entries = entries + strict_count;
    err = tally_ledger_read(work->store, find_lapsed, &search, fault);
    if (err == TALLY_ERR_OK) {
        err = tally_ledger_put(work->store, entries, strict_count + search.count, fault);
    }
    for (uint32_t op = 0; op < operator_count && err == TALLY_ERR_OK; op++) {
        if (is_strict[op]) {
            participants->strict_since[op] = entries[at++].strict_since;
        }
    }
    return err;
}

/* Without a ledger nobody is in good standing: nothing is blocked that could be allowed. */
static enum tally_err note_strict(struct tally_participants_work *work,
                                  struct tally_participants *participants, struct tally_wall now,
                                  struct tally_fault *fault)
{
    uint32_t operator_count = tally_cdb_operator_count(participants->index);
    bool *is_strict = calloc(operator_count + 1u, sizeof(*is_strict));
    struct tally_ledger_entry *entries = calloc(2 * ((size_t)operator_count + 1), sizeof(*entries));
    enum tally_err err;

    if (is_strict == NULL || entries == NULL) {
        err = tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for the ledger of %u operators",
                              operator_count);
    } else {
        find_strict(participants->index, is_strict);
        err = update_ledger(work, participants, now, is_strict, entries, fault);
    }
    free(is_strict);
    free(entries);
    return err;
}

static void accept(struct tally_participants_work *work,
                   const struct tally_participants *participants)
{
    work->stamped_min = participants->snapshot->stamped;
    work->next_change = participants->snapshot->next_change;
}

static enum tally_err load_directory(struct tally_participants_work *work, struct tally_wall now,
                                     struct tally_participants **loaded, struct tally_fault *fault,
                                     struct tally_fault *store_fault)
{
    struct tally_cdb_source source = {
        .root_pin = work->root_pin, .now = now, .stamped_min = work->stamped_min};
    struct tally_cdb_snapshot *snapshot = NULL;
    struct tally_participants *made = NULL;
    enum tally_err err = tally_cdb_snapshot_open(work->directory, &source, &snapshot, fault);

    if (err == TALLY_ERR_OK) {
        err = check_usable(work, work->directory, snapshot, fault);
    }
    if (err != TALLY_ERR_OK) {
        tally_cdb_snapshot_close(snapshot);
        return err;
    }
    made = wrap(snapshot, fault);
    if (made == NULL) {
        return TALLY_ERR_SYSTEM;
    }
    /* A rollback is refused; a store that fails is told, but does not hold back a revocation. */
    if (keep(work, made, store_fault) == TALLY_ERR_EXPIRED) {
        *fault = *store_fault;
        store_fault->err = TALLY_ERR_OK;
        tally_participants_free(made);
        return TALLY_ERR_EXPIRED;
    }
    (void)!note_strict(work, made, now, store_fault);
    accept(work, made);
    *loaded = made;
    return TALLY_ERR_OK;
}

static void look_at(const char *directory, struct tally_participants_look *look)
{
    char path[TALLY_DAEMON_PATH_BYTES + sizeof("/statements")];

    memset(look, 0, sizeof(*look));
    (void)snprintf(path, sizeof(path), "%s/stamp.note", directory);
    if (stat(path, &look->stamp) != 0) {
        memset(&look->stamp, 0, sizeof(look->stamp));
    }
    (void)snprintf(path, sizeof(path), "%s/statements", directory);
    if (stat(path, &look->statements) != 0) {
        memset(&look->statements, 0, sizeof(look->statements));
    }
}

static bool is_same_file(const struct stat *left, const struct stat *right)
{
    return left->st_ino == right->st_ino && left->st_size == right->st_size &&
           left->st_mtim.tv_sec == right->st_mtim.tv_sec &&
           left->st_mtim.tv_nsec == right->st_mtim.tv_nsec;
}

static bool has_changed(const struct tally_participants_work *work,
                        const struct tally_participants_job *job,
                        const struct tally_participants_look *look)
{
    if (job->is_forced || !work->has_looked) {
        return true;
    }
    if (work->next_change.us != 0 && job->now.us >= work->next_change.us) {
        return true;
    }
    return !is_same_file(&look->stamp, &work->looked.stamp) ||
           !is_same_file(&look->statements, &work->looked.statements);
}

void tally_participants_look(struct tally_participants_work *work,
                             struct tally_participants_job *job)
{
    struct tally_participants_look look;

    job->loaded = NULL;
    job->fault.err = TALLY_ERR_OK;
    job->store_fault.err = TALLY_ERR_OK;
    /* Looked at before it is read: what changes meanwhile is seen the next time. */
    look_at(work->directory, &look);
    if (!has_changed(work, job, &look)) {
        return;
    }
    work->looked = look;
    work->has_looked = load_directory(work, job->now, &job->loaded, &job->fault,
                                      &job->store_fault) != TALLY_ERR_SYSTEM;
    if (job->loaded == NULL) {
        /* Not again at every look: only when it changes, or when it is told to. */
        work->next_change.us = 0;
    }
}

/* Notes read from the replica, copied since they are the store's. */
struct recalled {
    uint8_t *bytes; /* owned */
    char name[TALLY_HEX_BYTES(TALLY_REPLICA_HASH_BYTES)];
};

struct recall {
    struct recalled *owned;
    struct tally_cdb_note *notes; /* borrows them */
    uint32_t count, max;
    bool is_short; /* of memory */
};

static bool take_note(void *context, const struct tally_replica_note *note)
{
    struct recall *recall = context;
    struct recalled *owned = &recall->owned[recall->count];

    if (recall->count == recall->max || (owned->bytes = malloc(note->size)) == NULL) {
        recall->is_short = true;
        return false;
    }
    memcpy(owned->bytes, note->bytes, note->size);
    tally_hex_encode(note->hash, sizeof(note->hash), owned->name);
    recall->notes[recall->count++] =
        (struct tally_cdb_note){.name = owned->name, .bytes = owned->bytes, .count = note->size};
    return true;
}

static void free_notes(struct recall *recall)
{
    for (uint32_t i = 0; i < recall->count; i++) {
        free(recall->owned[i].bytes);
    }
    free(recall->owned);
    free(recall->notes);
}

static enum tally_err recall_snapshot(struct tally_participants_work *work, struct tally_wall now,
                                      struct recall *recall, struct tally_cdb_snapshot **snapshot,
                                      struct tally_replica_state *state, struct tally_fault *fault)
{
    uint8_t stamp_bytes[TALLY_REPLICA_NOTE_MAX_BYTES];
    struct tally_cdb_source source = {
        .root_pin = work->root_pin, .now = now, .stamped_min = work->stamped_min};
    struct tally_cdb_note stamp = {.name = "stamp.note", .bytes = stamp_bytes};
    enum tally_err err =
        tally_replica_read(work->store, take_note, recall, stamp_bytes, &stamp.count, state, fault);

    if (err == TALLY_ERR_OK && recall->is_short) {
        err = tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for the replica's notes");
    }
    if (err != TALLY_ERR_OK) {
        return err;
    }
    return tally_cdb_snapshot_from_notes(recall->notes, recall->count,
                                         stamp.count > 0 ? &stamp : NULL, &source, snapshot, fault);
}

enum tally_err tally_participants_recall(struct tally_participants_work *work,
                                         struct tally_wall now, struct tally_participants **loaded,
                                         struct tally_fault *fault)
{
    struct tally_replica_state state;
    struct tally_cdb_snapshot *snapshot = NULL;
    struct tally_participants *made = NULL;
    struct recall recall = {0};
    enum tally_err err = tally_replica_state(work->store, &state, fault);

    *loaded = NULL;
    if (err != TALLY_ERR_OK || state.generation == 0) {
        return err;
    }
    recall.max = state.note_count;
    recall.owned = calloc(recall.max + 1u, sizeof(*recall.owned));
    recall.notes = calloc(recall.max + 1u, sizeof(*recall.notes));
    if (recall.owned == NULL || recall.notes == NULL) {
        free_notes(&recall);
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for %u notes", recall.max);
    }
    err = recall_snapshot(work, now, &recall, &snapshot, &state, fault);
    free_notes(&recall);
    if (err == TALLY_ERR_OK) {
        err = check_usable(work, "the replica in state_directory", snapshot, fault);
    }
    if (err != TALLY_ERR_OK) {
        tally_cdb_snapshot_close(snapshot);
        return err;
    }
    made = wrap(snapshot, fault);
    if (made == NULL) {
        return TALLY_ERR_SYSTEM;
    }
    made->generation = state.generation;
    made->is_from_replica = true;
    accept(work, made);
    *loaded = made;
    return note_strict(work, made, now, fault);
}
