/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assert.h - for bugs, and only for bugs.
 *
 * On in every build. A reachable assertion is a remote off switch, so nothing that depends on a
 * peer's or a switch's bytes is asserted: registry/wire turns bytes into checked structs, and only
 * past it may code assert.
 *
 * Threads: safe. Memory: none.
 */
#pragma once

#define TALLY_ASSERT(condition)                                                                    \
    ((condition) ? (void)0 : tally_assert_failed(#condition, __FILE__, __LINE__))

#define TALLY_STATIC_ASSERT(condition, sentence) _Static_assert(condition, sentence)

/* Prints the condition and where it stands to stderr and aborts. */
_Noreturn void tally_assert_failed(const char *condition, const char *file, int line);
