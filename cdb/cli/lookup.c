/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup.c - who holds a number, what he says of it, and by whose signatures we know.
 *
 * The chain is put together from the statements in force, from the root down to the number, and
 * each signature in it is verified once more with the keys that the link above it lists.
 */
#include "cdb/cli/cli.h"
#include "cdb/cli/json.h"
#include "cdb/core/note.h"

#include <stdlib.h>
#include <string.h>

enum { LINKS_MAX = 5, SIGNERS_BYTES = 512 };

struct link {
    const char *file;
    const char *type;
    uint32_t serial;
    char signers[SIGNERS_BYTES]; /* names, separated by commas */
};

struct chain {
    struct link links[LINKS_MAX];
    unsigned count;
    struct tally_statement *statement; /* scratch */
};

/* --- links --- */

static bool has_verified(const struct tally_note *note, const struct tally_statement_key *key)
{
    for (uint32_t i = 0; i < note->signature_count; i++) {
        const struct tally_note_signature *signature = &note->signatures[i];

        if (signature->name_count == strlen(key->name) &&
            memcmp(signature->name, key->name, signature->name_count) == 0 &&
            signature->blob_bytes == TALLY_NOTE_BLOB_BYTES &&
            tally_note_verify_signature(key->name, key->key, note->text, note->text_count,
                                        signature->blob, signature->blob_bytes)) {
            return true;
        }
    }
    return false;
}

static void add_signer(struct link *link, const struct tally_note *note,
                       const struct tally_statement_key *key)
{
    size_t at = strlen(link->signers);

    if (has_verified(note, key)) {
        (void)snprintf(link->signers + at, sizeof(link->signers) - at, "%s%s", at > 0 ? "," : "",
                       key->name);
    }
}

static void add_link(struct chain *chain, const struct tally_cdb_note *from,
                     const struct tally_note *note, const struct tally_statement_keys *keys)
{
    struct link *link = &chain->links[chain->count++];

    memset(link, 0, sizeof(*link));
    link->file = from->name;
    link->type = tally_statement_type_word(chain->statement->header.type);
    link->serial = chain->statement->header.serial;
    for (uint8_t i = 0; i < keys->count; i++) {
        add_signer(link, note, &keys->keys[i]);
    }
}

/* The operator's own key, as a list of one. */
static struct tally_statement_keys keys_of_operator(const struct tally_statement *statement)
{
    struct tally_statement_keys keys = {.threshold = 1, .count = 1};

    memcpy(keys.keys[0].name, statement->header.issuer, sizeof(keys.keys[0].name));
    memcpy(keys.keys[0].key, statement->op.statement_key, sizeof(keys.keys[0].key));
    return keys;
}

/* What is looked for: the statement in force that fits, and says most about the number. */
struct wanted {
    enum tally_statement_type type;
    const char *issuer, *subject; /* NULL: any */
    uint64_t number;              /* 0: any */
};

/* How many digits of the number the statement speaks of; 1 if it is not about numbers; 0: none. */
static unsigned fit(const struct tally_statement *statement, const struct wanted *wanted)
{
    unsigned best = 0;

    if (statement->header.type != wanted->type ||
        (wanted->issuer != NULL && strcmp(statement->header.issuer, wanted->issuer) != 0) ||
        (wanted->subject != NULL && strcmp(statement->header.subject, wanted->subject) != 0)) {
        return 0;
    }
    if (wanted->type == TALLY_STATEMENT_RANGE) {
        for (uint16_t i = 0; i < statement->range.range_count; i++) {
            uint64_t prefix = statement->range.ranges[i].prefix;
            unsigned digits = tally_e164_digit_count(prefix);

            best = tally_prefix_is_within(wanted->number, prefix) && digits > best ? digits : best;
        }
        return best;
    }
    if (wanted->type == TALLY_STATEMENT_NUMBERING) {
        for (uint16_t i = 0; i < statement->numbering.line_count; i++) {
            uint64_t prefix = statement->numbering.lines[i].prefix;
            unsigned digits = tally_e164_digit_count(prefix);

            best = tally_prefix_is_within(wanted->number, prefix) && digits > best ? digits : best;
        }
        return best;
    }
    return statement->header.serial; /* of a chain of serials the newest */
}

