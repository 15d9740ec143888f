/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement_body.h - the bodies of the types of statement, behind their headers.
 *
 * Of cdb/core's own use: statement.h is the face. A reader begins at the body's first line and
 * leaves the lines behind it; what it refuses is kept in the lines.
 *
 * Pure. Threads: safe. Memory: the caller's.
 */
#pragma once

#include "cdb/core/lines.h"
#include "cdb/core/statement.h"

void tally_root_read(struct tally_lines *lines, struct tally_root_statement *root);
void tally_root_write(struct tally_writer *writer, const struct tally_root_statement *root);

void tally_authority_read(struct tally_lines *lines, struct tally_authority_statement *authority);
void tally_authority_write(struct tally_writer *writer,
                           const struct tally_authority_statement *authority);

void tally_range_read(struct tally_lines *lines, struct tally_range_statement *range);
void tally_range_write(struct tally_writer *writer, const struct tally_range_statement *range);

void tally_numbering_read(struct tally_lines *lines, struct tally_numbering_statement *numbering);
void tally_numbering_write(struct tally_writer *writer,
                           const struct tally_numbering_statement *numbering);

void tally_operator_read(struct tally_lines *lines, struct tally_operator_statement *op);
void tally_operator_write(struct tally_writer *writer, const struct tally_operator_statement *op);

void tally_stamp_read(struct tally_lines *lines, struct tally_stamp_statement *stamp);
void tally_stamp_write(struct tally_writer *writer, const struct tally_stamp_statement *stamp);
