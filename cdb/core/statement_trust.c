/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement_trust.c - bodies that say who may sign: root, authority, operator, and the stamp.
 */
#include "cdb/core/address.h"
#include "cdb/core/statement_body.h"

#include <string.h>

/* As in note verifier keys (C2SP signed-note): the algorithm's number stands before the key. */
enum { ALGORITHM_ED25519 = 1 };

static void read_signing_key(struct tally_lines *lines, uint8_t key[TALLY_CDB_KEY_BYTES])
{
    uint8_t bytes[1 + TALLY_CDB_KEY_BYTES];

    tally_lines_base64(lines, bytes, sizeof(bytes));
    if (bytes[0] != ALGORITHM_ED25519) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "an Ed25519 key (algorithm 1)");
    }
    memcpy(key, bytes + 1, TALLY_CDB_KEY_BYTES);
}

static void write_signing_key(struct tally_writer *writer, const uint8_t key[TALLY_CDB_KEY_BYTES])
{
    uint8_t bytes[1 + TALLY_CDB_KEY_BYTES] = {ALGORITHM_ED25519};

    memcpy(bytes + 1, key, TALLY_CDB_KEY_BYTES);
    tally_put_base64(writer, bytes, sizeof(bytes));
}

static bool has_key(const struct tally_statement_keys *keys, const uint8_t *key)
{
    for (uint8_t i = 0; i < keys->count; i++) {
        if (memcmp(keys->keys[i].key, key, TALLY_CDB_KEY_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static void read_key_line(struct tally_lines *lines, struct tally_statement_keys *keys)
{
    struct tally_statement_key key;

    memset(&key, 0, sizeof(key));
    tally_lines_id(lines, key.name);
    tally_lines_word(lines, " ");
    read_signing_key(lines, key.key);
    if (keys->count == TALLY_STATEMENT_KEYS_MAX) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "at most 8 keys");
        return;
    }
    if (keys->count > 0 && strcmp(keys->keys[keys->count - 1].name, key.name) >= 0) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "key names in ascending order");
    }
    if (has_key(keys, key.key)) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "a key that is not listed above");
    }
    tally_lines_end(lines);
    keys->keys[keys->count++] = key;
}

static void read_keys(struct tally_lines *lines, const char *threshold_word, const char *key_word,
                      struct tally_statement_keys *keys)
{
    tally_lines_word(lines, threshold_word);
    keys->threshold = (uint8_t)tally_lines_u32(lines, 1, TALLY_STATEMENT_KEYS_MAX);
    tally_lines_end(lines);
    while (tally_lines_skip(lines, key_word)) {
        read_key_line(lines, keys);
    }
    if (keys->count < keys->threshold) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "at least as many keys as must sign");
    }
}

static void write_keys(struct tally_writer *writer, const char *threshold_word,
                       const char *key_word, const struct tally_statement_keys *keys)
{
    tally_put_text(writer, threshold_word);
    tally_put_u32(writer, keys->threshold);
    for (uint8_t i = 0; i < keys->count; i++) {
        tally_put_text(writer, "\n");
        tally_put_text(writer, key_word);
        tally_put_text(writer, keys->keys[i].name);
        tally_put_text(writer, " ");
        write_signing_key(writer, keys->keys[i].key);
    }
    tally_put_text(writer, "\n");
}

/* --- root --- */

void tally_root_read(struct tally_lines *lines, struct tally_root_statement *root)
{
    tally_lines_word(lines, "wire-minor-min ");
    root->wire_minor_min = (uint8_t)tally_lines_u32(lines, 0, UINT8_MAX);
    tally_lines_end(lines);
    read_keys(lines, "threshold ", "key ", &root->keys);
    read_keys(lines, "quorum ", "witness ", &root->witnesses);
}

