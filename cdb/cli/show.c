/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show.c - verify and list.
 */
#include "base/text.h"
#include "cdb/cli/cli.h"
#include "cdb/cli/json.h"
#include "cdb/core/calendar.h"

#include <string.h>

static void format_network_id(const struct tally_cdb_snapshot *snapshot,
                              char text[TALLY_HEX_BYTES(TALLY_CDB_HASH_BYTES)])
{
    tally_hex_encode(snapshot->network_id, TALLY_CDB_HASH_BYTES, text);
}

static struct tally_wall time_of(const struct tally_cli_options *options)
{
    return options->at.us != 0 ? options->at : tally_cli_now();
}

/* --- verify --- */

static bool is_good(const struct tally_cdb_snapshot *snapshot)
{
    return snapshot->network[0] != '\0' && snapshot->fault_count == 0 && snapshot->stamped.us != 0;
}

static json_t *verify_as_json(const struct tally_cdb_snapshot *snapshot, int64_t age_us)
{
    json_t *reports = json_array();
    char id[TALLY_HEX_BYTES(TALLY_CDB_HASH_BYTES)];
    char stamped[TALLY_CALENDAR_TEXT_BYTES];

    for (uint32_t i = 0; i < snapshot->report_count; i++) {
        const struct tally_cdb_report *report = &snapshot->reports[i];
        const struct tally_cdb_refusal *refusal = &report->refusal;
        json_t *item = json_pack("{s:s, s:s, s:s, s:b, s:i, s:i}", "file", report->name, "reason",
                                 tally_refusal_name(refusal->reason), "sentence",
                                 tally_refusal_sentence(refusal->reason), "notice",
                                 tally_refusal_is_notice(refusal->reason), "line",
                                 (int)refusal->line, "lines", (int)refusal->line_count);

        (void)json_array_append_new(reports, item);
    }
    format_network_id(snapshot, id);
    tally_calendar_format(snapshot->stamped, stamped);
    return json_pack(
        "{s:b, s:s, s:s, s:I, s:I, s:I, s:s, s:I, s:o}", "good", is_good(snapshot), "network",
        snapshot->network, "network_id", id, "root_serial", (json_int_t)snapshot->root_serial,
        "statements", (json_int_t)snapshot->note_count, "in_force", (json_int_t)snapshot->log_size,
        "stamped", stamped, "stamp_age_s",
        (json_int_t)(snapshot->stamped.us != 0 ? age_us / TALLY_US_PER_S : -1), "reports", reports);
}

static void print_stamp(const struct tally_cdb_snapshot *snapshot, int64_t age_us)
{
    char stamped[TALLY_CALENDAR_TEXT_BYTES];

    tally_calendar_format(snapshot->stamped, stamped);
    if (snapshot->stamped.us == 0) {
        printf("no stamp to be believed: a registry takes nothing from this database\n");
    } else {
        printf("stamped %s, %lld s ago\n", stamped, (long long)(age_us / TALLY_US_PER_S));
    }
}

static void print_verification(const struct tally_cdb_snapshot *snapshot, int64_t age_us)
{
    char id[TALLY_HEX_BYTES(TALLY_CDB_HASH_BYTES)];

    format_network_id(snapshot, id);
    if (snapshot->network[0] == '\0') {
        printf("no root is believed\n");
    } else {
        printf("network %s, id %s, root %u\n", snapshot->network, id, snapshot->root_serial);
    }
    printf("%u statements, %llu in force\n", snapshot->note_count,
           (unsigned long long)snapshot->log_size);
    print_stamp(snapshot, age_us);
    for (uint32_t i = 0; i < snapshot->report_count; i++) {
        char text[TALLY_FAULT_TEXT_BYTES];

        tally_cdb_report_format(&snapshot->reports[i], text, sizeof(text));
        printf("%s: %s\n",
               tally_refusal_is_notice(snapshot->reports[i].refusal.reason) ? "notice" : "fault",
               text);
    }
}

enum tally_err tally_cli_verify(const struct tally_cli_options *options, struct tally_fault *fault)
{
    struct tally_cdb_snapshot *snapshot = NULL;
    enum tally_err err = tally_cli_open(options, options->args.items[0], &snapshot, fault);
    int64_t age_us = 0;

    if (err != TALLY_ERR_OK) {
        return err;
    }
    age_us = tally_wall_since_us(time_of(options), snapshot->stamped);
    if (options->is_json) {
        tally_cli_print_json(verify_as_json(snapshot, age_us));
    } else {
        print_verification(snapshot, age_us);
    }
    err = is_good(snapshot) ? TALLY_ERR_OK : TALLY_ERR_SIGNATURE;
    tally_cdb_snapshot_close(snapshot);
    return err;
}

/* --- list --- */

static const char *holder_of(const struct tally_cdb_index *index,
                             const struct tally_cdb_range *range)
{
    return range->holder == TALLY_CDB_NOBODY ? "-"
                                             : tally_cdb_operator_at(index, range->holder)->id;
}

/* By looking its prefix up: the entry alone does not know whether it is contested. */
static const char *standing_of(const struct tally_cdb_index *index,
                               const struct tally_cdb_range *range, struct tally_wall now)
{
    const struct tally_cdb_entry *entry = NULL;

    switch (tally_cdb_lookup(index, range->prefix, now, &entry)) {
    case TALLY_CDB_UNKNOWN:
        return "unknown";
    case TALLY_CDB_CONTESTED:
        return "contested";
    case TALLY_CDB_NO_HOLDER: /* a prefix is shorter than the numbers in it */
    case TALLY_CDB_HELD:
        return "held";
    }
    return "?";
}

