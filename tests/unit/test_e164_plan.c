/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the country codes that tally_e164_is_plausible knows are those that the world uses.
 * Method: two published lists, read in place: the ITU's (an older edition) and the one that
 * libphonenumber numbers are checked with. Each code they assign must be assigned here, but for
 * those named below; no code here may be unknown to both, but for those named below.
 */
#include "tally/e164.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITU_FILE "../shared/data/numbering/itu_country-codes-numerical.txt"
#define METADATA_FILE "../shared/data/numbering/PhoneNumberMetadata.xml"

enum { CODES = 1000, NOT_THERE = 77 };

static bool itu_assigns[CODES];
static bool metadata_assigns[CODES];

/* Withdrawn since that edition: Inmarsat's ocean regions, at the end of 2008. */
static const unsigned withdrawn[] = {871, 872, 873, 874};

/* Reserved in that edition, and in use or assigned since. */
static const unsigned assigned_since[] = {886, 888, 970};

static bool is_among(const unsigned *codes, size_t count, unsigned code)
{
    for (size_t i = 0; i < count; i++) {
        if (codes[i] == code) {
            return true;
        }
    }
    return false;
}

/* Lines as "44 United Kingdom ..." or "210 Spare code". */
static bool read_itu(void)
{
    char line[512];
    FILE *file = fopen(ITU_FILE, "r");

    if (file == NULL) {
        return false;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        char *rest;
        unsigned long code = strtoul(line, &rest, 10);

        if (rest != line && code > 0 && code < CODES && strstr(rest, "Spare") == NULL &&
            strstr(rest, "Reserved") == NULL) {
            itu_assigns[code] = true;
        }
    }
    (void)fclose(file);
    return true;
}

static bool read_metadata(void)
{
    static const char attribute[] = "countryCode=\"";
    char line[4096];
    FILE *file = fopen(METADATA_FILE, "r");

    if (file == NULL) {
        return false;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        const char *at = strstr(line, attribute);
        unsigned long code = at == NULL ? 0 : strtoul(at + strlen(attribute), NULL, 10);

        if (code > 0 && code < CODES) {
            metadata_assigns[code] = true;
        }
    }
    (void)fclose(file);
    return true;
}

static unsigned digits_of(unsigned code)
{
    return code < 10 ? 1 : code < 100 ? 2 : 3;
}

static void test_every_assigned_code_is_known(void **state)
{
    unsigned itu_count = 0;
    unsigned metadata_count = 0;

    (void)state;
    for (unsigned code = 1; code < CODES; code++) {
        bool is_withdrawn = is_among(withdrawn, sizeof(withdrawn) / sizeof(withdrawn[0]), code);
        unsigned want = is_withdrawn ? 0 : digits_of(code);

        itu_count += itu_assigns[code];
        metadata_count += metadata_assigns[code];
        if (!itu_assigns[code] && !metadata_assigns[code]) {
            continue;
        }
        if (tally_e164_country_digit_count(code) != want) {
            fail_msg("country code %u: %u digits, not %u", code,
                     tally_e164_country_digit_count(code), want);
        }
    }
    /* The lists were read at all: the world has more than 200 codes. */
    assert_in_range(itu_count, 200, 300);
    assert_in_range(metadata_count, 200, 300);
}

static void test_no_other_code_is_assigned(void **state)
{
    (void)state;
    for (unsigned code = 1; code < CODES; code++) {
        if (tally_e164_country_digit_count(code) != digits_of(code)) {
            continue; /* unassigned, or the code is a part of these digits */
        }
        if (!itu_assigns[code] && !metadata_assigns[code] &&
            !is_among(assigned_since, sizeof(assigned_since) / sizeof(assigned_since[0]), code)) {
            fail_msg("country code %u is on neither list", code);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_assigned_code_is_known),
        cmocka_unit_test(test_no_other_code_is_assigned),
    };

    if (!read_itu() || !read_metadata()) {
        (void)printf("SKIP: the lists of country codes are not there: %s, %s\n", ITU_FILE,
                     METADATA_FILE);
        return NOT_THERE;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
