/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally-scenario FILE... - plays scenarios and says which held.
 */
#include "script.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>

int word_find(const struct word *words, const char *text)
{
    for (; words->text != NULL; words++) {
        if (strcmp(words->text, text) == 0) {
            return words->value;
        }
    }
    return -1;
}

const char *word_name(const struct word *words, int value)
{
    for (; words->text != NULL; words++) {
        if (words->value == value) {
            return words->text;
        }
    }
    return "?";
}

static bool play(const char *path)
{
    FILE *file = fopen(path, "r");
    unsigned expectation_count = 0;
    unsigned fail_count = 1;

    if (file == NULL) {
        fprintf(stderr, "%s: cannot be opened\n", path);
        return false;
    }
    fail_count = script_play(file, path, &expectation_count);
    fclose(file);
    printf("%s %s (%u expectations)\n", fail_count == 0 ? "ok  " : "FAIL", path, expectation_count);
    return fail_count == 0;
}

int main(int argc, char **argv)
{
    unsigned passed_count = 0;
    unsigned failed_count = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: tally-scenario FILE...\n");
        return 2;
    }
    for (int at = 1; at < argc; at++) {
        if (play(argv[at])) {
            passed_count++;
        } else {
            failed_count++;
        }
    }
    printf("%u passed, %u failed\n", passed_count, failed_count);
    return failed_count == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