json_t *tally_cli_range_as_json(const struct tally_cdb_index *index,
                                const struct tally_cdb_entry *entry, const char *standing)
{
    const struct tally_cdb_range *range = &entry->range;
    json_t *entitled = json_array();
    char prefix[TALLY_E164_TEXT_BYTES];
    char expires[TALLY_CALENDAR_TEXT_BYTES];

    for (uint8_t i = 0; i < entry->entitled_count; i++) {
        const struct tally_cdb_operator *op = tally_cdb_operator_at(index, entry->entitled[i]);

        (void)json_array_append_new(entitled, json_string(op->id));
    }
    (void)tally_e164_format(range->prefix, prefix);
    tally_calendar_format(range->expires, expires);
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:s, s:b, s:b, s:b, s:o, s:s}", "prefix",
                     prefix, "standing", standing, "holder", holder_of(index, range), "digits_min",
                     (int)range->digits_min, "digits_max", (int)range->digits_max, "answers",
                     tally_cdb_answers_word(range->answers), "mobility",
                     tally_cdb_mobility_word(range->mobility), "policy",
                     tally_cdb_strictness_word(range->strictness), "busy", range->is_busy, "onward",
                     range->is_onward, "no_porting", range->is_no_porting, "entitled", entitled,
                     "expires", expires);
}

static json_t *operator_as_json(const struct tally_cdb_operator *op)
{
    json_t *endpoints = json_array();
    json_t *egress = json_array();
    char expires[TALLY_CALENDAR_TEXT_BYTES];

    for (uint8_t i = 0; i < op->endpoint_count; i++) {
        (void)json_array_append_new(endpoints, json_string(op->endpoints[i]));
    }
    for (uint8_t i = 0; i < op->egress_count; i++) {
        (void)json_array_append_new(egress, json_string(op->egress[i]));
    }
    tally_calendar_format(op->expires, expires);
    return json_pack("{s:s, s:o, s:o, s:i, s:s, s:s}", "id", op->id, "endpoints", endpoints,
                     "egress", egress, "noise_keys", (int)op->noise_key_count, "redress",
                     op->redress_contact, "expires", expires);
}

static json_t *list_as_json(const struct tally_cdb_snapshot *snapshot, struct tally_wall now)
{
    const struct tally_cdb_index *index = snapshot->index;
    json_t *operators = json_array();
    json_t *ranges = json_array();

    for (uint32_t i = 0; i < tally_cdb_operator_count(index); i++) {
        (void)json_array_append_new(operators, operator_as_json(tally_cdb_operator_at(index, i)));
    }
    for (uint32_t i = 0; i < tally_cdb_range_count(index); i++) {
        const struct tally_cdb_entry *entry = tally_cdb_entry_at(index, i);

        (void)json_array_append_new(
            ranges, tally_cli_range_as_json(index, entry, standing_of(index, &entry->range, now)));
    }
    return json_pack("{s:s, s:o, s:o}", "network", snapshot->network, "operators", operators,
                     "ranges", ranges);
}

void tally_cli_print_range(const struct tally_cdb_index *index, const struct tally_cdb_entry *entry,
                           const char *standing)
{
    const struct tally_cdb_range *range = &entry->range;
    char prefix[TALLY_E164_TEXT_BYTES];
    char expires[TALLY_CALENDAR_TEXT_BYTES];

    (void)tally_e164_format(range->prefix, prefix);
    tally_calendar_format(range->expires, expires);
    printf("range %s %s holder=%s answers=%s mobility=%s policy=%s%s%s%s entitled=", prefix,
           standing, holder_of(index, range), tally_cdb_answers_word(range->answers),
           tally_cdb_mobility_word(range->mobility), tally_cdb_strictness_word(range->strictness),
           range->is_busy ? " busy" : "", range->is_onward ? " onward" : "",
           range->is_no_porting ? " no-porting" : "");
    for (uint8_t i = 0; i < entry->entitled_count; i++) {
        printf("%s%s", i > 0 ? "," : "", tally_cdb_operator_at(index, entry->entitled[i])->id);
    }
    printf(" expires=%s\n", expires);
}

static void print_operator(const struct tally_cdb_operator *op)
{
    char expires[TALLY_CALENDAR_TEXT_BYTES];

    tally_calendar_format(op->expires, expires);
    printf("operator %s endpoints=", op->id);
    for (uint8_t i = 0; i < op->endpoint_count; i++) {
        printf("%s%s", i > 0 ? "," : "", op->endpoints[i]);
    }
    printf(" egress=");
    for (uint8_t i = 0; i < op->egress_count; i++) {
        printf("%s%s", i > 0 ? "," : "", op->egress[i]);
    }
    printf(" expires=%s\n", expires);
}

enum tally_err tally_cli_list_all(const struct tally_cli_options *options,
                                  struct tally_fault *fault)
{
    struct tally_cdb_snapshot *snapshot = NULL;
    struct tally_wall now = time_of(options);
    enum tally_err err = tally_cli_open(options, options->args.items[0], &snapshot, fault);

    if (err != TALLY_ERR_OK) {
        return err;
    }
    if (options->is_json) {
        tally_cli_print_json(list_as_json(snapshot, now));
    } else {
        const struct tally_cdb_index *index = snapshot->index;

        for (uint32_t i = 0; i < tally_cdb_operator_count(index); i++) {
            print_operator(tally_cdb_operator_at(index, i));
        }
        for (uint32_t i = 0; i < tally_cdb_range_count(index); i++) {
            const struct tally_cdb_entry *entry = tally_cdb_entry_at(index, i);

            tally_cli_print_range(index, entry, standing_of(index, &entry->range, now));
        }
    }
    tally_cdb_snapshot_close(snapshot);
    return TALLY_ERR_OK;
}