static bool load(const struct tally_cdb_note *from, struct tally_note *note,
                 struct tally_statement *statement)
{
    return from->is_in_force &&
           tally_note_split(from->bytes, from->count, note, NULL) == TALLY_REFUSAL_NONE &&
           tally_statement_decode(note->text, note->text_count, statement, NULL);
}

/* The best fitting note, with its statement in scratch; NULL if there is none. */
static const struct tally_cdb_note *find(const struct tally_cdb_snapshot *snapshot,
                                         struct chain *chain, const struct wanted *wanted,
                                         struct tally_note *note)
{
    const struct tally_cdb_note *found = NULL;
    unsigned best = 0;

    for (uint32_t i = 0; i < snapshot->note_count; i++) {
        if (load(&snapshot->notes[i], note, chain->statement)) {
            unsigned digits = fit(chain->statement, wanted);

            found = digits > best ? &snapshot->notes[i] : found;
            best = digits > best ? digits : best;
        }
    }
    return found != NULL && load(found, note, chain->statement) ? found : NULL;
}

/* Adds a link signed by `keys`, if there is one; its statement stays in scratch. */
static bool follow(const struct tally_cdb_snapshot *snapshot, struct chain *chain,
                   const struct wanted *wanted, const struct tally_statement_keys *keys)
{
    struct tally_note note;
    const struct tally_cdb_note *found = find(snapshot, chain, wanted, &note);

    if (found != NULL) {
        add_link(chain, found, &note, keys);
    }
    return found != NULL;
}

static void make_chain(const struct tally_cdb_snapshot *snapshot, const char *holder,
                       uint64_t number, struct chain *chain)
{
    struct wanted root = {.type = TALLY_STATEMENT_ROOT};
    struct wanted range = {.type = TALLY_STATEMENT_RANGE, .subject = holder, .number = number};
    struct wanted numbering = {
        .type = TALLY_STATEMENT_NUMBERING, .issuer = holder, .number = number};
    struct wanted op = {.type = TALLY_STATEMENT_OPERATOR, .issuer = holder};
    struct wanted authority = {.type = TALLY_STATEMENT_AUTHORITY};
    struct tally_note note;
    char authority_id[TALLY_OPERATOR_ID_BYTES] = "";
    struct tally_statement_keys keys = {0};

    if (find(snapshot, chain, &range, &note) == NULL) {
        return;
    }
    memcpy(authority_id, chain->statement->header.issuer, sizeof(authority_id));
    authority.subject = authority_id;
    if (find(snapshot, chain, &root, &note) != NULL) {
        keys = chain->statement->root.keys;
        (void)follow(snapshot, chain, &root, &keys);
    }
    if (follow(snapshot, chain, &authority, &keys)) {
        keys = chain->statement->authority.keys;
    }
    (void)follow(snapshot, chain, &range, &keys);
    if (find(snapshot, chain, &op, &note) != NULL) {
        struct tally_statement_keys own = keys_of_operator(chain->statement);

        (void)follow(snapshot, chain, &op, &own);
        for (uint8_t i = 0; i < keys.count; i++) {
            add_signer(&chain->links[chain->count - 1], &note, &keys.keys[i]);
        }
        (void)follow(snapshot, chain, &numbering, &own);
    }
}

/* --- saying it --- */

static const char *standing_word(enum tally_cdb_standing standing)
{
    switch (standing) {
    case TALLY_CDB_UNKNOWN:
        return "unknown";
    case TALLY_CDB_NO_HOLDER:
        return "no-holder";
    case TALLY_CDB_CONTESTED:
        return "contested";
    case TALLY_CDB_HELD:
        return "held";
    }
    return "?";
}

