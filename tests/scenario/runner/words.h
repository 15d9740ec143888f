/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h - the words of a scenario and the values they stand for.
 */
#pragma once

struct word {
    const char *text; /* NULL ends a list */
    int value;
};

int word_find(const struct word *words, const char *text);  /* -1: none */
const char *word_name(const struct word *words, int value); /* "?": none */
