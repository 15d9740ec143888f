/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.c - the look-up index.
 *
 * Prefixes nest or are apart, so that, left-aligned to 15 digits, they cut the number space into at
 * most 2n + 1 intervals, each belonging to one prefix or to nobody. A look-up is one read of a
 * table of equal steps, a binary search among the few intervals behind it, and the entry.
 */
#include "cdb/core/index.h"

#include "base/assert.h"
#include "base/hash.h"
#include "cdb/core/prefix_sort.h"

#include <string.h>

enum {
    TABLE_BITS_MIN = 4,
    TABLE_BITS_MAX = 22, /* 16 MiB */
    PART_ALIGNMENT = 16,
    RANGE_COUNT_MAX = 1 << 29,
};

/* What an interval belongs to: an entry's index, with its standing in the two top bits. */
#define IDENT_CONTESTED (UINT32_C(1) << 31)
#define IDENT_UNSAFE (UINT32_C(1) << 30)
#define IDENT_ENTRY (IDENT_UNSAFE - 1u)
#define IDENT_NOBODY IDENT_ENTRY

struct tally_cdb_index {
    struct tally_cdb_operator *operators; /* sorted by id */
    struct tally_cdb_entry *entries; /* sorted by (aligned prefix, digits); prefixes distinct */
    uint32_t *parents;               /* per entry: ident of the next shorter prefix */
    uint64_t *starts;                /* per interval: its first aligned number; strictly up */
    uint32_t *idents;                /* per interval */
    uint32_t *table;                 /* step -> the last interval that starts at or before it */
    uint32_t operator_count, entry_count, interval_count;
    uint32_t table_count, table_shift;
    uint64_t table_first, table_last; /* aligned numbers; outside them all is nobody's */
    uint8_t network_id[32];
    uint64_t log_size;
    struct tally_wall stamped;
    uint8_t wire_minor_min;
};

/* Where each part stands in the caller's block, in bytes from its start. */
struct layout {
    size_t operators, entries, parents, starts, idents, table, end;
    uint32_t table_count;
};

TALLY_STATIC_ASSERT(sizeof(struct tally_prefix_key) <= 2 * sizeof(uint64_t),
                    "the keys fit where the interval starts will be");
TALLY_STATIC_ASSERT(sizeof(struct tally_prefix_key) <= sizeof(struct tally_cdb_entry),
                    "the merge scratch fits where the entries will be");

static size_t reserve(size_t *end, size_t bytes)
{
    size_t at = *end;

    *end = (at + bytes + PART_ALIGNMENT - 1) / PART_ALIGNMENT * PART_ALIGNMENT;
    return at;
}

static struct layout layout_of(const struct tally_cdb_facts *facts)
{
    size_t intervals = 2 * (size_t)facts->range_count + 1;
    struct layout layout = {0};
    uint32_t bits = TABLE_BITS_MIN;

    while (bits < TABLE_BITS_MAX && ((size_t)1 << bits) < intervals) {
        bits++;
    }
    layout.table_count = UINT32_C(1) << bits;

    (void)reserve(&layout.end, sizeof(struct tally_cdb_index));
    layout.operators =
        reserve(&layout.end, facts->operator_count * sizeof(struct tally_cdb_operator));
    layout.entries = reserve(&layout.end, facts->range_count * sizeof(struct tally_cdb_entry));
    layout.parents = reserve(&layout.end, facts->range_count * sizeof(uint32_t));
    layout.starts = reserve(&layout.end, intervals * sizeof(uint64_t));
    layout.idents = reserve(&layout.end, intervals * sizeof(uint32_t));
    layout.table = reserve(&layout.end, layout.table_count * sizeof(uint32_t));
    return layout;
}

size_t tally_cdb_index_bytes(const struct tally_cdb_facts *facts)
{
    return layout_of(facts).end;
}

/* --- checking the facts --- */

