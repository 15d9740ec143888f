/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tick is written in base 256, one digit per level. A timer stands at the highest level whose
 * digit differs between its due tick and now, in the place of its due digit. So every digit above
 * is the same, and its place comes up when now's digit reaches it with all digits below at zero;
 * then it moves down, or is due. At any tick at most one place comes up, hence places can be
 * visited in order with a bitmap, without stepping through the ticks between. The top level wraps
 * around, which the limit of 2^31 ticks keeps unambiguous.
 */
#include "base/wheel.h"

#include "base/assert.h"

#include <string.h>

enum {
    DIGIT_BITS = 8,
    PLACE_DUE = TALLY_WHEEL_LEVELS * TALLY_WHEEL_PLACES, /* of nodes in the due list */
    WORDS = TALLY_WHEEL_PLACES / 64,
    MOVES_MAX = TALLY_WHEEL_PLACES, /* per call of expire_one */
};
#define TICKS_AHEAD_MAX (UINT64_C(1) << 31)
#define NOWHERE UINT64_MAX

TALLY_STATIC_ASSERT(TALLY_WHEEL_PLACES == 1 << DIGIT_BITS, "a place is a digit of the tick");

void tally_wheel_init(struct tally_wheel *wheel, struct tally_mono now,
                      struct tally_wheel_node *nodes, uint32_t node_count)
{
    TALLY_ASSERT(node_count < TALLY_WHEEL_NOBODY);
    memset(wheel, 0, sizeof(*wheel));
    wheel->nodes = nodes;
    wheel->node_count = node_count;
    wheel->start = now;
    wheel->due_head = TALLY_WHEEL_NOBODY;
    wheel->due_tail = TALLY_WHEEL_NOBODY;
    wheel->open_place = TALLY_WHEEL_NOBODY;
    for (uint32_t i = 0; i < TALLY_WHEEL_LEVELS * TALLY_WHEEL_PLACES; i++) {
        wheel->heads[i] = TALLY_WHEEL_NOBODY;
    }
    for (uint32_t i = 0; i < node_count; i++) {
        nodes[i].place = TALLY_WHEEL_NOBODY;
    }
}

/* Microseconds since the start; an instant before it counts as the start. */
static uint64_t since_start_us(const struct tally_wheel *wheel, struct tally_mono at)
{
    return at.us <= wheel->start.us ? 0 : (uint64_t)at.us - (uint64_t)wheel->start.us;
}

static uint64_t tick_reached(const struct tally_wheel *wheel, struct tally_mono now)
{
    return since_start_us(wheel, now) / TALLY_WHEEL_TICK_US;
}

/* Rounded up: a timer never fires early. */
static uint64_t tick_due(const struct tally_wheel *wheel, struct tally_mono due)
{
    uint64_t since_us = since_start_us(wheel, due);

    return since_us / TALLY_WHEEL_TICK_US + (since_us % TALLY_WHEEL_TICK_US != 0);
}

static struct tally_mono mono_of(const struct tally_wheel *wheel, uint64_t tick)
{
    return tally_mono_after(wheel->start, (int64_t)(tick * TALLY_WHEEL_TICK_US));
}

static uint32_t digit_of(uint64_t tick, unsigned level)
{
    return (uint32_t)(tick >> (DIGIT_BITS * level)) % TALLY_WHEEL_PLACES;
}

static void mark_occupied(struct tally_wheel *wheel, uint32_t place)
{
    wheel->occupied[place / 64] |= UINT64_C(1) << place % 64;
}

static void mark_empty(struct tally_wheel *wheel, uint32_t place)
{
    wheel->occupied[place / 64] &= ~(UINT64_C(1) << place % 64);
}

static void unlink_node(struct tally_wheel *wheel, uint32_t entry)
{
    struct tally_wheel_node *node = &wheel->nodes[entry];

    if (node->next != TALLY_WHEEL_NOBODY) {
        wheel->nodes[node->next].prev = node->prev;
    } else if (node->place == PLACE_DUE) {
        wheel->due_tail = node->prev;
    }
    if (node->prev != TALLY_WHEEL_NOBODY) {
        wheel->nodes[node->prev].next = node->next;
    } else if (node->place == PLACE_DUE) {
        wheel->due_head = node->next;
    } else {
        wheel->heads[node->place] = node->next;
        if (node->next == TALLY_WHEEL_NOBODY) {
            mark_empty(wheel, node->place);
        }
    }
    node->place = TALLY_WHEEL_NOBODY;
    wheel->set_count--;
}

static void link_due(struct tally_wheel *wheel, uint32_t entry)
{
    struct tally_wheel_node *node = &wheel->nodes[entry];

    node->place = PLACE_DUE;
    node->next = TALLY_WHEEL_NOBODY;
    node->prev = wheel->due_tail;
    if (wheel->due_tail != TALLY_WHEEL_NOBODY) {
        wheel->nodes[wheel->due_tail].next = entry;
    } else {
        wheel->due_head = entry;
    }
    wheel->due_tail = entry;
}

static void link_place(struct tally_wheel *wheel, uint32_t entry, uint32_t place)
{
    struct tally_wheel_node *node = &wheel->nodes[entry];

    node->place = place;
    node->prev = TALLY_WHEEL_NOBODY;
    node->next = wheel->heads[place];
    if (node->next != TALLY_WHEEL_NOBODY) {
        wheel->nodes[node->next].prev = entry;
    }
    wheel->heads[place] = entry;
    mark_occupied(wheel, place);
}