void tally_root_write(struct tally_writer *writer, const struct tally_root_statement *root)
{
    tally_put_text(writer, "wire-minor-min ");
    tally_put_u32(writer, root->wire_minor_min);
    tally_put_text(writer, "\n");
    write_keys(writer, "threshold ", "key ", &root->keys);
    write_keys(writer, "quorum ", "witness ", &root->witnesses);
}

/* --- authority --- */

void tally_authority_read(struct tally_lines *lines, struct tally_authority_statement *authority)
{
    while (tally_lines_skip(lines, "country ")) {
        uint64_t country = tally_lines_prefix(lines);

        if (authority->country_count == TALLY_STATEMENT_COUNTRIES_MAX) {
            tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "at most 64 country codes");
            return;
        }
        if (authority->country_count > 0 &&
            tally_prefix_compare(authority->countries[authority->country_count - 1], country) >=
                0) {
            tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "country codes in ascending order");
        }
        tally_lines_end(lines);
        authority->countries[authority->country_count++] = country;
    }
    if (authority->country_count == 0) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "'country ' and a country code");
    }
    read_keys(lines, "threshold ", "key ", &authority->keys);
}

void tally_authority_write(struct tally_writer *writer,
                           const struct tally_authority_statement *authority)
{
    for (uint8_t i = 0; i < authority->country_count; i++) {
        tally_put_text(writer, "country ");
        tally_put_prefix(writer, authority->countries[i]);
        tally_put_text(writer, "\n");
    }
    write_keys(writer, "threshold ", "key ", &authority->keys);
}

/* --- operator --- */

static void read_operator_keys(struct tally_lines *lines, struct tally_operator_statement *op)
{
    tally_lines_word(lines, "statement-key ");
    read_signing_key(lines, op->statement_key);
    tally_lines_end(lines);
    tally_lines_word(lines, "evidence-key ");
    read_signing_key(lines, op->evidence_key);
    tally_lines_end(lines);
    tally_lines_word(lines, "noise-key ");
    tally_lines_base64(lines, op->noise_keys[0], TALLY_CDB_KEY_BYTES);
    tally_lines_end(lines);
    op->noise_key_count = 1;
    if (tally_lines_skip(lines, "noise-key-next ")) {
        tally_lines_base64(lines, op->noise_keys[1], TALLY_CDB_KEY_BYTES);
        if (memcmp(op->noise_keys[0], op->noise_keys[1], TALLY_CDB_KEY_BYTES) == 0) {
            tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "another key than the current one");
        }
        tally_lines_end(lines);
        op->noise_key_count = 2;
    }
}

static void read_endpoints(struct tally_lines *lines, struct tally_operator_statement *op)
{
    while (tally_lines_skip(lines, "endpoint ")) {
        char *endpoint = NULL;

        if (op->endpoint_count == TALLY_CDB_ENDPOINTS_MAX) {
            tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "at most 4 endpoints");
            return;
        }
        endpoint = op->endpoints[op->endpoint_count];
        tally_lines_rest(lines, endpoint, TALLY_CDB_ENDPOINT_BYTES);
        if (!tally_endpoint_is_valid(endpoint, strlen(endpoint))) {
            tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "an endpoint: tcp://HOST:PORT");
        }
        for (uint8_t i = 0; i < op->endpoint_count; i++) {
            if (strcmp(op->endpoints[i], endpoint) == 0) {
                tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "an endpoint not listed above");
            }
        }
        tally_lines_end(lines);
        op->endpoint_count++;
    }
    if (op->endpoint_count == 0) {
        tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "'endpoint ' and tcp://HOST:PORT");
    }
}