static bool is_terminated(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static bool operator_is_sound(const struct tally_cdb_operator *op)
{
    return is_terminated(op->id, sizeof(op->id)) &&
           tally_operator_id_is_valid(op->id, strlen(op->id)) && op->noise_key_count <= 2 &&
           op->endpoint_count <= TALLY_CDB_ENDPOINTS_MAX &&
           op->egress_count <= TALLY_CDB_EGRESS_MAX;
}

static bool range_is_sound(const struct tally_cdb_facts *facts, const struct tally_cdb_range *range)
{
    unsigned digits = tally_e164_digit_count(range->prefix);

    if (range->holder >= facts->operator_count &&
        !(range->holder == TALLY_CDB_NOBODY && range->is_unsafe)) {
        return false;
    }
    if (digits == 0 || digits > TALLY_E164_DIGITS_MAX ||
        range->digits_min > TALLY_E164_DIGITS_MAX || range->digits_max > TALLY_E164_DIGITS_MAX ||
        (range->digits_max != 0 && range->digits_min > range->digits_max) ||
        range->authorised_count > TALLY_CDB_ENTITLED_MAX - 1) {
        return false;
    }
    for (uint32_t i = 0; i < range->authorised_count; i++) {
        if (range->authorised[i] >= facts->operator_count) {
            return false;
        }
    }
    return true;
}

static bool facts_are_sound(const struct tally_cdb_facts *facts)
{
    if (facts->range_count > RANGE_COUNT_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < facts->operator_count; i++) {
        if (!operator_is_sound(&facts->operators[i]) ||
            (i > 0 && strcmp(facts->operators[i - 1].id, facts->operators[i].id) >= 0)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < facts->range_count; i++) {
        if (!range_is_sound(facts, &facts->ranges[i])) {
            return false;
        }
    }
    return true;
}

/* --- entries --- */

static void insert_operator(uint32_t *list, uint32_t count, uint32_t op)
{
    uint32_t at = count;

    while (at > 0 && list[at - 1] > op) {
        list[at] = list[at - 1];
        at--;
    }
    list[at] = op;
}

/* Operators are sorted by id, so that sorted indexes are sorted ids. */
static uint64_t hash_of_entitled(const struct tally_cdb_operator *operators,
                                 const struct tally_cdb_entry *entry)
{
    static const struct tally_hash_key zero_key = {0, 0};
    uint32_t sorted[TALLY_CDB_ENTITLED_MAX];
    char text[TALLY_CDB_ENTITLED_MAX * TALLY_OPERATOR_ID_BYTES];
    size_t bytes = 0;

    for (uint32_t i = 0; i < entry->entitled_count; i++) {
        insert_operator(sorted, i, entry->entitled[i]);
    }
    for (uint32_t i = 0; i < entry->entitled_count; i++) {
        const char *id = operators[sorted[i]].id;
        size_t id_bytes = strlen(id);

        memcpy(text + bytes, id, id_bytes);
        text[bytes + id_bytes] = '\n';
        bytes += id_bytes + 1;
    }
    return tally_hash(&zero_key, text, bytes);
}

static bool has_entitled(const struct tally_cdb_entry *entry, uint32_t op)
{
    for (uint32_t i = 0; i < entry->entitled_count; i++) {
        if (entry->entitled[i] == op) {
            return true;
        }
    }
    return false;
}

static void fill_entitled(struct tally_cdb_entry *entry, const struct tally_cdb_operator *operators)
{
    if (entry->range.holder != TALLY_CDB_NOBODY) {
        entry->entitled[entry->entitled_count++] = entry->range.holder;
    }
    for (uint32_t i = 0; i < entry->range.authorised_count; i++) {
        if (!has_entitled(entry, entry->range.authorised[i])) {
            entry->entitled[entry->entitled_count++] = entry->range.authorised[i];
        }
    }
    entry->entitled_hash = hash_of_entitled(operators, entry);
}

/*
 * Writes one entry per distinct prefix, in order. Its flags wait in parents[], which the cutting
 * into intervals reads and overwrites. Where two holders claim a prefix, the entry is the one of
 * the first by id, with the earlier expiry. False: one holder claims a prefix twice.
 */
static bool make_entries(struct tally_cdb_index *index, const struct tally_cdb_facts *facts,
                         const struct tally_prefix_key *keys)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < facts->range_count; i++) {
        const struct tally_cdb_range *range = &facts->ranges[keys[i].at];

        if (i > 0 && keys[i].key == keys[i - 1].key) {
            struct tally_cdb_range *first = &index->entries[count - 1].range;

            if (keys[i].holder == keys[i - 1].holder && keys[i].holder != TALLY_CDB_NOBODY) {
                return false;
            }
            first->expires =
                range->expires.us < first->expires.us ? range->expires : first->expires;
            index->parents[count - 1] |= IDENT_CONTESTED | (range->is_unsafe ? IDENT_UNSAFE : 0);
            continue;
        }
        memset(&index->entries[count], 0, sizeof(index->entries[count]));
        index->entries[count].range = *range;
        fill_entitled(&index->entries[count], index->operators);
        index->parents[count] = range->is_unsafe ? IDENT_UNSAFE : 0;
        count++;
    }
    index->entry_count = count;
    return true;
}

