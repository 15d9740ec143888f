/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print.h - the daemon's answers for people. Private to registry/ctl.
 *
 * Touches: jansson, a stream. Threads: one owner. Memory: none is kept.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* Colours when the stream is a terminal and NO_COLOR is not set (https://no-color.org). */
enum tally_print_style { TALLY_PRINT_PLAIN, TALLY_PRINT_COLOURED };
enum tally_print_style tally_print_style_of(FILE *out);

void tally_print_status(FILE *out, enum tally_print_style style, const json_t *root);
void tally_print_peers_head(FILE *out);
void tally_print_peer(FILE *out, enum tally_print_style style, const json_t *root);
void tally_print_call_head(FILE *out);
void tally_print_call(FILE *out, enum tally_print_style style, const json_t *root);
void tally_print_explanation(FILE *out, enum tally_print_style style, const json_t *root);
