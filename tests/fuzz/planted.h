/* SPDX-License-Identifier: Apache-2.0 */
/*
 * planted.h - a decoder with a planted fault (planted.c says why).
 *
 * Threads: safe. Memory: frees what it takes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Sums up a record of four bytes behind five of magic; -1 when the bytes are none. */
int tally_planted_decode(const uint8_t *bytes, size_t size);