/* --- intervals --- */

struct open_prefix {
    uint64_t last; /* aligned */
    uint32_t ident;
};

/* An interval that would start where the last one did replaces it: that one was empty. */
static void emit(struct tally_cdb_index *index, uint64_t start, uint32_t ident)
{
    if (index->interval_count > 0 && index->starts[index->interval_count - 1] == start) {
        index->interval_count--;
    }
    index->starts[index->interval_count] = start;
    index->idents[index->interval_count] = ident;
    index->interval_count++;
}

static uint32_t ident_below(const struct open_prefix *open, unsigned depth)
{
    return depth > 0 ? open[depth - 1].ident : IDENT_NOBODY;
}

static void cut_intervals(struct tally_cdb_index *index)
{
    struct open_prefix open[TALLY_E164_DIGITS_MAX + 1]; /* nested prefixes differ in length */
    unsigned depth = 0;

    index->interval_count = 0;
    emit(index, 0, IDENT_NOBODY);
    for (uint32_t i = 0; i < index->entry_count; i++) {
        uint64_t first = tally_e164_align(index->entries[i].range.prefix);
        uint32_t ident = i | index->parents[i];

        while (depth > 0 && open[depth - 1].last < first) {
            depth--;
            emit(index, open[depth].last + 1, ident_below(open, depth));
        }
        index->parents[i] = ident_below(open, depth);
        TALLY_ASSERT(depth < TALLY_E164_DIGITS_MAX);
        open[depth].last = tally_e164_align_last(index->entries[i].range.prefix);
        open[depth].ident = ident;
        depth++;
        emit(index, first, ident);
    }
    while (depth > 0) {
        depth--;
        emit(index, open[depth].last + 1, ident_below(open, depth));
    }
}

/*
 * The table divides what lies between the first and the last bound, not the whole number space: the
 * numbers of few countries are then as quick to find as those of all.
 */
static void fill_table(struct tally_cdb_index *index)
{
    uint64_t span;
    uint32_t at = 0;

    index->table_first = index->interval_count > 1 ? index->starts[1] : 0;
    index->table_last = index->starts[index->interval_count - 1];
    span = index->table_last - index->table_first;
    for (index->table_shift = 0; span >> index->table_shift >= index->table_count;) {
        index->table_shift++;
    }
    for (uint32_t i = 0; i < index->table_count; i++) {
        uint64_t bound = index->table_first + ((uint64_t)i << index->table_shift);

        while (at + 1 < index->interval_count && index->starts[at + 1] <= bound) {
            at++;
        }
        index->table[i] = at;
    }
}

static struct tally_cdb_index *place(const struct tally_cdb_facts *facts, uint8_t *block)
{
    struct layout layout = layout_of(facts);
    struct tally_cdb_index *index = (void *)block;

    memset(index, 0, sizeof(*index));
    index->operators = (void *)(block + layout.operators);
    index->entries = (void *)(block + layout.entries);
    index->parents = (void *)(block + layout.parents);
    index->starts = (void *)(block + layout.starts);
    index->idents = (void *)(block + layout.idents);
    index->table = (void *)(block + layout.table);
    index->table_count = layout.table_count;
    index->operator_count = facts->operator_count;
    memcpy(index->network_id, facts->network_id, sizeof(index->network_id));
    index->log_size = facts->log_size;
    index->stamped = facts->stamped;
    index->wire_minor_min = facts->wire_minor_min;
    return index;
}

enum tally_err tally_cdb_index_build(const struct tally_cdb_facts *facts, void *memory,
                                     size_t memory_bytes, const struct tally_cdb_index **index)
{
    struct tally_cdb_index *made = NULL;
    struct tally_prefix_key *keys = NULL;

    *index = NULL;
    TALLY_ASSERT(memory_bytes >= tally_cdb_index_bytes(facts));
    if (!facts_are_sound(facts)) {
        return TALLY_ERR_FORMAT;
    }
    made = place(facts, memory);
    if (facts->operator_count > 0) {
        memcpy(made->operators, facts->operators,
               facts->operator_count * sizeof(*facts->operators));
    }
    keys = (void *)made->starts;
    for (uint32_t i = 0; i < facts->range_count; i++) {
        keys[i] = tally_prefix_key_of(facts->ranges[i].prefix, facts->ranges[i].holder, i);
    }
    tally_prefix_sort(keys, (void *)made->entries, facts->range_count);
    if (!make_entries(made, facts, keys)) {
        return TALLY_ERR_FORMAT;
    }
    cut_intervals(made);
    fill_table(made);
    *index = made;
    return TALLY_ERR_OK;
}