static const char *standing_sentence(enum tally_cdb_standing standing)
{
    switch (standing) {
    case TALLY_CDB_UNKNOWN:
        return "statements about this number are refused or have expired; 'tally-cdb verify' names "
               "them";
    case TALLY_CDB_NO_HOLDER:
        return "no participant holds this number";
    case TALLY_CDB_CONTESTED:
        return "two participants hold this number by the same right";
    case TALLY_CDB_HELD:
        return "held";
    }
    return "?";
}

static json_t *as_json(const struct tally_cdb_snapshot *snapshot, enum tally_cdb_standing standing,
                       const struct tally_cdb_entry *entry, const struct chain *chain)
{
    json_t *links = json_array();

    for (unsigned i = 0; i < chain->count; i++) {
        const struct link *link = &chain->links[i];

        (void)json_array_append_new(
            links, json_pack("{s:s, s:s, s:I, s:s}", "file", link->file, "type", link->type,
                             "serial", (json_int_t)link->serial, "signed_by", link->signers));
    }
    return json_pack("{s:s, s:s, s:o, s:o, s:b}", "network", snapshot->network, "standing",
                     standing_word(standing), "range",
                     entry != NULL
                         ? tally_cli_range_as_json(snapshot->index, entry, standing_word(standing))
                         : json_null(),
                     "chain", links, "stamped", snapshot->stamped.us != 0);
}

static void print(const struct tally_cdb_snapshot *snapshot, enum tally_cdb_standing standing,
                  const struct tally_cdb_entry *entry, const struct chain *chain)
{
    if (entry == NULL) {
        printf("%s\n", standing_sentence(standing));
        return;
    }
    tally_cli_print_range(snapshot->index, entry, standing_word(standing));
    for (unsigned i = 0; i < chain->count; i++) {
        const struct link *link = &chain->links[i];

        printf("  %s %u, %s, signed by %s\n", link->type, link->serial, link->file, link->signers);
    }
    if (snapshot->stamped.us == 0) {
        printf("  not stamped: a registry would not use this\n");
    }
}

static enum tally_err result_of(enum tally_cdb_standing standing)
{
    switch (standing) {
    case TALLY_CDB_HELD:
        return TALLY_ERR_OK;
    case TALLY_CDB_NO_HOLDER:
        return TALLY_ERR_NOT_FOUND;
    case TALLY_CDB_UNKNOWN:
    case TALLY_CDB_CONTESTED:
        break;
    }
    return TALLY_ERR_AGAIN;
}

enum tally_err tally_cli_lookup(const struct tally_cli_options *options, struct tally_fault *fault)
{
    struct tally_cdb_snapshot *snapshot = NULL;
    const struct tally_cdb_entry *entry = NULL;
    struct chain chain = {.statement = tally_cli_new_statement(fault)};
    enum tally_cdb_standing standing = TALLY_CDB_UNKNOWN;
    uint64_t number = 0;
    enum tally_err err = tally_cli_parse_number(options->args.items[1], &number, fault);

    if (chain.statement == NULL) {
        return TALLY_ERR_SYSTEM;
    }
    if (err == TALLY_ERR_OK) {
        err = tally_cli_open(options, options->args.items[0], &snapshot, fault);
    }
    if (err != TALLY_ERR_OK) {
        goto out;
    }
    standing = tally_cdb_lookup(snapshot->index, number,
                                options->at.us != 0 ? options->at : tally_cli_now(), &entry);
    if (entry != NULL) {
        make_chain(snapshot, tally_cdb_operator_at(snapshot->index, entry->range.holder)->id,
                   number, &chain);
    }
    if (options->is_json) {
        tally_cli_print_json(as_json(snapshot, standing, entry, &chain));
    } else {
        print(snapshot, standing, entry, &chain);
    }
    err = result_of(standing);

out:
    tally_cdb_snapshot_close(snapshot);
    free(chain.statement);
    return err;
}

void tally_cli_print_json(json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);

    json_decref(value);
    if (text != NULL) {
        printf("%s\n", text);
        free(text);
    }
}
