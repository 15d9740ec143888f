/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no text upsets the reading of statements; a text that is taken is the one encoding of what
 * it says; a set with it is evaluated to facts that the index takes.
 * Method: decode, encode, compare; then evaluate the text as a database of one statement that
 * everybody has signed.
 */
#include "cdb/core/evaluate.h"
#include "cdb/core/index.h"
#include "cdb/core/statement.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static enum tally_cdb_signed everybody(void *context, uint32_t candidate, const char *name,
                                       const uint8_t key[TALLY_CDB_KEY_BYTES])
{
    (void)context;
    (void)candidate;
    (void)name;
    (void)key;
    return TALLY_CDB_SIGNED_WELL;
}

/* Texts that follow one another, each ended by an empty line, as one database. */
enum { CANDIDATES_MAX = 16 };

static uint32_t cut(const char *text, size_t size, struct tally_cdb_candidate *candidates)
{
    uint32_t count = 0;
    size_t start = 0;

    for (size_t at = 1; at <= size && count < CANDIDATES_MAX; at++) {
        if (at == size || (text[at] == '\n' && text[at - 1] == '\n')) {
            candidates[count] =
                (struct tally_cdb_candidate){.text = text + start, .text_count = at - start};
            candidates[count].text_hash[0] = (uint8_t)count;
            count++;
            start = at + 1;
        }
    }
    return count;
}

static void evaluate(const char *text, size_t size)
{
    struct tally_cdb_candidate candidates[CANDIDATES_MAX];
    static const uint8_t set_hash[32];
    struct tally_cdb_question question = {
        .candidates = candidates,
        .candidate_count = cut(text, size, candidates),
        .stamp = &candidates[0],
        .set_hash = set_hash,
        .now = {INT64_C(1795651200) * TALLY_US_PER_S}, /* 2026-11-26 */
        .is_signed = everybody,
    };
    struct tally_cdb_evaluation evaluation;
    const struct tally_cdb_index *index = NULL;
    size_t bytes = tally_cdb_evaluate_bytes(&question);
    void *memory = malloc(bytes);
    size_t index_bytes;
    void *index_memory;

    if (memory == NULL || question.candidate_count == 0) {
        free(memory);
        return;
    }
    tally_cdb_evaluate(&question, memory, bytes, &evaluation);
    index_bytes = tally_cdb_index_bytes(&evaluation.facts);
    index_memory = malloc(index_bytes);
    if (index_memory != NULL && tally_cdb_index_build(&evaluation.facts, index_memory, index_bytes,
                                                      &index) != TALLY_ERR_OK) {
        abort();
    }
    free(index_memory);
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct tally_statement statement;
    static char again[TALLY_NOTE_BYTES_MAX];
    struct tally_statement_fault fault;
    size_t again_count = 0;

    if (size > TALLY_NOTE_BYTES_MAX || size == 0) {
        return 0;
    }
    if (tally_statement_decode((const char *)bytes, size, &statement, &fault)) {
        if (fault.refusal != TALLY_REFUSAL_NONE ||
            tally_statement_encode(&statement, again, sizeof(again), &again_count) !=
                TALLY_ERR_OK ||
            again_count != size || memcmp(again, bytes, size) != 0) {
            abort();
        }
    } else if (fault.refusal == TALLY_REFUSAL_NONE) {
        abort();
    }
    evaluate((const char *)bytes, size);
    return 0;
}
