/* SPDX-License-Identifier: Apache-2.0 */
/*
 * samples.h - valid records, to be changed by tests one thing at a time, and random valid records.
 */
#pragma once

#include "unit/chance.h"
#include "wire/feed.h"
#include "wire/record.h"

#include <stddef.h>
#include <stdint.h>

enum test_sample {
    SAMPLE_ANNOUNCE,
    SAMPLE_ANNOUNCE_ONWARD,
    SAMPLE_ANNOUNCE_DIVERTED, /* the longer form */
    SAMPLE_QUERY,
    SAMPLE_QUERY_DIVERTED, /* the longer form */
    SAMPLE_ANSWER_FOUND,
    SAMPLE_ANSWER_NONE,
    SAMPLE_REPORT_ARRIVED,
    SAMPLE_REPORT_ANSWERED,
    SAMPLE_REPORT_RELEASED,
    SAMPLE_REPORT_REJECTED,
    SAMPLE_PROBE_REQUEST,
    SAMPLE_PROBE_REPLY,
    SAMPLE_COUNT
};

/* The record is zeroed before it is filled in, padding and all. */
void test_sample(enum test_sample which, struct tally_record *record);

/* Any valid record of a type, with the ends of the ranges more often than chance alone would. */
void test_random_record(struct test_chance *chance, enum tally_record_type type,
                        struct tally_record *record);

/* The same for feeds; the types are the samples. */
void test_feed_sample(enum tally_feed_type type, struct tally_feed_record *record);
void test_random_feed_record(struct test_chance *chance, enum tally_feed_type type,
                             struct tally_feed_record *record);

enum { TEST_FEED_TYPES = 10 };
extern const enum tally_feed_type test_feed_types[TEST_FEED_TYPES];

/* Copies `size` bytes to memory of its own, so that AddressSanitizer sees a read beyond. */
uint8_t *test_exact_copy(const void *bytes, size_t size);