/* --- looking up --- */

static uint32_t interval_of(const struct tally_cdb_index *index, uint64_t aligned)
{
    uint32_t slot, low, high;

    if (aligned < index->table_first || aligned >= index->table_last) {
        return aligned < index->table_first ? 0 : index->interval_count - 1;
    }
    slot = (uint32_t)((aligned - index->table_first) >> index->table_shift);
    low = index->table[slot]; /* starts at or before aligned */
    high = slot + 1 < index->table_count ? index->table[slot + 1] : index->interval_count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;

        if (index->starts[middle] <= aligned) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

/* The ident of the longest prefix of the number, or one with IDENT_NOBODY. */
static uint32_t ident_of(const struct tally_cdb_index *index, uint64_t number, unsigned digits)
{
    uint32_t ident = index->idents[interval_of(index, tally_e164_align(number))];

    /* 44 aligned is also 4400 aligned: a prefix longer than the number is none of it. */
    while ((ident & IDENT_ENTRY) != IDENT_NOBODY &&
           tally_e164_digit_count(index->entries[ident & IDENT_ENTRY].range.prefix) > digits) {
        ident = index->parents[ident & IDENT_ENTRY];
    }
    return ident;
}

enum tally_cdb_standing tally_cdb_lookup(const struct tally_cdb_index *index, uint64_t number,
                                         struct tally_wall now,
                                         const struct tally_cdb_entry **entry)
{
    unsigned digits = tally_e164_digit_count(number);
    const struct tally_cdb_entry *found = NULL;
    uint32_t ident;

    *entry = NULL;
    if (digits == 0 || digits > TALLY_E164_DIGITS_MAX) {
        return TALLY_CDB_NO_HOLDER;
    }
    ident = ident_of(index, number, digits);
    if ((ident & IDENT_ENTRY) == IDENT_NOBODY) {
        return TALLY_CDB_NO_HOLDER;
    }
    found = &index->entries[ident & IDENT_ENTRY];
    if ((ident & IDENT_UNSAFE) != 0 || found->range.expires.us <= now.us) {
        return TALLY_CDB_UNKNOWN;
    }
    if ((ident & IDENT_CONTESTED) != 0) {
        *entry = found;
        return TALLY_CDB_CONTESTED;
    }
    if (digits < found->range.digits_min ||
        (found->range.digits_max != 0 && digits > found->range.digits_max)) {
        return TALLY_CDB_NO_HOLDER;
    }
    *entry = found;
    return TALLY_CDB_HELD;
}

bool tally_cdb_is_entitled(const struct tally_cdb_index *index, uint64_t number, uint32_t op,
                           struct tally_wall now)
{
    const struct tally_cdb_entry *entry;

    return tally_cdb_lookup(index, number, now, &entry) == TALLY_CDB_HELD &&
           has_entitled(entry, op);
}

uint32_t tally_cdb_operator_count(const struct tally_cdb_index *index)
{
    return index->operator_count;
}

const struct tally_cdb_operator *tally_cdb_operator_at(const struct tally_cdb_index *index,
                                                       uint32_t op)
{
    TALLY_ASSERT(op < index->operator_count);
    return &index->operators[op];
}

uint32_t tally_cdb_operator_find(const struct tally_cdb_index *index, const char *id)
{
    uint32_t low = 0;
    uint32_t high = index->operator_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(index->operators[middle].id, id);

        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return TALLY_CDB_NOBODY;
}

uint32_t tally_cdb_range_count(const struct tally_cdb_index *index)
{
    return index->entry_count;
}

const struct tally_cdb_entry *tally_cdb_entry_at(const struct tally_cdb_index *index, uint32_t at)
{
    TALLY_ASSERT(at < index->entry_count);
    return &index->entries[at];
}

uint64_t tally_cdb_log_size(const struct tally_cdb_index *index)
{
    return index->log_size;
}

struct tally_wall tally_cdb_stamped(const struct tally_cdb_index *index)
{
    return index->stamped;
}

uint8_t tally_cdb_wire_minor_min(const struct tally_cdb_index *index)
{
    return index->wire_minor_min;
}

const uint8_t *tally_cdb_network_id(const struct tally_cdb_index *index)
{
    return index->network_id;
}