/* Links an unlinked entry to where its due_tick belongs, which is now or later. */
static void link_node(struct tally_wheel *wheel, uint32_t entry)
{
    uint32_t due_tick = wheel->nodes[entry].due_tick;
    uint32_t apart = due_tick ^ (uint32_t)wheel->now_tick;
    unsigned level = 0;

    wheel->set_count++;
    if (apart == 0) {
        link_due(wheel, entry);
        return;
    }
    while (level + 1 < TALLY_WHEEL_LEVELS && apart >> DIGIT_BITS * (level + 1) != 0) {
        level++;
    }
    link_place(wheel, entry, level * TALLY_WHEEL_PLACES + digit_of(due_tick, level));
}

void tally_wheel_set(struct tally_wheel *wheel, uint32_t entry, struct tally_mono due)
{
    uint64_t tick;

    tally_wheel_cancel(wheel, entry);
    if (due.us == TALLY_MONO_NEVER_US) {
        return;
    }
    tick = tick_due(wheel, due);
    if (tick < wheel->now_tick) {
        tick = wheel->now_tick;
    }
    if (tick - wheel->now_tick > TICKS_AHEAD_MAX) {
        tick = wheel->now_tick + TICKS_AHEAD_MAX;
    }
    wheel->nodes[entry].due_tick = (uint32_t)tick;
    link_node(wheel, entry);
}

void tally_wheel_cancel(struct tally_wheel *wheel, uint32_t entry)
{
    if (tally_wheel_is_set(wheel, entry)) {
        unlink_node(wheel, entry);
    }
}

bool tally_wheel_is_set(const struct tally_wheel *wheel, uint32_t entry)
{
    TALLY_ASSERT(entry < wheel->node_count);
    return wheel->nodes[entry].place != TALLY_WHEEL_NOBODY;
}

/* The first occupied place of a level at or after `from`; TALLY_WHEEL_PLACES if there is none. */
static uint32_t find_occupied(const struct tally_wheel *wheel, unsigned level, uint32_t from)
{
    const uint64_t *words = &wheel->occupied[(size_t)level * WORDS];

    for (uint32_t i = from / 64; i < WORDS; i++) {
        uint64_t word = words[i];

        if (i == from / 64) {
            word &= UINT64_MAX << from % 64;
        }
        if (word != 0) {
            return i * 64 + (uint32_t)__builtin_ctzll(word);
        }
    }
    return TALLY_WHEEL_PLACES;
}

/* The tick at which the next place comes up, and which; NOWHERE if all are empty. */
static uint64_t next_tick(const struct tally_wheel *wheel, uint32_t *place)
{
    for (unsigned level = 0; level < TALLY_WHEEL_LEVELS; level++) {
        unsigned shift = DIGIT_BITS * level;
        uint64_t round = wheel->now_tick >> shift >> DIGIT_BITS; /* the digits above */
        uint32_t from = digit_of(wheel->now_tick, level) + 1;
        uint32_t index = find_occupied(wheel, level, from);

        if (index == TALLY_WHEEL_PLACES && level + 1 == TALLY_WHEEL_LEVELS) {
            index = find_occupied(wheel, level, 0);
            round++;
        }
        if (index < TALLY_WHEEL_PLACES) {
            *place = level * TALLY_WHEEL_PLACES + index;
            return (round << DIGIT_BITS | index) << shift;
        }
    }
    return NOWHERE;
}

/* Moves entries of the open place to where they belong now; closes it when it is empty. */
static void empty_open_place(struct tally_wheel *wheel, uint32_t *moves_left)
{
    while (wheel->heads[wheel->open_place] != TALLY_WHEEL_NOBODY) {
        uint32_t entry = wheel->heads[wheel->open_place];

        if (*moves_left == 0) {
            return;
        }
        (*moves_left)--;
        unlink_node(wheel, entry);
        link_node(wheel, entry);
    }
    wheel->open_place = TALLY_WHEEL_NOBODY;
}

uint32_t tally_wheel_expire_one(struct tally_wheel *wheel, struct tally_mono now, bool *has_more)
{
    uint64_t target = tick_reached(wheel, now);
    uint32_t moves_left = MOVES_MAX;
    uint32_t entry;

    while (wheel->due_head == TALLY_WHEEL_NOBODY) {
        if (wheel->open_place == TALLY_WHEEL_NOBODY) {
            uint32_t place = 0;
            uint64_t tick = next_tick(wheel, &place);

            if (tick > target) { /* NOWHERE is, too */
                if (target > wheel->now_tick) {
                    wheel->now_tick = target;
                }
                *has_more = false;
                return TALLY_WHEEL_NOBODY;
            }
            wheel->now_tick = tick;
            wheel->open_place = place;
        }
        empty_open_place(wheel, &moves_left);
        if (moves_left == 0 && wheel->due_head == TALLY_WHEEL_NOBODY) {
            *has_more = true;
            return TALLY_WHEEL_NOBODY;
        }
    }
    entry = wheel->due_head;
    unlink_node(wheel, entry);
    *has_more = true;
    return entry;
}

struct tally_mono tally_wheel_next_due(const struct tally_wheel *wheel)
{
    uint32_t place;
    uint64_t tick;

    if (wheel->set_count == 0) {
        return (struct tally_mono){TALLY_MONO_NEVER_US};
    }
    if (wheel->due_head != TALLY_WHEEL_NOBODY || wheel->open_place != TALLY_WHEEL_NOBODY) {
        return mono_of(wheel, wheel->now_tick);
    }
    tick = next_tick(wheel, &place);
    TALLY_ASSERT(tick != NOWHERE);
    return mono_of(wheel, tick);
}