static void read_egress(struct tally_lines *lines, struct tally_operator_statement *op)
{
    while (tally_lines_skip(lines, "egress ")) {
        char *address = NULL;

        if (op->egress_count == TALLY_CDB_EGRESS_MAX) {
            tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "at most 16 egress addresses");
            return;
        }
        address = op->egress[op->egress_count];
        tally_lines_rest(lines, address, TALLY_CDB_EGRESS_BYTES);
        if (!tally_address_is_valid(address, strlen(address))) {
            tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "an IPv4 or IPv6 address");
        }
        for (uint8_t i = 0; i < op->egress_count; i++) {
            if (strcmp(op->egress[i], address) == 0) {
                tally_lines_refuse(lines, TALLY_REFUSAL_FORMAT, "an address not listed above");
            }
        }
        tally_lines_end(lines);
        op->egress_count++;
    }
}

void tally_operator_read(struct tally_lines *lines, struct tally_operator_statement *op)
{
    tally_lines_word(lines, "enrolled-by ");
    tally_lines_id(lines, op->enrolled_by);
    tally_lines_end(lines);
    read_operator_keys(lines, op);
    tally_lines_word(lines, "wire-minor ");
    op->wire_minor_min = (uint8_t)tally_lines_u32(lines, 0, UINT8_MAX);
    tally_lines_word(lines, "-");
    op->wire_minor_max = (uint8_t)tally_lines_u32(lines, op->wire_minor_min, UINT8_MAX);
    tally_lines_end(lines);
    read_endpoints(lines, op);
    read_egress(lines, op);
    if (tally_lines_skip(lines, "redress ")) {
        tally_lines_rest(lines, op->redress_contact, sizeof(op->redress_contact));
        tally_lines_end(lines);
    }
}

static void write_noise_key(struct tally_writer *writer, const char *word, const uint8_t *key)
{
    tally_put_text(writer, word);
    tally_put_base64(writer, key, TALLY_CDB_KEY_BYTES);
    tally_put_text(writer, "\n");
}

static void write_text_line(struct tally_writer *writer, const char *word, const char *text)
{
    tally_put_text(writer, word);
    tally_put_text(writer, text);
    tally_put_text(writer, "\n");
}

void tally_operator_write(struct tally_writer *writer, const struct tally_operator_statement *op)
{
    write_text_line(writer, "enrolled-by ", op->enrolled_by);
    tally_put_text(writer, "statement-key ");
    write_signing_key(writer, op->statement_key);
    tally_put_text(writer, "\nevidence-key ");
    write_signing_key(writer, op->evidence_key);
    tally_put_text(writer, "\n");
    write_noise_key(writer, "noise-key ", op->noise_keys[0]);
    if (op->noise_key_count == 2) {
        write_noise_key(writer, "noise-key-next ", op->noise_keys[1]);
    }
    tally_put_text(writer, "wire-minor ");
    tally_put_u32(writer, op->wire_minor_min);
    tally_put_text(writer, "-");
    tally_put_u32(writer, op->wire_minor_max);
    tally_put_text(writer, "\n");
    for (uint8_t i = 0; i < op->endpoint_count; i++) {
        write_text_line(writer, "endpoint ", op->endpoints[i]);
    }
    for (uint8_t i = 0; i < op->egress_count; i++) {
        write_text_line(writer, "egress ", op->egress[i]);
    }
    if (op->redress_contact[0] != '\0') {
        write_text_line(writer, "redress ", op->redress_contact);
    }
}

/* --- stamp --- */

void tally_stamp_read(struct tally_lines *lines, struct tally_stamp_statement *stamp)
{
    tally_lines_word(lines, "statements ");
    stamp->statement_count = tally_lines_u32(lines, 0, UINT32_MAX);
    tally_lines_end(lines);
    tally_lines_word(lines, "hash ");
    tally_lines_base64(lines, stamp->set_hash, sizeof(stamp->set_hash));
    tally_lines_end(lines);
}

void tally_stamp_write(struct tally_writer *writer, const struct tally_stamp_statement *stamp)
{
    tally_put_text(writer, "statements ");
    tally_put_u32(writer, stamp->statement_count);
    tally_put_text(writer, "\nhash ");
    tally_put_base64(writer, stamp->set_hash, sizeof(stamp->set_hash));
    tally_put_text(writer, "\n");
}
