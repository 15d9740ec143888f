/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_samples.h - a state directory under build/, and entries with every field set, for the tests
 * of the store and of the control socket.
 */
#pragma once

#include "store/evidence.h"

#define SAMPLE_MAP_BYTES (UINT64_C(16) << 20)

/* A fresh directory under build/ (under the working directory); its path stays until the next call.
 */
const char *sample_directory(void);

/* Removes it with what the store put into it. */
void sample_directory_remove(const char *directory);

/* Opens, or fails the test with the fault's words. */
struct tally_store *sample_store(const char *directory, uint64_t map_bytes);

/* An entry in which no field is zero, decided at at_us; the id enters its fields. */
struct tally_evidence_entry sample_entry(uint64_t id, int64_t at_us);

/* Fails unless both are the same, field by field, slots aside. */
void assert_same_entry(const struct tally_evidence_entry *found,
                       const struct tally_evidence_entry *expected);
