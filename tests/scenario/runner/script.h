/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script.h - reads and plays one scenario file; tests/scenario/README.md explains the language.
 */
#pragma once

#include "world.h"

#include <stdio.h>

/*
 * Plays a file.
 *
 * name    how to call it in messages
 * Returns how many expectations failed, each told on stderr with file:line; a line that cannot be
 * read counts as one and ends the play. *expectation_count says how many were checked.
 */
unsigned script_play(FILE *file, const char *name, unsigned *expectation_count);
