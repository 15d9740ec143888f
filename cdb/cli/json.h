/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - what the showing verbs share.
 *
 * Touches: jansson. Threads: one. Memory: new JSON values are owned by the caller.
 */
#pragma once

#include "cdb/core/index.h"

#include <jansson.h>

/* One line on stdout; takes the value. */
void tally_cli_print_json(json_t *value);

json_t *tally_cli_range_as_json(const struct tally_cdb_index *index,
                                const struct tally_cdb_entry *entry, const char *standing);
void tally_cli_print_range(const struct tally_cdb_index *index, const struct tally_cdb_entry *entry,
                           const char *standing);
